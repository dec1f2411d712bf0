#include "program/recording.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>

#include "program/fusion.h"
#include "tensor/dtype.h"
#include "tensor/error.h"

namespace torchlayers {
namespace {

at::Tensor meta_like(at::IntArrayRef sizes, at::ScalarType dtype) {
  return at::empty(sizes, at::TensorOptions().dtype(dtype).device(at::kMeta));
}

bool recordable(const Operator& op, const torch::jit::Stack& stack, const std::vector<TensorArgument>& tensors) {
  if (op.recordable != Recordable::ByArguments) return op.recordable == Recordable::Always;
  if (op.name == "aten::index.Tensor") {
    for (const auto& tensor : tensors) {
      if (tensor.argument != 1) continue;
      const auto dtype = tensor.value.variable           ? tensor.value.variable->dtype
                         : tensor.value.tensor.defined() ? tensor.value.tensor.scalar_type()
                                                         : at::ScalarType::Long;
      if (dtype == at::ScalarType::Bool || dtype == at::ScalarType::Byte) return false;
    }
    return true;
  }
  if (op.name == "aten::one_hot") return stack.size() > 1 && stack[1].isInt() && stack[1].toInt() >= 0;
  // repeat_interleave, with the size of its result.
  return stack.size() > 1 && stack[1].isInt();
}

}  // namespace

Recording::Recording(Recording* parent) : id(next_id()), parent_(parent) {}

template <typename T>
T& Recording::append(GradMode grad) {
  auto node = std::make_unique<T>();
  node->grad = grad;
  node->origin = static_cast<int>(program_->nodes.size());
  T& result = *node;
  program_->nodes.push_back(std::move(node));
  return result;
}

Value Recording::new_slot(const at::Tensor& meta, at::Device device) {
  program_->slots.push_back({meta.sizes().vec(), meta.scalar_type(), device});
  slot_twins_.push_back(meta);
  Value value;
  value.tensor = meta;
  value.recording = id;
  value.slot = static_cast<int>(program_->slots.size()) - 1;
  return value;
}

Value Recording::result_like(const TensorInfo& info) {
  return new_slot(meta_like(info.sizes, info.dtype), info.device);
}

Value Recording::input(const std::vector<int64_t>& sizes, at::ScalarType dtype, at::Device device) {
  if (!program_->nodes.empty()) throw StateError("recording: inputs come before the first call.");
  Value value = result_like({sizes, dtype, device});
  program_->inputs.push_back(program_->slots[value.slot]);
  program_->explicit_inputs = static_cast<int>(program_->inputs.size());
  return value;
}

TensorInfo Recording::info_of(const Value& value) const {
  if (value.variable) return {value.variable->sizes, value.variable->dtype, value.variable->device};
  if (value.recording == id) return program_->slots[value.slot];
  if (value.is_stand_in() && parent_ != nullptr) return parent_->info_of(value);
  return {value.tensor.sizes().vec(), value.tensor.scalar_type(), value.tensor.device()};
}

Ref Recording::refer(const Value& value) {
  if (value.variable) {
    auto [entry, added] = variables_.emplace(value.variable->id, static_cast<int>(program_->variables.size()));
    if (added) {
      program_->variables.push_back(value.variable);
      variable_twins_.push_back(meta_like(value.variable->sizes, value.variable->dtype));
    }
    return Ref::variable(entry->second);
  }
  if (value.recording == id) return Ref::slot(value.slot);
  if (value.is_stand_in()) {
    bool enclosing = false;
    for (Recording* outer = parent_; outer != nullptr; outer = outer->parent_)
      enclosing |= outer->id == value.recording;
    if (!enclosing) {
      throw StateError(
          "A stand-in of a recording was used outside that recording.\n  Return it from the recorded function instead "
          "of "
          "keeping it in a variable of JavaScript.");
    }
    auto& slots = captured_[value.recording];
    const auto found = slots.find(value.slot);
    if (found != slots.end()) return Ref::slot(found->second);
    // The input's slot is given out now; finish() moves it behind the explicit inputs.
    const Value stand_in = result_like(info_of(value));
    slots.emplace(value.slot, stand_in.slot);
    pending_captures_.emplace_back(value, Ref::slot(stand_in.slot));
    return Ref::slot(stand_in.slot);
  }
  if (value.tensor.is_meta()) throw StateError("A tensor without data was used while recording.");
  if (value.tensor.requires_grad()) {
    throw StateError(
        "A tensor that an enclosing gradient watches was used as a constant of a recording.\n  Pass it to the recorded "
        "function as an argument.");
  }
  auto [entry, added] =
      constants_.emplace(value.tensor.unsafeGetTensorImpl(), static_cast<int>(program_->constants.size()));
  if (added) {
    program_->constants.push_back(value.tensor);
    at::Tensor twin = at::empty_strided(value.tensor.sizes(), value.tensor.strides(),
                                        at::TensorOptions().dtype(value.tensor.scalar_type()).device(at::kMeta));
    if (value.tensor.unsafeGetTensorImpl()->is_wrapped_number()) twin.unsafeGetTensorImpl()->set_wrapped_number(true);
    constant_twins_.push_back(std::move(twin));
  }
  return Ref::constant(entry->second);
}

at::Tensor Recording::twin(const Ref& ref, const Value&) {
  switch (ref.kind) {
    case Ref::Kind::Slot:
      return slot_twins_[ref.index];
    case Ref::Kind::Constant:
      return constant_twins_[ref.index];
    case Ref::Kind::Variable:
      return variable_twins_[ref.index];
    case Ref::Kind::None:
      break;
  }
  return {};
}

std::vector<Value> Recording::call(std::shared_ptr<const Operator> op, torch::jit::Stack stack,
                                   const std::vector<TensorArgument>& tensors, GradMode grad) {
  if (op->returns == ReturnKind::Value) {
    throw StateError(
        op->name +
        " answers a value, which isn't known while recording.\n  Use ops on tensors instead, or compile with "
        "runEagerly: true.");
  }
  if (!recordable(*op, stack, tensors)) {
    throw StateError(
        op->name +
        ": the shape of its result depends on values, which aren't known while recording.\n  Use ops.where or a "
        "fixed size instead, or compile with runEagerly: true.");
  }
  std::vector<OperatorNode::Fill> fills;
  at::Device device = at::kCPU;
  bool first = true;
  torch::jit::Stack meta_stack = stack;
  std::unordered_map<int, std::vector<at::Tensor>> lists;
  std::unordered_map<int, std::vector<std::optional<at::Tensor>>> optional_lists;
  for (const auto& tensor : tensors) {
    const bool none = !tensor.value.tensor.defined() && !tensor.value.variable;
    const Ref ref = none ? Ref{} : refer(tensor.value);
    const bool write = op->writes[tensor.argument];
    if (write && ref.kind != Ref::Kind::Variable) {
      throw StateError(op->name + ": an operator that writes in place takes Variables there; tensors never change.");
    }
    at::Tensor meta = none ? at::Tensor() : twin(ref, tensor.value);
    if (!none && first) {
      device = info_of(tensor.value).device;
      first = false;
    } else if (!none && meta.dim() > 0) {
      device = info_of(tensor.value).device;
    }
    fills.push_back({tensor.argument, tensor.element, ref, write});
    if (tensor.element < 0) {
      meta_stack[tensor.argument] = meta;
    } else if (op->kinds[tensor.argument] == ArgKind::OptionalTensorList) {
      optional_lists[tensor.argument].push_back(none ? std::nullopt : std::optional<at::Tensor>(meta));
    } else {
      lists[tensor.argument].push_back(meta);
    }
  }
  for (auto& [argument, list] : lists) meta_stack[argument] = c10::List<at::Tensor>(list);
  for (auto& [argument, list] : optional_lists) meta_stack[argument] = c10::List<std::optional<at::Tensor>>(list);
  if (op->device_argument >= 0) {
    auto& asked = meta_stack[op->device_argument];
    if (asked.isDevice()) device = asked.toDevice();
    asked = c10::Device(at::kMeta);
  }
  {
    // Gradients are not computed while recording: their shapes are those of what they are taken for.
    at::NoGradGuard guard;
    op->handle.callBoxed(&meta_stack);
  }
  std::vector<at::Tensor> results;
  if (op->returns != ReturnKind::None) {
    for (auto& item : meta_stack) {
      if (item.isTensorList()) {
        for (auto& tensor : item.toTensorVector()) results.push_back(tensor);
      } else {
        results.push_back(item.toTensor());
      }
    }
  }
  for (const auto& result : results) {
    if (result.defined() && !result.is_meta()) {
      throw StateError(
          op->name +
          " computed a real value while recording.\n  Make tensors outside the recorded function, or compile with "
          "runEagerly: true.");
    }
  }
  auto& node = append<OperatorNode>(grad);
  node.op = std::move(op);
  node.prefilled = std::move(stack);
  node.fills = std::move(fills);
  std::vector<Value> values;
  for (const auto& result : results) {
    // Outputs that an operator leaves out (undefined tensors) keep their place.
    const at::Tensor meta = result.defined() ? result : meta_like({0}, at::ScalarType::Float);
    values.push_back(new_slot(meta, device));
    node.outputs.push_back(values.back().slot);
  }
  return values;
}

std::vector<Value> Recording::watch(const std::vector<Value>& sources, GradMode grad) {
  std::vector<Ref> refs;
  for (const auto& source : sources) refs.push_back(refer(source));
  std::vector<Value> values;
  for (const auto& source : sources) values.push_back(result_like(info_of(source)));
  auto& node = append<LeafNode>(grad);
  node.sources = std::move(refs);
  for (const auto& value : values) node.outputs.push_back(value.slot);
  return values;
}

Value Recording::detach(const Value& value, GradMode grad) {
  const Ref ref = refer(value);
  Value result = result_like(info_of(value));
  auto& node = append<DetachNode>(grad);
  node.value = ref;
  node.outputs.push_back(result.slot);
  return result;
}

std::vector<Value> Recording::gradient(const std::vector<Value>& targets, const std::vector<Value>& seeds,
                                       const std::vector<Value>& leaves, bool nested) {
  const auto refs = [&](const std::vector<Value>& values) {
    std::vector<Ref> result;
    for (const auto& value : values) result.push_back(refer(value));
    return result;
  };
  auto target_refs = refs(targets);
  auto seed_refs = refs(seeds);
  auto leaf_refs = refs(leaves);
  std::vector<Value> values;
  for (const auto& leaf : leaves) values.push_back(result_like(info_of(leaf)));
  auto& node = append<GradientNode>(nested ? GradMode::On : GradMode::Inherit);
  node.targets = std::move(target_refs);
  node.seeds = std::move(seed_refs);
  node.leaves = std::move(leaf_refs);
  node.nested = nested;
  for (const auto& value : values) node.outputs.push_back(value.slot);
  return values;
}

void Recording::assign(const VariablePtr& variable, const Value& value) {
  Value target;
  target.variable = variable;
  const Ref to = refer(target);
  const Ref from = refer(value);
  auto& node = append<AssignNode>(GradMode::Off);
  node.variable = to.index;
  node.value = from;
}

Value Recording::read(const VariablePtr& variable) {
  Value source;
  source.variable = variable;
  const Ref ref = refer(source);
  Value value = result_like(info_of(source));
  auto& node = append<ReadNode>(GradMode::Inherit);
  node.variable = ref.index;
  node.outputs.push_back(value.slot);
  return value;
}

std::vector<Value> Recording::condition(const Value& predicate, ProgramPtr then_program, ProgramPtr else_program,
                                        GradMode grad) {
  if (then_program->outputs.size() != else_program->outputs.size()) {
    throw ArgumentError("cond: expected both branches to return as many tensors, got " +
                        std::to_string(then_program->outputs.size()) + " and " +
                        std::to_string(else_program->outputs.size()) + ".");
  }
  const Ref predicate_ref = refer(predicate);
  const auto bind = [&](const Program& program) {
    std::vector<Ref> refs;
    for (const auto& capture : program.captured_values) refs.push_back(refer(capture));
    adopt_variables(program);
    return refs;
  };
  auto then_refs = bind(*then_program);
  auto else_refs = bind(*else_program);
  std::vector<Value> values;
  for (size_t i = 0; i < then_program->outputs.size(); ++i) {
    const TensorInfo a = then_program->info(then_program->outputs[i]);
    const TensorInfo b = else_program->info(else_program->outputs[i]);
    if (a.sizes != b.sizes || a.dtype != b.dtype) {
      throw ShapeError("cond: expected both branches to return the same shapes and dtypes, got " +
                       std::string(dtype_name(a.dtype)) + format_sizes(a.sizes) + " and " +
                       std::string(dtype_name(b.dtype)) + format_sizes(b.sizes) + ".");
    }
    values.push_back(result_like(a));
  }
  auto& node = append<ConditionNode>(grad);
  node.predicate = predicate_ref;
  node.then_program = std::move(then_program);
  node.else_program = std::move(else_program);
  node.then_inputs = std::move(then_refs);
  node.else_inputs = std::move(else_refs);
  for (const auto& value : values) node.outputs.push_back(value.slot);
  return values;
}

std::vector<Value> Recording::custom_gradient(ProgramPtr forward, ProgramPtr backward, int results,
                                              const std::vector<Value>& arguments, GradMode grad) {
  std::vector<Ref> argument_refs;
  for (const auto& argument : arguments) argument_refs.push_back(refer(argument));
  std::vector<Ref> captured;
  for (const auto& capture : forward->captured_values) captured.push_back(refer(capture));
  adopt_variables(*forward);
  adopt_variables(*backward);
  std::vector<Value> values;
  for (int i = 0; i < results; ++i) values.push_back(result_like(forward->info(forward->outputs[i])));
  auto& node = append<CustomGradientNode>(grad);
  node.forward = std::move(forward);
  node.backward = std::move(backward);
  node.results = results;
  node.arguments = std::move(argument_refs);
  node.captured = std::move(captured);
  for (const auto& value : values) node.outputs.push_back(value.slot);
  return values;
}

void Recording::adopt_variables(const Program& program) {
  for (const auto& variable : program.variables) {
    Value value;
    value.variable = variable;
    refer(value);
  }
}

ProgramPtr Recording::finish(const std::vector<Value>& outputs, const ProgramPtr& residuals_of, bool fuse) {
  for (const auto& output : outputs) program_->outputs.push_back(refer(output));
  if (residuals_of) {
    for (const auto& capture : residuals_of->captured_values) program_->outputs.push_back(refer(capture));
  }
  // Captured tensors are inputs too: their slots stand behind the explicit ones in `inputs`.
  for (auto& [value, ref] : pending_captures_) {
    program_->inputs.push_back(program_->slots[ref.index]);
    program_->input_slots.push_back(ref.index);
    program_->captured_values.push_back(value);
  }
  program_->finish();
  if (fuse) program_->fused = fuse_program(*program_);
  return program_;
}

}  // namespace torchlayers
