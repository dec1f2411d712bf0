// Gradients as nodes of the program, without libtorch's autograd engine: what `gradient(...)` becomes when each
// operator between the leaves and the target has a rule.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "program/graph.h"

namespace torchlayers {

// The note of nodes that compute a gradient.
inline constexpr const char* kGradientNote = "gradient";

// What a rule sees of one call, and how it answers.
class Backward {
 public:
  Backward(Graph& graph, const OperatorNode& call, std::vector<Ref> grads, std::vector<bool> wanted)
      : graph(graph), call(call), grads(std::move(grads)), wanted_(std::move(wanted)), given_(call.fills.size()) {}

  Graph& graph;
  // The call as it was recorded (or fused); its outputs are there to be read.
  const OperatorNode& call;
  // Gradient of each output; Kind::None where none flows.
  const std::vector<Ref> grads;

  // Whether a gradient for a tensor argument (or one element of a list) leads anywhere.
  bool wants(int argument, int element = -1) const;
  // Appends a call to the gradient's nodes; answers its outputs.
  std::vector<Ref> emit_all(std::string_view op, std::vector<Argument> arguments);
  Ref emit(std::string_view op, std::vector<Argument> arguments) { return emit_all(op, std::move(arguments))[0]; }
  // The gradient for a tensor argument, of the argument's shape and dtype.
  void give(int argument, const Ref& grad) { give(argument, -1, grad); }
  void give(int argument, int element, const Ref& grad);
  Ref tensor(int argument) const { return tensor_argument(call, argument); }
  const c10::IValue& constant(int argument) const { return call.prefilled[argument]; }
  Ref output(int index = 0) const { return output_of(call, index); }

  std::vector<std::unique_ptr<Node>> nodes;
  const std::vector<Ref>& given() const { return given_; }

 private:
  std::vector<bool> wanted_;  // by fill
  std::vector<Ref> given_;    // by fill
};

// The derivative of one operator. Answers false where it doesn't know it for these arguments.
struct GradientRule {
  const char* op;
  bool (*write)(Backward& backward);
};

// gradient_rules_embedding.cc
bool embedding_rule(Backward& b);
bool embedding_max_rule(Backward& b);
bool embedding_sum_rule(Backward& b);
bool lstm_rule(Backward& b);
bool gru_rule(Backward& b);

// Replaces every gradient of the program by nodes, if all can be; otherwise changes nothing and answers false.
bool write_gradients(Graph& graph);

}  // namespace torchlayers
