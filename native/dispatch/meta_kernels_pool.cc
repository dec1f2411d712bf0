// Shape kernels of pooling. Ranks 1 and 2 of maximum and average pooling have libtorch's own.
#include <ATen/native/Pool.h>
#include <ATen/ops/empty.h>

#include <array>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::IntArrayRef;
using at::Tensor;

// One value stands for all three axes; no stride at all means the kernel's.
std::array<int64_t, 3> per_axis(const char* what, IntArrayRef values, IntArrayRef otherwise = {}) {
  if (values.empty() && !otherwise.empty()) values = otherwise;
  TORCH_CHECK(values.size() == 1 || values.size() == 3, "max_pool3d: expected 1 or 3 values of ", what, ", got ",
              values);
  if (values.size() == 1) return {values[0], values[0], values[0]};
  return {values[0], values[1], values[2]};
}

std::vector<int64_t> max_pool3d_sizes(const Tensor& input, IntArrayRef kernel_, IntArrayRef stride_,
                                      IntArrayRef padding_, IntArrayRef dilation_, bool ceil_mode) {
  const auto kernel = per_axis("kernel size", kernel_);
  const auto stride = per_axis("stride", stride_, kernel_);
  const auto padding = per_axis("padding", padding_);
  const auto dilation = per_axis("dilation", dilation_);
  TORCH_CHECK(input.dim() == 4 || input.dim() == 5, "max_pool3d: expected input of rank 4 or 5, got shape ",
              input.sizes());
  std::vector<int64_t> sizes = input.sizes().vec();
  for (size_t axis = 0; axis < 3; ++axis) {
    TORCH_CHECK(kernel[axis] > 0 && stride[axis] > 0 && dilation[axis] > 0,
                "max_pool3d: kernel size, stride and dilation must be above 0, got ", kernel_, ", ", stride_, " and ",
                dilation_);
    TORCH_CHECK(padding[axis] >= 0 && padding[axis] <= ((kernel[axis] - 1) * dilation[axis] + 1) / 2,
                "max_pool3d: padding must be at most half of the kernel, got ", padding_, " and ", kernel_);
    int64_t& size = sizes[sizes.size() - 3 + axis];
    TORCH_CHECK(size > 0, "max_pool3d: input of shape ", input.sizes(), " is empty");
    size = at::native::pooling_output_shape<int64_t>(size, kernel[axis], padding[axis], stride[axis], dilation[axis],
                                                     ceil_mode);
    TORCH_CHECK(size > 0, "max_pool3d: input of shape ", input.sizes(), " is too small for kernel ", kernel_);
  }
  TORCH_CHECK(sizes[sizes.size() - 4] > 0, "max_pool3d: input of shape ", input.sizes(), " has no channels");
  return sizes;
}

// Batched results keep channels last, but for adaptive average pooling in 3-D, which the CPU always makes contiguous.
at::MemoryFormat format_of(const Tensor& input, int64_t batched_rank) {
  return input.dim() == batched_rank ? input.suggest_memory_format() : at::MemoryFormat::Contiguous;
}

std::tuple<Tensor, Tensor> max_pool3d(const Tensor& input, IntArrayRef kernel, IntArrayRef stride, IntArrayRef padding,
                                      IntArrayRef dilation, bool ceil_mode) {
  const auto sizes = max_pool3d_sizes(input, kernel, stride, padding, dilation, ceil_mode);
  const at::MemoryFormat format = input.suggest_memory_format();
  TORCH_CHECK(format != at::MemoryFormat::ChannelsLast,
              "max_pool3d: an unbatched input must be contiguous, got strides ", input.strides());
  const bool small_integer = at::isIntegralType(input.scalar_type(), true) && input.element_size() < 4;
  const bool known = is_floating(input) || at::isIntegralType(input.scalar_type(), false);
  TORCH_CHECK(known && !(small_integer && format == at::MemoryFormat::ChannelsLast3d),
              "max_pool3d: no kernel for dtype ", input.scalar_type(), " in this memory format");
  return {at::empty(sizes, input.options(), format), at::empty(sizes, input.options().dtype(at::kLong), format)};
}

Tensor max_pool3d_backward(const Tensor& grad, const Tensor& input, IntArrayRef kernel, IntArrayRef stride,
                           IntArrayRef padding, IntArrayRef dilation, bool ceil_mode, const Tensor& indices) {
  const auto sizes = max_pool3d_sizes(input, kernel, stride, padding, dilation, ceil_mode);
  TORCH_CHECK(grad.sizes() == sizes && indices.sizes() == sizes,
              "max_pool3d_backward: expected gradient and indices of shape ", sizes, ", got ", grad.sizes(), " and ",
              indices.sizes());
  check_same_dtype("max_pool3d_backward", input, grad);
  return at::empty(input.sizes(), input.options(), format_of(input, 5));
}

template <int64_t axes>
Tensor adaptive_avg_pool(const Tensor& input, IntArrayRef output_size) {
  TORCH_CHECK(output_size.size() == axes, "adaptive_avg_pool: expected an output size of ", axes, " values, got ",
              output_size);
  TORCH_CHECK(input.dim() == axes + 1 || input.dim() == axes + 2, "adaptive_avg_pool: expected input of rank ",
              axes + 1, " or ", axes + 2, ", got shape ", input.sizes());
  check_floating("adaptive_avg_pool", input);
  std::vector<int64_t> sizes = input.sizes().vec();
  for (size_t axis = 0; axis < axes; ++axis) {
    int64_t& size = sizes[sizes.size() - axes + axis];
    TORCH_CHECK(size > 0, "adaptive_avg_pool: input of shape ", input.sizes(), " is empty");
    TORCH_CHECK(output_size[axis] >= 0, "adaptive_avg_pool: expected sizes of 0 or more, got ", output_size);
    size = output_size[axis];
  }
  return at::empty(sizes, input.options(), axes == 2 ? format_of(input, 4) : at::MemoryFormat::Contiguous);
}

template <int64_t axes>
Tensor adaptive_avg_pool_backward(const Tensor& grad, const Tensor& input) {
  TORCH_CHECK(input.dim() == axes + 1 || input.dim() == axes + 2, "adaptive_avg_pool_backward: expected input of rank ",
              axes + 1, " or ", axes + 2, ", got shape ", input.sizes());
  TORCH_CHECK(grad.dim() == input.dim(), "adaptive_avg_pool_backward: expected a gradient of rank ", input.dim(),
              ", got shape ", grad.sizes());
  check_same_dtype("adaptive_avg_pool_backward", grad, input);
  for (int64_t axis = 1; axis < grad.dim(); ++axis) {
    TORCH_CHECK(grad.size(axis) > 0, "adaptive_avg_pool_backward: gradient of shape ", grad.sizes(), " is empty");
  }
  return at::empty(input.sizes(), input.options(), axes == 2 ? format_of(input, 4) : at::MemoryFormat::Contiguous);
}

}  // namespace

void add_pooling_kernels(MetaKernels& aten) {
  aten.add("max_pool3d_with_indices", TORCH_FN(max_pool3d));
  aten.add("max_pool3d_with_indices_backward", TORCH_FN(max_pool3d_backward));
  aten.add("_adaptive_avg_pool2d", TORCH_FN(adaptive_avg_pool<2>));
  aten.add("_adaptive_avg_pool3d", TORCH_FN(adaptive_avg_pool<3>));
  aten.add("_adaptive_avg_pool2d_backward", TORCH_FN(adaptive_avg_pool_backward<2>));
  aten.add("_adaptive_avg_pool3d_backward", TORCH_FN(adaptive_avg_pool_backward<3>));
}

}  // namespace torchlayers
