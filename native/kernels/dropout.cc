// dropout: y = x / (1 - rate) where the element's draw is at least rate, else 0 (Srivastava et al., JMLR 2014).
// The mask is never stored: forward and backward both draw it from the seed.
#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS  // else some ATen headers pull in all 2,000 operators
#endif
#include <ATen/Dispatch.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <mutex>
#include <optional>
#include <vector>

#include "kernels/mask.h"
#include "kernels/random_output.h"

namespace torchlayers {
namespace {

using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, double, at::OptionalIntArrayRef);

// ---- what CPU, Meta and other devices share

void check_dropout(const char* op, const at::Tensor& x, const at::Tensor& seed, double rate,
                   at::OptionalIntArrayRef noise_shape) {
  check_seed(op, seed);
  check_real_dtype(op, x.scalar_type());
  TORCH_CHECK_VALUE(rate >= 0 && rate <= 1, "torchlayers::", op, ": expected a rate in [0, 1], got ", rate,
                    "\n  Give the fraction of the elements to drop.");
  if (!noise_shape.has_value()) return;
  const int64_t lead = x.dim() - static_cast<int64_t>(noise_shape->size());
  bool fits = lead >= 0;
  for (size_t i = 0; fits && i < noise_shape->size(); ++i) {
    fits = (*noise_shape)[i] == 1 || (*noise_shape)[i] == x.size(lead + static_cast<int64_t>(i));
  }
  TORCH_CHECK_VALUE(fits, "torchlayers::", op, ": expected a noise_shape that broadcasts to ", x.sizes(), ", got ",
                    *noise_shape, "\n  Each entry is 1 (one draw for the whole axis) or the axis' size.");
}

// ---- CPU

template <typename T, typename Scale>
TORCHLAYERS_MULTIVERSION void drop(const uint32_t* draws, int64_t count, uint32_t threshold, Scale scale,
                                   const T* TORCHLAYERS_RESTRICT x, T* TORCHLAYERS_RESTRICT y) {
  const auto first_kept = static_cast<int32_t>(threshold);
  for (int64_t i = 0; i < count; ++i) {
    const Scale kept = static_cast<Scale>(x[i]) * scale;
    y[i] = static_cast<T>(static_cast<int32_t>(draws[i] >> 8) >= first_kept ? kept : Scale{0});
  }
}

TORCHLAYERS_MULTIVERSION void draw_mask(const uint32_t* draws, int64_t count, uint32_t threshold,
                                        bool* TORCHLAYERS_RESTRICT mask) {
  for (int64_t i = 0; i < count; ++i) mask[i] = (draws[i] >> 8) >= threshold;
}

template <typename T>
void drop_all(const at::Tensor& x, PhiloxStream stream, double rate, at::Tensor& y) {
  using Scale = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const T* in = x.const_data_ptr<T>();
  T* out = y.mutable_data_ptr<T>();
  const uint32_t threshold = keep_threshold(rate);
  const auto scale = static_cast<Scale>(keep_scale(rate));
  for_each_chunk(stream, x.numel(), 1, [=](const uint32_t* draws, int64_t begin, int64_t count) {
    drop<T, Scale>(draws, count, threshold, scale, in + begin, out + begin);
  });
}

// With one draw for several elements, or on another device: the mask is made once on the CPU and broadcast.
at::Tensor drop_with_mask(const at::Tensor& x, PhiloxStream stream, double rate, at::IntArrayRef mask_shape) {
  at::Tensor mask = at::empty(mask_shape, at::TensorOptions().dtype(at::kBool).device(at::kCPU));
  bool* out = mask.mutable_data_ptr<bool>();
  for_each_chunk(stream, mask.numel(), 1, [=](const uint32_t* draws, int64_t begin, int64_t count) {
    draw_mask(draws, count, keep_threshold(rate), out + begin);
  });
  const at::Tensor kept = x.contiguous().mul(keep_scale(rate));
  return at::where(mask.to(x.device()), kept, at::scalar_tensor(0, x.options()));
}

at::Tensor run_dropout(const char* op, const at::Tensor& x, const at::Tensor& seed, double rate,
                       at::OptionalIntArrayRef noise_shape) {
  check_dropout(op, x, seed, rate, noise_shape);
  if (rate == 0) return x.clone(at::MemoryFormat::Contiguous);
  if (rate == 1) return at::zeros_like(x, x.options(), at::MemoryFormat::Contiguous);
  const PhiloxStream stream = read_seed(seed);
  const bool one_draw_each = !noise_shape.has_value() || *noise_shape == x.sizes();
  if (!x.is_cpu() || !one_draw_each) return drop_with_mask(x, stream, rate, noise_shape.value_or(x.sizes()));
  const at::Tensor dense = x.contiguous();
  at::Tensor y = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "dropout",
                                  [&] { drop_all<scalar_t>(dense, stream, rate, y); });
  return y;
}

at::Tensor dropout(const at::Tensor& x, const at::Tensor& seed, double rate, at::OptionalIntArrayRef noise_shape) {
  return run_dropout("dropout", x, seed, rate, noise_shape);
}

// The derivative is the same map: the mask and the factor do not depend on x.
at::Tensor dropout_backward(const at::Tensor& grad, const at::Tensor& seed, double rate,
                            at::OptionalIntArrayRef noise_shape) {
  return run_dropout("dropout_backward", grad, seed, rate, noise_shape);
}

// ---- Meta

at::Tensor dropout_meta(const at::Tensor& x, const at::Tensor& seed, double rate, at::OptionalIntArrayRef noise_shape) {
  check_dropout("dropout", x, seed, rate, noise_shape);
  return at::empty(x.sizes(), x.options().device(at::kMeta));
}

at::Tensor dropout_backward_meta(const at::Tensor& grad, const at::Tensor& seed, double rate,
                                 at::OptionalIntArrayRef noise_shape) {
  check_dropout("dropout_backward", grad, seed, rate, noise_shape);
  return at::empty(grad.sizes(), grad.options().device(at::kMeta));
}

// ---- Autograd: for both operators, since each is the other's derivative

c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

const c10::TypedOperatorHandle<Signature>& forward_operator() {
  static const auto op = find("torchlayers::dropout");
  return op;
}

const c10::TypedOperatorHandle<Signature>& backward_operator() {
  static const auto op = find("torchlayers::dropout_backward");
  return op;
}

struct DropoutNode : public torch::autograd::Node {
  torch::autograd::SavedVariable seed;
  double rate = 0;
  std::optional<std::vector<int64_t>> noise_shape;

  std::string name() const override { return "TorchlayersDropoutBackward"; }

  void release_variables() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    seed.reset_data();
  }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!grads[0].defined() || !task_should_compute_output(0)) return {at::Tensor()};
    at::OptionalIntArrayRef shape;
    if (noise_shape.has_value()) shape = *noise_shape;
    return {backward_operator().call(grads[0], seed.unpack(), rate, shape)};
  }
};

at::Tensor with_node(const c10::TypedOperatorHandle<Signature>& op, const at::Tensor& x, const at::Tensor& seed,
                     double rate, at::OptionalIntArrayRef noise_shape) {
  c10::intrusive_ptr<DropoutNode> node;
  if (torch::autograd::compute_requires_grad(x)) {
    node = c10::make_intrusive<DropoutNode>();
    node->set_next_edges(torch::autograd::collect_next_edges(x));
    node->seed = torch::autograd::SavedVariable(seed, /*is_output=*/false);
    node->rate = rate;
    if (noise_shape.has_value()) node->noise_shape = noise_shape->vec();
  }
  at::Tensor y;
  {
    at::AutoDispatchBelowAutograd guard;
    y = op.call(x, seed, rate, noise_shape);
  }
  if (node) torch::autograd::set_history(y, node);
  return y;
}

at::Tensor dropout_autograd(const at::Tensor& x, const at::Tensor& seed, double rate,
                            at::OptionalIntArrayRef noise_shape) {
  return with_node(forward_operator(), x, seed, rate, noise_shape);
}

at::Tensor dropout_backward_autograd(const at::Tensor& grad, const at::Tensor& seed, double rate,
                                     at::OptionalIntArrayRef noise_shape) {
  return with_node(backward_operator(), grad, seed, rate, noise_shape);
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("dropout", dropout);
  m.impl("dropout_backward", dropout_backward);
}

TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) {
  m.impl("dropout", dropout);
  m.impl("dropout_backward", dropout_backward);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("dropout", dropout_meta);
  m.impl("dropout_backward", dropout_backward_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("dropout", dropout_autograd);
  m.impl("dropout_backward", dropout_backward_autograd);
}

}  // namespace torchlayers
