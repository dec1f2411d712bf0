// The generator against the known answers that the Random123 project publishes, and its bulk forms against the scalar
// one.
#include "kernels/philox.h"

#include <vector>

#include "test/check.h"

namespace torchlayers::test {
namespace {

constexpr uint64_t join(uint64_t low, uint64_t high) { return low | (high << 32); }

TEST(known_answers) {
  // Random123, tests/kat_vectors, "philox4x32 10": counter, key, answer.
  struct Known {
    uint32_t counter[4];
    uint32_t key[2];
    PhiloxBlock answer;
  };
  const Known known[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Known& k : known) {
    const PhiloxStream stream{join(k.key[0], k.key[1]), join(k.counter[2], k.counter[3])};
    CHECK(philox_block(stream, join(k.counter[0], k.counter[1])) == k.answer);
  }
}

void check_width(int width, PhiloxStream stream, uint64_t first, int64_t count) {
  constexpr uint32_t kGuard = 0xABCDEF01u;
  std::vector<uint32_t> out(static_cast<size_t>(4 * count) + 1, kGuard);
  philox_fill_width(width, stream, first, count, out.data());
  bool equal = true;
  for (int64_t i = 0; i < count; ++i) {
    const PhiloxBlock block = philox_block(stream, first + static_cast<uint64_t>(i));
    for (size_t lane = 0; lane < 4; ++lane) equal = equal && out[static_cast<size_t>(4 * i) + lane] == block[lane];
  }
  CHECK(equal);
  CHECK(out.back() == kGuard);
}

TEST(every_width_equals_the_scalar_form) {
  int widths = 0;
  for (const int width : kPhiloxWidths) {
    if (!philox_width_supported(width)) continue;
    ++widths;
    for (const int64_t count : {0, 1, 3, 7, 8, 9, 64, 257}) {
      check_width(width, {0, 0}, 0, count);
      check_width(width, {0x0123456789ABCDEFull, 0xFEDCBA9876543210ull}, 77, count);
      // Across the carry from the low to the high half of the block number, and past its end.
      check_width(width, {1, 2}, 0xFFFFFFFDull, count);
      check_width(width, {1, 2}, 0xFFFFFFFFFFFFFFFDull, count);
    }
  }
  CHECK(widths >= 1);
  CHECK_THROWS(philox_fill_width(3, {}, 0, 1, nullptr), "a width that this processor supports");
}

TEST(fill_uses_the_best_width) {
  std::vector<uint32_t> bulk(4 * 100);
  std::vector<uint32_t> scalar(4 * 100);
  philox_fill({5, 6}, 1000, 100, bulk.data());
  philox_fill_width(0, {5, 6}, 1000, 100, scalar.data());
  CHECK(bulk == scalar);
}

}  // namespace
}  // namespace torchlayers::test
