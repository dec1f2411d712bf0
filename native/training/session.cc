#include "training/session.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <chrono>
#include <utility>

#include "dispatch/operator.h"
#include "tensor/error.h"
#include "training/gather.h"
#include "training/threads.h"

namespace torchlayers {
namespace {

using Clock = std::chrono::steady_clock;

// Showing more often than this serves nobody, and each look at the logs costs a small program.
constexpr auto kProgressInterval = std::chrono::milliseconds(30);

}  // namespace

Session::Session(const std::vector<VariablePtr>& variables, int threads) : id(next_id()) {
  try {
    for (const auto& variable : variables) take(variable);
    thread_ = std::thread([this, threads] { loop(threads); });
  } catch (...) {
    release();
    throw;
  }
}

Session::~Session() { close(); }

void Session::take(const VariablePtr& variable) {
  uint64_t nobody = 0;
  if (variable->owner.compare_exchange_strong(nobody, id)) {
    variables_.push_back(variable);
  } else if (nobody != id) {
    throw StateError("Variable \"" + variable->name +
                     "\" belongs to another running fit.\n  Await that fit first, or clone the model.");
  }
}

void Session::own(const Program& program) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closing_) throw StateError("training: the session is closed.");
  for (const auto& variable : program.variables) take(variable);
}

void Session::release() {
  for (const auto& variable : variables_) variable->owner.store(0, std::memory_order_release);
  variables_.clear();
}

void Session::run(StepJob job, std::function<void(StepResult, std::exception_ptr)> done) {
  auto shared = std::make_shared<StepJob>(std::move(job));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) throw StateError("training: the session is closed.");
    ++unfinished_;
    jobs_.push_back([this, shared, number = ++last_job_, done = std::move(done)] {
      StepResult result;
      std::exception_ptr error;
      try {
        result = steps(*shared, number);
      } catch (...) {
        error = std::current_exception();
      }
      // The data may be large: let go of it before anybody hears that the job is done.
      *shared = StepJob();
      {
        std::lock_guard<std::mutex> lock(mutex_);
        --unfinished_;
      }
      done(std::move(result), error);
    });
  }
  wake_.notify_one();
}

void Session::post(std::function<void()> task) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!released_) {
      between_.push_back(std::move(task));
      has_between_.store(true, std::memory_order_release);
      wake_.notify_one();
      return;
    }
  }
  task();
}

void Session::shuffle(int64_t samples, at::Tensor seed) {
  post([this, samples, seed = std::move(seed)] {
    static const auto permutation = find_operator("torchlayers::random_permutation");
    torch::jit::Stack stack{seed, samples};
    const auto& arguments = permutation->handle.schema().arguments();
    for (size_t i = stack.size(); i < arguments.size(); ++i) {
      stack.push_back(arguments[i].default_value().value_or(c10::IValue()));
    }
    permutation->handle.callBoxed(&stack);
    order_ = stack.back().toTensor();
  });
}

void Session::release_idle() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (unfinished_ > 0) throw StateError("training: a job is running; its variables can't be given back.");
  // A variable may just be read for `data()`.
  idle_.wait(lock, [this] { return between_.empty() && !answering_; });
  if (!closing_) release();
}

void Session::stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopped_.store(last_job_);
}

void Session::close_later(std::function<void()> done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopped_.store(last_job_);
    closing_ = true;
    if (!released_) {
      jobs_.push_back([this, done = std::move(done)] {
        while (!try_release()) run_between();
        done();
      });
      wake_.notify_one();
      return;
    }
  }
  done();
}

void Session::close() {
  close_later([] {});
  if (thread_.joinable()) thread_.join();
}

bool Session::try_release() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!between_.empty()) return false;
  release();
  released_ = true;
  return true;
}

void Session::loop(int threads) {
  set_compute_threads(threads);
  most_threads_ = set_threads_ = threads;
  at::GradMode::set_enabled(false);
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !jobs_.empty() || !between_.empty() || closing_; });
      if (between_.empty() && jobs_.empty()) return;
      if (!between_.empty()) {
        lock.unlock();
        run_between();
        continue;
      }
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

void Session::run_between() {
  for (;;) {
    std::function<void()> task;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      answering_ = !between_.empty();
      if (!answering_) {
        has_between_.store(false, std::memory_order_release);
        idle_.notify_all();
        return;
      }
      task = std::move(between_.front());
      between_.pop_front();
    }
    try {
      task();
    } catch (...) {
      between_error_ = std::current_exception();
    }
  }
}

std::vector<at::Tensor> Session::batch(const StepJob& job, int64_t start, int64_t count) const {
  std::vector<at::Tensor> inputs;
  inputs.reserve(job.data.size());
  for (const auto& data : job.data) {
    if (job.shuffled) {
      inputs.push_back(gather_rows(data, order_, start, count));
    } else if (count == data.size(0)) {
      inputs.push_back(data);
    } else {
      // No copy: programs never write to their inputs.
      inputs.push_back(data.narrow(0, start, count));
    }
  }
  return inputs;
}

std::vector<double> Session::read_logs(const StepJob& job) const {
  const at::Tensor values = job.logs->run({})[0].to(at::kCPU, at::kDouble).contiguous();
  const double* from = values.const_data_ptr<double>();
  return {from, from + values.numel()};
}

ThreadTuner& Session::tuned(const Program& program) {
  ThreadTuner& tuner = tuners_.try_emplace(&program, most_threads_).first->second;
  if (tuner.threads() != set_threads_) {
    set_threads_ = tuner.threads();
    set_compute_threads(set_threads_);
  }
  return tuner;
}

StepResult Session::steps(StepJob& job, uint64_t number) {
  StepResult result;
  const auto start_time = Clock::now();
  auto shown = start_time - kProgressInterval;
  if (between_error_) std::rethrow_exception(std::exchange(between_error_, nullptr));
  if (job.shuffled && (!order_.defined() || order_.size(0) != job.samples)) {
    throw StateError("training: the order of the samples has not been shuffled.");
  }
  const int64_t first_row = job.from * job.batch_size;
  const int64_t rows = std::min(job.to * job.batch_size, job.samples) - first_row;
  for (int64_t step = job.from; step < job.to; ++step) {
    if (has_between_.load(std::memory_order_acquire)) {
      run_between();
      if (between_error_) std::rethrow_exception(std::exchange(between_error_, nullptr));
    }
    if (stopped_.load(std::memory_order_relaxed) >= number) {
      result.stopped = true;
      break;
    }
    const int64_t start = step * job.batch_size;
    const int64_t count = std::min(job.batch_size, job.samples - start);
    const bool last = count < job.batch_size && job.last_program != nullptr;
    const Program& program = last ? *job.last_program : *job.program;
    ThreadTuner& tuner = tuned(program);
    const auto step_start = Clock::now();
    auto outputs = program.run(batch(job, start, count));
    tuner.step_took(std::chrono::duration<double, std::micro>(Clock::now() - step_start).count());
    if (job.collect) {
      if (step > job.from && outputs.size() != result.outputs.size()) {
        throw StateError("predict: the last batch answers another number of outputs than the others.");
      }
      if (step == job.from) {
        for (const auto& output : outputs) {
          auto sizes = output.sizes().vec();
          if (sizes.empty() || sizes[0] != count) {
            throw ShapeError("predict: expected outputs with the batch of " + std::to_string(count) +
                             " as first axis, got " + describe(output) + ".");
          }
          sizes[0] = rows;
          result.outputs.push_back(at::empty(sizes, output.options()));
        }
      }
      for (size_t i = 0; i < outputs.size(); ++i) {
        result.outputs[i].narrow(0, start - first_row, count).copy_(outputs[i]);
      }
    }
    ++result.steps;
    if (job.on_progress && !progress_pending_.load(std::memory_order_acquire)) {
      const auto now = Clock::now();
      if (now - shown >= kProgressInterval) {
        shown = now;
        progress_pending_.store(true, std::memory_order_release);
        job.on_progress(step, job.logs ? read_logs(job) : std::vector<double>());
      }
    }
  }
  if (job.logs) {
    result.logs = read_logs(job);
    result.has_logs = true;
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - start_time).count();
  return result;
}

}  // namespace torchlayers
