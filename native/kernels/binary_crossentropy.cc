// Binary cross-entropy of each element:
//   of probabilities: p = min(max(x, low), high), loss = -t log(p) - (1 - t) log(1 - p)
//   of logits:        loss = max(x, 0) - x t + log(1 + exp(-|x|))
#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS  // else some ATen headers pull in all 2,000 operators
#endif
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/activation.h"
#include "kernels/cpu_dispatch.h"
#include "kernels/inplace.h"
#include "kernels/vector_math.h"

namespace torchlayers {
namespace {

constexpr int64_t kElementsPerTask = 8192;

void check(const char* op, const at::Tensor& x, const at::Tensor& target) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat && target.scalar_type() == at::kFloat, "torchlayers::", op,
                   ": expected float32 tensors, got ", x.scalar_type(), " and ", target.scalar_type(),
                   "\n  Cast them.");
  TORCH_CHECK_VALUE(x.sizes() == target.sizes(), "torchlayers::", op, ": expected x and target of one shape, got ",
                    x.sizes(), " and ", target.sizes(), "\n  Give one label per element.");
}

TORCHLAYERS_INLINE float log_of(float c) {
  const float value = fast_log(c);
  return c < 1.17549435e-38f ? -__builtin_inff() : (c != c ? c : value);
}

TORCHLAYERS_MULTIVERSION void loss_run(const float* TORCHLAYERS_RESTRICT x, const float* TORCHLAYERS_RESTRICT t,
                                       float* TORCHLAYERS_RESTRICT y, int64_t count, float low, float high) {
  for (int64_t i = 0; i < count; ++i) {
    const float up = x[i] < low ? low : x[i];
    const float p = up > high ? high : up;
    y[i] = -(t[i] * log_of(p) + (1.0f - t[i]) * log_of(1.0f - p));
  }
}

TORCHLAYERS_MULTIVERSION void logits_run(const float* TORCHLAYERS_RESTRICT x, const float* TORCHLAYERS_RESTRICT t,
                                         float* TORCHLAYERS_RESTRICT y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float size = x[i] < 0 ? -x[i] : x[i];
    const float positive = x[i] < 0 ? 0.0f : x[i];
    y[i] = positive - x[i] * t[i] + log_of(1.0f + fast_exp(-size));
  }
}

TORCHLAYERS_MULTIVERSION void slope_run(const float* TORCHLAYERS_RESTRICT grad, const float* TORCHLAYERS_RESTRICT x,
                                        const float* TORCHLAYERS_RESTRICT t, float* TORCHLAYERS_RESTRICT y,
                                        int64_t count, float low, float high) {
  for (int64_t i = 0; i < count; ++i) {
    const bool inside = x[i] >= low && x[i] <= high;
    const float up = x[i] < low ? low : x[i];
    const float p = up > high ? high : up;
    const float slope = (1.0f - t[i]) / (1.0f - p) - t[i] / p;
    y[i] = inside ? grad[i] * slope : 0.0f;
  }
}

TORCHLAYERS_MULTIVERSION void logits_slope_run(const float* TORCHLAYERS_RESTRICT grad,
                                               const float* TORCHLAYERS_RESTRICT x, const float* TORCHLAYERS_RESTRICT t,
                                               float* TORCHLAYERS_RESTRICT y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = grad[i] * (fast_sigmoid(x[i]) - t[i]);
}

at::Tensor forward_cpu(const at::Tensor& x, const at::Tensor& target, double low, double high, bool logits) {
  check("binary_crossentropy", x, target);
  const at::Tensor in = x.contiguous();
  const at::Tensor labels = target.contiguous();
  at::Tensor result = at::empty(x.sizes(), x.options());
  const float* a = in.const_data_ptr<float>();
  const float* t = labels.const_data_ptr<float>();
  float* y = result.mutable_data_ptr<float>();
  at::parallel_for(0, x.numel(), kElementsPerTask, [&](int64_t first, int64_t last) {
    if (logits) {
      logits_run(a + first, t + first, y + first, last - first);
    } else {
      loss_run(a + first, t + first, y + first, last - first, static_cast<float>(low), static_cast<float>(high));
    }
  });
  return result;
}

void check_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& target) {
  check("binary_crossentropy_backward", x, target);
  check("binary_crossentropy_backward", grad, target);
}

at::Tensor backward_cpu(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& target, double low, double high,
                        bool logits) {
  check_backward(grad, x, target);
  const at::Tensor given = grad.contiguous();
  const at::Tensor in = x.contiguous();
  const at::Tensor labels = target.contiguous();
  at::Tensor result = at::empty(x.sizes(), x.options());
  const float* g = given.const_data_ptr<float>();
  const float* a = in.const_data_ptr<float>();
  const float* t = labels.const_data_ptr<float>();
  float* y = result.mutable_data_ptr<float>();
  at::parallel_for(0, x.numel(), kElementsPerTask, [&](int64_t first, int64_t last) {
    if (logits) {
      logits_slope_run(g + first, a + first, t + first, y + first, last - first);
    } else {
      slope_run(g + first, a + first, t + first, y + first, last - first, static_cast<float>(low),
                static_cast<float>(high));
    }
  });
  return result;
}

at::Tensor forward_meta(const at::Tensor& x, const at::Tensor& target, double, double, bool) {
  check("binary_crossentropy", x, target);
  return at::empty(x.sizes(), x.options().device(at::kMeta));
}

at::Tensor backward_meta(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& target, double, double, bool) {
  check_backward(grad, x, target);
  return at::empty(x.sizes(), x.options().device(at::kMeta));
}

using ForwardSignature = at::Tensor(const at::Tensor&, const at::Tensor&, double, double, bool);
using BackwardSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double, double, bool);

template <typename Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

struct BinaryCrossentropyFunction : torch::autograd::Function<BinaryCrossentropyFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& target,
                            double low, double high, bool logits) {
    static const auto op = find<ForwardSignature>("torchlayers::binary_crossentropy");
    at::AutoDispatchBelowAutograd guard;
    context->save_for_backward({x, target});
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    context->saved_data["logits"] = logits;
    return op.call(x, target, low, high, logits);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    static const auto op = find<BackwardSignature>("torchlayers::binary_crossentropy_backward");
    const auto saved = context->get_saved_variables();
    return {op.call(grads[0], saved[0], saved[1], context->saved_data["low"].toDouble(),
                    context->saved_data["high"].toDouble(), context->saved_data["logits"].toBool()),
            {},
            {},
            {},
            {}};
  }
};

at::Tensor forward_autograd(const at::Tensor& x, const at::Tensor& target, double low, double high, bool logits) {
  TORCH_CHECK_NOT_IMPLEMENTED(
      !at::GradMode::is_enabled() || !target.requires_grad(),
      "torchlayers::binary_crossentropy: expected a target without gradient, got one that requires it",
      "\n  Take the gradient for x alone.");
  return BinaryCrossentropyFunction::apply(x, target, low, high, logits);
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("binary_crossentropy", forward_cpu);
  m.impl("binary_crossentropy_backward", backward_cpu);
}
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("binary_crossentropy", forward_meta);
  m.impl("binary_crossentropy_backward", backward_meta);
}
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("binary_crossentropy", forward_autograd);
  m.impl("binary_crossentropy_backward", refuse_gradient());
}

}  // namespace torchlayers
