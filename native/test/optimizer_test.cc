// The list optimizers against their formulas written out in double precision, over several steps, sizes and dtypes.
#include "test/operators.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kernels/foreach_fallback.h"

#include "test/check.h"  // last: libtorch has a CHECK of its own

namespace torchlayers::test {
namespace {

using List = std::vector<at::Tensor>;
using Numbers = std::vector<std::vector<double>>;
using Sgd = void(at::TensorList, at::TensorList, at::TensorList, const at::Tensor&, double, bool);
using Rmsprop = void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, const at::Tensor&,
                     double, double, double, bool);
using Adam = void(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, const at::Tensor&,
                  const at::Tensor&, double, double, double, bool);
using Ema = void(at::TensorList, at::TensorList, double, const std::optional<at::Tensor>&);
using Norm = at::Tensor(at::TensorList);

constexpr int kSteps = 3;
constexpr double kRate = 0.05;

at::Tensor number(double value, at::ScalarType dtype = at::kFloat) {
  return at::scalar_tensor(value, at::TensorOptions().dtype(dtype));
}

// Odd sizes: none, one, below and above a vector, and enough for several threads.
List random_list(at::ScalarType dtype, int64_t key) {
  List list;
  int64_t offset = 0;
  for (const std::vector<int64_t>& size : {std::vector<int64_t>{}, {3}, {0, 5}, {17}, {31, 33}, {40009}, {1, 1}}) {
    list.push_back(uniform(make_seed(key, offset++), size, -1, 1, dtype));
  }
  return list;
}

List zeros(const List& like) {
  List list;
  for (const at::Tensor& tensor : like) list.push_back(at::zeros_like(tensor));
  return list;
}

List none() { return {}; }

List clone(const List& list) {
  List copies;
  for (const at::Tensor& tensor : list) copies.push_back(tensor.clone());
  return copies;
}

Numbers doubles(const List& list) {
  Numbers numbers;
  for (const at::Tensor& tensor : list) {
    const at::Tensor values = tensor.to(at::kDouble).contiguous();
    const double* data = values.const_data_ptr<double>();
    numbers.emplace_back(data, data + values.numel());
  }
  return numbers;
}

// Rounding of a few steps in the dtype that the weights are stored in.
double tolerance(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return 1e-12;
    case at::kFloat:
      return 4e-6;
    case at::kHalf:
      return 1e-2;
    default:
      return 8e-2;
  }
}

void check_list(const List& actual, const Numbers& expected, at::ScalarType dtype) {
  const Numbers numbers = doubles(actual);
  double worst = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    for (size_t j = 0; j < numbers[i].size(); ++j) {
      const double error = std::abs(numbers[i][j] - expected[i][j]);
      worst = error <= worst ? worst : error;  // keeps a NaN
    }
  }
  CHECK_CLOSE(worst, 0, tolerance(dtype));
}

// One optimizer in one setting: how the operator is called, and its formula for one element.
// `slots` are the lists that it keeps, `element` gets weight, gradient and those slots' values.
struct Setting {
  size_t slots;
  bool ours;  // our kernel, not the composition of libtorch's operators
  std::function<void(const List& params, const List& grads, const std::vector<List>& slots, int64_t step)> call;
  std::function<void(double& w, double g, std::vector<double>& s, int64_t step)> element;
};

std::vector<List> run(const Setting& setting, at::ScalarType dtype) {
  List params = random_list(dtype, 1);
  std::vector<List> state(setting.slots, zeros(params));
  for (List& slot : state) slot = zeros(params);
  for (int64_t step = 0; step < kSteps; ++step) setting.call(params, random_list(dtype, 100 + step), state, step);
  state.insert(state.begin(), params);
  return state;
}

void check_setting(const Setting& setting) {
  for (const at::ScalarType dtype : kRealDtypes) {
    const std::vector<List> state = run(setting, dtype);
    Numbers params = doubles(random_list(dtype, 1));
    std::vector<Numbers> slots(setting.slots, doubles(zeros(random_list(dtype, 1))));
    for (int64_t step = 0; step < kSteps; ++step) {
      const Numbers grads = doubles(random_list(dtype, 100 + step));
      for (size_t i = 0; i < params.size(); ++i) {
        std::vector<double> values(slots.size());
        for (size_t j = 0; j < params[i].size(); ++j) {
          for (size_t k = 0; k < slots.size(); ++k) values[k] = slots[k][i][j];
          setting.element(params[i][j], grads[i][j], values, step);
          for (size_t k = 0; k < slots.size(); ++k) slots[k][i][j] = values[k];
        }
      }
    }
    check_list(state[0], params, dtype);
    for (size_t k = 0; k < slots.size(); ++k) check_list(state[k + 1], slots[k], dtype);
    if (!setting.ours) continue;
    // The elements are cut between threads anywhere: every cut gives the same bits.
    std::vector<List> one;
    {
      const Threads threads(1);
      one = run(setting, dtype);
    }
    const Threads threads(3);
    const std::vector<List> three = run(setting, dtype);
    for (size_t k = 0; k < one.size(); ++k) {
      for (size_t i = 0; i < one[k].size(); ++i) CHECK(same_bits(one[k][i], three[k][i]));
    }
  }
}

// `function` null: the operator through the dispatcher; else the composition for devices without a kernel.
Setting sgd(double momentum, bool nesterov, Sgd* function = nullptr) {
  return {momentum != 0 ? size_t{1} : size_t{0}, function == nullptr,
          [=](const List& w, const List& g, const std::vector<List>& s, int64_t) {
            const List v = s.empty() ? none() : s[0];
            if (function != nullptr) return function(w, g, v, number(kRate, at::kDouble), momentum, nesterov);
            operator_named<Sgd>("sgd_").call(w, g, v, number(kRate, at::kDouble), momentum, nesterov);
          },
          [=](double& w, double g, std::vector<double>& s, int64_t) {
            if (momentum == 0) {
              w -= kRate * g;
              return;
            }
            s[0] = momentum * s[0] - kRate * g;
            w += nesterov ? momentum * s[0] - kRate * g : s[0];
          }};
}

Setting rmsprop(double momentum, bool centered, Rmsprop* function = nullptr) {
  constexpr double kRho = 0.9;
  constexpr double kEpsilon = 1e-3;
  const bool with_momentum = momentum > 0;
  return {size_t{1} + (with_momentum ? 1 : 0) + (centered ? 1 : 0), function == nullptr,
          [=](const List& w, const List& g, const std::vector<List>& s, int64_t) {
            const List momentums = with_momentum ? s[1] : none();
            const List averages = centered ? s.back() : none();
            if (function != nullptr) {
              return function(w, g, s[0], momentums, averages, number(kRate, at::kDouble), kRho, momentum, kEpsilon,
                              centered);
            }
            operator_named<Rmsprop>("rmsprop_")
                .call(w, g, s[0], momentums, averages, number(kRate, at::kDouble), kRho, momentum, kEpsilon, centered);
          },
          [=](double& w, double g, std::vector<double>& s, int64_t) {
            s[0] = kRho * s[0] + (1 - kRho) * g * g;
            double denominator = s[0] + kEpsilon;
            if (centered) {
              s.back() = kRho * s.back() + (1 - kRho) * g;
              denominator -= s.back() * s.back();
            }
            double step = kRate * g / std::sqrt(denominator);
            if (with_momentum) step = s[1] = momentum * s[1] + step;
            w -= step;
          }};
}

Setting adam(bool amsgrad, Adam* function = nullptr) {
  constexpr double kBeta1 = 0.9;
  constexpr double kBeta2 = 0.99;
  constexpr double kEpsilon = 1e-3;
  return {amsgrad ? size_t{3} : size_t{2}, function == nullptr,
          [=](const List& w, const List& g, const std::vector<List>& s, int64_t step) {
            const List vhat = amsgrad ? s[2] : none();
            const at::Tensor iterations = number(static_cast<double>(step), step % 2 == 0 ? at::kInt : at::kLong);
            if (function != nullptr) {
              return function(w, g, s[0], s[1], vhat, iterations, number(kRate, at::kDouble), kBeta1, kBeta2, kEpsilon,
                              amsgrad);
            }
            operator_named<Adam>("adam_").call(w, g, s[0], s[1], vhat, iterations, number(kRate, at::kDouble), kBeta1,
                                               kBeta2, kEpsilon, amsgrad);
          },
          [=](double& w, double g, std::vector<double>& s, int64_t step) {
            const double t = static_cast<double>(step) + 1;
            s[0] += (1 - kBeta1) * (g - s[0]);
            s[1] += (1 - kBeta2) * (g * g - s[1]);
            double square = s[1];
            if (amsgrad) square = s[2] = std::max(s[2], s[1]);
            const double alpha = kRate * std::sqrt(1 - std::pow(kBeta2, t)) / (1 - std::pow(kBeta1, t));
            w -= alpha * s[0] / (std::sqrt(square) + kEpsilon);
          }};
}

TEST(sgd_formula) {
  for (Sgd* function : {static_cast<Sgd*>(nullptr), &sgd_foreach}) {
    check_setting(sgd(0, false, function));
    check_setting(sgd(0.9, false, function));
    check_setting(sgd(0.9, true, function));
  }
}

TEST(rmsprop_formula) {
  for (Rmsprop* function : {static_cast<Rmsprop*>(nullptr), &rmsprop_foreach}) {
    for (const double momentum : {0.0, 0.7}) {
      for (const bool centered : {false, true}) check_setting(rmsprop(momentum, centered, function));
    }
  }
}

TEST(adam_formula) {
  for (Adam* function : {static_cast<Adam*>(nullptr), &adam_foreach}) {
    check_setting(adam(false, function));
    check_setting(adam(true, function));
  }
}

TEST(ema_formula) {
  for (Ema* function : {static_cast<Ema*>(nullptr), &ema_foreach}) {
    for (const at::ScalarType dtype : kRealDtypes) {
      const auto call = [&](const List& averages, const List& params, const std::optional<at::Tensor>& iterations) {
        if (function != nullptr) return function(averages, params, 0.9, iterations);
        operator_named<Ema>("ema_").call(averages, params, 0.9, iterations);
      };
      const List params = random_list(dtype, 1);
      const List averages = random_list(dtype, 2);
      Numbers expected = doubles(averages);
      const Numbers weights = doubles(params);
      for (size_t i = 0; i < expected.size(); ++i) {
        for (size_t j = 0; j < expected[i].size(); ++j) expected[i][j] = 0.9 * expected[i][j] + 0.1 * weights[i][j];
      }
      const List later = clone(averages);
      call(averages, params, std::nullopt);
      check_list(averages, expected, dtype);
      call(later, params, number(3, at::kLong));
      check_list(later, expected, dtype);
      call(later, params, number(0, at::kLong));
      check_list(later, weights, dtype);
    }
  }
}

TEST(global_norm_formula) {
  for (Norm* function : {static_cast<Norm*>(nullptr), &global_norm_foreach}) {
    const auto norm = [&](const List& grads) {
      return function != nullptr ? function(grads) : operator_named<Norm>("global_norm").call(grads);
    };
    for (const at::ScalarType dtype : kRealDtypes) {
      const List grads = random_list(dtype, 5);
      double squares = 0;
      for (const std::vector<double>& values : doubles(grads)) {
        for (const double value : values) squares += value * value;
      }
      const at::Tensor result = norm(grads);
      CHECK(result.dim() == 0 && result.scalar_type() == (dtype == at::kDouble ? at::kDouble : at::kFloat));
      CHECK_CLOSE(result.item<double>(), std::sqrt(squares),
                  (dtype == at::kDouble  ? 1e-12
                   : function != nullptr ? 2e-5
                                         : 1e-6) *
                      std::sqrt(squares));
    }
    CHECK(norm({}).item<double>() == 0);
  }
  const Threads threads(1);
  const at::Tensor one = operator_named<Norm>("global_norm").call(random_list(at::kFloat, 5));
  const Threads more(3);
  CHECK(same_bits(one, operator_named<Norm>("global_norm").call(random_list(at::kFloat, 5))));
}

TEST(gradients_may_be_strided_or_of_another_dtype) {
  const List grads = {uniform(make_seed(1, 1), {31, 33}, -1, 1)};
  const auto updated = [&](const at::Tensor& grad) {
    List params = {at::ones({31, 33})};
    sgd(0, false).call(params, {grad}, {}, 0);
    return params[0];
  };
  const at::Tensor expected = updated(grads[0]);
  CHECK(same_bits(expected, updated(grads[0].t().contiguous().t())));
  CHECK(same_bits(expected, updated(grads[0].to(at::kDouble))));
}

TEST(one_list_may_mix_dtypes) {
  List params = {at::ones({5}, at::kFloat), at::ones({5}, at::kDouble), at::ones({5}, at::kHalf)};
  const List grads = clone(params);
  sgd(0, false).call(params, grads, {}, 0);
  for (const at::Tensor& param : params) CHECK_CLOSE(param[4].item<double>(), 1 - kRate, 1e-3);
}

std::vector<int64_t> versions(const std::vector<List>& lists) {
  std::vector<int64_t> result;
  for (const List& list : lists) {
    for (const at::Tensor& tensor : list) result.push_back(static_cast<int64_t>(tensor._version()));
  }
  return result;
}

void check_versions(const Setting& setting) {
  const List params = random_list(at::kFloat, 1);
  const List grads = random_list(at::kFloat, 2);
  std::vector<List> written;
  for (size_t k = 0; k < setting.slots; ++k) written.push_back(zeros(params));
  const std::vector<List> slots = written;
  written.push_back(params);
  std::vector<int64_t> expected = versions(written);
  const std::vector<int64_t> read = versions({grads});
  setting.call(params, grads, slots, 0);
  for (int64_t& version : expected) ++version;
  CHECK(versions(written) == expected);
  CHECK(versions({grads}) == read);
}

TEST(every_written_tensor_gets_a_new_version) {
  check_versions(sgd(0, false));
  check_versions(sgd(0.9, true));
  check_versions(rmsprop(0.5, true));
  check_versions(adam(true));
  const List averages = random_list(at::kFloat, 1);
  operator_named<Ema>("ema_").call(averages, random_list(at::kFloat, 2), 0.9, std::nullopt);
  for (const at::Tensor& average : averages) CHECK(average._version() == 1);
}

TEST(an_update_between_forward_and_gradient_is_seen) {
  for (const Setting& setting : {sgd(0, false), sgd(0.9, false), rmsprop(0, false), adam(false)}) {
    List params = {at::ones({4}).requires_grad_()};
    const at::Tensor loss = params[0].pow(3).sum();
    std::vector<List> slots(setting.slots, {at::zeros({4})});
    for (List& slot : slots) slot = {at::zeros({4})};
    {
      const at::NoGradGuard guard;
      setting.call(params, {at::ones({4})}, slots, 0);
    }
    CHECK_THROWS(torch::autograd::grad({loss}, {params[0]}), "modified by an inplace operation");
  }
}

TEST(recording_a_gradient_through_an_update_is_refused) {
  const List weights = {at::ones({4}).requires_grad_()};
  const List ones = {at::ones({4})};
  for (const Setting& setting : {sgd(0, false), sgd(0.9, false), rmsprop(0, false), adam(false)}) {
    const std::vector<List> slots(setting.slots, {at::zeros({4})});
    CHECK_THROWS(setting.call(weights, ones, slots, 0), "expected arguments without gradient, got params[0]");
    CHECK_THROWS(setting.call(ones, weights, slots, 0), "expected arguments without gradient, got grads[0]");
  }
  CHECK_THROWS(operator_named<Norm>("global_norm").call(weights), "got grads[0] that requires one");
  CHECK_THROWS(operator_named<Ema>("ema_").call(ones, weights, 0.9, std::nullopt), "got params[0] that requires one");
}

List on(at::Device device, const List& list) {
  List moved;
  for (const at::Tensor& tensor : list) moved.push_back(tensor.to(device));
  return moved;
}

TEST(wrong_arguments_are_errors_on_cpu_and_meta) {
  const auto sgd_op = operator_named<Sgd>("sgd_");
  const auto adam_op = operator_named<Adam>("adam_");
  for (const at::Device device : {at::Device(at::kCPU), at::Device(at::kMeta)}) {
    const auto made = [&](at::IntArrayRef size, at::ScalarType dtype = at::kFloat) {
      return at::zeros(size, at::TensorOptions().dtype(dtype).device(device));
    };
    const at::Tensor lr = made({});
    const at::Tensor steps = made({}, at::kLong);
    const List w = {made({2, 3})};
    CHECK_THROWS(sgd_op.call(w, {}, {}, lr, 0, false), "expected one gradient per weight, got 0 for 1 weights");
    CHECK_THROWS(sgd_op.call(w, {made({3, 2})}, {}, lr, 0, false),
                 "expected gradient 0 of shape [2, 3] like its weight, got [3, 2]");
    CHECK_THROWS(sgd_op.call(w, {made({2, 3}, at::kInt)}, {}, lr, 0, false), "got gradient 0 of dtype Int");
    CHECK_THROWS(sgd_op.call({made({2}, at::kInt)}, {made({2})}, {}, lr, 0, false), "got weight 0 of dtype Int");
    CHECK_THROWS(sgd_op.call({made({2, 3}).t()}, {made({3, 2})}, {}, lr, 0, false), "expected contiguous weights");
    CHECK_THROWS(sgd_op.call(w, w, {}, lr, 0.9, false), "expected 1 tensors in velocities, got 0");
    CHECK_THROWS(sgd_op.call(w, w, w, lr, 0, false), "expected 0 tensors in velocities, got 1");
    CHECK_THROWS(sgd_op.call(w, w, {made({6})}, lr, 0.9, false), "expected velocities[0] contiguous of shape [2, 3]");
    CHECK_THROWS(sgd_op.call(w, w, {made({2, 3}, at::kDouble)}, lr, 0.9, false),
                 "expected velocities[0] of dtype Float");
    CHECK_THROWS(sgd_op.call(w, w, {}, made({1}), 0, false), "expected lr as a floating tensor of shape []");
    CHECK_THROWS(adam_op.call(w, w, w, w, {}, lr, lr, 0.9, 0.9, 1e-7, false),
                 "expected iterations as an integer tensor");
    CHECK_THROWS(adam_op.call(w, w, w, w, {}, steps, lr, 0.9, 0.9, 1e-7, true), "expected 1 tensors in vhat, got 0");
    CHECK_THROWS(operator_named<Ema>("ema_").call(w, {made({4})}, 0.9, std::nullopt),
                 "expected params entry 0 of shape");
    CHECK_THROWS(operator_named<Norm>("global_norm").call({made({4}, at::kLong)}), "got gradient 0 of dtype Long");
  }
}

TEST(meta_accepts_what_the_cpu_accepts) {
  for (const at::ScalarType dtype : kRealDtypes) {
    const List meta = on(at::kMeta, random_list(dtype, 1));
    for (const Setting& setting : {sgd(0, false), sgd(0.9, true), rmsprop(0.5, true), adam(true)}) {
      setting.call(meta, meta, std::vector<List>(setting.slots, meta), 0);
    }
    operator_named<Ema>("ema_").call(meta, meta, 0.9, std::nullopt);
    const at::Tensor norm = operator_named<Norm>("global_norm").call(meta);
    CHECK(norm.is_meta() && norm.dim() == 0 &&
          norm.scalar_type() == operator_named<Norm>("global_norm").call(random_list(dtype, 1)).scalar_type());
  }
}

}  // namespace
}  // namespace torchlayers::test
