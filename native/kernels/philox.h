// Philox 4x32-10: the counter-based generator behind every random number of torchlayers.
// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace torchlayers {

// What one random operator call draws from. A stream is (key, offset); its blocks are numbered from 0.
struct PhiloxStream {
  uint64_t key = 0;
  uint64_t offset = 0;
};

// The four 32-bit lanes of one block.
using PhiloxBlock = std::array<uint32_t, 4>;

inline constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53u;
inline constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t kPhiloxKeyStep0 = 0x9E3779B9u;
inline constexpr uint32_t kPhiloxKeyStep1 = 0xBB67AE85u;
inline constexpr int kPhiloxRounds = 10;

// One block, in plain scalar code: the reference for every other form.
// The 128-bit counter is the block's number (low half) and the stream's offset (high half).
constexpr PhiloxBlock philox_block(PhiloxStream stream, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block);
  uint32_t c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream.offset);
  uint32_t c3 = static_cast<uint32_t>(stream.offset >> 32);
  uint32_t k0 = static_cast<uint32_t>(stream.key);
  uint32_t k1 = static_cast<uint32_t>(stream.key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * c0;
    const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(product0);
    k0 += kPhiloxKeyStep0;
    k1 += kPhiloxKeyStep1;
  }
  return {c0, c1, c2, c3};
}

// Writes the lanes of blocks [first, first + count) to `out` (4 * count draws): bit-equal to philox_block, vectorised.
void philox_fill(PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out);

// The widths that philox_fill can work at on this processor: blocks side by side, 0 for scalar code.
// Exposed so that a test can hold each of them against the reference.
inline constexpr std::array<int, 4> kPhiloxWidths = {0, 2, 4, 8};
bool philox_width_supported(int width);
void philox_fill_width(int width, PhiloxStream stream, uint64_t first, int64_t count, uint32_t* out);

}  // namespace torchlayers
