// Meta kernels for the operators of libtorch that have none in C++, so that any call can be made on stand-ins
// (device meta: shape, dtype and strides, no data).
#pragma once

#include <string>
#include <vector>

namespace torchlayers {

// Registers every kernel below with libtorch's dispatcher, once per process; later calls do nothing. Any thread.
void register_meta_kernels();

// Operators whose result is worked out by running the CPU kernel on made-up values: right, but slow at size.
std::vector<std::string> meta_fallback_operators();

// Operators with a shape kernel of ours, which allocates nothing.
std::vector<std::string> meta_shape_operators();

// Operators that a stand-in can't run, because the shape of their result, or the result itself, is read from values.
std::vector<std::string> meta_refused_operators();

}  // namespace torchlayers
