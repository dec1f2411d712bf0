// Shape kernels of reductions.
#include <ATen/WrapDimUtils.h>
#include <ATen/native/ReduceOpsUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using at::OptionalIntArrayRef;
using at::Scalar;
using at::Tensor;

// Variance of complex numbers is real: the sum of the variances of both parts.
Tensor variance(const char* name, const Tensor& self, OptionalIntArrayRef dim, bool keepdim) {
  TORCH_CHECK(is_floating_or_complex(self), name, ": expected floating point or complex numbers, got ",
              self.scalar_type());
  const at::ScalarType dtype = c10::toRealValueType(self.scalar_type());
  Tensor out = at::empty({0}, self.options().dtype(dtype));
  at::native::make_reduction(name, out, self, dim, keepdim, self.scalar_type(), dtype);
  return out;
}

std::tuple<Tensor, Tensor> variance_and_mean(const char* name, const Tensor& self, OptionalIntArrayRef dim,
                                             bool keepdim) {
  Tensor var = variance(name, self, dim, keepdim);
  Tensor mean = at::empty({0}, self.options());
  at::native::make_reduction(name, mean, self, dim, keepdim, self.scalar_type());
  return {var, mean};
}

Tensor var(const Tensor& self, OptionalIntArrayRef dim, const std::optional<Scalar>&, bool keepdim) {
  return variance("var", self, dim, keepdim);
}

Tensor std_deviation(const Tensor& self, OptionalIntArrayRef dim, const std::optional<Scalar>&, bool keepdim) {
  return variance("std", self, dim, keepdim);
}

std::tuple<Tensor, Tensor> var_mean(const Tensor& self, OptionalIntArrayRef dim, const std::optional<Scalar>&,
                                    bool keepdim) {
  return variance_and_mean("var_mean", self, dim, keepdim);
}

std::tuple<Tensor, Tensor> std_mean(const Tensor& self, OptionalIntArrayRef dim, const std::optional<Scalar>&,
                                    bool keepdim) {
  return variance_and_mean("std_mean", self, dim, keepdim);
}

Tensor extreme(const char* name, const Tensor& self) {
  TORCH_CHECK(self.numel() > 0, name, ": an empty tensor has no extreme value, got shape ", self.sizes());
  TORCH_CHECK(!self.is_complex(), name, ": complex numbers have no order");
  return at::empty({}, self.options());
}

Tensor max(const Tensor& self) { return extreme("max", self); }
Tensor min(const Tensor& self) { return extreme("min", self); }

Tensor median(const Tensor& self) {
  TORCH_CHECK(!self.is_complex() && self.scalar_type() != at::kBool, "median: no kernel for dtype ",
              self.scalar_type());
  return at::empty({}, self.options());
}

Tensor prod(const Tensor& self, std::optional<at::ScalarType> dtype) {
  const bool integral = at::isIntegralType(self.scalar_type(), true);
  return at::empty({}, self.options().dtype(dtype.value_or(integral ? at::kLong : self.scalar_type())));
}

Tensor nansum(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<at::ScalarType> dtype) {
  TORCH_CHECK(!self.is_complex(), "nansum: no kernel for complex numbers");
  return at::sum(self, dim, keepdim, dtype);
}

Tensor count_nonzero(const Tensor& self, at::IntArrayRef dim) {
  Tensor out = at::empty({0}, self.options().dtype(at::kLong));
  at::native::make_reduction("count_nonzero", out, self, dim, false, self.scalar_type(), at::kLong);
  return out;
}

Tensor dot(const Tensor& a, const Tensor& b) {
  TORCH_CHECK(a.dim() == 1 && b.dim() == 1, "dot: expected two vectors, got shapes ", a.sizes(), " and ", b.sizes());
  TORCH_CHECK(a.numel() == b.numel(), "dot: expected vectors of one length, got ", a.numel(), " and ", b.numel());
  check_same_dtype("dot", a, b);
  TORCH_CHECK(a.scalar_type() != at::kBool, "dot: no kernel for bool");
  return at::empty({}, a.options());
}

Tensor trace(const Tensor& self) {
  TORCH_CHECK(self.dim() == 2, "trace: expected a matrix, got shape ", self.sizes());
  TORCH_CHECK(self.scalar_type() != at::kBool, "trace: no kernel for bool");
  return at::empty({}, self.options().dtype(at::native::get_dtype_from_self(self, std::nullopt, true)));
}

}  // namespace

void add_reduction_kernels(MetaKernels& aten) {
  aten.add("var.correction", TORCH_FN(var));
  aten.add("std.correction", TORCH_FN(std_deviation));
  aten.add("var_mean.correction", TORCH_FN(var_mean));
  aten.add("std_mean.correction", TORCH_FN(std_mean));
  aten.add("max", TORCH_FN(max));
  aten.add("min", TORCH_FN(min));
  aten.add("median", TORCH_FN(median));
  aten.add("nanmedian", TORCH_FN(median));
  aten.add("prod", TORCH_FN(prod));
  aten.add("nansum", TORCH_FN(nansum));
  aten.add("count_nonzero.dim_IntList", TORCH_FN(count_nonzero));
  aten.add("dot", TORCH_FN(dot));
  aten.add("vdot", TORCH_FN(dot));
  aten.add("trace", TORCH_FN(trace));
}

}  // namespace torchlayers
