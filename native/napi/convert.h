// JavaScript values <-> arguments and results of operators, by schema.
#pragma once

#include <node_api.h>

#include <vector>

#include "napi/env.h"

namespace torchlayers {

// Fills `stack` (tensors stay None) and `tensors` from `count` JavaScript values; left-out ones take the schema's
// defaults.
void convert_arguments(Env& env, const Operator& op, const napi_value* values, size_t count, torch::jit::Stack& stack,
                       std::vector<TensorArgument>& tensors);
// A result that is no tensor.
napi_value convert_result(Env& env, const c10::IValue& value);
// 'float32[2, 3], 1' for errors.
std::string describe_arguments(Env& env, const napi_value* values, size_t count);

}  // namespace torchlayers
