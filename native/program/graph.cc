#include "program/graph.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace torchlayers {

Graph::Graph(const Program& source) : program_(std::make_shared<Program>()) {
  program_->inputs = source.inputs;
  program_->explicit_inputs = source.explicit_inputs;
  program_->input_slots = source.input_slots;
  program_->captured_values = source.captured_values;
  program_->constants = source.constants;
  program_->variables = source.variables;
  program_->slots = source.slots;
  program_->outputs = source.outputs;
  for (const auto& node : source.nodes) {
    program_->nodes.push_back(node->clone());
    program_->nodes.back()->release.clear();
  }
  update();
}

void Graph::update() {
  makers_.assign(program_->slots.size(), -1);
  readers_.assign(program_->slots.size(), {});
  for (int i = 0; i < size(); ++i) {
    for (const int slot : node(i).outputs) makers_[slot] = i;
    node(i).reads([&](const Ref& ref) {
      if (ref.kind != Ref::Kind::Slot) return;
      auto& readers = readers_[ref.index];
      if (readers.empty() || readers.back() != i) readers.push_back(i);
    });
  }
}

const OperatorNode* Graph::call(int index, std::string_view op) const {
  if (index < 0) return nullptr;
  const auto* found = dynamic_cast<const OperatorNode*>(program_->nodes[index].get());
  return found != nullptr && found->op->name == op ? found : nullptr;
}

int Graph::maker(const Ref& value) const { return value.kind == Ref::Kind::Slot ? makers_[value.index] : -1; }

const OperatorNode* Graph::made_by(const Ref& value, std::string_view op, int* index) const {
  const int place = maker(value);
  if (index != nullptr) *index = place;
  return call(place, op);
}

std::vector<int> Graph::readers(const Ref& value) const {
  return value.kind == Ref::Kind::Slot ? readers_[value.index] : std::vector<int>();
}

int Graph::only_reader(const Ref& value) const {
  if (value.kind != Ref::Kind::Slot || is_output(value)) return -1;
  const auto& readers = readers_[value.index];
  return readers.size() == 1 ? readers[0] : -1;
}

bool Graph::is_output(const Ref& value) const {
  return std::find(program_->outputs.begin(), program_->outputs.end(), value) != program_->outputs.end();
}

bool Graph::unwritten(const Ref& value, int first, int last) const {
  if (value.kind != Ref::Kind::Variable) return true;
  bool written = false;
  for (int i = first; i < last; ++i) {
    node(i).writes(*program_, [&](int variable) { written = written || variable == value.index; });
  }
  return !written;
}

std::unique_ptr<OperatorNode> Graph::make(std::string_view op, std::vector<Argument> arguments, GradMode grad,
                                          std::vector<int> outputs) {
  auto node = std::make_unique<OperatorNode>();
  node->op = find_operator(std::string(op));
  node->grad = grad;
  const auto& schema = node->op->handle.schema().arguments();
  const auto meta = [&](const Ref& ref) {
    const TensorInfo info = program_->info(ref);
    return at::empty(info.sizes, at::TensorOptions().dtype(info.dtype).device(at::kMeta));
  };
  torch::jit::Stack on_meta;
  for (size_t i = 0; i < schema.size(); ++i) {
    const int argument = static_cast<int>(i);
    const bool write = node->op->writes[i];
    node->prefilled.emplace_back();
    if (i >= arguments.size()) {
      TORCH_CHECK(schema[i].default_value().has_value(), op, ": argument '", schema[i].name(), "' is missing");
      node->prefilled.back() = *schema[i].default_value();
      on_meta.push_back(node->prefilled.back());
    } else if (const auto* ref = std::get_if<Ref>(&arguments[i])) {
      if (ref->kind == Ref::Kind::None) {
        on_meta.emplace_back();
        continue;
      }
      node->fills.push_back({argument, -1, *ref, write});
      on_meta.emplace_back(meta(*ref));
    } else if (const auto* list = std::get_if<std::vector<Ref>>(&arguments[i])) {
      c10::List<at::Tensor> tensors;
      for (size_t element = 0; element < list->size(); ++element) {
        node->fills.push_back({argument, static_cast<int>(element), (*list)[element], write});
        tensors.push_back(meta((*list)[element]));
      }
      node->prefilled.back() = c10::List<at::Tensor>();
      on_meta.emplace_back(std::move(tensors));
    } else {
      node->prefilled.back() = std::get<c10::IValue>(arguments[i]);
      on_meta.push_back(node->prefilled.back());
    }
  }
  node->outputs = std::move(outputs);
  const bool known =
      !node->outputs.empty() && std::find(node->outputs.begin(), node->outputs.end(), -1) == node->outputs.end();
  if (known || node->op->returns == ReturnKind::None) return node;
  {
    at::NoGradGuard guard;
    node->op->handle.callBoxed(&on_meta);
  }
  std::vector<at::Tensor> results;
  for (const auto& item : on_meta) {
    if (item.isTensorList()) {
      for (const auto& tensor : item.toTensorVector()) results.push_back(tensor);
    } else {
      results.push_back(item.toTensor());
    }
  }
  node->outputs.resize(results.size(), -1);
  for (size_t i = 0; i < results.size(); ++i) {
    if (node->outputs[i] >= 0) continue;
    TensorInfo info;
    info.sizes = results[i].defined() ? results[i].sizes().vec() : std::vector<int64_t>{0};
    if (results[i].defined()) info.dtype = results[i].scalar_type();
    node->outputs[i] = add_slot(std::move(info));
  }
  return node;
}

bool Graph::replace(std::vector<int> matched, std::unique_ptr<Node> replacement, const std::string& note) {
  std::vector<std::unique_ptr<Node>> replacements;
  replacements.push_back(std::move(replacement));
  return replace(std::move(matched), std::move(replacements), note);
}

bool Graph::replace(std::vector<int> matched, std::vector<std::unique_ptr<Node>> replacements,
                    const std::string& note) {
  std::sort(matched.begin(), matched.end());
  matched.erase(std::unique(matched.begin(), matched.end()), matched.end());
  if (matched.empty() || matched.front() < 0) return false;
  const auto is_matched = [&](int index) { return std::binary_search(matched.begin(), matched.end(), index); };
  std::vector<bool> made(program_->slots.size(), false);
  for (const auto& replacement : replacements) {
    for (const int slot : replacement->outputs) made[slot] = true;
  }
  // Nodes from `earliest` up to (not including) `latest` may stand before the replacements' place.
  int earliest = 0;
  int latest = size();
  for (const int index : matched) {
    if (node(index).grad != node(matched[0]).grad) return false;
    for (const int slot : node(index).outputs) {
      for (const int reader : readers_[slot]) {
        if (is_matched(reader)) continue;
        if (!made[slot]) return false;
        latest = std::min(latest, reader);
      }
      if (!made[slot] && is_output(Ref::slot(slot))) return false;
    }
  }
  for (const auto& replacement : replacements) {
    replacement->reads([&](const Ref& ref) {
      if (ref.kind != Ref::Kind::Slot || made[ref.index]) return;
      const int maker = makers_[ref.index];
      if (maker >= 0) earliest = std::max(earliest, maker + 1);
      if (maker >= 0 && is_matched(maker)) latest = -1;  // made no longer
    });
  }
  // As late as the last matched node if nobody needs the results before.
  const int place = std::min(matched.back() + 1, latest);
  if (place < earliest) return false;
  const auto unmoved = [&](int index, const Ref& ref) {
    if (ref.kind != Ref::Kind::Variable) return true;
    bool touched = false;
    const int from = std::min(index + 1, place);
    const int to = std::max(index, place);
    for (int i = from; i < to; ++i) {
      if (is_matched(i)) continue;
      node(i).writes(*program_, [&](int variable) { touched = touched || variable == ref.index; });
    }
    return !touched;
  };
  const auto unread = [&](int index, int variable) {
    bool touched = false;
    const int from = std::min(index + 1, place);
    const int to = std::max(index, place);
    for (int i = from; i < to; ++i) {
      if (is_matched(i)) continue;
      const Ref written = Ref::variable(variable);
      node(i).reads([&](const Ref& ref) { touched = touched || ref == written; });
      node(i).writes(*program_, [&](int other) { touched = touched || other == variable; });
      const auto* read = dynamic_cast<const ReadNode*>(&node(i));
      touched = touched || (read != nullptr && read->variable == variable);
      // Sub-programs read variables by themselves.
      touched = touched || dynamic_cast<const ConditionNode*>(&node(i)) != nullptr ||
                dynamic_cast<const CustomGradientNode*>(&node(i)) != nullptr;
    }
    return !touched;
  };
  for (const int index : matched) {
    bool legal = true;
    node(index).reads([&](const Ref& ref) { legal = legal && unmoved(index, ref); });
    if (const auto* read = dynamic_cast<const ReadNode*>(&node(index))) {
      legal = legal && unmoved(index, Ref::variable(read->variable));
    }
    node(index).writes(*program_, [&](int variable) { legal = legal && unread(index, variable); });
    if (!legal) return false;
  }
  const int origin = node(matched.back()).origin;
  const std::string full = note.empty() ? "" : note + ": " + operators_text(*this, matched);
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i <= size(); ++i) {
    if (i == place) {
      for (auto& replacement : replacements) {
        if (replacement->origin < 0) replacement->origin = origin;
        if (replacement->note.empty()) replacement->note = full;
        nodes.push_back(std::move(replacement));
      }
    }
    if (i < size() && !is_matched(i)) nodes.push_back(std::move(program_->nodes[i]));
  }
  program_->nodes = std::move(nodes);
  update();
  return true;
}

void Graph::substitute(int slot, const Ref& value) {
  const Ref old = Ref::slot(slot);
  const auto change = [&](const Ref& ref) { return ref == old ? value : ref; };
  for (auto& node : program_->nodes) node->replace_reads(change);
  for (auto& output : program_->outputs) output = change(output);
  update();
}

void Graph::insert(int index, std::vector<std::unique_ptr<Node>> nodes) {
  program_->nodes.insert(program_->nodes.begin() + index, std::make_move_iterator(nodes.begin()),
                         std::make_move_iterator(nodes.end()));
  update();
}

void Graph::erase(int index) {
  program_->nodes.erase(program_->nodes.begin() + index);
  update();
}

Ref Graph::add_constant(at::Tensor value) {
  program_->constants.push_back(std::move(value));
  return Ref::constant(static_cast<int>(program_->constants.size()) - 1);
}

int Graph::add_slot(TensorInfo info) {
  program_->slots.push_back(std::move(info));
  makers_.push_back(-1);
  readers_.emplace_back();
  return static_cast<int>(program_->slots.size()) - 1;
}

void Graph::drop_unread() {
  for (int i = size() - 1; i >= 0; --i) {
    const Node& candidate = node(i);
    if (candidate.mutates() || candidate.outputs.empty()) continue;
    const auto* call = dynamic_cast<const OperatorNode*>(&candidate);
    const bool plain = call != nullptr ? !call->op->handle.hasTag(at::Tag::nondeterministic_seeded)
                                       : dynamic_cast<const ReadNode*>(&candidate) != nullptr ||
                                             dynamic_cast<const DetachNode*>(&candidate) != nullptr;
    if (!plain) continue;
    const bool read = std::any_of(candidate.outputs.begin(), candidate.outputs.end(),
                                  [&](int slot) { return !readers_[slot].empty() || is_output(Ref::slot(slot)); });
    if (!read) erase(i);
  }
}

Ref tensor_argument(const OperatorNode& call, int argument) {
  for (const auto& fill : call.fills) {
    if (fill.argument == argument && fill.element < 0) return fill.ref;
  }
  return {};
}

std::vector<Ref> list_argument(const OperatorNode& call, int argument) {
  std::vector<Ref> refs;
  for (const auto& fill : call.fills) {
    if (fill.argument == argument && fill.element >= 0) refs.push_back(fill.ref);
  }
  return refs;
}

const c10::IValue& constant_argument(const OperatorNode& call, int argument) { return call.prefilled[argument]; }

bool is_none(const OperatorNode& call, int argument) {
  return tensor_argument(call, argument).kind == Ref::Kind::None && call.prefilled[argument].isNone();
}

std::string operators_text(const Graph& graph, const std::vector<int>& nodes) {
  std::string text;
  for (const int index : nodes) {
    std::string name;
    const std::string& note = graph.node(index).note;
    if (const size_t colon = note.find(": "); colon != std::string::npos) {
      name = note.substr(colon + 2);
    } else if (const auto* call = dynamic_cast<const OperatorNode*>(&graph.node(index))) {
      name = call->op->name;
      name = name.substr(name.find("::") + 2);
      name = name.substr(0, name.find('.'));
    } else {
      const std::string full = graph.node(index).text(graph.program());
      name = full.substr(0, full.find('('));
    }
    if (!text.empty()) text += " + ";
    text += name;
  }
  return text;
}

Ref output_of(const Node& node, int index) { return Ref::slot(node.outputs[index]); }

}  // namespace torchlayers
