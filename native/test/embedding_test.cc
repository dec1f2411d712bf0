// embedding_max and embedding_sum against the operators that they stand for: values, ties, gradients, threads, dtypes.
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>
#include <tuple>

#include "test/operators.h"
// Last: libtorch has a CHECK of its own.
#include "test/check.h"

namespace torchlayers::test {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using MaxSignature = std::tuple<at::Tensor, at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                                    const OptionalTensor&, double, bool);
using SumSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const OptionalTensor&, const OptionalTensor&,
                                double, double);

const at::Tensor kSeed = make_seed(11, 5);

at::Tensor integers(int64_t offset, at::IntArrayRef size, int64_t high, at::ScalarType dtype = at::kLong) {
  using Signature =
      at::Tensor(const at::Tensor&, at::IntArrayRef, int64_t, int64_t, at::ScalarType, std::optional<at::Device>);
  return operator_named<Signature>("random_int").call(make_seed(2, offset), size, 0, high, dtype, std::nullopt);
}

at::Tensor dropped(const at::Tensor& x, double rate) {
  using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, double, at::OptionalIntArrayRef);
  return rate == 0 ? x : operator_named<Signature>("dropout").call(x, kSeed, rate, std::nullopt);
}

at::Tensor plain_max(const at::Tensor& weight, const at::Tensor& indices, double rate) {
  return at::amax(dropped(at::embedding(weight, indices), rate), {1});
}

at::Tensor fused_max(const at::Tensor& weight, const at::Tensor& indices, double rate) {
  const OptionalTensor seed = rate == 0 ? OptionalTensor() : OptionalTensor(kSeed);
  return std::get<0>(operator_named<MaxSignature>("embedding_max").call(weight, indices, seed, rate, false));
}

at::Tensor plain_sum(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask, double rate,
                     double factor) {
  at::Tensor x = dropped(at::embedding(weight, indices), rate);
  if (mask.has_value()) x = at::where(mask->unsqueeze(2), x, at::zeros({}, x.options()));
  return x.sum(1).mul(factor);
}

at::Tensor fused_sum(const at::Tensor& weight, const at::Tensor& indices, const OptionalTensor& mask, double rate,
                     double factor) {
  const OptionalTensor seed = rate == 0 ? OptionalTensor() : OptionalTensor(kSeed);
  return operator_named<SumSignature>("embedding_sum").call(weight, indices, mask, seed, rate, factor);
}

at::Tensor gradient(const at::Tensor& y, const at::Tensor& x, const at::Tensor& grad, bool create_graph = false) {
  return torch::autograd::grad({y}, {x}, {grad}, std::nullopt, create_graph)[0];
}

double tolerance(at::ScalarType dtype) {
  return dtype == at::kDouble ? 1e-12 : dtype == at::kFloat ? 2e-6 : dtype == at::kHalf ? 4e-3 : 3e-2;
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return std::numeric_limits<double>::infinity();
  return a.numel() == 0 ? 0 : a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

struct Case {
  int64_t batch, steps, rows, dim;
};

// Steps around the words of 32 and the passes of 4; few rows, so that words repeat; channels off every vector's width.
const std::vector<Case> kCases = {{5, 200, 40, 64}, {7, 37, 9, 33},  {3, 1, 4, 5},    {2, 32, 3, 16}, {2, 33, 100, 7},
                                  {4, 63, 2, 1},    {1, 4, 50, 130}, {6, 130, 11, 3}, {3, 5, 1, 8},   {0, 6, 4, 8}};
const std::vector<double> kRates = {0, 0.3, 0.9, 1};

TEST(max_equals_the_plain_form) {
  for (const Case& k : kCases) {
    for (const double rate : kRates) {
      for (const at::ScalarType dtype : kRealDtypes) {
        const at::Tensor weight = uniform(make_seed(1, 1), {k.rows, k.dim}, -1, 0.7, dtype).requires_grad_();
        const at::Tensor indices = integers(k.steps, {k.batch, k.steps}, k.rows);
        const at::Tensor grad = uniform(make_seed(3, 1), {k.batch, k.dim}, -1, 1, dtype);
        const at::Tensor plain = plain_max(weight, indices, rate);
        const at::Tensor fused = fused_max(weight, indices, rate);
        CHECK(at::equal(plain, fused));
        CHECK(same_bits(fused, fused_max(weight, indices.to(at::kInt), rate)));
        {
          const at::NoGradGuard guard;
          CHECK(same_bits(fused, fused_max(weight, indices, rate)));
        }
        CHECK_CLOSE(distance(gradient(plain, weight, grad), gradient(fused, weight, grad)), 0, 20 * tolerance(dtype));
      }
    }
  }
}

TEST(max_shares_the_gradient_among_ties) {
  // All zeros: every step is a largest one, dropped or not. A table of one row: every kept step is the same.
  for (const at::Tensor& table : {at::zeros({6, 20}), at::ones({1, 20}), at::full({6, 20}, -1.0)}) {
    const at::Tensor weight = table.clone().requires_grad_();
    const at::Tensor indices = integers(1, {9, 70}, table.size(0));
    const at::Tensor grad = uniform(make_seed(3, 1), {9, 20}, 0.5, 1);
    for (const double rate : {0.0, 0.4}) {
      const at::Tensor fused = gradient(fused_max(weight, indices, rate), weight, grad);
      CHECK_CLOSE(distance(gradient(plain_max(weight, indices, rate), weight, grad), fused), 0, 1e-5);
      CHECK(rate == 0 || table[0][0].item<float>() != -1 || fused.eq(0).all().item<bool>());
    }
  }
}

TEST(max_with_nan_and_infinities) {
  const float inf = std::numeric_limits<float>::infinity();
  at::Tensor table = uniform(make_seed(1, 1), {8, 12}, -1, 1);
  table[3][2] = std::numeric_limits<float>::quiet_NaN();
  table[4][5] = inf;
  table.select(1, 7).fill_(-inf);
  const at::Tensor weight = table.requires_grad_();
  const at::Tensor indices = integers(4, {10, 9}, 8);
  const at::Tensor grad = at::ones({10, 12});
  for (const double rate : {0.0, 0.5}) {
    const at::Tensor plain = plain_max(weight, indices, rate);
    const at::Tensor fused = fused_max(weight, indices, rate);
    CHECK(at::equal(plain.isnan(), fused.isnan()) && plain.isnan().any().item<bool>());
    CHECK(at::equal(plain.nan_to_num(7), fused.nan_to_num(7)));
    const at::Tensor a = gradient(plain, weight, grad);
    const at::Tensor b = gradient(fused, weight, grad);
    CHECK(at::equal(a.isnan(), b.isnan()));
    CHECK_CLOSE(distance(a.nan_to_num(7), b.nan_to_num(7)), 0, 1e-5);
  }
}

TEST(max_second_gradient) {
  const at::Tensor indices = integers(2, {6, 41}, 7);
  const at::Tensor direction = uniform(make_seed(5, 1), {7, 10}, -1, 1, at::kDouble);
  std::vector<at::Tensor> seconds;
  std::vector<at::Tensor> thirds;
  for (const auto& pool : {plain_max, fused_max}) {
    const at::Tensor weight = uniform(make_seed(1, 1), {7, 10}, -1, 1, at::kDouble).requires_grad_();
    const at::Tensor y = pool(weight, indices, 0.3);
    const at::Tensor g = gradient(y.pow(3).sum(), weight, at::ones({}, at::kDouble), true);
    const at::Tensor second = gradient(g, weight, direction, true);
    seconds.push_back(second.detach());
    thirds.push_back(gradient(second, weight, direction));
  }
  CHECK_CLOSE(distance(seconds[0], seconds[1]), 0, 1e-12);
  CHECK_CLOSE(distance(thirds[0], thirds[1]), 0, 1e-12);
  CHECK(thirds[0].abs().max().item<double>() > 0.1);
}

TEST(sum_equals_the_plain_form) {
  for (const Case& k : kCases) {
    for (const double rate : kRates) {
      for (const at::ScalarType dtype : kRealDtypes) {
        for (const bool masked : {false, true}) {
          const at::Tensor weight = uniform(make_seed(1, 1), {k.rows, k.dim}, -1, 1, dtype).requires_grad_();
          const at::Tensor indices = integers(k.steps, {k.batch, k.steps}, k.rows);
          const OptionalTensor mask = masked ? OptionalTensor(indices.ne(0)) : std::nullopt;
          const at::Tensor grad = uniform(make_seed(3, 1), {k.batch, k.dim}, -1, 1, dtype);
          const double factor = 1.0 / static_cast<double>(k.steps);
          const at::Tensor plain = plain_sum(weight, indices, mask, rate, factor);
          const at::Tensor fused = fused_sum(weight, indices, mask, rate, factor);
          CHECK_CLOSE(distance(plain, fused), 0, 10 * tolerance(dtype));
          CHECK(same_bits(fused, fused_sum(weight, indices.to(at::kInt), mask, rate, factor)));
          CHECK_CLOSE(distance(gradient(plain, weight, grad), gradient(fused, weight, grad)), 0, 40 * tolerance(dtype));
        }
      }
    }
  }
}

TEST(sum_leaves_out_nan_that_the_mask_hides) {
  at::Tensor weight = at::ones({3, 4});
  weight[0].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor indices = integers(1, {5, 8}, 3);
  CHECK(!fused_sum(weight, indices, indices.ne(0), 0.2, 1).isnan().any().item<bool>());
  CHECK(fused_sum(weight, indices, std::nullopt, 0.2, 1).isnan().any().item<bool>());
}

TEST(sum_second_gradient) {
  const at::Tensor indices = integers(2, {6, 41}, 7);
  const OptionalTensor mask = indices.ne(3);
  const at::Tensor direction = uniform(make_seed(5, 1), {7, 10}, -1, 1, at::kDouble);
  std::vector<at::Tensor> seconds;
  for (const auto& pool : {plain_sum, fused_sum}) {
    const at::Tensor weight = uniform(make_seed(1, 1), {7, 10}, -1, 1, at::kDouble).requires_grad_();
    const at::Tensor y = pool(weight, indices, mask, 0.3, 0.1);
    const at::Tensor g = gradient(y.pow(3).sum(), weight, at::ones({}, at::kDouble), true);
    seconds.push_back(gradient(g, weight, direction));
  }
  CHECK_CLOSE(distance(seconds[0], seconds[1]), 0, 1e-12);
  CHECK(seconds[0].abs().max().item<double>() > 0.1);
}

TEST(results_do_not_depend_on_threads) {
  const at::Tensor weight = uniform(make_seed(1, 1), {50, 100}, -1, 1).requires_grad_();
  const at::Tensor indices = integers(3, {64, 77}, 50);
  const at::Tensor grad = uniform(make_seed(3, 1), {64, 100}, -1, 1);
  std::vector<at::Tensor> first;
  for (const int count : {1, 2, 3}) {
    const Threads threads(count);
    const at::Tensor max = fused_max(weight, indices, 0.3);
    const at::Tensor sum = fused_sum(weight, indices, indices.ne(0), 0.3, 0.5);
    const std::vector<at::Tensor> all = {max, sum, gradient(max, weight, grad), gradient(sum, weight, grad)};
    if (first.empty()) first = all;
    for (size_t i = 0; i < all.size(); ++i) CHECK(same_bits(all[i], first[i]));
  }
}

TEST(layout_does_not_matter) {
  const at::Tensor weight = uniform(make_seed(1, 1), {30, 20}, -1, 1);
  const at::Tensor indices = integers(3, {20, 10}, 30);
  const at::Tensor strided_weight = weight.t().contiguous().t();
  const at::Tensor strided = indices.t().contiguous().t();
  CHECK(same_bits(fused_max(weight, indices, 0.3), fused_max(strided_weight, strided, 0.3)));
  CHECK(same_bits(fused_sum(weight, indices, indices.ne(0), 0.3, 1),
                  fused_sum(strided_weight, strided, strided.ne(0), 0.3, 1)));
}

TEST(wrong_arguments) {
  const at::Tensor weight = at::ones({4, 3});
  const at::Tensor indices = at::zeros({2, 5}, at::kLong);
  CHECK_THROWS(fused_max(weight, indices.add(4), 0.3), "expected indices from 0 to 3, got 4");
  CHECK_THROWS(fused_sum(weight, indices.sub(1), std::nullopt, 0, 1), "expected indices from 0 to 3, got -1");
  CHECK_THROWS(fused_max(weight, indices, 1.5), "expected a rate in [0, 1], got 1.5");
  CHECK_THROWS(fused_max(weight, indices[0], 0), "expected indices of shape [batch, steps], got [5]");
  CHECK_THROWS(fused_max(weight, indices.to(at::kFloat), 0), "expected indices of dtype int32 or int64");
  CHECK_THROWS(fused_max(weight[0], indices, 0), "expected a table of shape [rows, dim], got [3]");
  CHECK_THROWS(fused_max(weight.to(at::kInt), indices, 0), "expected a table of dtype float16");
  CHECK_THROWS(fused_max(weight, at::zeros({2, 0}, at::kLong), 0), "expected at least one step");
  CHECK_THROWS(fused_sum(weight, indices, at::ones({2, 4}, at::kBool), 0, 1), "expected a bool mask");
  CHECK_THROWS(fused_sum(weight, indices, at::ones({2, 5}), 0, 1), "expected a bool mask");
  CHECK_THROWS(operator_named<MaxSignature>("embedding_max").call(weight, indices, std::nullopt, 0.5, false),
               "expected a seed with a rate of 0.5");
}

TEST(meta_gives_the_shapes) {
  for (const at::ScalarType dtype : kRealDtypes) {
    const at::Tensor weight = at::empty({9, 7}, at::TensorOptions().dtype(dtype).device(at::kMeta)).requires_grad_();
    const at::Tensor indices = at::empty({5, 40}, at::TensorOptions().dtype(at::kInt).device(at::kMeta));
    const at::Tensor mask = at::empty({5, 40}, at::TensorOptions().dtype(at::kBool).device(at::kMeta));
    for (const at::Tensor& y : {fused_max(weight, indices, 0.3), fused_sum(weight, indices, mask, 0.3, 1)}) {
      CHECK(y.is_meta() && y.sizes() == at::IntArrayRef({5, 7}) && y.scalar_type() == dtype && y.requires_grad());
      const at::Tensor g = gradient(y, weight, at::empty_like(y).detach());
      CHECK(g.is_meta() && g.sizes() == weight.sizes() && g.scalar_type() == dtype);
    }
    CHECK_THROWS(fused_max(weight, indices, 2), "expected a rate in [0, 1]");
  }
}

}  // namespace
}  // namespace torchlayers::test
