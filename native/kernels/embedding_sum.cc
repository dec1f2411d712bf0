// embedding_sum: rows looked up, dropout, and their sum over the steps that the mask leaves, times a factor, without
// the tensor [batch, steps, dim] in between. With factor 1 / steps it is average pooling.
//   y[b, c] = factor * sum over t with mask[b, t] of dropout(weight[indices[b, t]])[b, t, c]
// Linear in the table; backward draws the dropout mask again.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/embedding.h"

namespace torchlayers {
namespace {

using OptionalTensor = std::optional<at::Tensor>;

void check_mask(const char* op, const at::Tensor& indices, const OptionalTensor& mask) {
  TORCH_CHECK_VALUE(!mask.has_value() || (mask->scalar_type() == at::kBool && mask->sizes() == indices.sizes()),
                    "torchlayers::", op, ": expected a bool mask of the indices' shape ", indices.sizes(), ", got ",
                    mask->scalar_type(), mask->sizes(), "\n  Give true where a step counts.");
}

void check_forward(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask,
                   const OptionalTensor& seed, double rate) {
  check_pooled_lookup("embedding_sum", weight, indices, seed, rate);
  check_mask("embedding_sum", indices, mask);
}

void check_backward(const at::Tensor& grad, const at::Tensor& indices, const OptionalTensor& mask,
                    const OptionalTensor& seed, double rate, int64_t rows) {
  const char* op = "embedding_sum_backward";
  check_pooled_lookup(op, grad, indices, seed, rate);
  check_mask(op, indices, mask);
  TORCH_CHECK_VALUE(grad.size(0) == indices.size(0) && rows >= 0, "torchlayers::", op,
                    ": expected a gradient of shape [batch, dim] for indices [batch, steps], got ", grad.sizes(),
                    " and ", indices.sizes(), "\n  Give the gradient of the result.");
}

// ---- CPU

// What every visit of a step needs.
template <typename T>
struct Lookup {
  const int64_t* indices;
  const bool* mask;
  int64_t batch, steps, dim;
  LookupDropout dropout;
  Compute<T> factor;
};

// sum += kept * scale * row, rounded to T before it is added as dropout rounds.
template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void add_row(const T* TORCHLAYERS_RESTRICT row, const uint32_t* TORCHLAYERS_RESTRICT draws,
                                      int64_t count, int32_t threshold, C scale, C* TORCHLAYERS_RESTRICT sum) {
  if (draws == nullptr) {
    for (int64_t c = 0; c < count; ++c) sum[c] += static_cast<C>(row[c]);
    return;
  }
  for (int64_t c = 0; c < count; ++c) {
    const C kept = static_cast<C>(static_cast<T>(static_cast<C>(row[c]) * scale));
    sum[c] += static_cast<int32_t>(draws[c] >> 8) >= threshold ? kept : C{0};
  }
}

// row += kept * scale * grad.
template <typename T, typename C>
TORCHLAYERS_MULTIVERSION void add_grad(const T* TORCHLAYERS_RESTRICT grad, const uint32_t* TORCHLAYERS_RESTRICT draws,
                                       int64_t count, int32_t threshold, C scale, T* TORCHLAYERS_RESTRICT row) {
  if (draws == nullptr) {
    for (int64_t c = 0; c < count; ++c) row[c] = static_cast<T>(static_cast<C>(row[c]) + static_cast<C>(grad[c]));
    return;
  }
  for (int64_t c = 0; c < count; ++c) {
    const C kept = static_cast<C>(static_cast<T>(static_cast<C>(grad[c]) * scale));
    row[c] = static_cast<T>(static_cast<C>(row[c]) + (static_cast<int32_t>(draws[c] >> 8) >= threshold ? kept : C{0}));
  }
}

template <typename T>
void sum_rows(const Lookup<T>& lookup, const T* table, int64_t begin, int64_t end, T* out) {
  using C = Compute<T>;
  DrawBuffer buffer(lookup.dim);
  std::vector<C> sum(static_cast<size_t>(lookup.dim));
  for (int64_t b = begin; b < end; ++b) {
    std::fill(sum.begin(), sum.end(), C{0});
    const int64_t* own = lookup.indices + b * lookup.steps;
    for (int64_t t = 0; t < lookup.steps; ++t) {
      if (t + 1 < lookup.steps) {
        prefetch_row(table + own[t + 1] * lookup.dim, lookup.dim * static_cast<int64_t>(sizeof(T)));
      }
      if (lookup.mask != nullptr && !lookup.mask[b * lookup.steps + t]) continue;
      const uint32_t* draws = lookup.dropout.used
                                  ? buffer.fill(lookup.dropout.stream, (b * lookup.steps + t) * lookup.dim, lookup.dim)
                                  : nullptr;
      add_row<T, C>(table + own[t] * lookup.dim, draws, lookup.dim, static_cast<int32_t>(lookup.dropout.threshold),
                    static_cast<C>(lookup.dropout.scale), sum.data());
    }
    for (int64_t c = 0; c < lookup.dim; ++c) {
      out[b * lookup.dim + c] = static_cast<T>(sum[static_cast<size_t>(c)] * lookup.factor);
    }
  }
}

// Channels [begin, end) of the table's gradient: each thread writes its own, steps in order.
template <typename T>
void spread_channels(const Lookup<T>& lookup, const T* grad, int64_t begin, int64_t end, T* table) {
  using C = Compute<T>;
  const int64_t count = end - begin;
  DrawBuffer buffer(count);
  std::vector<T> own_grad(static_cast<size_t>(count));
  for (int64_t b = 0; b < lookup.batch; ++b) {
    for (int64_t c = 0; c < count; ++c) {
      own_grad[static_cast<size_t>(c)] =
          static_cast<T>(static_cast<C>(grad[b * lookup.dim + begin + c]) * lookup.factor);
    }
    for (int64_t t = 0; t < lookup.steps; ++t) {
      const int64_t place = b * lookup.steps + t;
      if (lookup.mask != nullptr && !lookup.mask[place]) continue;
      const uint32_t* draws =
          lookup.dropout.used ? buffer.fill(lookup.dropout.stream, place * lookup.dim + begin, count) : nullptr;
      add_grad<T, C>(own_grad.data(), draws, count, static_cast<int32_t>(lookup.dropout.threshold),
                     static_cast<C>(lookup.dropout.scale), table + lookup.indices[place] * lookup.dim + begin);
    }
  }
}

at::Tensor embedding_sum(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask,
                         const OptionalTensor& seed, double rate, double factor) {
  check_forward(weight, indices, mask, seed, rate);
  const at::Tensor table = weight.contiguous();
  const at::Tensor places = checked_indices("embedding_sum", indices, weight.size(0));
  const at::Tensor counted = mask.has_value() ? mask->contiguous() : at::Tensor();
  at::Tensor result = at::empty({indices.size(0), weight.size(1)}, weight.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, weight.scalar_type(), "embedding_sum", [&] {
    const Lookup<scalar_t> lookup{places.const_data_ptr<int64_t>(),
                                  counted.defined() ? counted.const_data_ptr<bool>() : nullptr,
                                  indices.size(0),
                                  indices.size(1),
                                  weight.size(1),
                                  LookupDropout(seed, rate),
                                  static_cast<Compute<scalar_t>>(factor)};
    const scalar_t* from = table.const_data_ptr<scalar_t>();
    scalar_t* to = result.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, lookup.batch, grain_of(lookup.steps * lookup.dim),
                     [&](int64_t begin, int64_t end) { sum_rows(lookup, from, begin, end, to); });
  });
  return result;
}

at::Tensor embedding_sum_backward(const at::Tensor& grad, const at::Tensor& indices, const OptionalTensor& mask,
                                  const OptionalTensor& seed, double rate, double factor, int64_t rows) {
  check_backward(grad, indices, mask, seed, rate, rows);
  const at::Tensor given = grad.contiguous();
  const at::Tensor places = checked_indices("embedding_sum_backward", indices, rows);
  const at::Tensor counted = mask.has_value() ? mask->contiguous() : at::Tensor();
  at::Tensor result = at::zeros({rows, grad.size(1)}, grad.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, grad.scalar_type(), "embedding_sum_backward", [&] {
    const Lookup<scalar_t> lookup{places.const_data_ptr<int64_t>(),
                                  counted.defined() ? counted.const_data_ptr<bool>() : nullptr,
                                  indices.size(0),
                                  indices.size(1),
                                  grad.size(1),
                                  LookupDropout(seed, rate),
                                  static_cast<Compute<scalar_t>>(factor)};
    const scalar_t* from = given.const_data_ptr<scalar_t>();
    scalar_t* to = result.mutable_data_ptr<scalar_t>();
    for_channels(lookup.dim, lookup.batch * lookup.steps,
                 [&](int64_t begin, int64_t end) { spread_channels(lookup, from, begin, end, to); });
  });
  return result;
}

// ---- Meta

at::Tensor embedding_sum_meta(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask,
                              const OptionalTensor& seed, double rate, double /*factor*/) {
  check_forward(weight, indices, mask, seed, rate);
  return at::empty({indices.size(0), weight.size(1)}, weight.options());
}

at::Tensor embedding_sum_backward_meta(const at::Tensor& grad, const at::Tensor& indices, const OptionalTensor& mask,
                                       const OptionalTensor& seed, double rate, double /*factor*/, int64_t rows) {
  check_backward(grad, indices, mask, seed, rate, rows);
  return at::empty({rows, grad.size(1)}, grad.options());
}

// ---- Autograd: each is the other's derivative

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor call_forward(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask,
                        const OptionalTensor& seed, double rate, double factor) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("torchlayers::embedding_sum", "").typed<decltype(embedding_sum)>();
  return op.call(weight, indices, mask, seed, rate, factor);
}

at::Tensor call_backward(const at::Tensor& grad, const at::Tensor& indices, const OptionalTensor& mask,
                         const OptionalTensor& seed, double rate, double factor, int64_t rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("torchlayers::embedding_sum_backward", "")
                             .typed<decltype(embedding_sum_backward)>();
  return op.call(grad, indices, mask, seed, rate, factor, rows);
}

void save(AutogradContext* context, const at::Tensor& indices, const OptionalTensor& mask, const OptionalTensor& seed,
          double rate, double factor) {
  context->save_for_backward({indices, mask.value_or(at::Tensor()), seed.value_or(at::Tensor())});
  context->saved_data["rate"] = rate;
  context->saved_data["factor"] = factor;
}

OptionalTensor if_defined(const at::Tensor& tensor) { return tensor.defined() ? OptionalTensor(tensor) : std::nullopt; }

struct EmbeddingSum : torch::autograd::Function<EmbeddingSum> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& indices,
                            const OptionalTensor& mask, const OptionalTensor& seed, double rate, double factor) {
    at::AutoDispatchBelowAutograd guard;
    save(context, indices, mask, seed, rate, factor);
    context->saved_data["rows"] = weight.size(0);
    return call_forward(weight, indices, mask, seed, rate, factor);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    return {call_backward(grads[0], saved[0], if_defined(saved[1]), if_defined(saved[2]),
                          context->saved_data["rate"].toDouble(), context->saved_data["factor"].toDouble(),
                          context->saved_data["rows"].toInt()),
            {},
            {},
            {},
            {},
            {}};
  }
};

struct EmbeddingSumBackward : torch::autograd::Function<EmbeddingSumBackward> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& grad, const at::Tensor& indices,
                            const OptionalTensor& mask, const OptionalTensor& seed, double rate, double factor,
                            int64_t rows) {
    at::AutoDispatchBelowAutograd guard;
    save(context, indices, mask, seed, rate, factor);
    return call_backward(grad, indices, mask, seed, rate, factor, rows);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    return {call_forward(grads[0], saved[0], if_defined(saved[1]), if_defined(saved[2]),
                         context->saved_data["rate"].toDouble(), context->saved_data["factor"].toDouble()),
            {},
            {},
            {},
            {},
            {},
            {}};
  }
};

at::Tensor embedding_sum_autograd(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask,
                                  const OptionalTensor& seed, double rate, double factor) {
  return EmbeddingSum::apply(weight, indices, mask, seed, rate, factor);
}

at::Tensor embedding_sum_backward_autograd(const at::Tensor& grad, const at::Tensor& indices,
                                           const OptionalTensor& mask, const OptionalTensor& seed, double rate,
                                           double factor, int64_t rows) {
  return EmbeddingSumBackward::apply(grad, indices, mask, seed, rate, factor, rows);
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("embedding_sum", embedding_sum);
  m.impl("embedding_sum_backward", embedding_sum_backward);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("embedding_sum", embedding_sum_meta);
  m.impl("embedding_sum_backward", embedding_sum_backward_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("embedding_sum", embedding_sum_autograd);
  m.impl("embedding_sum_backward", embedding_sum_backward_autograd);
}

}  // namespace torchlayers
