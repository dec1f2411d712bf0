// correct_predictions: how many rows of scores have their largest at the class that the target names, as one float32.
// accumulate_: adds small tensors to variables, all in one call: counters, sums of metrics.
#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS  // else some ATen headers pull in all 2,000 operators
#endif
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <atomic>

#include "kernels/inplace.h"

namespace torchlayers {
namespace {

void check_scores(const at::Tensor& target, const at::Tensor& scores) {
  TORCH_CHECK_TYPE(scores.scalar_type() == at::kFloat, "torchlayers::correct_predictions: expected scores of dtype ",
                   "float32, got ", scores.scalar_type(), "\n  Cast them.");
  TORCH_CHECK_VALUE(scores.dim() == 2 && scores.size(1) > 0,
                    "torchlayers::correct_predictions: expected scores of shape [rows, classes], got ", scores.sizes(),
                    "\n  Reshape them.");
  const bool shares = target.scalar_type() == at::kFloat && target.sizes() == scores.sizes();
  const bool numbers =
      target.dim() == 1 && target.size(0) == scores.size(0) &&
      (target.scalar_type() == at::kFloat || target.scalar_type() == at::kLong || target.scalar_type() == at::kInt);
  TORCH_CHECK_VALUE(shares || numbers, "torchlayers::correct_predictions: expected a target in float32 of shape ",
                    scores.sizes(), " or class numbers of shape [", scores.size(0), "], got ", target.scalar_type(),
                    " ", target.sizes(), "\n  Give one class per row.");
}

// The first place of the largest value; NaN counts as the largest, as in argmax.
int64_t largest(const float* row, int64_t count) {
  int64_t best = 0;
  for (int64_t j = 1; j < count; ++j) {
    if (!(row[j] <= row[best]) && row[best] == row[best]) best = j;
  }
  return best;
}

at::Tensor correct_predictions_cpu(const at::Tensor& target, const at::Tensor& scores) {
  check_scores(target, scores);
  const at::Tensor labels = target.contiguous();
  const at::Tensor given = scores.contiguous();
  const int64_t classes = scores.size(1);
  const float* rows = given.const_data_ptr<float>();
  std::atomic<int64_t> total{0};
  const auto count = [&](const auto& matches) {
    at::parallel_for(0, scores.size(0), std::max<int64_t>(1, 8192 / classes), [&](int64_t first, int64_t last) {
      int64_t found = 0;
      for (int64_t i = first; i < last; ++i) found += matches(i, largest(rows + i * classes, classes)) ? 1 : 0;
      total += found;
    });
  };
  if (labels.dim() == 2) {
    const float* shares = labels.const_data_ptr<float>();
    count([&](int64_t i, int64_t best) { return largest(shares + i * classes, classes) == best; });
  } else if (labels.scalar_type() == at::kLong) {
    const int64_t* numbers = labels.const_data_ptr<int64_t>();
    count([&](int64_t i, int64_t best) { return numbers[i] == best; });
  } else if (labels.scalar_type() == at::kInt) {
    const int32_t* numbers = labels.const_data_ptr<int32_t>();
    count([&](int64_t i, int64_t best) { return numbers[i] == best; });
  } else {
    const float* numbers = labels.const_data_ptr<float>();
    count([&](int64_t i, int64_t best) { return numbers[i] == static_cast<float>(best); });
  }
  at::Tensor result = at::empty({}, scores.options());
  *result.mutable_data_ptr<float>() = static_cast<float>(total.load());
  return result;
}

at::Tensor correct_predictions_meta(const at::Tensor& target, const at::Tensor& scores) {
  check_scores(target, scores);
  return at::empty({}, scores.options().device(at::kMeta));
}

void check_sums(at::TensorList sums, at::TensorList values) {
  TORCH_CHECK_VALUE(sums.size() == values.size(), "torchlayers::accumulate_: expected one value per sum, got ",
                    values.size(), " for ", sums.size(), "\n  Give two lists of the same length.");
  for (size_t i = 0; i < sums.size(); ++i) {
    TORCH_CHECK_VALUE(sums[i].sizes() == values[i].sizes() && sums[i].scalar_type() == values[i].scalar_type() &&
                          sums[i].is_contiguous(),
                      "torchlayers::accumulate_: expected value ", i, " as ", sums[i].scalar_type(), " of shape ",
                      sums[i].sizes(), ", got ", values[i].scalar_type(), " of shape ", values[i].sizes(),
                      "\n  Cast or expand it first.");
  }
}

void accumulate_cpu(at::TensorList sums, at::TensorList values) {
  check_sums(sums, values);
  for (size_t i = 0; i < sums.size(); ++i) {
    const at::Tensor value = values[i].contiguous();
    AT_DISPATCH_ALL_TYPES(value.scalar_type(), "accumulate_", [&] {
      scalar_t* to = sums[i].mutable_data_ptr<scalar_t>();
      const scalar_t* from = value.const_data_ptr<scalar_t>();
      for (int64_t j = 0; j < value.numel(); ++j) to[j] = static_cast<scalar_t>(to[j] + from[j]);
    });
  }
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("correct_predictions", correct_predictions_cpu);
  m.impl("accumulate_", accumulate_cpu);
}
TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("correct_predictions", correct_predictions_meta);
  m.impl("accumulate_", check_sums);
}
TORCH_LIBRARY_IMPL(torchlayers, ADInplaceOrView, m) { m.impl("accumulate_", bump_written_arguments()); }
TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("correct_predictions", refuse_gradient());
  m.impl("accumulate_", refuse_gradient());
}

}  // namespace torchlayers
