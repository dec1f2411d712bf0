// The numbers behind a dropout mask: whoever draws one uses these, so that fused and plain forms agree bit for bit.
#pragma once

#include <cmath>
#include <cstdint>

namespace torchlayers {

// A draw of 24 bits is kept from here on: draw * 2^-24 >= rate, in whole numbers.
inline uint32_t keep_threshold(double rate) { return static_cast<uint32_t>(std::ceil(rate * 0x1p24)); }

// What a kept element is multiplied by.
inline double keep_scale(double rate) { return rate < 1 ? 1 / (1 - rate) : 0; }

}  // namespace torchlayers
