#include "kernels/seed.h"

namespace torchlayers {

void check_seed(const char* op, const at::Tensor& seed) {
  TORCH_CHECK_TYPE(seed.scalar_type() == at::kLong, "torchlayers::", op, ": expected a seed of dtype int64, got ",
                   seed.scalar_type(), "\n  Give [key, offset] as an int64 tensor.");
  TORCH_CHECK_VALUE(seed.dim() == 1 && seed.size(0) == 2, "torchlayers::", op, ": expected a seed of shape [2], got ",
                    seed.sizes(), "\n  Give [key, offset] as an int64 tensor.");
}

PhiloxStream read_seed(const at::Tensor& seed) {
  const at::Tensor values = seed.is_cpu() && seed.is_contiguous() ? seed : seed.cpu().contiguous();
  const int64_t* data = values.const_data_ptr<int64_t>();
  return {static_cast<uint64_t>(data[0]), static_cast<uint64_t>(data[1])};
}

}  // namespace torchlayers
