#include "training/threads.h"

#include <ATen/Parallel.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

// MKL inside libtorch; not there on ARM.
#if defined(__GNUC__) && !defined(__APPLE__)
extern "C" __attribute__((weak)) int MKL_Set_Num_Threads_Local(int count);
#endif

namespace torchlayers {

int available_cores() {
#ifdef __linux__
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) return std::max(1, CPU_COUNT(&cores));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void set_compute_threads(int count) {
  // libtorch sets the thread's count once, lazily: let it, then set ours.
  (void)at::get_num_threads();
#ifdef _OPENMP
  omp_set_num_threads(count);
#endif
#if defined(__GNUC__) && !defined(__APPLE__)
  if (MKL_Set_Num_Threads_Local != nullptr) MKL_Set_Num_Threads_Local(count);
#endif
}

}  // namespace torchlayers
