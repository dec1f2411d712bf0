#include "napi/exports.h"
#include "tensor/dtype.h"
#include "tensor/error.h"

namespace torchlayers {
namespace {

struct ProgramHandle {
  Env* env;
  ProgramPtr program;
};

void finalize_program(node_api_basic_env, void* data, void*) {
  auto* handle = static_cast<ProgramHandle*>(data);
  handle->env->live_programs.erase(handle);
  delete handle;
}

}  // namespace

ProgramPtr maybe_program(Env& env, napi_value handle) {
  return is_nullish(env.env, handle) ? nullptr : program_of(env, handle);
}

ProgramPtr program_of(Env& env, napi_value handle) {
  void* data = nullptr;
  if (napi_get_value_external(env.env, handle, &data) != napi_ok || env.live_programs.count(data) == 0) {
    throw ArgumentError("expected a program of this thread.");
  }
  return static_cast<ProgramHandle*>(data)->program;
}

napi_value record_begin(Env& env, napi_callback_info) {
  env.context.begin_recording();
  return undefined(env.env);
}

napi_value record_input(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handle(env,
                     env.context.recording().input(to_ints(env.env, args[0]), scalar_type(to_int(env.env, args[1])),
                                                   c10::Device(to_string(env.env, args[2]))));
}

napi_value record_end(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const bool fuse = is_nullish(env.env, args[2]) || to_bool(env.env, args[2]);
  auto program = env.context.end_recording(values_of(env, args[0]), maybe_program(env, args[1]), fuse);
  auto handle = std::make_unique<ProgramHandle>(ProgramHandle{&env, std::move(program)});
  napi_value external;
  check(env.env, napi_create_external(env.env, handle.get(), finalize_program, nullptr, &external));
  env.live_programs.insert(handle.release());
  return external;
}

napi_value record_abort(Env& env, napi_callback_info) {
  env.context.abort_recording();
  return undefined(env.env);
}

napi_value record_depth(Env& env, napi_callback_info) { return from_int(env.env, env.context.depth()); }

napi_value record_position(Env& env, napi_callback_info) {
  return from_int(env.env, env.context.is_recording() ? env.context.recording().position() : -1);
}

napi_value suspend(Env& env, napi_callback_info) {
  env.context.suspend();
  return undefined(env.env);
}

napi_value resume(Env& env, napi_callback_info) {
  env.context.resume();
  return undefined(env.env);
}

napi_value condition(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handles(
      env, env.context.condition(value_of(env, args[0]), program_of(env, args[1]), program_of(env, args[2])));
}

napi_value custom_gradient(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handles(env,
                      env.context.custom_gradient(program_of(env, args[0]), program_of(env, args[1]),
                                                  static_cast<int>(to_int(env.env, args[2])), values_of(env, args[3])));
}

napi_value run_program(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handles(env, env.context.run(program_of(env, args[0]), values_of(env, args[1])));
}

napi_value program_text(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return from_string(env.env,
                     program_of(env, args[0])->text(!is_nullish(env.env, args[1]) && to_bool(env.env, args[1])));
}

napi_value program_origins(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  std::vector<int64_t> origins;
  const auto program = program_of(env, args[0]);
  for (const auto& node : program->executed().nodes) origins.push_back(node->origin);
  return from_ints(env.env, origins);
}

napi_value program_nodes(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return from_int(env.env, program_of(env, args[0])->node_count());
}

}  // namespace torchlayers
