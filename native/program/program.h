// A recorded function: a list of nodes over numbered slots. Immutable once finished, so that any number of threads may
// run it at once; a run has its own frame.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/value.h"

namespace torchlayers {

// Where a node finds a tensor.
struct Ref {
  enum class Kind { None, Slot, Constant, Variable };
  Kind kind = Kind::None;
  int index = -1;

  bool operator==(const Ref&) const = default;
  static Ref slot(int index) { return {Kind::Slot, index}; }
  static Ref constant(int index) { return {Kind::Constant, index}; }
  static Ref variable(int index) { return {Kind::Variable, index}; }
};

// Whether libtorch's autograd watches a node: as at the program's start, always, or never.
enum class GradMode { Inherit, On, Off };

struct TensorInfo {
  std::vector<int64_t> sizes;
  at::ScalarType dtype = at::ScalarType::Float;
  at::Device device = at::kCPU;
};

class Program;

// State of one run.
struct Frame {
  explicit Frame(const Program& program);

  const Program& program;
  std::vector<at::Tensor> slots;
  // What an enclosing eager gradient reads variables as (undefined for those that it doesn't watch), or null if there
  // is none. An assignment replaces the entry, so that later reads, here and outside, see the new tensor with its
  // graph.
  std::vector<at::Tensor>* bound = nullptr;
  // Autograd's state when the run began.
  bool grad_at_start = false;

  at::Tensor get(const Ref& ref) const;
  // Runs a sub-program, with what is bound here.
  std::vector<at::Tensor> run(const Program& sub, std::vector<at::Tensor> arguments);
};

class Node {
 public:
  virtual ~Node() = default;
  virtual void run(Frame& frame) const = 0;
  // Text without the outputs: 'aten::relu(%1)'.
  virtual std::string text(const Program& program) const = 0;
  // Calls `visit` for each ref that the node reads.
  virtual void reads(const std::function<void(const Ref&)>& visit) const = 0;
  // Whether the node changes variables.
  virtual bool mutates() const { return false; }
  // Calls `visit` for each variable that the node writes, by its number in the program.
  virtual void writes(const Program& program, const std::function<void(int)>& visit) const {}
  virtual std::unique_ptr<Node> clone() const = 0;
  // Puts other refs in the place of those that the node reads (never of what it writes).
  virtual void replace_reads(const std::function<Ref(const Ref&)>& change) = 0;

  // Index of the recorded node that this one does the work of, for errors and call sites.
  int origin = -1;
  // For a node that the fusion pass made: which pattern, of which operators.
  std::string note;
  std::vector<int> outputs;
  GradMode grad = GradMode::Inherit;
  // Slots that no later node and no output reads: released after this node.
  std::vector<int> release;
};

class Program {
 public:
  std::vector<TensorInfo> inputs;
  // Inputs after the first `explicit_inputs` are tensors of the enclosing recording that this one uses: their slots
  // here, and what they are there.
  int explicit_inputs = 0;
  std::vector<int> input_slots;
  std::vector<Value> captured_values;
  std::vector<at::Tensor> constants;
  std::vector<VariablePtr> variables;
  std::vector<TensorInfo> slots;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<Ref> outputs;
  // The same function with patterns of nodes replaced by our operators; used where no gradient outside watches the run.
  std::shared_ptr<const Program> fused;

  // Fills the nodes' `release`. Called once, when recording ends.
  void finish();
  // Runs all nodes. Inputs are checked against the signature; errors are NodeErrors.
  // `bound` may be null, or hold a tensor (or nothing) for each variable.
  std::vector<at::Tensor> run(std::vector<at::Tensor> arguments, std::vector<at::Tensor>* bound = nullptr) const;
  // True if a run changes no variable: it may then be repeated.
  bool pure() const;
  // One node a line; `timings`: with the products that were chosen by timing, once they have run.
  std::string text(bool timings = false) const;
  std::string text(const Ref& ref) const;
  // Shape, dtype and device of what a ref stands for.
  TensorInfo info(const Ref& ref) const;
  int node_count() const { return static_cast<int>(executed().nodes.size()); }
  // The form that runs outside gradients: what `text` and `node_count` tell of.
  const Program& executed() const { return fused ? *fused : *this; }

 private:
  std::vector<at::Tensor> run_nodes(std::vector<at::Tensor> arguments, std::vector<at::Tensor>* bound) const;
  std::string own_text(bool timings) const;
};

using ProgramPtr = std::shared_ptr<Program>;

}  // namespace torchlayers
