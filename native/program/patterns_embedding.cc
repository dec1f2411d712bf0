// Embedding + dropout + pooling over the steps: torchlayers::embedding_max and embedding_sum, without the tensor
// [batch, steps, dim] in between.
#include "program/patterns.h"

namespace torchlayers {
namespace {

constexpr int64_t kSteps = 1;
constexpr int64_t kRank = 3;

// What is pooled: rows of a table, perhaps with dropout.
struct Lookup {
  Ref weight, indices, seed;
  double rate = 0;
  std::vector<int> places;
};

bool is_false(const c10::IValue& value) { return value.isBool() && !value.toBool(); }

// embedding, or dropout of it with a draw for each element.
bool find_lookup(const Graph& graph, const Ref& value, Lookup& lookup) {
  int place = -1;
  const OperatorNode* embedding = graph.made_by(value, "aten::embedding", &place);
  if (embedding == nullptr) {
    const auto* dropout = graph.made_by(value, "torchlayers::dropout", &place);
    if (dropout == nullptr || !is_none(*dropout, 3)) return false;
    lookup.seed = tensor_argument(*dropout, 1);
    lookup.rate = constant_argument(*dropout, 2).toDouble();
    lookup.places.push_back(place);
    embedding = graph.made_by(tensor_argument(*dropout, 0), "aten::embedding", &place);
    if (embedding == nullptr) return false;
  }
  lookup.places.push_back(place);
  // No row for padding, gradients neither scaled nor sparse.
  const auto& padding = constant_argument(*embedding, 2);
  if (!padding.isInt() || padding.toInt() >= 0) return false;
  if (!is_false(constant_argument(*embedding, 3)) || !is_false(constant_argument(*embedding, 4))) return false;
  lookup.weight = tensor_argument(*embedding, 0);
  lookup.indices = tensor_argument(*embedding, 1);
  const TensorInfo table = graph.info(lookup.weight);
  const TensorInfo indices = graph.info(lookup.indices);
  return table.dtype == at::kFloat && table.device.is_cpu() && table.sizes.size() == 2 && indices.device.is_cpu() &&
         (indices.dtype == at::kInt || indices.dtype == at::kLong) && indices.sizes.size() == 2;
}

// Whether a reduction is over the steps alone, and drops them.
bool pools_steps(const c10::IValue& dims, const c10::IValue& keepdim) {
  if (!dims.isIntList() || !is_false(keepdim)) return false;
  const auto axes = dims.toIntVector();
  return axes.size() == 1 && (axes[0] == kSteps || axes[0] == kSteps - kRank);
}

bool replace_by_sum(Graph& graph, int index, Lookup lookup, const Ref& mask, double factor, const char* name) {
  const Node& last = graph.node(index);
  lookup.places.push_back(index);
  auto node =
      graph.make("torchlayers::embedding_sum",
                 {lookup.weight, lookup.indices, mask, lookup.seed, c10::IValue(lookup.rate), c10::IValue(factor)},
                 last.grad, {last.outputs[0]});
  return graph.replace(lookup.places, std::move(node), name);
}

// A number that is 0, as a constant of the program.
bool is_zero(const Graph& graph, const Ref& value) {
  if (value.kind != Ref::Kind::Constant) return false;
  const at::Tensor& constant = graph.constant(value);
  return constant.dim() == 0 && constant.device().is_cpu() && constant.item().toDouble() == 0;
}

}  // namespace

// amax over the steps
bool fuse_embedding_max(Graph& graph, int index) {
  const auto* amax = graph.call(index, "aten::amax");
  if (amax == nullptr || !pools_steps(constant_argument(*amax, 1), constant_argument(*amax, 2))) return false;
  Lookup lookup;
  if (!find_lookup(graph, tensor_argument(*amax, 0), lookup)) return false;
  lookup.places.push_back(index);
  // What backward needs is kept only where a gradient may be asked for.
  const bool kept = amax->grad == GradMode::On;
  auto node = graph.make("torchlayers::embedding_max",
                         {lookup.weight, lookup.indices, lookup.seed, c10::IValue(lookup.rate), c10::IValue(kept)},
                         amax->grad, {amax->outputs[0], -1, -1});
  return graph.replace(lookup.places, std::move(node), "embedding max");
}

// mean over the steps
bool fuse_embedding_mean(Graph& graph, int index) {
  const auto* mean = graph.call(index, "aten::mean.dim");
  if (mean == nullptr || !is_none(*mean, 3)) return false;
  if (!pools_steps(constant_argument(*mean, 1), constant_argument(*mean, 2))) return false;
  Lookup lookup;
  if (!find_lookup(graph, tensor_argument(*mean, 0), lookup)) return false;
  const int64_t steps = graph.info(lookup.indices).sizes[1];
  if (steps == 0) return false;
  return replace_by_sum(graph, index, std::move(lookup), Ref(), 1.0 / static_cast<double>(steps), "embedding mean");
}

// sum over the steps, also of where(mask[:, :, None], x, 0)
bool fuse_embedding_sum(Graph& graph, int index) {
  const auto* sum = graph.call(index, "aten::sum.dim_IntList");
  if (sum == nullptr || !is_none(*sum, 3)) return false;
  if (!pools_steps(constant_argument(*sum, 1), constant_argument(*sum, 2))) return false;
  Lookup lookup;
  const Ref summed = tensor_argument(*sum, 0);
  int place = -1;
  Ref mask;
  const auto* where = graph.made_by(summed, "aten::where.self", &place);
  if (where != nullptr) {
    if (!is_zero(graph, tensor_argument(*where, 2))) return false;
    const auto* column = graph.made_by(tensor_argument(*where, 0), "aten::unsqueeze");
    if (column == nullptr) return false;
    const int64_t axis = constant_argument(*column, 1).toInt();
    mask = tensor_argument(*column, 0);
    if (axis != kRank - 1 && axis != -1) return false;
    lookup.places.push_back(place);
  }
  if (!find_lookup(graph, where != nullptr ? tensor_argument(*where, 1) : summed, lookup)) return false;
  if (where != nullptr) {
    const TensorInfo info = graph.info(mask);
    if (info.dtype != at::kBool || info.sizes != graph.info(lookup.indices).sizes) return false;
  }
  return replace_by_sum(graph, index, std::move(lookup), mask, 1, "embedding sum");
}

}  // namespace torchlayers
