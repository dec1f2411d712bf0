// Linear + bias + activation + dropout: one operator, torchlayers::dense.
#include <string_view>

#include "kernels/activation.h"
#include "program/patterns.h"

namespace torchlayers {
namespace {

constexpr const char* kDense = "torchlayers::dense";

bool is_one(const c10::IValue& value) {
  return (value.isInt() && value.toInt() == 1) || (value.isDouble() && value.toDouble() == 1);
}

bool fits(const Graph& graph, const Ref& value) {
  if (value.kind == Ref::Kind::None) return false;
  const TensorInfo info = graph.info(value);
  return info.dtype == at::kFloat && info.device.is_cpu();
}

int64_t columns(const Graph& graph, const Ref& weight) { return graph.info(weight).sizes.back(); }

bool is_bias(const Graph& graph, const Ref& bias, int64_t units) {
  return fits(graph, bias) && graph.info(bias).sizes == std::vector<int64_t>{units};
}

// The values that backward needs are kept only where a gradient may be asked for.
bool kept(const Graph& graph, int index) { return graph.node(index).grad == GradMode::On; }

bool make_dense(Graph& graph, int index, const std::vector<int>& matched, const Ref& x, const Ref& weight,
                const Ref& bias) {
  const Node& last = graph.node(index);
  auto node = graph.make(kDense, {x, weight, bias, c10::IValue("none"), Ref(), c10::IValue(0.0), kept(graph, index)},
                         last.grad, {last.outputs[0], -1});
  return graph.replace(matched, std::move(node), "dense");
}

}  // namespace

// addmm(bias, x, weight), mm(x, weight), matmul(x, weight)
bool fuse_linear(Graph& graph, int index) {
  Ref x;
  Ref weight;
  Ref bias;
  if (const auto* addmm = graph.call(index, "aten::addmm")) {
    if (!is_one(constant_argument(*addmm, 3)) || !is_one(constant_argument(*addmm, 4))) return false;
    bias = tensor_argument(*addmm, 0);
    x = tensor_argument(*addmm, 1);
    weight = tensor_argument(*addmm, 2);
  } else if (const auto* mm = graph.call(index, "aten::mm")) {
    x = tensor_argument(*mm, 0);
    weight = tensor_argument(*mm, 1);
  } else if (const auto* matmul = graph.call(index, "aten::matmul")) {
    x = tensor_argument(*matmul, 0);
    weight = tensor_argument(*matmul, 1);
  } else {
    return false;
  }
  if (!fits(graph, x) || !fits(graph, weight)) return false;
  if (graph.info(x).sizes.size() < 2 || graph.info(weight).sizes.size() != 2) return false;
  if (bias.kind != Ref::Kind::None && !is_bias(graph, bias, columns(graph, weight))) return false;
  return make_dense(graph, index, {index}, x, weight, bias);
}

// dense + a vector
bool fuse_linear_bias(Graph& graph, int index) {
  const auto* add = graph.call(index, "aten::add.Tensor");
  if (add == nullptr || !is_one(constant_argument(*add, 2))) return false;
  for (const int side : {0, 1}) {
    int place = -1;
    const auto* dense = graph.made_by(tensor_argument(*add, side), kDense, &place);
    if (dense == nullptr || tensor_argument(*dense, 2).kind != Ref::Kind::None) continue;
    if (constant_argument(*dense, 3).toStringRef() != "none" || tensor_argument(*dense, 4).kind != Ref::Kind::None)
      continue;
    const Ref bias = tensor_argument(*add, 1 - side);
    const Ref weight = tensor_argument(*dense, 1);
    if (!is_bias(graph, bias, columns(graph, weight))) continue;
    return make_dense(graph, index, {place, index}, tensor_argument(*dense, 0), weight, bias);
  }
  return false;
}

// An activation of a dense without one.
bool fuse_activation(Graph& graph, int index) {
  const auto* call = dynamic_cast<const OperatorNode*>(&graph.node(index));
  if (call == nullptr || call->outputs.size() != 1) return false;
  const char* name = nullptr;
  if (call->op->name == "aten::relu") name = "relu";
  if (call->op->name == "aten::sigmoid") name = "sigmoid";
  if (call->op->name == "aten::tanh") name = "tanh";
  if (call->op->name == "aten::silu") name = "silu";
  if (call->op->name == "aten::gelu") {
    const auto& approximate = constant_argument(*call, 1);
    if (!approximate.isString()) return false;
    name = approximate.toStringRef() == "tanh" ? "gelu_tanh" : "gelu";
  }
  if (name == nullptr) return false;
  int place = -1;
  const auto* dense = graph.made_by(tensor_argument(*call, 0), kDense, &place);
  if (dense == nullptr || constant_argument(*dense, 3).toStringRef() != "none" ||
      tensor_argument(*dense, 4).kind != Ref::Kind::None)
    return false;
  auto node = graph.make(kDense,
                         {tensor_argument(*dense, 0), tensor_argument(*dense, 1), tensor_argument(*dense, 2),
                          c10::IValue(name), Ref(), c10::IValue(0.0), kept(graph, index)},
                         call->grad, {call->outputs[0], -1});
  return graph.replace({place, index}, std::move(node), "dense");
}

// Dropout, a draw for each element, of a dense without it.
bool fuse_dropout(Graph& graph, int index) {
  const auto* dropout = graph.call(index, "torchlayers::dropout");
  if (dropout == nullptr || !is_none(*dropout, 3)) return false;
  int place = -1;
  const auto* dense = graph.made_by(tensor_argument(*dropout, 0), kDense, &place);
  if (dense == nullptr || tensor_argument(*dense, 4).kind != Ref::Kind::None) return false;
  auto node = graph.make(
      kDense,
      {tensor_argument(*dense, 0), tensor_argument(*dense, 1), tensor_argument(*dense, 2), constant_argument(*dense, 3),
       tensor_argument(*dropout, 1), constant_argument(*dropout, 2), kept(graph, index)},
      dropout->grad, {dropout->outputs[0], -1});
  return graph.replace({place, index}, std::move(node), "dense");
}

}  // namespace torchlayers
