// Products of float32 matrices by our own kernel: small and middle sizes, where the libraries' set-up costs as much as
// the product, and processors for which a library picks narrower vectors than there are. Each element of the result is
// summed in the order of k, so that it depends neither on the number of threads nor on how the work is cut.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace torchlayers {

// C = op(A) op(B) (+ bias, a number per column). Row-major: `lda` elements from one row of A, as it lies in memory, to
// the next. op(A) is [m, k], op(B) is [k, n].
struct Gemm {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  const float* a = nullptr;
  int64_t lda = 0;
  bool transpose_a = false;
  const float* b = nullptr;
  int64_t ldb = 0;
  bool transpose_b = false;
  float* c = nullptr;
  int64_t ldc = 0;
  const float* bias = nullptr;
};

// Rows are handed to threads in multiples of this.
inline constexpr int64_t kGemmRows = 8;
// Multiply-adds that make a second thread worth while (some 2 us).
inline constexpr int64_t kGemmWorkPerTask = 1 << 18;

// Lays B out anew where the kernel can't read it as it is (transposed, or rows that are no multiple of a vector).
// Into memory of the calling thread: valid until its next call.
void gemm_prepare(Gemm& gemm);
// Computes rows [first, last) of a prepared product on the calling thread.
void gemm_rows(const Gemm& gemm, int64_t first, int64_t last);
// Computes columns [first, last) of a prepared product; multiples of 16 except for the end.
void gemm_columns(const Gemm& gemm, int64_t first, int64_t last);
// Calls body(first, last) in parallel for ranges of rows, each a multiple of kGemmRows except for the end.
template <typename Body>
void gemm_parallel_rows(const Gemm& gemm, const Body& body) {
  const int64_t tiles = (gemm.m + kGemmRows - 1) / kGemmRows;
  const int64_t grain = std::max<int64_t>(1, kGemmWorkPerTask / std::max<int64_t>(1, gemm.n * gemm.k * kGemmRows));
  at::parallel_for(0, tiles, grain,
                   [&](int64_t first, int64_t last) { body(first * kGemmRows, std::min(gemm.m, last * kGemmRows)); });
}
// The whole product, in parallel.
void gemm_run(Gemm gemm);

// The vector lengths (in floats) that gemm_rows can work at here, for tests; 0 sets the best one again.
bool gemm_width_supported(int width);
void gemm_set_width(int width);

}  // namespace torchlayers
