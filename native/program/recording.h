// The recorder: runs each call on stand-ins on libtorch's meta device (shape and dtype, no data) and appends it to a
// program.
#pragma once

#include <ATen/core/stack.h>

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dispatch/operator.h"
#include "program/nodes.h"
#include "program/program.h"
#include "tensor/value.h"

namespace torchlayers {

// A tensor argument of a call, in the order of the schema. `element` is its place in a list argument, or -1.
struct TensorArgument {
  int argument;
  int element;
  Value value;  // with neither tensor nor variable: None inside an optional list
};

class Recording {
 public:
  // A recording inside another one may use the outer one's stand-ins: they become further inputs.
  explicit Recording(Recording* parent);

  const uint64_t id;
  // Whether `noGrad` was on around the recording: its nodes don't depend on that.
  bool off_outside = false;

  Value input(const std::vector<int64_t>& sizes, at::ScalarType dtype, at::Device device);
  // `stack` holds the call's arguments, with None (or an empty list) where tensors go.
  std::vector<Value> call(std::shared_ptr<const Operator> op, torch::jit::Stack stack,
                          const std::vector<TensorArgument>& tensors, GradMode grad);
  // `grad`: whether autograd watches around the scope that the leaves are for.
  std::vector<Value> watch(const std::vector<Value>& sources, GradMode grad);
  Value detach(const Value& value, GradMode grad);
  std::vector<Value> gradient(const std::vector<Value>& targets, const std::vector<Value>& seeds,
                              const std::vector<Value>& leaves, bool nested);
  void assign(const VariablePtr& variable, const Value& value);
  Value read(const VariablePtr& variable);
  std::vector<Value> condition(const Value& predicate, ProgramPtr then_program, ProgramPtr else_program, GradMode grad);
  std::vector<Value> custom_gradient(ProgramPtr forward, ProgramPtr backward, int results,
                                     const std::vector<Value>& arguments, GradMode grad);

  // Ends the recording. `residuals_of`: a program recorded inside this one whose captures become further outputs.
  // `fuse`: the program gets a fused form too.
  ProgramPtr finish(const std::vector<Value>& outputs, const ProgramPtr& residuals_of, bool fuse);
  TensorInfo info_of(const Value& value) const;
  int position() const { return static_cast<int>(program_->nodes.size()) - 1; }

 private:
  // Where the program finds a value; captures constants, variables and the parent's stand-ins on first use.
  Ref refer(const Value& value);
  // The tensor on meta that stands for it.
  at::Tensor twin(const Ref& ref, const Value& value);
  Value new_slot(const at::Tensor& meta, at::Device device);
  Value result_like(const TensorInfo& info);
  // Lists a sub-program's variables as this program's own, for ownership and gradients.
  void adopt_variables(const Program& program);
  template <typename T>
  T& append(GradMode grad);

  Recording* const parent_;
  ProgramPtr program_ = std::make_shared<Program>();
  std::vector<at::Tensor> slot_twins_;
  std::vector<at::Tensor> constant_twins_;
  std::vector<at::Tensor> variable_twins_;
  std::unordered_map<const void*, int> constants_;
  std::unordered_map<uint64_t, int> variables_;
  // Slot of an enclosing recording (its id and number) -> slot of the input here.
  std::unordered_map<uint64_t, std::unordered_map<int, int>> captured_;
  std::vector<std::pair<Value, Ref>> pending_captures_;
};

}  // namespace torchlayers
