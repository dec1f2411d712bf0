// Calls of our operators by name, through the dispatcher as everybody calls them.
#pragma once

#ifndef AT_PER_OPERATOR_HEADERS
#define AT_PER_OPERATOR_HEADERS  // else some ATen headers pull in all 2,000 operators
#endif
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace torchlayers::test {

template <typename Signature>
c10::TypedOperatorHandle<Signature> operator_named(const std::string& name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(("torchlayers::" + name).c_str(), "").typed<Signature>();
}

// [key, offset] as the operators take it.
inline at::Tensor make_seed(int64_t key, int64_t offset) {
  at::Tensor seed = at::empty({2}, at::kLong);
  seed.mutable_data_ptr<int64_t>()[0] = key;
  seed.mutable_data_ptr<int64_t>()[1] = offset;
  return seed;
}

inline at::Tensor uniform(const at::Tensor& seed, at::IntArrayRef size, double low, double high,
                          at::ScalarType dtype = at::kFloat, std::optional<at::Device> device = std::nullopt) {
  using Signature =
      at::Tensor(const at::Tensor&, at::IntArrayRef, double, double, at::ScalarType, std::optional<at::Device>);
  return operator_named<Signature>("random_uniform").call(seed, size, low, high, dtype, device);
}

// The same bytes, NaN included.
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         (a.numel() == 0 ||
          std::memcmp(a.contiguous().const_data_ptr(), b.contiguous().const_data_ptr(), a.nbytes()) == 0);
}

// Sets the number of threads for one scope.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

inline constexpr at::ScalarType kRealDtypes[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

}  // namespace torchlayers::test
