// dropout: mask, scale, first and second gradient, noise shape, threads, dtypes, errors, meta.
#include "test/operators.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "test/check.h"

namespace torchlayers::test {
namespace {

using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, double, at::OptionalIntArrayRef);

at::Tensor dropout(const at::Tensor& x, const at::Tensor& seed, double rate,
                   at::OptionalIntArrayRef noise_shape = std::nullopt) {
  return operator_named<Signature>("dropout").call(x, seed, rate, noise_shape);
}

const at::Tensor kSeed = make_seed(7, 3);

at::Tensor keep_mask(at::IntArrayRef size, double rate) { return uniform(kSeed, size, 0, 1).ge(rate); }

TEST(keeps_where_the_uniform_reaches_the_rate) {
  for (const at::ScalarType dtype : kRealDtypes) {
    for (const double rate : {0.1, 0.3, 0.5, 0.999}) {
      const at::Tensor x = uniform(make_seed(1, 1), {37, 1031}, -1, 1, dtype);
      const at::Tensor y = dropout(x, kSeed, rate);
      const at::Tensor expected = at::where(keep_mask(x.sizes(), rate), x.mul(1 / (1 - rate)), at::zeros_like(x));
      CHECK(same_bits(y.abs(), expected.abs()) && at::equal(y, expected));
    }
  }
}

TEST(mask_does_not_depend_on_threads) {
  for (const at::ScalarType dtype : kRealDtypes) {
    const at::Tensor x = at::ones({123, 1237}, dtype);
    at::Tensor one;
    {
      const Threads threads(1);
      one = dropout(x, kSeed, 0.4);
    }
    for (const int count : {2, 3}) {
      const Threads threads(count);
      CHECK(same_bits(one, dropout(x, kSeed, 0.4)));
    }
  }
}

TEST(rates_at_the_ends) {
  at::Tensor x = uniform(make_seed(1, 1), {5, 5}, -1, 1);
  const at::Tensor same = dropout(x, kSeed, 0);
  CHECK(same_bits(same, x) && same.const_data_ptr() != x.const_data_ptr());
  CHECK(dropout(x, kSeed, 1).eq(0).all().item<bool>());
  x = at::full({1000}, std::numeric_limits<double>::quiet_NaN());
  CHECK(dropout(x, kSeed, 0.5).eq(0).sum().item<int64_t>() == 1000 - keep_mask({1000}, 0.5).sum().item<int64_t>());
  CHECK(dropout(at::empty({0, 3}), kSeed, 0.5).numel() == 0);
}

TEST(layout_does_not_matter) {
  const at::Tensor x = uniform(make_seed(1, 1), {64, 33}, -1, 1);
  const at::Tensor strided = x.t().contiguous().t();
  CHECK(!strided.is_contiguous());
  CHECK(same_bits(dropout(x, kSeed, 0.5), dropout(strided, kSeed, 0.5)));
  CHECK(dropout(strided, kSeed, 0.5).is_contiguous());
}

TEST(noise_shape_broadcasts) {
  const at::Tensor x = uniform(make_seed(1, 1), {6, 50, 8}, 0.5, 1);
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{6, 1, 8}, {1, 50, 1}, {50, 8}, {8}, {1, 1, 1}, {6, 50, 8}}) {
    const at::Tensor kept = keep_mask(shape, 0.5).expand(x.sizes());
    CHECK(at::equal(dropout(x, kSeed, 0.5, shape), at::where(kept, x.mul(2), at::zeros_like(x))));
  }
  CHECK_THROWS((dropout(x, kSeed, 0.5, at::IntArrayRef({6, 2, 8}))),
               "expected a noise_shape that broadcasts to [6, 50, 8], got [6, 2, 8]");
  CHECK_THROWS((dropout(x, kSeed, 0.5, at::IntArrayRef({1, 6, 50, 8}))), "expected a noise_shape that broadcasts");
}

at::Tensor gradient(const at::Tensor& y, const at::Tensor& x, const at::Tensor& grad, bool create_graph = false) {
  return torch::autograd::grad({y}, {x}, {grad}, std::nullopt, create_graph)[0];
}

TEST(gradient_is_the_same_mask) {
  for (const at::ScalarType dtype : kRealDtypes) {
    const at::Tensor x = uniform(make_seed(1, 1), {17, 101}, -1, 1, dtype).requires_grad_();
    const at::Tensor grad = uniform(make_seed(2, 2), {17, 101}, -1, 1, dtype);
    CHECK(at::equal(gradient(dropout(x, kSeed, 0.25), x, grad), dropout(grad, kSeed, 0.25)));
  }
  const at::Tensor x = at::ones({4, 5, 6}).requires_grad_();
  const std::vector<int64_t> shape = {4, 1, 6};
  CHECK(at::equal(gradient(dropout(x, kSeed, 0.25, shape), x, at::ones({4, 5, 6})),
                  dropout(at::ones({4, 5, 6}), kSeed, 0.25, shape)));
}

TEST(second_gradient) {
  // y = c x with c the scaled mask; g = d(sum y^3)/dx = 3 c y^2; d(sum g)/dx = 6 c^2 y.
  const at::Tensor x = uniform(make_seed(1, 1), {50, 20}, -1, 1, at::kDouble).requires_grad_();
  const at::Tensor y = dropout(x, kSeed, 0.5);
  const at::Tensor g = gradient(y.pow(3).sum(), x, at::ones({}, at::kDouble), true);
  CHECK(g.requires_grad());
  const at::Tensor second = gradient(g.sum(), x, at::ones({}, at::kDouble));
  const at::Tensor c = dropout(at::ones({50, 20}, at::kDouble), kSeed, 0.5);
  CHECK_CLOSE(second.sub(c.mul(c).mul(y).mul(6)).abs().max().item<double>(), 0, 1e-12);
  // Through the backward operator itself: linear in the gradient that it is given.
  const at::Tensor incoming = uniform(make_seed(3, 3), {50, 20}, -1, 1, at::kDouble).requires_grad_();
  const at::Tensor outgoing = gradient(dropout(x, kSeed, 0.5), x, incoming, true);
  CHECK(at::equal(gradient(outgoing.sum(), incoming, at::ones({}, at::kDouble)), c));
}

TEST(a_seed_changed_before_the_gradient_is_an_error) {
  const at::Tensor x = at::ones({10}).requires_grad_();
  const at::Tensor seed = make_seed(1, 1);
  const at::Tensor y = dropout(x, seed, 0.5);
  seed.add_(1);
  CHECK_THROWS(gradient(y, x, at::ones({10})), "modified by an inplace operation");
}

TEST(no_graph_without_gradient) {
  const at::Tensor x = at::ones({10}).requires_grad_();
  const at::NoGradGuard guard;
  CHECK(!dropout(x, kSeed, 0.5).requires_grad());
}

TEST(wrong_arguments) {
  const at::Tensor x = at::ones({10});
  CHECK_THROWS(dropout(x, kSeed, 1.5), "expected a rate in [0, 1], got 1.5");
  CHECK_THROWS(dropout(x, kSeed, -0.1), "expected a rate in [0, 1]");
  CHECK_THROWS(dropout(x.to(at::kInt), kSeed, 0.5), "expected a dtype among float16");
  CHECK_THROWS(dropout(x, x, 0.5), "expected a seed of dtype int64");
}

TEST(meta_gives_the_shape_forward_and_backward) {
  for (const at::ScalarType dtype : kRealDtypes) {
    const auto options = at::TensorOptions().dtype(dtype).device(at::kMeta);
    const at::Tensor x = at::empty({5, 7}, options).requires_grad_();
    // A stand-in for the data, with a seed that may be real.
    for (const at::Tensor& seed : {kSeed, kSeed.to(at::kMeta)}) {
      const at::Tensor y = dropout(x, seed, 0.5);
      CHECK(y.is_meta() && y.sizes() == x.sizes() && y.scalar_type() == dtype && y.requires_grad());
      const at::Tensor g = gradient(y, x, at::empty({5, 7}, options));
      CHECK(g.is_meta() && g.sizes() == x.sizes() && g.scalar_type() == dtype);
    }
    CHECK_THROWS(dropout(x, kSeed, 2), "expected a rate in [0, 1]");
    CHECK_THROWS((dropout(x, kSeed, 0.5, at::IntArrayRef({3, 7}))), "expected a noise_shape");
  }
}

}  // namespace
}  // namespace torchlayers::test
