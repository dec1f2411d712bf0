#include <c10/util/Exception.h>

#include "napi/convert.h"
#include "napi/exports.h"
#include "tensor/error.h"

namespace torchlayers {

napi_value find_operator_info(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const std::string name = to_string(env.env, args[0]);
  auto [entry, added] = env.operator_ids.emplace(name, static_cast<uint32_t>(env.operators.size()));
  if (added) {
    try {
      env.operators.push_back(find_operator(name));
    } catch (...) {
      env.operator_ids.erase(name);
      throw;
    }
  }
  const Operator& op = *env.operators[entry->second];
  const auto& schema = op.handle.schema();
  napi_value result;
  check(env.env, napi_create_object(env.env, &result));
  napi_set_named_property(env.env, result, "id", from_int(env.env, entry->second));
  napi_set_named_property(env.env, result, "schema", from_string(env.env, c10::toString(schema)));
  napi_value names;
  check(env.env, napi_create_array(env.env, &names));
  for (size_t i = 0; i < schema.arguments().size(); ++i) {
    napi_set_element(env.env, names, i, from_string(env.env, schema.arguments()[i].name()));
  }
  napi_set_named_property(env.env, result, "args", names);
  static const char* const recordable[] = {"always", "by arguments", "never"};
  napi_set_named_property(env.env, result, "recordable",
                          from_string(env.env, recordable[static_cast<int>(op.recordable)]));
  static const char* const kinds[] = {"none", "tensor", "tensors", "value"};
  napi_set_named_property(env.env, result, "returns", from_string(env.env, kinds[static_cast<int>(op.returns)]));
  return result;
}

napi_value call_operator(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  uint32_t id = 0;
  if (args.count == 0 || napi_get_value_uint32(env.env, args.values[0], &id) != napi_ok || id >= env.operators.size()) {
    throw ArgumentError("call: unknown operator id.");
  }
  const auto& op = env.operators[id];
  torch::jit::Stack stack;
  std::vector<TensorArgument> tensors;
  try {
    convert_arguments(env, *op, args.values + 1, args.count - 1, stack, tensors);
    if (op->returns == ReturnKind::Value) {
      env.context.call_value(*op, stack, tensors);
      if (stack.size() == 1) return convert_result(env, stack[0]);
      napi_value array;
      check(env.env, napi_create_array_with_length(env.env, stack.size(), &array));
      for (size_t i = 0; i < stack.size(); ++i) napi_set_element(env.env, array, i, convert_result(env, stack[i]));
      return array;
    }
    auto results = env.context.call(op, std::move(stack), std::move(tensors));
    if (op->returns == ReturnKind::Tensor) return make_handle(env, std::move(results[0]));
    if (op->returns == ReturnKind::Tensors) return make_handles(env, std::move(results));
    return undefined(env.env);
  } catch (const Error&) {
    throw;
  } catch (...) {
    throw NativeError(op->name + "(" + describe_arguments(env, args.values + 1, args.count - 1) +
                      "): " + current_exception_message());
  }
}

napi_value crossings(Env& env, napi_callback_info) { return from_int(env.env, static_cast<int64_t>(env.crossings)); }

}  // namespace torchlayers
