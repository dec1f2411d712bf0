// Random operators: their formula from single draws, independence of threads, distributions, errors, meta.
#include "test/operators.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "kernels/philox.h"
#include "test/check.h"

namespace torchlayers::test {
namespace {

constexpr PhiloxStream kStream{0x1234567890ull, 42};

at::Tensor seed() { return make_seed(static_cast<int64_t>(kStream.key), static_cast<int64_t>(kStream.offset)); }

uint32_t draw_32(int64_t i) { return philox_block(kStream, static_cast<uint64_t>(i / 4))[static_cast<size_t>(i % 4)]; }
uint64_t draw_64(int64_t i) { return draw_32(2 * i) | (uint64_t{draw_32(2 * i + 1)} << 32); }

using Real = at::Tensor(const at::Tensor&, at::IntArrayRef, double, double, at::ScalarType, std::optional<at::Device>);
using Whole = at::Tensor(const at::Tensor&, at::IntArrayRef, int64_t, int64_t, at::ScalarType,
                         std::optional<at::Device>);
using Counted = at::Tensor(const at::Tensor&, int64_t, std::optional<at::Device>);
using Bits = at::Tensor(const at::Tensor&, at::IntArrayRef, std::optional<at::Device>);

at::Tensor real(const char* name, const at::Tensor& seed, at::IntArrayRef size, double a, double b,
                at::ScalarType dtype = at::kFloat, std::optional<at::Device> device = std::nullopt) {
  return operator_named<Real>(name).call(seed, size, a, b, dtype, device);
}

at::Tensor whole(const at::Tensor& seed, at::IntArrayRef size, int64_t low, int64_t high,
                 at::ScalarType dtype = at::kInt, std::optional<at::Device> device = std::nullopt) {
  return operator_named<Whole>("random_int").call(seed, size, low, high, dtype, device);
}

at::Tensor permutation(const at::Tensor& seed, int64_t n) {
  return operator_named<Counted>("random_permutation").call(seed, n, std::nullopt);
}

at::Tensor bits(const at::Tensor& seed, at::IntArrayRef size) {
  return operator_named<Bits>("random_bits").call(seed, size, std::nullopt);
}

TEST(bits_are_the_lanes) {
  const at::Tensor out = bits(seed(), {3, 701});
  CHECK(out.scalar_type() == at::kLong && out.sizes() == at::IntArrayRef({3, 701}));
  bool equal = true;
  for (int64_t i = 0; i < out.numel(); ++i) equal = equal && out.const_data_ptr<int64_t>()[i] == draw_32(i);
  CHECK(equal);
}

TEST(uniform_formula) {
  const at::Tensor single = uniform(seed(), {5000}, -2.5, 3.0);
  const at::Tensor twice = uniform(seed(), {5000}, -2.5, 3.0, at::kDouble);
  bool equal = true;
  for (int64_t i = 0; i < 5000; ++i) {
    const double u = (draw_32(i) >> 8) * 0x1p-24;
    equal = equal && single.const_data_ptr<float>()[i] == static_cast<float>(-2.5 + u * 5.5);
    const volatile double scaled = static_cast<double>(draw_64(i) >> 11) * 0x1p-53 * 5.5;
    equal = equal && twice.const_data_ptr<double>()[i] == -2.5 + scaled;
  }
  CHECK(equal);
}

TEST(uniform_leaves_the_upper_end_out) {
  for (const at::ScalarType dtype : kRealDtypes) {
    for (const auto& [low, high] : {std::pair{1.0, 2.0}, {-1.0, 0.0}, {-3.0, -2.0}, {0.0, 1.0}}) {
      const at::Tensor out = uniform(seed(), {200000}, low, high, dtype).to(at::kDouble);
      CHECK(out.min().item<double>() >= low);
      CHECK(out.max().item<double>() < high);
    }
    CHECK(uniform(seed(), {9}, 0.5, 0.5, dtype).eq(0.5).all().item<bool>());
  }
}

// The share of values below q is within five standard deviations of `expected`.
void check_share(const at::Tensor& values, double q, double expected) {
  const double n = static_cast<double>(values.numel());
  const double share = values.lt(q).sum().item<double>() / n;
  CHECK_CLOSE(share, expected, 5 * std::sqrt(expected * (1 - expected) / n));
}

double normal_below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

TEST(normal_formula_and_distribution) {
  const int64_t n = 1 << 20;
  const at::Tensor single = real("random_normal", seed(), {n}, 0, 1);
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t pair = i - i % 2;
    const double radius = std::sqrt(-2 * std::log((draw_32(pair) + 0.5) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * ((draw_32(pair + 1) >> 8) * 0x1p-24);
    const double expected = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    worst = std::max(worst, std::abs(single.const_data_ptr<float>()[i] - expected));
  }
  // Where u is next to 1 its rounding to 24 bits is worth up to sqrt(2 * 2^-25) in the radius.
  CHECK_CLOSE(worst, 0, 3e-4);
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const at::Tensor z = real("random_normal", seed(), {n}, 0, 1, dtype).to(at::kDouble);
    for (const double q : {-4.0, -2.0, -1.0, -0.1, 0.0, 0.5, 1.5, 3.0}) check_share(z, q, normal_below(q));
    CHECK_CLOSE(z.mean().item<double>(), 0, 5e-3);
    CHECK_CLOSE(z.pow(2).mean().item<double>(), 1, 7e-3);
    CHECK_CLOSE(z.pow(4).mean().item<double>(), 3, 0.05);
  }
  const at::Tensor scaled = real("random_normal", seed(), {n}, 3, 0.5);
  CHECK(at::equal(scaled.sub(3).mul(2).sub(single).abs().lt(1e-5), single.eq(single)));
}

TEST(truncated_normal_formula_and_distribution) {
  const int64_t n = 1 << 20;
  const at::Tensor single = real("random_truncated_normal", seed(), {n}, 0, 1);
  const at::Tensor twice = real("random_truncated_normal", seed(), {n}, 0, 1, at::kDouble);
  const double within = std::erf(std::numbers::sqrt2);
  double worst_single = 0;
  double worst_twice = 0;
  for (int64_t i = 0; i < n; i += 7) {
    const double x = (static_cast<int32_t>(draw_32(i)) + 0.5) * 0x1p-31 * within;
    const double y = (static_cast<double>(static_cast<int64_t>(draw_64(i)) >> 11) + 0.5) * 0x1p-52 * within;
    const double z = single.const_data_ptr<float>()[i];
    // The error of z, from that of its probability.
    const double slope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi * std::exp(-z * z / 2);
    worst_single = std::max(worst_single, std::abs(std::erf(z / std::numbers::sqrt2) - x) / slope);
    worst_twice =
        std::max(worst_twice, std::abs(std::erf(twice.const_data_ptr<double>()[i] / std::numbers::sqrt2) - y) / slope);
  }
  CHECK_CLOSE(worst_single, 0, 3e-6);
  CHECK_CLOSE(worst_twice, 0, 1e-12);
  for (const at::ScalarType dtype : kRealDtypes) {
    const at::Tensor z = real("random_truncated_normal", seed(), {n}, 0, 1, dtype).to(at::kDouble);
    CHECK(z.abs().max().item<double>() <= 2);
    if (dtype == at::kHalf || dtype == at::kBFloat16) continue;
    for (const double q : {-1.9, -1.0, 0.0, 0.7, 1.5}) {
      check_share(z, q, (normal_below(q) - normal_below(-2)) / within);
    }
  }
}

TEST(int_formula_and_range) {
  for (const auto& [low, high] : {std::pair<int64_t, int64_t>{-7, 13}, {0, 1}, {0, int64_t{1} << 40}, {5, 6}}) {
    const at::Tensor out = whole(seed(), {3001}, low, high, at::kLong);
    bool equal = true;
    for (int64_t i = 0; i < out.numel(); ++i) {
      const auto product = static_cast<unsigned __int128>(draw_64(i)) * static_cast<uint64_t>(high - low);
      equal = equal && out.const_data_ptr<int64_t>()[i] == low + static_cast<int64_t>(product >> 64);
    }
    CHECK(equal);
  }
  const at::Tensor all = whole(seed(), {5000}, INT64_MIN, INT64_MAX, at::kLong);
  CHECK(all.lt(0).any().item<bool>() && all.gt(0).any().item<bool>());
  const at::Tensor small = whole(seed(), {100000}, -128, 128, at::kChar);
  CHECK(small.min().item<int64_t>() == -128 && small.max().item<int64_t>() == 127);
  check_share(small.to(at::kDouble), 0, 0.5);
  CHECK_THROWS(whole(seed(), {2}, 0, 257, at::kByte), "expected a range that");
  CHECK_THROWS(whole(seed(), {2}, 3, 3), "expected low < high, got low 3 and high 3");
  CHECK_THROWS(whole(seed(), {2}, 0, 3, at::kFloat), "expected a dtype among uint8");
}

TEST(permutation_is_fisher_yates) {
  for (const int64_t n : {0, 1, 2, 511, 512, 513, 1024, 60001}) {
    const at::Tensor out = permutation(seed(), n);
    std::vector<int64_t> expected(static_cast<size_t>(n));
    std::iota(expected.begin(), expected.end(), 0);
    for (int64_t i = n - 1; i >= 1; --i) {
      const auto product = static_cast<unsigned __int128>(draw_64(i)) * static_cast<uint64_t>(i + 1);
      std::swap(expected[static_cast<size_t>(i)], expected[static_cast<size_t>(product >> 64)]);
    }
    CHECK(std::equal(expected.begin(), expected.end(), out.const_data_ptr<int64_t>()));
    std::sort(expected.begin(), expected.end());
    CHECK(std::equal(expected.begin(), expected.end(), std::get<0>(out.sort()).const_data_ptr<int64_t>()));
  }
  CHECK_THROWS(permutation(seed(), -1), "expected n >= 0, got -1");
}

std::vector<at::Tensor> draw_everything() {
  const std::vector<int64_t> size = {7, 30011};
  std::vector<at::Tensor> out = {bits(seed(), size), whole(seed(), size, -5, 1000), permutation(seed(), 70000)};
  for (const at::ScalarType dtype : kRealDtypes) {
    for (const char* name : {"random_uniform", "random_normal", "random_truncated_normal"}) {
      out.push_back(real(name, seed(), size, 0.25, 2, dtype));
    }
  }
  return out;
}

TEST(results_do_not_depend_on_threads) {
  std::vector<at::Tensor> one;
  {
    const Threads threads(1);
    one = draw_everything();
  }
  for (const int count : {2, 3, 5}) {
    const Threads threads(count);
    const std::vector<at::Tensor> many = draw_everything();
    for (size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], many[i]));
  }
}

TEST(a_longer_draw_starts_like_a_shorter_one_and_streams_differ) {
  const at::Tensor longer = uniform(seed(), {4099}, 0, 1);
  CHECK(same_bits(longer.narrow(0, 0, 1001).contiguous(), uniform(seed(), {1001}, 0, 1)));
  CHECK(!same_bits(longer, uniform(make_seed(0x1234567890, 43), {4099}, 0, 1)));
  CHECK(!same_bits(longer, uniform(make_seed(0x1234567891, 42), {4099}, 0, 1)));
}

TEST(seeds_are_checked_and_not_changed) {
  const at::Tensor s = seed();
  const auto version = s._version();
  draw_everything();
  uniform(s, {10}, 0, 1);
  CHECK(s._version() == version && same_bits(s, seed()));
  CHECK_THROWS(uniform(at::empty({3}, at::kLong), {2}, 0, 1), "expected a seed of shape [2], got [3]");
  CHECK_THROWS(uniform(at::empty({2}, at::kInt), {2}, 0, 1), "expected a seed of dtype int64, got Int");
  CHECK_THROWS(uniform(s, {2, -1}, 0, 1), "without negative entries, got [2, -1]");
  CHECK_THROWS(uniform(s, {2}, 1, 0), "low <= high, got low 1 and high 0");
  CHECK_THROWS(uniform(s, {2}, -3e38, 3e38), "to be finite in float32");
  CHECK_THROWS(uniform(s, {2}, 0, 1, at::kInt), "expected a dtype among float16");
  CHECK_THROWS(real("random_normal", s, {2}, 0, -1), "expected std >= 0, got -1");
}

TEST(meta_gives_the_shape_and_repeats_the_checks) {
  const at::Tensor stand_in = at::empty({2}, at::TensorOptions().dtype(at::kLong).device(at::kMeta));
  for (const char* name : {"random_uniform", "random_normal", "random_truncated_normal"}) {
    for (const at::ScalarType dtype : kRealDtypes) {
      const at::Tensor value = real(name, seed(), {3, 0, 4}, 0, 1, dtype);
      for (const at::Tensor& shape : {real(name, stand_in, {3, 0, 4}, 0, 1, dtype),
                                      real(name, seed(), {3, 0, 4}, 0, 1, dtype, at::Device(at::kMeta))}) {
        CHECK(shape.is_meta() && shape.sizes() == value.sizes() && shape.scalar_type() == value.scalar_type());
      }
    }
    CHECK_THROWS(real(name, stand_in, {2}, 0, 1, at::kLong), "expected a dtype among float16");
  }
  CHECK(whole(stand_in, {2, 3}, 0, 5, at::kShort).scalar_type() == at::kShort);
  CHECK(permutation(stand_in, 7).is_meta() && permutation(stand_in, 7).size(0) == 7);
  CHECK(bits(stand_in, {5}).is_meta());
  CHECK_THROWS(whole(stand_in, {2}, 0, 257, at::kByte), "expected a range that");
}

}  // namespace
}  // namespace torchlayers::test
