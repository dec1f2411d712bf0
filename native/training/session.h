// A training thread and the variables that it owns. Runs steps of programs over data in memory; between two steps it
// answers requests (reading a variable, stopping). No JavaScript here: callbacks are called on the training thread, and
// must not own the session, which can't end itself.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "program/program.h"
#include "tensor/value.h"
#include "training/thread_tuner.h"

namespace torchlayers {

// Steps [from, to) over the samples of `data`.
struct StepJob {
  ProgramPtr program;
  ProgramPtr last_program;
  std::vector<at::Tensor> data;
  int64_t samples = 0;
  int64_t batch_size = 1;
  int64_t from = 0;
  int64_t to = 0;
  bool shuffled = false;
  bool collect = false;
  ProgramPtr logs;
  // Newest step and logs; at most one call is on its way at a time: the receiver calls `progress_taken` when it is
  // done.
  std::function<void(int64_t step, std::vector<double> logs)> on_progress;
};

struct StepResult {
  int64_t steps = 0;
  bool stopped = false;
  bool has_logs = false;
  std::vector<double> logs;
  std::vector<at::Tensor> outputs;
  double seconds = 0;
};

class Session {
 public:
  Session(const std::vector<VariablePtr>& variables, int threads);
  ~Session();

  const uint64_t id;

  // Takes ownership of the programs' variables, on the JavaScript thread. Throws StateError if another session owns
  // one.
  void own(const Program& program);
  void run(StepJob job, std::function<void(StepResult, std::exception_ptr)> done);
  // Runs `task` between two steps, or at once when idle. What it throws ends the job at hand, or the next one.
  void post(std::function<void()> task);
  void shuffle(int64_t samples, at::Tensor seed);
  // Ends the running job after the step at hand; jobs that wait end with no step, later ones run.
  void stop();
  void progress_taken() { progress_pending_.store(false, std::memory_order_release); }
  // Gives the variables back between two jobs; the next job takes those of its programs. Throws StateError while one
  // runs.
  void release_idle();
  // Ends the thread after the step at hand and gives the variables back. Blocks for at most one step.
  void close();
  // As `close`, but on the training thread's own time: `done` is called when the variables are free.
  void close_later(std::function<void()> done);
  bool owns(const VariableState& variable) const { return variable.owner.load() == id; }

 private:
  void loop(int threads);
  void take(const VariablePtr& variable);
  void release();
  // For the last time; false if there are questions left to answer first.
  bool try_release();
  void run_between();
  StepResult steps(StepJob& job, uint64_t number);
  std::vector<at::Tensor> batch(const StepJob& job, int64_t start, int64_t count) const;
  std::vector<double> read_logs(const StepJob& job) const;
  // Sets the number of threads for the next step of a program.
  ThreadTuner& tuned(const Program& program);

  std::vector<VariablePtr> variables_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> jobs_;
  std::deque<std::function<void()>> between_;
  std::atomic<bool> has_between_{false};
  // Jobs are counted; those up to `stopped_` end early.
  uint64_t last_job_ = 0;
  std::atomic<uint64_t> stopped_{0};
  std::atomic<bool> progress_pending_{false};
  // No new jobs; then: the last one is done and the variables are free.
  bool closing_ = false;
  bool released_ = false;
  // Tasks between steps are being run.
  bool answering_ = false;
  // Jobs queued or running.
  int unfinished_ = 0;
  at::Tensor order_;
  // Of the training thread alone: what each program's steps run best on, and what is set.
  std::unordered_map<const Program*, ThreadTuner> tuners_;
  int most_threads_ = 1;
  int set_threads_ = 0;
  std::exception_ptr between_error_;
  std::thread thread_;
};

}  // namespace torchlayers
