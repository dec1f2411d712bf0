// What the operators over lists of weights share: checks and one parallel pass over all elements.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <type_traits>
#include <vector>

namespace torchlayers {

// The type that arithmetic on T is done in.
template <typename T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Throws unless `params` are contiguous tensors of a floating dtype, and `grads` as many tensors of the same shapes.
// `name` says in errors what `grads` are.
void check_weights(const char* op, at::TensorList params, at::TensorList grads, const char* name = "gradient");

// Throws unless `slots` are as many contiguous tensors as `params`, of the same shapes and dtypes; empty if not `used`.
void check_slots(const char* op, const char* name, at::TensorList params, at::TensorList slots, bool used);

// Throws unless `value` is one floating number, or one whole number.
void check_number(const char* op, const char* name, const at::Tensor& value);
void check_counter(const char* op, const char* name, const at::Tensor& value);

// The gradients in their weights' dtypes, contiguous: copies only where they are not.
std::vector<at::Tensor> dense_grads(at::TensorList params, at::TensorList grads);

// Elements that make a second thread worth while.
inline constexpr int64_t kElementsPerTask = 32768;

// Calls update(index, begin, end) in parallel for runs of elements that together cover every weight once.
// A weight may be cut anywhere, so update must treat each element by itself.
template <typename Update>
void for_each_run(at::TensorList weights, const Update& update) {
  std::vector<int64_t> ends(weights.size());
  int64_t total = 0;
  for (size_t i = 0; i < weights.size(); ++i) ends[i] = total += weights[i].numel();
  at::parallel_for(0, total, kElementsPerTask, [&](int64_t begin, int64_t end) {
    auto index = static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin());
    while (begin < end) {
      const int64_t start = index == 0 ? 0 : ends[index - 1];
      const int64_t stop = std::min(end, ends[index]);
      if (begin < stop) update(index, begin - start, stop - start);
      begin = stop;
      ++index;
    }
  });
}

// Where each tensor's data starts; `count` null pointers for an empty list. Taken before the threads start.
std::vector<void*> addresses(at::TensorList tensors, size_t count);
std::vector<const void*> const_addresses(at::TensorList tensors);

template <typename T>
T* element(void* data, int64_t index) {
  return data == nullptr ? nullptr : static_cast<T*>(data) + index;
}

template <typename T>
const T* element(const void* data, int64_t index) {
  return static_cast<const T*>(data) + index;
}

}  // namespace torchlayers
