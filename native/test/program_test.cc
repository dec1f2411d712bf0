// Recorder, programs, gradient scopes and sessions, without JavaScript.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <future>

#include "dispatch/context.h"
#include "dispatch/meta_fallback.h"
#include "tensor/error.h"
#include "training/gather.h"
#include "training/session.h"

#include "test/check.h"

namespace torchlayers {
namespace {

struct Fixture {
  Fixture() {
    at::GradMode::set_enabled(false);
    register_meta_kernels();
  }
  Context context;

  Value call(const char* name, std::vector<Value> tensors, std::vector<c10::IValue> rest = {}) {
    torch::jit::Stack stack(tensors.size());
    std::vector<TensorArgument> arguments;
    for (size_t i = 0; i < tensors.size(); ++i) arguments.push_back({static_cast<int>(i), -1, tensors[i]});
    for (auto& value : rest) stack.push_back(std::move(value));
    return context.call(find_operator(name), std::move(stack), arguments)[0];
  }
  Value mul(const Value& a, const Value& b) { return call("aten::mul.Tensor", {a, b}); }
  Value sum(const Value& a) { return call("aten::sum", {a}, {c10::IValue()}); }
};

Value of(at::Tensor tensor) {
  Value value;
  value.tensor = std::move(tensor);
  return value;
}

Value variable(at::Tensor initial, const char* name) {
  Value value;
  value.variable = std::make_shared<VariableState>(std::move(initial), name);
  return value;
}

TEST(variables_replace_and_copy_before_writing) {
  const at::Tensor initial = at::ones({4});
  VariableState state(initial, "v");
  // The maker still holds the memory: the first write copies, the second doesn't.
  state.prepare_write().add_(1);
  CHECK(initial.sum().item<float>() == 4);
  const void* memory = state.read().const_data_ptr();
  state.prepare_write().add_(1);
  CHECK(state.read().const_data_ptr() == memory);
  const at::Tensor view = state.read().view({2, 2});
  state.prepare_write().add_(1);
  CHECK(view.sum().item<float>() == 12);
  CHECK(state.read().sum().item<float>() == 16);
  CHECK_THROWS(state.assign(at::ones({3})), "expected a value of shape [4], got [3]");
  // A window on a large block doesn't keep the block alive.
  state.assign(at::zeros({1000}).narrow(0, 10, 4));
  CHECK(state.read().storage().nbytes() == 16);
}

TEST(a_filled_variable_takes_its_memory_at_the_first_write) {
  VariableState state(at::full({}, 2.0).expand({1000, 1000}), "slot");
  CHECK(state.read().storage().nbytes() == sizeof(float));
  state.prepare_write().add_(1);
  CHECK(state.read().is_contiguous());
  CHECK(state.read().storage().nbytes() == 1000 * 1000 * sizeof(float));
  CHECK(state.read().sum().item<float>() == 3e6f);
}

TEST(a_recording_holds_no_data_and_its_program_repeats_the_calls) {
  Fixture f;
  const Value w = variable(at::full({2}, 3.0), "w");
  f.context.begin_recording();
  const Value x = f.context.recording().input({2}, at::kFloat, at::kCPU);
  const Value y = f.mul(x, w);
  CHECK(y.tensor.is_meta());
  f.context.assign(w.variable, y);
  auto program = f.context.end_recording({y}, nullptr);
  CHECK(w.variable->read().sum().item<float>() == 6);
  CHECK(program->text() ==
        "program(%0: float32[2]) {\n"
        "  %1: float32[2] = aten::mul.Tensor(%0, @w.0)\n"
        "  assign(@w.0, %1)\n"
        "  return %1\n}");
  const auto results = program->run({at::full({2}, 2.0)});
  CHECK(results[0].sum().item<float>() == 12);
  CHECK(w.variable->read().sum().item<float>() == 12);
  CHECK_THROWS(program->run({at::ones({3})}), "expected input 0 to be float32[2], got float32[3]");
}

TEST(slots_are_released_after_their_last_use) {
  Fixture f;
  f.context.begin_recording();
  const Value x = f.context.recording().input({8}, at::kFloat, at::kCPU);
  const Value a = f.call("aten::neg", {x});
  const Value b = f.call("aten::neg", {a});
  const Value c = f.call("aten::neg", {b});
  f.call("aten::neg", {c});  // nobody reads it
  auto program = f.context.end_recording({c}, nullptr);
  CHECK((program->nodes[0]->release == std::vector<int>{0}));
  CHECK((program->nodes[1]->release == std::vector<int>{1}));
  CHECK((program->nodes[2]->release == std::vector<int>{2}));
  CHECK((program->nodes[3]->release == std::vector<int>{4}));
}

TEST(gradients_run_to_second_order_eagerly_and_in_programs) {
  Fixture f;
  const auto second = [&](const Value& x) {
    const auto outer = f.context.enter_gradient({x});
    const auto inner = f.context.enter_gradient(outer);
    const Value cube = f.sum(f.mul(inner[0], f.mul(inner[0], inner[0])));
    const Value first = f.context.compute_gradient({cube}, {})[0];
    f.context.leave_gradient({});
    const Value result = f.context.compute_gradient({f.sum(first)}, {})[0];
    f.context.leave_gradient({});
    return result;
  };
  const at::Tensor x = at::arange(1, 4, at::kFloat);
  const at::Tensor expected = x.mul(6);
  CHECK(at::allclose(second(of(x)).tensor, expected));
  f.context.begin_recording();
  const Value input = f.context.recording().input({3}, at::kFloat, at::kCPU);
  const Value result = second(input);
  auto program = f.context.end_recording({result}, nullptr);
  CHECK(at::allclose(program->run({x})[0], expected));
  CHECK(!program->run({x})[0].requires_grad());
}

TEST(an_inner_recording_captures_the_outer_ones_tensors) {
  Fixture f;
  f.context.begin_recording();
  const Value x = f.context.recording().input({2}, at::kFloat, at::kCPU);
  const Value doubled = f.mul(x, of(at::full({}, 2.0)));
  const auto branch = [&](const char* name) {
    f.context.begin_recording();
    const Value result = f.call(name, {doubled});
    return f.context.end_recording({result}, nullptr);
  };
  const auto negative = branch("aten::neg");
  const auto absolute = branch("aten::abs");
  CHECK(negative->captured_values.size() == 1);
  const Value predicate = f.call("aten::gt.Scalar", {f.sum(x)}, {at::Scalar(0)});
  const auto results = f.context.condition(predicate, negative, absolute);
  auto program = f.context.end_recording(results, nullptr);
  CHECK(program->run({at::full({2}, 1.0)})[0].sum().item<float>() == -4);
  CHECK(program->run({at::full({2}, -1.0)})[0].sum().item<float>() == 4);
}

TEST(errors_name_the_node_and_what_it_was_given) {
  Fixture f;
  f.context.begin_recording();
  const Value x = f.context.recording().input({1}, at::kLong, at::kCPU);
  const Value table = of(at::ones({3}));
  const Value row = f.context.call(find_operator("aten::index_select"), {c10::IValue(), 0, c10::IValue()},
                                   {{0, -1, table}, {2, -1, x}})[0];
  auto program = f.context.end_recording({row}, nullptr);
  try {
    program->run({at::full({1}, 9, at::kLong)});
    CHECK(false);
  } catch (const NodeError& error) {
    CHECK(error.node() == 0);
    CHECK(std::string(error.what()).find("aten::index_select(float32[3]#0, 0, %0) failed") != std::string::npos);
    CHECK(std::string(error.what()).find("Given float32[3]#0: float32[3], %0: int64[1]") != std::string::npos);
  }
}

TEST(what_depends_on_values_is_refused_while_recording) {
  Fixture f;
  f.context.begin_recording();
  const Value x = f.context.recording().input({4}, at::kFloat, at::kCPU);
  const Value mask = f.call("aten::gt.Scalar", {x}, {at::Scalar(0)});
  CHECK_THROWS(f.call("aten::nonzero", {x}), "depends on values");
  CHECK_THROWS(f.context.call(find_operator("aten::index.Tensor"), torch::jit::Stack(2), {{0, -1, x}, {1, 0, mask}}),
               "depends on values");
  CHECK_THROWS(f.context.tensor_of(x), "asked for while recording");
  CHECK_THROWS(f.call("aten::add_.Tensor", {x, x}, {at::Scalar(1)}), "takes Variables there");
  f.context.abort_recording();
  CHECK_THROWS(f.call("aten::neg", {x}), "asked for while recording");
}

TEST(rows_are_gathered_in_any_order) {
  const at::Tensor data = at::arange(0, 60, at::kFloat).view({20, 3});
  const at::Tensor order = at::tensor({19, 0, 7, 7}, at::kLong);
  CHECK(at::allclose(gather_rows(data, order, 1, 3), data.index_select(0, order.narrow(0, 1, 3))));
  const at::Tensor large = at::arange(0, 1 << 20, at::kFloat).view({1 << 10, 1 << 10});
  const at::Tensor reversed = at::arange((1 << 10) - 1, -1, -1, at::kLong);
  CHECK(at::allclose(gather_rows(large, reversed, 0, 1 << 10), large.flip(0)));
  CHECK(gather_rows(at::zeros({3, 0}), at::zeros({2}, at::kLong), 0, 2).sizes() == at::IntArrayRef({2, 0}));
}

TEST(a_session_owns_its_variables_and_ends_cleanly) {
  Fixture f;
  const Value count = variable(at::zeros({}), "count");
  f.context.begin_recording();
  const Value x = f.context.recording().input({1}, at::kFloat, at::kCPU);
  f.context.assign(count.variable, f.call("aten::add.Tensor", {count, f.sum(x)}, {at::Scalar(1)}));
  auto program = f.context.end_recording({}, nullptr);
  StepJob job;
  job.program = program;
  job.data = {at::ones({100000, 1}).view({100000})};
  job.samples = 100000;
  job.to = job.samples;
  {
    Session session({count.variable}, 1);
    CHECK_THROWS(f.context.tensor_of(count), "belongs to a running fit");
    CHECK_THROWS(Session({count.variable}, 1), "belongs to another running fit");
    std::promise<StepResult> done;
    session.run(job, [&](StepResult result, std::exception_ptr) { done.set_value(std::move(result)); });
    std::promise<float> between;
    session.post([&] { between.set_value(count.variable->read().item<float>()); });
    CHECK(between.get_future().get() >= 0);
    session.stop();
    const StepResult result = done.get_future().get();
    CHECK(result.stopped || result.steps == job.to);
    std::promise<void> again;
    session.run(job, [&](StepResult, std::exception_ptr) { again.set_value(); });
    // Closing while a job runs ends it after the step at hand.
    session.close();
    again.get_future().get();
    CHECK_THROWS(session.run(job, [](StepResult, std::exception_ptr) {}), "closed");
  }
  CHECK(f.context.tensor_of(count).item<float>() >= 0);
}

}  // namespace
}  // namespace torchlayers
