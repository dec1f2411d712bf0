// The CPU allocator behind every tensor: it keeps freed blocks for the next step, so that a training loop in its steady
// state asks the system for nothing and touches no new pages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace torchlayers {

// What the pool holds, in bytes of its blocks (requested bytes rounded up to a size class).
struct PoolStats {
  size_t live_bytes = 0;            // handed out
  size_t cached_bytes = 0;          // kept for reuse
  size_t peak_live_bytes = 0;       // the most that was handed out at once
  uint64_t system_allocations = 0;  // blocks taken from the system since the start
};

inline constexpr size_t kDefaultPoolLimit = size_t{512} << 20;

// Makes the pool libtorch's CPU allocator, from any thread, once or more. Tensors made before keep their own memory.
void install_pool_allocator();

PoolStats pool_stats();

// Lets the pool keep at most `bytes` of freed blocks; frees the ones that lay longest beyond that.
void set_pool_limit(size_t bytes);
size_t pool_limit();

// Gives cached blocks back to the system, those that lay longest first, until at most `target_bytes` are cached.
void trim_pool(size_t target_bytes);

// The size of the block that serves a request; 0 if no block can. Waste is at most 12.5 % above 512 bytes.
size_t pool_block_bytes(size_t requested);

}  // namespace torchlayers
