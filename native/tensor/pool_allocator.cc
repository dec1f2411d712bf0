#include "tensor/pool_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(__linux__) || defined(__APPLE__)
#include <sys/mman.h>
#define TORCHLAYERS_HAS_MMAP 1
#endif

namespace torchlayers {
namespace {

constexpr size_t kAlignment = 64;
// Multiples of 64 up to 512, then eight sizes per doubling.
constexpr size_t kLinearLimit = 512;
constexpr int kLinearLimitLog2 = 9;
constexpr size_t kStepsPerDoubling = 8;
constexpr size_t kClasses = kLinearLimit / kAlignment + (48 - kLinearLimitLog2) * kStepsPerDoubling;
// From here on blocks come from mmap: trimming then gives the pages back at once.
constexpr size_t kMapThreshold = size_t{1} << 20;

struct SizeClass {
  size_t index;
  size_t bytes;
};

// The smallest class that holds `requested` bytes; index kClasses if there is none.
SizeClass class_of(size_t requested) {
  if (requested <= kLinearLimit) {
    const size_t steps = requested == 0 ? 1 : (requested + kAlignment - 1) / kAlignment;
    return {steps - 1, steps * kAlignment};
  }
  const int log2 = std::bit_width(requested - 1) - 1;  // 2^log2 < requested <= 2^(log2 + 1)
  const size_t index_base =
      kLinearLimit / kAlignment + static_cast<size_t>(log2 - kLinearLimitLog2) * kStepsPerDoubling;
  if (index_base >= kClasses) return {kClasses, 0};
  const size_t step = (size_t{1} << log2) / kStepsPerDoubling;
  const size_t steps = (requested - (size_t{1} << log2) + step - 1) / step;  // 1 to 8
  return {index_base + steps - 1, (size_t{1} << log2) + steps * step};
}

// Lies before the bytes handed out, and keeps their alignment. The links are used while the block is cached.
struct alignas(kAlignment) Header {
  size_t class_index;
  size_t bytes;  // without this header
  Header* next_in_class;
  Header* prev_in_class;
  Header* newer;
  Header* older;
};
static_assert(sizeof(Header) == kAlignment);

void* data_of(Header* block) { return block + 1; }
Header* block_of(void* data) { return static_cast<Header*>(data) - 1; }

Header* take_from_system(SizeClass size) {
  const size_t total = size.bytes + sizeof(Header);
  void* memory = nullptr;
#if defined(_WIN32)
  memory = _aligned_malloc(total, kAlignment);
#else
#if defined(TORCHLAYERS_HAS_MMAP)
  if (size.bytes >= kMapThreshold) {
    memory = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) memory = nullptr;
  } else
#endif
      if (posix_memalign(&memory, kAlignment, total) != 0) {
    memory = nullptr;
  }
#endif
  if (memory == nullptr) return nullptr;
  return new (memory) Header{size.index, size.bytes, nullptr, nullptr, nullptr, nullptr};
}

void return_to_system(Header* block) {
#if defined(_WIN32)
  _aligned_free(block);
#else
#if defined(TORCHLAYERS_HAS_MMAP)
  if (block->bytes >= kMapThreshold) {
    munmap(block, block->bytes + sizeof(Header));
    return;
  }
#endif
  free(block);
#endif
}

// Blocks to give back once the lock is released: chained through `older`.
void return_chain(Header* chain) {
  while (chain != nullptr) {
    Header* next = chain->older;
    return_to_system(chain);
    chain = next;
  }
}

class PoolAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t requested) override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (requested == 0) return {nullptr, nullptr, &PoolAllocator::release, cpu};
    const SizeClass size = class_of(requested);
    Header* block = size.index < kClasses ? take(size) : nullptr;
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr, "torchlayers: expected the system to give ", requested,
                     " bytes for a tensor, got no memory", "\n  Use a smaller batch or model, or free tensors; ",
                     stats().live_bytes, " bytes are in use.");
    void* data = data_of(block);
    return {data, data, &PoolAllocator::release, cpu};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &PoolAllocator::release; }

  void copy_data(void* target, const void* source, std::size_t count) const override {
    default_copy_data(target, source, count);
  }

  PoolStats stats() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stats_;
  }

  size_t limit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return limit_;
  }

  void set_limit(size_t bytes) {
    Header* evicted = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      limit_ = bytes;
      evicted = evict_until(bytes);
    }
    return_chain(evicted);
  }

  void trim(size_t target_bytes) {
    Header* evicted = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      evicted = evict_until(target_bytes);
    }
    return_chain(evicted);
  }

 private:
  // Called by libtorch on any thread, also while the process ends.
  static void release(void* data);

  Header* take(SizeClass size) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (Header* block = free_[size.index]) {
        unlink(block);
        count_live(block->bytes);
        return block;
      }
    }
    // Outside the lock: the system may take its time over a large block.
    Header* block = take_from_system(size);
    if (block == nullptr) {
      trim(0);
      block = take_from_system(size);
      if (block == nullptr) return nullptr;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    stats_.system_allocations += 1;
    count_live(block->bytes);
    return block;
  }

  void give_back(Header* block) {
    Header* evicted = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stats_.live_bytes -= block->bytes;
      if (block->bytes > limit_) {
        evicted = block;
        block->older = nullptr;
      } else {
        evicted = evict_until(limit_ - block->bytes);
        link(block);
      }
    }
    return_chain(evicted);
  }

  void count_live(size_t bytes) {
    stats_.live_bytes += bytes;
    if (stats_.live_bytes > stats_.peak_live_bytes) stats_.peak_live_bytes = stats_.live_bytes;
  }

  // The block freed last is handed out first: its pages are still in the processor's caches.
  void link(Header* block) {
    Header*& head = free_[block->class_index];
    block->prev_in_class = nullptr;
    block->next_in_class = head;
    if (head != nullptr) head->prev_in_class = block;
    head = block;
    block->newer = nullptr;
    block->older = newest_;
    if (newest_ != nullptr) newest_->newer = block;
    newest_ = block;
    if (oldest_ == nullptr) oldest_ = block;
    stats_.cached_bytes += block->bytes;
  }

  void unlink(Header* block) {
    (block->prev_in_class != nullptr ? block->prev_in_class->next_in_class : free_[block->class_index]) =
        block->next_in_class;
    if (block->next_in_class != nullptr) block->next_in_class->prev_in_class = block->prev_in_class;
    (block->newer != nullptr ? block->newer->older : newest_) = block->older;
    (block->older != nullptr ? block->older->newer : oldest_) = block->newer;
    stats_.cached_bytes -= block->bytes;
  }

  // Takes blocks out of the cache, the one cached longest first; sizes that a program no longer uses go away by this.
  Header* evict_until(size_t target_bytes) {
    Header* chain = nullptr;
    while (stats_.cached_bytes > target_bytes) {
      Header* block = oldest_;
      unlink(block);
      block->older = chain;
      chain = block;
    }
    return chain;
  }

  std::mutex mutex_;
  std::array<Header*, kClasses> free_{};
  Header* newest_ = nullptr;
  Header* oldest_ = nullptr;
  size_t limit_ = kDefaultPoolLimit;
  PoolStats stats_;
};

// Never destroyed: tensors in static variables are freed after every destructor has run.
PoolAllocator& pool() {
  static PoolAllocator& instance = *new PoolAllocator();
  return instance;
}

void PoolAllocator::release(void* data) {
  if (data != nullptr) pool().give_back(block_of(data));
}

}  // namespace

void install_pool_allocator() { c10::SetCPUAllocator(&pool(), /*priority=*/1); }

PoolStats pool_stats() { return pool().stats(); }

void set_pool_limit(size_t bytes) { pool().set_limit(bytes); }

size_t pool_limit() { return pool().limit(); }

void trim_pool(size_t target_bytes) { pool().trim(target_bytes); }

size_t pool_block_bytes(size_t requested) { return class_of(requested).bytes; }

}  // namespace torchlayers
