// Shape kernels of operators that pick or move elements.
#include <ATen/WrapDimUtils.h>
#include <ATen/WrapDimUtilsMulti.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/result_type.h>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::IntArrayRef;
using at::Tensor;

void check_index(const char* name, const Tensor& index) {
  TORCH_CHECK(index.scalar_type() == at::kLong || index.scalar_type() == at::kInt, name,
              ": expected an index of dtype int32 or int64, got ", index.scalar_type());
}

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  dim = at::maybe_wrap_dim(dim, self.dim());
  TORCH_CHECK_INDEX(index.dim() <= 1, "index_select: expected an index of rank 0 or 1, got shape ", index.sizes());
  check_index("index_select", index);
  TORCH_CHECK(self.dim() > 0 || index.numel() == 1, "index_select: a scalar has one element to pick, got ",
              index.numel(), " indices");
  std::vector<int64_t> sizes = self.sizes().vec();
  if (!sizes.empty()) {
    TORCH_CHECK_INDEX(sizes[dim] > 0 || index.numel() == 0, "index_select: axis ", dim, " is empty, got ",
                      index.numel(), " indices");
    sizes[dim] = index.numel();
  }
  return at::empty(sizes, self.options());
}

Tensor embedding_dense_backward(const Tensor& grad, const Tensor& indices, int64_t num_weights, int64_t, bool) {
  check_index("embedding_dense_backward", indices);
  TORCH_CHECK(is_floating_or_complex(grad), "embedding_dense_backward: no kernel for dtype ", grad.scalar_type());
  return at::empty({num_weights, grad.size(-1)}, grad.options());
}

Tensor take(const Tensor& self, const Tensor& index) {
  TORCH_CHECK(index.scalar_type() == at::kLong, "take: expected an index of dtype int64, got ", index.scalar_type());
  TORCH_CHECK_INDEX(self.numel() > 0 || index.numel() == 0, "take: the tensor is empty, got ", index.numel(),
                    " indices");
  return at::empty(index.sizes(), self.options());
}

Tensor flip(const Tensor& self, IntArrayRef dims) {
  at::dim_list_to_bitset(dims, self.dim());
  return at::empty_like(self, at::MemoryFormat::Preserve);
}

Tensor roll(const Tensor& self, IntArrayRef shifts, IntArrayRef dims) {
  TORCH_CHECK(!shifts.empty(), "roll: expected one shift or more");
  TORCH_CHECK(dims.size() == shifts.size() || (dims.empty() && shifts.size() == 1),
              "roll: expected a shift for each axis, got ", shifts.size(), " shifts and ", dims.size(), " axes");
  for (int64_t dim : dims) at::maybe_wrap_dim(dim, self.dim());
  return at::empty_like(self, at::MemoryFormat::Contiguous);
}

Tensor nonzero_static(const Tensor& self, int64_t size, int64_t) {
  TORCH_CHECK(size >= 0, "nonzero_static: expected a size of 0 or more, got ", size);
  return at::empty({size, self.dim()}, self.options().dtype(at::kLong));
}

// With output_size the shape is known; without it, it is the sum of the repeats.
Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size) {
  TORCH_CHECK(output_size.has_value(),
              "aten::repeat_interleave.Tensor: the shape of the result depends on the values of ",
              "the repeats, which a meta tensor does not have. Give output_size.");
  TORCH_CHECK(repeats.dim() == 1, "repeat_interleave: expected repeats of rank 1, got shape ", repeats.sizes());
  check_index("repeat_interleave", repeats);
  return at::empty({*output_size}, repeats.options());
}

Tensor bucketize(const Tensor& values, const Tensor& boundaries, bool out_int32, bool) {
  TORCH_CHECK(boundaries.dim() == 1, "bucketize: expected boundaries of rank 1, got shape ", boundaries.sizes());
  const at::ScalarType dtype = at::result_type(boundaries, values);
  TORCH_CHECK(!at::isComplexType(dtype) && dtype != at::kBool, "bucketize: no kernel for dtype ", dtype);
  return at::empty(values.sizes(), values.options().dtype(out_int32 ? at::kInt : at::kLong));
}

}  // namespace

void add_index_kernels(MetaKernels& aten) {
  aten.add("index_select", TORCH_FN(index_select));
  aten.add("embedding_dense_backward", TORCH_FN(embedding_dense_backward));
  aten.add("take", TORCH_FN(take));
  aten.add("flip", TORCH_FN(flip));
  aten.add("roll", TORCH_FN(roll));
  aten.add("nonzero_static", TORCH_FN(nonzero_static));
  aten.add("repeat_interleave.Tensor", TORCH_FN(repeat_interleave));
  aten.add("bucketize.Tensor", TORCH_FN(bucketize));
}

}  // namespace torchlayers
