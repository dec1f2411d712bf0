// The table of patterns, and the pass that applies it.
#include "program/fusion.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "program/gradient_rules.h"
#include "program/patterns.h"

namespace torchlayers {
namespace {

// In the order in which they are tried at each node. They build on each other: what one pattern makes may be part of
// the next one's (addmm becomes dense, dense + relu becomes dense, dense + dropout becomes dense).
constexpr Pattern kPatterns[] = {
    // patterns_dense.cc
    {"dense", fuse_linear},
    {"dense", fuse_linear_bias},
    {"dense", fuse_activation},
    {"dense", fuse_dropout},
    // patterns_embedding.cc
    {"embedding max", fuse_embedding_max},
    {"embedding mean", fuse_embedding_mean},
    {"embedding sum", fuse_embedding_sum},
    // patterns_loss.cc
    {"crossentropy", fuse_categorical_crossentropy},
    {"crossentropy", fuse_sparse_crossentropy},
    {"crossentropy", fuse_logits_crossentropy},
    {"crossentropy", fuse_mean_of_loss},
    {"binary_crossentropy", fuse_binary_crossentropy},
    // patterns_counts.cc
    {"accuracy", fuse_correct_predictions},
    {"accumulate", fuse_accumulate},
    {"accumulate", fuse_accumulates},
};

bool has_nested_gradient(const Graph& graph) {
  for (int i = 0; i < graph.size(); ++i) {
    const auto* gradient = dynamic_cast<const GradientNode*>(&graph.node(i));
    if (gradient != nullptr && gradient->nested) return true;
  }
  return false;
}

bool has_leaves(const Graph& graph) {
  for (int i = 0; i < graph.size(); ++i) {
    if (dynamic_cast<const LeafNode*>(&graph.node(i)) != nullptr) return true;
  }
  return false;
}

// Applies the table until nothing matches any more.
bool apply_patterns(Graph& graph) {
  // A graph of the gradient is asked for: what it watches stays as recorded.
  const bool keep_watched = has_nested_gradient(graph);
  bool changed = false;
  for (int index = 0; index < graph.size(); ++index) {
    if (keep_watched && graph.node(index).grad == GradMode::On) continue;
    for (const Pattern& pattern : kPatterns) {
      const int before = graph.size();
      if (!pattern.rewrite(graph, index)) continue;
      changed = true;
      // Look again from where the replacement stands.
      index = std::max(-1, index - std::max(0, before - graph.size()) - 2);
      break;
    }
  }
  return changed;
}

// Nodes run with autograd off, except in gradients that the engine computes.
void set_modes(Graph& graph, bool all) {
  for (auto& node : graph.mutable_program().nodes) {
    if (all || node->grad == GradMode::Inherit) node->grad = GradMode::Off;
  }
}

// Where nothing is watched, detaching is no work.
bool drop_detaches(Graph& graph) {
  bool changed = false;
  for (int i = graph.size() - 1; i >= 0; --i) {
    const auto* detach = dynamic_cast<const DetachNode*>(&graph.node(i));
    if (detach == nullptr) continue;
    const Ref value = detach->value;
    if (value.kind == Ref::Kind::Variable) continue;  // the value at this place
    graph.substitute(detach->outputs[0], value);
    graph.erase(i);
    changed = true;
  }
  return changed;
}

// Gradient nodes of constants alone (the share of each row in a mean) are computed once, here.
void fold_constants(Graph& graph) {
  constexpr int64_t kLargest = 1 << 16;
  for (int i = 0; i < graph.size(); ++i) {
    const auto* call = dynamic_cast<const OperatorNode*>(&graph.node(i));
    if (call == nullptr || call->note != kGradientNote || call->op->mutates || call->outputs.size() != 1) continue;
    bool constant = !call->fills.empty();
    torch::jit::Stack stack = call->prefilled;
    for (const auto& fill : call->fills) {
      constant = constant && fill.ref.kind == Ref::Kind::Constant && fill.element < 0;
      if (constant) stack[fill.argument] = graph.constant(fill.ref);
    }
    if (!constant || call->op->handle.hasTag(at::Tag::nondeterministic_seeded)) continue;
    at::NoGradGuard guard;
    call->op->handle.callBoxed(&stack);
    const at::Tensor result = std::move(stack[0]).toTensor();
    if (!result.is_cpu() || result.numel() > kLargest) continue;
    const int slot = call->outputs[0];
    graph.erase(i--);
    graph.substitute(slot, graph.add_constant(result.contiguous()));
  }
}

}  // namespace

std::shared_ptr<const Program> fuse_program(const Program& program) {
  Graph graph(program);
  set_modes(graph, false);
  bool changed = apply_patterns(graph);
  if (has_leaves(graph)) {
    Graph trial(graph.program());
    if (write_gradients(trial)) {
      graph = std::move(trial);
      fold_constants(graph);
      changed = true;
    }
  }
  if (!has_leaves(graph)) {
    set_modes(graph, true);
    changed = drop_detaches(graph) || changed;
    changed = apply_patterns(graph) || changed;
  }
  if (!changed) return nullptr;
  graph.drop_unread();
  auto fused = graph.take();
  fused->finish();
  return fused;
}

}  // namespace torchlayers
