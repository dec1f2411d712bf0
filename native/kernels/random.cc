// random_bits, random_uniform, random_int: bit-equal on every device and for any number of threads.
#include <ATen/Dispatch.h>
#include <torch/library.h>

#include <cmath>
#include <limits>

#include "kernels/random_output.h"

namespace torchlayers {
namespace {

// ---- bits: element i is lane i % 4 of block i / 4, an int64 in [0, 2^32) (libtorch's uint32 lacks most operators)

TORCHLAYERS_MULTIVERSION void widen_bits(const uint32_t* draws, int64_t count, int64_t* TORCHLAYERS_RESTRICT out) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<int64_t>(draws[i]);
}

at::Tensor random_bits(const at::Tensor& seed, at::IntArrayRef size, std::optional<at::Device> device) {
  return make_random("random_bits", seed, size, at::kLong, device, [](at::Tensor& output, PhiloxStream stream) {
    int64_t* out = output.mutable_data_ptr<int64_t>();
    for_each_chunk(stream, output.numel(), 1, [out](const uint32_t* draws, int64_t begin, int64_t count) {
      widen_bits(draws, count, out + begin);
    });
  });
}

// ---- uniform: low + u * (high - low), u of 24 bits (float32 and below, one draw) or 53 bits (float64, two draws)

// The largest T below `high`: rounding may otherwise reach the end that the interval leaves out.
template <typename T>
T largest_below(double high) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    const T rounded = static_cast<T>(high);
    return static_cast<double>(rounded) < high ? rounded : std::nextafter(rounded, -std::numeric_limits<T>::infinity());
  } else {
    T candidate(static_cast<float>(high));
    if (static_cast<double>(static_cast<float>(candidate)) < high) return candidate;
    if ((candidate.x & 0x7FFF) == 0) return T(0x8001, T::from_bits());
    candidate.x = static_cast<unsigned short>(candidate.x + ((candidate.x & 0x8000) != 0 ? 1 : -1));
    return candidate;
  }
}

// Through double, where a 24-bit draw times a float is exact: a device that fuses product and sum gets the same bits.
template <typename T>
TORCHLAYERS_MULTIVERSION void scale_24_bits(const uint32_t* draws, int64_t count, float low, float range, T top,
                                            T* TORCHLAYERS_RESTRICT out) {
  const double step = static_cast<double>(range) * 0x1p-24;
  const double base = low;
  const float last = static_cast<float>(top);
  for (int64_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(static_cast<float>(base + static_cast<int32_t>(draws[i] >> 8) * step));
    out[i] = static_cast<float>(value) > last ? top : value;
  }
}

TORCHLAYERS_MULTIVERSION void scale_53_bits(const uint32_t* draws, int64_t count, double low, double range, double top,
                                            double* TORCHLAYERS_RESTRICT out) {
  const double step = range * 0x1p-53;
  for (int64_t i = 0; i < count; ++i) {
    const double value = low + static_cast<double>(static_cast<int64_t>(draw_64_bits(draws + 2 * i) >> 11)) * step;
    out[i] = value > top ? top : value;
  }
}

template <typename T>
void fill_uniform(at::Tensor& output, PhiloxStream stream, double low, double high) {
  T* out = output.mutable_data_ptr<T>();
  const int64_t count = output.numel();
  const bool empty_interval = low == high;
  if constexpr (std::is_same_v<T, double>) {
    const double top = empty_interval ? low : largest_below<double>(high);
    for_each_chunk(stream, count, 2, [=](const uint32_t* draws, int64_t begin, int64_t n) {
      scale_53_bits(draws, n, low, high - low, top, out + begin);
    });
  } else {
    const float first = static_cast<float>(low);
    const float range = static_cast<float>(high - low);
    const T top = empty_interval ? static_cast<T>(first) : largest_below<T>(high);
    for_each_chunk(stream, count, 1, [=](const uint32_t* draws, int64_t begin, int64_t n) {
      scale_24_bits<T>(draws, n, first, range, top, out + begin);
    });
  }
}

at::Tensor random_uniform(const at::Tensor& seed, at::IntArrayRef size, double low, double high, at::ScalarType dtype,
                          std::optional<at::Device> device) {
  check_real_dtype("random_uniform", dtype);
  TORCH_CHECK_VALUE(std::isfinite(low) && std::isfinite(high) && std::isfinite(high - low) && low <= high,
                    "torchlayers::random_uniform: expected finite bounds with low <= high, got low ", low, " and high ",
                    high, "\n  Give the interval [low, high).");
  TORCH_CHECK_VALUE(dtype == at::kDouble || std::isfinite(static_cast<float>(high - low)),
                    "torchlayers::random_uniform: expected high - low to be finite in float32, got low ", low,
                    " and high ", high, "\n  Narrow the interval, or draw in float64.");
  return make_random("random_uniform", seed, size, dtype, device, [=](at::Tensor& output, PhiloxStream stream) {
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dtype, "random_uniform",
                                    [&] { fill_uniform<scalar_t>(output, stream, low, high); });
  });
}

// ---- int: low + floor(r * (high - low) / 2^64) for a 64-bit draw r; the bias is below (high - low) / 2^64

template <typename T>
TORCHLAYERS_MULTIVERSION void scale_integers(const uint32_t* draws, int64_t count, int64_t low, uint64_t range,
                                             T* TORCHLAYERS_RESTRICT out) {
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t value = static_cast<uint64_t>(low) + multiply_high(draw_64_bits(draws + 2 * i), range);
    out[i] = static_cast<T>(static_cast<int64_t>(value));
  }
}

template <typename T>
void check_range(int64_t low, int64_t high, at::ScalarType dtype) {
  TORCH_CHECK_VALUE(
      low >= int64_t{std::numeric_limits<T>::lowest()} && high - 1 <= int64_t{std::numeric_limits<T>::max()},
      "torchlayers::random_int: expected a range that ", dtype, " can hold, got low ", low, " and high ", high,
      "\n  Narrow the range, or draw in a wider dtype.");
}

at::Tensor random_int(const at::Tensor& seed, at::IntArrayRef size, int64_t low, int64_t high, at::ScalarType dtype,
                      std::optional<at::Device> device) {
  TORCH_CHECK_TYPE(at::isIntegralType(dtype, /*includeBool=*/false) && dtype <= at::kLong,
                   "torchlayers::random_int: expected a dtype among uint8, int8, int16, int32, int64, got ", dtype,
                   "\n  Draw in int32 and cast the result.");
  TORCH_CHECK_VALUE(low < high, "torchlayers::random_int: expected low < high, got low ", low, " and high ", high,
                    "\n  Give the interval [low, high).");
  AT_DISPATCH_INTEGRAL_TYPES(dtype, "random_int", [&] { check_range<scalar_t>(low, high, dtype); });
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  return make_random("random_int", seed, size, dtype, device, [=](at::Tensor& output, PhiloxStream stream) {
    AT_DISPATCH_INTEGRAL_TYPES(dtype, "random_int", [&] {
      scalar_t* out = output.mutable_data_ptr<scalar_t>();
      for_each_chunk(stream, output.numel(), 2, [=](const uint32_t* draws, int64_t begin, int64_t count) {
        scale_integers<scalar_t>(draws, count, low, range, out + begin);
      });
    });
  });
}

void register_all(torch::Library& m) {
  m.impl("random_bits", random_bits);
  m.impl("random_uniform", random_uniform);
  m.impl("random_int", random_int);
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { register_all(m); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { register_all(m); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { register_all(m); }

// A seed is an integer: nothing to differentiate.
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("random_bits", torch::CppFunction::makeFallthrough());
  m.impl("random_uniform", torch::CppFunction::makeFallthrough());
  m.impl("random_int", torch::CppFunction::makeFallthrough());
}

}  // namespace torchlayers
