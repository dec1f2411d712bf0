#include "program/nodes.h"

#include <ATen/core/List.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <sstream>

#include "tensor/error.h"

namespace torchlayers {
namespace {

std::string join(const Program& program, const std::vector<Ref>& refs) {
  std::string text;
  for (const auto& ref : refs) {
    if (!text.empty()) text += ", ";
    text += program.text(ref);
  }
  return text;
}

std::vector<at::Tensor> collect(const Frame& frame, const std::vector<Ref>& refs) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(refs.size());
  for (const auto& ref : refs) tensors.push_back(frame.get(ref));
  return tensors;
}

void store(Frame& frame, const std::vector<int>& slots, std::vector<at::Tensor> tensors) {
  for (size_t i = 0; i < slots.size(); ++i) frame.slots[slots[i]] = std::move(tensors[i]);
}

std::string constant_text(const c10::IValue& value) {
  if (value.isNone()) return "None";
  if (value.isString()) return "'" + value.toStringRef() + "'";
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

// Indented text of a sub-program, without its first line's 'program'.
std::string block(const Program& program) {
  std::istringstream lines(program.text());
  std::string result;
  std::string line;
  std::getline(lines, line);
  result = line.substr(line.find('('));
  while (std::getline(lines, line)) result += "\n    " + line;
  return result;
}

void change_all(std::vector<Ref>& refs, const std::function<Ref(const Ref&)>& change) {
  for (auto& ref : refs) ref = change(ref);
}

// Variables that a sub-program writes, by their numbers in the program around it.
void written_by(const Program& sub, const Program& program, const std::function<void(int)>& visit) {
  const auto outer = [&](int inner) {
    const auto found = std::find(program.variables.begin(), program.variables.end(), sub.variables[inner]);
    visit(static_cast<int>(found - program.variables.begin()));
  };
  for (const auto& node : sub.nodes) node->writes(sub, outer);
}

}  // namespace

void OperatorNode::run(Frame& frame) const {
  torch::jit::Stack stack = prefilled;
  for (size_t i = 0; i < fills.size();) {
    const Fill& fill = fills[i];
    const auto tensor = [&](const Fill& part) -> at::Tensor {
      if (part.write) return frame.program.variables[part.ref.index]->prepare_write();
      return frame.get(part.ref);
    };
    if (fill.element < 0) {
      stack[fill.argument] = tensor(fill);
      ++i;
      continue;
    }
    // The fills of one list stand together, in order.
    const ArgKind kind = op->kinds[fill.argument];
    size_t end = i;
    while (end < fills.size() && fills[end].argument == fill.argument && fills[end].element >= 0) ++end;
    if (kind == ArgKind::OptionalTensorList) {
      c10::List<std::optional<at::Tensor>> list;
      list.reserve(end - i);
      for (; i < end; ++i) {
        if (fills[i].ref.kind == Ref::Kind::None) {
          list.push_back(std::nullopt);
        } else {
          list.push_back(tensor(fills[i]));
        }
      }
      stack[fill.argument] = std::move(list);
    } else {
      c10::List<at::Tensor> list;
      list.reserve(end - i);
      for (; i < end; ++i) list.push_back(tensor(fills[i]));
      stack[fill.argument] = std::move(list);
    }
  }
  op->handle.callBoxed(&stack);
  if (op->mutates) {
    for (const Fill& fill : fills) {
      if (fill.write) frame.program.variables[fill.ref.index]->finish_write();
    }
  }
  if (outputs.empty()) return;
  if (stack.size() == 1 && stack[0].isTensorList()) {
    auto list = std::move(stack[0]).toTensorVector();
    if (list.size() != outputs.size()) {
      throw StateError("the number of results changed since the recording: " + std::to_string(outputs.size()) +
                       " then, " + std::to_string(list.size()) + " now");
    }
    store(frame, outputs, std::move(list));
    return;
  }
  for (size_t i = 0; i < outputs.size(); ++i) frame.slots[outputs[i]] = std::move(stack[i]).toTensor();
}

std::string OperatorNode::text(const Program& program) const {
  std::string result = op->name + "(";
  size_t next = 0;
  for (size_t i = 0; i < prefilled.size(); ++i) {
    if (i > 0) result += ", ";
    if (next < fills.size() && fills[next].argument == static_cast<int>(i)) {
      if (fills[next].element < 0) {
        result += program.text(fills[next++].ref);
        continue;
      }
      std::string list;
      while (next < fills.size() && fills[next].argument == static_cast<int>(i)) {
        if (!list.empty()) list += ", ";
        list += program.text(fills[next++].ref);
      }
      result += "[" + list + "]";
      continue;
    }
    result += constant_text(prefilled[i]);
  }
  return result + ")";
}

void OperatorNode::reads(const std::function<void(const Ref&)>& visit) const {
  for (const auto& fill : fills) visit(fill.ref);
}

void OperatorNode::replace_reads(const std::function<Ref(const Ref&)>& change) {
  for (auto& fill : fills) {
    if (!fill.write) fill.ref = change(fill.ref);
  }
}

void OperatorNode::writes(const Program&, const std::function<void(int)>& visit) const {
  for (const auto& fill : fills) {
    if (fill.write) visit(fill.ref.index);
  }
}

void LeafNode::run(Frame& frame) const { store(frame, outputs, make_leaves(collect(frame, sources))); }

std::string LeafNode::text(const Program& program) const { return "watch(" + join(program, sources) + ")"; }

void LeafNode::reads(const std::function<void(const Ref&)>& visit) const {
  for (const auto& ref : sources) visit(ref);
}

void LeafNode::replace_reads(const std::function<Ref(const Ref&)>& change) { change_all(sources, change); }

void GradientNode::run(Frame& frame) const {
  store(
      frame, outputs,
      gradients(collect(frame, targets), collect(frame, seeds), collect(frame, leaves), nested || frame.grad_at_start));
}

std::string GradientNode::text(const Program& program) const {
  return "gradient(" + join(program, targets) + (seeds.empty() ? "" : "; " + join(program, seeds)) + " by " +
         join(program, leaves) + ")";
}

void GradientNode::reads(const std::function<void(const Ref&)>& visit) const {
  for (const auto* refs : {&targets, &seeds, &leaves}) {
    for (const auto& ref : *refs) visit(ref);
  }
}

void GradientNode::replace_reads(const std::function<Ref(const Ref&)>& change) {
  change_all(targets, change);
  change_all(seeds, change);
  change_all(leaves, change);
}

void DetachNode::run(Frame& frame) const {
  const at::Tensor result = frame.get(value);
  frame.slots[outputs[0]] = at::GradMode::is_enabled() ? result : result.detach();
}

std::string DetachNode::text(const Program& program) const { return "detach(" + program.text(value) + ")"; }

void DetachNode::reads(const std::function<void(const Ref&)>& visit) const { visit(value); }

void AssignNode::run(Frame& frame) const {
  const at::Tensor assigned = frame.get(value);
  frame.program.variables[variable]->assign(assigned);
  if (frame.bound != nullptr && (*frame.bound)[variable].defined()) (*frame.bound)[variable] = assigned;
}

void DetachNode::replace_reads(const std::function<Ref(const Ref&)>& change) { value = change(value); }

std::string AssignNode::text(const Program& program) const {
  return "assign(" + program.text(Ref::variable(variable)) + ", " + program.text(value) + ")";
}

void AssignNode::reads(const std::function<void(const Ref&)>& visit) const { visit(value); }

void ReadNode::run(Frame& frame) const { frame.slots[outputs[0]] = frame.get(Ref::variable(variable)); }

std::string ReadNode::text(const Program& program) const {
  return "read(" + program.text(Ref::variable(variable)) + ")";
}

void AssignNode::replace_reads(const std::function<Ref(const Ref&)>& change) { value = change(value); }

void AssignNode::writes(const Program&, const std::function<void(int)>& visit) const { visit(variable); }

void ReadNode::reads(const std::function<void(const Ref&)>&) const {}

void ReadNode::replace_reads(const std::function<Ref(const Ref&)>&) {}

void ConditionNode::run(Frame& frame) const {
  const bool choice = frame.get(predicate).item().toBool();
  const Program& chosen = choice ? *then_program : *else_program;
  store(frame, outputs, frame.run(chosen, collect(frame, choice ? then_inputs : else_inputs)));
}

std::string ConditionNode::text(const Program& program) const {
  return "cond(" + program.text(predicate) + ", [" + join(program, then_inputs) + "] " + block(*then_program) + ", [" +
         join(program, else_inputs) + "] " + block(*else_program) + ")";
}

void ConditionNode::reads(const std::function<void(const Ref&)>& visit) const {
  visit(predicate);
  for (const auto& ref : then_inputs) visit(ref);
  for (const auto& ref : else_inputs) visit(ref);
}

void ConditionNode::replace_reads(const std::function<Ref(const Ref&)>& change) {
  predicate = change(predicate);
  change_all(then_inputs, change);
  change_all(else_inputs, change);
}

void ConditionNode::writes(const Program& program, const std::function<void(int)>& visit) const {
  for (const auto* branch : {then_program.get(), else_program.get()}) written_by(*branch, program, visit);
}

void CustomGradientNode::run(Frame& frame) const {
  store(frame, outputs,
        run_custom_gradient(forward, backward, results, collect(frame, arguments), collect(frame, captured)));
}

std::string CustomGradientNode::text(const Program& program) const {
  return "custom_gradient([" + join(program, arguments) + "], [" + join(program, captured) + "] " + block(*forward) +
         ", " + block(*backward) + ")";
}

void CustomGradientNode::reads(const std::function<void(const Ref&)>& visit) const {
  for (const auto& ref : arguments) visit(ref);
  for (const auto& ref : captured) visit(ref);
}

void CustomGradientNode::replace_reads(const std::function<Ref(const Ref&)>& change) {
  change_all(arguments, change);
  change_all(captured, change);
}

void CustomGradientNode::writes(const Program& program, const std::function<void(int)>& visit) const {
  written_by(*forward, program, visit);
}

}  // namespace torchlayers
