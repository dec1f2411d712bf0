// Which elements dropout keeps: every operator that drops takes the same draws for the same element.
#pragma once

#include <cmath>
#include <cstdint>

namespace torchlayers {

// A draw of 24 bits (a 32-bit draw shifted right by 8) is kept from here on: draw * 2^-24 >= rate, in whole numbers.
inline uint32_t keep_threshold(double rate) { return static_cast<uint32_t>(std::ceil(rate * 0x1p24)); }

// What kept elements are multiplied by.
inline double keep_scale(double rate) { return rate < 1 ? 1 / (1 - rate) : 0; }

}  // namespace torchlayers
