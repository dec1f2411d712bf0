#include "dispatch/context.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "tensor/error.h"

namespace torchlayers {
namespace {

Value wrap(at::Tensor tensor) {
  Value value;
  value.tensor = std::move(tensor);
  return value;
}

void check_free(const VariableState& variable) {
  if (variable.owner.load(std::memory_order_acquire) == 0) return;
  throw StateError(
      "Variable \"" + variable.name +
      "\" belongs to a running fit.\n  Await fit first, or read it between two steps with await v.data().");
}

}  // namespace

Value Context::resolve(const Value& value) const {
  if (!value.variable) return value;
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    // Leaves of an eager scope are no constants of a recording: the replay binds them.
    if (is_recording() && scope->depth == 0) break;
    const auto found = scope->bindings.find(value.variable->id);
    if (found != scope->bindings.end()) return found->second;
  }
  return value;
}

at::Tensor Context::tensor_of(const Value& given) const {
  const Value value = resolve(given);
  if (value.variable) {
    check_free(*value.variable);
    return value.variable->read();
  }
  if (value.is_stand_in()) {
    throw StateError(
        "A value was asked for while recording, where there are only shapes and dtypes.\n  Use ops on the tensor "
        "instead, or "
        "compile with runEagerly: true.");
  }
  return value.tensor;
}

at::Device Context::device_of(const Value& value) const {
  if (value.variable) return value.variable->device;
  if (!value.is_stand_in()) return value.tensor.device();
  for (const auto& recording : recordings_) {
    if (recording->id == value.recording) return recording->info_of(value).device;
  }
  return value.tensor.device();
}

std::vector<at::Tensor> Context::tensors_of(const std::vector<Value>& values) const {
  std::vector<at::Tensor> tensors;
  tensors.reserve(values.size());
  for (const auto& value : values) tensors.push_back(tensor_of(value));
  return tensors;
}

int Context::scopes_here() const {
  int count = 0;
  for (const auto& scope : scopes_) count += scope.depth == depth() ? 1 : 0;
  return count;
}

GradMode Context::grad_mode() const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (scope->depth != depth()) continue;
    return scope->enabled ? GradMode::On : GradMode::Off;
  }
  return off_ ? GradMode::Off : GradMode::Inherit;
}

std::vector<Value> Context::call(const std::shared_ptr<const Operator>& op, torch::jit::Stack stack,
                                 std::vector<TensorArgument> tensors) {
  if (is_recording()) {
    for (auto& tensor : tensors) {
      // An operator that writes takes the variable itself.
      if (!op->writes[tensor.argument]) tensor.value = resolve(tensor.value);
    }
    return recording().call(op, std::move(stack), tensors, grad_mode());
  }
  call_value(*op, stack, tensors);
  std::vector<Value> results;
  if (op->returns == ReturnKind::None) return results;
  for (auto& item : stack) {
    if (item.isTensorList()) {
      for (auto& tensor : item.toTensorVector()) results.push_back(wrap(std::move(tensor)));
    } else {
      results.push_back(wrap(std::move(item).toTensor()));
    }
  }
  return results;
}

void Context::call_value(const Operator& op, torch::jit::Stack& stack, const std::vector<TensorArgument>& tensors) {
  if (is_recording()) {
    throw StateError(
        op.name +
        " answers a value, which isn't known while recording.\n  Use ops on tensors instead, or compile with "
        "runEagerly: true.");
  }
  for (size_t i = 0; i < tensors.size();) {
    const int argument = tensors[i].argument;
    const auto real = [&](const Value& value) -> at::Tensor {
      if (!op.writes[argument]) return tensor_of(value);
      if (!value.variable) {
        throw StateError(op.name + ": an operator that writes in place takes Variables there; tensors never change.");
      }
      check_free(*value.variable);
      return value.variable->prepare_write();
    };
    if (tensors[i].element < 0) {
      stack[argument] = real(tensors[i].value);
      ++i;
    } else if (op.kinds[argument] == ArgKind::OptionalTensorList) {
      c10::List<std::optional<at::Tensor>> list;
      for (; i < tensors.size() && tensors[i].argument == argument; ++i) {
        const auto& value = tensors[i].value;
        list.push_back(value.variable || value.tensor.defined() ? std::optional<at::Tensor>(real(value))
                                                                : std::nullopt);
      }
      stack[argument] = std::move(list);
    } else {
      c10::List<at::Tensor> list;
      for (; i < tensors.size() && tensors[i].argument == argument; ++i) list.push_back(real(tensors[i].value));
      stack[argument] = std::move(list);
    }
  }
  op.handle.callBoxed(&stack);
  if (!op.mutates) return;
  for (const auto& tensor : tensors) {
    if (op.writes[tensor.argument] && tensor.value.variable) tensor.value.variable->finish_write();
  }
}

std::vector<Value> Context::enter_gradient(const std::vector<Value>& inputs) {
  Scope scope;
  scope.grad_before = at::GradMode::is_enabled();
  scope.depth = depth();
  std::vector<Value> resolved;
  for (const auto& input : inputs) resolved.push_back(resolve(input));
  if (is_recording()) {
    scope.leaves = recording().watch(resolved, grad_mode());
  } else {
    // A nested scope connects its leaves to the outer graph; an outermost one starts anew.
    at::AutoGradMode guard(!scopes_.empty() && scope.grad_before);
    for (auto& leaf : make_leaves(tensors_of(resolved))) scope.leaves.push_back(wrap(std::move(leaf)));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].variable) scope.bindings[inputs[i].variable->id] = scope.leaves[i];
  }
  auto leaves = scope.leaves;
  scopes_.push_back(std::move(scope));
  if (!is_recording()) at::GradMode::set_enabled(true);
  return leaves;
}

std::vector<Value> Context::compute_gradient(const std::vector<Value>& targets, const std::vector<Value>& seeds) {
  if (scopes_.empty() || scopes_.back().depth != depth()) throw StateError("grad: there is no open gradient scope.");
  const Scope& scope = scopes_.back();
  if (is_recording()) {
    std::vector<Value> resolved;
    for (const auto& target : targets) resolved.push_back(resolve(target));
    return recording().gradient(resolved, seeds, scope.leaves, scopes_here() > 1);
  }
  const bool nested = scopes_.size() > 1;
  auto results = gradients(tensors_of(targets), tensors_of(seeds), tensors_of(scope.leaves), nested);
  std::vector<Value> values;
  for (auto& result : results) values.push_back(wrap(nested ? std::move(result) : result.detach()));
  return values;
}

std::vector<Value> Context::leave_gradient(const std::vector<Value>& outputs) {
  if (scopes_.empty() || scopes_.back().depth != depth()) throw StateError("grad: there is no open gradient scope.");
  const bool before = scopes_.back().grad_before;
  std::vector<Value> kept;
  if (is_recording()) {
    std::vector<Value> resolved;
    for (const auto& output : outputs) resolved.push_back(resolve(output));
    scopes_.pop_back();
    const GradMode around = grad_mode();
    for (auto& value : resolved) {
      const bool cut = value.is_stand_in() && around != GradMode::On;
      kept.push_back(cut ? recording().detach(value, around) : std::move(value));
    }
    return kept;
  }
  at::GradMode::set_enabled(before);
  for (const auto& output : outputs) {
    at::Tensor tensor = tensor_of(output);
    kept.push_back(wrap(before ? tensor : tensor.detach()));
  }
  scopes_.pop_back();
  return kept;
}

bool Context::set_grad_enabled(bool enabled) {
  bool before;
  if (scopes_here() > 0) {
    before = scopes_.back().enabled;
    scopes_.back().enabled = enabled;
  } else {
    before = !off_;
    off_ = !enabled;
  }
  if (!is_recording()) at::GradMode::set_enabled(enabled && !scopes_.empty());
  return before;
}

void Context::begin_recording() {
  recordings_.push_back(std::make_unique<Recording>(recordings_.empty() ? nullptr : recordings_.back().get()));
  recordings_.back()->off_outside = std::exchange(off_, false);
}

Recording& Context::recording() {
  if (recordings_.empty()) throw StateError("recording: none is open.");
  return *recordings_.back();
}

ProgramPtr Context::end_recording(const std::vector<Value>& outputs, const ProgramPtr& residuals_of, bool fuse) {
  if (scopes_here() > 0) throw StateError("recording: a gradient scope is still open.");
  std::vector<Value> resolved;
  for (const auto& output : outputs) resolved.push_back(resolve(output));
  auto program = recording().finish(resolved, residuals_of, fuse);
  close_recording();
  return program;
}

void Context::abort_recording() {
  if (recordings_.empty()) return;
  while (!scopes_.empty() && scopes_.back().depth == depth()) scopes_.pop_back();
  close_recording();
}

void Context::close_recording() {
  off_ = recordings_.back()->off_outside;
  recordings_.pop_back();
}

void Context::suspend() {
  saved_.push_back({std::move(recordings_), std::move(scopes_), at::GradMode::is_enabled(), off_});
  recordings_.clear();
  scopes_.clear();
  off_ = false;
  at::GradMode::set_enabled(false);
}

void Context::resume() {
  if (saved_.empty()) throw StateError("recording: resume without suspend.");
  auto& saved = saved_.back();
  recordings_ = std::move(saved.recordings);
  scopes_ = std::move(saved.scopes);
  off_ = saved.off;
  at::GradMode::set_enabled(saved.grad);
  saved_.pop_back();
}

void Context::assign(const VariablePtr& variable, const Value& value) {
  const Value resolved = resolve(value);
  if (is_recording()) {
    for (const auto& scope : scopes_) {
      // Scopes around all recordings are told when the program runs.
      if (scope.depth == 0 || scope.depth == depth() || scope.bindings.count(variable->id) == 0) continue;
      throw StateError(
          "Variable \"" + variable->name +
          "\": can't be assigned in a branch while a gradient is taken for it.\n  Return the new value from "
          "the branch and assign it after cond.");
    }
    recording().assign(variable, resolved);
    rebind(*variable, resolved);
    return;
  }
  check_free(*variable);
  const at::Tensor tensor = tensor_of(resolved);
  {
    at::NoGradGuard guard;
    variable->assign(tensor);
  }
  rebind(*variable, wrap(tensor));
}

void Context::rebind(const VariableState& variable, const Value& value) {
  for (auto& scope : scopes_) {
    if (scope.depth != depth()) continue;
    const auto found = scope.bindings.find(variable.id);
    if (found == scope.bindings.end()) continue;
    // Of another variable, the value that it has now.
    found->second = value.variable ? recording().read(value.variable) : value;
  }
}

Value Context::variable_value(const VariablePtr& variable) {
  Value value;
  value.variable = variable;
  Value resolved = resolve(value);
  if (!resolved.variable) return resolved;
  if (is_recording()) return recording().read(variable);
  return wrap(tensor_of(resolved));
}

std::vector<Value> Context::run(const ProgramPtr& program, const std::vector<Value>& inputs) {
  if (is_recording()) throw StateError("jit: a program can't run while another function is being recorded.");
  std::vector<at::Tensor> bound;
  bool any = false;
  for (const auto& variable : program->variables) {
    check_free(*variable);
    Value value;
    value.variable = variable;
    const Value resolved = resolve(value);
    bound.push_back(resolved.variable ? at::Tensor() : resolved.tensor);
    any = any || !resolved.variable;
  }
  const std::vector<at::Tensor> before = bound;
  std::vector<Value> results;
  for (auto& result : program->run(tensors_of(inputs), any ? &bound : nullptr)) {
    results.push_back(wrap(std::move(result)));
  }
  for (size_t i = 0; i < bound.size(); ++i) {
    if (!bound[i].is_same(before[i])) rebind(*program->variables[i], wrap(bound[i]));
  }
  return results;
}

std::vector<Value> Context::custom_gradient(const ProgramPtr& forward, const ProgramPtr& backward, int results,
                                            const std::vector<Value>& arguments) {
  std::vector<Value> resolved;
  for (const auto& argument : arguments) resolved.push_back(resolve(argument));
  if (is_recording()) return recording().custom_gradient(forward, backward, results, resolved, grad_mode());
  for (const auto* program : {forward.get(), backward.get()}) {
    for (const auto& variable : program->variables) check_free(*variable);
  }
  std::vector<Value> values;
  for (auto& result : run_custom_gradient(forward, backward, results, tensors_of(resolved), {})) {
    values.push_back(wrap(std::move(result)));
  }
  return values;
}

std::vector<Value> Context::condition(const Value& predicate, const ProgramPtr& then_program,
                                      const ProgramPtr& else_program) {
  return recording().condition(resolve(predicate), then_program, else_program, grad_mode());
}

}  // namespace torchlayers
