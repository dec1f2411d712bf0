// Boxed kernels that every operator of ours with written arguments registers.
#pragma once

#include <torch/library.h>

namespace torchlayers {

// For ADInplaceOrView: runs the operator and then raises the version of each argument that its schema marks as
// written, tensors in lists included. Without it autograd would use overwritten values in silence.
torch::CppFunction bump_written_arguments();

// For Autograd: runs the operator below autograd, and refuses arguments whose gradient is being recorded.
// For operators that have no derivative.
torch::CppFunction refuse_gradient();

}  // namespace torchlayers
