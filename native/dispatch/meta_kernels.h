// What the families of shape kernels (meta_kernels_*.cc) share.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/library.h>

#include <string>
#include <utility>
#include <vector>

namespace torchlayers {

// A library of Meta kernels that remembers the names it was given.
class MetaKernels {
 public:
  explicit MetaKernels(const char* name_space)
      : prefix_(std::string(name_space) + "::"),
        library_(torch::Library::IMPL, name_space, c10::DispatchKey::Meta, __FILE__, __LINE__) {}

  template <typename Kernel>
  void add(const char* name, Kernel&& kernel) {
    library_.impl(name, std::forward<Kernel>(kernel));
    names_.push_back(prefix_ + name);
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  std::string prefix_;
  torch::Library library_;
  std::vector<std::string> names_;
};

void add_convolution_kernels(MetaKernels& aten, MetaKernels& mkldnn);
void add_pointwise_kernels(MetaKernels& aten);
void add_norm_kernels(MetaKernels& aten);
void add_reduction_kernels(MetaKernels& aten);
void add_index_kernels(MetaKernels& aten);
void add_pooling_kernels(MetaKernels& aten);
void add_loss_kernels(MetaKernels& aten);
void add_optimizer_kernels(MetaKernels& aten);

// Element types that CPU kernels are written for.
inline bool is_floating(const at::Tensor& tensor) {
  return at::isFloatingType(tensor.scalar_type()) && tensor.element_size() > 1;
}
inline bool is_floating_or_complex(const at::Tensor& tensor) { return is_floating(tensor) || tensor.is_complex(); }

// Fails as a CPU kernel does for an element type that it has no code for.
inline void check_floating(const char* operator_name, const at::Tensor& tensor) {
  TORCH_CHECK(is_floating(tensor), operator_name, ": expected a floating point tensor, got ", tensor.scalar_type());
}

inline void check_same_dtype(const char* operator_name, const at::Tensor& a, const at::Tensor& b) {
  TORCH_CHECK(a.scalar_type() == b.scalar_type(), operator_name, ": expected tensors of one dtype, got ",
              a.scalar_type(), " and ", b.scalar_type());
}

// The tensor inside an optional argument, or an undefined one.
inline const at::Tensor& value_or_undefined(const std::optional<at::Tensor>& tensor) {
  static const at::Tensor undefined;
  return tensor.has_value() ? *tensor : undefined;
}

}  // namespace torchlayers
