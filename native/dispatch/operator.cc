#include "dispatch/operator.h"

#include <ATen/core/enum_tag.h>

#include <mutex>
#include <unordered_map>

#include "tensor/error.h"

namespace torchlayers {
namespace {

ArgKind kind_of(const c10::Argument& argument, bool* optional) {
  c10::TypePtr type = argument.real_type();
  if (auto inner = type->cast<c10::OptionalType>()) {
    *optional = true;
    type = inner->getElementType();
  }
  switch (type->kind()) {
    case c10::TypeKind::TensorType:
      return *optional ? ArgKind::OptionalTensor : ArgKind::Tensor;
    case c10::TypeKind::NumberType:
      return ArgKind::Scalar;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return argument.name() == "dtype" ? ArgKind::DType : ArgKind::Int;
    case c10::TypeKind::FloatType:
      return ArgKind::Float;
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType:
      return ArgKind::Bool;
    case c10::TypeKind::StringType:
      return ArgKind::String;
    case c10::TypeKind::ScalarTypeType:
      return ArgKind::DType;
    case c10::TypeKind::DeviceObjType:
      return ArgKind::Device;
    case c10::TypeKind::LayoutType:
      return ArgKind::Layout;
    case c10::TypeKind::MemoryFormatType:
      return ArgKind::MemoryFormat;
    case c10::TypeKind::GeneratorType:
      return ArgKind::Generator;
    case c10::TypeKind::ListType: {
      c10::TypePtr element = type->castRaw<c10::ListType>()->getElementType();
      if (element->kind() == c10::TypeKind::OptionalType) return ArgKind::OptionalTensorList;
      switch (element->kind()) {
        case c10::TypeKind::TensorType:
          return ArgKind::TensorList;
        case c10::TypeKind::IntType:
        case c10::TypeKind::SymIntType:
          return ArgKind::IntList;
        case c10::TypeKind::FloatType:
          return ArgKind::FloatList;
        case c10::TypeKind::BoolType:
          return ArgKind::BoolList;
        case c10::TypeKind::NumberType:
          return ArgKind::ScalarList;
        default:
          return ArgKind::Other;
      }
    }
    default:
      return ArgKind::Other;
  }
}

ReturnKind returns_of(const c10::FunctionSchema& schema) {
  const auto& returns = schema.returns();
  if (returns.empty()) return ReturnKind::None;
  bool tensors = true;
  for (const auto& result : returns) {
    const auto& type = result.type();
    const bool list = type->kind() == c10::TypeKind::ListType &&
                      type->castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::TensorType;
    if (type->kind() != c10::TypeKind::TensorType && !list) tensors = false;
    if (list && returns.size() > 1) tensors = false;
  }
  if (!tensors) return ReturnKind::Value;
  return returns.size() == 1 && returns[0].type()->kind() == c10::TypeKind::TensorType ? ReturnKind::Tensor
                                                                                       : ReturnKind::Tensors;
}

Recordable recordable_of(const Operator& op) {
  if (op.returns == ReturnKind::Value) return Recordable::Never;
  // libtorch's tags are too strict for some, and miss operators that are made of tagged ones.
  for (const char* name : {"aten::index.Tensor", "aten::one_hot", "aten::repeat_interleave.Tensor"}) {
    if (op.name == name) return Recordable::ByArguments;
  }
  for (const char* name : {"aten::_ctc_loss", "aten::_ctc_loss.Tensor", "aten::linalg_lstsq"}) {
    if (op.name == name) return Recordable::Always;
  }
  for (const char* name : {"aten::where", "aten::nonzero_numpy", "aten::combinations"}) {
    if (op.name == name) return Recordable::Never;
  }
  const bool tagged =
      op.handle.hasTag(at::Tag::dynamic_output_shape) || op.handle.hasTag(at::Tag::data_dependent_output);
  return tagged ? Recordable::Never : Recordable::Always;
}

}  // namespace

Operator::Operator(c10::OperatorHandle found) : handle(std::move(found)) {
  const auto& schema = handle.schema();
  name = schema.overload_name().empty() ? schema.name() : schema.name() + "." + schema.overload_name();
  const auto& arguments = schema.arguments();
  for (size_t i = 0; i < arguments.size(); ++i) {
    bool is_optional = false;
    kinds.push_back(kind_of(arguments[i], &is_optional));
    optional.push_back(is_optional);
    const auto* alias = arguments[i].alias_info();
    const bool write = alias != nullptr && alias->isWrite();
    writes.push_back(write);
    mutates = mutates || write;
    if (kinds.back() == ArgKind::Device && arguments[i].name() == "device") device_argument = static_cast<int>(i);
  }
  returns = returns_of(schema);
  recordable = recordable_of(*this);
}

std::shared_ptr<const Operator> find_operator(const std::string& name) {
  static std::mutex mutex;
  static auto* found = new std::unordered_map<std::string, std::shared_ptr<const Operator>>();
  std::lock_guard<std::mutex> lock(mutex);
  auto entry = found->find(name);
  if (entry != found->end()) return entry->second;
  const auto dot = name.find('.');
  const c10::OperatorName key(name.substr(0, dot), dot == std::string::npos ? "" : name.substr(dot + 1));
  auto handle = c10::Dispatcher::singleton().findSchema(key);
  if (!handle.has_value()) {
    throw ArgumentError("call: unknown operator '" + name +
                        "'.\n  Names have a namespace and, for most, an overload: aten::add.Tensor.");
  }
  auto op = std::make_shared<const Operator>(*handle);
  found->emplace(name, op);
  return op;
}

}  // namespace torchlayers
