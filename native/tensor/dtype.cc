#include "tensor/dtype.h"

#include <array>

#include "tensor/error.h"

namespace torchlayers {
namespace {

struct Entry {
  const char* name;
  c10::ScalarType type;
};

constexpr std::array<Entry, 17> kTypes{{
    {"bool", c10::ScalarType::Bool},
    {"uint8", c10::ScalarType::Byte},
    {"uint16", c10::ScalarType::UInt16},
    {"uint32", c10::ScalarType::UInt32},
    {"uint64", c10::ScalarType::UInt64},
    {"int8", c10::ScalarType::Char},
    {"int16", c10::ScalarType::Short},
    {"int32", c10::ScalarType::Int},
    {"int64", c10::ScalarType::Long},
    {"float16", c10::ScalarType::Half},
    {"bfloat16", c10::ScalarType::BFloat16},
    {"float32", c10::ScalarType::Float},
    {"float64", c10::ScalarType::Double},
    {"complex64", c10::ScalarType::ComplexFloat},
    {"complex128", c10::ScalarType::ComplexDouble},
    {"float8_e4m3fn", c10::ScalarType::Float8_e4m3fn},
    {"float8_e5m2", c10::ScalarType::Float8_e5m2},
}};

}  // namespace

c10::ScalarType scalar_type(int64_t code) {
  if (code < 0 || code >= static_cast<int64_t>(kTypes.size())) {
    throw DTypeError("unknown dtype code " + std::to_string(code));
  }
  return kTypes[code].type;
}

c10::ScalarType scalar_type(const std::string& name) {
  for (const auto& entry : kTypes) {
    if (name == entry.name) return entry.type;
  }
  throw DTypeError("unknown dtype '" + name + "'");
}

int64_t dtype_code(c10::ScalarType type) {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].type == type) return static_cast<int64_t>(i);
  }
  throw DTypeError(std::string("the result has libtorch's type ") + c10::toString(type) + ", which has no Keras dtype");
}

const char* dtype_name(c10::ScalarType type) {
  for (const auto& entry : kTypes) {
    if (type == entry.type) return entry.name;
  }
  return c10::toString(type);
}

}  // namespace torchlayers
