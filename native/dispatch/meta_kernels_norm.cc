// Shape kernels of batch, layer and group normalization, forward and backward.
#include <ATen/native/cpu/mixed_data_type.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <array>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::IntArrayRef;
using at::Tensor;
using OptionalTensor = std::optional<at::Tensor>;
using ThreeTensors = std::tuple<Tensor, Tensor, Tensor>;

void check_parameter(const char* operator_name, const char* name, const Tensor& parameter, IntArrayRef sizes) {
  TORCH_CHECK(!parameter.defined() || parameter.sizes() == sizes, operator_name, ": expected ", name, " of shape ",
              sizes, ", got ", parameter.sizes());
}

// The dtype of statistics and parameters: the input's, or float32 beside a 16-bit input. One dtype for all of them.
template <typename... Parameters>
at::ScalarType parameter_dtype(const char* operator_name, const Tensor& input, const Parameters&... parameters) {
  check_floating(operator_name, input);
  const bool mixed = at::native::is_mixed_type(input, parameters...);
  const at::ScalarType dtype = mixed ? at::kFloat : input.scalar_type();
  TORCH_CHECK(!mixed || at::isReducedFloatingType(input.scalar_type()), operator_name,
              ": parameters of another dtype need a float16 or bfloat16 input, got ", input.scalar_type());
  for (const Tensor& parameter : {parameters...}) {
    TORCH_CHECK(!parameter.defined() || parameter.scalar_type() == dtype, operator_name,
                ": expected parameters of dtype ", dtype, ", got ", parameter.scalar_type());
  }
  return dtype;
}

ThreeTensors batch_norm(const Tensor& input, const OptionalTensor& weight_, const OptionalTensor& bias_,
                        const OptionalTensor& mean_, const OptionalTensor& var_, bool training, double, double) {
  const Tensor& weight = value_or_undefined(weight_);
  const Tensor& bias = value_or_undefined(bias_);
  const Tensor& mean = value_or_undefined(mean_);
  const Tensor& var = value_or_undefined(var_);
  TORCH_CHECK(input.dim() >= 2, "batch_norm: expected input of rank 2 or more, got shape ", input.sizes());
  const std::array<int64_t, 1> channels{input.size(1)};
  check_parameter("batch_norm", "weight", weight, channels);
  check_parameter("batch_norm", "bias", bias, channels);
  check_parameter("batch_norm", "running_mean", mean, channels);
  check_parameter("batch_norm", "running_var", var, channels);
  TORCH_CHECK(training || (mean.defined() && var.defined()),
              "batch_norm: running_mean and running_var must be given when not training");
  const at::ScalarType dtype = parameter_dtype("batch_norm", input, weight, bias, mean, var);
  Tensor out = at::empty_like(input, input.suggest_memory_format());
  const int64_t saved = training ? channels[0] : 0;
  const auto options = input.options().dtype(dtype);
  return {out, at::empty({saved}, options), at::empty({saved}, options)};
}

// The schema writes to the running statistics, so these come as plain tensors.
ThreeTensors batch_norm_legit(const Tensor& input, const OptionalTensor& weight, const OptionalTensor& bias,
                              Tensor& mean, Tensor& var, bool training, double momentum, double eps) {
  return batch_norm(input, weight, bias, mean, var, training, momentum, eps);
}

ThreeTensors batch_norm_no_stats(const Tensor& input, const OptionalTensor& weight, const OptionalTensor& bias,
                                 bool training, double momentum, double eps) {
  return batch_norm(input, weight, bias, std::nullopt, std::nullopt, training, momentum, eps);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> batch_norm_with_update(const Tensor& input, const OptionalTensor& weight,
                                                                  const OptionalTensor& bias, Tensor& mean, Tensor& var,
                                                                  double momentum, double eps) {
  auto [out, save_mean, save_var] = batch_norm(input, weight, bias, mean, var, true, momentum, eps);
  return {out, save_mean, save_var, at::empty({0}, input.options().dtype(at::kByte))};
}

ThreeTensors batch_norm_backward(const Tensor& grad, const Tensor& input, const OptionalTensor& weight_,
                                 const OptionalTensor& mean_, const OptionalTensor& var_, const OptionalTensor&,
                                 const OptionalTensor&, bool, double, std::array<bool, 3> output_mask) {
  TORCH_CHECK(grad.sizes() == input.sizes(), "batch_norm_backward: expected a gradient of shape ", input.sizes(),
              ", got ", grad.sizes());
  const at::ScalarType dtype = parameter_dtype("batch_norm_backward", input, value_or_undefined(weight_),
                                               value_or_undefined(mean_), value_or_undefined(var_));
  ThreeTensors grads;
  const auto options = input.options().dtype(dtype);
  if (output_mask[0]) std::get<0>(grads) = at::empty_like(input, input.suggest_memory_format());
  if (output_mask[1]) std::get<1>(grads) = at::empty({input.size(1)}, options);
  if (output_mask[2]) std::get<2>(grads) = at::empty({input.size(1)}, options);
  return grads;
}

ThreeTensors batch_norm_backward_with_reserve(const Tensor& grad, const Tensor& input, const Tensor& weight,
                                              const OptionalTensor& mean, const OptionalTensor& var,
                                              const OptionalTensor& save_mean, const OptionalTensor& save_var,
                                              bool update, double eps, std::array<bool, 3> output_mask, const Tensor&) {
  return batch_norm_backward(grad, input, weight, mean, var, save_mean, save_var, update, eps, output_mask);
}

void check_layer_norm(const Tensor& input, IntArrayRef normalized, const Tensor& weight, const Tensor& bias) {
  TORCH_CHECK(!normalized.empty(), "layer_norm: normalized_shape must name one axis or more");
  check_parameter("layer_norm", "weight", weight, normalized);
  check_parameter("layer_norm", "bias", bias, normalized);
  const auto rank = static_cast<int64_t>(normalized.size());
  TORCH_CHECK(input.dim() >= rank && input.sizes().slice(input.dim() - rank) == normalized,
              "layer_norm: expected input whose last axes are ", normalized, ", got shape ", input.sizes());
}

ThreeTensors layer_norm(const Tensor& input, IntArrayRef normalized, const OptionalTensor& weight_,
                        const OptionalTensor& bias_, double) {
  const Tensor& weight = value_or_undefined(weight_);
  const Tensor& bias = value_or_undefined(bias_);
  check_layer_norm(input, normalized, weight, bias);
  const at::ScalarType dtype = parameter_dtype("layer_norm", input, weight, bias);
  std::vector<int64_t> statistics = input.sizes().vec();
  for (size_t d = statistics.size() - normalized.size(); d < statistics.size(); ++d) statistics[d] = 1;
  const auto options = input.options().dtype(dtype);
  return {at::empty_like(input, at::MemoryFormat::Contiguous), at::empty(statistics, options),
          at::empty(statistics, options)};
}

ThreeTensors layer_norm_backward(const Tensor& grad, const Tensor& input, IntArrayRef normalized, const Tensor&,
                                 const Tensor&, const OptionalTensor& weight_, const OptionalTensor& bias_,
                                 std::array<bool, 3> output_mask) {
  const Tensor& weight = value_or_undefined(weight_);
  const Tensor& bias = value_or_undefined(bias_);
  check_layer_norm(input, normalized, weight, bias);
  check_floating("layer_norm_backward", input);
  TORCH_CHECK(grad.sizes() == input.sizes(), "layer_norm_backward: expected a gradient of shape ", input.sizes(),
              ", got ", grad.sizes());
  ThreeTensors grads;
  if (output_mask[0]) std::get<0>(grads) = at::empty_like(input, at::MemoryFormat::Contiguous);
  if (output_mask[1]) std::get<1>(grads) = at::empty_like(weight, at::MemoryFormat::Contiguous);
  if (output_mask[2]) std::get<2>(grads) = at::empty_like(bias, at::MemoryFormat::Contiguous);
  return grads;
}

void check_group_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, int64_t channels, int64_t groups) {
  TORCH_CHECK(groups > 0 && channels % groups == 0, "group_norm: ", channels, " channels don't divide into ", groups,
              " groups");
  const std::array<int64_t, 1> sizes{channels};
  check_parameter("group_norm", "weight", weight, sizes);
  check_parameter("group_norm", "bias", bias, sizes);
  TORCH_CHECK(input.is_contiguous(input.suggest_memory_format()),
              "group_norm: expected a contiguous input, got strides ", input.strides());
}

ThreeTensors group_norm(const Tensor& input, const OptionalTensor& weight_, const OptionalTensor& bias_, int64_t batch,
                        int64_t channels, int64_t, int64_t groups, double) {
  const Tensor& weight = value_or_undefined(weight_);
  const Tensor& bias = value_or_undefined(bias_);
  check_group_norm(input, weight, bias, channels, groups);
  const auto options = input.options().dtype(parameter_dtype("group_norm", input, weight, bias));
  return {at::empty_like(input, input.suggest_memory_format()), at::empty({batch, groups}, options),
          at::empty({batch, groups}, options)};
}

ThreeTensors group_norm_backward(const Tensor& grad, const Tensor& input, const Tensor& mean, const Tensor& rstd,
                                 const OptionalTensor& weight_, int64_t batch, int64_t channels, int64_t inner,
                                 int64_t groups, std::array<bool, 3> output_mask) {
  const Tensor& weight = value_or_undefined(weight_);
  check_same_dtype("group_norm_backward", grad, input);
  TORCH_CHECK(groups > 0 && channels % groups == 0, "group_norm_backward: ", channels, " channels don't divide into ",
              groups, " groups");
  TORCH_CHECK(input.numel() == batch * channels * inner, "group_norm_backward: expected ", batch * channels * inner,
              " elements, got shape ", input.sizes());
  TORCH_CHECK(mean.numel() == batch * groups && rstd.numel() == batch * groups,
              "group_norm_backward: expected statistics of ", batch * groups, " elements, got ", mean.numel(), " and ",
              rstd.numel());
  const auto options = input.options().dtype(parameter_dtype("group_norm_backward", input, weight));
  ThreeTensors grads;
  if (output_mask[0]) std::get<0>(grads) = at::empty_like(input, input.suggest_memory_format());
  if (output_mask[1]) std::get<1>(grads) = at::empty({channels}, options);
  if (output_mask[2]) std::get<2>(grads) = at::empty({channels}, options);
  return grads;
}

}  // namespace

void add_norm_kernels(MetaKernels& aten) {
  aten.add("native_batch_norm", TORCH_FN(batch_norm));
  aten.add("_native_batch_norm_legit", TORCH_FN(batch_norm_legit));
  aten.add("_native_batch_norm_legit.no_stats", TORCH_FN(batch_norm_no_stats));
  aten.add("_batch_norm_with_update", TORCH_FN(batch_norm_with_update));
  aten.add("native_batch_norm_backward", TORCH_FN(batch_norm_backward));
  aten.add("batch_norm_backward", TORCH_FN(batch_norm_backward_with_reserve));
  aten.add("native_layer_norm", TORCH_FN(layer_norm));
  aten.add("native_layer_norm_backward", TORCH_FN(layer_norm_backward));
  aten.add("native_group_norm", TORCH_FN(group_norm));
  aten.add("native_group_norm_backward", TORCH_FN(group_norm_backward));
}

}  // namespace torchlayers
