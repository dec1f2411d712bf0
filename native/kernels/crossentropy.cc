// Cross-entropy over the last axis of [rows, classes], forward and backward in one pass each:
//   'logits':        loss = -sum_j t_j log(softmax(x)_j)
//   'softmax':       p = softmax(x), else as 'probabilities'; answers p too
//   'probabilities': q = p / sum(p), c = min(max(q, low), high), loss = -sum_j t_j log(c_j)
// The gradient of the limits is that of clamp: it goes through where q lies within them. Targets are numbers of shape
// [rows, classes], or class numbers [rows] in int64.
#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS  // else some ATen headers pull in all 2,000 operators
#endif
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_softmax_backward_data.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/cpu_dispatch.h"
#include "kernels/inplace.h"
#include "kernels/vector_math.h"

namespace torchlayers {
namespace {

using Two = std::tuple<at::Tensor, at::Tensor>;

enum class From { Logits, Softmax, Probabilities };

From from_named(const char* op, std::string_view name) {
  if (name == "logits") return From::Logits;
  if (name == "softmax") return From::Softmax;
  if (name == "probabilities") return From::Probabilities;
  TORCH_CHECK_VALUE(false, "torchlayers::", op, ": expected 'logits', 'softmax' or 'probabilities', got '", name,
                    "'\n  Say what x holds.");
}

void check(const char* op, const at::Tensor& x, const at::Tensor& target) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat, "torchlayers::", op, ": expected x of dtype float32, got ",
                   x.scalar_type(), "\n  Cast it.");
  TORCH_CHECK_VALUE(x.dim() == 2, "torchlayers::", op, ": expected x of shape [rows, classes], got ", x.sizes(),
                    "\n  Reshape it.");
  const bool numbers = target.scalar_type() == at::kLong && target.dim() == 1 && target.size(0) == x.size(0);
  const bool shares = target.scalar_type() == at::kFloat && target.sizes() == x.sizes();
  TORCH_CHECK_VALUE(numbers || shares, "torchlayers::", op, ": expected a target in float32 of shape ", x.sizes(),
                    " or in int64 of shape [", x.size(0), "], got ", target.scalar_type(), " ", target.sizes(),
                    "\n  Give shares of classes, or class numbers.");
}

// Rows side by side in one vector: sums over classes then need no sum across a vector.
constexpr int64_t kLanes = 16;
constexpr int64_t kRowsPerTask = 4 * kLanes;

// Sixteen rows, transposed: element j of row r is block[j * kLanes + r]. Rows that are not there repeat the last one.
TORCHLAYERS_INLINE void load(const float* rows, int64_t count, int64_t classes, float* block) {
  for (int64_t r = 0; r < kLanes; ++r) {
    const float* row = rows + std::min(r, count - 1) * classes;
    for (int64_t j = 0; j < classes; ++j) block[j * kLanes + r] = row[j];
  }
}

TORCHLAYERS_INLINE void store(const float* block, int64_t count, int64_t classes, float* rows) {
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t j = 0; j < classes; ++j) rows[r * classes + j] = block[j * kLanes + r];
  }
}

// The target's shares of sixteen rows.
TORCHLAYERS_INLINE void load_target(const float* shares, const int64_t* numbers, int64_t first, int64_t count,
                                    int64_t classes, float* block) {
  if (numbers == nullptr) {
    load(shares + first * classes, count, classes, block);
    return;
  }
  std::fill_n(block, classes * kLanes, 0.0f);
  for (int64_t r = 0; r < count; ++r) block[numbers[first + r] * kLanes + r] = 1;
}

// x -> softmax(x) in place; `log_sum` is log(sum(exp(x - most))).
TORCHLAYERS_MULTIVERSION void softmax_block(float* x, int64_t classes, float* most, float* sum) {
  for (int64_t r = 0; r < kLanes; ++r) most[r] = x[r];
  for (int64_t j = 1; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      const float value = x[j * kLanes + r];
      // NaN stays.
      most[r] = value > most[r] || value != value ? value : most[r];
    }
  }
  for (int64_t r = 0; r < kLanes; ++r) sum[r] = 0;
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      const float shifted = x[j * kLanes + r] - most[r];
      // Below the range of fast_exp the share is nothing.
      const float e = shifted < -87.0f ? 0.0f : fast_exp(shifted);
      x[j * kLanes + r] = e;
      sum[r] += e;
    }
  }
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) x[j * kLanes + r] = x[j * kLanes + r] / sum[r];
  }
}

TORCHLAYERS_INLINE float held(float q, float low, float high) {
  const float up = q < low ? low : q;
  return up > high ? high : up;
}

// log of a number from [low, high]; NaN stays, and a limit of 0 gives -inf as it should.
TORCHLAYERS_INLINE float log_of(float c) {
  const float value = fast_log(c);
  return c < 1.17549435e-38f ? -__builtin_inff() : (c != c ? c : value);
}

TORCHLAYERS_MULTIVERSION void loss_block(const float* p, const float* t, int64_t classes, float low, float high,
                                         float* loss) {
  float sum[kLanes] = {};
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) sum[r] += p[j * kLanes + r];
  }
  for (int64_t r = 0; r < kLanes; ++r) loss[r] = 0;
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      const float c = held(p[j * kLanes + r] / sum[r], low, high);
      loss[r] -= t[j * kLanes + r] * log_of(c);
    }
  }
}

TORCHLAYERS_MULTIVERSION void logits_loss_block(const float* x, const float* t, int64_t classes, const float* most,
                                                const float* sum, float* loss) {
  float log_sum[kLanes];
  for (int64_t r = 0; r < kLanes; ++r) log_sum[r] = log_of(sum[r]);
  for (int64_t r = 0; r < kLanes; ++r) loss[r] = 0;
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      loss[r] -= t[j * kLanes + r] * (x[j * kLanes + r] - most[r] - log_sum[r]);
    }
  }
}

struct Sizes {
  int64_t rows;
  int64_t classes;
};

// A block of sixteen rows for each array that a pass needs; kept from call to call by each thread.
float* scratch(int64_t classes, int arrays) {
  static thread_local std::vector<float> memory;
  const auto needed = static_cast<size_t>(classes * kLanes * arrays);
  if (memory.size() < needed) memory.resize(needed);
  return memory.data();
}

void check_numbers(const int64_t* numbers, const Sizes& sizes) {
  if (numbers == nullptr) return;
  for (int64_t i = 0; i < sizes.rows; ++i) {
    TORCH_CHECK_INDEX(numbers[i] >= 0 && numbers[i] < sizes.classes, "Target ", numbers[i], " is out of bounds.");
  }
}

template <typename Body>
void for_each_block(const Sizes& sizes, const Body& body) {
  const int64_t blocks = (sizes.rows + kLanes - 1) / kLanes;
  // Some 3,000 elements take a thread as long as starting it.
  const int64_t grain = std::max<int64_t>(1, 4096 / std::max<int64_t>(1, sizes.classes * kLanes));
  at::parallel_for(0, blocks, grain, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      body(block * kLanes, std::min(kLanes, sizes.rows - block * kLanes));
    }
  });
}

Two crossentropy_cpu(const at::Tensor& x, const at::Tensor& target, double low, double high, std::string_view from,
                     bool mean) {
  check("crossentropy", x, target);
  const From kind = from_named("crossentropy", from);
  const at::Tensor in = x.contiguous();
  const at::Tensor labels = target.contiguous();
  const Sizes sizes{x.size(0), x.size(1)};
  at::Tensor losses = at::empty({sizes.rows}, x.options());
  at::Tensor p = at::empty(kind == From::Probabilities ? at::IntArrayRef({0}) : x.sizes(), x.options());
  const float* source = in.const_data_ptr<float>();
  const int64_t* numbers = labels.scalar_type() == at::kLong ? labels.const_data_ptr<int64_t>() : nullptr;
  const float* shares = numbers == nullptr ? labels.const_data_ptr<float>() : nullptr;
  check_numbers(numbers, sizes);
  float* loss = losses.mutable_data_ptr<float>();
  float* out = kind == From::Probabilities ? nullptr : p.mutable_data_ptr<float>();
  const auto floor = static_cast<float>(low);
  const auto ceiling = static_cast<float>(high);
  if (sizes.classes > 0) {
    for_each_block(sizes, [&](int64_t first, int64_t count) {
      float* block = scratch(sizes.classes, 3);
      float* t = block + sizes.classes * kLanes;
      float* raw = t + sizes.classes * kLanes;
      float most[kLanes];
      float sum[kLanes];
      float result[kLanes];
      load(source + first * sizes.classes, count, sizes.classes, block);
      load_target(shares, numbers, first, count, sizes.classes, t);
      if (kind == From::Logits) std::copy_n(block, sizes.classes * kLanes, raw);
      if (kind != From::Probabilities) {
        softmax_block(block, sizes.classes, most, sum);
        store(block, count, sizes.classes, out + first * sizes.classes);
      }
      if (kind == From::Logits) {
        logits_loss_block(raw, t, sizes.classes, most, sum, result);
      } else {
        loss_block(block, t, sizes.classes, floor, ceiling, result);
      }
      std::copy_n(result, count, loss + first);
    });
  } else {
    losses.zero_();
  }
  if (!mean) return {losses, p};
  at::Tensor average = at::empty({}, x.options());
  double total = 0;
  for (int64_t i = 0; i < sizes.rows; ++i) total += loss[i];
  *average.mutable_data_ptr<float>() = static_cast<float>(total / static_cast<double>(sizes.rows));
  return {average, p};
}

// `p`: softmax(x) for 'logits' and 'softmax', x for 'probabilities'.
TORCHLAYERS_MULTIVERSION void logits_slope_block(float* p, const float* t, const float* grad, int64_t classes) {
  float total[kLanes] = {};
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) total[r] += t[j * kLanes + r];
  }
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      p[j * kLanes + r] = grad[r] * (p[j * kLanes + r] * total[r] - t[j * kLanes + r]);
    }
  }
}

TORCHLAYERS_MULTIVERSION void slope_block(float* p, float* t, const float* grad, int64_t classes, float low, float high,
                                          bool softmax) {
  float sum[kLanes] = {};
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) sum[r] += p[j * kLanes + r];
  }
  // dq in the target's place, and sum_j dq_j q_j.
  float pull[kLanes] = {};
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      const float q = p[j * kLanes + r] / sum[r];
      const float c = held(q, low, high);
      const bool inside = q >= low && q <= high;
      const float dq = inside ? -grad[r] * t[j * kLanes + r] / c : 0.0f;
      t[j * kLanes + r] = dq;
      pull[r] += dq * q;
    }
  }
  float along[kLanes] = {};
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      const float dp = (t[j * kLanes + r] - pull[r]) / sum[r];
      t[j * kLanes + r] = dp;
      along[r] += dp * p[j * kLanes + r];
    }
  }
  for (int64_t j = 0; j < classes; ++j) {
    for (int64_t r = 0; r < kLanes; ++r) {
      const float dp = t[j * kLanes + r];
      p[j * kLanes + r] = softmax ? p[j * kLanes + r] * (dp - along[r]) : dp;
    }
  }
}

void check_backward(const at::Tensor& grad, const at::Tensor& p, const at::Tensor& target, bool mean) {
  check("crossentropy_backward", p, target);
  TORCH_CHECK_VALUE(
      grad.scalar_type() == at::kFloat && (mean ? grad.dim() == 0 : grad.sizes() == p.sizes().slice(0, 1)),
      "torchlayers::crossentropy_backward: expected the gradient of the loss in float32, got ", grad.scalar_type(), " ",
      grad.sizes(), "\n  Give one number, or one per row for mean=False.");
}

at::Tensor crossentropy_backward_cpu(const at::Tensor& grad, const at::Tensor& p, const at::Tensor& target, double low,
                                     double high, std::string_view from, bool mean) {
  check_backward(grad, p, target, mean);
  const From kind = from_named("crossentropy_backward", from);
  const at::Tensor in = p.contiguous();
  const at::Tensor labels = target.contiguous();
  const at::Tensor given = grad.contiguous();
  const Sizes sizes{p.size(0), p.size(1)};
  at::Tensor result = at::empty(p.sizes(), p.options());
  if (result.numel() == 0) return result;
  const float* source = in.const_data_ptr<float>();
  const int64_t* numbers = labels.scalar_type() == at::kLong ? labels.const_data_ptr<int64_t>() : nullptr;
  const float* shares = numbers == nullptr ? labels.const_data_ptr<float>() : nullptr;
  check_numbers(numbers, sizes);
  const float* weights = given.const_data_ptr<float>();
  float* out = result.mutable_data_ptr<float>();
  const float share = mean ? weights[0] / static_cast<float>(sizes.rows) : 0;
  for_each_block(sizes, [&](int64_t first, int64_t count) {
    float* block = scratch(sizes.classes, 2);
    float* t = block + sizes.classes * kLanes;
    float each[kLanes];
    for (int64_t r = 0; r < kLanes; ++r) each[r] = mean ? share : weights[first + std::min(r, count - 1)];
    load(source + first * sizes.classes, count, sizes.classes, block);
    load_target(shares, numbers, first, count, sizes.classes, t);
    if (kind == From::Logits) {
      logits_slope_block(block, t, each, sizes.classes);
    } else {
      slope_block(block, t, each, sizes.classes, static_cast<float>(low), static_cast<float>(high),
                  kind == From::Softmax);
    }
    store(block, count, sizes.classes, out + first * sizes.classes);
  });
  return result;
}

// ---- Meta

Two crossentropy_meta(const at::Tensor& x, const at::Tensor& target, double /*low*/, double /*high*/,
                      std::string_view from, bool mean) {
  check("crossentropy", x, target);
  const auto options = x.options().device(at::kMeta);
  const bool probabilities = from_named("crossentropy", from) == From::Probabilities;
  return {mean ? at::empty({}, options) : at::empty({x.size(0)}, options),
          at::empty(probabilities ? at::IntArrayRef({0}) : x.sizes(), options)};
}

at::Tensor crossentropy_backward_meta(const at::Tensor& grad, const at::Tensor& p, const at::Tensor& target,
                                      double /*low*/, double /*high*/, std::string_view from, bool mean) {
  check_backward(grad, p, target, mean);
  from_named("crossentropy_backward", from);
  return at::empty(p.sizes(), p.options().device(at::kMeta));
}

// ---- Autograd

using ForwardSignature = Two(const at::Tensor&, const at::Tensor&, double, double, std::string_view, bool);
using BackwardSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double, double,
                                     std::string_view, bool);

template <typename Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

struct CrossentropyFunction : torch::autograd::Function<CrossentropyFunction> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                                                const at::Tensor& target, double low, double high,
                                                const std::string& from, bool mean) {
    static const auto op = find<ForwardSignature>("torchlayers::crossentropy");
    at::AutoDispatchBelowAutograd guard;
    auto [loss, p] = op.call(x, target, low, high, from, mean);
    context->save_for_backward({from == "probabilities" ? x : p, target});
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    context->saved_data["from"] = from;
    context->saved_data["mean"] = mean;
    if (from == "probabilities") context->mark_non_differentiable({p});
    return {loss, p};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    static const auto op = find<BackwardSignature>("torchlayers::crossentropy_backward");
    const auto saved = context->get_saved_variables();
    at::Tensor dx;
    if (grads[0].defined()) {
      dx = op.call(grads[0], saved[0], saved[1], context->saved_data["low"].toDouble(),
                   context->saved_data["high"].toDouble(), context->saved_data["from"].toStringRef(),
                   context->saved_data["mean"].toBool());
    }
    if (grads.size() > 1 && grads[1].defined() && saved[0].sizes() == grads[1].sizes()) {
      const at::Tensor more = at::_softmax_backward_data(grads[1], saved[0], 1, at::kFloat);
      dx = dx.defined() ? dx.add(more) : more;
    }
    return {dx, {}, {}, {}, {}, {}};
  }
};

Two crossentropy_autograd(const at::Tensor& x, const at::Tensor& target, double low, double high, std::string_view from,
                          bool mean) {
  TORCH_CHECK_NOT_IMPLEMENTED(!at::GradMode::is_enabled() || !target.requires_grad(),
                              "torchlayers::crossentropy: expected a target without gradient, got one that requires it",
                              "\n  Take the gradient for x alone.");
  auto results = CrossentropyFunction::apply(x, target, low, high, std::string(from), mean);
  return {results[0], results[1]};
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("crossentropy", crossentropy_cpu);
  m.impl("crossentropy_backward", crossentropy_backward_cpu);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("crossentropy", crossentropy_meta);
  m.impl("crossentropy_backward", crossentropy_backward_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("crossentropy", crossentropy_autograd);
  m.impl("crossentropy_backward", refuse_gradient());
}

}  // namespace torchlayers
