// The pooled allocator: reuse, size classes, limit and trim, other threads, failure.
#include "tensor/pool_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "test/operators.h"

#include "test/check.h"  // last: libtorch has a CHECK of its own

namespace torchlayers::test {
namespace {

c10::Allocator& installed() {
  install_pool_allocator();
  return *c10::GetCPUAllocator();
}

// An empty cache and the default limit, whatever ran before.
struct FreshPool {
  FreshPool() {
    installed();
    set_pool_limit(kDefaultPoolLimit);
    trim_pool(0);
  }
  ~FreshPool() { set_pool_limit(kDefaultPoolLimit); }
};

TEST(tensors_come_from_the_pool_and_blocks_are_reused) {
  const FreshPool fresh;
  const size_t live = pool_stats().live_bytes;
  const void* address = nullptr;
  {
    const at::Tensor a = at::empty({1000, 1000});
    address = a.const_data_ptr();
    CHECK(pool_stats().live_bytes >= live + 4000000);
  }
  CHECK(pool_stats().live_bytes == live);
  CHECK(pool_stats().cached_bytes >= 4000000);
  const uint64_t before = pool_stats().system_allocations;
  CHECK(at::empty({1000, 1000}).const_data_ptr() == address);
  CHECK(pool_stats().system_allocations == before);
}

TEST(steady_state_asks_the_system_for_nothing) {
  const FreshPool fresh;
  const at::Tensor x = uniform(make_seed(1, 1), {300, 300}, -1, 1);
  const auto step = [&] { return x.mm(x).relu().add(1).sum().item<float>(); };
  for (int i = 0; i < 3; ++i) step();
  const uint64_t before = pool_stats().system_allocations;
  for (int i = 0; i < 50; ++i) step();
  CHECK(pool_stats().system_allocations == before);
}

TEST(size_classes) {
  size_t last = 0;
  for (size_t n = 1; n < (size_t{1} << 22); n += n < 5000 ? 1 : n / 61) {
    const size_t block = pool_block_bytes(n);
    CHECK(block >= n && block % 64 == 0 && block >= last);
    if (n > 512) CHECK(static_cast<double>(block) <= 1.125 * static_cast<double>(n) + 0.5);
    last = block;
  }
  for (size_t power = 6; power < 48; ++power) CHECK(pool_block_bytes(size_t{1} << power) == size_t{1} << power);
  CHECK(pool_block_bytes(SIZE_MAX) == 0 && pool_block_bytes((size_t{1} << 48) + 1) == 0);
}

TEST(blocks_are_aligned_and_do_not_overlap) {
  const FreshPool fresh;
  std::vector<c10::DataPtr> blocks;
  std::vector<size_t> sizes;
  for (size_t n = 1; n < 3000000; n = n * 3 / 2 + 1) {
    for (int copy = 0; copy < 3; ++copy) {
      blocks.push_back(installed().allocate(n));
      sizes.push_back(n);
      CHECK(reinterpret_cast<uintptr_t>(blocks.back().get()) % 64 == 0);
      std::memset(blocks.back().get(), static_cast<int>(blocks.size() % 251), n);
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[i].get());
    const auto expected = static_cast<unsigned char>((i + 1) % 251);
    CHECK(bytes[0] == expected && bytes[sizes[i] / 2] == expected && bytes[sizes[i] - 1] == expected);
  }
  CHECK(installed().allocate(0).get() == nullptr);
}

TEST(limit_and_trim) {
  const FreshPool fresh;
  set_pool_limit(3 << 20);
  CHECK(pool_limit() == 3 << 20);
  {
    std::vector<c10::DataPtr> blocks;
    for (int i = 0; i < 8; ++i) blocks.push_back(installed().allocate(1 << 20));
  }
  CHECK(pool_stats().cached_bytes == 3 << 20);
  // A block of another size pushes out the one that lay longest; one above the limit is never kept.
  installed().allocate(2 << 20);
  CHECK(pool_stats().cached_bytes == 3 << 20);
  installed().allocate(4 << 20);
  CHECK(pool_stats().cached_bytes == 3 << 20);
  trim_pool(2 << 20);
  CHECK(pool_stats().cached_bytes <= 2 << 20);
  set_pool_limit(0);
  CHECK(pool_stats().cached_bytes == 0);
  installed().allocate(64);
  CHECK(pool_stats().cached_bytes == 0);
}

TEST(peak_follows_the_most_that_was_live) {
  const FreshPool fresh;
  const size_t live = pool_stats().live_bytes;
  {
    const c10::DataPtr block = installed().allocate(size_t{1} << 28);
    CHECK(pool_stats().peak_live_bytes >= live + (size_t{1} << 28));
  }
  CHECK(pool_stats().peak_live_bytes >= live + (size_t{1} << 28) && pool_stats().live_bytes == live);
}

TEST(blocks_may_be_freed_on_other_threads) {
  const FreshPool fresh;
  const size_t live = pool_stats().live_bytes;
  std::mutex mutex;
  std::vector<c10::DataPtr> shared;
  bool intact = true;
  const auto work = [&](size_t id) {
    for (size_t i = 0; i < 3000; ++i) {
      const size_t bytes = 8 + (i * 7919 + id * 104729) % 100000;
      c10::DataPtr mine = installed().allocate(bytes);
      std::memset(mine.get(), static_cast<int>(id), bytes);
      c10::DataPtr other;
      const std::lock_guard<std::mutex> lock(mutex);
      const auto* data = static_cast<const unsigned char*>(mine.get());
      intact = intact && data[0] == id && data[bytes - 1] == id;
      if (shared.size() > 20) {
        other = std::move(shared[i % shared.size()]);
        shared[i % shared.size()] = std::move(mine);
      } else {
        shared.push_back(std::move(mine));
      }
    }
  };
  std::vector<std::thread> threads;
  for (size_t id = 1; id <= 4; ++id) threads.emplace_back(work, id);
  for (std::thread& thread : threads) thread.join();
  shared.clear();
  CHECK(intact);
  CHECK(pool_stats().live_bytes == live);
}

TEST(no_memory_is_an_error_that_leaves_the_pool_usable) {
  const FreshPool fresh;
  const size_t live = pool_stats().live_bytes;
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX - 64, size_t{1} << 62, (size_t{1} << 47) + 1}) {
    CHECK_THROWS(installed().allocate(bytes), std::to_string(bytes) + " bytes for a tensor");
    try {
      installed().allocate(bytes);
    } catch (const c10::OutOfMemoryError&) {
      continue;
    } catch (...) {
    }
    CHECK(!"a c10::OutOfMemoryError");
  }
  CHECK(pool_stats().live_bytes == live);
  CHECK(at::empty({16}).numel() == 16);
}

TEST(raw_interface_and_clone) {
  const FreshPool fresh;
  c10::Allocator& allocator = installed();
  void* raw = allocator.raw_allocate(100);
  std::memset(raw, 5, 100);
  const c10::DataPtr copy = allocator.clone(raw, 100);
  CHECK(std::memcmp(copy.get(), raw, 100) == 0);
  allocator.raw_deallocate(raw);
}

}  // namespace
}  // namespace torchlayers::test
