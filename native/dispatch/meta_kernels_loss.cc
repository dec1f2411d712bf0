// Shape kernels of losses.
#include <ATen/ExpandUtils.h>
#include <ATen/TensorIterator.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::Tensor;
using at::TensorIteratorConfig;

// Gradients of the elementwise losses: computed in the common dtype, written in the input's.
void loss_backward(const char* name, const Tensor& grad, const Tensor& self, const Tensor& target, Tensor& out) {
  at::TensorIterator iterator = TensorIteratorConfig()
                                    .add_output(out)
                                    .add_const_input(self)
                                    .add_const_input(target)
                                    .add_const_input(grad)
                                    .promote_inputs_to_common_dtype(true)
                                    .cast_common_dtype_to_outputs(true)
                                    .enforce_safe_casting_to_output(true)
                                    .build();
  TORCH_CHECK(at::isFloatingType(iterator.common_dtype()), name, ": expected floating point tensors, got ",
              iterator.common_dtype());
}

Tensor mse_loss_backward(const Tensor& grad, const Tensor& self, const Tensor& target, int64_t) {
  Tensor out = at::empty_like(self, at::MemoryFormat::Contiguous);
  loss_backward("mse_loss_backward", grad, self, target, out);
  return out;
}

Tensor& smooth_l1_loss_backward_out(const Tensor& grad, const Tensor& self, const Tensor& target, int64_t, double,
                                    Tensor& out) {
  loss_backward("smooth_l1_loss_backward", grad, self, target, out);
  return out;
}

Tensor& huber_loss_backward_out(const Tensor& grad, const Tensor& self, const Tensor& target, int64_t, double,
                                Tensor& out) {
  TensorIteratorConfig().add_output(out).add_const_input(self).add_const_input(target).add_const_input(grad).build();
  check_floating("huber_loss_backward", self);
  return out;
}

Tensor huber_loss(const Tensor& self, const Tensor& target, int64_t reduction, double delta) {
  TORCH_CHECK(delta > 0, "huber_loss: expected delta above 0, got ", delta);
  Tensor out = at::empty({0}, self.options());
  at::TensorIterator iterator = at::TensorIterator::binary_op(out, self, target);
  TORCH_CHECK(at::isFloatingType(iterator.common_dtype()), "huber_loss: expected floating point tensors, got ",
              iterator.common_dtype());
  return reduction == at::Reduction::None ? out : at::empty({}, out.options());
}

void check_cross_entropy(const char* name, const Tensor& self, const Tensor& target, const Tensor& weight) {
  check_floating(name, self);
  check_same_dtype(name, self, target);
  TORCH_CHECK(self.sizes() == target.sizes(), name, ": expected a target of shape ", self.sizes(), ", got ",
              target.sizes());
  if (weight.defined()) at::infer_size(self.sizes(), weight.sizes());
}

Tensor binary_cross_entropy(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                            int64_t reduction) {
  check_cross_entropy("binary_cross_entropy", self, target, value_or_undefined(weight));
  return reduction == at::Reduction::None ? at::empty_like(self) : at::empty({}, self.options());
}

Tensor binary_cross_entropy_backward(const Tensor&, const Tensor& self, const Tensor& target,
                                     const std::optional<Tensor>& weight, int64_t) {
  check_cross_entropy("binary_cross_entropy_backward", self, target, value_or_undefined(weight));
  return at::empty_like(self);
}

}  // namespace

void add_loss_kernels(MetaKernels& aten) {
  aten.add("mse_loss_backward", TORCH_FN(mse_loss_backward));
  aten.add("smooth_l1_loss_backward.grad_input", TORCH_FN(smooth_l1_loss_backward_out));
  aten.add("huber_loss", TORCH_FN(huber_loss));
  aten.add("huber_loss_backward.out", TORCH_FN(huber_loss_backward_out));
  aten.add("binary_cross_entropy", TORCH_FN(binary_cross_entropy));
  aten.add("binary_cross_entropy_backward", TORCH_FN(binary_cross_entropy_backward));
}

}  // namespace torchlayers
