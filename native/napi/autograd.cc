#include "napi/exports.h"
#include "tensor/error.h"
#include "training/session.h"

namespace torchlayers {
namespace {

const VariablePtr& variable_of(Env& env, napi_value handle) {
  const Value& value = value_of(env, handle);
  if (!value.variable) throw ArgumentError("expected a Variable, got a tensor.");
  return value.variable;
}

}  // namespace

napi_value make_variable(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const at::Tensor initial = env.context.tensor_of(value_of(env, args[0]));
  Value value;
  value.variable = std::make_shared<VariableState>(initial, to_string(env.env, args[1]));
  return make_handle(env, std::move(value));
}

napi_value variable_value(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handle(env, env.context.variable_value(variable_of(env, args[0])));
}

napi_value assign_variable(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  env.context.assign(variable_of(env, args[0]), value_of(env, args[1]));
  return undefined(env.env);
}

napi_value grad_enter(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handles(env, env.context.enter_gradient(values_of(env, args[0])));
}

napi_value grad_compute(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const auto seeds = is_nullish(env.env, args[1]) ? std::vector<Value>() : values_of(env, args[1]);
  return make_handles(env, env.context.compute_gradient(values_of(env, args[0]), seeds));
}

napi_value grad_leave(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return make_handles(env, env.context.leave_gradient(values_of(env, args[0])));
}

napi_value set_grad_enabled(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return from_bool(env.env, env.context.set_grad_enabled(to_bool(env.env, args[0])));
}

}  // namespace torchlayers
