// The table of derivatives, and how a gradient is written out with them.
#include "program/gradient_rules.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <unordered_map>

namespace torchlayers {
namespace {

using Kind = Ref::Kind;

bool is_number(const c10::IValue& value, double expected) {
  return (value.isInt() && value.toInt() == static_cast<int64_t>(expected)) ||
         (value.isDouble() && value.toDouble() == expected);
}

// Sums a gradient down to the shape of an argument that was broadcast.
Ref to_shape_of(Backward& b, const Ref& grad, const Ref& argument) {
  const auto wanted = b.graph.info(argument).sizes;
  if (b.graph.info(grad).sizes == wanted) return grad;
  return b.emit("aten::sum_to_size", {grad, c10::IValue(wanted)});
}

bool same_dtype(const Backward& b, const Ref& a) { return b.graph.info(a).dtype == b.graph.info(b.output()).dtype; }

// ---- libtorch's operators

bool addmm_rule(Backward& b) {
  if (!is_number(b.constant(3), 1) || !is_number(b.constant(4), 1)) return false;
  const Ref grad = b.grads[0];
  if (b.wants(0)) b.give(0, to_shape_of(b, grad, b.tensor(0)));
  if (b.wants(1)) b.give(1, b.emit("aten::mm", {grad, b.emit("aten::t", {b.tensor(2)})}));
  if (b.wants(2)) b.give(2, b.emit("aten::mm", {b.emit("aten::t", {b.tensor(1)}), grad}));
  return true;
}

bool mm_rule(Backward& b) {
  const Ref grad = b.grads[0];
  if (b.wants(0)) b.give(0, b.emit("aten::mm", {grad, b.emit("aten::t", {b.tensor(1)})}));
  if (b.wants(1)) b.give(1, b.emit("aten::mm", {b.emit("aten::t", {b.tensor(0)}), grad}));
  return true;
}

bool relu_rule(Backward& b) {
  b.give(0, b.emit("aten::threshold_backward", {b.grads[0], b.output(), c10::IValue(int64_t{0})}));
  return true;
}

bool sigmoid_rule(Backward& b) {
  b.give(0, b.emit("aten::sigmoid_backward", {b.grads[0], b.output()}));
  return true;
}

bool tanh_rule(Backward& b) {
  b.give(0, b.emit("aten::tanh_backward", {b.grads[0], b.output()}));
  return true;
}

bool softmax_rule(Backward& b) {
  if (!b.constant(2).isNone()) return false;
  const auto dtype = static_cast<int64_t>(b.graph.info(b.output()).dtype);
  b.give(0, b.emit("aten::_softmax_backward_data", {b.grads[0], b.output(), b.constant(1), c10::IValue(dtype)}));
  return true;
}

bool neg_rule(Backward& b) {
  b.give(0, b.emit("aten::neg", {b.grads[0]}));
  return true;
}

bool log_rule(Backward& b) {
  b.give(0, b.emit("aten::div.Tensor", {b.grads[0], b.tensor(0)}));
  return true;
}

// The gradient goes through where the value lies within the limits.
bool clamp_rule(Backward& b) {
  if (b.tensor(1).kind != Kind::None || b.tensor(2).kind != Kind::None) return false;
  Ref inside;
  const Ref x = b.tensor(0);
  if (!b.constant(1).isNone()) inside = b.emit("aten::ge.Scalar", {x, b.constant(1)});
  if (!b.constant(2).isNone()) {
    const Ref below = b.emit("aten::le.Scalar", {x, b.constant(2)});
    inside = inside.kind == Kind::None ? below : b.emit("aten::logical_and", {inside, below});
  }
  if (inside.kind == Kind::None) return false;
  const Ref zero = b.graph.add_constant(
      at::zeros({}, at::TensorOptions().dtype(b.graph.info(x).dtype).device(b.graph.info(x).device)));
  b.give(0, b.emit("aten::where.self", {inside, b.grads[0], zero}));
  return true;
}

bool exp_rule(Backward& b) {
  b.give(0, b.emit("aten::mul.Tensor", {b.grads[0], b.output()}));
  return true;
}

bool add_rule(Backward& b) {
  if (!is_number(b.constant(2), 1)) return false;
  for (const int argument : {0, 1}) {
    if (!b.wants(argument)) continue;
    if (!same_dtype(b, b.tensor(argument))) return false;
    b.give(argument, to_shape_of(b, b.grads[0], b.tensor(argument)));
  }
  return true;
}

bool sub_rule(Backward& b) {
  if (!is_number(b.constant(2), 1)) return false;
  for (const int argument : {0, 1}) {
    if (!b.wants(argument)) continue;
    if (!same_dtype(b, b.tensor(argument))) return false;
    const Ref grad = argument == 0 ? b.grads[0] : b.emit("aten::neg", {b.grads[0]});
    b.give(argument, to_shape_of(b, grad, b.tensor(argument)));
  }
  return true;
}

bool mul_rule(Backward& b) {
  for (const int argument : {0, 1}) {
    if (!b.wants(argument)) continue;
    const Ref other = b.tensor(1 - argument);
    if (!same_dtype(b, b.tensor(argument))) return false;
    const Ref grad = b.emit("aten::mul.Tensor", {b.grads[0], other});
    if (b.graph.info(grad).dtype != b.graph.info(b.tensor(argument)).dtype) return false;
    b.give(argument, to_shape_of(b, grad, b.tensor(argument)));
  }
  return true;
}

bool div_rule(Backward& b) {
  if (!same_dtype(b, b.tensor(0)) || b.tensor(1).kind == Kind::None) return false;
  const Ref share = b.emit("aten::div.Tensor", {b.grads[0], b.tensor(1)});
  if (b.graph.info(share).dtype != b.graph.info(b.output()).dtype) return false;
  if (b.wants(0)) b.give(0, to_shape_of(b, share, b.tensor(0)));
  if (b.wants(1)) {
    if (!same_dtype(b, b.tensor(1))) return false;
    const Ref grad = b.emit("aten::neg", {b.emit("aten::mul.Tensor", {share, b.output()})});
    b.give(1, to_shape_of(b, grad, b.tensor(1)));
  }
  return true;
}

// Axes that a reduction went over, as a list; empty: all.
std::vector<int64_t> reduced_axes(const c10::IValue& dims) {
  return dims.isIntList() ? dims.toIntVector() : std::vector<int64_t>();
}

// A gradient as it was before the reduction, axes put back and shown at every place.
Ref spread(Backward& b, const c10::IValue& dims, bool keep) {
  const auto sizes = b.graph.info(b.tensor(0)).sizes;
  const auto rank = static_cast<int64_t>(sizes.size());
  Ref grad = b.grads[0];
  const auto axes = reduced_axes(dims);
  if (!keep && !axes.empty()) {
    auto kept = sizes;
    for (const int64_t axis : axes) kept[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = 1;
    grad = b.emit("aten::reshape", {grad, c10::IValue(kept)});
  }
  return b.emit("aten::expand", {grad, c10::IValue(sizes)});
}

bool sum_all_rule(Backward& b) {
  if (!same_dtype(b, b.tensor(0))) return false;
  b.give(0, spread(b, c10::IValue(), false));
  return true;
}

bool sum_rule(Backward& b) {
  if (!same_dtype(b, b.tensor(0))) return false;
  b.give(0, spread(b, b.constant(1), b.constant(2).toBool()));
  return true;
}

bool mean_rule(Backward& b) {
  if (!same_dtype(b, b.tensor(0))) return false;
  const auto numel = [&](const Ref& ref) {
    int64_t count = 1;
    for (const int64_t size : b.graph.info(ref).sizes) count *= size;
    return count;
  };
  const int64_t kept = numel(b.output());
  if (kept == 0) return false;
  const int64_t averaged = numel(b.tensor(0)) / kept;
  const c10::IValue share(static_cast<double>(averaged));
  const Ref wide = spread(b, b.constant(1), b.constant(2).toBool());
  b.give(0, b.emit("aten::div.Scalar", {wide, share}));
  return true;
}

bool mean_all_rule(Backward& b) {
  if (!same_dtype(b, b.tensor(0))) return false;
  int64_t count = 1;
  for (const int64_t size : b.graph.info(b.tensor(0)).sizes) count *= size;
  if (count == 0) return false;
  b.give(0, b.emit("aten::div.Scalar", {spread(b, c10::IValue(), false), c10::IValue(static_cast<double>(count))}));
  return true;
}

bool reshape_rule(Backward& b) {
  b.give(0, b.emit("aten::reshape", {b.grads[0], c10::IValue(b.graph.info(b.tensor(0)).sizes)}));
  return true;
}

bool to_dtype_rule(Backward& b) {
  const auto dtype = static_cast<int64_t>(b.graph.info(b.tensor(0)).dtype);
  b.give(0, b.emit("aten::to.dtype", {b.grads[0], c10::IValue(dtype)}));
  return true;
}

// ---- ours

bool dropout_rule(Backward& b) {
  b.give(0, b.emit("torchlayers::dropout_backward", {b.grads[0], b.tensor(1), b.constant(2), b.constant(3)}));
  return true;
}

bool dropout_backward_rule(Backward&) { return false; }

bool dense_rule(Backward& b) {
  const bool x = b.wants(0);
  const bool weight = b.wants(1);
  const bool bias = b.tensor(2).kind != Kind::None && b.wants(2);
  const Ref none;
  const auto results = b.emit_all("torchlayers::dense_backward",
                                  {b.grads[0], b.tensor(0), b.tensor(1), b.output(0), b.output(1), b.tensor(4),
                                   b.constant(3), b.constant(5), c10::IValue(c10::List<bool>({x, weight, bias}))});
  if (x) b.give(0, results[0]);
  if (weight) b.give(1, results[1]);
  if (bias) b.give(2, results[2]);
  return true;
}

bool crossentropy_rule(Backward& b) {
  if (b.wants(1)) return false;
  const bool probabilities = b.constant(4).toStringRef() == "probabilities";
  const Ref p = probabilities ? b.tensor(0) : b.output(1);
  Ref grad;
  if (b.grads[0].kind != Kind::None) {
    grad = b.emit("torchlayers::crossentropy_backward",
                  {b.grads[0], p, b.tensor(1), b.constant(2), b.constant(3), b.constant(4), b.constant(5)});
  }
  if (b.grads[1].kind != Kind::None && !probabilities) {
    const auto dtype = static_cast<int64_t>(at::kFloat);
    const Ref more =
        b.emit("aten::_softmax_backward_data", {b.grads[1], p, c10::IValue(int64_t{1}), c10::IValue(dtype)});
    grad = grad.kind == Kind::None ? more : b.emit("aten::add.Tensor", {grad, more});
  }
  if (grad.kind == Kind::None) return false;
  b.give(0, grad);
  return true;
}

bool binary_crossentropy_rule(Backward& b) {
  if (b.wants(1)) return false;
  b.give(0, b.emit("torchlayers::binary_crossentropy_backward",
                   {b.grads[0], b.tensor(0), b.tensor(1), b.constant(2), b.constant(3), b.constant(4)}));
  return true;
}

constexpr GradientRule kRules[] = {
    {"torchlayers::binary_crossentropy", binary_crossentropy_rule},
    {"torchlayers::crossentropy", crossentropy_rule},
    {"torchlayers::dense", dense_rule},
    {"torchlayers::dropout", dropout_rule},
    {"torchlayers::dropout_backward", dropout_backward_rule},
    {"torchlayers::embedding_max", embedding_max_rule},
    {"torchlayers::embedding_sum", embedding_sum_rule},
    {"torchlayers::lstm", lstm_rule},
    {"torchlayers::gru", gru_rule},
    {"aten::embedding", embedding_rule},
    {"aten::addmm", addmm_rule},
    {"aten::mm", mm_rule},
    {"aten::relu", relu_rule},
    {"aten::sigmoid", sigmoid_rule},
    {"aten::tanh", tanh_rule},
    {"aten::softmax.int", softmax_rule},
    {"aten::neg", neg_rule},
    {"aten::log", log_rule},
    {"aten::exp", exp_rule},
    {"aten::clamp", clamp_rule},
    {"aten::add.Tensor", add_rule},
    {"aten::sub.Tensor", sub_rule},
    {"aten::mul.Tensor", mul_rule},
    {"aten::div.Tensor", div_rule},
    {"aten::sum", sum_all_rule},
    {"aten::sum.dim_IntList", sum_rule},
    {"aten::mean", mean_all_rule},
    {"aten::mean.dim", mean_rule},
    {"aten::reshape", reshape_rule},
    {"aten::to.dtype", to_dtype_rule},
};

const GradientRule* rule_for(const std::string& op) {
  for (const auto& rule : kRules) {
    if (op == rule.op) return &rule;
  }
  return nullptr;
}

// One gradient: the nodes that compute it, or nothing.
class Writer {
 public:
  Writer(Graph& graph, int place) : graph_(graph), place_(place) {}

  // The gradients of the leaves, in order; the nodes are in `nodes`.
  bool write(std::vector<Ref>& results) {
    const auto& gradient = dynamic_cast<const GradientNode&>(graph_.node(place_));
    if (gradient.nested || gradient.leaves.empty()) return false;
    const int watch = graph_.maker(gradient.leaves[0]);
    if (watch < 0 || dynamic_cast<const LeafNode*>(&graph_.node(watch)) == nullptr) return false;
    reached_.assign(graph_.program().slots.size(), false);
    for (const Ref& leaf : gradient.leaves) {
      if (graph_.maker(leaf) != watch) return false;
      reached_[leaf.index] = true;
    }
    if (!reach(watch)) return false;
    for (size_t i = 0; i < gradient.targets.size(); ++i) {
      const Ref target = gradient.targets[i];
      if (target.kind != Kind::Slot || !reached_[target.index]) continue;
      accumulate(target, i < gradient.seeds.size() ? gradient.seeds[i] : one(target));
    }
    for (int i = place_ - 1; i > watch; --i) {
      if (!step(i)) return false;
    }
    for (const Ref& leaf : gradient.leaves) {
      const auto found = grads_.find(leaf.index);
      if (found != grads_.end()) {
        results.push_back(found->second);
      } else {
        auto zeros = graph_.make("aten::zeros_like", {leaf}, GradMode::Off);
        results.push_back(output_of(*zeros));
        nodes.push_back(std::move(zeros));
      }
    }
    return true;
  }

  std::vector<std::unique_ptr<Node>> nodes;

 private:
  // Which values depend on the leaves, as autograd would see it.
  bool reach(int watch) {
    for (int i = watch + 1; i < place_; ++i) {
      const Node& node = graph_.node(i);
      if (dynamic_cast<const LeafNode*>(&node) != nullptr) return false;
      bool depends = false;
      node.reads([&](const Ref& ref) { depends = depends || (ref.kind == Kind::Slot && reached_[ref.index]); });
      if (!depends) continue;
      if (dynamic_cast<const GradientNode*>(&node) != nullptr) continue;  // of the same leaves
      if (dynamic_cast<const AssignNode*>(&node) != nullptr) continue;
      const auto* call = dynamic_cast<const OperatorNode*>(&node);
      if (call == nullptr) return false;
      if (node.grad == GradMode::Off) {
        // Autograd doesn't see the call, but it would see a result that is the argument itself (a cast to the same
        // dtype).
        for (const auto& result : call->op->handle.schema().returns()) {
          if (result.alias_info() != nullptr && !call->op->mutates) return false;
        }
        continue;
      }
      for (const int slot : node.outputs) {
        reached_[slot] = at::isFloatingType(graph_.program().slots[slot].dtype) ||
                         at::isComplexType(graph_.program().slots[slot].dtype);
      }
    }
    return true;
  }

  bool step(int index) {
    const Node& node = graph_.node(index);
    std::vector<Ref> grads;
    bool any = false;
    for (const int slot : node.outputs) {
      const auto found = grads_.find(slot);
      grads.push_back(found == grads_.end() ? Ref() : found->second);
      any = any || found != grads_.end();
    }
    if (!any) return true;
    const auto* call = dynamic_cast<const OperatorNode*>(&node);
    if (call == nullptr || call->op->mutates) return false;
    const GradientRule* rule = rule_for(call->op->name);
    if (rule == nullptr) return false;
    std::vector<bool> wanted;
    for (const auto& fill : call->fills) {
      wanted.push_back(fill.ref.kind == Kind::Slot && reached_[fill.ref.index]);
    }
    Backward backward(graph_, *call, std::move(grads), wanted);
    if (!rule->write(backward)) return false;
    for (size_t i = 0; i < call->fills.size(); ++i) {
      const Ref& grad = backward.given()[i];
      if (wanted[i] == (grad.kind == Kind::None)) return false;
    }
    for (auto& emitted : backward.nodes) {
      emitted->origin = node.origin;
      nodes.push_back(std::move(emitted));
    }
    for (size_t i = 0; i < call->fills.size(); ++i) {
      if (wanted[i]) accumulate(call->fills[i].ref, backward.given()[i]);
    }
    return true;
  }

  void accumulate(const Ref& value, const Ref& grad) {
    auto [entry, added] = grads_.emplace(value.index, grad);
    if (added) return;
    auto sum = graph_.make("aten::add.Tensor", {entry->second, grad}, GradMode::Off);
    entry->second = output_of(*sum);
    nodes.push_back(std::move(sum));
  }

  Ref one(const Ref& target) {
    const TensorInfo info = graph_.info(target);
    return graph_.add_constant(at::ones(info.sizes, at::TensorOptions().dtype(info.dtype).device(info.device)));
  }

  Graph& graph_;
  const int place_;
  std::vector<bool> reached_;
  std::unordered_map<int, Ref> grads_;
};

// Leaves are no tensors of their own any more: readers take the variables' values.
void drop_leaves(Graph& graph) {
  for (int i = graph.size() - 1; i >= 0; --i) {
    const auto* watch = dynamic_cast<const LeafNode*>(&graph.node(i));
    if (watch == nullptr) continue;
    const std::vector<int> slots = watch->outputs;
    const std::vector<Ref> sources = watch->sources;
    std::vector<std::unique_ptr<Node>> reads;
    for (size_t k = 0; k < slots.size(); ++k) {
      const auto readers = graph.readers(Ref::slot(slots[k]));
      const bool answered = graph.is_output(Ref::slot(slots[k]));
      const int last = readers.empty() ? i : readers.back();
      if (sources[k].kind != Kind::Variable || (!answered && graph.unwritten(sources[k], i, last))) {
        graph.substitute(slots[k], sources[k]);
        continue;
      }
      auto read = std::make_unique<ReadNode>();
      read->variable = sources[k].index;
      read->outputs = {slots[k]};
      read->grad = GradMode::Off;
      read->origin = graph.node(i).origin;
      reads.push_back(std::move(read));
    }
    graph.erase(i);
    graph.insert(i, std::move(reads));
  }
}

}  // namespace

bool Backward::wants(int argument, int element) const {
  for (size_t i = 0; i < call.fills.size(); ++i) {
    if (call.fills[i].argument == argument && call.fills[i].element == element) return wanted_[i];
  }
  return false;
}

std::vector<Ref> Backward::emit_all(std::string_view op, std::vector<Argument> arguments) {
  auto node = graph.make(op, std::move(arguments), GradMode::Off);
  std::vector<Ref> results;
  for (const int slot : node->outputs) results.push_back(Ref::slot(slot));
  nodes.push_back(std::move(node));
  return results;
}

void Backward::give(int argument, int element, const Ref& grad) {
  for (size_t i = 0; i < call.fills.size(); ++i) {
    if (call.fills[i].argument == argument && call.fills[i].element == element && wanted_[i]) given_[i] = grad;
  }
}

bool write_gradients(Graph& graph) {
  bool any = false;
  for (int i = graph.size() - 1; i >= 0; --i) {
    const auto* gradient = dynamic_cast<const GradientNode*>(&graph.node(i));
    if (gradient == nullptr) continue;
    const std::vector<int> outputs = gradient->outputs;
    const int origin = gradient->origin;
    Writer writer(graph, i);
    std::vector<Ref> results;
    if (!writer.write(results)) return false;
    for (auto& node : writer.nodes) {
      if (node->origin < 0) node->origin = origin;
      if (node->note.empty()) node->note = kGradientNote;
    }
    graph.erase(i);
    graph.insert(i, std::move(writer.nodes));
    for (size_t k = 0; k < outputs.size(); ++k) graph.substitute(outputs[k], results[k]);
    any = true;
  }
  if (any) drop_leaves(graph);
  return any;
}

}  // namespace torchlayers
