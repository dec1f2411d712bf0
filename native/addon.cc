// Everything that JavaScript sees of the native core. What each export takes is stated in lib/core/native.ts.
#include <ATen/core/grad_mode.h>
#include <node_api.h>

#include <mutex>

#include "dispatch/meta_fallback.h"
#include "napi/exports.h"
#include "tensor/pool_allocator.h"
#include "training/threads.h"

namespace torchlayers {
namespace {

struct Export {
  const char* name;
  Callback callback;
};

constexpr Export kExports[] = {
    {"operator", find_operator_info},
    {"call", call_operator},
    {"crossings", crossings},
    {"fromArray", from_array},
    {"copyInto", copy_into},
    {"shape", shape},
    {"dtype", dtype},
    {"device", device},
    {"id", handle_id},
    {"isMeta", is_meta},
    {"read", read_values},
    {"readAsync", read_async},
    {"dispose", dispose_handle},
    {"memory", memory},
    {"trimMemory", trim_memory},
    {"variable", make_variable},
    {"variableValue", variable_value},
    {"assign", assign_variable},
    {"gradEnter", grad_enter},
    {"gradCompute", grad_compute},
    {"gradLeave", grad_leave},
    {"setGradEnabled", set_grad_enabled},
    {"recordBegin", record_begin},
    {"recordInput", record_input},
    {"recordEnd", record_end},
    {"recordAbort", record_abort},
    {"recordDepth", record_depth},
    {"recordPosition", record_position},
    {"suspend", suspend},
    {"resume", resume},
    {"cond", condition},
    {"customGradient", custom_gradient},
    {"runProgram", run_program},
    {"programText", program_text},
    {"programNodes", program_nodes},
    {"programOrigins", program_origins},
    {"sessionCreate", session_create},
    {"sessionRun", session_run},
    {"sessionShuffle", session_shuffle},
    {"sessionStop", session_stop},
    {"sessionRelease", session_release},
    {"sessionClose", session_close},
    {"manualSeed", manual_seed},
    {"devices", list_devices},
    {"setThreads", set_threads},
    {"threads", get_threads},
    {"buildInfo", build_info},
    {"shutdown", shutdown},
};

void close_environment(void* data) {
  auto* env = static_cast<Env*>(data);
  env->closing = true;
  env->shutdown();
  env->post = nullptr;
  env->context = Context();
}

napi_value init(napi_env raw, napi_value exports) {
  try {
    static std::once_flag once;
    std::call_once(once, [] {
      install_pool_allocator();
      register_meta_kernels();
    });
    // Stays until the process ends: finalizers of handles may run after the environment's own.
    auto* env = new Env(raw);
    env->post = make_poster(raw);
    check(raw, napi_add_env_cleanup_hook(raw, close_environment, env));
    // The JavaScript thread decides and shows; a team of OpenMP threads of its own would slow the training thread's
    // down.
    set_compute_threads(1);
    at::GradMode::set_enabled(false);
    for (const auto& entry : kExports) define(*env, exports, entry.name, entry.callback);
    return exports;
  } catch (...) {
    throw_current(raw, "torchlayers");
    return nullptr;
  }
}

}  // namespace
}  // namespace torchlayers

NAPI_MODULE_INIT() { return torchlayers::init(env, exports); }
