#include "napi/convert.h"

#include <cmath>

#include "tensor/dtype.h"
#include "tensor/error.h"

namespace torchlayers {
namespace {

c10::IValue scalar(napi_env env, napi_value value) {
  switch (type_of(env, value)) {
    case napi_boolean:
      return c10::IValue(at::Scalar(to_bool(env, value)));
    case napi_bigint:
      return c10::IValue(at::Scalar(to_int(env, value)));
    default: {
      const double number = to_double(env, value);
      // JavaScript can't tell 1 from 1.0: whole numbers go as integers, and TypeScript states the dtype where it
      // matters.
      if (std::trunc(number) == number && std::abs(number) < 9007199254740992.0) {
        return c10::IValue(at::Scalar(static_cast<int64_t>(number)));
      }
      return c10::IValue(at::Scalar(number));
    }
  }
}

template <typename T, typename F>
c10::List<T> list(napi_env env, napi_value value, F convert) {
  c10::List<T> result;
  uint32_t length = 0;
  if (napi_get_array_length(env, value, &length) != napi_ok) throw ArgumentError("expected an array.");
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env, napi_get_element(env, value, i, &item));
    result.push_back(convert(item));
  }
  return result;
}

int64_t dtype_of(napi_env env, napi_value value) {
  if (type_of(env, value) == napi_string) return static_cast<int64_t>(scalar_type(to_string(env, value)));
  return static_cast<int64_t>(scalar_type(to_int(env, value)));
}

c10::IValue convert(Env& env, const Operator& op, int argument, napi_value value,
                    std::vector<TensorArgument>& tensors) {
  const napi_env raw = env.env;
  switch (op.kinds[argument]) {
    case ArgKind::Tensor:
    case ArgKind::OptionalTensor:
      tensors.push_back({argument, -1, value_of(env, value)});
      return {};
    case ArgKind::TensorList:
    case ArgKind::OptionalTensorList: {
      uint32_t length = 0;
      if (napi_get_array_length(raw, value, &length) != napi_ok) throw ArgumentError("expected an array of tensors.");
      for (uint32_t i = 0; i < length; ++i) {
        napi_value item;
        check(raw, napi_get_element(raw, value, i, &item));
        const bool none = op.kinds[argument] == ArgKind::OptionalTensorList && is_nullish(raw, item);
        tensors.push_back({argument, static_cast<int>(i), none ? Value() : value_of(env, item)});
      }
      if (length > 0) return {};
      if (op.kinds[argument] == ArgKind::TensorList) return c10::List<at::Tensor>();
      return c10::List<std::optional<at::Tensor>>();
    }
    case ArgKind::Scalar:
      return scalar(raw, value);
    case ArgKind::Int:
      return to_int(raw, value);
    case ArgKind::Float:
      return to_double(raw, value);
    case ArgKind::Bool:
      return to_bool(raw, value);
    case ArgKind::String:
      return to_string(raw, value);
    case ArgKind::IntList:
      return to_ints(raw, value);
    case ArgKind::FloatList:
      return list<double>(raw, value, [&](napi_value item) { return to_double(raw, item); });
    case ArgKind::BoolList:
      return list<bool>(raw, value, [&](napi_value item) { return to_bool(raw, item); });
    case ArgKind::ScalarList: {
      c10::impl::GenericList result(c10::NumberType::get());
      uint32_t length = 0;
      if (napi_get_array_length(raw, value, &length) != napi_ok) throw ArgumentError("expected an array.");
      for (uint32_t i = 0; i < length; ++i) {
        napi_value item;
        check(raw, napi_get_element(raw, value, i, &item));
        result.push_back(scalar(raw, item));
      }
      return result;
    }
    case ArgKind::DType:
      return dtype_of(raw, value);
    case ArgKind::Device:
      return c10::Device(to_string(raw, value));
    case ArgKind::Layout:
      return static_cast<int64_t>(c10::Layout::Strided);
    case ArgKind::MemoryFormat: {
      const std::string name = to_string(raw, value);
      if (name == "contiguous") return static_cast<int64_t>(c10::MemoryFormat::Contiguous);
      if (name == "channels_last") return static_cast<int64_t>(c10::MemoryFormat::ChannelsLast);
      if (name == "channels_last_3d") return static_cast<int64_t>(c10::MemoryFormat::ChannelsLast3d);
      return static_cast<int64_t>(c10::MemoryFormat::Preserve);
    }
    case ArgKind::Generator:
    case ArgKind::Other:
      break;
  }
  throw ArgumentError("arguments of this kind can't be given; leave it out.");
}

}  // namespace

void convert_arguments(Env& env, const Operator& op, const napi_value* values, size_t count, torch::jit::Stack& stack,
                       std::vector<TensorArgument>& tensors) {
  const auto& arguments = op.handle.schema().arguments();
  if (count > arguments.size()) {
    throw ArgumentError(op.name + ": expected at most " + std::to_string(arguments.size()) + " arguments, got " +
                        std::to_string(count) + ".");
  }
  stack.reserve(arguments.size());
  tensors.reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const napi_valuetype type = i < count ? type_of(env.env, values[i]) : napi_undefined;
    if (type == napi_undefined) {
      if (arguments[i].default_value().has_value()) {
        stack.push_back(*arguments[i].default_value());
      } else if (op.optional[i]) {
        stack.emplace_back();
      } else {
        throw ArgumentError(op.name + ": argument '" + arguments[i].name() + "' is missing.");
      }
      continue;
    }
    if (type == napi_null && op.optional[i]) {
      stack.emplace_back();
      continue;
    }
    try {
      stack.push_back(convert(env, op, static_cast<int>(i), values[i], tensors));
    } catch (const Error& error) {
      throw Error(error.code(), op.name + ": argument '" + arguments[i].name() + "': " + error.what());
    }
  }
}

napi_value convert_result(Env& env, const c10::IValue& value) {
  const napi_env raw = env.env;
  if (value.isNone()) return null(raw);
  if (value.isBool()) return from_bool(raw, value.toBool());
  if (value.isInt()) return from_int(raw, value.toInt());
  if (value.isDouble()) return from_double(raw, value.toDouble());
  if (value.isString()) return from_string(raw, value.toStringRef());
  if (value.isIntList()) return from_ints(raw, value.toIntVector());
  if (value.isTensor()) {
    Value tensor;
    tensor.tensor = value.toTensor();
    return make_handle(env, std::move(tensor));
  }
  if (value.isTensorList()) {
    std::vector<Value> values;
    for (auto& item : value.toTensorVector()) {
      Value tensor;
      tensor.tensor = item;
      values.push_back(std::move(tensor));
    }
    return make_handles(env, std::move(values));
  }
  throw NativeError("the operator answers a value of a kind that JavaScript doesn't have here: " + value.tagKind());
}

std::string describe_arguments(Env& env, const napi_value* values, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    if (const Value* value = maybe_value(env, values[i])) {
      text += describe(*value);
      continue;
    }
    bool array = false;
    napi_is_array(env.env, values[i], &array);
    if (array) {
      uint32_t length = 0;
      napi_get_array_length(env.env, values[i], &length);
      text += "[";
      for (uint32_t j = 0; j < length && j < 8; ++j) {
        napi_value item;
        if (napi_get_element(env.env, values[i], j, &item) != napi_ok) break;
        text += (j > 0 ? ", " : "") + describe_arguments(env, &item, 1);
      }
      text += length > 8 ? ", …]" : "]";
      continue;
    }
    napi_value string;
    if (type_of(env.env, values[i]) != napi_external && napi_coerce_to_string(env.env, values[i], &string) == napi_ok) {
      text += to_string(env.env, string);
    } else {
      text += "?";
    }
  }
  return text;
}

}  // namespace torchlayers
