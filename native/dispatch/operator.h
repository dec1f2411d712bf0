// What is known of an operator of libtorch's registry, found once by name.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>
#include <string>
#include <vector>

namespace torchlayers {

// How an argument of the schema is converted.
enum class ArgKind {
  Tensor,
  OptionalTensor,
  TensorList,
  OptionalTensorList,
  Scalar,
  Int,
  Float,
  Bool,
  String,
  IntList,
  FloatList,
  BoolList,
  ScalarList,
  DType,
  Device,
  Layout,
  MemoryFormat,
  Generator,
  Other,
};

enum class ReturnKind { None, Tensor, Tensors, Value };

// Whether a recording takes the operator. Never: it answers a value, or tensors whose shape depends on values.
enum class Recordable { Always, ByArguments, Never };

struct Operator {
  Operator(c10::OperatorHandle found);

  c10::OperatorHandle handle;
  std::string name;
  std::vector<ArgKind> kinds;
  std::vector<bool> optional;
  // Arguments that the operator writes to.
  std::vector<bool> writes;
  bool mutates = false;
  // Index of the `device` argument, or -1.
  int device_argument = -1;
  ReturnKind returns = ReturnKind::None;
  Recordable recordable = Recordable::Always;
};

// Finds 'aten::add.Tensor'; throws ArgumentError if the registry has no such operator.
std::shared_ptr<const Operator> find_operator(const std::string& name);

}  // namespace torchlayers
