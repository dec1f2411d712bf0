#include "kernels/embedding.h"

namespace torchlayers {

void check_pooled_lookup(const char* op, const at::Tensor& weight, const at::Tensor& indices,
                         const std::optional<at::Tensor>& seed, double rate) {
  TORCH_CHECK_TYPE(weight.scalar_type() == at::kFloat || weight.scalar_type() == at::kDouble ||
                       weight.scalar_type() == at::kHalf || weight.scalar_type() == at::kBFloat16,
                   "torchlayers::", op, ": expected a table of dtype float16, bfloat16, float32 or float64, got ",
                   weight.scalar_type(), "\n  Cast it.");
  TORCH_CHECK_VALUE(weight.dim() == 2, "torchlayers::", op, ": expected a table of shape [rows, dim], got ",
                    weight.sizes(), "\n  Give one row per index.");
  TORCH_CHECK_TYPE(indices.scalar_type() == at::kInt || indices.scalar_type() == at::kLong, "torchlayers::", op,
                   ": expected indices of dtype int32 or int64, got ", indices.scalar_type(), "\n  Cast them.");
  TORCH_CHECK_VALUE(indices.dim() == 2, "torchlayers::", op, ": expected indices of shape [batch, steps], got ",
                    indices.sizes(), "\n  Pooling is over the second axis.");
  TORCH_CHECK_VALUE(rate >= 0 && rate <= 1, "torchlayers::", op, ": expected a rate in [0, 1], got ", rate,
                    "\n  Give the fraction of the elements to drop.");
  TORCH_CHECK_VALUE(seed.has_value() || rate == 0, "torchlayers::", op, ": expected a seed with a rate of ", rate,
                    ", got none\n  Give [key, offset] as an int64 tensor.");
  if (seed.has_value()) check_seed(op, *seed);
}

at::Tensor checked_indices(const char* op, const at::Tensor& indices, int64_t rows) {
  at::Tensor dense = indices.to(at::kLong).contiguous();
  const int64_t* data = dense.const_data_ptr<int64_t>();
  const auto bad =
      std::find_if(data, data + dense.numel(), [rows](int64_t index) { return index < 0 || index >= rows; });
  TORCH_CHECK_INDEX(bad == data + dense.numel(), "torchlayers::", op,
                    ": index out of range: expected indices from 0 to ", rows - 1, ", got ", *bad,
                    "\n  The table needs as many rows as the largest index and one more.");
  return dense;
}

LookupDropout::LookupDropout(const std::optional<at::Tensor>& seed, double rate) : used(seed.has_value() && rate > 0) {
  if (!used) return;
  stream = read_seed(*seed);
  threshold = keep_threshold(rate);
  scale = keep_scale(rate);
}

}  // namespace torchlayers
