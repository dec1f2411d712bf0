#include "training/gather.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cstring>

namespace torchlayers {
namespace {

// Asks for the first bytes of a row; the processor's own look-ahead follows where a row is long.
void prefetch(const char* row, int64_t bytes) {
#if defined(__GNUC__)
  constexpr int64_t kLine = 64;
  constexpr int64_t kMost = 64 * kLine;
  for (int64_t i = 0; i < std::min(bytes, kMost); i += kLine) __builtin_prefetch(row + i);
#else
  (void)row;
  (void)bytes;
#endif
}

}  // namespace

at::Tensor gather_rows(const at::Tensor& data, const at::Tensor& order, int64_t start, int64_t count) {
  const at::Tensor rows = order.narrow(0, start, count);
  if (!data.is_cpu()) return at::index_select(data, 0, rows.to(data.device()));
  auto sizes = data.sizes().vec();
  sizes[0] = count;
  at::Tensor batch = at::empty(sizes, data.options());
  const int64_t row_bytes = data.numel() == 0 ? 0 : static_cast<int64_t>(data.nbytes()) / data.size(0);
  const char* from = static_cast<const char*>(data.const_data_ptr());
  char* to = static_cast<char*>(batch.mutable_data_ptr());
  const int64_t* row = rows.const_data_ptr<int64_t>();
  // A thread is worth waking for some 64 KiB.
  const int64_t grain = std::max<int64_t>(1, (int64_t{64} << 10) / std::max<int64_t>(1, row_bytes));
  at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      // Rows lie anywhere in memory: the next one is on its way while this one is copied.
      if (i + 1 < end) prefetch(from + row[i + 1] * row_bytes, row_bytes);
      std::memcpy(to + i * row_bytes, from + row[i] * row_bytes, row_bytes);
    }
  });
  return batch;
}

}  // namespace torchlayers
