#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace torchlayers {

// What the driver says of one GPU; empty where it doesn't say.
struct GpuInfo {
  std::string name;
  std::optional<uint64_t> total_bytes;
  std::optional<uint64_t> free_bytes;
};

// Asks the driver's own libraries, loaded by name: CUDA's headers are not needed, and no context is made on the GPU.
GpuInfo gpu_info(int index);

}  // namespace torchlayers
