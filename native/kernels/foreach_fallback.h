// The list operators composed of libtorch's own: what runs on a device for which we have no kernel yet.
// Declared here so that tests can hold them against the CPU kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace torchlayers {

// A 0-dimensional tensor beside the weights. Being 0-dimensional it does not change the dtype of what it multiplies.
inline at::Tensor on_device_of(at::TensorList params, const at::Tensor& value) { return value.to(params[0].device()); }

void sgd_foreach(at::TensorList params, at::TensorList grads, at::TensorList velocities, const at::Tensor& lr,
                 double momentum, bool nesterov);

void rmsprop_foreach(at::TensorList params, at::TensorList grads, at::TensorList velocities, at::TensorList momentums,
                     at::TensorList average_grads, const at::Tensor& lr, double rho, double momentum, double epsilon,
                     bool centered);

void adam_foreach(at::TensorList params, at::TensorList grads, at::TensorList m, at::TensorList v, at::TensorList vhat,
                  const at::Tensor& iterations, const at::Tensor& lr, double beta_1, double beta_2, double epsilon,
                  bool amsgrad);

void ema_foreach(at::TensorList averages, at::TensorList params, double momentum,
                 const std::optional<at::Tensor>& iterations);

at::Tensor global_norm_foreach(at::TensorList grads);

}  // namespace torchlayers
