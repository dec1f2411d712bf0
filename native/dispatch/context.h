// What is going on in one JavaScript environment: recordings, gradient scopes, and the one door through which every
// operator is called. Belongs to the JavaScript thread.
#pragma once

#include <ATen/core/stack.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "dispatch/operator.h"
#include "program/recording.h"
#include "tensor/value.h"

namespace torchlayers {

class Context {
 public:
  // Calls an operator: at once, or as a node of the recording.
  std::vector<Value> call(const std::shared_ptr<const Operator>& op, torch::jit::Stack stack,
                          std::vector<TensorArgument> tensors);
  // Results that are no tensors come back on the stack.
  void call_value(const Operator& op, torch::jit::Stack& stack, const std::vector<TensorArgument>& tensors);

  // Gradient scopes. `enter` answers leaves that stand for the inputs; variables among them are read as leaves until
  // `leave`.
  std::vector<Value> enter_gradient(const std::vector<Value>& inputs);
  std::vector<Value> compute_gradient(const std::vector<Value>& targets, const std::vector<Value>& seeds);
  // Closes the scope; answers the outputs cut from the graph (or, inside another scope, as they are).
  std::vector<Value> leave_gradient(const std::vector<Value>& outputs);
  bool set_grad_enabled(bool enabled);

  void begin_recording();
  Recording& recording();
  bool is_recording() const { return !recordings_.empty(); }
  int depth() const { return static_cast<int>(recordings_.size()); }
  ProgramPtr end_recording(const std::vector<Value>& outputs, const ProgramPtr& residuals_of, bool fuse = true);
  void abort_recording();
  // Hides recordings and gradient scopes until `resume`.
  void suspend();
  void resume();

  void assign(const VariablePtr& variable, const Value& value);
  Value variable_value(const VariablePtr& variable);
  std::vector<Value> run(const ProgramPtr& program, const std::vector<Value>& inputs);
  std::vector<Value> custom_gradient(const ProgramPtr& forward, const ProgramPtr& backward, int results,
                                     const std::vector<Value>& arguments);
  std::vector<Value> condition(const Value& predicate, const ProgramPtr& then_program, const ProgramPtr& else_program);
  // The real tensor behind a value; a StateError for stand-ins and for variables that a session owns.
  at::Tensor tensor_of(const Value& value) const;
  // Where a value is, or will be: stand-ins live on meta only while they stand in.
  at::Device device_of(const Value& value) const;

 private:
  struct Scope {
    std::vector<Value> leaves;
    std::unordered_map<uint64_t, Value> bindings;
    bool grad_before;
    int depth;
    // `setGradEnabled(false)` inside the scope.
    bool enabled = true;
  };
  struct Saved {
    std::vector<std::unique_ptr<Recording>> recordings;
    std::vector<Scope> scopes;
    bool grad;
    bool off;
  };

  void close_recording();
  // Makes later reads inside the open gradient scopes see `value`.
  void rebind(const VariableState& variable, const Value& value);
  // What a variable is read as inside gradient scopes.
  Value resolve(const Value& value) const;
  std::vector<at::Tensor> tensors_of(const std::vector<Value>& values) const;
  GradMode grad_mode() const;
  // Scopes opened inside the recording at hand.
  int scopes_here() const;

  std::vector<std::unique_ptr<Recording>> recordings_;
  std::vector<Scope> scopes_;
  std::vector<Saved> saved_;
  // Outside of any scope: `noGrad`.
  bool off_ = false;
};

}  // namespace torchlayers
