// Rows of a data set, as one contiguous batch.
#pragma once

#include <ATen/core/Tensor.h>

namespace torchlayers {

// Rows `order[start .. start + count)` of `data`, copied in parallel.
at::Tensor gather_rows(const at::Tensor& data, const at::Tensor& order, int64_t start, int64_t count);

}  // namespace torchlayers
