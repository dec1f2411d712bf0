// The small addon that loads libtorch. It links nothing of libtorch itself, so that it always loads and can say what is
// wrong.
#include <node_api.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#ifdef _WIN32
#include <process.h>
#include <windows.h>
#else
#include <dlfcn.h>
#include <unistd.h>
#endif

#if defined(__linux__) && defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

namespace {

#if defined(_WIN32)
constexpr const char* kMain = "torch_cpu.dll";
constexpr const char* kCuda = "torch_cuda.dll";
constexpr char kSeparator = '\\';
#elif defined(__APPLE__)
constexpr const char* kMain = "libtorch_cpu.dylib";
constexpr const char* kCuda = "libtorch_cuda.dylib";
constexpr char kSeparator = '/';
#else
constexpr const char* kMain = "libtorch_cpu.so";
constexpr const char* kCuda = "libtorch_cuda.so";
constexpr char kSeparator = '/';
#endif

// Environment variables are the one place that two copies of this addon in a process share.
constexpr const char* kClaim = "TORCHLAYERS_ADDON_IN_PROCESS";

// Several workers may load at the same moment; getenv and setenv must not overlap.
std::mutex environment;

void set_environment(const char* name, const std::string& value) {
#ifdef _WIN32
  _putenv_s(name, value.c_str());
#else
  setenv(name, value.c_str(), 1);
#endif
}

// libgomp reads its settings once, while it is being loaded. Its default is to spin for milliseconds after each
// parallel loop, which multiplies the time of a step when another process wants the core; 1000 turns cost an idle
// machine nothing that could be measured.
void shorten_spinning() {
#ifdef __linux__
  std::lock_guard<std::mutex> lock(environment);
  if (getenv("GOMP_SPINCOUNT") == nullptr && getenv("OMP_WAIT_POLICY") == nullptr) {
    set_environment("GOMP_SPINCOUNT", "1000");
  }
#endif
}

// Empty on success, else what the system said. The handle is kept for the life of the process: libtorch can't be
// unloaded.
std::string open_library(const std::string& path) {
#ifdef _WIN32
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
  if (LoadLibraryExW(wide.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR) !=
      nullptr) {
    return "";
  }
  const DWORD code = GetLastError();
  char text[512] = {};
  FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, code, 0, text, sizeof(text),
                 nullptr);
  return std::string(text) + " (error " + std::to_string(code) + ")";
#else
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return "";
  const char* reason = dlerror();
  return reason != nullptr ? reason : "unknown reason";
#endif
}

napi_value to_js(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.c_str(), text.size(), &value);
  return value;
}

napi_value null_or_text(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  if (!text.empty()) return to_js(env, text);
  napi_get_null(env, &value);
  return value;
}

// The only argument as a string; false after throwing a TypeError.
bool read_path(napi_env env, napi_callback_info info, std::string* path) {
  size_t count = 1;
  napi_value argument = nullptr;
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count < 1 ||
      napi_get_value_string_utf8(env, argument, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, "ERR_ARGUMENT", "torchlayers loader: expected a path.");
    return false;
  }
  path->resize(length);
  napi_get_value_string_utf8(env, argument, path->data(), length + 1, &length);
  return true;
}

napi_value load(napi_env env, napi_callback_info info) {
  std::string folder;
  if (!read_path(env, info, &folder)) return nullptr;
  shorten_spinning();
  return null_or_text(env, open_library(folder + kSeparator + kMain));
}

napi_value load_cuda(napi_env env, napi_callback_info info) {
  std::string folder;
  if (!read_path(env, info, &folder)) return nullptr;
  return null_or_text(env, open_library(folder + kSeparator + kCuda));
}

napi_value claim(napi_env env, napi_callback_info info) {
  std::string path;
  if (!read_path(env, info, &path)) return nullptr;
#ifdef _WIN32
  const std::string process = std::to_string(_getpid()) + ":";
#else
  const std::string process = std::to_string(getpid()) + ":";
#endif
  // A child process inherits the variable, hence the process id in it.
  std::lock_guard<std::mutex> lock(environment);
  const char* held = getenv(kClaim);
  if (held != nullptr && std::string(held).rfind(process, 0) == 0) {
    const std::string other = std::string(held).substr(process.size());
    return null_or_text(env, other == path ? "" : other);
  }
  set_environment(kClaim, process + path);
  return null_or_text(env, "");
}

std::vector<std::string> cpu_features() {
  std::vector<std::string> found;
  const auto add = [&found](const char* name, bool there) {
    if (there) found.emplace_back(name);
  };
#if (defined(__x86_64__) || defined(_M_X64)) && defined(__GNUC__)
  __builtin_cpu_init();
  add("sse4.2", __builtin_cpu_supports("sse4.2"));
  add("avx", __builtin_cpu_supports("avx"));
  add("avx2", __builtin_cpu_supports("avx2"));
  add("fma", __builtin_cpu_supports("fma"));
  add("avx512f", __builtin_cpu_supports("avx512f"));
  add("avx512bw", __builtin_cpu_supports("avx512bw"));
  add("avx512vl", __builtin_cpu_supports("avx512vl"));
  add("avx512vnni", __builtin_cpu_supports("avx512vnni"));
  add("avx512bf16", __builtin_cpu_supports("avx512bf16"));
#elif defined(_MSC_VER) && defined(_M_X64)
  int one[4] = {}, seven[4] = {};
  __cpuid(one, 1);
  __cpuidex(seven, 7, 0);
  // What the processor has counts only if the system saves those registers.
  const unsigned long long saved = (one[2] & (1 << 27)) != 0 ? _xgetbv(0) : 0;
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  add("sse4.2", (one[2] & (1 << 20)) != 0);
  add("avx", ymm && (one[2] & (1 << 28)) != 0);
  add("avx2", ymm && (seven[1] & (1 << 5)) != 0);
  add("fma", ymm && (one[2] & (1 << 12)) != 0);
  add("avx512f", zmm && (seven[1] & (1 << 16)) != 0);
  add("avx512bw", zmm && (seven[1] & (1 << 30)) != 0);
  add("avx512vl", zmm && (seven[1] & (1u << 31)) != 0);
  add("avx512vnni", zmm && (seven[2] & (1 << 11)) != 0);
#elif defined(__linux__) && defined(__aarch64__)
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  add("asimd", (first & HWCAP_ASIMD) != 0);
  add("asimddp", (first & HWCAP_ASIMDDP) != 0);
  add("sve", (first & HWCAP_SVE) != 0);
  add("bf16", (second & HWCAP2_BF16) != 0);
#elif defined(__APPLE__) && defined(__aarch64__)
  const auto has = [](const char* name) {
    int value = 0;
    size_t size = sizeof(value);
    return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
  };
  add("asimd", true);
  add("asimddp", has("hw.optional.arm.FEAT_DotProd"));
  add("bf16", has("hw.optional.arm.FEAT_BF16"));
#endif
  return found;
}

napi_value cpu_features_js(napi_env env, napi_callback_info) {
  const std::vector<std::string> found = cpu_features();
  napi_value list = nullptr;
  napi_create_array_with_length(env, found.size(), &list);
  for (uint32_t i = 0; i < found.size(); ++i) napi_set_element(env, list, i, to_js(env, found[i]));
  return list;
}

}  // namespace

NAPI_MODULE_INIT() {
  const auto add = [env, exports](const char* name, napi_callback function) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
    napi_set_named_property(env, exports, name, value);
  };
  add("load", load);
  add("loadCuda", load_cuda);
  add("claim", claim);
  add("cpuFeatures", cpu_features_js);
  return exports;
}
