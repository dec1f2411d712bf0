// Recorder, programs, gradient scopes and sessions, without JavaScript.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

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

// A step that adds its rows to a count.
ProgramPtr counting(Fixture& f, const Value& count) {
  f.context.begin_recording();
  const Value x = f.context.recording().input({1}, at::kFloat, at::kCPU);
  f.context.assign(count.variable, f.call("aten::add.Tensor", {count, f.sum(x)}, {at::Scalar(1)}));
  return f.context.end_recording({}, nullptr);
}

StepJob job_of(const ProgramPtr& program, int64_t steps) {
  StepJob job;
  job.program = program;
  job.data = {at::ones({steps})};
  job.samples = steps;
  job.to = steps;
  return job;
}

TEST(what_a_program_assigns_is_bound_outside_too) {
  Fixture f;
  const Value w = variable(at::full({1}, 2.0), "w");
  f.context.begin_recording();
  f.context.assign(w.variable, f.mul(w, w));
  const auto squared = f.context.end_recording({}, nullptr);
  CHECK(!squared->pure());
  f.context.begin_recording();
  const Value x = f.context.recording().input({1}, at::kFloat, at::kCPU);
  const auto results = f.context.condition(f.call("aten::gt.Scalar", {x}, {at::Scalar(0)}), squared, squared);
  const Value after = f.mul(w, w);
  const auto program = f.context.end_recording({after}, nullptr);
  CHECK(results.empty());
  CHECK(!program->pure());
  const auto leaf = f.context.enter_gradient({w});
  const auto values = f.context.run(program, {of(at::ones({1}))});
  // (w^2)^2, then by w: 4 w^3; the scope reads the new value.
  CHECK(f.context.tensor_of(w).item<float>() == 4);
  CHECK(f.context.compute_gradient({f.sum(values[0])}, {})[0].tensor.item<float>() == 32);
  f.context.leave_gradient({});
  CHECK(!w.variable->read().requires_grad());
}

TEST(values_leave_a_scope_cut_unless_somebody_watches_around_it) {
  Fixture f;
  f.context.begin_recording();
  const Value x = f.context.recording().input({1}, at::kFloat, at::kCPU);
  const auto leaf = f.context.enter_gradient({x});
  const Value y = f.sum(f.mul(leaf[0], leaf[0]));
  f.context.compute_gradient({y}, {});
  const auto kept = f.context.leave_gradient({y});
  const auto program = f.context.end_recording(kept, nullptr);
  // Where nothing watches there is nothing to cut.
  CHECK(program->text().find("detach(") == std::string::npos);
  CHECK(std::any_of(program->nodes.begin(), program->nodes.end(),
                    [](const auto& node) { return dynamic_cast<const DetachNode*>(node.get()) != nullptr; }));
  const at::Tensor input = at::full({1}, 3.0).requires_grad_(true);
  CHECK(!program->run({input})[0].requires_grad());
  at::AutoGradMode watched(true);
  CHECK(program->run({input})[0].requires_grad());
}

TEST(a_write_that_a_gradient_watched_leaves_no_graph) {
  VariableState state(at::ones({2}), "v");
  at::AutoGradMode watched(true);
  const at::Tensor x = at::ones({2}).requires_grad_(true);
  state.prepare_write().add_(x);
  CHECK(state.read().requires_grad());
  state.finish_write();
  CHECK(!state.read().requires_grad());
  CHECK(state.read().sum().item<float>() == 4);
}

TEST(a_program_serves_many_threads_at_once) {
  Fixture f;
  f.context.begin_recording();
  const Value x = f.context.recording().input({64}, at::kFloat, at::kCPU);
  Value y = x;
  for (int i = 0; i < 20; ++i) y = f.call("aten::add.Tensor", {y, of(at::ones({64}))}, {at::Scalar(1)});
  const auto program = f.context.end_recording({y}, nullptr);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      at::GradMode::set_enabled(false);
      for (int j = 0; j < 50; ++j) {
        right += program->run({at::full({64}, static_cast<float>(i))})[0].sum().item<float>() ==
                 64.f * static_cast<float>(i + 20);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 200);
}

TEST(sessions_answer_stop_and_close_at_any_moment) {
  Fixture f;
  const Value count = variable(at::zeros({}), "count");
  const auto program = counting(f, count);
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> answered{0};
    std::atomic<int> done{0};
    std::atomic<int> closed{0};
    {
      Session session({count.variable}, 1);
      const auto ask = [&] { session.post([&] { answered += count.variable->read().item<float>() >= 0; }); };
      const auto finished = [&](StepResult, std::exception_ptr error) { done += error == nullptr; };
      auto job = job_of(program, 2000);
      job.on_progress = [&](int64_t, std::vector<double>) { session.progress_taken(); };
      session.run(job, finished);
      ask();
      if (round % 3 == 0) session.stop();
      session.run(job, finished);
      ask();
      session.shuffle(10, at::zeros({2}, at::kLong));
      if (round % 2 == 0) {
        session.close_later([&] { ++closed; });
        session.close_later([&] { ++closed; });
        CHECK_THROWS(session.run(job, finished), "closed");
      }
      ask();
    }
    CHECK(answered == 3);
    CHECK(done == 2);
    CHECK(closed == (round % 2 == 0 ? 2 : 0));
    CHECK(count.variable->owner.load() == 0);
  }
}

TEST(variables_are_given_back_between_jobs) {
  Fixture f;
  const Value count = variable(at::zeros({}), "count");
  const auto program = counting(f, count);
  Session session({count.variable}, 1);
  for (int round = 0; round < 100; ++round) {
    std::promise<void> done;
    session.own(*program);
    session.run(job_of(program, 20), [&](StepResult, std::exception_ptr) { done.set_value(); });
    if (round % 5 == 0) CHECK_THROWS(f.context.tensor_of(count), "belongs to a running fit");
    std::atomic<int> answered{0};
    for (int i = 0; i < 3; ++i) {
      session.post([&] { answered += count.variable->read().item<float>() >= 0; });
    }
    done.get_future().get();
    session.release_idle();
    CHECK(answered == 3);
    f.context.assign(count.variable, of(at::zeros({})));
  }
  CHECK(f.context.tensor_of(count).item<float>() == 0);
}

TEST(a_task_that_throws_ends_the_job_and_not_the_thread) {
  Fixture f;
  const Value count = variable(at::zeros({}), "count");
  const auto program = counting(f, count);
  Session session({count.variable}, 1);
  const auto run = [&](int64_t steps) {
    std::promise<std::string> outcome;
    session.run(job_of(program, steps), [&](StepResult, std::exception_ptr error) {
      try {
        if (error) std::rethrow_exception(error);
        outcome.set_value("done");
      } catch (const std::exception& thrown) {
        outcome.set_value(thrown.what());
      }
    });
    return outcome.get_future().get();
  };
  session.post([] { throw StateError("on purpose"); });
  CHECK(run(5) == "on purpose");
  CHECK(run(5) == "done");
}

}  // namespace
}  // namespace torchlayers
