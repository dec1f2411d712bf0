// The dtypes of lib/core/dtype.ts, in the order of their codes.
#pragma once

#include <c10/core/ScalarType.h>

#include <string>

namespace torchlayers {

// Code -> libtorch's type; throws DTypeError for an unknown code.
c10::ScalarType scalar_type(int64_t code);
// Keras' name -> libtorch's type; throws DTypeError for an unknown name.
c10::ScalarType scalar_type(const std::string& name);
// libtorch's type -> code; throws DTypeError for types that Keras doesn't have.
int64_t dtype_code(c10::ScalarType type);
const char* dtype_name(c10::ScalarType type);

}  // namespace torchlayers
