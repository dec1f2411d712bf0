// Metrics and counters: what is small but costs a call each.
#include "program/patterns.h"

namespace torchlayers {
namespace {

constexpr const char* kAccumulate = "torchlayers::accumulate_";

const OperatorNode* largest_of(const Graph& graph, const Ref& value, int* place) {
  const auto* argmax = graph.made_by(value, "aten::argmax", place);
  if (argmax == nullptr || !constant_argument(*argmax, 1).isInt() || constant_argument(*argmax, 2).toBool())
    return nullptr;
  const Ref given = tensor_argument(*argmax, 0);
  if (given.kind == Ref::Kind::None) return nullptr;
  const TensorInfo info = graph.info(given);
  const int64_t axis = constant_argument(*argmax, 1).toInt();
  const bool last = axis == 1 || axis == -1;
  return last && info.dtype == at::kFloat && info.device.is_cpu() && info.sizes.size() == 2 && info.sizes[1] > 0
             ? argmax
             : nullptr;
}

// The variable that an addition adds to: named itself, or read just before.
Ref variable_of(const Graph& graph, const Ref& value, int* read_place) {
  *read_place = -1;
  if (value.kind == Ref::Kind::Variable) return value;
  const int place = graph.maker(value);
  if (place < 0) return {};
  const auto* read = dynamic_cast<const ReadNode*>(&graph.node(place));
  if (read == nullptr) return {};
  *read_place = place;
  return Ref::variable(read->variable);
}

}  // namespace

// sum(float(argmax(target) == argmax(scores))), and the same with class numbers as target
bool fuse_correct_predictions(Graph& graph, int index) {
  const auto* sum = graph.call(index, "aten::sum.dim_IntList");
  if (sum == nullptr || !constant_argument(*sum, 1).isNone() || !constant_argument(*sum, 3).isNone()) return false;
  int cast_place = -1;
  int equal_place = -1;
  const auto* cast = graph.made_by(tensor_argument(*sum, 0), "aten::to.dtype", &cast_place);
  if (cast == nullptr || graph.info(output_of(*cast)).dtype != at::kFloat) return false;
  const auto* equal = graph.made_by(tensor_argument(*cast, 0), "aten::eq.Tensor", &equal_place);
  if (equal == nullptr) return false;
  for (const int side : {0, 1}) {
    std::vector<int> matched = {equal_place, cast_place, index};
    const Ref guess = tensor_argument(*equal, 1 - side);
    const Ref truth = tensor_argument(*equal, side);
    if (truth.kind == Ref::Kind::None || guess.kind == Ref::Kind::None) continue;
    int place = -1;
    Ref target;
    Ref chosen = guess;
    // The class numbers of the guess may have been cast to the labels' dtype.
    if (const auto* to = graph.made_by(guess, "aten::to.dtype", &place)) {
      chosen = tensor_argument(*to, 0);
      matched.push_back(place);
    }
    const auto* scores = largest_of(graph, chosen, &place);
    if (scores == nullptr) continue;
    matched.push_back(place);
    if (const auto* label = largest_of(graph, truth, &place); label != nullptr && chosen == guess) {
      target = tensor_argument(*label, 0);
      if (graph.info(target).sizes != graph.info(tensor_argument(*scores, 0)).sizes) continue;
      matched.push_back(place);
    } else {
      const TensorInfo info = graph.info(truth);
      const bool whole = info.dtype == at::kFloat || info.dtype == at::kLong || info.dtype == at::kInt;
      const bool one_each = info.sizes == std::vector<int64_t>{graph.info(tensor_argument(*scores, 0)).sizes[0]};
      if (!whole || !one_each || graph.info(guess).dtype != info.dtype) continue;
      target = truth;
    }
    auto node = graph.make("torchlayers::correct_predictions", {target, tensor_argument(*scores, 0)}, sum->grad,
                           {sum->outputs[0]});
    if (graph.replace(matched, std::move(node), "accuracy")) return true;
  }
  return false;
}

// assign(v, v + x) for small tensors
bool fuse_accumulate(Graph& graph, int index) {
  const auto* assign = dynamic_cast<const AssignNode*>(&graph.node(index));
  if (assign == nullptr) return false;
  int add_place = -1;
  const auto* add = graph.made_by(assign->value, "aten::add.Tensor", &add_place);
  if (add == nullptr) return false;
  const auto& alpha = constant_argument(*add, 2);
  if (!(alpha.isInt() ? alpha.toInt() == 1 : alpha.isDouble() && alpha.toDouble() == 1)) return false;
  const Ref variable = Ref::variable(assign->variable);
  for (const int side : {0, 1}) {
    int read_place = -1;
    if (variable_of(graph, tensor_argument(*add, side), &read_place) != variable) continue;
    const Ref value = tensor_argument(*add, 1 - side);
    if (value.kind == Ref::Kind::None || value == variable) continue;
    const TensorInfo sum = graph.info(variable);
    const TensorInfo given = graph.info(value);
    if (sum.sizes != given.sizes || sum.dtype != given.dtype || !sum.device.is_cpu() || !given.device.is_cpu() ||
        at::isReducedFloatingType(sum.dtype) || at::isComplexType(sum.dtype) || sum.dtype == at::kBool)
      continue;
    int64_t numel = 1;
    for (const int64_t size : sum.sizes) numel *= size;
    if (numel > 64) continue;
    // What was read must still be the variable's value where it is added to.
    if (read_place >= 0 && !graph.unwritten(variable, read_place, index)) continue;
    if (!graph.unwritten(variable, add_place, index)) continue;
    auto node = graph.make(kAccumulate, {std::vector<Ref>{variable}, std::vector<Ref>{value}}, GradMode::Off);
    return graph.replace({add_place, index}, std::move(node), "accumulate");
  }
  return false;
}

// Two of them become one, at the place of the later.
bool fuse_accumulates(Graph& graph, int index) {
  const auto* later = graph.call(index, kAccumulate);
  if (later == nullptr) return false;
  for (int place = index - 1; place >= 0; --place) {
    const auto* earlier = graph.call(place, kAccumulate);
    if (earlier == nullptr) continue;
    auto sums = list_argument(*earlier, 0);
    auto values = list_argument(*earlier, 1);
    const auto more = list_argument(*later, 0);
    const auto added = list_argument(*later, 1);
    bool apart = true;
    for (const Ref& sum : more) {
      for (const auto& list : {sums, values}) {
        for (const Ref& other : list) apart = apart && other != sum;
      }
    }
    for (const Ref& value : added) {
      for (const Ref& sum : sums) apart = apart && value != sum;
    }
    if (!apart) continue;
    sums.insert(sums.end(), more.begin(), more.end());
    values.insert(values.end(), added.begin(), added.end());
    auto node = graph.make(kAccumulate, {sums, values}, GradMode::Off);
    if (graph.replace({place, index}, std::move(node), "accumulate")) return true;
  }
  return false;
}

}  // namespace torchlayers
