// How many threads the steps of one program run on: as many as there are, or one. Small steps may be faster on one, and
// are by far while another process keeps a core busy: the threads then wait for each other at every loop.
#pragma once

#include <algorithm>

namespace torchlayers {

class ThreadTuner {
 public:
  explicit ThreadTuner(int most) : most_(most), threads_(most) {}

  // For the next step.
  int threads() const { return threads_; }

  // Told after each step how long it took.
  void step_took(double microseconds) {
    if (most_ <= 1 || long_steps_) return;
    // A new team of threads starts on one core, and settles within tens of milliseconds.
    if (settling_ < kSettle) {
      settling_ += microseconds;
      return;
    }
    since_trial_ += microseconds;
    if (skip_) {
      skip_ = false;
      return;
    }
    sum_ += microseconds;
    if (++count_ < kSteps || sum_ < kWindow) return;
    const double mean = sum_ / count_;
    sum_ = 0;
    count_ = 0;
    if (trial_) {
      end_trial(mean);
    } else if (mean > kLongStep) {
      // Work enough between two waits: all threads, always.
      long_steps_ = true;
    } else {
      const bool slower = best_ > 0 && mean > 1.4 * best_ && since_trial_ > kShortest;
      best_ = best_ > 0 ? std::min(best_, mean) : mean;
      present_ = mean;
      if (since_trial_ > interval_ || slower) change(/*trial=*/true);
    }
  }

 private:
  // Microseconds.
  static constexpr double kSettle = 50e3;
  static constexpr double kWindow = 4e3;
  static constexpr double kLongStep = 5e3;
  static constexpr double kShortest = 20e3;
  static constexpr double kLongest = 1e6;
  static constexpr int kSteps = 8;

  void end_trial(double mean) {
    since_trial_ = 0;
    if (mean < 0.95 * present_) {
      trial_ = false;
      best_ = present_ = mean;
      interval_ = 5 * kShortest;
      return;
    }
    interval_ = std::min(2 * interval_, kLongest);
    best_ = present_;
    change(/*trial=*/false);
  }

  void change(bool trial) {
    threads_ = threads_ == 1 ? most_ : 1;
    trial_ = trial;
    skip_ = true;
  }

  const int most_;
  int threads_;
  double settling_ = 0;
  double since_trial_ = kShortest;
  double interval_ = kShortest;
  // The window at hand.
  double sum_ = 0;
  int count_ = 0;
  // Means of a step with the present number of threads: the last window's, and the best one's.
  double present_ = 0;
  double best_ = 0;
  bool trial_ = false;
  // The first step after a change pays for it.
  bool skip_ = false;
  bool long_steps_ = false;
};

}  // namespace torchlayers
