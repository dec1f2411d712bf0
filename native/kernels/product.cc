#include "kernels/product.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "kernels/gemm.h"

namespace torchlayers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<const char*, 3> kNames = {"ours", "mkl", "onednn"};
// Another one must be this much faster than ours to be taken: timings vary, and with them would the last bits.
constexpr double kClearly = 0.8;
// Below this many multiply-adds ours is taken without a look: the libraries' set-up costs more than the product.
constexpr int64_t kSmall = 1 << 16;
// Multiply-adds of the products that are timed.
constexpr int64_t kLargestTimed = int64_t{1} << 25;
// B is laid out anew only up to this size.
constexpr int64_t kLargestPacked = int64_t{8} << 20;

struct Choice {
  ProductBy by = ProductBy::Ours;
  std::array<double, 3> microseconds{-1, -1, -1};
};

std::mutex mutex;
std::optional<ProductBy> forced;

using Key = std::tuple<int, int64_t, int64_t, int64_t>;

std::map<Key, Choice>& choices() {
  static auto* instance = new std::map<Key, Choice>();
  return *instance;
}

Key key_of(const ProductShape& s) { return {static_cast<int>(s.kind), s.m, s.n, s.k}; }

using LinearSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                   std::string_view, c10::List<std::optional<at::Scalar>>,
                                   std::optional<std::string_view>);

const std::optional<c10::TypedOperatorHandle<LinearSignature>>& onednn_linear() {
  static const auto op = []() -> std::optional<c10::TypedOperatorHandle<LinearSignature>> {
    const auto found = c10::Dispatcher::singleton().findOp({"mkldnn::_linear_pointwise", ""});
    if (!found.has_value() || !found->hasSchema() || !at::globalContext().userEnabledMkldnn() ||
        !found->hasKernelForDispatchKey(c10::DispatchKey::CPU))
      return std::nullopt;
    return found->typed<LinearSignature>();
  }();
  return op;
}

Gemm gemm_of(const ProductShape& s, const float* a, const float* b, const float* bias, float* c) {
  Gemm g;
  g.m = s.m;
  g.n = s.n;
  g.k = s.k;
  g.a = a;
  g.transpose_a = s.kind == ProductKind::WeightGradient;
  g.lda = g.transpose_a ? s.m : s.k;
  g.b = b;
  g.transpose_b = s.kind == ProductKind::InputGradient;
  g.ldb = g.transpose_b ? s.k : s.n;
  g.c = c;
  g.ldc = s.n;
  g.bias = bias;
  return g;
}

void by_mkl(const ProductShape& s, const at::Tensor& a, const at::Tensor& b, const float* bias, at::Tensor& out) {
  const at::Tensor left = s.kind == ProductKind::WeightGradient ? a.t() : a;
  const at::Tensor right = s.kind == ProductKind::InputGradient ? b.t() : b;
  if (bias == nullptr) {
    at::mm_out(out, left, right);
  } else {
    const at::Tensor row = at::from_blob(const_cast<float*>(bias), {s.n}, out.options());
    at::addmm_out(out, row, left, right);
  }
}

void by_onednn(const ProductShape& s, const at::Tensor& a, const at::Tensor& b, const float* bias, at::Tensor& out) {
  std::optional<at::Tensor> row;
  if (bias != nullptr) row = at::from_blob(const_cast<float*>(bias), {s.n}, out.options());
  const at::Tensor weight = s.kind == ProductKind::InputGradient ? b : b.t();
  const at::Tensor result = onednn_linear()->call(a, weight, row, "none", c10::List<std::optional<at::Scalar>>(), "");
  std::memcpy(out.mutable_data_ptr<float>(), result.const_data_ptr<float>(), out.nbytes());
}

bool possible(ProductBy by, const ProductShape& s) {
  switch (by) {
    case ProductBy::Ours:
      return (s.kind != ProductKind::InputGradient && s.n % 16 == 0) || s.n * s.k * 4 <= kLargestPacked;
    case ProductBy::Mkl:
      return true;
    case ProductBy::OneDnn:
      return s.kind != ProductKind::WeightGradient && s.m > 0 && s.n > 0 && s.k > 0 && onednn_linear().has_value();
  }
  return false;
}

// Fewer rows of a large product: who is faster per row shows with these already.
ProductShape shortened(ProductShape s) {
  int64_t& rows = s.kind == ProductKind::WeightGradient ? s.k : s.m;
  const int64_t each = std::max<int64_t>(1, s.kind == ProductKind::WeightGradient ? s.m * s.n : s.n * s.k);
  rows = std::min(rows, std::max<int64_t>(256, kLargestTimed / each));
  return s;
}

Choice measure(const ProductShape& whole) {
  const ProductShape s = shortened(whole);
  const bool transposed = s.kind == ProductKind::WeightGradient;
  const at::Tensor a = at::ones(transposed ? std::array{s.k, s.m} : std::array{s.m, s.k});
  const at::Tensor b = at::ones(s.kind == ProductKind::InputGradient ? std::array{s.n, s.k} : std::array{s.k, s.n});
  const at::Tensor bias = at::ones({s.n});
  at::Tensor out = at::empty({s.m, s.n});
  const float* row = s.kind == ProductKind::Forward ? bias.const_data_ptr<float>() : nullptr;
  Choice choice;
  // A large product is timed fewer times; the first round also sets the libraries up.
  const int rounds = static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k) > 2e7 ? 3 : 8;
  for (int round = 0; round < rounds; ++round) {
    for (const ProductBy by : {ProductBy::Ours, ProductBy::Mkl, ProductBy::OneDnn}) {
      if (!possible(by, s)) continue;
      const auto start = Clock::now();
      product_into(by, s, a, b, row, out);
      const double spent = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
      double& best = choice.microseconds[static_cast<size_t>(by)];
      if (round > 0 && (best < 0 || spent < best)) best = spent;
    }
  }
  double limit = choice.microseconds[0] < 0 ? INFINITY : choice.microseconds[0] * kClearly;
  choice.by = ProductBy::Ours;
  for (const ProductBy by : {ProductBy::Mkl, ProductBy::OneDnn}) {
    const double spent = choice.microseconds[static_cast<size_t>(by)];
    if (spent < 0 || spent >= limit) continue;
    limit = spent;
    choice.by = by;
  }
  return choice;
}

}  // namespace

void force_product(std::optional<ProductBy> by) {
  const std::lock_guard<std::mutex> lock(mutex);
  forced = by;
}

ProductBy product_choice(const ProductShape& shape) {
  if (shape.m * shape.n * shape.k <= kSmall && !forced.has_value()) return ProductBy::Ours;
  const Key key = key_of(shape);
  const std::lock_guard<std::mutex> lock(mutex);
  if (forced.has_value()) return possible(*forced, shape) ? *forced : ProductBy::Mkl;
  auto found = choices().find(key);
  if (found == choices().end()) {
    at::NoGradGuard guard;
    found = choices().emplace(key, measure(shape)).first;
  }
  return found->second.by;
}

std::string product_choice_text(const ProductShape& shape) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = choices().find(key_of(shape));
  if (found == choices().end()) return "";
  const Choice* choice = &found->second;
  const auto timed = [&](size_t i) {
    return std::string(kNames[i]) + " " + std::to_string(std::lround(choice->microseconds[i])) + " us";
  };
  const auto chosen = static_cast<size_t>(choice->by);
  std::string text = timed(chosen);
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (i != chosen && choice->microseconds[i] >= 0) text += ", " + timed(i);
  }
  return text;
}

void product_into(ProductBy by, const ProductShape& shape, const at::Tensor& a, const at::Tensor& b, const float* bias,
                  at::Tensor& out) {
  switch (by) {
    case ProductBy::Ours:
      return gemm_run(
          gemm_of(shape, a.const_data_ptr<float>(), b.const_data_ptr<float>(), bias, out.mutable_data_ptr<float>()));
    case ProductBy::Mkl:
      return by_mkl(shape, a, b, bias, out);
    case ProductBy::OneDnn:
      return by_onednn(shape, a, b, bias, out);
  }
}

}  // namespace torchlayers
