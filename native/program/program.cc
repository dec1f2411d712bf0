#include "program/program.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "kernels/product.h"
#include "program/nodes.h"
#include "tensor/dtype.h"
#include "tensor/error.h"

namespace torchlayers {

Frame::Frame(const Program& program) : program(program), slots(program.slots.size()) {}

at::Tensor Frame::get(const Ref& ref) const {
  switch (ref.kind) {
    case Ref::Kind::Slot:
      return slots[ref.index];
    case Ref::Kind::Constant:
      return program.constants[ref.index];
    case Ref::Kind::Variable:
      if (bound != nullptr && (*bound)[ref.index].defined()) return (*bound)[ref.index];
      return program.variables[ref.index]->read();
    case Ref::Kind::None:
      break;
  }
  return {};
}

std::vector<at::Tensor> Frame::run(const Program& sub, std::vector<at::Tensor> arguments) {
  if (bound == nullptr) return sub.run(std::move(arguments));
  // The sub-program's variables are among this one's.
  std::vector<size_t> places(sub.variables.size());
  std::vector<at::Tensor> inner(sub.variables.size());
  for (size_t i = 0; i < inner.size(); ++i) {
    const auto found = std::find(program.variables.begin(), program.variables.end(), sub.variables[i]);
    places[i] = static_cast<size_t>(found - program.variables.begin());
    inner[i] = (*bound)[places[i]];
  }
  auto results = sub.run(std::move(arguments), &inner);
  for (size_t i = 0; i < inner.size(); ++i) (*bound)[places[i]] = std::move(inner[i]);
  return results;
}

void Program::finish() {
  std::vector<int> last(slots.size(), -1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto note = [&](const Ref& ref) {
      if (ref.kind == Ref::Kind::Slot) last[ref.index] = static_cast<int>(i);
    };
    nodes[i]->reads(note);
    // A result that nobody reads dies at once.
    for (const int slot : nodes[i]->outputs) last[slot] = static_cast<int>(i);
  }
  for (const auto& output : outputs) {
    if (output.kind == Ref::Kind::Slot) last[output.index] = -1;
  }
  for (size_t slot = 0; slot < last.size(); ++slot) {
    if (last[slot] >= 0) nodes[last[slot]]->release.push_back(static_cast<int>(slot));
  }
}

namespace {

void check_input(const TensorInfo& expected, const at::Tensor& given, size_t index) {
  if (!given.defined()) throw ArgumentError("program: input " + std::to_string(index) + " is missing.");
  if (given.sizes() != at::IntArrayRef(expected.sizes) || given.scalar_type() != expected.dtype) {
    throw ShapeError("program: expected input " + std::to_string(index) + " to be " +
                     std::string(dtype_name(expected.dtype)) + format_sizes(expected.sizes) + ", got " +
                     describe(given) + ".\n  A program fits one signature: record another for this one.");
  }
  if (given.device() != expected.device) {
    throw DeviceError("program: expected input " + std::to_string(index) + " on " + expected.device.str() + ", got " +
                      given.device().str() + ".");
  }
}

}  // namespace

std::vector<at::Tensor> Program::run(std::vector<at::Tensor> arguments, std::vector<at::Tensor>* bound) const {
  // A gradient around this run sees each recorded operator; without one nobody can tell the forms apart.
  if (fused && bound == nullptr && !at::GradMode::is_enabled()) return fused->run_nodes(std::move(arguments), nullptr);
  return run_nodes(std::move(arguments), bound);
}

std::vector<at::Tensor> Program::run_nodes(std::vector<at::Tensor> arguments, std::vector<at::Tensor>* bound) const {
  if (arguments.size() != inputs.size()) {
    throw ArgumentError("program: expected " + std::to_string(inputs.size()) + " inputs, got " +
                        std::to_string(arguments.size()) + ".");
  }
  Frame frame(*this);
  frame.bound = bound;
  for (size_t i = 0; i < inputs.size(); ++i) {
    check_input(inputs[i], arguments[i], i);
    const size_t slot = i < static_cast<size_t>(explicit_inputs) ? i : input_slots[i - explicit_inputs];
    // Laying out an input anew is no operation of the function's: a gradient sees through it, also under noGrad.
    at::AutoGradMode watched(arguments[i].requires_grad());
    frame.slots[slot] = arguments[i].contiguous();
  }
  // The frame alone holds the inputs now, so that each can be released after its last use.
  arguments.clear();
  frame.grad_at_start = at::GradMode::is_enabled();
  at::AutoGradMode guard(frame.grad_at_start);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = *nodes[i];
    const bool grad = node.grad == GradMode::Inherit ? frame.grad_at_start : node.grad == GradMode::On;
    if (grad != at::GradMode::is_enabled()) at::GradMode::set_enabled(grad);
    try {
      node.run(frame);
    } catch (const NodeError& error) {
      throw NodeError(error.what(), node.origin);
    } catch (...) {
      std::string message = current_exception_message();
      std::string given;
      node.reads([&](const Ref& ref) {
        if (!given.empty()) given += ", ";
        given += text(ref) + ": " + describe(frame.get(ref));
      });
      throw NodeError(node.text(*this) + " failed: " + message + (given.empty() ? "" : "\n  Given " + given + "."),
                      node.origin);
    }
    for (const int slot : node.release) frame.slots[slot] = at::Tensor();
  }
  std::vector<at::Tensor> results;
  results.reserve(outputs.size());
  for (const auto& output : outputs) results.push_back(frame.get(output));
  return results;
}

bool Program::pure() const {
  return std::none_of(nodes.begin(), nodes.end(), [](const auto& node) { return node->mutates(); });
}

TensorInfo Program::info(const Ref& ref) const {
  switch (ref.kind) {
    case Ref::Kind::Slot:
      return slots[ref.index];
    case Ref::Kind::Constant: {
      const auto& tensor = constants[ref.index];
      return {tensor.sizes().vec(), tensor.scalar_type(), tensor.device()};
    }
    case Ref::Kind::Variable: {
      const auto& variable = *variables[ref.index];
      return {variable.sizes, variable.dtype, variable.device};
    }
    case Ref::Kind::None:
      break;
  }
  return {};
}

std::string Program::text(const Ref& ref) const {
  switch (ref.kind) {
    case Ref::Kind::Slot:
      return "%" + std::to_string(ref.index);
    case Ref::Kind::Constant:
      return describe(constants[ref.index]) + "#" + std::to_string(ref.index);
    case Ref::Kind::Variable:
      return "@" + variables[ref.index]->name + "." + std::to_string(ref.index);
    case Ref::Kind::None:
      break;
  }
  return "None";
}

namespace {

// Who computes the products of a dense layer, and what the others took.
std::string products_text(const Program& program, const OperatorNode& call) {
  const bool backward = call.op->name == "torchlayers::dense_backward";
  if (!backward && call.op->name != "torchlayers::dense") return "";
  const auto argument = [&](int index) {
    for (const auto& fill : call.fills) {
      if (fill.argument == index) return program.info(fill.ref).sizes;
    }
    return std::vector<int64_t>();
  };
  const auto x = argument(backward ? 1 : 0);
  const auto weight = argument(backward ? 2 : 1);
  if (x.empty() || weight.size() != 2) return "";
  int64_t m = 1;
  for (size_t i = 0; i + 1 < x.size(); ++i) m *= x[i];
  const int64_t k = weight[0];
  const int64_t n = weight[1];
  if (!backward) return product_choice_text({ProductKind::Forward, m, n, k});
  const auto wanted = call.prefilled[8].toBoolList();
  std::string text;
  if (wanted[0]) text = product_choice_text({ProductKind::InputGradient, m, k, n});
  if (!text.empty()) text = "dx " + text;
  const std::string weights = wanted[1] ? product_choice_text({ProductKind::WeightGradient, k, n, m}) : "";
  if (!weights.empty()) text += (text.empty() ? "dweight " : "; dweight ") + weights;
  return text;
}

}  // namespace

std::string Program::text(bool timings) const { return executed().own_text(timings); }

std::string Program::own_text(bool timings) const {
  std::string result = "program(";
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (i > 0) result += ", ";
    const size_t slot = i < static_cast<size_t>(explicit_inputs) ? i : input_slots[i - explicit_inputs];
    result += "%" + std::to_string(slot) + ": " + dtype_name(inputs[i].dtype) + format_sizes(inputs[i].sizes);
  }
  result += ") {\n";
  for (const auto& node : nodes) {
    std::string names;
    for (const int slot : node->outputs) {
      if (!names.empty()) names += ", ";
      names += "%" + std::to_string(slot) + ": " + dtype_name(slots[slot].dtype) + format_sizes(slots[slot].sizes);
    }
    std::string body = node->text(*this);
    if (!node->note.empty()) body += "  # " + node->note;
    if (const auto* call = timings ? dynamic_cast<const OperatorNode*>(node.get()) : nullptr) {
      const std::string products = products_text(*this, *call);
      if (!products.empty()) body += "  # " + products;
    }
    result += "  " + (names.empty() ? "" : names + " = ") + body + "\n";
  }
  std::string results;
  for (const auto& output : outputs) {
    if (!results.empty()) results += ", ";
    results += text(output);
  }
  return result + "  return " + (results.empty() ? "()" : results) + "\n}";
}

}  // namespace torchlayers
