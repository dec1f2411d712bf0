// ema_: average = momentum average + (1 - momentum) w.
#include <ATen/Dispatch.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/scalar_tensor.h>
#include <torch/library.h>

#include "kernels/cpu_dispatch.h"
#include "kernels/foreach_fallback.h"
#include "kernels/inplace.h"
#include "kernels/weight_list.h"

namespace torchlayers {
namespace {

void check_ema(at::TensorList averages, at::TensorList params, const std::optional<at::Tensor>& iterations) {
  check_weights("ema_", averages, params, "params entry");
  check_slots("ema_", "averages", params, averages, true);
  if (iterations.has_value()) check_counter("ema_", "iterations", *iterations);
}

template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void average_run(T* TORCHLAYERS_RESTRICT average, const T* TORCHLAYERS_RESTRICT w,
                                          int64_t count, C momentum, C rest) {
  for (int64_t i = 0; i < count; ++i) {
    average[i] = static_cast<T>(momentum * static_cast<C>(average[i]) + rest * static_cast<C>(w[i]));
  }
}

// In the first step (iterations 0) the averages become the weights.
void ema_cpu(at::TensorList averages, at::TensorList params, double momentum,
             const std::optional<at::Tensor>& iterations) {
  check_ema(averages, params, iterations);
  const double factor = iterations.has_value() && iterations->item().toDouble() == 0 ? 0 : momentum;
  const std::vector<at::Tensor> dense = dense_grads(averages, params);
  const std::vector<void*> a = addresses(averages, averages.size());
  const std::vector<const void*> w = const_addresses(dense);
  for_each_run(averages, [&](size_t i, int64_t begin, int64_t end) {
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, averages[i].scalar_type(), "ema_", [&] {
      using C = Compute<scalar_t>;
      average_run<scalar_t, C>(element<scalar_t>(a[i], begin), element<scalar_t>(w[i], begin), end - begin,
                               static_cast<C>(factor), static_cast<C>(1 - factor));
    });
  });
}

void ema_meta(at::TensorList averages, at::TensorList params, double /*momentum*/,
              const std::optional<at::Tensor>& iterations) {
  check_ema(averages, params, iterations);
}

}  // namespace

void ema_foreach(at::TensorList averages, at::TensorList params, double momentum,
                 const std::optional<at::Tensor>& iterations) {
  check_ema(averages, params, iterations);
  if (params.empty()) return;
  const at::ScalarType dtype = params[0].scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor factor = at::scalar_tensor(momentum, params[0].options().dtype(dtype));
  if (iterations.has_value()) factor = factor.mul(on_device_of(params, *iterations).ne(0));
  at::_foreach_mul_(averages, factor);
  at::_foreach_add_(averages, at::_foreach_mul(dense_grads(averages, params), at::rsub(factor, 1)));
}

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { m.impl("ema_", ema_cpu); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { m.impl("ema_", ema_meta); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { m.impl("ema_", ema_foreach); }
TORCH_LIBRARY_IMPL(torchlayers, ADInplaceOrView, m) { m.impl("ema_", bump_written_arguments()); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) { m.impl("ema_", refuse_gradient()); }

}  // namespace torchlayers
