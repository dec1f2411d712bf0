// Products of matrices by whichever of our kernel, MKL (libtorch's own choice) and oneDNN is fastest for a shape. The
// first product of a shape times them; ours is kept unless another is clearly faster, so that the same program gives
// the same numbers from run to run.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace torchlayers {

enum class ProductKind {
  // A [m, k] times B [k, n].
  Forward,
  // A [k, m] transposed times B [k, n]: the gradient of a weight.
  WeightGradient,
  // A [m, k] times B [n, k] transposed: the gradient of an input.
  InputGradient,
};

enum class ProductBy { Ours, Mkl, OneDnn };

struct ProductShape {
  ProductKind kind;
  int64_t m;
  int64_t n;
  int64_t k;
};

// The choice for a shape; times the candidates at the first call, and keeps to it.
ProductBy product_choice(const ProductShape& shape);
// 'ours', 'mkl' or 'onednn' with its time and the others' ('ours 57 us, onednn 72, mkl 138'), or '' before the first
// product.
std::string product_choice_text(const ProductShape& shape);
// For tests: every product by this one from now on; none: by timing again.
void force_product(std::optional<ProductBy> by);

// The product of contiguous float32 matrices into `out` (contiguous, [m, n]), by `by`.
void product_into(ProductBy by, const ProductShape& shape, const at::Tensor& a, const at::Tensor& b, const float* bias,
                  at::Tensor& out);

}  // namespace torchlayers
