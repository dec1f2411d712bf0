// Shape kernels of convolution. On meta libtorch takes the `overrideable` entry for every rank, grouping and direction,
// after `aten::convolution` has checked ranks, channels and sizes; 1-D arrives as 2-D.
#include <ATen/native/ConvUtils.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::IntArrayRef;
using at::Tensor;

// The memory format of results: CPU kernels keep channels last if either operand has it. In 3-D only oneDNN does, whose
// choice for 16-bit types depends on the processor: bfloat16 is taken as supported there, float16 as not.
at::MemoryFormat result_format(const Tensor& input, const Tensor& weight) {
  const bool planar = input.dim() == 4;
  if (!planar && input.scalar_type() != at::kFloat && input.scalar_type() != at::kBFloat16) {
    return at::MemoryFormat::Contiguous;
  }
  const auto format = planar ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::ChannelsLast3d;
  const bool kept = input.suggest_memory_format() == format || weight.suggest_memory_format() == format;
  return kept ? format : at::MemoryFormat::Contiguous;
}

void check_operand(const Tensor& input, const Tensor& operand, const char* name) {
  TORCH_CHECK(!operand.defined() || operand.scalar_type() == input.scalar_type(), "convolution: expected input and ",
              name, " of one dtype, got ", input.scalar_type(), " and ", operand.scalar_type());
}

void check_sizes(IntArrayRef sizes, IntArrayRef input, IntArrayRef weight) {
  for (size_t d = 2; d < sizes.size(); ++d) {
    TORCH_CHECK(sizes[d] > 0, "convolution: input of shape ", input, " is too small for a kernel of shape ", weight,
                ": the result would have shape ", sizes);
  }
}

Tensor convolution(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias, IntArrayRef stride,
                   IntArrayRef padding, IntArrayRef dilation, bool transposed, IntArrayRef output_padding,
                   int64_t groups) {
  check_operand(input, weight, "weight");
  check_operand(input, value_or_undefined(bias), "bias");
  const bool dilated = std::any_of(dilation.begin(), dilation.end(), [](int64_t d) { return d != 1; });
  const bool integral =
      transposed || dilated ? input.scalar_type() == at::kLong : at::isIntegralType(input.scalar_type(), false);
  TORCH_CHECK(is_floating(input) || integral, "convolution: no kernel for dtype ", input.scalar_type());
  if (transposed) {
    for (size_t d = 0; d < output_padding.size(); ++d) {
      TORCH_CHECK(output_padding[d] < stride[d] || output_padding[d] < dilation[d],
                  "convolution: output padding must be smaller than stride or dilation, got ", output_padding,
                  ", stride ", stride, " and dilation ", dilation);
    }
  }
  const std::vector<int64_t> sizes =
      transposed ? at::native::conv_input_size(input.sizes(), weight.sizes(), padding, output_padding, stride, dilation,
                                               groups)
                 : at::native::conv_output_size(input.sizes(), weight.sizes(), padding, stride, dilation);
  check_sizes(sizes, input.sizes(), weight.sizes());
  return at::empty(sizes, input.options(), result_format(input, weight));
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(const Tensor& grad, const Tensor& input, const Tensor& weight,
                                                        IntArrayRef, IntArrayRef, IntArrayRef, bool transposed,
                                                        IntArrayRef, int64_t groups, std::array<bool, 3> output_mask) {
  check_operand(input, weight, "weight");
  check_operand(input, grad, "gradient");
  const at::MemoryFormat format = result_format(input, weight);
  std::tuple<Tensor, Tensor, Tensor> grads;
  if (output_mask[0]) std::get<0>(grads) = at::empty(input.sizes(), input.options(), format);
  if (output_mask[1]) std::get<1>(grads) = at::empty(weight.sizes(), weight.options(), format);
  if (output_mask[2]) {
    std::get<2>(grads) = at::empty({transposed ? weight.size(1) * groups : weight.size(0)}, weight.options());
  }
  return grads;
}

Tensor mkldnn_convolution(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                          IntArrayRef padding, IntArrayRef stride, IntArrayRef dilation, int64_t groups) {
  TORCH_CHECK(input.scalar_type() == at::kFloat || at::isReducedFloatingType(input.scalar_type()),
              "mkldnn_convolution: no kernel for dtype ", input.scalar_type());
  return convolution(input, weight, bias, stride, padding, dilation, false, {}, groups);
}

Tensor linear_shape(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  TORCH_CHECK(input.scalar_type() == at::kFloat || at::isReducedFloatingType(input.scalar_type()),
              "_linear_pointwise: no kernel for dtype ", input.scalar_type());
  check_same_dtype("_linear_pointwise", input, weight);
  TORCH_CHECK(input.dim() >= 2 && weight.dim() == 2 && input.size(-1) == weight.size(1),
              "_linear_pointwise: expected input [..., n] and weight [units, n], got ", input.sizes(), " and ",
              weight.sizes());
  TORCH_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0)),
              "_linear_pointwise: expected a bias of shape [", weight.size(0), "], got ", bias.sizes());
  std::vector<int64_t> sizes = input.sizes().vec();
  sizes.back() = weight.size(0);
  return at::empty(sizes, input.options());
}

// NOLINTBEGIN(performance-unnecessary-value-param): the registry takes the list by value.
Tensor linear_pointwise(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias, c10::string_view,
                        c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>) {
  return linear_shape(input, weight, value_or_undefined(bias));
}
// NOLINTEND(performance-unnecessary-value-param)

Tensor linear_pointwise_binary(const Tensor& input, const Tensor& other, const Tensor& weight,
                               const std::optional<Tensor>& bias, c10::string_view) {
  Tensor out = linear_shape(input, weight, value_or_undefined(bias));
  TORCH_CHECK(other.sizes() == out.sizes(), "_linear_pointwise: expected a second operand of shape ", out.sizes(),
              ", got ", other.sizes());
  return out;
}

}  // namespace

void add_convolution_kernels(MetaKernels& aten, MetaKernels& mkldnn) {
  aten.add("convolution_overrideable", TORCH_FN(convolution));
  aten.add("convolution_backward_overrideable", TORCH_FN(convolution_backward));
  aten.add("mkldnn_convolution", TORCH_FN(mkldnn_convolution));
  mkldnn.add("_linear_pointwise", TORCH_FN(linear_pointwise));
  mkldnn.add("_linear_pointwise.binary", TORCH_FN(linear_pointwise_binary));
}

}  // namespace torchlayers
