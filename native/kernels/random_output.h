// The frame of a random operator: checks, output, device.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <optional>

#include "kernels/cpu_dispatch.h"
#include "kernels/seed.h"

namespace torchlayers {

// Makes the output of a random operator and calls fill(output, stream) on it, on the CPU: its values then move to
// `device` (the seed's, if none is given), so that they are the same on every device. On `meta` only the shape is made.
template <typename Fill>
at::Tensor make_random(const char* op, const at::Tensor& seed, at::IntArrayRef size, at::ScalarType dtype,
                       std::optional<at::Device> device, const Fill& fill) {
  check_seed(op, seed);
  for (const int64_t extent : size) {
    TORCH_CHECK_VALUE(extent >= 0, "torchlayers::", op, ": expected a size without negative entries, got ", size,
                      "\n  Give the output's shape.");
  }
  const at::Device target = device.value_or(seed.device());
  const auto options = at::TensorOptions().dtype(dtype);
  if (seed.is_meta() || target.is_meta()) return at::empty(size, options.device(at::kMeta));
  at::Tensor output = at::empty(size, options.device(at::kCPU));
  if (output.numel() > 0) fill(output, read_seed(seed));
  return target.is_cpu() ? output : output.to(target);
}

// Throws unless `dtype` is float16, bfloat16, float32 or float64.
inline void check_real_dtype(const char* op, at::ScalarType dtype) {
  TORCH_CHECK_TYPE(dtype == at::kFloat || dtype == at::kDouble || dtype == at::kHalf || dtype == at::kBFloat16,
                   "torchlayers::", op, ": expected a dtype among float16, bfloat16, float32, float64, got ", dtype,
                   "\n  Draw in float32 and cast the result.");
}

// Two neighbouring draws as one of 64 bits, the first one low.
TORCHLAYERS_INLINE uint64_t draw_64_bits(const uint32_t* draws) {
  return uint64_t{draws[0]} | (uint64_t{draws[1]} << 32);
}

// The upper 64 bits of a 128-bit product.
TORCHLAYERS_INLINE uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xFFFFFFFFu;
  const uint64_t a1 = a >> 32;
  const uint64_t b0 = b & 0xFFFFFFFFu;
  const uint64_t b1 = b >> 32;
  const uint64_t middle = a1 * b0 + ((a0 * b0) >> 32);
  const uint64_t carry = a0 * b1 + (middle & 0xFFFFFFFFu);
  return a1 * b1 + (middle >> 32) + (carry >> 32);
}

}  // namespace torchlayers
