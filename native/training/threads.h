// Numbers of compute threads. Every calling thread has an OpenMP team of its own, so that the count is set per thread.
#pragma once

namespace torchlayers {

// Threads that libtorch may use for work begun on the calling thread, from now on.
void set_compute_threads(int count);
// Cores that this process may use.
int available_cores();

}  // namespace torchlayers
