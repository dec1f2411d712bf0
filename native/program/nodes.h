// The kinds of nodes. An operator call is by far the most frequent; the others are what is no operator: gradients,
// assignments, sub-programs.
#pragma once

#include <ATen/core/stack.h>

#include <memory>
#include <string>
#include <vector>

#include "dispatch/operator.h"
#include "program/program.h"

namespace torchlayers {

// A call of an operator. The stack is filled with its constants once; a run copies it and puts the tensors in.
class OperatorNode : public Node {
 public:
  // A tensor argument: `element` is its place in a list argument, or -1.
  struct Fill {
    int argument;
    int element;
    Ref ref;
    bool write;
  };

  std::shared_ptr<const Operator> op;
  torch::jit::Stack prefilled;
  std::vector<Fill> fills;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<OperatorNode>(*this); }
  bool mutates() const override { return op->mutates; }
  void writes(const Program& program, const std::function<void(int)>& visit) const override;
};

// Makes leaves of a gradient: outputs[i] shows the memory of sources[i] and is watched by autograd.
class LeafNode : public Node {
 public:
  std::vector<Ref> sources;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<LeafNode>(*this); }
};

// Gradients of `targets` (weighted by `seeds`, if given) for `leaves`; zeros where a target doesn't depend on a leaf.
class GradientNode : public Node {
 public:
  std::vector<Ref> targets;
  std::vector<Ref> seeds;
  std::vector<Ref> leaves;
  // An enclosing gradient of the same recording differentiates the result again.
  bool nested = false;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<GradientNode>(*this); }
};

// A value that leaves a gradient scope: cut from the graph, unless what is around the scope watches too.
class DetachNode : public Node {
 public:
  Ref value;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<DetachNode>(*this); }
};

// Replaces a variable's value.
class AssignNode : public Node {
 public:
  int variable = -1;
  Ref value;

  bool mutates() const override { return true; }
  void writes(const Program& program, const std::function<void(int)>& visit) const override;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<AssignNode>(*this); }
};

// The value that a variable has at this point of the program.
class ReadNode : public Node {
 public:
  int variable = -1;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<ReadNode>(*this); }
};

// Runs one of two sub-programs, by a boolean.
class ConditionNode : public Node {
 public:
  Ref predicate;
  ProgramPtr then_program;
  ProgramPtr else_program;
  std::vector<Ref> then_inputs;
  std::vector<Ref> else_inputs;

  bool mutates() const override { return !then_program->pure() || !else_program->pure(); }
  void writes(const Program& program, const std::function<void(int)>& visit) const override;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<ConditionNode>(*this); }
};

// A function with a gradient of the user's own: `forward` answers the results and then what `backward` needs of it.
class CustomGradientNode : public Node {
 public:
  ProgramPtr forward;
  ProgramPtr backward;
  int results = 0;
  // Arguments that get a gradient, and tensors that `forward` captured.
  std::vector<Ref> arguments;
  std::vector<Ref> captured;

  bool mutates() const override { return !forward->pure(); }
  void writes(const Program& program, const std::function<void(int)>& visit) const override;

  void run(Frame& frame) const override;
  std::string text(const Program& program) const override;
  void reads(const std::function<void(const Ref&)>& visit) const override;
  void replace_reads(const std::function<Ref(const Ref&)>& change) override;
  std::unique_ptr<Node> clone() const override { return std::make_unique<CustomGradientNode>(*this); }
};

// The eager forms that nodes and JavaScript share.
std::vector<at::Tensor> make_leaves(const std::vector<at::Tensor>& sources);
std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& seeds,
                                  const std::vector<at::Tensor>& leaves, bool create_graph);
std::vector<at::Tensor> run_custom_gradient(const ProgramPtr& forward, const ProgramPtr& backward, int results,
                                            const std::vector<at::Tensor>& arguments,
                                            const std::vector<at::Tensor>& captured);

}  // namespace torchlayers
