// global_norm: the Euclidean norm of all gradients together, sqrt(sum of squares), as a 0-dimensional tensor:
// float64 if any gradient is, else float32 (float16 would overflow).
#include <ATen/Dispatch.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/cpu_dispatch.h"
#include "kernels/foreach_fallback.h"
#include "kernels/inplace.h"
#include "kernels/weight_list.h"

namespace torchlayers {
namespace {

// Elements summed by themselves: fixed, so that the result does not depend on the number of threads.
constexpr int64_t kSumElements = 4096;

at::ScalarType check_grads(at::TensorList grads) {
  at::ScalarType dtype = at::kFloat;
  for (size_t i = 0; i < grads.size(); ++i) {
    TORCH_CHECK_TYPE(at::isFloatingType(grads[i].scalar_type()),
                     "torchlayers::global_norm: expected gradients of a floating dtype, got gradient ", i, " of dtype ",
                     grads[i].scalar_type(), "\n  Leave it out of the list, or cast it.");
    if (grads[i].scalar_type() == at::kDouble) dtype = at::kDouble;
  }
  return dtype;
}

// Sixteen running sums, or the order of additions would keep the loop from being vectorised.
template <typename T>
TORCHLAYERS_MULTIVERSION double sum_squares(const T* x, int64_t count) {
  constexpr int64_t kSums = 16;
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) {
      const auto value = static_cast<double>(x[i + j]);
      sums[j] += value * value;
    }
  }
  for (; i < count; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

double sum_squares(const at::Tensor& tensor) {
  const int64_t count = tensor.numel();
  std::vector<double> parts(static_cast<size_t>((count + kSumElements - 1) / kSumElements));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, tensor.scalar_type(), "global_norm", [&] {
    const scalar_t* data = tensor.const_data_ptr<scalar_t>();
    at::parallel_for(0, static_cast<int64_t>(parts.size()), kElementsPerTask / kSumElements,
                     [&](int64_t first, int64_t last) {
                       for (int64_t part = first; part < last; ++part) {
                         const int64_t begin = part * kSumElements;
                         parts[static_cast<size_t>(part)] =
                             sum_squares<scalar_t>(data + begin, std::min(kSumElements, count - begin));
                       }
                     });
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

at::Tensor global_norm_cpu(at::TensorList grads) {
  const at::ScalarType dtype = check_grads(grads);
  double total = 0;
  for (const at::Tensor& grad : grads) total += sum_squares(grad.contiguous());
  at::Tensor norm = at::empty({}, at::TensorOptions().dtype(dtype));
  if (dtype == at::kDouble) {
    *norm.mutable_data_ptr<double>() = std::sqrt(total);
  } else {
    *norm.mutable_data_ptr<float>() = static_cast<float>(std::sqrt(total));
  }
  return norm;
}

at::Tensor global_norm_meta(at::TensorList grads) {
  return at::empty({}, at::TensorOptions().dtype(check_grads(grads)).device(at::kMeta));
}

}  // namespace

at::Tensor global_norm_foreach(at::TensorList grads) {
  const at::ScalarType dtype = check_grads(grads);
  if (grads.empty()) return at::zeros({}, at::TensorOptions().dtype(dtype));
  return at::linalg_vector_norm(at::stack(at::_foreach_norm(grads, 2, dtype)));
}

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { m.impl("global_norm", global_norm_cpu); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { m.impl("global_norm", global_norm_meta); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { m.impl("global_norm", global_norm_foreach); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) { m.impl("global_norm", refuse_gradient()); }

}  // namespace torchlayers
