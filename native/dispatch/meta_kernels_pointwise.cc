// Shape kernels of elementwise operators. TensorIterator works out shape, dtype and strides exactly as for the CPU
// kernels, because it is what they use; only the element types that those are written for must be repeated here.
#include <ATen/ExpandUtils.h>
#include <ATen/TensorIterator.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/result_type.h>
#include <ATen/ops/sub.h>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::Scalar;
using at::Tensor;
using at::TensorIterator;
using at::TensorIteratorConfig;

Tensor unset(const Tensor& like) { return at::empty({0}, like.options()); }

Tensor unary(const Tensor& self) {
  Tensor out;
  return TensorIterator::unary_op(out, self).output();
}

Tensor binary(const Tensor& a, const Tensor& b) {
  Tensor out;
  return TensorIterator::binary_op(out, a, b).output();
}

Tensor& unary_out(const Tensor& self, Tensor& out) {
  TensorIterator::unary_op(out, self);
  return out;
}

Tensor relu(const Tensor& self) {
  TORCH_CHECK(self.scalar_type() != at::kBool, "relu: expected numbers, got a bool tensor");
  return at::clamp_min(self, 0);
}

Tensor hardtanh(const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
  TORCH_CHECK(self.scalar_type() != at::kBool, "hardtanh: expected numbers, got a bool tensor");
  if (!at::isIntegralType(self.scalar_type(), false)) return at::clamp(self, min_val, max_val);
  const int64_t low = min_val.toLong();
  const int64_t high = max_val.toLong();
  TORCH_CHECK(self.scalar_type() != at::kByte || (low >= 0 && high >= 0),
              "hardtanh: an unsigned tensor has no negative limits, got ", low, " and ", high);
  return at::clamp(self, low, high);
}

Tensor hardtanh_backward(const Tensor& grad, const Tensor& self, const Scalar&, const Scalar&) {
  check_floating("hardtanh_backward", self);
  return binary(grad, self);
}

Tensor hardswish(const Tensor& self) {
  check_floating("hardswish", self);
  return unary(self);
}

Tensor hardswish_backward(const Tensor& grad, const Tensor& self) {
  check_floating("hardswish_backward", self);
  return binary(grad, self);
}

Tensor& abs_out(const Tensor& self, Tensor& out) {
  TORCH_CHECK(self.scalar_type() != at::kBool, "abs: expected numbers, got a bool tensor");
  if (!self.is_complex() || out.is_complex()) return unary_out(self, out);
  TORCH_CHECK(at::canCast(c10::toRealValueType(self.scalar_type()), out.scalar_type()), "abs: a result of dtype ",
              c10::toRealValueType(self.scalar_type()), " can't be written to a tensor of dtype ", out.scalar_type());
  at::native::resize_output(out, self.sizes());
  return out;
}

Tensor isnan(const Tensor& self) { return at::ne(self, self); }

Tensor& logical_not_out(const Tensor& self, Tensor& out) {
  TensorIteratorConfig().check_all_same_dtype(false).add_output(out).add_const_input(self).build();
  return out;
}

Tensor& logical_binary_out(const Tensor& self, const Tensor& other, Tensor& out) {
  TensorIterator::comparison_op(out, self, other);
  return out;
}

Tensor& nan_to_num_out(const Tensor& self, std::optional<double>, std::optional<double>, std::optional<double>,
                       Tensor& out) {
  check_same_dtype("nan_to_num", out, self);
  if (!at::isIntegralType(self.scalar_type(), true)) return unary_out(self, out);
  at::native::resize_output(out, self.sizes());
  return out;
}

Tensor logit(const Tensor& self, std::optional<double>) {
  Tensor out;
  TensorIterator iterator = TensorIterator::unary_float_op(out, self);
  TORCH_CHECK(!at::isComplexType(iterator.common_dtype()), "logit: expected real numbers, got ", self.scalar_type());
  return iterator.output();
}

Tensor floor_divide(const Tensor& self, const Tensor& other) {
  Tensor out;
  TensorIterator iterator = TensorIterator::binary_op(out, self, other);
  const at::ScalarType dtype = iterator.dtype();
  TORCH_CHECK(dtype != at::kBool && !at::isComplexType(dtype), "floor_divide: expected real numbers, got ", dtype);
  return iterator.output();
}

Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha) { return at::sub(other, self, alpha); }

Tensor& where_out(const Tensor& condition, const Tensor& self, const Tensor& other, Tensor& out) {
  const at::ScalarType dtype = at::result_type(self, other);
  TORCH_CHECK(out.scalar_type() == dtype, "where: expected out of dtype ", dtype, ", got ", out.scalar_type());
  TORCH_CHECK(condition.scalar_type() == at::kBool || condition.scalar_type() == at::kByte,
              "where: expected a bool condition, got ", condition.scalar_type());
  const Tensor condition_ = condition.to(at::kBool);
  const Tensor self_ = self.to(out.options());
  const Tensor other_ = other.to(out.options());
  TensorIteratorConfig()
      .check_all_same_dtype(false)
      .add_output(out)
      .add_const_input(condition_)
      .add_const_input(self_)
      .add_const_input(other_)
      .build();
  return out;
}

Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) {
  Tensor out = at::empty({0}, self.options().dtype(at::result_type(self, other)).device(at::kMeta));
  return where_out(condition, self, other, out);
}

Tensor prelu(const Tensor& self, const Tensor& weight) {
  check_floating("prelu", self);
  Tensor out = at::empty_like(self);
  TensorIteratorConfig().add_output(out).add_const_input(self).add_const_input(weight).build();
  return out;
}

std::tuple<Tensor, Tensor> prelu_backward(const Tensor& grad, const Tensor& self, const Tensor& weight) {
  check_floating("prelu_backward", self);
  Tensor grad_self = unset(self);
  Tensor grad_weight = unset(weight);
  TensorIteratorConfig()
      .add_output(grad_self)
      .add_output(grad_weight)
      .add_const_input(self)
      .add_const_input(weight)
      .add_const_input(grad)
      .build();
  return {grad_self, grad_weight};
}

std::tuple<Tensor, Tensor> log_sigmoid_forward(const Tensor& self) {
  check_floating("log_sigmoid", self);
  return {at::empty_like(self, at::MemoryFormat::Contiguous), at::empty_like(self, at::MemoryFormat::Contiguous)};
}

Tensor log_sigmoid_backward(const Tensor& grad, const Tensor& self, const Tensor& buffer) {
  check_floating("log_sigmoid_backward", self);
  Tensor out = at::empty_like(grad);
  TensorIteratorConfig().add_output(out).add_const_input(self).add_const_input(buffer).add_const_input(grad).build();
  return out;
}

Tensor glu_backward(const Tensor& grad, const Tensor& self, int64_t dim) {
  check_floating("glu_backward", self);
  TORCH_CHECK(self.dim() > 0, "glu_backward: expected a tensor of rank 1 or more");
  dim = at::maybe_wrap_dim(dim, self.dim());
  TORCH_CHECK(self.size(dim) % 2 == 0, "glu_backward: axis ", dim, " must halve, its size is ", self.size(dim));
  std::vector<int64_t> half = self.sizes().vec();
  half[dim] /= 2;
  TORCH_CHECK(grad.sizes() == half, "glu_backward: expected a gradient of shape ", half, ", got ", grad.sizes());
  return at::empty_like(self, at::MemoryFormat::Contiguous);
}

std::tuple<Tensor, Tensor> native_dropout(const Tensor& input, double probability, std::optional<bool> train) {
  TORCH_CHECK(probability >= 0 && probability <= 1, "native_dropout: expected a probability in 0..1, got ",
              probability);
  if (!input.numel()) return {input, at::empty_like(input, input.options().dtype(at::kBool))};
  TORCH_CHECK(!train.value_or(true) || is_floating_or_complex(input), "native_dropout: expected floating point, got ",
              input.scalar_type());
  return {at::empty_like(input), at::empty_like(input, input.options().dtype(at::kBool))};
}

Tensor native_dropout_backward(const Tensor& grad, const Tensor& mask, double) { return binary(grad, mask); }

}  // namespace

void add_pointwise_kernels(MetaKernels& aten) {
  aten.add("relu", TORCH_FN(relu));
  aten.add("hardtanh", TORCH_FN(hardtanh));
  aten.add("hardtanh_backward", TORCH_FN(hardtanh_backward));
  aten.add("hardswish", TORCH_FN(hardswish));
  aten.add("hardswish_backward", TORCH_FN(hardswish_backward));
  aten.add("abs.out", TORCH_FN(abs_out));
  aten.add("conj_physical.out", TORCH_FN(unary_out));
  aten.add("isnan", TORCH_FN(isnan));
  aten.add("logical_not.out", TORCH_FN(logical_not_out));
  for (const char* name : {"logical_and.out", "logical_or.out", "logical_xor.out"}) {
    aten.add(name, TORCH_FN(logical_binary_out));
  }
  aten.add("nan_to_num.out", TORCH_FN(nan_to_num_out));
  aten.add("logit", TORCH_FN(logit));
  aten.add("floor_divide", TORCH_FN(floor_divide));
  aten.add("rsub.Tensor", TORCH_FN(rsub));
  aten.add("where.self", TORCH_FN(where));
  aten.add("where.self_out", TORCH_FN(where_out));
  aten.add("_prelu_kernel", TORCH_FN(prelu));
  aten.add("_prelu_kernel_backward", TORCH_FN(prelu_backward));
  aten.add("log_sigmoid_forward", TORCH_FN(log_sigmoid_forward));
  aten.add("log_sigmoid_backward", TORCH_FN(log_sigmoid_backward));
  aten.add("glu_backward", TORCH_FN(glu_backward));
  aten.add("native_dropout", TORCH_FN(native_dropout));
  aten.add("native_dropout_backward", TORCH_FN(native_dropout_backward));
}

}  // namespace torchlayers
