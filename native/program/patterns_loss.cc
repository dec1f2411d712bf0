// Cross-entropies: torchlayers::crossentropy. Matching begins at the logarithm of clipped shares.
#include "program/patterns.h"

namespace torchlayers {
namespace {

constexpr const char* kCrossentropy = "torchlayers::crossentropy";

bool is_matrix(const Graph& graph, const Ref& value) {
  if (value.kind == Ref::Kind::None) return false;
  const TensorInfo info = graph.info(value);
  return info.dtype == at::kFloat && info.device.is_cpu() && info.sizes.size() == 2;
}

// Whether a list of axes is the last one of a matrix.
bool is_last(const c10::IValue& axes) {
  if (!axes.isIntList()) return false;
  const auto list = axes.toIntVector();
  return list.size() == 1 && (list[0] == 1 || list[0] == -1);
}

// log(clamp(p / sum(p), low, high)): what a loss of probabilities begins with.
struct Shares {
  Ref p;
  double low = 0;
  double high = 0;
  std::vector<int> nodes;
};

bool match_shares(const Graph& graph, const Ref& logs, Shares& found) {
  int log_place = -1;
  int clamp_place = -1;
  int div_place = -1;
  int sum_place = -1;
  const auto* log = graph.made_by(logs, "aten::log", &log_place);
  if (log == nullptr) return false;
  const auto* clamp = graph.made_by(tensor_argument(*log, 0), "aten::clamp", &clamp_place);
  if (clamp == nullptr || !constant_argument(*clamp, 1).isDouble() || !constant_argument(*clamp, 2).isDouble())
    return false;
  const auto* div = graph.made_by(tensor_argument(*clamp, 0), "aten::div.Tensor", &div_place);
  if (div == nullptr) return false;
  const auto* sum = graph.made_by(tensor_argument(*div, 1), "aten::sum.dim_IntList", &sum_place);
  if (sum == nullptr || !is_last(constant_argument(*sum, 1)) || !constant_argument(*sum, 2).toBool() ||
      !constant_argument(*sum, 3).isNone())
    return false;
  found.p = tensor_argument(*div, 0);
  if (tensor_argument(*sum, 0) != found.p || !is_matrix(graph, found.p)) return false;
  found.low = constant_argument(*clamp, 1).toDouble();
  found.high = constant_argument(*clamp, 2).toDouble();
  found.nodes = {sum_place, div_place, clamp_place, log_place};
  return found.low <= found.high;
}

bool replace_shares(Graph& graph, int index, Shares shares, const Ref& target) {
  const Node& last = graph.node(index);
  int softmax_place = -1;
  const auto* softmax = graph.made_by(shares.p, "aten::softmax.int", &softmax_place);
  const bool whole = softmax != nullptr && constant_argument(*softmax, 2).isNone() &&
                     constant_argument(*softmax, 1).isInt() &&
                     (constant_argument(*softmax, 1).toInt() == 1 || constant_argument(*softmax, 1).toInt() == -1);
  const auto make = [&](const Ref& x, const char* from, int second) {
    return graph.make(kCrossentropy, {x, target, shares.low, shares.high, c10::IValue(from), false}, last.grad,
                      {last.outputs[0], second});
  };
  if (whole) {
    auto nodes = shares.nodes;
    nodes.push_back(softmax_place);
    // The probabilities stay: metrics and callers may read them.
    if (graph.replace(nodes, make(tensor_argument(*softmax, 0), "softmax", shares.p.index), "crossentropy"))
      return true;
  }
  return graph.replace(shares.nodes, make(shares.p, "probabilities", -1), "crossentropy");
}

}  // namespace

// neg(sum(target * log(clamp(p / sum(p))), classes))
bool fuse_categorical_crossentropy(Graph& graph, int index) {
  const auto* neg = graph.call(index, "aten::neg");
  if (neg == nullptr) return false;
  int sum_place = -1;
  int mul_place = -1;
  const auto* sum = graph.made_by(tensor_argument(*neg, 0), "aten::sum.dim_IntList", &sum_place);
  if (sum == nullptr || !is_last(constant_argument(*sum, 1)) || constant_argument(*sum, 2).toBool() ||
      !constant_argument(*sum, 3).isNone())
    return false;
  const auto* mul = graph.made_by(tensor_argument(*sum, 0), "aten::mul.Tensor", &mul_place);
  if (mul == nullptr) return false;
  for (const int side : {1, 0}) {
    Shares shares;
    if (!match_shares(graph, tensor_argument(*mul, side), shares)) continue;
    const Ref target = tensor_argument(*mul, 1 - side);
    if (!is_matrix(graph, target) || graph.info(target).sizes != graph.info(shares.p).sizes) continue;
    shares.nodes.insert(shares.nodes.end(), {mul_place, sum_place, index});
    return replace_shares(graph, index, std::move(shares), target);
  }
  return false;
}

// nll_loss(log(clamp(p / sum(p))), class numbers), a loss per row
bool fuse_sparse_crossentropy(Graph& graph, int index) {
  const auto* loss = graph.call(index, "aten::nll_loss");
  if (loss == nullptr || !is_none(*loss, 2) || constant_argument(*loss, 3).toInt() != 0) return false;
  // A class that is left out: no number of a class may be it.
  if (constant_argument(*loss, 4).toInt() >= 0) return false;
  Shares shares;
  if (!match_shares(graph, tensor_argument(*loss, 0), shares)) return false;
  const Ref target = tensor_argument(*loss, 1);
  if (target.kind == Ref::Kind::None || graph.info(target).dtype != at::kLong || graph.info(target).sizes.size() != 1)
    return false;
  shares.nodes.push_back(index);
  return replace_shares(graph, index, std::move(shares), target);
}

// cross_entropy_loss(scores, target), a loss per row
bool fuse_logits_crossentropy(Graph& graph, int index) {
  const auto* loss = graph.call(index, "aten::cross_entropy_loss");
  if (loss == nullptr || !is_none(*loss, 2) || constant_argument(*loss, 3).toInt() != 0) return false;
  const auto& smoothing = constant_argument(*loss, 5);
  if (constant_argument(*loss, 4).toInt() >= 0 ||
      !(smoothing.isDouble() ? smoothing.toDouble() == 0 : smoothing.toInt() == 0))
    return false;
  const Ref scores = tensor_argument(*loss, 0);
  const Ref target = tensor_argument(*loss, 1);
  if (!is_matrix(graph, scores) || target.kind == Ref::Kind::None) return false;
  const TensorInfo labels = graph.info(target);
  const bool numbers = labels.dtype == at::kLong && labels.sizes.size() == 1;
  const bool shares = is_matrix(graph, target) && labels.sizes == graph.info(scores).sizes;
  if (!numbers && !shares) return false;
  auto node = graph.make(kCrossentropy, {scores, target, 0.0, 1.0, c10::IValue("logits"), false}, loss->grad,
                         {loss->outputs[0], -1});
  return graph.replace({index}, std::move(node), "crossentropy");
}

// The mean over the rows of a loss.
bool fuse_mean_of_loss(Graph& graph, int index) {
  const auto* mean = graph.call(index, "aten::mean.dim");
  if (mean == nullptr || constant_argument(*mean, 2).toBool() || !constant_argument(*mean, 3).isNone()) return false;
  const auto& axes = constant_argument(*mean, 1);
  if (!axes.isNone() && !(axes.isIntList() && axes.toIntVector() == std::vector<int64_t>{0})) return false;
  int place = -1;
  const auto* loss = graph.made_by(tensor_argument(*mean, 0), kCrossentropy, &place);
  if (loss == nullptr || loss->outputs[0] != tensor_argument(*mean, 0).index || constant_argument(*loss, 5).toBool())
    return false;
  auto node = graph.make(kCrossentropy,
                         {tensor_argument(*loss, 0), tensor_argument(*loss, 1), constant_argument(*loss, 2),
                          constant_argument(*loss, 3), constant_argument(*loss, 4), true},
                         mean->grad, {mean->outputs[0], loss->outputs[1]});
  return graph.replace({place, index}, std::move(node), "crossentropy");
}

// binary_cross_entropy_with_logits, and neg(target * log(p) + (1 - target) * log(1 - p)) with p = clamp(x)
bool fuse_binary_crossentropy(Graph& graph, int index) {
  const auto usable = [&](const Ref& x, const Ref& target) {
    if (x.kind == Ref::Kind::None || target.kind == Ref::Kind::None) return false;
    const TensorInfo a = graph.info(x);
    const TensorInfo b = graph.info(target);
    return a.dtype == at::kFloat && b.dtype == at::kFloat && a.sizes == b.sizes && a.device.is_cpu() &&
           b.device.is_cpu();
  };
  if (const auto* logits = graph.call(index, "aten::binary_cross_entropy_with_logits")) {
    const Ref x = tensor_argument(*logits, 0);
    const Ref target = tensor_argument(*logits, 1);
    if (!is_none(*logits, 2) || !is_none(*logits, 3) || constant_argument(*logits, 4).toInt() != 0) return false;
    if (!usable(x, target)) return false;
    auto node =
        graph.make("torchlayers::binary_crossentropy", {x, target, 0.0, 1.0, true}, logits->grad, {logits->outputs[0]});
    return graph.replace({index}, std::move(node), "binary_crossentropy");
  }
  const auto* neg = graph.call(index, "aten::neg");
  if (neg == nullptr) return false;
  std::vector<int> matched = {index};
  int place = -1;
  const auto step = [&](const Ref& value, std::string_view op) {
    const auto* found = graph.made_by(value, op, &place);
    if (found != nullptr) matched.push_back(place);
    return found;
  };
  const auto is_one = [&](const Ref& value) {
    return value.kind == Ref::Kind::Constant && graph.constant(value).numel() == 1 &&
           graph.constant(value).item().toDouble() == 1;
  };
  const auto plain = [](const OperatorNode& call) {
    const auto& alpha = constant_argument(call, 2);
    return alpha.isInt() ? alpha.toInt() == 1 : alpha.isDouble() && alpha.toDouble() == 1;
  };
  const auto* add = step(tensor_argument(*neg, 0), "aten::add.Tensor");
  if (add == nullptr || !plain(*add)) return false;
  const auto* yes = step(tensor_argument(*add, 0), "aten::mul.Tensor");
  const auto* no = step(tensor_argument(*add, 1), "aten::mul.Tensor");
  if (yes == nullptr || no == nullptr) return false;
  const auto* log_yes = step(tensor_argument(*yes, 1), "aten::log");
  const auto* log_no = step(tensor_argument(*no, 1), "aten::log");
  const auto* rest = step(tensor_argument(*no, 0), "aten::sub.Tensor");
  if (log_yes == nullptr || log_no == nullptr || rest == nullptr || !plain(*rest)) return false;
  const auto* other = step(tensor_argument(*log_no, 0), "aten::sub.Tensor");
  const Ref p = tensor_argument(*log_yes, 0);
  const Ref target = tensor_argument(*yes, 0);
  if (other == nullptr || !plain(*other) || !is_one(tensor_argument(*rest, 0)) || !is_one(tensor_argument(*other, 0)))
    return false;
  if (tensor_argument(*rest, 1) != target || tensor_argument(*other, 1) != p) return false;
  const auto* clamp = step(p, "aten::clamp");
  if (clamp == nullptr || !constant_argument(*clamp, 1).isDouble() || !constant_argument(*clamp, 2).isDouble())
    return false;
  const Ref x = tensor_argument(*clamp, 0);
  if (!usable(x, target)) return false;
  auto node = graph.make("torchlayers::binary_crossentropy",
                         {x, target, constant_argument(*clamp, 1), constant_argument(*clamp, 2), false}, neg->grad,
                         {neg->outputs[0]});
  return graph.replace(matched, std::move(node), "binary_crossentropy");
}

}  // namespace torchlayers
