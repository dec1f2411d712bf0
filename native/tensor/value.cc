#include "tensor/value.h"

#include <ATen/ops/empty_like.h>

#include "tensor/dtype.h"
#include "tensor/error.h"

namespace torchlayers {
namespace {

// One element shown at every place, as `expand` makes it: slots of optimizers begin so, and take their memory at the
// first write.
bool is_fill(const at::Tensor& value) {
  for (int64_t axis = 0; axis < value.dim(); ++axis) {
    if (value.stride(axis) != 0 && value.size(axis) > 1) return false;
  }
  return value.numel() > 1;
}

// Contiguous (or a fill), without a graph, and not a small window on a large memory block.
at::Tensor own(const at::Tensor& value) {
  if (value.has_storage() && is_fill(value) && value.storage().nbytes() == static_cast<size_t>(value.element_size()))
    return value.detach();
  at::Tensor result = value.detach().contiguous();
  const auto needed = static_cast<size_t>(result.numel()) * result.element_size();
  if (result.has_storage() && result.storage().nbytes() > needed) result = result.clone();
  return result;
}

}  // namespace

uint64_t next_id() {
  static std::atomic<uint64_t> counter{0};
  return ++counter;
}

VariableState::VariableState(const at::Tensor& initial, std::string name)
    : id(next_id()),
      name(std::move(name)),
      sizes(initial.sizes().vec()),
      dtype(initial.scalar_type()),
      device(initial.device()),
      value_(own(initial)) {}

void VariableState::assign(const at::Tensor& value) {
  if (value.sizes() != at::IntArrayRef(sizes)) {
    throw ShapeError("Variable \"" + name + "\": expected a value of shape " + format_sizes(sizes) + ", got " +
                     format_sizes(value.sizes()) + ".");
  }
  at::Tensor converted = value;
  if (value.scalar_type() != dtype || value.device() != device) {
    converted = value.detach().to(at::TensorOptions().dtype(dtype).device(device));
  }
  value_ = own(converted);
}

at::Tensor& VariableState::prepare_write() {
  // Two owners at least mean that a view, a constant of a program, a typed array or a saved tensor still shows this
  // memory.
  if (value_.use_count() > 1 || value_.storage().use_count() > 1 || !value_.is_contiguous()) {
    value_ = value_.clone(at::MemoryFormat::Contiguous);
  }
  return value_;
}

std::string format_sizes(at::IntArrayRef sizes) {
  std::string text = "[";
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(sizes[i]);
  }
  return text + "]";
}

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "null";
  return dtype_name(tensor.scalar_type()) + format_sizes(tensor.sizes());
}

std::string describe(const Value& value) {
  if (value.variable) return dtype_name(value.variable->dtype) + format_sizes(value.variable->sizes);
  return describe(value.tensor);
}

}  // namespace torchlayers
