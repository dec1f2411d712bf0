#include "kernels/recurrent.h"

#include <ATen/ops/add.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

namespace torchlayers {
namespace {

void check_shape(const char* op, const char* name, const at::Tensor& tensor, at::IntArrayRef sizes) {
  TORCH_CHECK_VALUE(tensor.sizes() == sizes, "torchlayers::", op, ": expected ", name, " of shape ", sizes, ", got ",
                    tensor.sizes(), "\n  Shapes follow from x [batch, steps, inputs] and h0 [batch, units].");
}

void check_dtype(const char* op, const char* name, const at::Tensor& tensor, at::ScalarType dtype) {
  TORCH_CHECK_TYPE(tensor.scalar_type() == dtype, "torchlayers::", op, ": expected ", name, " of dtype ", dtype,
                   " like x, got ", tensor.scalar_type(), "\n  Cast all arguments to one dtype.");
}

void check_like_x(const char* op, const char* name, const RecurrentInputs& inputs, const at::Tensor& tensor,
                  at::IntArrayRef sizes) {
  check_shape(op, name, tensor, sizes);
  check_dtype(op, name, tensor, inputs.x.scalar_type());
}

}  // namespace

void check_recurrent(const char* op, int64_t gates, int64_t bias_rows, const RecurrentInputs& inputs) {
  const at::ScalarType dtype = inputs.x.scalar_type();
  TORCH_CHECK_TYPE(dtype == at::kFloat || dtype == at::kDouble, "torchlayers::", op,
                   ": expected x of dtype float32 or float64, got ", dtype, "\n  Cast it, or use a loop of cells.");
  TORCH_CHECK_VALUE(inputs.x.dim() == 3 && inputs.x.size(1) > 0, "torchlayers::", op,
                    ": expected x of shape [batch, steps, inputs] with at least one step, got ", inputs.x.sizes(),
                    "\n  Without steps there is no output.");
  TORCH_CHECK_VALUE(inputs.h0.dim() == 2, "torchlayers::", op, ": expected h0 of shape [batch, units], got ",
                    inputs.h0.sizes(), "\n  Give a state for each row of x.");
  const int64_t width = gates * inputs.units();
  check_like_x(op, "h0", inputs, inputs.h0, {inputs.batch(), inputs.units()});
  check_like_x(op, "kernel", inputs, inputs.kernel, {inputs.inputs(), width});
  check_like_x(op, "recurrent_kernel", inputs, inputs.recurrent_kernel, {inputs.units(), width});
  if (inputs.bias.has_value()) {
    const std::vector<int64_t> sizes =
        bias_rows == 0 ? std::vector<int64_t>{width} : std::vector<int64_t>{bias_rows, width};
    check_like_x(op, "bias", inputs, *inputs.bias, sizes);
  }
  if (inputs.mask.has_value()) {
    check_shape(op, "mask", *inputs.mask, {inputs.batch(), inputs.steps()});
    TORCH_CHECK_TYPE(inputs.mask->scalar_type() == at::kBool, "torchlayers::", op, ": expected a mask of dtype bool, ",
                     "got ", inputs.mask->scalar_type(), "\n  Give true where a step counts.");
  }
  if (inputs.recurrent_mask.has_value()) {
    check_like_x(op, "recurrent_mask", inputs, *inputs.recurrent_mask, {gates, inputs.batch(), inputs.units()});
    TORCH_CHECK_VALUE(!inputs.recurrent_mask->requires_grad(), "torchlayers::", op,
                      ": expected a recurrent_mask without gradient, got one that requires it",
                      "\n  It has no derivative: detach it.");
  }
}

void check_state(const char* op, const char* name, const RecurrentInputs& inputs, const at::Tensor& state) {
  check_like_x(op, name, inputs, state, {inputs.batch(), inputs.units()});
}

at::Tensor to_steps(const at::Tensor& x, bool go_backwards) {
  const at::Tensor steps = x.transpose(0, 1);
  return go_backwards ? steps.flip(0).contiguous() : steps.contiguous();
}

at::Tensor from_steps(const at::Tensor& x, bool go_backwards) {
  return (go_backwards ? x.flip(0) : x).transpose(0, 1).contiguous();
}

at::Tensor large_product(ProductKind kind, const at::Tensor& a, const at::Tensor& b, const OptionalTensor& bias) {
  const at::Tensor left = kind == ProductKind::WeightGradient ? a.t() : a;
  const at::Tensor right = kind == ProductKind::InputGradient ? b.t() : b;
  const ProductShape shape{kind, left.size(0), right.size(1), left.size(1)};
  if (a.scalar_type() != at::kFloat || shape.m * shape.n * shape.k == 0) {
    return bias.has_value() ? at::addmm(*bias, left, right) : at::mm(left, right);
  }
  at::Tensor out = at::empty({shape.m, shape.n}, a.options());
  const at::Tensor numbers = bias.has_value() ? bias->contiguous() : at::Tensor();
  product_into(product_choice(shape), shape, a.contiguous(), b.contiguous(),
               numbers.defined() ? numbers.const_data_ptr<float>() : nullptr, out);
  return out;
}

at::Tensor project_inputs(const at::Tensor& steps, const at::Tensor& kernel, const OptionalTensor& bias) {
  const at::Tensor rows = steps.view({steps.size(0) * steps.size(1), steps.size(2)});
  return large_product(ProductKind::Forward, rows, kernel, bias).view({steps.size(0), steps.size(1), kernel.size(1)});
}

StepProduct StepProduct::forward(const RecurrentInputs& inputs, const at::Tensor& bias, const at::Tensor& out) {
  return {inputs, bias, out, false};
}

StepProduct StepProduct::backward(const RecurrentInputs& inputs, const at::Tensor& out) {
  return {inputs, at::Tensor(), out, true};
}

StepProduct::StepProduct(const RecurrentInputs& inputs, at::Tensor bias, at::Tensor out, bool backward)
    : inputs_(inputs),
      kernel_(inputs.recurrent_kernel.contiguous()),
      bias_(bias.defined() ? bias.contiguous() : std::move(bias)),
      out_(std::move(out)),
      backward_(backward),
      by_rows_(inputs.x.scalar_type() == at::kFloat && !inputs.recurrent_mask.has_value() &&
               out_.numel() * kernel_.numel() > 0) {
  if (!by_rows_) return;
  gemm_.m = out_.size(0);
  gemm_.n = out_.size(1);
  gemm_.k = kernel_.size(backward ? 1 : 0);
  gemm_.lda = gemm_.k;
  gemm_.b = kernel_.const_data_ptr<float>();
  gemm_.ldb = kernel_.size(1);
  gemm_.transpose_b = backward;
  gemm_.c = out_.mutable_data_ptr<float>();
  gemm_.ldc = gemm_.n;
  gemm_.bias = bias_.defined() ? bias_.const_data_ptr<float>() : nullptr;
  gemm_prepare(gemm_);
}

void StepProduct::whole(const at::Tensor& source) const {
  at::Tensor out = out_;
  if (!inputs_.recurrent_mask.has_value()) {
    if (backward_) {
      at::mm_out(out, source, kernel_.t());
    } else if (bias_.defined()) {
      at::addmm_out(out, bias_, source, kernel_);
    } else {
      at::mm_out(out, source, kernel_);
    }
    return;
  }
  const int64_t units = inputs_.units();
  if (backward_) out.zero_();
  for (int64_t gate = 0; gate < inputs_.recurrent_mask->size(0); ++gate) {
    const at::Tensor mask = inputs_.recurrent_mask->select(0, gate);
    const at::Tensor kernel = kernel_.narrow(1, gate * units, units);
    if (backward_) {
      out.addcmul_(at::mm(source.narrow(1, gate * units, units), kernel.t()), mask);
    } else {
      at::Tensor part = at::mm(source.mul(mask), kernel);
      if (bias_.defined()) part.add_(bias_.narrow(0, gate * units, units));
      out.narrow(1, gate * units, units).copy_(part);
    }
  }
}

at::Tensor recurrent_kernel_grad(const at::Tensor& hidden, const at::Tensor& grad_z, const RecurrentInputs& inputs) {
  const int64_t steps = inputs.steps();
  const int64_t batch = inputs.batch();
  const int64_t units = inputs.units();
  // Step 0 saw h0, each later one what the step before it left.
  const auto product = [&](const at::Tensor& mask, const at::Tensor& part) {
    const auto masked = [&](const at::Tensor& state) { return mask.defined() ? state.mul(mask) : state; };
    at::Tensor first = at::mm(masked(inputs.h0).t(), part.select(0, 0));
    if (steps == 1) return first;
    const int64_t rows = (steps - 1) * batch;
    const at::Tensor before = masked(hidden.narrow(0, 0, steps - 1)).reshape({rows, units});
    const at::Tensor after = part.narrow(0, 1, steps - 1).reshape({rows, part.size(2)});
    return large_product(ProductKind::WeightGradient, before, after).add_(first);
  };
  if (!inputs.recurrent_mask.has_value()) return product(at::Tensor(), grad_z);
  at::Tensor grad = at::empty({units, grad_z.size(2)}, grad_z.options());
  for (int64_t gate = 0; gate < inputs.recurrent_mask->size(0); ++gate) {
    grad.narrow(1, gate * units, units)
        .copy_(product(inputs.recurrent_mask->select(0, gate), grad_z.narrow(2, gate * units, units)));
  }
  return grad;
}

at::Tensor keep_where_masked(const at::Tensor& mask_column, const at::Tensor& fresh, const at::Tensor& kept) {
  return mask_column.defined() ? at::where(mask_column.unsqueeze(1), fresh, kept) : fresh;
}

at::Tensor recurrent_product(const at::Tensor& state, const RecurrentInputs& inputs) {
  if (!inputs.recurrent_mask.has_value()) return at::mm(state, inputs.recurrent_kernel);
  const int64_t units = inputs.units();
  std::vector<at::Tensor> parts;
  for (int64_t gate = 0; gate < inputs.recurrent_mask->size(0); ++gate) {
    parts.push_back(at::mm(state.mul(inputs.recurrent_mask->select(0, gate)),
                           inputs.recurrent_kernel.narrow(1, gate * units, units)));
  }
  return at::stack(parts, 1).flatten(1);
}

at::Tensor plain_sequence(const std::vector<at::Tensor>& outputs, const RecurrentInputs& inputs, bool wanted) {
  if (wanted) return at::stack(outputs, 1);
  return at::empty({inputs.batch(), 0, inputs.units()}, inputs.x.options());
}

std::vector<at::Tensor> differentiable_grads(const std::vector<at::Tensor>& outputs,
                                             const std::vector<at::Tensor>& grads,
                                             const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> used_outputs;
  std::vector<at::Tensor> used_grads;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!grads[i].defined() || !outputs[i].requires_grad()) continue;
    used_outputs.push_back(outputs[i]);
    used_grads.push_back(grads[i]);
  }
  std::vector<at::Tensor> watched;
  for (const at::Tensor& input : inputs) {
    if (input.defined() && input.requires_grad()) watched.push_back(input);
  }
  std::vector<at::Tensor> results(inputs.size());
  if (used_outputs.empty() || watched.empty()) return results;
  const auto found = torch::autograd::grad(used_outputs, watched, used_grads, /*retain_graph=*/true,
                                           /*create_graph=*/true, /*allow_unused=*/true);
  size_t next = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined() && inputs[i].requires_grad()) results[i] = found[next++];
  }
  return results;
}

}  // namespace torchlayers
