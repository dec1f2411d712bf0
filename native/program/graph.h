// A program while it is being rewritten: the fusion pass and its patterns look for calls here and replace them.
// Values never change (an operator that writes takes a variable, and a variable's memory is copied while anybody else
// looks at it), so a slot may be read at any later place; only reads and writes of variables keep their order.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "program/nodes.h"
#include "program/program.h"

namespace torchlayers {

// An argument of a call that a pattern makes: a tensor, a list of them, or a constant.
using Argument = std::variant<Ref, std::vector<Ref>, c10::IValue>;

class Graph {
 public:
  // Copies the program's nodes.
  explicit Graph(const Program& source);

  // ---- looking
  int size() const { return static_cast<int>(program_->nodes.size()); }
  const Node& node(int index) const { return *program_->nodes[index]; }
  // The node if it calls this operator ('aten::relu'), else null.
  const OperatorNode* call(int index, std::string_view op) const;
  // Index of the node that makes a value, or -1: an input, a constant, a variable.
  int maker(const Ref& value) const;
  // The call of this operator that makes a value, or null; `index` becomes its place.
  const OperatorNode* made_by(const Ref& value, std::string_view op, int* index = nullptr) const;
  // The nodes that read a value, in order.
  std::vector<int> readers(const Ref& value) const;
  // The only reader of a value, or -1 if there are none, several, or if the program answers it.
  int only_reader(const Ref& value) const;
  bool is_output(const Ref& value) const;
  TensorInfo info(const Ref& value) const { return program_->info(value); }
  const at::Tensor& constant(const Ref& value) const { return program_->constants[value.index]; }
  const Program& program() const { return *program_; }
  // True if no node from `first` up to (not including) `last` writes the variable behind `value`; of other values
  // always.
  bool unwritten(const Ref& value, int first, int last) const;

  // ---- changing
  // A call of an operator. Missing arguments take their defaults. Each of `outputs` is a slot that it takes over, or -1
  // for a new one (all new if empty): their shapes are worked out on meta.
  std::unique_ptr<OperatorNode> make(std::string_view op, std::vector<Argument> arguments, GradMode grad,
                                     std::vector<int> outputs = {});
  // Puts `replacements` in the place of the `matched` nodes (in order) if that changes nothing but speed: nobody else
  // may read what is no longer made, all matched nodes have the same mode of autograd, and no variable may be written
  // between where it was read and where it is read now. Otherwise answers false, and nothing has changed.
  // `note` names the pattern; the text of the program shows it.
  bool replace(std::vector<int> matched, std::vector<std::unique_ptr<Node>> replacements, const std::string& note);
  bool replace(std::vector<int> matched, std::unique_ptr<Node> replacement, const std::string& note);
  // The same for nodes that answer what is already there: readers of `slot` read `value` from now on.
  void substitute(int slot, const Ref& value);
  // Puts nodes before the one at `index`.
  void insert(int index, std::vector<std::unique_ptr<Node>> nodes);
  void erase(int index);
  Ref add_constant(at::Tensor value);
  int add_slot(TensorInfo info);
  // Drops nodes whose results nobody reads (those that write or draw random numbers stay).
  void drop_unread();

  Program& mutable_program() { return *program_; }
  std::shared_ptr<Program> take() { return std::move(program_); }

 private:
  void update();

  std::shared_ptr<Program> program_;
  std::vector<int> makers_;
  std::vector<std::vector<int>> readers_;
};

// Arguments of a recorded call, by their number in the operator's schema.
Ref tensor_argument(const OperatorNode& call, int argument);
std::vector<Ref> list_argument(const OperatorNode& call, int argument);
const c10::IValue& constant_argument(const OperatorNode& call, int argument);
// True for None, and for an argument that no tensor fills.
bool is_none(const OperatorNode& call, int argument);
// 'addmm + relu + dropout': operators of the nodes, without their namespaces.
std::string operators_text(const Graph& graph, const std::vector<int>& nodes);
Ref output_of(const Node& node, int index = 0);

}  // namespace torchlayers
