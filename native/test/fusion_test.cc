// The operators that the fusion pass puts in, each against the operators that it replaces, and what the pass may not
// do.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/all.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/nll_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "dispatch/context.h"
#include "dispatch/meta_fallback.h"
#include "kernels/gemm.h"
#include "kernels/product.h"
#include "kernels/vector_math.h"
#include "test/operators.h"
#include "training/thread_tuner.h"

#include "test/check.h"

namespace torchlayers {
namespace {

using test::make_seed;
using test::operator_named;
using test::same_bits;
using test::Threads;

at::Tensor numbers(at::IntArrayRef size, int64_t key, double low = -1, double high = 1) {
  return test::uniform(make_seed(key, 7), size, low, high);
}

// Largest difference, relative to the largest number expected.
double distance(const at::Tensor& actual, const at::Tensor& expected) {
  if (actual.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  const at::Tensor a = actual.contiguous();
  const at::Tensor b = expected.contiguous();
  double most = 0;
  double scale = 1;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.const_data_ptr<float>()[i];
    const double y = b.const_data_ptr<float>()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    if (x == y) continue;
    most = std::max(most, std::isfinite(x - y) ? std::abs(x - y) : std::numeric_limits<double>::infinity());
    scale = std::max(scale, std::abs(y));
  }
  return most / scale;
}

struct Sizes {
  int64_t m, n, k;
};

constexpr Sizes kSizes[] = {{1, 1, 1},    {1, 16, 3},   {1, 128, 784}, {2, 10, 128}, {3, 33, 17},   {5, 160, 64},
                            {8, 32, 256}, {9, 31, 257}, {16, 10, 5},   {17, 48, 1},  {64, 64, 300}, {130, 100, 40}};

TEST(products_of_every_form_width_and_number_of_threads_agree) {
  for (const Sizes& s : kSizes) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        const at::Tensor a = numbers(transpose_a ? std::array{s.k, s.m} : std::array{s.m, s.k}, 1);
        const at::Tensor b = numbers(transpose_b ? std::array{s.n, s.k} : std::array{s.k, s.n}, 2);
        const at::Tensor bias = numbers({s.n}, 3);
        const at::Tensor left = (transpose_a ? a.t() : a).to(at::kDouble);
        const at::Tensor right = (transpose_b ? b.t() : b).to(at::kDouble);
        const at::Tensor expected = at::addmm(bias.to(at::kDouble), left, right).to(at::kFloat);
        for (const int width : {4, 8, 16}) {
          if (!gemm_width_supported(width)) continue;
          gemm_set_width(width);
          at::Tensor first;
          for (const int threads : {1, 2, 3}) {
            const Threads guard(threads);
            at::Tensor c = numbers({s.m, s.n}, 4);
            gemm_run({s.m, s.n, s.k, a.const_data_ptr<float>(), a.size(1), transpose_a, b.const_data_ptr<float>(),
                      b.size(1), transpose_b, c.mutable_data_ptr<float>(), s.n, bias.const_data_ptr<float>()});
            CHECK(distance(c, expected) < 2e-6);
            if (!first.defined()) first = c;
            CHECK(same_bits(c, first));
          }
        }
        gemm_set_width(0);
      }
    }
  }
}

TEST(every_product_candidate_gives_the_same_numbers) {
  for (const Sizes& s : kSizes) {
    for (const ProductKind kind : {ProductKind::Forward, ProductKind::WeightGradient, ProductKind::InputGradient}) {
      const ProductShape shape{kind, s.m, s.n, s.k};
      const at::Tensor a =
          numbers(kind == ProductKind::WeightGradient ? std::array{s.k, s.m} : std::array{s.m, s.k}, 1);
      const at::Tensor b = numbers(kind == ProductKind::InputGradient ? std::array{s.n, s.k} : std::array{s.k, s.n}, 2);
      at::Tensor first;
      for (const ProductBy by : {ProductBy::Ours, ProductBy::Mkl, ProductBy::OneDnn}) {
        force_product(by);
        at::Tensor out = at::zeros({s.m, s.n});
        product_into(product_choice(shape), shape, a, b, nullptr, out);
        if (!first.defined()) first = out;
        CHECK(distance(out, first) < 2e-6);
      }
      force_product(std::nullopt);
    }
  }
  const ProductShape measured{ProductKind::Forward, 64, 64, 300};
  product_choice(measured);
  CHECK(product_choice_text(measured).find(" us") != std::string::npos);
}

TEST(fast_functions_are_close_over_their_range) {
  double exp_error = 0;
  double tanh_error = 0;
  double erf_error = 0;
  for (int i = -90000; i <= 90000; ++i) {
    const float x = static_cast<float>(i) * 1e-3f;
    if (x > -87 && x < 88)
      exp_error = std::max(exp_error, std::abs(fast_exp(x) / std::exp(static_cast<double>(x)) - 1));
    if (x != 0) tanh_error = std::max(tanh_error, std::abs(fast_tanh(x) / std::tanh(static_cast<double>(x)) - 1));
    erf_error = std::max(erf_error, std::abs(fast_erf(x) - std::erf(static_cast<double>(x))));
  }
  CHECK(exp_error < 3e-7);
  CHECK(tanh_error < 5e-7);
  CHECK(erf_error < 3e-7);
  CHECK(std::isnan(fast_exp(NAN)) && std::isnan(fast_tanh(NAN)) && std::isnan(fast_erf(NAN)));
  CHECK(fast_tanh(INFINITY) == 1 && fast_tanh(-INFINITY) == -1 && fast_tanh(0.0F) == 0);
}

// ---- dense

using Dense = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                                 std::string_view, const std::optional<at::Tensor>&, double, bool);
using Dropout = at::Tensor(const at::Tensor&, const at::Tensor&, double, at::OptionalIntArrayRef);

at::Tensor apply(std::string_view activation, const at::Tensor& z) {
  if (activation == "relu") return at::relu(z);
  if (activation == "sigmoid") return at::sigmoid(z);
  if (activation == "tanh") return at::tanh(z);
  if (activation == "silu") return at::silu(z);
  if (activation == "gelu") return at::gelu(z, "none");
  if (activation == "gelu_tanh") return at::gelu(z, "tanh");
  return z;
}

TEST(dense_equals_the_operators_that_it_stands_for) {
  static const auto dense = operator_named<Dense>("dense");
  static const auto dropout = operator_named<Dropout>("dropout");
  const at::Tensor seed = make_seed(5, 11);
  for (const Sizes& s : kSizes) {
    for (const char* activation : {"none", "relu", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh"}) {
      for (const double rate : {-1.0, 0.0, 0.3, 1.0}) {
        for (const bool with_bias : {true, false}) {
          at::AutoGradMode on(true);
          const at::Tensor x = numbers({s.m, s.k}, 1).set_requires_grad(true);
          const at::Tensor w = numbers({s.k, s.n}, 2).set_requires_grad(true);
          const at::Tensor b = numbers({s.n}, 3).set_requires_grad(true);
          const at::Tensor weight_of_y = numbers({s.m, s.n}, 4);
          std::optional<at::Tensor> bias;
          std::optional<at::Tensor> drawn;
          if (with_bias) bias = b;
          if (rate >= 0) drawn = seed;
          const at::Tensor y = std::get<0>(dense.call(x, w, bias, activation, drawn, std::max(rate, 0.0), true));
          at::Tensor plain = apply(activation, with_bias ? at::addmm(b, x, w) : at::mm(x, w));
          if (rate >= 0) plain = dropout.call(plain, seed, rate, std::nullopt);
          // Long sums round differently, before the activation.
          CHECK(distance(y.detach(), plain.detach()) < (s.k > 200 ? 1e-5 : 3e-6));
          if (rate > 0 && std::string_view(activation) == "sigmoid") {
            // What dropout leaves is never zero here: the masks are the same, bit by bit.
            CHECK(same_bits(at::eq(y.detach(), 0), at::eq(plain.detach(), 0)));
          }
          std::vector<at::Tensor> leaves = {x, w};
          if (with_bias) leaves.push_back(b);
          const auto grads = torch::autograd::grad({at::sum(at::mul(y, weight_of_y))}, leaves, {}, false, false, true);
          const auto wanted =
              torch::autograd::grad({at::sum(at::mul(plain, weight_of_y))}, leaves, {}, false, false, true);
          for (size_t i = 0; i < leaves.size(); ++i) CHECK(distance(grads[i], wanted[i]) < 1e-5);
        }
      }
    }
  }
}

TEST(dense_keeps_nan_and_infinity_and_refuses_what_it_cannot_do) {
  static const auto dense = operator_named<Dense>("dense");
  at::NoGradGuard off;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor x = at::tensor({1.0f, nan, -2.0f, INFINITY}).view({4, 1});
  const at::Tensor w = at::ones({1, 1});
  const at::Tensor y = std::get<0>(dense.call(x, w, std::nullopt, "relu", std::nullopt, 0, false));
  CHECK(same_bits(y, at::relu(x)));
  const at::Tensor cube = numbers({2, 3, 4}, 1);
  CHECK(std::get<0>(dense.call(cube, numbers({4, 5}, 2), std::nullopt, "none", std::nullopt, 0, false)).sizes() ==
        at::IntArrayRef({2, 3, 5}));
  CHECK(std::get<0>(dense.call(at::zeros({0, 4}), numbers({4, 5}, 2), std::nullopt, "none", std::nullopt, 0, false))
            .sizes() == at::IntArrayRef({0, 5}));
  CHECK_THROWS(dense.call(cube, w, std::nullopt, "none", std::nullopt, 0, false), "expected x of shape [..., in]");
  CHECK_THROWS(dense.call(x, w, std::nullopt, "cube", std::nullopt, 0, false), "expected an activation among");
  CHECK_THROWS(dense.call(x.to(at::kDouble), w, std::nullopt, "none", std::nullopt, 0, false), "expected float32");
  CHECK_THROWS(dense.call(x, w, at::ones({2}), "none", std::nullopt, 0, false), "expected a bias of shape [1]");
  at::AutoGradMode on(true);
  const at::Tensor leaf = numbers({3, 4}, 1).set_requires_grad(true);
  const at::Tensor out =
      at::sum(std::get<0>(dense.call(leaf, numbers({4, 5}, 2), std::nullopt, "tanh", std::nullopt, 0, true)));
  CHECK_THROWS(at::sum(torch::autograd::grad({out}, {leaf}, {}, true, true)[0]).backward(), "has no derivative");
}

// ---- crossentropy

using Crossentropy = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&, double, double,
                                                        std::string_view, bool);

at::Tensor plain_loss(const at::Tensor& x, const at::Tensor& target, std::string_view from, double low, double high) {
  if (from == "logits") return at::cross_entropy_loss(x, target, {}, 0, -1000, 0);
  const at::Tensor p = from == "softmax" ? at::softmax(x, 1) : x;
  const at::Tensor logs = at::log(at::clamp(at::div(p, at::sum(p, {1}, true)), low, high));
  if (target.scalar_type() == at::kLong) return at::nll_loss(logs, target, {}, 0, -1000);
  return at::neg(at::sum(at::mul(target, logs), {1}));
}

TEST(crossentropy_equals_the_operators_that_it_stands_for) {
  static const auto op = operator_named<Crossentropy>("crossentropy");
  for (const Sizes& s : kSizes) {
    const int64_t classes = s.n + 1;
    for (const char* from : {"logits", "softmax", "probabilities"}) {
      for (const bool numbers_as_target : {true, false}) {
        for (const bool mean : {true, false}) {
          for (const double spread : {1.0, 60.0}) {
            at::AutoGradMode on(true);
            const bool probabilities = std::string_view(from) == "probabilities";
            const at::Tensor x =
                (probabilities ? numbers({s.m, classes}, 1, 0.01, spread) : numbers({s.m, classes}, 1, -spread, spread))
                    .set_requires_grad(true);
            at::Tensor target = numbers({s.m, classes}, 2, 0, 1);
            if (numbers_as_target) target = at::argmax(target, 1);
            const auto [loss, p] = op.call(x, target, 1e-7, 1 - 1e-7, from, mean);
            at::Tensor plain = plain_loss(x, target, from, 1e-7, 1 - 1e-7);
            if (mean) plain = at::div(at::sum(plain), s.m);
            CHECK(distance(loss.detach(), plain.detach()) < 5e-6);
            if (!probabilities) CHECK(distance(p.detach(), at::softmax(x.detach(), 1)) < 1e-6);
            const at::Tensor share = numbers(loss.sizes(), 3, 0.5, 1);
            at::Tensor total = at::sum(at::mul(loss, share));
            at::Tensor expected = at::sum(at::mul(plain, share));
            if (!probabilities) {
              // The probabilities are differentiable too.
              const at::Tensor more = numbers(p.sizes(), 4);
              total = total.add(at::sum(at::mul(p, more)));
              expected = expected.add(at::sum(at::mul(at::softmax(x, 1), more)));
            }
            const at::Tensor grad = torch::autograd::grad({total}, {x})[0];
            const at::Tensor wanted = torch::autograd::grad({expected}, {x})[0];
            CHECK(distance(grad, wanted) < 1e-5);
          }
        }
      }
    }
  }
}

TEST(crossentropy_at_the_limits) {
  static const auto op = operator_named<Crossentropy>("crossentropy");
  at::NoGradGuard off;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor p = at::tensor({1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, nan, 0.5f, 0.5f}).view({3, 3});
  const at::Tensor target = at::tensor({0.0f, 1.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 1.0f, 0.0f}).view({3, 3});
  const at::Tensor loss = std::get<0>(op.call(p, target, 1e-7, 1 - 1e-7, "probabilities", false));
  CHECK(distance(loss, plain_loss(p, target, "probabilities", 1e-7, 1 - 1e-7)) < 1e-6);
  CHECK_CLOSE(loss[0].item<float>(), -std::log(1e-7), 1e-4);
  CHECK(std::isnan(loss[2].item<float>()));
  // Without a lower limit a share of nothing costs infinitely much (and nothing times that is NaN), as it does unfused.
  CHECK(distance(std::get<0>(op.call(p, target, 0, 1, "probabilities", false)),
                 plain_loss(p, target, "probabilities", 0, 1)) == 0);
  const at::Tensor certain = at::tensor({1.0f, 0.0f}).view({1, 2});
  const at::Tensor other = at::tensor(std::vector<int64_t>{1});
  CHECK(std::isinf(std::get<0>(op.call(certain, other, 0, 1, "probabilities", true)).item<float>()));
  CHECK_THROWS(op.call(p, at::tensor(std::vector<int64_t>{0, 3, 1}), 0, 1, "logits", true),
               "Target 3 is out of bounds");
  CHECK_THROWS(op.call(p, at::ones({3, 2}), 0, 1, "logits", true), "expected a target");
  CHECK_THROWS(op.call(p, target, 0, 1, "scores", true), "expected 'logits', 'softmax' or 'probabilities'");
  CHECK_THROWS(op.call(p.to(at::kDouble), target, 0, 1, "logits", true), "expected x of dtype float32");
}

TEST(binary_crossentropy_equals_the_operators_that_it_stands_for) {
  static const auto op =
      operator_named<at::Tensor(const at::Tensor&, const at::Tensor&, double, double, bool)>("binary_crossentropy");
  for (const bool logits : {true, false}) {
    for (const double spread : {1.0, 40.0}) {
      at::AutoGradMode on(true);
      const at::Tensor x =
          (logits ? numbers({1000, 3}, 1, -spread, spread) : numbers({1000, 3}, 1, -0.1, 1.1)).set_requires_grad(true);
      const at::Tensor t = at::eq(numbers({1000, 3}, 2), 0).to(at::kFloat).add(numbers({1000, 3}, 3, 0, 1)).clamp(0, 1);
      const at::Tensor loss = op.call(x, t, 1e-7, 1 - 1e-7, logits);
      at::Tensor plain;
      if (logits) {
        plain = at::binary_cross_entropy_with_logits(x, t, {}, {}, 0);
      } else {
        const at::Tensor p = at::clamp(x, 1e-7, 1 - 1e-7);
        const at::Tensor one = at::ones({});
        plain = at::neg(at::mul(t, at::log(p)).add(at::mul(at::sub(one, t), at::log(at::sub(one, p)))));
      }
      CHECK(distance(loss.detach(), plain.detach()) < 1e-6);
      const at::Tensor share = numbers({1000, 3}, 4);
      const at::Tensor grad = torch::autograd::grad({at::sum(at::mul(loss, share))}, {x})[0];
      const at::Tensor wanted = torch::autograd::grad({at::sum(at::mul(plain, share))}, {x})[0];
      CHECK(distance(grad, wanted) < 1e-5);
    }
  }
  CHECK_THROWS(op.call(at::ones({2}), at::ones({3}), 0, 1, true), "expected x and target of one shape");
}

TEST(correct_predictions_and_accumulate) {
  static const auto count = operator_named<at::Tensor(const at::Tensor&, const at::Tensor&)>("correct_predictions");
  static const auto add = operator_named<void(at::TensorList, at::TensorList)>("accumulate_");
  at::NoGradGuard off;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor scores =
      at::tensor({1.0f, 1.0f, 0.0f, 0.0f, nan, 3.0f, -1.0f, -2.0f, -INFINITY, 2.0f, nan, nan}).view({4, 3});
  const at::Tensor best = at::argmax(scores, 1);
  for (int64_t shift = 0; shift < 3; ++shift) {
    const at::Tensor labels = best.add(shift).remainder(3);
    const float expected = shift == 0 ? 4 : 0;
    CHECK(count.call(labels, scores).item<float>() == expected);
    CHECK(count.call(labels.to(at::kInt), scores).item<float>() == expected);
    CHECK(count.call(labels.to(at::kFloat), scores).item<float>() == expected);
  }
  CHECK(count.call(scores, scores).item<float>() == 4);
  CHECK_THROWS(count.call(at::ones({3}), scores), "expected a target");
  const at::Tensor a = at::ones({});
  const at::Tensor b = at::ones({2}, at::kLong);
  add.call({a, b}, {at::ones({}), at::tensor(std::vector<int64_t>{5, 7})});
  CHECK(a.item<float>() == 2 && b[0].item<int64_t>() == 6 && b[1].item<int64_t>() == 8);
  CHECK_THROWS(add.call({a}, {at::ones({2})}), "expected value 0 as");
}

// ---- numbers of threads

// Runs steps that take `many` or `one` microseconds by the number of threads; answers the share of steps on one.
double share_on_one(ThreadTuner& tuner, int steps, double many, double one) {
  int on_one = 0;
  for (int i = 0; i < steps; ++i) {
    const bool single = tuner.threads() == 1;
    on_one += single ? 1 : 0;
    tuner.step_took(single ? one : many);
  }
  return static_cast<double>(on_one) / steps;
}

TEST(steps_run_on_the_number_of_threads_that_is_faster) {
  ThreadTuner tuner(2);
  CHECK(share_on_one(tuner, 4000, 250, 430) < 0.05);
  // Another process takes a core, and goes again.
  CHECK(share_on_one(tuner, 4000, 950, 430) > 0.8);
  share_on_one(tuner, 8000, 250, 430);
  CHECK(share_on_one(tuner, 4000, 250, 430) < 0.05);
  ThreadTuner small(2);
  share_on_one(small, 4000, 90, 60);
  CHECK(share_on_one(small, 4000, 90, 60) > 0.9);
  // Long steps, and machines of one core, are left alone.
  ThreadTuner large(2);
  CHECK(share_on_one(large, 100, 20e3, 10e3) == 0);
  ThreadTuner single(1);
  CHECK(share_on_one(single, 1000, 250, 430) == 1);
}

// ---- the pass

struct Fixture {
  Fixture() {
    at::GradMode::set_enabled(false);
    register_meta_kernels();
    context.begin_recording();
  }
  Context context;

  Value input(std::vector<int64_t> sizes) { return context.recording().input(sizes, at::kFloat, at::kCPU); }

  Value call(const char* name, std::vector<Value> tensors, std::vector<c10::IValue> rest = {}) {
    torch::jit::Stack stack(tensors.size());
    std::vector<TensorArgument> arguments;
    for (size_t i = 0; i < tensors.size(); ++i) arguments.push_back({static_cast<int>(i), -1, tensors[i]});
    for (auto& value : rest) stack.push_back(std::move(value));
    auto results = context.call(find_operator(name), std::move(stack), arguments);
    return results.empty() ? Value() : results[0];
  }
  Value linear(const Value& x, const Value& w, const Value& b) {
    return call("aten::addmm", {b, x, w}, {c10::IValue(1), c10::IValue(1)});
  }
};

Value variable(at::Tensor initial, const char* name) {
  Value value;
  value.variable = std::make_shared<VariableState>(std::move(initial), name);
  return value;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// Both forms of a program answer the same.
void check_forms(const ProgramPtr& program, const std::vector<at::Tensor>& inputs) {
  const auto fused = program->run(inputs);
  Program plain;
  auto kept = std::exchange(program->fused, nullptr);
  const auto expected = program->run(inputs);
  program->fused = kept;
  CHECK(fused.size() == expected.size());
  for (size_t i = 0; i < fused.size(); ++i) CHECK(distance(fused[i], expected[i]) < 3e-6);
}

TEST(a_linear_layer_becomes_one_node) {
  Fixture f;
  const Value x = f.input({4, 3});
  const Value w = variable(numbers({3, 2}, 1), "w");
  const Value b = variable(numbers({2}, 2), "b");
  const Value y = f.call("aten::relu", {f.linear(x, w, b)});
  const auto program = f.context.end_recording({y}, nullptr);
  CHECK(
      contains(program->text(), "torchlayers::dense(%0, @w.1, @b.0, 'relu', None, 0., False)  # dense: addmm + relu"));
  CHECK(program->node_count() == 1);
  CHECK(program->nodes.size() == 2);
  check_forms(program, {numbers({4, 3}, 3)});
  // A gradient around the run sees the recorded operators.
  at::AutoGradMode on(true);
  const at::Tensor leaf = numbers({4, 3}, 3).set_requires_grad(true);
  CHECK(program->run({leaf})[0].grad_fn()->name() == "ReluBackward0");
}

TEST(a_value_that_somebody_else_reads_stays) {
  Fixture f;
  const Value x = f.input({4, 3});
  const Value w = variable(numbers({3, 2}, 1), "w");
  const Value b = variable(numbers({2}, 2), "b");
  const Value z = f.linear(x, w, b);
  const Value y = f.call("aten::relu", {z});
  const auto program = f.context.end_recording({y, z}, nullptr);
  CHECK(contains(program->text(), "aten::relu"));
  CHECK(program->node_count() == 2);
  check_forms(program, {numbers({4, 3}, 3)});
}

TEST(a_variable_is_read_before_it_is_written) {
  Fixture f;
  const Value x = f.input({4, 3});
  const Value w = variable(numbers({3, 2}, 1), "w");
  const Value b = variable(numbers({2}, 2), "b");
  const Value z = f.linear(x, w, b);
  // Between the product and its activation the weight changes: the product must not move behind that.
  f.context.assign(w.variable, f.call("aten::mul.Tensor", {w, w}));
  const Value y = f.call("aten::relu", {z});
  const auto program = f.context.end_recording({y}, nullptr);
  const std::string text = program->text();
  CHECK(text.find("torchlayers::dense") < text.find("assign("));
  const at::Tensor input = numbers({4, 3}, 3);
  const at::Tensor before = w.variable->read().clone();
  const at::Tensor expected = at::relu(at::addmm(b.variable->read(), input, before));
  CHECK(distance(program->run({input})[0], expected) < 3e-6);
  CHECK(same_bits(w.variable->read(), at::mul(before, before)));
}

TEST(counters_move_only_where_nobody_looks) {
  Fixture f;
  const Value one = [] {
    Value value;
    value.tensor = at::ones({});
    return value;
  }();
  const Value a = variable(at::zeros({}), "a");
  const Value b = variable(at::zeros({}), "b");
  const auto bump = [&](const Value& v) {
    f.context.assign(v.variable, f.call("aten::add.Tensor", {v, one}, {c10::IValue(1)}));
  };
  bump(a);
  const Value seen = f.call("aten::mul.Tensor", {a, a});
  bump(b);
  bump(a);
  const auto program = f.context.end_recording({seen}, nullptr);
  CHECK(program->run({})[0].item<float>() == 1);
  CHECK(program->run({})[0].item<float>() == 9);
  CHECK(a.variable->read().item<float>() == 4 && b.variable->read().item<float>() == 2);
}

TEST(a_gradient_becomes_nodes_where_every_operator_has_a_rule) {
  for (const bool known : {true, false}) {
    Fixture f;
    const Value x = f.input({4, 3});
    const Value w = variable(numbers({3, 2}, 1), "w");
    const Value b = variable(numbers({2}, 2), "b");
    f.context.enter_gradient({w, b});
    Value y = f.call("aten::tanh", {f.linear(x, w, b)});
    if (!known) y = f.call("aten::erfinv", {y});
    const Value loss = f.call("aten::sum", {f.call("aten::mul.Tensor", {y, y})}, {c10::IValue()});
    const auto grads = f.context.compute_gradient({loss}, {});
    f.context.leave_gradient({});
    const auto program = f.context.end_recording(grads, nullptr);
    CHECK(contains(program->text(), "gradient(") != known);
    CHECK(contains(program->text(), "torchlayers::dense_backward(") == known);
    check_forms(program, {numbers({4, 3}, 3)});
  }
}

TEST(a_graph_of_the_gradient_keeps_the_operators_as_recorded) {
  Fixture f;
  const Value x = f.input({4, 3});
  const Value w = variable(numbers({3, 2}, 1), "w");
  const Value b = variable(numbers({2}, 2), "b");
  f.context.enter_gradient({w});
  f.context.enter_gradient({w});
  const Value y = f.call("aten::tanh", {f.linear(x, w, b)});
  const Value inner = f.context.compute_gradient({f.call("aten::sum", {y}, {c10::IValue()})}, {})[0];
  f.context.leave_gradient({});
  const Value outer = f.context.compute_gradient(
      {f.call("aten::sum", {f.call("aten::mul.Tensor", {inner, inner})}, {c10::IValue()})}, {})[0];
  f.context.leave_gradient({});
  const auto program = f.context.end_recording({outer}, nullptr);
  CHECK(!contains(program->text(), "torchlayers::dense"));
  check_forms(program, {numbers({4, 3}, 3)});
}

}  // namespace
}  // namespace torchlayers
