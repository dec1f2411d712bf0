// What the addon exports, by topic; addon.cc lists the names.
#pragma once

#include <node_api.h>

#include "napi/env.h"

namespace torchlayers {

// call.cc
napi_value find_operator_info(Env& env, napi_callback_info info);
napi_value call_operator(Env& env, napi_callback_info info);
napi_value crossings(Env& env, napi_callback_info info);

// data.cc
napi_value from_array(Env& env, napi_callback_info info);
napi_value copy_into(Env& env, napi_callback_info info);
napi_value shape(Env& env, napi_callback_info info);
napi_value dtype(Env& env, napi_callback_info info);
napi_value device(Env& env, napi_callback_info info);
napi_value handle_id(Env& env, napi_callback_info info);
napi_value is_meta(Env& env, napi_callback_info info);
napi_value read_values(Env& env, napi_callback_info info);
napi_value read_async(Env& env, napi_callback_info info);
napi_value dispose_handle(Env& env, napi_callback_info info);
napi_value memory(Env& env, napi_callback_info info);
napi_value trim_memory(Env& env, napi_callback_info info);

// autograd.cc
napi_value make_variable(Env& env, napi_callback_info info);
napi_value variable_value(Env& env, napi_callback_info info);
napi_value assign_variable(Env& env, napi_callback_info info);
napi_value grad_enter(Env& env, napi_callback_info info);
napi_value grad_compute(Env& env, napi_callback_info info);
napi_value grad_leave(Env& env, napi_callback_info info);
napi_value set_grad_enabled(Env& env, napi_callback_info info);

// record.cc
napi_value record_begin(Env& env, napi_callback_info info);
napi_value record_input(Env& env, napi_callback_info info);
napi_value record_end(Env& env, napi_callback_info info);
napi_value record_abort(Env& env, napi_callback_info info);
napi_value record_depth(Env& env, napi_callback_info info);
napi_value record_position(Env& env, napi_callback_info info);
napi_value suspend(Env& env, napi_callback_info info);
napi_value resume(Env& env, napi_callback_info info);
napi_value condition(Env& env, napi_callback_info info);
napi_value custom_gradient(Env& env, napi_callback_info info);
napi_value run_program(Env& env, napi_callback_info info);
napi_value program_text(Env& env, napi_callback_info info);
napi_value program_nodes(Env& env, napi_callback_info info);
napi_value program_origins(Env& env, napi_callback_info info);
ProgramPtr program_of(Env& env, napi_value handle);
ProgramPtr maybe_program(Env& env, napi_value handle);

// train.cc
napi_value session_create(Env& env, napi_callback_info info);
napi_value session_run(Env& env, napi_callback_info info);
napi_value session_shuffle(Env& env, napi_callback_info info);
napi_value session_stop(Env& env, napi_callback_info info);
napi_value session_release(Env& env, napi_callback_info info);
napi_value session_close(Env& env, napi_callback_info info);
// The live session that owns a variable, if it is one of this environment.
std::shared_ptr<Session> owner_of(Env& env, const VariableState& variable);

// system.cc
napi_value manual_seed(Env& env, napi_callback_info info);
napi_value list_devices(Env& env, napi_callback_info info);
napi_value set_threads(Env& env, napi_callback_info info);
napi_value get_threads(Env& env, napi_callback_info info);
napi_value build_info(Env& env, napi_callback_info info);
napi_value shutdown(Env& env, napi_callback_info info);
// A number of threads, 0 for as many as there are cores.
int to_thread_count(napi_env env, napi_value value);

napi_threadsafe_function make_poster(napi_env env);

}  // namespace torchlayers
