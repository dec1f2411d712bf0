// lstm and gru against loops of cells in plain operators: outputs, states, first and second gradients, all options.
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <limits>
#include <tuple>

#include "test/operators.h"
// Last: libtorch has a CHECK of its own.
#include "test/check.h"

namespace torchlayers::test {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using LstmSignature = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
    const OptionalTensor&, const OptionalTensor&, const OptionalTensor&, bool, bool, bool);
using GruSignature = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const OptionalTensor&,
    const OptionalTensor&, const OptionalTensor&, bool, bool, bool);

struct Setting {
  int64_t batch = 3, steps = 5, inputs = 4, units = 6;
  bool bias = true, mask = false, recurrent_mask = false, backwards = false, sequences = true, zero = false;
  at::ScalarType dtype = at::kDouble;
};

// The arguments of one call: x, states, kernel, recurrent kernel, bias (maybe undefined); masks.
struct Arguments {
  std::vector<at::Tensor> watched;
  OptionalTensor mask, recurrent_mask;
};

at::Tensor random(int64_t offset, at::IntArrayRef size, at::ScalarType dtype, double high = 1) {
  return uniform(make_seed(4, offset), size, -high, high, dtype);
}

Arguments make_arguments(const Setting& s, int64_t gates) {
  Arguments result;
  const int64_t states = gates == 4 ? 2 : 1;
  result.watched.push_back(random(1, {s.batch, s.steps, s.inputs}, s.dtype));
  for (int64_t i = 0; i < states; ++i) result.watched.push_back(random(2 + i, {s.batch, s.units}, s.dtype));
  result.watched.push_back(random(5, {s.inputs, gates * s.units}, s.dtype));
  result.watched.push_back(random(6, {s.units, gates * s.units}, s.dtype));
  if (s.bias) {
    result.watched.push_back(gates == 4 ? random(7, {gates * s.units}, s.dtype)
                                        : random(7, {2, gates * s.units}, s.dtype));
  }
  for (at::Tensor& tensor : result.watched) tensor.requires_grad_();
  // Some rows begin masked, some end so, some have holes.
  if (s.mask) result.mask = random(8, {s.batch, s.steps}, at::kFloat).gt(-0.3);
  if (s.recurrent_mask) {
    result.recurrent_mask = random(9, {gates, s.batch, s.units}, s.dtype).gt(-0.4).to(s.dtype).mul(1.5);
  }
  return result;
}

OptionalTensor bias_of(const Arguments& a, size_t place) {
  return a.watched.size() > place ? OptionalTensor(a.watched[place]) : std::nullopt;
}

at::Tensor gate_product(const at::Tensor& h, const at::Tensor& kernel, const OptionalTensor& masks, int64_t gates) {
  if (!masks.has_value()) return at::mm(h, kernel);
  std::vector<at::Tensor> parts;
  const std::vector<at::Tensor> kernels = kernel.chunk(gates, 1);
  for (int64_t g = 0; g < gates; ++g) {
    parts.push_back(at::mm(h.mul((*masks)[g]), kernels[static_cast<size_t>(g)]));
  }
  return at::cat(parts, 1);
}

using Cell = std::vector<at::Tensor> (*)(const Arguments&, const at::Tensor&, const std::vector<at::Tensor>&);

std::vector<at::Tensor> lstm_cell(const Arguments& a, const at::Tensor& x, const std::vector<at::Tensor>& states) {
  at::Tensor z = at::mm(x, a.watched[3]).add(gate_product(states[0], a.watched[4], a.recurrent_mask, 4));
  if (a.watched.size() > 5) z = z.add(a.watched[5]);
  const std::vector<at::Tensor> p = z.chunk(4, 1);
  const at::Tensor c = at::sigmoid(p[1]).mul(states[1]).add(at::sigmoid(p[0]).mul(at::tanh(p[2])));
  return {at::sigmoid(p[3]).mul(at::tanh(c)), c};
}

std::vector<at::Tensor> gru_cell(const Arguments& a, const at::Tensor& x, const std::vector<at::Tensor>& states) {
  at::Tensor from_x = at::mm(x, a.watched[2]);
  at::Tensor from_h = gate_product(states[0], a.watched[3], a.recurrent_mask, 3);
  if (a.watched.size() > 4) {
    from_x = from_x.add(a.watched[4][0]);
    from_h = from_h.add(a.watched[4][1]);
  }
  const std::vector<at::Tensor> p = from_x.chunk(3, 1);
  const std::vector<at::Tensor> q = from_h.chunk(3, 1);
  const at::Tensor z = at::sigmoid(p[0].add(q[0]));
  const at::Tensor r = at::sigmoid(p[1].add(q[1]));
  const at::Tensor fresh = at::tanh(p[2].add(r.mul(q[2])));
  return {z.mul(states[0]).add(at::rsub(z, 1).mul(fresh))};
}

// sequence, then the states.
std::vector<at::Tensor> loop(const Setting& s, const Arguments& a, Cell cell, size_t states_count) {
  std::vector<at::Tensor> states(a.watched.begin() + 1, a.watched.begin() + 1 + static_cast<int64_t>(states_count));
  std::vector<at::Tensor> outputs;
  for (int64_t step = 0; step < s.steps; ++step) {
    const int64_t place = s.backwards ? s.steps - 1 - step : step;
    std::vector<at::Tensor> fresh = cell(a, a.watched[0].select(1, place), states);
    at::Tensor output = fresh[0];
    if (a.mask.has_value()) {
      const at::Tensor counted = a.mask->select(1, place).unsqueeze(1);
      output = at::where(counted, output, s.zero ? at::zeros_like(output) : states[0]);
      for (size_t i = 0; i < states.size(); ++i) fresh[i] = at::where(counted, fresh[i], states[i]);
    }
    outputs.push_back(output);
    states = fresh;
  }
  std::vector<at::Tensor> result{s.sequences ? at::stack(outputs, 1) : at::zeros({s.batch, 0, s.units}, s.dtype)};
  result.insert(result.end(), states.begin(), states.end());
  return result;
}

std::vector<at::Tensor> lstm_loop(const Setting& s, const Arguments& a) { return loop(s, a, lstm_cell, 2); }
std::vector<at::Tensor> gru_loop(const Setting& s, const Arguments& a) { return loop(s, a, gru_cell, 1); }

std::vector<at::Tensor> lstm_fused(const Setting& s, const Arguments& a) {
  const auto& w = a.watched;
  const auto out = operator_named<LstmSignature>("lstm").call(w[0], w[1], w[2], w[3], w[4], bias_of(a, 5), a.mask,
                                                              a.recurrent_mask, s.sequences, s.backwards, s.zero);
  return {std::get<0>(out), std::get<1>(out), std::get<2>(out)};
}

std::vector<at::Tensor> gru_fused(const Setting& s, const Arguments& a) {
  const auto& w = a.watched;
  const auto out = operator_named<GruSignature>("gru").call(w[0], w[1], w[2], w[3], bias_of(a, 4), a.mask,
                                                            a.recurrent_mask, s.sequences, s.backwards, s.zero);
  return {std::get<0>(out), std::get<1>(out)};
}

using Run = std::vector<at::Tensor> (*)(const Setting&, const Arguments&);

double distance(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return std::numeric_limits<double>::infinity();
  return a.numel() == 0 ? 0 : a.sub(b).abs().max().item<double>();
}

// Gradients of all arguments, for random gradients of the outputs that `used` names.
std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& outputs, const Arguments& a,
                                  const std::vector<size_t>& used, bool create_graph = false) {
  std::vector<at::Tensor> targets;
  std::vector<at::Tensor> seeds;
  for (const size_t i : used) {
    targets.push_back(outputs[i]);
    seeds.push_back(random(20 + static_cast<int64_t>(i), outputs[i].sizes(), outputs[i].scalar_type()));
  }
  return torch::autograd::grad(targets, a.watched, seeds, std::nullopt, create_graph, /*allow_unused=*/true);
}

void compare(const Setting& s, int64_t gates, Run loop_of, Run fused, double tolerance) {
  const Arguments a = make_arguments(s, gates);
  const std::vector<at::Tensor> expected = loop_of(s, a);
  const std::vector<at::Tensor> actual = fused(s, a);
  CHECK(expected.size() == actual.size());
  for (size_t i = 0; i < expected.size(); ++i) CHECK_CLOSE(distance(expected[i], actual[i]), 0, tolerance);
  std::vector<std::vector<size_t>> choices{{1}, {expected.size() - 1}};
  if (s.sequences) {
    choices.push_back({0});
    choices.push_back({0, 1});
  }
  for (const std::vector<size_t>& used : choices) {
    const auto g = gradients(loop_of(s, a), a, used);
    const auto h = gradients(fused(s, a), a, used);
    for (size_t i = 0; i < g.size(); ++i) {
      // Where the loop does not reach an argument, the operator answers zeros.
      const at::Tensor want = g[i].defined() ? g[i] : at::zeros_like(a.watched[i]);
      CHECK(h[i].defined());
      const double size = want.numel() == 0 ? 1 : 1 + want.abs().max().item<double>();
      if (h[i].defined()) CHECK_CLOSE(distance(want, h[i]) / size, 0, 30 * tolerance);
    }
  }
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const bool bias : {true, false}) {
    for (const bool mask : {false, true}) {
      for (const bool recurrent_mask : {false, true}) {
        for (const bool backwards : {false, true}) {
          for (const bool sequences : {true, false}) {
            Setting s;
            s.bias = bias;
            s.mask = mask;
            s.recurrent_mask = recurrent_mask;
            s.backwards = backwards;
            s.sequences = sequences;
            all.push_back(s);
            if (!mask) continue;
            s.zero = true;
            all.push_back(s);
          }
        }
      }
    }
  }
  return all;
}

TEST(lstm_equals_the_loop_of_cells) {
  for (const Setting& s : settings()) compare(s, 4, lstm_loop, lstm_fused, 1e-12);
}

TEST(gru_equals_the_loop_of_cells) {
  for (const Setting& s : settings()) compare(s, 3, gru_loop, gru_fused, 1e-12);
}

TEST(float32_and_other_sizes) {
  for (const auto& [batch, steps, inputs, units] :
       {std::array<int64_t, 4>{1, 1, 1, 1}, {2, 1, 3, 5}, {70, 9, 16, 33}, {128, 20, 24, 64}, {0, 3, 2, 4}}) {
    Setting s;
    s.batch = batch;
    s.steps = steps;
    s.inputs = inputs;
    s.units = units;
    s.mask = batch > 2;
    s.dtype = at::kFloat;
    // Large weights make many steps unstable: rounding grows from step to step.
    const double tolerance = batch > 2 ? 1e-4 : 2e-6;
    compare(s, 4, lstm_loop, lstm_fused, tolerance);
    compare(s, 3, gru_loop, gru_fused, tolerance);
  }
}

TEST(activations_reach_their_ends) {
  Setting s;
  s.dtype = at::kFloat;
  for (const auto& [gates, loop_of, fused] :
       {std::tuple<int64_t, Run, Run>{4, lstm_loop, lstm_fused}, {3, gru_loop, gru_fused}}) {
    Arguments a = make_arguments(s, gates);
    a.watched[0] = a.watched[0].detach().mul(1e4);
    const auto expected = loop_of(s, a);
    const auto actual = fused(s, a);
    for (size_t i = 0; i < actual.size(); ++i) CHECK_CLOSE(distance(expected[i], actual[i]), 0, 1e-5);
    a.watched[0][1].fill_(std::numeric_limits<float>::quiet_NaN());
    const at::Tensor h = fused(s, a)[1];
    CHECK(h[1].isnan().all().item<bool>() && !h[0].isnan().any().item<bool>());
  }
}

TEST(second_gradients) {
  for (const bool masked : {false, true}) {
    Setting s;
    s.mask = masked;
    s.recurrent_mask = masked;
    for (const auto& [gates, loop_of, fused] :
         {std::tuple<int64_t, Run, Run>{4, lstm_loop, lstm_fused}, {3, gru_loop, gru_fused}}) {
      std::vector<std::vector<at::Tensor>> seconds;
      for (const Run run : {loop_of, fused}) {
        const Arguments a = make_arguments(s, gates);
        const auto g = gradients(run(s, a), a, {0, 1}, true);
        at::Tensor total = at::zeros({}, s.dtype);
        for (const at::Tensor& tensor : g) total = total.add(tensor.pow(2).sum());
        seconds.push_back(torch::autograd::grad({total}, a.watched));
      }
      for (size_t i = 0; i < seconds[0].size(); ++i) {
        CHECK_CLOSE(distance(seconds[0][i], seconds[1][i]), 0, 1e-9);
        CHECK(seconds[0][i].abs().max().item<double>() > 1e-3);
      }
    }
  }
}

TEST(results_do_not_depend_on_threads) {
  Setting s;
  s.batch = 100;
  s.units = 40;
  s.mask = true;
  s.dtype = at::kFloat;
  for (const auto& [gates, fused] : {std::tuple<int64_t, Run>{4, lstm_fused}, {3, gru_fused}}) {
    const Arguments a = make_arguments(s, gates);
    std::vector<at::Tensor> first;
    for (const int count : {1, 2}) {
      const Threads threads(count);
      const auto out = fused(s, a);
      auto all = gradients(out, a, {0, 1});
      all.insert(all.end(), out.begin(), out.end());
      if (first.empty()) first = all;
      // Products may be cut otherwise by more threads.
      for (size_t i = 0; i < all.size(); ++i) CHECK_CLOSE(distance(first[i], all[i]), 0, 2e-4);
    }
  }
}

TEST(layout_does_not_matter) {
  Setting s;
  s.mask = true;
  for (const auto& [gates, fused] : {std::tuple<int64_t, Run>{4, lstm_fused}, {3, gru_fused}}) {
    const Arguments a = make_arguments(s, gates);
    Arguments b = a;
    for (at::Tensor& tensor : b.watched) {
      if (tensor.dim() > 1) tensor = tensor.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_();
    }
    b.mask = b.mask->t().contiguous().t();
    const auto first = fused(s, a);
    const auto second = fused(s, b);
    for (size_t i = 0; i < first.size(); ++i) CHECK_CLOSE(distance(first[i], second[i]), 0, 1e-12);
    const auto g = gradients(first, a, {0, 1});
    const auto h = gradients(second, b, {0, 1});
    for (size_t i = 0; i < g.size(); ++i) CHECK_CLOSE(distance(g[i], h[i]), 0, 1e-11);
  }
}

TEST(wrong_arguments) {
  const Setting s;
  const auto with = [&](size_t place, const at::Tensor& tensor) {
    Arguments a = make_arguments(s, 4);
    a.watched[place] = tensor;
    return lstm_fused(s, a);
  };
  CHECK_THROWS(with(0, at::ones({3, 4}, at::kDouble)), "expected x of shape [batch, steps, inputs]");
  CHECK_THROWS(with(0, at::ones({3, 0, 4}, at::kDouble)), "with at least one step");
  CHECK_THROWS(with(0, at::ones({3, 5, 4}, at::kHalf)), "expected x of dtype float32 or float64");
  CHECK_THROWS(with(1, at::ones({2, 6}, at::kDouble)), "expected h0 of shape [3, 6], got [2, 6]");
  CHECK_THROWS(with(2, at::ones({3, 5}, at::kDouble)), "expected c0 of shape [3, 6], got [3, 5]");
  CHECK_THROWS(with(3, at::ones({4, 23}, at::kDouble)), "expected kernel of shape [4, 24], got [4, 23]");
  CHECK_THROWS(with(3, at::ones({4, 24})), "expected kernel of dtype Double like x, got Float");
  CHECK_THROWS(with(5, at::ones({2, 24}, at::kDouble)), "expected bias of shape [24], got [2, 24]");
  Arguments a = make_arguments(s, 3);
  a.watched[4] = at::ones({18}, at::kDouble);
  CHECK_THROWS(gru_fused(s, a), "expected bias of shape [2, 18], got [18]");
  a = make_arguments(s, 3);
  a.mask = at::ones({3, 5});
  CHECK_THROWS(gru_fused(s, a), "expected a mask of dtype bool");
  a.mask = at::ones({3, 4}, at::kBool);
  CHECK_THROWS(gru_fused(s, a), "expected mask of shape [3, 5], got [3, 4]");
  a.mask = std::nullopt;
  a.recurrent_mask = at::ones({3, 3, 6}, at::kDouble).requires_grad_();
  CHECK_THROWS(gru_fused(s, a), "expected a recurrent_mask without gradient");
  a.recurrent_mask = at::ones({4, 3, 6}, at::kDouble);
  CHECK_THROWS(gru_fused(s, a), "expected recurrent_mask of shape [3, 3, 6]");
}

TEST(meta_gives_the_shapes) {
  for (const bool sequences : {true, false}) {
    Setting s;
    s.mask = true;
    s.sequences = sequences;
    for (const auto& [gates, fused] : {std::tuple<int64_t, Run>{4, lstm_fused}, {3, gru_fused}}) {
      const Arguments a = make_arguments(s, gates);
      Arguments m = a;
      for (at::Tensor& tensor : m.watched) tensor = tensor.detach().to(at::kMeta).requires_grad_();
      m.mask = m.mask->to(at::kMeta);
      const auto real = fused(s, a);
      const auto shapes = fused(s, m);
      std::vector<at::Tensor> seeds;
      for (size_t i = 0; i < real.size(); ++i) {
        CHECK(shapes[i].is_meta() && shapes[i].sizes() == real[i].sizes() && shapes[i].requires_grad());
        seeds.push_back(at::empty_like(shapes[i]).detach());
      }
      const auto grads = torch::autograd::grad(shapes, m.watched, seeds);
      for (size_t i = 0; i < grads.size(); ++i) CHECK(grads[i].is_meta() && grads[i].sizes() == a.watched[i].sizes());
    }
  }
}

}  // namespace
}  // namespace torchlayers::test
