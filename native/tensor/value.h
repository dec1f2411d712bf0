// What a JavaScript Tensor or Variable stands for, without any JavaScript in it.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace torchlayers {

// A replaceable tensor. Tensors never change once made, so that a value read before an assignment stays as it was:
// `assign` replaces `value`, and an operator that writes in place first calls `prepare_write`, which copies the memory
// if anybody else still looks at it.
//
// `sizes`, `dtype` and `device` never change and may be read on any thread; `value` belongs to the thread that owns the
// variable: the JavaScript thread, or while `owner` is set the training thread of that session.
class VariableState {
 public:
  VariableState(const at::Tensor& initial, std::string name);

  const uint64_t id;
  const std::string name;
  const std::vector<int64_t> sizes;
  const at::ScalarType dtype;
  const at::Device device;

  const at::Tensor& read() const { return value_; }
  void assign(const at::Tensor& value);
  at::Tensor& prepare_write();
  // After a write that a gradient watched: the graph must not live on in the variable.
  void finish_write() {
    if (value_.requires_grad()) value_ = value_.detach();
  }

  // Token of the session that trains it, 0 if none.
  std::atomic<uint64_t> owner{0};

 private:
  at::Tensor value_;
};

using VariablePtr = std::shared_ptr<VariableState>;

// A tensor, a variable, or a stand-in of a recording (tensor on meta, with the slot that it will have).
struct Value {
  at::Tensor tensor;
  VariablePtr variable;
  uint64_t recording = 0;
  int slot = -1;

  bool is_stand_in() const { return recording != 0; }
};

// 'float32[2, 3]'.
std::string describe(const at::Tensor& tensor);
std::string describe(const Value& value);
std::string format_sizes(at::IntArrayRef sizes);

uint64_t next_id();

}  // namespace torchlayers
