#include <cstring>

#include "napi/exports.h"
#include "tensor/error.h"
#include "training/session.h"

namespace torchlayers {
namespace {

struct SessionHandle {
  Env* env;
  std::shared_ptr<Session> session;
};

void finalize_session(node_api_basic_env, void* data, void*) {
  auto* handle = static_cast<SessionHandle*>(data);
  handle->env->live_sessions.erase(handle);
  // A forgotten session: its thread ends after the step at hand, and is joined here.
  delete handle;
}

std::shared_ptr<Session> session_of(Env& env, napi_value handle) {
  void* data = nullptr;
  if (napi_get_value_external(env.env, handle, &data) != napi_ok || env.live_sessions.count(data) == 0) {
    throw ArgumentError("expected a session of this thread.");
  }
  return static_cast<SessionHandle*>(data)->session;
}

napi_value float64_array(napi_env env, const std::vector<double>& values) {
  napi_value buffer;
  napi_value array;
  void* data = nullptr;
  check(env, napi_create_arraybuffer(env, values.size() * sizeof(double), &data, &buffer));
  if (!values.empty()) std::memcpy(data, values.data(), values.size() * sizeof(double));
  check(env, napi_create_typedarray(env, napi_float64_array, values.size(), buffer, 0, &array));
  return array;
}

napi_value to_object(Env& env, StepResult& result) {
  napi_value object;
  check(env.env, napi_create_object(env.env, &object));
  napi_set_named_property(env.env, object, "steps", from_int(env.env, result.steps));
  napi_set_named_property(env.env, object, "stopped", from_bool(env.env, result.stopped));
  napi_set_named_property(env.env, object, "seconds", from_double(env.env, result.seconds));
  napi_set_named_property(env.env, object, "logs",
                          result.has_logs ? float64_array(env.env, result.logs) : null(env.env));
  std::vector<Value> outputs;
  for (auto& output : result.outputs) {
    Value value;
    value.tensor = std::move(output);
    outputs.push_back(std::move(value));
  }
  napi_set_named_property(env.env, object, "outputs",
                          outputs.empty() ? null(env.env) : make_handles(env, std::move(outputs)));
  return object;
}

// What a running job holds on the JavaScript side; used on that thread alone.
struct Listener {
  // Keeps the session from being collected while its job runs.
  napi_ref session = nullptr;
  napi_ref function = nullptr;
  // What the function threw.
  napi_ref error = nullptr;

  void release(napi_env env) {
    for (napi_ref* reference : {&session, &function, &error}) {
      if (*reference != nullptr) napi_delete_reference(env, *reference);
      *reference = nullptr;
    }
  }
};

// Calls the job's function with the newest step and logs; what it throws ends the job and rejects its promise.
void show_progress(napi_env env, Listener& listener, Session& session, int64_t step, const std::vector<double>& logs) {
  napi_value function = nullptr;
  if (listener.function == nullptr || listener.error != nullptr) return;
  check(env, napi_get_reference_value(env, listener.function, &function));
  const napi_value arguments[] = {from_int(env, step), float64_array(env, logs)};
  napi_value result;
  if (napi_call_function(env, undefined(env), function, 2, arguments, &result) != napi_pending_exception) return;
  napi_value error;
  check(env, napi_get_and_clear_last_exception(env, &error));
  check(env, napi_create_reference(env, error, 1, &listener.error));
  session.stop();
}

}  // namespace

std::shared_ptr<Session> owner_of(Env& env, const VariableState& variable) {
  for (const auto& weak : env.sessions) {
    auto session = weak.lock();
    if (session != nullptr && session->owns(variable)) return session;
  }
  return nullptr;
}

napi_value session_create(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  std::vector<VariablePtr> variables;
  for (const auto& value : values_of(env, args[0])) {
    if (!value.variable) throw ArgumentError("session: expected Variables.");
    variables.push_back(value.variable);
  }
  if (env.ended) throw StateError("training: the process is ending.");
  auto handle = std::make_unique<SessionHandle>();
  handle->env = &env;
  handle->session = std::make_shared<Session>(std::move(variables), to_thread_count(env.env, args[1]));
  std::erase_if(env.sessions, [](const std::weak_ptr<Session>& weak) { return weak.expired(); });
  env.sessions.push_back(handle->session);
  napi_value external;
  check(env.env, napi_create_external(env.env, handle.get(), finalize_session, nullptr, &external));
  env.live_sessions.insert(handle.release());
  return external;
}

napi_value session_run(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const auto session = session_of(env, args[0]);
  const napi_value given = args[1];
  const auto number = [&](const char* name) { return to_int(env.env, property(env.env, given, name)); };
  StepJob job;
  job.program = program_of(env, property(env.env, given, "program"));
  job.last_program = maybe_program(env, property(env.env, given, "lastProgram"));
  job.logs = maybe_program(env, property(env.env, given, "logs"));
  for (const auto& value : values_of(env, property(env.env, given, "data"))) {
    job.data.push_back(env.context.tensor_of(value).contiguous());
  }
  job.samples = number("samples");
  job.batch_size = number("batchSize");
  job.from = number("from");
  job.to = number("to");
  job.shuffled = to_bool(env.env, property(env.env, given, "shuffled"));
  job.collect = to_bool(env.env, property(env.env, given, "collect"));
  const int64_t steps = job.batch_size > 0 ? (job.samples + job.batch_size - 1) / job.batch_size : 0;
  if (job.samples < 1 || job.batch_size < 1 || job.from < 0 || job.to > steps || job.from > job.to) {
    throw ArgumentError("session: steps " + std::to_string(job.from) + " to " + std::to_string(job.to) + " don't fit " +
                        std::to_string(job.samples) + " samples in batches of " + std::to_string(job.batch_size) + ".");
  }
  for (const auto& data : job.data) {
    if (data.dim() == 0 || data.size(0) < job.samples) {
      throw ShapeError("session: expected data with " + std::to_string(job.samples) + " samples, got " +
                       describe(data) + ".");
    }
  }
  if (job.logs && (!job.logs->inputs.empty() || job.logs->outputs.size() != 1)) {
    throw ArgumentError("session: expected a program for logs without inputs and with one output.");
  }
  const napi_value on_progress = property(env.env, given, "onProgress");
  if (!is_nullish(env.env, on_progress) && type_of(env.env, on_progress) != napi_function) {
    throw ArgumentError("session: expected onProgress to be a function or null.");
  }
  session->own(*job.program);
  if (job.last_program) session->own(*job.last_program);
  if (job.logs) session->own(*job.logs);

  auto listener = std::make_shared<Listener>();
  Env* target = &env;
  check(env.env, napi_create_reference(env.env, args[0], 1, &listener->session));
  if (!is_nullish(env.env, on_progress)) {
    check(env.env, napi_create_reference(env.env, on_progress, 1, &listener->function));
    // Weak: the training thread must never hold the last reference.
    job.on_progress = [target, listener, weak = std::weak_ptr<Session>(session)](int64_t step,
                                                                                 std::vector<double> logs) {
      target->run_on_thread([listener, weak, step, logs = std::move(logs)](napi_env raw) {
        const auto session = weak.lock();
        if (session == nullptr) return;
        show_progress(raw, *listener, *session, step, logs);
        session->progress_taken();
      });
    };
  }
  napi_deferred deferred;
  napi_value promise;
  check(env.env, napi_create_promise(env.env, &deferred, &promise));
  session->progress_taken();
  session->run(std::move(job), [target, listener, deferred](StepResult result, std::exception_ptr error) {
    auto shared = std::make_shared<StepResult>(std::move(result));
    target->run_on_thread([target, listener, deferred, shared, error](napi_env raw) {
      target->unhold();
      napi_value thrown = nullptr;
      if (listener->error != nullptr) napi_get_reference_value(raw, listener->error, &thrown);
      listener->release(raw);
      if (thrown != nullptr && !error) {
        napi_reject_deferred(raw, deferred, thrown);
        return;
      }
      settle(raw, deferred, [&] {
        if (error) std::rethrow_exception(error);
        return to_object(*target, *shared);
      });
    });
  });
  env.hold();
  return promise;
}

napi_value session_shuffle(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  session_of(env, args[0])->shuffle(to_int(env.env, args[1]), env.context.tensor_of(value_of(env, args[2])));
  return undefined(env.env);
}

napi_value session_stop(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  session_of(env, args[0])->stop();
  return undefined(env.env);
}

napi_value session_release(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  session_of(env, args[0])->release_idle();
  return undefined(env.env);
}

napi_value session_close(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const auto session = session_of(env, args[0]);
  napi_deferred deferred;
  napi_value promise;
  check(env.env, napi_create_promise(env.env, &deferred, &promise));
  Env* target = &env;
  session->close_later([target, deferred] {
    target->run_on_thread([target, deferred](napi_env raw) {
      target->unhold();
      napi_resolve_deferred(raw, deferred, undefined(raw));
    });
  });
  env.hold();
  return promise;
}

}  // namespace torchlayers
