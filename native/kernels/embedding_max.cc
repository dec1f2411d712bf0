// embedding_max: rows looked up, dropout, and the largest value of each channel over the steps, without the tensor
// [batch, steps, dim] in between.
//   values[b, c] = max over t of dropout(weight[indices[b, t]])[b, t, c]; NaN if there is one
// Equal largest ones share the gradient, those that were dropped included, as amax has it. Forward keeps one bit per
// element (was it a largest one, and kept?) and the number of largest ones; backward needs no draws.
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <bit>
#include <limits>
#include <tuple>
#include <utility>

#include "kernels/embedding.h"
#include "kernels/weight_list.h"

namespace torchlayers {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using ThreeTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

// Steps whose bits share a word.
constexpr int64_t kWordSteps = 32;
// Steps that one pass over the channels takes.
constexpr int kPassSteps = 4;

int64_t words_for(int64_t steps) { return (steps + kWordSteps - 1) / kWordSteps; }

// ---- shapes, for CPU and Meta

void check_forward(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& seed, double rate) {
  check_pooled_lookup("embedding_max", weight, indices, seed, rate);
  TORCH_CHECK_VALUE(indices.size(1) > 0,
                    "torchlayers::embedding_max: expected at least one step, got indices of shape ", indices.sizes(),
                    "\n  There is no largest value of none.");
}

ThreeTensors make_outputs(const at::Tensor& weight, const at::Tensor& indices, bool keep_winners) {
  const int64_t batch = indices.size(0);
  const int64_t dim = weight.size(1);
  const auto whole = weight.options().dtype(at::kInt);
  const at::Tensor values = at::empty({batch, dim}, weight.options());
  if (!keep_winners) return {values, at::empty({0}, whole), at::empty({0}, whole)};
  return {values, at::empty({batch, words_for(indices.size(1)), dim}, whole), at::empty({batch, dim}, whole)};
}

void check_kept(const char* op, const at::Tensor& indices, const at::Tensor& winners, const at::Tensor& counts,
                int64_t dim) {
  TORCH_CHECK_VALUE(winners.scalar_type() == at::kInt && winners.dim() == 3 && winners.size(0) == indices.size(0) &&
                        winners.size(1) == words_for(indices.size(1)) && winners.size(2) == dim &&
                        counts.scalar_type() == at::kInt && counts.sizes() == at::IntArrayRef({indices.size(0), dim}),
                    "torchlayers::", op,
                    ": expected winners and counts as embedding_max with keep_winners answers them, got ",
                    winners.scalar_type(), winners.sizes(), " and ", counts.scalar_type(), counts.sizes(),
                    "\n  Give both as they came, with the same indices.");
}

void check_backward(const at::Tensor& grad, const at::Tensor& indices, const at::Tensor& winners,
                    const at::Tensor& counts, int64_t rows) {
  const char* op = "embedding_max_backward";
  TORCH_CHECK_VALUE(grad.dim() == 2 && indices.dim() == 2 && grad.size(0) == indices.size(0) && rows >= 0,
                    "torchlayers::", op, ": expected a gradient of shape [batch, dim] for indices [batch, steps], got ",
                    grad.sizes(), " and ", indices.sizes(), "\n  Give the gradient of the values.");
  check_kept(op, indices, winners, counts, grad.size(1));
}

void check_gather(const at::Tensor& rows, const at::Tensor& indices, const at::Tensor& winners,
                  const at::Tensor& counts) {
  const char* op = "embedding_max_gather";
  TORCH_CHECK_VALUE(rows.dim() == 2 && indices.dim() == 2, "torchlayers::", op,
                    ": expected rows [rows, dim] and indices [batch, steps], got ", rows.sizes(), " and ",
                    indices.sizes(), "\n  Give tensors like the table and its indices.");
  check_kept(op, indices, winners, counts, rows.size(1));
}

// ---- CPU, forward

// State of one channel in one row of the batch.
template <typename Scale>
struct Channel {
  Scale largest;
  int32_t first;     // the step that the largest value came first at
  uint32_t reached;  // bit t of this word: step t was at least as large as all before
  uint32_t kept;     // bit t: not dropped
  uint32_t nans;
};

template <typename T, typename Scale, bool Dropout>
TORCHLAYERS_INLINE void take(Channel<Scale>& channel, T x, uint32_t draw, int32_t threshold, Scale scale, int32_t step,
                             uint32_t bit) {
  // Masks instead of choices: the compiler would make branches of them, and no vectors.
  using Bits = std::conditional_t<sizeof(Scale) == 8, uint64_t, uint32_t>;
  auto wide = static_cast<Scale>(x);
  if constexpr (Dropout) {
    const bool keep = static_cast<int32_t>(draw >> 8) >= threshold;
    // Rounded as dropout rounds, or equal values would differ.
    const auto scaled = static_cast<Scale>(static_cast<T>(wide * scale));
    wide = __builtin_bit_cast(Scale, __builtin_bit_cast(Bits, scaled) & (Bits{0} - Bits{keep}));
    channel.kept |= bit & (0u - uint32_t{keep});
  }
  channel.reached |= bit & (0u - uint32_t{wide >= channel.largest});
  channel.nans |= uint32_t{wide != wide};
  const bool above = wide > channel.largest;
  channel.first = above ? step : channel.first;
  channel.largest = above ? wide : channel.largest;
}

// Every pointer is a parameter of its own: taken from a struct, the compiler fears that they overlap.
template <typename T, typename Scale, bool Dropout>
TORCHLAYERS_MULTIVERSION void take_one_step(const T* TORCHLAYERS_RESTRICT row,
                                            const uint32_t* TORCHLAYERS_RESTRICT draws, int64_t dim, int32_t threshold,
                                            Scale scale, int32_t step, Scale* TORCHLAYERS_RESTRICT largest,
                                            int32_t* TORCHLAYERS_RESTRICT first, uint32_t* TORCHLAYERS_RESTRICT reached,
                                            uint32_t* TORCHLAYERS_RESTRICT kept, uint32_t* TORCHLAYERS_RESTRICT nans) {
  const uint32_t bit = 1u << (step % kWordSteps);
  for (int64_t c = 0; c < dim; ++c) {
    Channel<Scale> channel{largest[c], first[c], reached[c], kept[c], nans[c]};
    take<T, Scale, Dropout>(channel, row[c], Dropout ? draws[c] : 0, threshold, scale, step, bit);
    largest[c] = channel.largest;
    first[c] = channel.first;
    reached[c] = channel.reached;
    kept[c] = channel.kept;
    nans[c] = channel.nans;
  }
}

template <typename T, typename Scale, bool Dropout>
TORCHLAYERS_MULTIVERSION void take_four_steps(
    const T* TORCHLAYERS_RESTRICT row0, const T* TORCHLAYERS_RESTRICT row1, const T* TORCHLAYERS_RESTRICT row2,
    const T* TORCHLAYERS_RESTRICT row3, const uint32_t* TORCHLAYERS_RESTRICT draws, int64_t dim, int32_t threshold,
    Scale scale, int32_t step, Scale* TORCHLAYERS_RESTRICT largest, int32_t* TORCHLAYERS_RESTRICT first,
    uint32_t* TORCHLAYERS_RESTRICT reached, uint32_t* TORCHLAYERS_RESTRICT kept, uint32_t* TORCHLAYERS_RESTRICT nans) {
  const uint32_t bit = 1u << (step % kWordSteps);
  const uint32_t* draws1 = draws + (Dropout ? dim : 0);
  const uint32_t* draws2 = draws1 + (Dropout ? dim : 0);
  const uint32_t* draws3 = draws2 + (Dropout ? dim : 0);
  for (int64_t c = 0; c < dim; ++c) {
    Channel<Scale> channel{largest[c], first[c], reached[c], kept[c], nans[c]};
    take<T, Scale, Dropout>(channel, row0[c], Dropout ? draws[c] : 0, threshold, scale, step, bit);
    take<T, Scale, Dropout>(channel, row1[c], Dropout ? draws1[c] : 0, threshold, scale, step + 1, bit << 1);
    take<T, Scale, Dropout>(channel, row2[c], Dropout ? draws2[c] : 0, threshold, scale, step + 2, bit << 2);
    take<T, Scale, Dropout>(channel, row3[c], Dropout ? draws3[c] : 0, threshold, scale, step + 3, bit << 3);
    largest[c] = channel.largest;
    first[c] = channel.first;
    reached[c] = channel.reached;
    kept[c] = channel.kept;
    nans[c] = channel.nans;
  }
}

// Without a product, which GCC 12 would not vectorise here.
TORCHLAYERS_INLINE uint32_t bits_in(uint32_t x) {
  x -= (x >> 1) & 0x55555555u;
  x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  x = (x + (x >> 4)) & 0x0F0F0F0Fu;
  x += x >> 8;
  return (x + (x >> 16)) & 63u;
}

// What reached a maximum before the last one was no winner. Leaves the kept winners in `winners`, and counts all.
TORCHLAYERS_MULTIVERSION void settle(int64_t dim, int32_t word, uint32_t all_steps,
                                     const int32_t* TORCHLAYERS_RESTRICT first,
                                     const uint32_t* TORCHLAYERS_RESTRICT kept,
                                     const uint32_t* TORCHLAYERS_RESTRICT nans, uint32_t* TORCHLAYERS_RESTRICT winners,
                                     int32_t* TORCHLAYERS_RESTRICT counts) {
  for (int64_t c = 0; c < dim; ++c) {
    const int32_t behind = first[c] - word * static_cast<int32_t>(kWordSteps);
    const int32_t shift = behind < 0 ? 0 : behind;
    const uint32_t from = (~0u << (shift & 31)) & (0u - uint32_t{shift < 32});
    // Beside a NaN nothing is equal to the result: the gradient is 0 / 0 at every step.
    const uint32_t nan = 0u - nans[c];
    const uint32_t equal = winners[c] & from & ~nan;
    counts[c] += static_cast<int32_t>(bits_in(equal));
    winners[c] = (equal | (all_steps & nan)) & kept[c];
  }
}

// Pools the steps of one row of the batch after the other; one for each thread.
template <typename T, bool Dropout>
class Pooler {
 public:
  using Scale = Compute<T>;

  Pooler(const T* table, int64_t steps, int64_t dim, const LookupDropout& dropout)
      : table_(table),
        steps_(steps),
        dim_(dim),
        dropout_(dropout),
        draws_(kPassSteps * dim),
        largest_(static_cast<size_t>(dim)),
        first_(static_cast<size_t>(dim)),
        nans_(static_cast<size_t>(dim)),
        kept_(static_cast<size_t>(words_for(steps) * dim)),
        reached_(kept_.size()) {}

  // `winners` and `counts` may be null.
  void pool(const int64_t* indices, int64_t row, T* values, uint32_t* winners, int32_t* counts) {
    uint32_t* reached = winners == nullptr ? reached_.data() : winners;
    const int64_t words = words_for(steps_);
    std::fill(largest_.begin(), largest_.end(), -std::numeric_limits<Scale>::infinity());
    std::fill(first_.begin(), first_.end(), 0);
    std::fill(nans_.begin(), nans_.end(), 0u);
    std::fill(kept_.begin(), kept_.end(), Dropout ? 0u : ~0u);
    std::fill_n(reached, words * dim_, 0u);
    for (int64_t step = 0; step < steps_;) {
      const bool four = step + kPassSteps <= steps_ && step % kWordSteps + kPassSteps <= kWordSteps;
      const int64_t count = four ? kPassSteps : 1;
      for (int64_t j = step + count; j < std::min(step + 2 * count, steps_); ++j) {
        prefetch_row(table_ + indices[j] * dim_, dim_ * static_cast<int64_t>(sizeof(T)));
      }
      take(indices + step, row, step, four, reached + step / kWordSteps * dim_);
      step += count;
    }
    for (int64_t c = 0; c < dim_; ++c) {
      const auto i = static_cast<size_t>(c);
      values[c] = static_cast<T>(nans_[i] != 0 ? std::numeric_limits<Scale>::quiet_NaN() : largest_[i]);
    }
    if (winners == nullptr) return;
    std::fill_n(counts, dim_, 0);
    for (int64_t word = 0; word < words; ++word) {
      const int64_t left = steps_ - word * kWordSteps;
      const uint32_t all_steps = left >= kWordSteps ? ~0u : (1u << left) - 1;
      settle(dim_, static_cast<int32_t>(word), all_steps, first_.data(), kept_.data() + word * dim_, nans_.data(),
             winners + word * dim_, counts);
    }
  }

 private:
  void take(const int64_t* indices, int64_t row, int64_t step, bool four, uint32_t* reached) {
    const uint32_t* draws = nullptr;
    if constexpr (Dropout) {
      draws = draws_.fill(dropout_.stream, (row * steps_ + step) * dim_, (four ? kPassSteps : 1) * dim_);
    }
    const auto threshold = static_cast<int32_t>(dropout_.threshold);
    const auto scale = static_cast<Scale>(dropout_.scale);
    uint32_t* kept = kept_.data() + step / kWordSteps * dim_;
    const auto at_step = static_cast<int32_t>(step);
    const auto look_up = [&](int64_t j) { return table_ + indices[j] * dim_; };
    if (four) {
      take_four_steps<T, Scale, Dropout>(look_up(0), look_up(1), look_up(2), look_up(3), draws, dim_, threshold, scale,
                                         at_step, largest_.data(), first_.data(), reached, kept, nans_.data());
    } else {
      take_one_step<T, Scale, Dropout>(look_up(0), draws, dim_, threshold, scale, at_step, largest_.data(),
                                       first_.data(), reached, kept, nans_.data());
    }
  }

  const T* table_;
  int64_t steps_, dim_;
  LookupDropout dropout_;
  DrawBuffer draws_;
  std::vector<Scale> largest_;
  std::vector<int32_t> first_;
  std::vector<uint32_t> nans_, kept_, reached_;
};

template <typename T, bool Dropout>
void pool_all(const at::Tensor& table, const at::Tensor& indices, const LookupDropout& dropout,
              const ThreeTensors& outputs, bool keep_winners) {
  const int64_t steps = indices.size(1);
  const int64_t dim = table.size(1);
  const T* data = table.const_data_ptr<T>();
  const int64_t* places = indices.const_data_ptr<int64_t>();
  T* values = std::get<0>(outputs).template mutable_data_ptr<T>();
  // Words of bits: signed only because tensors are.
  auto* winners = reinterpret_cast<uint32_t*>(std::get<1>(outputs).template mutable_data_ptr<int32_t>());
  int32_t* counts = std::get<2>(outputs).template mutable_data_ptr<int32_t>();
  at::parallel_for(0, indices.size(0), grain_of(steps * dim), [&](int64_t begin, int64_t end) {
    Pooler<T, Dropout> pooler(data, steps, dim, dropout);
    for (int64_t row = begin; row < end; ++row) {
      pooler.pool(places + row * steps, row, values + row * dim,
                  keep_winners ? winners + row * words_for(steps) * dim : nullptr,
                  keep_winners ? counts + row * dim : nullptr);
    }
  });
}

ThreeTensors embedding_max(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& seed, double rate,
                           bool keep_winners) {
  check_forward(weight, indices, seed, rate);
  const at::Tensor table = weight.contiguous();
  const at::Tensor places = checked_indices("embedding_max", indices, weight.size(0));
  ThreeTensors outputs = make_outputs(weight, indices, keep_winners);
  const LookupDropout dropout(seed, rate);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, weight.scalar_type(), "embedding_max", [&] {
    if (dropout.used) {
      pool_all<scalar_t, true>(table, places, dropout, outputs, keep_winners);
    } else {
      pool_all<scalar_t, false>(table, places, dropout, outputs, keep_winners);
    }
  });
  return outputs;
}

// ---- CPU, backward

// Calls visit(row, channel, place in the table) for each kept winner among channels [begin, end), rows in order.
template <typename Visit>
void for_each_winner(const at::Tensor& indices, const at::Tensor& winners, int64_t begin, int64_t end,
                     const Visit& visit) {
  const int64_t batch = indices.size(0);
  const int64_t steps = indices.size(1);
  const int64_t words = winners.size(1);
  const int64_t dim = winners.size(2);
  const int64_t* places = indices.const_data_ptr<int64_t>();
  const int32_t* bits = winners.const_data_ptr<int32_t>();
  for (int64_t row = 0; row < batch; ++row) {
    for (int64_t word = 0; word < words; ++word) {
      const int32_t* own = bits + (row * words + word) * dim;
      const int64_t* lookups = places + row * steps + word * kWordSteps;
      for (int64_t c = begin; c < end; ++c) {
        for (auto left = static_cast<uint32_t>(own[c]); left != 0; left &= left - 1) {
          visit(row, c, lookups[std::countr_zero(left)]);
        }
      }
    }
  }
}

// What one winner gets of its channel's gradient: rounded at each step as amax and dropout round.
template <typename T>
T share_of(T grad, int32_t count, Compute<T> scale) {
  using Scale = Compute<T>;
  const T part = static_cast<T>(static_cast<Scale>(grad) / static_cast<Scale>(count));
  // 0 / 0 beside a NaN, as there.
  if (count == 0) return static_cast<T>(std::numeric_limits<Scale>::quiet_NaN());
  return static_cast<T>(static_cast<Scale>(part) * scale);
}

at::Tensor embedding_max_backward(const at::Tensor& grad, const at::Tensor& indices, const at::Tensor& winners,
                                  const at::Tensor& counts, double rate, int64_t rows) {
  check_backward(grad, indices, winners, counts, rows);
  const at::Tensor given = grad.contiguous();
  const at::Tensor places = checked_indices("embedding_max_backward", indices, rows);
  const at::Tensor bits = winners.contiguous();
  const at::Tensor numbers = counts.contiguous();
  const int64_t dim = grad.size(1);
  at::Tensor result = at::zeros({rows, dim}, grad.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, grad.scalar_type(), "embedding_max_backward", [&] {
    const auto scale = static_cast<Compute<scalar_t>>(keep_scale(rate));
    const scalar_t* from = given.const_data_ptr<scalar_t>();
    const int32_t* count = numbers.const_data_ptr<int32_t>();
    scalar_t* to = result.mutable_data_ptr<scalar_t>();
    for_channels(dim, grad.size(0) * bits.size(1), [&](int64_t begin, int64_t end) {
      for_each_winner(places, bits, begin, end, [&](int64_t row, int64_t c, int64_t place) {
        const int64_t i = row * dim + c;
        to[place * dim + c] += share_of<scalar_t>(from[i], count[i], scale);
      });
    });
  });
  return result;
}

// The derivative of the backward operator: what each winner's place holds, summed up per channel.
at::Tensor embedding_max_gather(const at::Tensor& rows, const at::Tensor& indices, const at::Tensor& winners,
                                const at::Tensor& counts, double rate) {
  check_gather(rows, indices, winners, counts);
  const at::Tensor table = rows.contiguous();
  const at::Tensor places = checked_indices("embedding_max_gather", indices, rows.size(0));
  const at::Tensor bits = winners.contiguous();
  const at::Tensor numbers = counts.contiguous();
  const int64_t dim = rows.size(1);
  at::Tensor result = at::zeros({indices.size(0), dim}, rows.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, rows.scalar_type(), "embedding_max_gather", [&] {
    const auto scale = static_cast<Compute<scalar_t>>(keep_scale(rate));
    const scalar_t* from = table.const_data_ptr<scalar_t>();
    const int32_t* count = numbers.const_data_ptr<int32_t>();
    scalar_t* to = result.mutable_data_ptr<scalar_t>();
    for_channels(dim, indices.size(0) * bits.size(1), [&](int64_t begin, int64_t end) {
      for_each_winner(places, bits, begin, end, [&](int64_t row, int64_t c, int64_t place) {
        const int64_t i = row * dim + c;
        to[i] += share_of<scalar_t>(from[place * dim + c], count[i], scale);
      });
    });
  });
  return result;
}

// ---- Meta

ThreeTensors embedding_max_meta(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& seed,
                                double rate, bool keep_winners) {
  check_forward(weight, indices, seed, rate);
  return make_outputs(weight, indices, keep_winners);
}

at::Tensor embedding_max_backward_meta(const at::Tensor& grad, const at::Tensor& indices, const at::Tensor& winners,
                                       const at::Tensor& counts, double /*rate*/, int64_t rows) {
  check_backward(grad, indices, winners, counts, rows);
  return at::empty({rows, grad.size(1)}, grad.options());
}

at::Tensor embedding_max_gather_meta(const at::Tensor& rows, const at::Tensor& indices, const at::Tensor& winners,
                                     const at::Tensor& counts, double /*rate*/) {
  check_gather(rows, indices, winners, counts);
  return at::empty({indices.size(0), rows.size(1)}, rows.options());
}

// ---- Autograd. Linear between two changes of winner, so backward and gather are each other's derivative.

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

ThreeTensors call_forward(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& seed, double rate,
                          bool keep_winners) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("torchlayers::embedding_max", "").typed<decltype(embedding_max)>();
  return op.call(weight, indices, seed, rate, keep_winners);
}

at::Tensor call_backward(const at::Tensor& grad, const at::Tensor& indices, const at::Tensor& winners,
                         const at::Tensor& counts, double rate, int64_t rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("torchlayers::embedding_max_backward", "")
                             .typed<decltype(embedding_max_backward)>();
  return op.call(grad, indices, winners, counts, rate, rows);
}

at::Tensor call_gather(const at::Tensor& rows, const at::Tensor& indices, const at::Tensor& winners,
                       const at::Tensor& counts, double rate) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("torchlayers::embedding_max_gather", "")
                             .typed<decltype(embedding_max_gather)>();
  return op.call(rows, indices, winners, counts, rate);
}

struct EmbeddingMax : torch::autograd::Function<EmbeddingMax> {
  static variable_list forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& indices,
                               const OptionalTensor& seed, double rate) {
    at::AutoDispatchBelowAutograd guard;
    auto [values, winners, counts] = call_forward(weight, indices, seed, rate, true);
    context->save_for_backward({indices, winners, counts});
    context->saved_data["rate"] = rate;
    context->saved_data["rows"] = weight.size(0);
    context->mark_non_differentiable({winners, counts});
    return {values, winners, counts};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    at::Tensor grad = call_backward(grads[0], saved[0], saved[1], saved[2], context->saved_data["rate"].toDouble(),
                                    context->saved_data["rows"].toInt());
    return {grad, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

struct EmbeddingMaxBackward : torch::autograd::Function<EmbeddingMaxBackward> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& grad, const at::Tensor& indices,
                            const at::Tensor& winners, const at::Tensor& counts, double rate, int64_t rows) {
    at::AutoDispatchBelowAutograd guard;
    context->save_for_backward({indices, winners, counts});
    context->saved_data["rate"] = rate;
    return call_backward(grad, indices, winners, counts, rate, rows);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const double rate = context->saved_data["rate"].toDouble();
    return {call_gather(grads[0], saved[0], saved[1], saved[2], rate), {}, {}, {}, {}, {}};
  }
};

struct EmbeddingMaxGather : torch::autograd::Function<EmbeddingMaxGather> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, const at::Tensor& indices,
                            const at::Tensor& winners, const at::Tensor& counts, double rate) {
    at::AutoDispatchBelowAutograd guard;
    context->save_for_backward({indices, winners, counts});
    context->saved_data["rate"] = rate;
    context->saved_data["rows"] = rows.size(0);
    return call_gather(rows, indices, winners, counts, rate);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    return {call_backward(grads[0], saved[0], saved[1], saved[2], context->saved_data["rate"].toDouble(),
                          context->saved_data["rows"].toInt()),
            {},
            {},
            {},
            {}};
  }
};

// Winners are kept where a gradient will ask for them.
ThreeTensors embedding_max_autograd(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& seed,
                                    double rate, bool keep_winners) {
  if (!(at::GradMode::is_enabled() && weight.requires_grad())) {
    at::AutoDispatchBelowAutograd guard;
    return call_forward(weight, indices, seed, rate, keep_winners);
  }
  auto outputs = EmbeddingMax::apply(weight, indices, seed, rate);
  return {outputs[0], outputs[1], outputs[2]};
}

at::Tensor embedding_max_backward_autograd(const at::Tensor& grad, const at::Tensor& indices, const at::Tensor& winners,
                                           const at::Tensor& counts, double rate, int64_t rows) {
  return EmbeddingMaxBackward::apply(grad, indices, winners, counts, rate, rows);
}

at::Tensor embedding_max_gather_autograd(const at::Tensor& rows, const at::Tensor& indices, const at::Tensor& winners,
                                         const at::Tensor& counts, double rate) {
  return EmbeddingMaxGather::apply(rows, indices, winners, counts, rate);
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("embedding_max", embedding_max);
  m.impl("embedding_max_backward", embedding_max_backward);
  m.impl("embedding_max_gather", embedding_max_gather);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("embedding_max", embedding_max_meta);
  m.impl("embedding_max_backward", embedding_max_backward_meta);
  m.impl("embedding_max_gather", embedding_max_gather_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("embedding_max", embedding_max_autograd);
  m.impl("embedding_max_backward", embedding_max_backward_autograd);
  m.impl("embedding_max_gather", embedding_max_gather_autograd);
}

}  // namespace torchlayers
