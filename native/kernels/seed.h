// From a `seed` argument to draws: what every random operator shares.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>

#include "kernels/philox.h"

namespace torchlayers {

// Throws unless `seed` is an int64 tensor of shape [2]: [key, offset]. Reads no value, so it serves `meta` too.
void check_seed(const char* op, const at::Tensor& seed);

// The stream that a seed names. No operator ever writes to a seed.
PhiloxStream read_seed(const at::Tensor& seed);

// Draws handed to a body at once; results never depend on it.
inline constexpr int64_t kChunkDraws = 1024;
// Below this many chunks a second thread costs more than it brings (16,384 draws take about 5 us).
inline constexpr int64_t kChunksPerTask = 16;

// Calls body(draws, begin, count) in parallel for consecutive runs of elements, where `draws` holds
// count * draws_per_element draws of the stream, those of element `begin` first.
// Element i always gets draws [i * draws_per_element, ...), whatever the number of threads.
template <typename Body>
void for_each_chunk(PhiloxStream stream, int64_t elements, int64_t draws_per_element, const Body& body) {
  const int64_t chunk_elements = kChunkDraws / draws_per_element;
  const int64_t chunks = (elements + chunk_elements - 1) / chunk_elements;
  at::parallel_for(0, chunks, kChunksPerTask, [&](int64_t first, int64_t last) {
    alignas(64) uint32_t draws[kChunkDraws];
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * chunk_elements;
      philox_fill(stream, static_cast<uint64_t>(chunk) * (kChunkDraws / 4), kChunkDraws / 4, draws);
      body(static_cast<const uint32_t*>(draws), begin, std::min(chunk_elements, elements - begin));
    }
  });
}

}  // namespace torchlayers
