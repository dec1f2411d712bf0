// Errors that our own native code throws; napi/ turns them into the JavaScript class of the same code.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace torchlayers {

class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

struct ArgumentError : Error {
  explicit ArgumentError(const std::string& message) : Error("ERR_ARGUMENT", message) {}
};
struct ShapeError : Error {
  explicit ShapeError(const std::string& message) : Error("ERR_SHAPE", message) {}
};
struct DTypeError : Error {
  explicit DTypeError(const std::string& message) : Error("ERR_DTYPE", message) {}
};
struct DeviceError : Error {
  explicit DeviceError(const std::string& message) : Error("ERR_DEVICE", message) {}
};
struct StateError : Error {
  explicit StateError(const std::string& message) : Error("ERR_STATE", message) {}
};
struct DisposedError : Error {
  explicit DisposedError(const std::string& message) : Error("ERR_DISPOSED", message) {}
};
struct NativeError : Error {
  explicit NativeError(const std::string& message) : Error("ERR_NATIVE", message) {}
};

// A node of a program failed: the message, and which node, so that JavaScript can name the line that recorded it.
class NodeError : public Error {
 public:
  NodeError(const std::string& message, int node) : Error("ERR_NATIVE", message), node_(node) {}
  int node() const { return node_; }

 private:
  int node_;
};

// Message of the exception at hand: libtorch's without its C++ stack.
std::string current_exception_message();

}  // namespace torchlayers
