// sgd_: w -= lr g, or with momentum  v = momentum v - lr g,  w += v  (Nesterov: w += momentum v - lr g).
#include <ATen/Dispatch.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sub.h>
#include <torch/library.h>

#include "kernels/cpu_dispatch.h"
#include "kernels/foreach_fallback.h"
#include "kernels/inplace.h"
#include "kernels/weight_list.h"

namespace torchlayers {
namespace {

void check_sgd(at::TensorList params, at::TensorList grads, at::TensorList velocities, const at::Tensor& lr,
               double momentum) {
  check_weights("sgd_", params, grads);
  check_slots("sgd_", "velocities", params, velocities, momentum != 0);
  check_number("sgd_", "lr", lr);
}

template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void descend(T* TORCHLAYERS_RESTRICT w, const T* TORCHLAYERS_RESTRICT g, int64_t count, C lr) {
  for (int64_t i = 0; i < count; ++i) w[i] = static_cast<T>(static_cast<C>(w[i]) - static_cast<C>(g[i]) * lr);
}

template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void descend_with_momentum(T* TORCHLAYERS_RESTRICT w, const T* TORCHLAYERS_RESTRICT g,
                                                    T* TORCHLAYERS_RESTRICT v, int64_t count, C lr, C momentum,
                                                    bool nesterov) {
  for (int64_t i = 0; i < count; ++i) {
    const C step = static_cast<C>(g[i]) * lr;
    const C velocity = static_cast<C>(v[i]) * momentum - step;
    v[i] = static_cast<T>(velocity);
    w[i] = static_cast<T>(static_cast<C>(w[i]) + (nesterov ? velocity * momentum - step : velocity));
  }
}

void sgd_cpu(at::TensorList params, at::TensorList grads, at::TensorList velocities, const at::Tensor& lr,
             double momentum, bool nesterov) {
  check_sgd(params, grads, velocities, lr, momentum);
  const std::vector<at::Tensor> dense = dense_grads(params, grads);
  const std::vector<void*> w = addresses(params, params.size());
  const std::vector<const void*> g = const_addresses(dense);
  const std::vector<void*> v = addresses(velocities, params.size());
  const double rate = lr.item().toDouble();
  for_each_run(params, [&](size_t i, int64_t begin, int64_t end) {
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, params[i].scalar_type(), "sgd_", [&] {
      using C = Compute<scalar_t>;
      scalar_t* weight = element<scalar_t>(w[i], begin);
      const scalar_t* grad = element<scalar_t>(g[i], begin);
      if (momentum == 0) {
        descend<scalar_t, C>(weight, grad, end - begin, static_cast<C>(rate));
      } else {
        descend_with_momentum<scalar_t, C>(weight, grad, element<scalar_t>(v[i], begin), end - begin,
                                           static_cast<C>(rate), static_cast<C>(momentum), nesterov);
      }
    });
  });
}

void sgd_meta(at::TensorList params, at::TensorList grads, at::TensorList velocities, const at::Tensor& lr,
              double momentum, bool /*nesterov*/) {
  check_sgd(params, grads, velocities, lr, momentum);
}

}  // namespace

void sgd_foreach(at::TensorList params, at::TensorList grads, at::TensorList velocities, const at::Tensor& lr,
                 double momentum, bool nesterov) {
  check_sgd(params, grads, velocities, lr, momentum);
  if (params.empty()) return;
  const std::vector<at::Tensor> steps = at::_foreach_mul(dense_grads(params, grads), on_device_of(params, lr));
  if (momentum == 0) {
    at::_foreach_sub_(params, steps);
    return;
  }
  at::_foreach_mul_(velocities, momentum);
  at::_foreach_sub_(velocities, steps);
  if (nesterov) {
    at::_foreach_add_(params, velocities, momentum);
    at::_foreach_sub_(params, steps);
  } else {
    at::_foreach_add_(params, velocities);
  }
}

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { m.impl("sgd_", sgd_cpu); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { m.impl("sgd_", sgd_meta); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { m.impl("sgd_", sgd_foreach); }
TORCH_LIBRARY_IMPL(torchlayers, ADInplaceOrView, m) { m.impl("sgd_", bump_written_arguments()); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) { m.impl("sgd_", refuse_gradient()); }

}  // namespace torchlayers
