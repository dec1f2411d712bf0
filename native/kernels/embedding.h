// What the operators that look rows up and pool them at once share (embedding_max.cc, embedding_sum.cc).
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/cpu_dispatch.h"
#include "kernels/mask.h"
#include "kernels/seed.h"
#include "kernels/weight_list.h"

namespace torchlayers {

// Reads no value, so it serves `meta` too.
void check_pooled_lookup(const char* op, const at::Tensor& weight, const at::Tensor& indices,
                         const std::optional<at::Tensor>& seed, double rate);

// int64 indices, dense; throws for one that is not a row of the table.
at::Tensor checked_indices(const char* op, const at::Tensor& indices, int64_t rows);

// Items that one thread takes at least, where each is so much work (an element read or written counts 1).
inline int64_t grain_of(int64_t work_per_item) {
  return std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, work_per_item));
}

// Channels go to threads in whole cache lines; each thread then writes alone.
inline constexpr int64_t kLineChannels = 16;

template <typename Body>
void for_channels(int64_t dim, int64_t work_per_channel, const Body& body) {
  const int64_t lines = (dim + kLineChannels - 1) / kLineChannels;
  at::parallel_for(0, lines, grain_of(work_per_channel * kLineChannels), [&](int64_t first, int64_t last) {
    body(first * kLineChannels, std::min(last * kLineChannels, dim));
  });
}

// Dropout inside a pooled look-up: the same draws, threshold and factor as torchlayers::dropout uses on [batch, steps,
// dim]. Without a seed, or at rate 0, everything is kept as it is.
struct LookupDropout {
  bool used = false;
  PhiloxStream stream;
  uint32_t threshold = 0;
  double scale = 1;

  LookupDropout(const std::optional<at::Tensor>& seed, double rate);
};

// Draws of consecutive elements, from any element on.
class DrawBuffer {
 public:
  explicit DrawBuffer(int64_t most) : draws_(static_cast<size_t>(most + 3 + 32)) {}

  // The draws of elements [begin, begin + count), count at most `most`.
  const uint32_t* fill(PhiloxStream stream, int64_t begin, int64_t count) {
    // Whole vectors of eight blocks: what is drawn too much costs less than the scalar end of a run.
    const int64_t blocks = (begin % 4 + count + 3) / 4;
    philox_fill(stream, static_cast<uint64_t>(begin / 4), (blocks + 7) / 8 * 8, draws_.data());
    return draws_.data() + begin % 4;
  }

 private:
  std::vector<uint32_t> draws_;
};

// Table rows that are asked for ahead of their use; each lies somewhere else.
TORCHLAYERS_INLINE void prefetch_row(const void* row, int64_t bytes) {
#if defined(__GNUC__)
  const char* line = static_cast<const char*>(row);
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(line + i);
#endif
}

}  // namespace torchlayers
