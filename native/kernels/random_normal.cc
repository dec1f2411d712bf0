// random_normal and random_truncated_normal: mean + std * z, equal to float tolerance on every device.
#include <ATen/Dispatch.h>
#include <torch/library.h>

#include <cmath>
#include <numbers>

#include "kernels/random_output.h"
#include "kernels/vector_math.h"

namespace torchlayers {
namespace {

// Box-Muller: draws 2k and 2k + 1 make the normals 2k and 2k + 1. The radius uses all 32 bits, so that the tails reach
// 6.7 standard deviations.
TORCHLAYERS_MULTIVERSION void normal_pairs(const uint32_t* draws, float* TORCHLAYERS_RESTRICT z) {
  for (int64_t k = 0; k < kChunkDraws / 2; ++k) {
    const float u = (static_cast<float>(draws[2 * k]) + 0.5f) * 0x1p-32f;
    const float turn = static_cast<float>(static_cast<int32_t>(draws[2 * k + 1] >> 8)) * 0x1p-24f;
    const float log_u = fast_log(u);
    const float radius = square_root(log_u < 0.0f ? -2.0f * log_u : 0.0f);
    float cosine;
    float sine;
    fast_cos_sin(turn, cosine, sine);
    z[2 * k] = radius * cosine;
    z[2 * k + 1] = radius * sine;
  }
}

// The same with 53 bits: block k makes the normals 2k and 2k + 1.
void normal_pairs(const uint32_t* draws, double* z) {
  for (int64_t k = 0; k < kChunkDraws / 4; ++k) {
    const double u = (static_cast<double>(draw_64_bits(draws + 4 * k) >> 11) + 1.0) * 0x1p-53;
    const double turn = static_cast<double>(draw_64_bits(draws + 4 * k + 2) >> 11) * 0x1p-53;
    const double radius = std::sqrt(-2.0 * std::log(u));
    z[2 * k] = radius * std::cos(2 * std::numbers::pi * turn);
    z[2 * k + 1] = radius * std::sin(2 * std::numbers::pi * turn);
  }
}

// Inverse distribution function between minus and plus two: one draw an element, nothing is rejected or drawn again.
TORCHLAYERS_MULTIVERSION void truncated_normals(const uint32_t* draws, float* TORCHLAYERS_RESTRICT z) {
  for (int64_t i = 0; i < kChunkDraws; ++i) {
    const float centred = (static_cast<float>(static_cast<int32_t>(draws[i])) + 0.5f) * 0x1p-31f;
    const float value = fast_central_quantile(centred * static_cast<float>(kWithinTwo));
    const float below = value > 2.0f ? 2.0f : value;
    z[i] = below < -2.0f ? -2.0f : below;
  }
}

// Two Newton steps from the float32 value square its error twice.
void truncated_normals(const uint32_t* draws, double* z) {
  for (int64_t i = 0; i < kChunkDraws / 2; ++i) {
    const auto centred = static_cast<int64_t>(draw_64_bits(draws + 2 * i)) >> 11;
    const double x = (static_cast<double>(centred) + 0.5) * 0x1p-52 * kWithinTwo;
    double value = fast_central_quantile(static_cast<float>(x));
    for (int step = 0; step < 2; ++step) {
      const double slope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi * std::exp(-0.5 * value * value);
      value -= (std::erf(value / std::numbers::sqrt2) - x) / slope;
    }
    z[i] = std::min(std::max(value, -2.0), 2.0);
  }
}

template <typename T, typename Z>
TORCHLAYERS_MULTIVERSION void scale_and_store(const Z* z, int64_t count, Z mean, Z std, T* TORCHLAYERS_RESTRICT out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<T>(mean + std * z[i]);
}

// make(draws, z) turns a whole chunk of draws into standard values: a float takes one draw, a double two.
template <typename T, typename Make>
void fill(at::Tensor& output, PhiloxStream stream, double mean, double std, const Make& make) {
  using Z = std::conditional_t<std::is_same_v<T, double>, double, float>;
  T* out = output.mutable_data_ptr<T>();
  for_each_chunk(stream, output.numel(), sizeof(Z) / 4, [=](const uint32_t* draws, int64_t begin, int64_t count) {
    alignas(64) Z z[kChunkDraws * 4 / sizeof(Z)];
    make(draws, z);
    scale_and_store<T, Z>(z, count, static_cast<Z>(mean), static_cast<Z>(std), out + begin);
  });
}

template <typename Make>
at::Tensor draw(const char* op, const at::Tensor& seed, at::IntArrayRef size, double mean, double std,
                at::ScalarType dtype, std::optional<at::Device> device, const Make& make) {
  check_real_dtype(op, dtype);
  TORCH_CHECK_VALUE(std >= 0, "torchlayers::", op, ": expected std >= 0, got ", std,
                    "\n  Give the standard deviation as a number that is not negative.");
  return make_random(op, seed, size, dtype, device, [&](at::Tensor& output, PhiloxStream stream) {
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dtype, "random_normal",
                                    [&] { fill<scalar_t>(output, stream, mean, std, make); });
  });
}

at::Tensor random_normal(const at::Tensor& seed, at::IntArrayRef size, double mean, double std, at::ScalarType dtype,
                         std::optional<at::Device> device) {
  return draw("random_normal", seed, size, mean, std, dtype, device,
              [](const uint32_t* draws, auto* z) { normal_pairs(draws, z); });
}

at::Tensor random_truncated_normal(const at::Tensor& seed, at::IntArrayRef size, double mean, double std,
                                   at::ScalarType dtype, std::optional<at::Device> device) {
  return draw("random_truncated_normal", seed, size, mean, std, dtype, device,
              [](const uint32_t* draws, auto* z) { truncated_normals(draws, z); });
}

void register_all(torch::Library& m) {
  m.impl("random_normal", random_normal);
  m.impl("random_truncated_normal", random_truncated_normal);
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { register_all(m); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { register_all(m); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { register_all(m); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("random_normal", torch::CppFunction::makeFallthrough());
  m.impl("random_truncated_normal", torch::CppFunction::makeFallthrough());
}

}  // namespace torchlayers
