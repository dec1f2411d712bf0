// dense: y = dropout(activation(x weight + bias)), the product by whatever is fastest for its shape and all that
// follows while the rows are still in the processor's caches. The mask is that of torchlayers::dropout for the same
// seed.
#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS  // else some ATen headers pull in all 2,000 operators
#endif
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <array>
#include <tuple>
#include <vector>

#include "kernels/activation.h"
#include "kernels/gemm.h"
#include "kernels/inplace.h"
#include "kernels/mask.h"
#include "kernels/product.h"
#include "kernels/seed.h"

namespace torchlayers {

Activation activation_named(const char* op, std::string_view name) {
  if (name == "none") return Activation::None;
  if (name == "relu") return Activation::Relu;
  if (name == "sigmoid") return Activation::Sigmoid;
  if (name == "tanh") return Activation::Tanh;
  if (name == "silu") return Activation::Silu;
  if (name == "gelu") return Activation::Gelu;
  if (name == "gelu_tanh") return Activation::GeluTanh;
  TORCH_CHECK_VALUE(false, "torchlayers::", op,
                    ": expected an activation among none, relu, sigmoid, tanh, silu, gelu, gelu_tanh, got ", name,
                    "\n  Apply other functions to the result.");
}

namespace {

using Two = std::tuple<at::Tensor, at::Tensor>;
using Three = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

// ---- checks, shared with Meta

void check_options(const char* op, const std::optional<at::Tensor>& seed, double rate) {
  if (seed.has_value()) check_seed(op, *seed);
  TORCH_CHECK_VALUE(rate >= 0 && rate <= 1, "torchlayers::", op, ": expected a rate in [0, 1], got ", rate,
                    "\n  Give the fraction of the elements to drop.");
}

std::vector<int64_t> check_factors(const char* op, const at::Tensor& x, const at::Tensor& weight,
                                   const std::optional<at::Tensor>& bias) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
                       (!bias.has_value() || bias->scalar_type() == at::kFloat),
                   "torchlayers::", op, ": expected float32 tensors, got x ", x.scalar_type(), " and weight ",
                   weight.scalar_type(), "\n  Other dtypes take aten::addmm.");
  TORCH_CHECK_VALUE(x.dim() >= 2 && weight.dim() == 2 && x.size(-1) == weight.size(0), "torchlayers::", op,
                    ": expected x of shape [..., in] and weight of shape [in, out], got ", x.sizes(), " and ",
                    weight.sizes(), "\n  The last axis of x and the first of weight are summed over.");
  TORCH_CHECK_VALUE(!bias.has_value() || (bias->dim() == 1 && bias->size(0) == weight.size(1)), "torchlayers::", op,
                    ": expected a bias of shape [", weight.size(1), "], got ",
                    bias.has_value() ? bias->sizes() : at::IntArrayRef(), "\n  Give one number per column of weight.");
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(1);
  return sizes;
}

bool drops(const std::optional<at::Tensor>& seed, double rate) { return seed.has_value() && rate > 0; }

// Whether backward needs more than the result.
bool needs_saved(Activation activation, bool dropping) {
  const DerivativeOf of = derivative_of(activation);
  return of == DerivativeOf::Input || (of == DerivativeOf::Output && dropping && activation != Activation::Relu);
}

// ---- what follows the product

struct Rest {
  Activation activation;
  bool dropping;
  PhiloxStream stream;
  uint32_t threshold;
  float scale;
};

Rest rest_of(Activation activation, const std::optional<at::Tensor>& seed, double rate) {
  const bool dropping = drops(seed, rate);
  return {activation, dropping, dropping ? read_seed(*seed) : PhiloxStream(), keep_threshold(rate),
          static_cast<float>(keep_scale(rate))};
}

template <Activation A>
TORCHLAYERS_MULTIVERSION void activate_run(float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = activate<A>(y[i]);
}

template <Activation A>
TORCHLAYERS_MULTIVERSION void drop_run(float* y, int64_t count, const uint32_t* draws, uint32_t threshold,
                                       float scale) {
  const auto first_kept = static_cast<int32_t>(threshold);
  for (int64_t i = 0; i < count; ++i) {
    const float kept = activate<A>(y[i]) * scale;
    y[i] = static_cast<int32_t>(draws[i] >> 8) >= first_kept ? kept : 0.0f;
  }
}

// Calls body(draws, begin, count) for elements [first, last); `first` is a multiple of four, so that it begins a block.
template <typename Body>
void with_draws(PhiloxStream stream, int64_t first, int64_t last, const Body& body) {
  alignas(64) uint32_t draws[kChunkDraws];
  for (int64_t begin = first; begin < last; begin += kChunkDraws) {
    const int64_t count = std::min(kChunkDraws, last - begin);
    philox_fill(stream, static_cast<uint64_t>(begin) / 4, (count + 3) / 4, draws);
    body(static_cast<const uint32_t*>(draws), begin, count);
  }
}

// Elements [first, last) of the product become elements of the result; `saved` gets what backward needs, if anything.
void finish_elements(const Rest& rest, float* y, float* saved, int64_t first, int64_t last) {
  const int64_t count = last - first;
  const DerivativeOf of = derivative_of(rest.activation);
  if (saved != nullptr && of == DerivativeOf::Input) std::copy_n(y + first, count, saved + first);
  with_activation(rest.activation, [&](auto chosen) {
    constexpr Activation A = decltype(chosen)::value;
    if (!rest.dropping) {
      if constexpr (A != Activation::None) activate_run<A>(y + first, count);
      return;
    }
    if (saved != nullptr && of == DerivativeOf::Output) {
      activate_run<A>(y + first, count);
      std::copy_n(y + first, count, saved + first);
      with_draws(rest.stream, first, last, [&](const uint32_t* draws, int64_t begin, int64_t part) {
        drop_run<Activation::None>(y + begin, part, draws, rest.threshold, rest.scale);
      });
      return;
    }
    with_draws(rest.stream, first, last, [&](const uint32_t* draws, int64_t begin, int64_t part) {
      drop_run<A>(y + begin, part, draws, rest.threshold, rest.scale);
    });
  });
}

// Elements of a pass over memory that make a second thread worth while.
constexpr int64_t kElementsPerTask = 16384;

Two dense_cpu(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
              std::string_view activation, const std::optional<at::Tensor>& seed, double rate, bool save) {
  check_options("dense", seed, rate);
  const auto sizes = check_factors("dense", x, weight, bias);
  const Activation function = activation_named("dense", activation);
  const Rest rest = rest_of(function, seed, rate);
  const at::Tensor left = x.contiguous();
  const at::Tensor right = weight.contiguous();
  const at::Tensor row = bias.has_value() ? bias->contiguous() : at::Tensor();
  at::Tensor y = at::empty(sizes, x.options());
  const bool keeps = save && needs_saved(function, rest.dropping);
  at::Tensor saved = at::empty(keeps ? at::IntArrayRef(sizes) : at::IntArrayRef({0}), x.options());
  const ProductShape shape{
      ProductKind::Forward,
      weight.size(0) == 0 ? y.numel() / std::max<int64_t>(1, weight.size(1)) : x.numel() / weight.size(0),
      weight.size(1), weight.size(0)};
  if (y.numel() == 0) return {y, saved};
  const float* bias_data = row.defined() ? row.const_data_ptr<float>() : nullptr;
  float* out = y.mutable_data_ptr<float>();
  float* kept = keeps ? saved.mutable_data_ptr<float>() : nullptr;
  const ProductBy by = product_choice(shape);
  if (by == ProductBy::Ours && shape.m >= 2 * kGemmRows) {
    Gemm g{shape.m,
           shape.n,
           shape.k,
           left.const_data_ptr<float>(),
           shape.k,
           false,
           right.const_data_ptr<float>(),
           shape.n,
           false,
           out,
           shape.n,
           bias_data};
    gemm_prepare(g);
    gemm_parallel_rows(g, [&](int64_t first, int64_t last) {
      gemm_rows(g, first, last);
      finish_elements(rest, out, kept, first * g.n, last * g.n);
    });
    return {y, saved};
  }
  if (by == ProductBy::Ours) {
    gemm_run({shape.m, shape.n, shape.k, left.const_data_ptr<float>(), shape.k, false, right.const_data_ptr<float>(),
              shape.n, false, out, shape.n, bias_data});
  } else {
    const at::Tensor flat = left.view({shape.m, shape.k});
    at::Tensor target = y.view({shape.m, shape.n});
    product_into(by, shape, flat, right, bias_data, target);
  }
  if (function == Activation::None && !rest.dropping) return {y, saved};
  constexpr int64_t kStep = kChunkDraws;
  at::parallel_for(0, (y.numel() + kStep - 1) / kStep, kElementsPerTask / kStep, [&](int64_t first, int64_t last) {
    finish_elements(rest, out, kept, first * kStep, std::min(y.numel(), last * kStep));
  });
  return {y, saved};
}

// ---- backward

template <Activation A, bool Dropping>
TORCHLAYERS_MULTIVERSION void slope_run(const float* TORCHLAYERS_RESTRICT grad, const float* TORCHLAYERS_RESTRICT from,
                                        float* TORCHLAYERS_RESTRICT out, int64_t count, const uint32_t* draws,
                                        uint32_t threshold, float scale) {
  const auto first_kept = static_cast<int32_t>(threshold);
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (A == Activation::Relu) {
      // A result above zero was kept; what was dropped is zero. No draws needed.
      const float g = Dropping ? grad[i] * scale : grad[i];
      out[i] = from[i] <= 0 ? 0.0f : g;
    } else {
      float g = grad[i];
      if constexpr (Dropping) g = static_cast<int32_t>(draws[i] >> 8) >= first_kept ? g * scale : 0.0f;
      if constexpr (A != Activation::None) g = g * derivative<A>(from[i]);
      out[i] = g;
    }
  }
}

void slope_elements(const Rest& rest, const float* grad, const float* from, float* out, int64_t first, int64_t last) {
  with_activation(rest.activation, [&](auto chosen) {
    constexpr Activation A = decltype(chosen)::value;
    const auto at_place = [&](int64_t begin) { return from == nullptr ? nullptr : from + begin; };
    if (!rest.dropping) {
      slope_run<A, false>(grad + first, at_place(first), out + first, last - first, nullptr, 0, 1);
    } else if constexpr (A == Activation::Relu) {
      slope_run<A, true>(grad + first, at_place(first), out + first, last - first, nullptr, 0, rest.scale);
    } else {
      with_draws(rest.stream, first, last, [&](const uint32_t* draws, int64_t begin, int64_t part) {
        slope_run<A, true>(grad + begin, at_place(begin), out + begin, part, draws, rest.threshold, rest.scale);
      });
    }
  });
}

// Rows summed by themselves: fixed, so that bias gradients don't depend on the number of threads.
constexpr int64_t kRowsPerSum = 16;

TORCHLAYERS_MULTIVERSION void add_rows(const float* TORCHLAYERS_RESTRICT rows, int64_t count, int64_t columns,
                                       float* TORCHLAYERS_RESTRICT sums) {
  for (int64_t n = 0; n < columns; ++n) sums[n] = rows[n];
  for (int64_t m = 1; m < count; ++m) {
    for (int64_t n = 0; n < columns; ++n) sums[n] += rows[m * columns + n];
  }
}

void check_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& y,
                    const std::optional<at::Tensor>& seed, double rate) {
  check_options("dense_backward", seed, rate);
  const auto sizes = check_factors("dense_backward", x, weight, std::nullopt);
  TORCH_CHECK_VALUE(grad.sizes() == at::IntArrayRef(sizes) && y.sizes() == grad.sizes() &&
                        grad.scalar_type() == at::kFloat && y.scalar_type() == at::kFloat,
                    "torchlayers::dense_backward: expected grad and y in float32 of shape ", at::IntArrayRef(sizes),
                    ", got ", grad.sizes(), " and ", y.sizes(), "\n  Give the gradient of the operator's result.");
}

Three dense_backward_cpu(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& y,
                         const at::Tensor& saved, const std::optional<at::Tensor>& seed, std::string_view activation,
                         double rate, std::array<bool, 3> wanted) {
  check_backward(grad, x, weight, y, seed, rate);
  const Activation function = activation_named("dense_backward", activation);
  const Rest rest = rest_of(function, seed, rate);
  const at::Tensor from = needs_saved(function, rest.dropping) ? saved.contiguous() : y.contiguous();
  TORCH_CHECK_VALUE(from.sizes() == y.sizes(), "torchlayers::dense_backward: expected `saved` of shape ", y.sizes(),
                    ", got ", from.sizes(), "\n  Call dense with save=True.");
  const at::Tensor given = grad.contiguous();
  const int64_t n = weight.size(1);
  const int64_t k = weight.size(0);
  const int64_t m = n == 0 ? 0 : y.numel() / n;
  // The gradient before activation and dropout.
  const bool as_given = function == Activation::None && !rest.dropping;
  at::Tensor slope = as_given ? given : at::empty(given.sizes(), given.options());
  at::Tensor dbias = wanted[2] ? at::empty({n}, weight.options()) : at::Tensor();
  const int64_t parts = (m + kRowsPerSum - 1) / kRowsPerSum;
  const at::Tensor sums = wanted[2] ? at::empty({std::max<int64_t>(1, parts), n}, weight.options()) : at::Tensor();
  if (!as_given || wanted[2]) {
    const float* in = given.const_data_ptr<float>();
    const float* source = from.const_data_ptr<float>();
    float* out = as_given ? nullptr : slope.mutable_data_ptr<float>();
    const float* result = as_given ? in : out;
    float* partial = wanted[2] ? sums.mutable_data_ptr<float>() : nullptr;
    const int64_t grain = std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, kRowsPerSum * n) / 2);
    at::parallel_for(0, parts, grain, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        const int64_t begin = part * kRowsPerSum;
        const int64_t end = std::min(m, begin + kRowsPerSum);
        if (out != nullptr) slope_elements(rest, in, source, out, begin * n, end * n);
        if (partial != nullptr) add_rows(result + begin * n, end - begin, n, partial + part * n);
      }
    });
  }
  if (wanted[2]) {
    float* total = dbias.mutable_data_ptr<float>();
    if (parts > 0) {
      add_rows(sums.const_data_ptr<float>(), parts, n, total);
    } else {
      dbias.zero_();
    }
  }
  const at::Tensor rows = slope.view({m, n});
  at::Tensor dweight;
  if (wanted[1]) {
    dweight = at::empty({k, n}, weight.options());
    const ProductShape shape{ProductKind::WeightGradient, k, n, m};
    const at::Tensor left = x.contiguous().view({m, k});
    if (dweight.numel() > 0) product_into(product_choice(shape), shape, left, rows, nullptr, dweight);
  }
  at::Tensor dx;
  if (wanted[0]) {
    dx = at::empty(x.sizes(), x.options());
    const ProductShape shape{ProductKind::InputGradient, m, k, n};
    at::Tensor flat = dx.view({m, k});
    if (dx.numel() > 0) product_into(product_choice(shape), shape, rows, weight.contiguous(), nullptr, flat);
  }
  return {dx, dweight, dbias};
}

// ---- Meta

Two dense_meta(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
               std::string_view activation, const std::optional<at::Tensor>& seed, double rate, bool save) {
  check_options("dense", seed, rate);
  const auto sizes = check_factors("dense", x, weight, bias);
  const bool keeps = save && needs_saved(activation_named("dense", activation), drops(seed, rate));
  const auto options = x.options().device(at::kMeta);
  return {at::empty(sizes, options), at::empty(keeps ? at::IntArrayRef(sizes) : at::IntArrayRef({0}), options)};
}

Three dense_backward_meta(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& y,
                          const at::Tensor& /*saved*/, const std::optional<at::Tensor>& seed,
                          std::string_view activation, double rate, std::array<bool, 3> wanted) {
  check_backward(grad, x, weight, y, seed, rate);
  activation_named("dense_backward", activation);
  const auto like = [&](bool asked, at::IntArrayRef sizes) {
    return asked ? at::empty(sizes, grad.options().device(at::kMeta)) : at::Tensor();
  };
  return {like(wanted[0], x.sizes()), like(wanted[1], weight.sizes()), like(wanted[2], {weight.size(1)})};
}

// ---- Autograd

using ForwardSignature = Two(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                             const std::optional<at::Tensor>&, double, bool);
using BackwardSignature = Three(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                const at::Tensor&, const std::optional<at::Tensor>&, std::string_view, double,
                                std::array<bool, 3>);

template <typename Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

struct DenseFunction : torch::autograd::Function<DenseFunction> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                                                const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                                                const std::string& activation, const std::optional<at::Tensor>& seed,
                                                double rate) {
    static const auto op = find<ForwardSignature>("torchlayers::dense");
    at::AutoDispatchBelowAutograd guard;
    auto [y, saved] = op.call(x, weight, bias, activation, seed, rate, true);
    context->save_for_backward({x, weight, y, saved, seed.value_or(at::Tensor())});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["activation"] = activation;
    context->saved_data["rate"] = rate;
    context->mark_non_differentiable({saved});
    return {y, saved};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    static const auto op = find<BackwardSignature>("torchlayers::dense_backward");
    const auto saved = context->get_saved_variables();
    const std::array<bool, 3> wanted = {context->needs_input_grad(0), context->needs_input_grad(1),
                                        context->saved_data["bias"].toBool() && context->needs_input_grad(2)};
    if (!grads[0].defined()) return {{}, {}, {}, {}, {}, {}};
    const auto seed = saved[4].defined() ? std::optional<at::Tensor>(saved[4]) : std::nullopt;
    auto [dx, dweight, dbias] =
        op.call(grads[0], saved[0], saved[1], saved[2], saved[3], seed, context->saved_data["activation"].toStringRef(),
                context->saved_data["rate"].toDouble(), wanted);
    return {dx, dweight, dbias, {}, {}, {}};
  }
};

Two dense_autograd(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                   std::string_view activation, const std::optional<at::Tensor>& seed, double rate, bool save) {
  const bool watched = at::GradMode::is_enabled() &&
                       (x.requires_grad() || weight.requires_grad() || (bias.has_value() && bias->requires_grad()));
  if (!watched) {
    static const auto op = find<ForwardSignature>("torchlayers::dense");
    at::AutoDispatchBelowAutograd guard;
    return op.call(x, weight, bias, activation, seed, rate, save);
  }
  auto results = DenseFunction::apply(x, weight, bias, std::string(activation), seed, rate);
  return {results[0], results[1]};
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("dense", dense_cpu);
  m.impl("dense_backward", dense_backward_cpu);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("dense", dense_meta);
  m.impl("dense_backward", dense_backward_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("dense", dense_autograd);
  m.impl("dense_backward", refuse_gradient());
}

}  // namespace torchlayers
