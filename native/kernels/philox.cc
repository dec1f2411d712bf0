#include "kernels/philox.h"

#include <c10/util/Exception.h>

#include <cstring>

#include "kernels/cpu_dispatch.h"

namespace torchlayers {
namespace {

void fill_scalar(PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const PhiloxBlock block = philox_block(stream, first + static_cast<uint64_t>(i));
    std::memcpy(out + 4 * i, block.data(), sizeof(block));
  }
}

#if defined(__GNUC__)

// One 64-bit lane per counter word: a 32 x 32 -> 64 bit multiply then yields both halves of the product at once, and
// it ignores the upper halves of its inputs, so they may hold leftovers.
template <int Width>
struct Lanes {
  typedef uint64_t type __attribute__((vector_size(Width * 8)));  // NOLINT: the attribute is lost in `using`
};

// GCC turns the portable form into a full 64-bit multiply (three to seven times slower), hence the instruction by name.
template <int Width, typename V>
TORCHLAYERS_INLINE void multiply_low_halves(V& product, const V& a, const V& b) {
#if defined(__x86_64__) && !defined(__clang__)
  if constexpr (Width == 8) {
    asm("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "v"(b));
  } else if constexpr (Width == 4) {
    asm("vpmuludq %2, %1, %0" : "=x"(product) : "x"(a), "x"(b));
  } else {
    product = a;
    asm("pmuludq %1, %0" : "+x"(product) : "x"(b));
  }
#else
  product = (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#endif
}

template <int Width>
TORCHLAYERS_INLINE void fill_lanes(PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out) {
  using V = typename Lanes<Width>::type;
  V index;
  for (int j = 0; j < Width; ++j) index[j] = static_cast<uint64_t>(j);
  const V multiplier0 = V{} + kPhiloxMultiplier0;
  const V multiplier1 = V{} + kPhiloxMultiplier1;
  const V low_half = V{} + 0xFFFFFFFFu;
  for (int64_t done = 0; done < count; done += Width) {
    V c0 = index + (first + static_cast<uint64_t>(done));
    V c1 = c0 >> 32;
    V c2 = V{} + stream.offset;
    V c3 = c2 >> 32;
    uint32_t k0 = static_cast<uint32_t>(stream.key);
    uint32_t k1 = static_cast<uint32_t>(stream.key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < kPhiloxRounds; ++round) {
      V product0;
      V product1;
      multiply_low_halves<Width>(product0, c0, multiplier0);
      multiply_low_halves<Width>(product1, c2, multiplier1);
      c0 = (product1 >> 32) ^ c1 ^ (V{} + k0);
      c2 = (product0 >> 32) ^ c3 ^ (V{} + k1);
      c1 = product1;
      c3 = product0;
      k0 += kPhiloxKeyStep0;
      k1 += kPhiloxKeyStep1;
    }
    // A little-endian 64-bit word holds two lanes in order; big-endian machines take the scalar code.
    const V lanes01 = (c0 & low_half) | (c1 << 32);
    const V lanes23 = (c2 & low_half) | (c3 << 32);
    uint64_t words[2 * Width];
    for (int j = 0; j < Width; ++j) {
      words[2 * j] = lanes01[j];
      words[2 * j + 1] = lanes23[j];
    }
    std::memcpy(out + 4 * done, words, sizeof(words));
  }
}

void fill_2(PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out) {
  fill_lanes<2>(stream, first, count, out);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void fill_4(PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out) {
  fill_lanes<4>(stream, first, count, out);
}

__attribute__((target("avx512f,avx512dq,avx512vl"))) void fill_8(PhiloxStream stream, uint64_t first, int64_t count,
                                                                 uint32_t* out) {
  fill_lanes<8>(stream, first, count, out);
}
#endif

#endif  // __GNUC__

int best_width() {
  int best = 0;
  for (const int width : kPhiloxWidths) {
    if (philox_width_supported(width)) best = width;
  }
  return best;
}

}  // namespace

bool philox_width_supported(int width) {
  if (width == 0) return true;
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (width == 2) return true;
#if defined(__x86_64__)
  if (width == 4) return __builtin_cpu_supports("avx2") != 0;
  if (width == 8) return __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#endif
#endif
  return false;
}

void philox_fill_width(int width, PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out) {
  TORCH_CHECK(philox_width_supported(width), "philox_fill_width: expected a width that this processor supports, got ",
              width, "\n  Ask philox_width_supported first.");
  const int64_t whole = width == 0 ? 0 : count - count % width;
  switch (width) {
#if defined(__GNUC__)
    case 2:
      fill_2(stream, first, whole, out);
      break;
#if defined(__x86_64__)
    case 4:
      fill_4(stream, first, whole, out);
      break;
    case 8:
      fill_8(stream, first, whole, out);
      break;
#endif
#endif
    default:
      break;
  }
  fill_scalar(stream, first + static_cast<uint64_t>(whole), count - whole, out + 4 * whole);
}

void philox_fill(PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out) {
  static const int width = best_width();
  philox_fill_width(width, stream, first, count, out);
}

}  // namespace torchlayers
