#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <atomic>
#include <fstream>
#include <mutex>

#include "napi/exports.h"
#include "tensor/error.h"
#include "tensor/gpu.h"
#include "training/threads.h"

#ifndef _WIN32
#include <unistd.h>
#endif

#ifdef _OPENMP
#include <omp.h>
#endif

namespace torchlayers {
namespace {

// Threads for training and other work off the JavaScript thread; 0: as many as there are cores.
std::atomic<int> chosen_threads{0};

int compute_threads() {
  const int chosen = chosen_threads.load();
  return chosen > 0 ? chosen : available_cores();
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "CPU";
}

}  // namespace

int to_thread_count(napi_env env, napi_value value) {
  // More than any machine has: OpenMP ends the process when the system refuses a thread.
  constexpr int64_t kMostThreads = 1024;
  const int64_t count = to_int(env, value);
  if (count < 0 || count > kMostThreads) {
    throw ArgumentError("threads: expected a whole number from 0 (as many as there are cores) to 1024, got " +
                        std::to_string(count) + ".");
  }
  return static_cast<int>(count);
}

napi_value manual_seed(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  auto generator = at::globalContext().defaultGenerator(at::kCPU);
  std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(static_cast<uint64_t>(to_int(env.env, args[0])));
  return undefined(env.env);
}

napi_value list_devices(Env& env, napi_callback_info) {
  napi_value list;
  check(env.env, napi_create_array(env.env, &list));
  uint32_t count = 0;
  const auto add = [&](const std::string& name, const std::string& description, napi_value bytes, napi_value free) {
    napi_value device;
    check(env.env, napi_create_object(env.env, &device));
    napi_set_named_property(env.env, device, "name", from_string(env.env, name));
    napi_set_named_property(env.env, device, "description", from_string(env.env, description));
    napi_set_named_property(env.env, device, "memoryBytes", bytes);
    napi_set_named_property(env.env, device, "freeMemoryBytes", free);
    napi_set_element(env.env, list, count++, device);
  };
#ifdef _SC_PHYS_PAGES
  const double bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  add("cpu", processor_name(), from_double(env.env, bytes), null(env.env));
#else
  add("cpu", processor_name(), null(env.env), null(env.env));
#endif
  if (at::hasCUDA()) {
    const auto bytes_or_null = [&](const std::optional<uint64_t>& value) {
      return value ? from_double(env.env, static_cast<double>(*value)) : null(env.env);
    };
    const auto gpus = static_cast<unsigned char>(at::detail::getCUDAHooks().deviceCount());
    for (int i = 0; i < gpus; ++i) {
      const GpuInfo info = gpu_info(i);
      const std::string number = std::to_string(i);
      add("cuda:" + number, info.name.empty() ? "CUDA device " + number : info.name, bytes_or_null(info.total_bytes),
          bytes_or_null(info.free_bytes));
    }
  }
  return list;
}

napi_value set_threads(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  chosen_threads = to_thread_count(env.env, args[0]);
  return undefined(env.env);
}

napi_value get_threads(Env& env, napi_callback_info) { return from_int(env.env, compute_threads()); }

napi_value build_info(Env& env, napi_callback_info) {
  napi_value result;
  check(env.env, napi_create_object(env.env, &result));
  const auto set = [&](const char* name, napi_value value) { napi_set_named_property(env.env, result, name, value); };
  set("libtorch", from_string(env.env, TORCH_VERSION));
#if defined(__clang__) || defined(__GNUC__)
  set("compiler", from_string(env.env, __VERSION__));
#elif defined(_MSC_VER)
  set("compiler", from_string(env.env, "MSVC " + std::to_string(_MSC_VER)));
#endif
#ifdef TORCHLAYERS_BUILD_FLAGS
  set("flags", from_string(env.env, TORCHLAYERS_BUILD_FLAGS));
#else
  set("flags", from_string(env.env, ""));
#endif
#ifdef _OPENMP
  set("openmp", from_bool(env.env, true));
#else
  set("openmp", from_bool(env.env, false));
#endif
  set("threads", from_int(env.env, compute_threads()));
  set("cpuCapability", from_string(env.env, at::get_cpu_capability()));
  set("cuda", from_bool(env.env, at::hasCUDA()));
  return result;
}

napi_value shutdown(Env& env, napi_callback_info) {
  env.ended = true;
  env.shutdown();
  return undefined(env.env);
}

}  // namespace torchlayers
