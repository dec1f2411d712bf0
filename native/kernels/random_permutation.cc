// random_permutation: Fisher-Yates over our draws, so the same order on every machine.
#include <torch/library.h>

#include <utility>

#include "kernels/random_output.h"

namespace torchlayers {
namespace {

// Step i, from n - 1 down to 1, swaps positions i and floor(r * (i + 1) / 2^64), where r is the stream's 64-bit draw i.
// Each step needs the one before it, so this is one thread's work.
void shuffle(int64_t* order, int64_t n, PhiloxStream stream) {
  constexpr int64_t kChunkSteps = kChunkDraws / 2;
  uint32_t draws[kChunkDraws];
  for (int64_t chunk = (n - 1) / kChunkSteps; chunk >= 0; --chunk) {
    philox_fill(stream, static_cast<uint64_t>(chunk) * (kChunkDraws / 4), kChunkDraws / 4, draws);
    const int64_t first = chunk * kChunkSteps;
    for (int64_t i = std::min(first + kChunkSteps, n) - 1; i >= std::max<int64_t>(first, 1); --i) {
      const uint64_t j = multiply_high(draw_64_bits(draws + 2 * (i - first)), static_cast<uint64_t>(i) + 1);
      std::swap(order[i], order[j]);
    }
  }
}

at::Tensor random_permutation(const at::Tensor& seed, int64_t n, std::optional<at::Device> device) {
  TORCH_CHECK_VALUE(n >= 0, "torchlayers::random_permutation: expected n >= 0, got ", n,
                    "\n  Give the number of elements to put in random order.");
  return make_random("random_permutation", seed, {n}, at::kLong, device, [n](at::Tensor& output, PhiloxStream stream) {
    int64_t* order = output.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < n; ++i) order[i] = i;
    shuffle(order, n, stream);
  });
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) { m.impl("random_permutation", random_permutation); }
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) { m.impl("random_permutation", random_permutation); }
TORCH_LIBRARY_IMPL(torchlayers, CompositeExplicitAutograd, m) { m.impl("random_permutation", random_permutation); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) { m.impl("random_permutation", torch::CppFunction::makeFallthrough()); }

}  // namespace torchlayers
