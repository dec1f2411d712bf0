#include "kernels/gemm.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "kernels/cpu_dispatch.h"

namespace torchlayers {
namespace {

// Rows of B that stay in the first-level cache while all rows of A go by.
constexpr int64_t kDepth = 256;

#if defined(__GNUC__)

template <int Width>
struct Floats {
  // Loads and stores of any alignment.
  typedef float type
      __attribute__((vector_size(Width * 4), aligned(4), may_alias));  // NOLINT: attributes are lost in `using`
};

// Rows [0, Rows) and columns [0, Width * Vectors) of the result, over `depth` values of k.
template <int Width, int Rows, int Vectors>
TORCHLAYERS_INLINE void tile(const float* a, int64_t row_step, int64_t k_step, const float* b, int64_t ldb, float* c,
                             int64_t ldc, int64_t depth, bool first, const float* bias, int64_t columns) {
  using V = typename Floats<Width>::type;
  constexpr int64_t kWidth = Width;
  V sums[Rows][Vectors];
  // The end of a row of C may be narrower than the vectors: it goes through a buffer.
  float edge[Rows][Width * Vectors];
  const bool whole = columns >= kWidth * Vectors;
  if (first) {
    if (bias != nullptr && !whole) {
      std::memset(edge[0], 0, sizeof(edge[0]));
      std::memcpy(edge[0], bias, static_cast<size_t>(columns) * sizeof(float));
    }
    const float* from = whole ? bias : edge[0];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) {
      const V start = bias == nullptr ? V{} : *reinterpret_cast<const V*>(from + j * kWidth);
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) sums[i][j] = start;
    }
  } else {
    if (!whole) {
      for (int i = 0; i < Rows; ++i) std::memcpy(edge[i], c + i * ldc, static_cast<size_t>(columns) * sizeof(float));
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const float* from = whole ? c + i * ldc : edge[i];
#pragma GCC unroll 8
      for (int j = 0; j < Vectors; ++j) sums[i][j] = *reinterpret_cast<const V*>(from + j * kWidth);
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    V right[Vectors];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) right[j] = *reinterpret_cast<const V*>(b + k * ldb + j * kWidth);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const V left = V{} + a[i * row_step + k * k_step];
#pragma GCC unroll 8
      for (int j = 0; j < Vectors; ++j) sums[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    float* to = whole ? c + i * ldc : edge[i];
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) *reinterpret_cast<V*>(to + j * kWidth) = sums[i][j];
    if (!whole) std::memcpy(c + i * ldc, edge[i], static_cast<size_t>(columns) * sizeof(float));
  }
}

// A strip of columns, all rows of a range: tiles of `Rows` rows, then of 4, 2 and 1.
template <int Width, int Rows, int Vectors>
TORCHLAYERS_INLINE void strip(const Gemm& g, int64_t first, int64_t last, int64_t n, int64_t k0, int64_t depth) {
  const int64_t row_step = g.transpose_a ? 1 : g.lda;
  const int64_t k_step = g.transpose_a ? g.lda : 1;
  const float* b = g.b + k0 * g.ldb + n;
  const float* bias = g.bias == nullptr ? nullptr : g.bias + n;
  const bool start = k0 == 0;
  int64_t m = first;
  const auto run = [&](auto rows) __attribute__((always_inline)) {
    constexpr int kRows = decltype(rows)::value;
    for (; m + kRows <= last; m += kRows) {
      tile<Width, kRows, Vectors>(g.a + m * row_step + k0 * k_step, row_step, k_step, b, g.ldb, g.c + m * g.ldc + n,
                                  g.ldc, depth, start, bias, g.n - n);
    }
  };
  run(std::integral_constant<int, Rows>());
  if constexpr (Rows > 4) run(std::integral_constant<int, 4>());
  if constexpr (Rows > 2) run(std::integral_constant<int, 2>());
  run(std::integral_constant<int, 1>());
}

template <int Width, int Rows, int Vectors>
TORCHLAYERS_INLINE void block(const Gemm& g, int64_t first, int64_t last, int64_t from, int64_t to) {
  // One row alone (or few): wide strips keep enough sums going.
  const bool few = last - first < 4;
  constexpr int64_t kWidth = Width;
  for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += kDepth) {
    const int64_t depth = std::min(kDepth, g.k - k0);
    int64_t n = from;
    if (few) {
      for (; n + 8 * kWidth <= to; n += 8 * kWidth) strip<Width, 1, 8>(g, first, last, n, k0, depth);
      for (; n + 4 * kWidth <= to; n += 4 * kWidth) strip<Width, 2, 4>(g, first, last, n, k0, depth);
    }
    for (; n + Vectors * kWidth <= to; n += Vectors * kWidth) strip<Width, Rows, Vectors>(g, first, last, n, k0, depth);
    for (; n < to; n += Width) strip<Width, Rows, 1>(g, first, last, n, k0, depth);
  }
}

void block_4(const Gemm& g, int64_t first, int64_t last, int64_t from, int64_t to) {
  block<4, 4, 2>(g, first, last, from, to);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void block_8(const Gemm& g, int64_t first, int64_t last, int64_t from, int64_t to) {
  block<8, 4, 2>(g, first, last, from, to);
}

__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))) void block_16(const Gemm& g, int64_t first,
                                                                                     int64_t last, int64_t from,
                                                                                     int64_t to) {
  block<16, 8, 2>(g, first, last, from, to);
}
#endif

#else

void block_4(const Gemm& g, int64_t first, int64_t last, int64_t from, int64_t to) {
  for (int64_t m = first; m < last; ++m) {
    for (int64_t n = from; n < std::min(to, g.n); ++n) {
      float sum = g.bias == nullptr ? 0 : g.bias[n];
      for (int64_t k = 0; k < g.k; ++k) {
        sum += (g.transpose_a ? g.a[k * g.lda + m] : g.a[m * g.lda + k]) * g.b[k * g.ldb + n];
      }
      g.c[m * g.ldc + n] = sum;
    }
  }
}

#endif

int best_width() {
  for (const int width : {16, 8}) {
    if (gemm_width_supported(width)) return width;
  }
  return 4;
}

std::atomic<int>& chosen_width() {
  static std::atomic<int> width{best_width()};
  return width;
}

void run_block(const Gemm& g, int64_t first, int64_t last, int64_t from, int64_t to) {
  switch (chosen_width().load(std::memory_order_relaxed)) {
#if defined(__GNUC__) && defined(__x86_64__)
    case 16:
      return block_16(g, first, last, from, to);
    case 8:
      return block_8(g, first, last, from, to);
#endif
    default:
      return block_4(g, first, last, from, to);
  }
}

// Columns of B's rows are padded to this with zeros.
constexpr int64_t kPadding = 16;

// to[k][n] = from[n][k], by squares of four that the compiler keeps in registers.
TORCHLAYERS_MULTIVERSION void transpose(const float* TORCHLAYERS_RESTRICT from, int64_t from_step, int64_t n, int64_t k,
                                        float* TORCHLAYERS_RESTRICT to, int64_t to_step) {
  int64_t row = 0;
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));  // NOLINT
  for (; row + 4 <= n; row += 4) {
    int64_t column = 0;
    for (; column + 4 <= k; column += 4) {
      const float* source = from + row * from_step + column;
      const Four a = *reinterpret_cast<const Four*>(source);
      const Four b = *reinterpret_cast<const Four*>(source + from_step);
      const Four c = *reinterpret_cast<const Four*>(source + 2 * from_step);
      const Four d = *reinterpret_cast<const Four*>(source + 3 * from_step);
      const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
      const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      float* target = to + column * to_step + row;
      *reinterpret_cast<Four*>(target) = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
      *reinterpret_cast<Four*>(target + to_step) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
      *reinterpret_cast<Four*>(target + 2 * to_step) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
      *reinterpret_cast<Four*>(target + 3 * to_step) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    }
    for (; column < k; ++column) {
      for (int64_t i = row; i < row + 4; ++i) to[column * to_step + i] = from[i * from_step + column];
    }
  }
#endif
  for (; row < n; ++row) {
    for (int64_t column = 0; column < k; ++column) to[column * to_step + row] = from[row * from_step + column];
  }
}

}  // namespace

bool gemm_width_supported(int width) {
  if (width == 4) return true;
#if defined(__GNUC__) && defined(__x86_64__)
  if (width == 8) return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (width == 16) {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  }
#endif
  return false;
}

void gemm_set_width(int width) {
  TORCH_CHECK(width == 0 || gemm_width_supported(width), "gemm: no vectors of ", width, " floats on this processor");
  chosen_width().store(width == 0 ? best_width() : width);
}

void gemm_prepare(Gemm& g) {
  if (!g.transpose_b && g.n % kPadding == 0) return;
  // Kept from call to call: no allocation in the steady state.
  static thread_local std::vector<float> memory;
  const int64_t width = (g.n + kPadding - 1) / kPadding * kPadding;
  const auto needed = static_cast<size_t>(width * g.k);
  if (memory.size() < needed) memory.resize(needed);
  float* to = memory.data();
  if (g.transpose_b) {
    transpose(g.b, g.ldb, g.n, g.k, to, width);
    if (width > g.n) {
      for (int64_t k = 0; k < g.k; ++k) std::fill(to + k * width + g.n, to + (k + 1) * width, 0.0F);
    }
  } else {
    for (int64_t k = 0; k < g.k; ++k) {
      std::memcpy(to + k * width, g.b + k * g.ldb, static_cast<size_t>(g.n) * sizeof(float));
      std::fill(to + k * width + g.n, to + (k + 1) * width, 0.0F);
    }
  }
  g.b = to;
  g.ldb = width;
  g.transpose_b = false;
}

void gemm_rows(const Gemm& g, int64_t first, int64_t last) {
  if (first < last && g.n > 0) run_block(g, first, last, 0, g.n);
}

void gemm_columns(const Gemm& g, int64_t first, int64_t last) {
  if (first < last && g.m > 0) run_block(g, 0, g.m, first, last);
}

void gemm_run(Gemm g) {
  gemm_prepare(g);
  if (g.m >= 2 * kGemmRows || g.n < 2 * kPadding) {
    gemm_parallel_rows(g, [&](int64_t first, int64_t last) { gemm_rows(g, first, last); });
    return;
  }
  // Few rows: each thread takes columns.
  constexpr int64_t kColumns = 4 * kPadding;
  const int64_t strips = (g.n + kColumns - 1) / kColumns;
  const int64_t grain = std::max<int64_t>(1, kGemmWorkPerTask / std::max<int64_t>(1, g.m * g.k * kColumns));
  at::parallel_for(0, strips, grain, [&](int64_t first, int64_t last) {
    gemm_columns(g, first * kColumns, std::min(g.n, last * kColumns));
  });
}

}  // namespace torchlayers
