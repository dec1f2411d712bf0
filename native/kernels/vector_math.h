// Elementary functions in float32 that the compiler vectorises. Polynomials: Chebyshev interpolation of each function
// on the interval named, done in double precision; absolute errors are those of the float32 evaluation.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/cpu_dispatch.h"

namespace torchlayers {

// Built-in functions instead of the standard library's where GCC would not inline a function compiled under other
// floating-point options.
TORCHLAYERS_INLINE float square_root(float x) {
#if defined(__GNUC__)
  return __builtin_sqrtf(x);
#else
  return std::sqrt(x);
#endif
}

TORCHLAYERS_INLINE double square_root(double x) {
#if defined(__GNUC__)
  return __builtin_sqrt(x);
#else
  return std::sqrt(x);
#endif
}

// Natural logarithm of a normal positive number; relative error about 2e-7.
TORCHLAYERS_INLINE float fast_log(float x) {
  // Splits x into m * 2^e with m in [2/3, 4/3).
  const int32_t bits = __builtin_bit_cast(int32_t, x);
  const int32_t exponent = (bits - 0x3F2AAAAB) >> 23;
  const float f = __builtin_bit_cast(float, bits - (exponent << 23)) - 1.0f;
  // log(1 + f) = f - f^2 / 2 + f^3 p(f), |f| <= 1/3.
  float p = 0.113306172f;
  p = p * f - 0.124222003f;
  p = p * f + 0.109156549f;
  p = p * f - 0.122887217f;
  p = p * f + 0.142918676f;
  p = p * f - 0.166733161f;
  p = p * f + 0.199999481f;
  p = p * f - 0.249999449f;
  p = p * f + 0.333333343f;
  const float square = f * f;
  return static_cast<float>(exponent) * 0.693147181f + (f + square * (f * p - 0.5f));
}

// e^x, with x held in [-87.3, 88.7] so that the result is a normal number; relative error about 1e-7.
TORCHLAYERS_INLINE float fast_exp(float x) {
  float held = x < -87.3f ? -87.3f : x;
  held = held > 88.7f ? 88.7f : held;
  // x = n log(2) + r with |r| <= log(2) / 2; adding 1.5 * 2^23 rounds to the nearest whole number.
  const float shifted = held * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (held - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 0.0013933646f;
  p = p * r + 0.00836317557f;
  p = p * r + 0.0416664649f;
  p = p * r + 0.16666577f;
  p = p * r + 0.500000001f;
  const float value = 1.0f + (r + r * r * p);
  // In two halves: 2^128 by itself would be infinite.
  const int32_t exponent = __builtin_bit_cast(int32_t, shifted) - 0x4B400000;
  const int32_t half = exponent >> 1;
  const float low = __builtin_bit_cast(float, (half + 127) << 23);
  const float high = __builtin_bit_cast(float, (exponent - half + 127) << 23);
  return value * low * high;
}

// Hyperbolic tangent; relative error about 2e-7.
TORCHLAYERS_INLINE float fast_tanh(float x) {
  const float size = x < 0 ? -x : x;
  const float e = fast_exp(-2.0f * size);
  const float far = (1.0f - e) / (1.0f + e);
  const float t = x * x;
  float p = -0.00566477536f;
  p = p * t + 0.02059568f;
  p = p * t - 0.0537226793f;
  p = p * t + 0.133311502f;
  p = p * t - 0.333332616f;
  p = p * t + 0.999999996f;
  return size < 0.625f ? x * p : (x < 0 ? -far : far);
}

// The error function; absolute error about 1e-7.
TORCHLAYERS_INLINE float fast_erf(float x) {
  const float absolute = x < 0 ? -x : x;
  const float size = absolute > 4.0f ? 4.0f : absolute;
  const float t = x * x;
  float near = 7.8824971e-5f;
  near = near * t - 8.01885499e-4f;
  near = near * t + 0.00518931194f;
  near = near * t - 0.0268543288f;
  near = near * t + 0.112835975f;
  near = near * t - 0.376126269f;
  near = near * t + 1.12837917f;
  // 1 - exp(-x^2) q(1 / (1 + x / 2)).
  const float u = 1.0f / (1.0f + 0.5f * size);
  float q = -0.0535406161f;
  q = q * u - 0.0573387354f;
  q = q * u + 0.403838363f;
  q = q * u + 0.101268245f;
  q = q * u + 0.33084068f;
  q = q * u + 0.273618153f;
  q = q * u + 0.000606408739f;
  const float far = 1.0f - q * fast_exp(-size * size);
  return absolute < 1.0f ? x * near : (x < 0 ? -far : far);
}

// In double precision the standard library's: for operators that take both.
TORCHLAYERS_INLINE double fast_exp(double x) { return std::exp(x); }
TORCHLAYERS_INLINE double fast_tanh(double x) { return std::tanh(x); }

// cos(2 pi turn) and sin(2 pi turn) for a turn in [0, 1); absolute error about 1.3e-7.
TORCHLAYERS_INLINE void fast_cos_sin(float turn, float& cosine, float& sine) {
  const float quarters = turn * 4.0f;
  const int32_t quadrant = static_cast<int32_t>(quarters + 0.5f);
  const float r = quarters - static_cast<float>(quadrant);
  const float t = r * r;
  // cos(pi r / 2) and sin(pi r / 2) / r as polynomials of r^2, |r| <= 1/2.
  float c = 9.03628068e-4f;
  c = c * t - 0.0208600704f;
  c = c * t + 0.253669202f;
  c = c * t - 1.23370051f;
  c = c * t + 1.0f;
  float s = 1.58206283e-4f;
  s = s * t - 0.00468126638f;
  s = s * t + 0.0796925798f;
  s = s * t - 0.645964086f;
  s = (s * t + 1.57079637f) * r;
  const bool odd = (quadrant & 1) != 0;
  const float a = odd ? s : c;
  const float b = odd ? c : s;
  cosine = ((quadrant + 1) & 2) != 0 ? -a : a;
  sine = (quadrant & 2) != 0 ? -b : b;
}

// erf(sqrt(2)): the probability that a normal variable is within two standard deviations.
inline constexpr double kWithinTwo = 0.9544997361036416;

// The normal quantile in central form: z with erf(z / sqrt(2)) = x, for |x| <= kWithinTwo; absolute error about 3e-7.
TORCHLAYERS_INLINE float fast_central_quantile(float x) {
  // z / x is smooth in w = -log(1 - x^2), 0 <= w <= 2.42.
  const float w = -fast_log(1.0f - x * x);
  float p = 1.68164817e-7f;
  p = p * w - 2.12685381e-6f;
  p = p * w + 4.13117505e-6f;
  p = p * w + 6.44735483e-5f;
  p = p * w - 1.80070434e-4f;
  p = p * w - 0.00330274669f;
  p = p * w + 0.0163333248f;
  p = p * w + 0.328116864f;
  p = p * w + 1.25331414f;
  return x * p;
}

}  // namespace torchlayers
