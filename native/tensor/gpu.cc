#include "tensor/gpu.h"

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace torchlayers {

#ifdef _WIN32

GpuInfo gpu_info(int) { return {}; }

#else

namespace {

// Never unloaded: drivers keep threads.
void* library(const char* name) { return dlopen(name, RTLD_LAZY | RTLD_LOCAL); }

template <typename F>
F symbol(void* handle, const char* name) {
  return handle == nullptr ? nullptr : reinterpret_cast<F>(dlsym(handle, name));
}

// The parts of CUDA's driver interface that say what a device is; 0 is success.
struct Driver {
  void* handle = library("libcuda.so.1");
  int (*init)(unsigned) = symbol<int (*)(unsigned)>(handle, "cuInit");
  int (*get)(int*, int) = symbol<int (*)(int*, int)>(handle, "cuDeviceGet");
  int (*name)(char*, int, int) = symbol<int (*)(char*, int, int)>(handle, "cuDeviceGetName");
  int (*total)(size_t*, int) = symbol<int (*)(size_t*, int)>(handle, "cuDeviceTotalMem_v2");
  int (*bus)(char*, int, int) = symbol<int (*)(char*, int, int)>(handle, "cuDeviceGetPCIBusId");
  bool ready = init != nullptr && get != nullptr && init(0) == 0;
};

// NVML's struct nvmlMemory_t.
struct Memory {
  unsigned long long total, free, used;  // NOLINT(google-runtime-int): as NVML declares it.
};

// The management library knows how much is free without a context on the device.
struct Management {
  void* handle = library("libnvidia-ml.so.1");
  int (*init)() = symbol<int (*)()>(handle, "nvmlInit_v2");
  int (*find)(const char*, void**) = symbol<int (*)(const char*, void**)>(handle, "nvmlDeviceGetHandleByPciBusId_v2");
  int (*memory)(void*, Memory*) = symbol<int (*)(void*, Memory*)>(handle, "nvmlDeviceGetMemoryInfo");
  bool ready = init != nullptr && find != nullptr && memory != nullptr && init() == 0;
};

}  // namespace

GpuInfo gpu_info(int index) {
  static const Driver driver;
  static const Management management;
  constexpr int kText = 256;
  GpuInfo info;
  int device = 0;
  if (!driver.ready || driver.get(&device, index) != 0) return info;
  char text[kText] = {};
  if (driver.name != nullptr && driver.name(text, kText, device) == 0) info.name = text;
  size_t total = 0;
  if (driver.total != nullptr && driver.total(&total, device) == 0) info.total_bytes = total;
  void* managed = nullptr;
  Memory memory{};
  // By its place on the bus: the two libraries count devices differently where CUDA_VISIBLE_DEVICES is set.
  if (management.ready && driver.bus != nullptr && driver.bus(text, kText, device) == 0 &&
      management.find(text, &managed) == 0 && management.memory(managed, &memory) == 0) {
    info.free_bytes = memory.free;
  }
  return info;
}

#endif

}  // namespace torchlayers
