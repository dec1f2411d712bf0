// rmsprop_: v = rho v + (1 - rho) g^2,  step = lr g / sqrt(v + epsilon),  w -= step  (Hinton's lecture 6e).
// Centered: sqrt(v - a^2 + epsilon) with a = rho a + (1 - rho) g. Momentum: s = momentum s + step,  w -= s.
#include <ATen/Dispatch.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_sub.h>
#include <torch/library.h>

#include "kernels/cpu_dispatch.h"
#include "kernels/foreach_fallback.h"
#include "kernels/inplace.h"
#include "kernels/vector_math.h"
#include "kernels/weight_list.h"

namespace torchlayers {
namespace {

void check_rmsprop(at::TensorList params, at::TensorList grads, at::TensorList velocities, at::TensorList momentums,
                   at::TensorList average_grads, const at::Tensor& lr, double momentum, bool centered) {
  check_weights("rmsprop_", params, grads);
  check_slots("rmsprop_", "velocities", params, velocities, true);
  check_slots("rmsprop_", "momentums", params, momentums, momentum > 0);
  check_slots("rmsprop_", "average_grads", params, average_grads, centered);
  check_number("rmsprop_", "lr", lr);
}

template <typename C>
struct RmspropNumbers {
  C lr, rho, one_minus_rho, momentum, epsilon;
};

// A null pointer says that the option is off; the choice is made outside the loop.
template <typename T, typename C, bool Centered, bool WithMomentum>
TORCHLAYERS_INLINE void rmsprop_loop(T* TORCHLAYERS_RESTRICT w, const T* TORCHLAYERS_RESTRICT g,
                                     T* TORCHLAYERS_RESTRICT v, T* TORCHLAYERS_RESTRICT s, T* TORCHLAYERS_RESTRICT a,
                                     int64_t count, const RmspropNumbers<C>& k) {
  for (int64_t i = 0; i < count; ++i) {
    const C grad = static_cast<C>(g[i]);
    const C velocity = k.rho * static_cast<C>(v[i]) + k.one_minus_rho * grad * grad;
    v[i] = static_cast<T>(velocity);
    C denominator = velocity + k.epsilon;
    if constexpr (Centered) {
      const C average = k.rho * static_cast<C>(a[i]) + k.one_minus_rho * grad;
      a[i] = static_cast<T>(average);
      denominator = velocity - average * average + k.epsilon;
    }
    C step = k.lr * grad / square_root(denominator);
    if constexpr (WithMomentum) {
      step += k.momentum * static_cast<C>(s[i]);
      s[i] = static_cast<T>(step);
    }
    w[i] = static_cast<T>(static_cast<C>(w[i]) - step);
  }
}

template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void rmsprop_run(T* w, const T* g, T* v, T* s, T* a, int64_t count, RmspropNumbers<C> k) {
  if (a != nullptr) {
    if (s != nullptr) {
      rmsprop_loop<T, C, true, true>(w, g, v, s, a, count, k);
    } else {
      rmsprop_loop<T, C, true, false>(w, g, v, s, a, count, k);
    }
  } else if (s != nullptr) {
    rmsprop_loop<T, C, false, true>(w, g, v, s, a, count, k);
  } else {
    rmsprop_loop<T, C, false, false>(w, g, v, s, a, count, k);
  }
}

void rmsprop_cpu(at::TensorList params, at::TensorList grads, at::TensorList velocities, at::TensorList momentums,
                 at::TensorList average_grads, const at::Tensor& lr, double rho, double momentum, double epsilon,
                 bool centered) {
  check_rmsprop(params, grads, velocities, momentums, average_grads, lr, momentum, centered);
  const std::vector<at::Tensor> dense = dense_grads(params, grads);
  const std::vector<void*> w = addresses(params, params.size());
  const std::vector<const void*> g = const_addresses(dense);
  const std::vector<void*> v = addresses(velocities, params.size());
  const std::vector<void*> s = addresses(momentums, params.size());
  const std::vector<void*> a = addresses(average_grads, params.size());
  const double rate = lr.item().toDouble();
  for_each_run(params, [&](size_t i, int64_t begin, int64_t end) {
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, params[i].scalar_type(), "rmsprop_", [&] {
      using C = Compute<scalar_t>;
      const RmspropNumbers<C> numbers{static_cast<C>(rate), static_cast<C>(rho), static_cast<C>(1 - rho),
                                      static_cast<C>(momentum), static_cast<C>(epsilon)};
      rmsprop_run<scalar_t, C>(element<scalar_t>(w[i], begin), element<scalar_t>(g[i], begin),
                               element<scalar_t>(v[i], begin), element<scalar_t>(s[i], begin),
                               element<scalar_t>(a[i], begin), end - begin, numbers);
    });
  });
}

void rmsprop_meta(at::TensorList params, at::TensorList grads, at::TensorList velocities, at::TensorList momentums,
                  at::TensorList average_grads, const at::Tensor& lr, double /*rho*/, double momentum,
                  double /*epsilon*/, bool centered) {
  check_rmsprop(params, grads, velocities, momentums, average_grads, lr, momentum, centered);
}

}  // namespace

void rmsprop_foreach(at::TensorList params, at::TensorList grads, at::TensorList velocities, at::TensorList momentums,
                     at::TensorList average_grads, const at::Tensor& lr, double rho, double momentum, double epsilon,
                     bool centered) {
  check_rmsprop(params, grads, velocities, momentums, average_grads, lr, momentum, centered);
  if (params.empty()) return;
  const std::vector<at::Tensor> dense = dense_grads(params, grads);
  at::_foreach_mul_(velocities, rho);
  at::_foreach_add_(velocities, at::_foreach_mul(dense, dense), 1 - rho);
  std::vector<at::Tensor> denominators = at::_foreach_add(velocities, epsilon);
  if (centered) {
    at::_foreach_mul_(average_grads, rho);
    at::_foreach_add_(average_grads, dense, 1 - rho);
    at::_foreach_sub_(denominators, at::_foreach_mul(average_grads, average_grads));
  }
  at::_foreach_sqrt_(denominators);
  std::vector<at::Tensor> steps = at::_foreach_mul(dense, on_device_of(params, lr));
  at::_foreach_div_(steps, denominators);
  if (momentum > 0) {
    at::_foreach_mul_(momentums, momentum);
    at::_foreach_add_(momentums, steps);
    at::_foreach_sub_(params, momentums);
  } else {
    at::_foreach_sub_(params, steps);
  }
}

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { m.impl("rmsprop_", rmsprop_cpu); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { m.impl("rmsprop_", rmsprop_meta); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { m.impl("rmsprop_", rmsprop_foreach); }
TORCH_LIBRARY_IMPL(torchlayers, ADInplaceOrView, m) { m.impl("rmsprop_", bump_written_arguments()); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) { m.impl("rmsprop_", refuse_gradient()); }

}  // namespace torchlayers
