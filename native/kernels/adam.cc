// adam_ (Kingma and Ba, 2015), with epsilon outside the bias correction, as Keras has it:
//   m += (1 - beta_1) (g - m),  v += (1 - beta_2) (g^2 - v),  t = iterations + 1
//   w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)      (amsgrad: with the largest v so far)
#include <ATen/Dispatch.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_maximum.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rsub.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/cpu_dispatch.h"
#include "kernels/foreach_fallback.h"
#include "kernels/inplace.h"
#include "kernels/vector_math.h"
#include "kernels/weight_list.h"

namespace torchlayers {
namespace {

void check_adam(at::TensorList params, at::TensorList grads, at::TensorList m, at::TensorList v, at::TensorList vhat,
                const at::Tensor& iterations, const at::Tensor& lr, bool amsgrad) {
  check_weights("adam_", params, grads);
  check_slots("adam_", "m", params, m, true);
  check_slots("adam_", "v", params, v, true);
  check_slots("adam_", "vhat", params, vhat, amsgrad);
  check_counter("adam_", "iterations", iterations);
  check_number("adam_", "lr", lr);
}

template <typename C>
struct AdamNumbers {
  C alpha, one_minus_beta_1, one_minus_beta_2, epsilon;
};

// The decay rates enter the bias correction as rounded to the weights' dtype: 1 - beta_2 is so small that the rounding
// shows, and a correction that differs from the moments' own decay would be a bias.
template <typename C>
AdamNumbers<C> adam_numbers(double lr, double step, double beta_1, double beta_2, double epsilon) {
  const double power_1 = std::pow(static_cast<double>(static_cast<C>(beta_1)), step);
  const double power_2 = std::pow(static_cast<double>(static_cast<C>(beta_2)), step);
  return {static_cast<C>(lr * std::sqrt(1 - power_2) / (1 - power_1)), static_cast<C>(1 - beta_1),
          static_cast<C>(1 - beta_2), static_cast<C>(epsilon)};
}

template <typename T, typename C, bool Amsgrad>
TORCHLAYERS_INLINE void adam_loop(T* TORCHLAYERS_RESTRICT w, const T* TORCHLAYERS_RESTRICT g, T* TORCHLAYERS_RESTRICT m,
                                  T* TORCHLAYERS_RESTRICT v, T* TORCHLAYERS_RESTRICT vhat, int64_t count,
                                  const AdamNumbers<C>& k) {
  for (int64_t i = 0; i < count; ++i) {
    const C grad = static_cast<C>(g[i]);
    const C mean = static_cast<C>(m[i]) + (grad - static_cast<C>(m[i])) * k.one_minus_beta_1;
    C square = static_cast<C>(v[i]) + (grad * grad - static_cast<C>(v[i])) * k.one_minus_beta_2;
    m[i] = static_cast<T>(mean);
    v[i] = static_cast<T>(square);
    if constexpr (Amsgrad) {
      const C largest = static_cast<C>(vhat[i]);
      square = largest > square ? largest : square;
      vhat[i] = static_cast<T>(square);
    }
    w[i] = static_cast<T>(static_cast<C>(w[i]) - mean * k.alpha / (square_root(square) + k.epsilon));
  }
}

template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void adam_run(T* w, const T* g, T* m, T* v, T* vhat, int64_t count, AdamNumbers<C> k) {
  if (vhat != nullptr) {
    adam_loop<T, C, true>(w, g, m, v, vhat, count, k);
  } else {
    adam_loop<T, C, false>(w, g, m, v, vhat, count, k);
  }
}

void adam_cpu(at::TensorList params, at::TensorList grads, at::TensorList m, at::TensorList v, at::TensorList vhat,
              const at::Tensor& iterations, const at::Tensor& lr, double beta_1, double beta_2, double epsilon,
              bool amsgrad) {
  check_adam(params, grads, m, v, vhat, iterations, lr, amsgrad);
  const std::vector<at::Tensor> dense = dense_grads(params, grads);
  const std::vector<void*> ws = addresses(params, params.size());
  const std::vector<const void*> gs = const_addresses(dense);
  const std::vector<void*> ms = addresses(m, params.size());
  const std::vector<void*> vs = addresses(v, params.size());
  const std::vector<void*> vhats = addresses(vhat, params.size());
  const double rate = lr.item().toDouble();
  const double step = iterations.item().toDouble() + 1;
  const auto single = adam_numbers<float>(rate, step, beta_1, beta_2, epsilon);
  const auto twice = adam_numbers<double>(rate, step, beta_1, beta_2, epsilon);
  for_each_run(params, [&](size_t i, int64_t begin, int64_t end) {
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, params[i].scalar_type(), "adam_", [&] {
      using C = Compute<scalar_t>;
      const auto& numbers = std::get<const AdamNumbers<C>&>(std::tie(single, twice));
      adam_run<scalar_t, C>(element<scalar_t>(ws[i], begin), element<scalar_t>(gs[i], begin),
                            element<scalar_t>(ms[i], begin), element<scalar_t>(vs[i], begin),
                            element<scalar_t>(vhats[i], begin), end - begin, numbers);
    });
  });
}

void adam_meta(at::TensorList params, at::TensorList grads, at::TensorList m, at::TensorList v, at::TensorList vhat,
               const at::Tensor& iterations, const at::Tensor& lr, double /*beta_1*/, double /*beta_2*/,
               double /*epsilon*/, bool amsgrad) {
  check_adam(params, grads, m, v, vhat, iterations, lr, amsgrad);
}

}  // namespace

void adam_foreach(at::TensorList params, at::TensorList grads, at::TensorList m, at::TensorList v, at::TensorList vhat,
                  const at::Tensor& iterations, const at::Tensor& lr, double beta_1, double beta_2, double epsilon,
                  bool amsgrad) {
  check_adam(params, grads, m, v, vhat, iterations, lr, amsgrad);
  if (params.empty()) return;
  const std::vector<at::Tensor> dense = dense_grads(params, grads);
  const at::ScalarType dtype = params[0].scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor step = on_device_of(params, iterations).to(dtype).add(1);
  const at::Tensor power_1 = at::pow(at::Scalar(beta_1), step);
  const at::Tensor power_2 = at::pow(at::Scalar(beta_2), step);
  const at::Tensor alpha =
      on_device_of(params, lr).to(dtype).mul(at::rsub(power_2, 1).sqrt()).div(at::rsub(power_1, 1));
  at::_foreach_lerp_(m, dense, 1 - beta_1);
  at::_foreach_lerp_(v, at::_foreach_mul(dense, dense), 1 - beta_2);
  if (amsgrad) at::_foreach_maximum_(vhat, v);
  std::vector<at::Tensor> denominators = at::_foreach_sqrt(amsgrad ? vhat : v);
  at::_foreach_add_(denominators, epsilon);
  std::vector<at::Tensor> steps = at::_foreach_mul(m, alpha);
  at::_foreach_div_(steps, denominators);
  at::_foreach_sub_(params, steps);
}

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { m.impl("adam_", adam_cpu); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { m.impl("adam_", adam_meta); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { m.impl("adam_", adam_foreach); }
TORCH_LIBRARY_IMPL(torchlayers, ADInplaceOrView, m) { m.impl("adam_", bump_written_arguments()); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) { m.impl("adam_", refuse_gradient()); }

}  // namespace torchlayers
