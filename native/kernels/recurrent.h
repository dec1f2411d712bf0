// What the recurrent operators (lstm.cc, gru.cc) share. Inside, everything is time-major: a step is one block of
// memory. Steps are numbered in the order they are taken: with go_backwards, step 0 reads the last input.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/product.h"

namespace torchlayers {

using OptionalTensor = std::optional<at::Tensor>;

struct RecurrentOptions {
  bool return_sequences = false;
  bool go_backwards = false;
  bool zero_output_for_mask = false;
};

// The arguments that every recurrent operator has.
struct RecurrentInputs {
  at::Tensor x, h0, kernel, recurrent_kernel;
  OptionalTensor bias, mask, recurrent_mask;

  int64_t batch() const { return x.size(0); }
  int64_t steps() const { return x.size(1); }
  int64_t inputs() const { return x.size(2); }
  int64_t units() const { return h0.size(1); }
};

// Throws unless shapes and dtypes fit each other; reads no value, so it serves `meta` too.
// `bias_rows` is 0 for a bias of shape [gates * units], else the rows of a bias [rows, gates * units].
void check_recurrent(const char* op, int64_t gates, int64_t bias_rows, const RecurrentInputs& inputs);
// The same for one more state of h0's shape and dtype.
void check_state(const char* op, const char* name, const RecurrentInputs& inputs, const at::Tensor& state);

// The tensor inside, or an undefined one.
inline at::Tensor or_undefined(const OptionalTensor& tensor) { return tensor.value_or(at::Tensor()); }
inline OptionalTensor if_defined(const at::Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : std::nullopt;
}

// [batch, steps, ...] as [steps, batch, ...], contiguous, in the order in which steps are taken; and back.
at::Tensor to_steps(const at::Tensor& x, bool go_backwards);
at::Tensor from_steps(const at::Tensor& x, bool go_backwards);

// A product of matrices over all steps, by whatever is fastest for its shape.
at::Tensor large_product(ProductKind kind, const at::Tensor& a, const at::Tensor& b,
                         const OptionalTensor& bias = std::nullopt);
// x kernel + bias for all steps at once: [steps, batch, gates * units]. `steps` is to_steps(x).
at::Tensor project_inputs(const at::Tensor& steps, const at::Tensor& kernel, const OptionalTensor& bias);

// The product that each step makes: forward state recurrent_kernel (+ bias), backward gradient recurrent_kernel^T.
// float32 without masks goes row by row, so that a thread takes its rows through all steps by itself.
class StepProduct {
 public:
  // Into `out` [batch, ...], contiguous. `bias` may be undefined.
  static StepProduct forward(const RecurrentInputs& inputs, const at::Tensor& bias, const at::Tensor& out);
  static StepProduct backward(const RecurrentInputs& inputs, const at::Tensor& out);

  bool by_rows() const { return by_rows_; }
  // Rows [begin, end) of the result, from a contiguous `source` of all rows.
  void rows(const float* source, int64_t begin, int64_t end) const {
    Gemm gemm = gemm_;
    gemm.a = source;
    gemm_rows(gemm, begin, end);
  }
  void whole(const at::Tensor& source) const;

 private:
  StepProduct(const RecurrentInputs& inputs, at::Tensor bias, at::Tensor out, bool backward);

  const RecurrentInputs& inputs_;
  at::Tensor kernel_, bias_, out_;
  bool backward_, by_rows_;
  Gemm gemm_;
};

// Takes all steps: before(step, begin, end), the product of source(step), after(step, begin, end), in parallel over the
// rows of the batch. `last_first`: from the last step to the first.
template <typename Source, typename Before, typename After>
void take_steps(const StepProduct& product, const RecurrentInputs& inputs, int64_t width, bool last_first,
                const Source& source, const Before& before, const After& after) {
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const auto place = [&](int64_t i) { return last_first ? steps - 1 - i : i; };
  // Rows go to threads as the product's kernel takes them.
  const int64_t tiles = (batch + kGemmRows - 1) / kGemmRows;
  const int64_t work = kGemmRows * width * (inputs.units() + 16);
  const auto parallel = [&](int64_t grain, const auto& body) {
    at::parallel_for(0, tiles, std::max<int64_t>(1, grain),
                     [&](int64_t first, int64_t last) { body(first * kGemmRows, std::min(batch, last * kGemmRows)); });
  };
  if (product.by_rows()) {
    parallel(kGemmWorkPerTask / std::max<int64_t>(1, work * steps), [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < steps; ++i) {
        const int64_t step = place(i);
        before(step, begin, end);
        product.rows(static_cast<const float*>(source(step).second), begin, end);
        after(step, begin, end);
      }
    });
    return;
  }
  const int64_t grain = 4096 / std::max<int64_t>(1, kGemmRows * width);
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t step = place(i);
    parallel(grain, [&](int64_t begin, int64_t end) { before(step, begin, end); });
    product.whole(source(step).first());
    parallel(grain, [&](int64_t begin, int64_t end) { after(step, begin, end); });
  }
}

// The gradient of the recurrent kernel from all steps at once. `hidden` and `grad_z` are [steps, batch, ...].
at::Tensor recurrent_kernel_grad(const at::Tensor& hidden, const at::Tensor& grad_z, const RecurrentInputs& inputs);

// Where rows of one step are left out; null without a mask.
class StepMask {
 public:
  StepMask(const OptionalTensor& mask, bool go_backwards)
      : steps_(mask.has_value() ? to_steps(*mask, go_backwards) : at::Tensor()) {}

  const bool* at(int64_t step) const {
    return steps_.defined() ? steps_.const_data_ptr<bool>() + step * steps_.size(1) : nullptr;
  }

 private:
  at::Tensor steps_;
};

// One step of a loop of cells in plain operators: what a masked row keeps, and what it shows.
at::Tensor keep_where_masked(const at::Tensor& mask_column, const at::Tensor& fresh, const at::Tensor& kept);
// state recurrent_kernel as plain operators.
at::Tensor recurrent_product(const at::Tensor& state, const RecurrentInputs& inputs);
// The outputs of all steps as [batch, steps, units], or an empty tensor where they are not asked for.
at::Tensor plain_sequence(const std::vector<at::Tensor>& outputs, const RecurrentInputs& inputs, bool wanted);

// Gradients of `outputs` by `inputs`, themselves differentiable; undefined where there are none.
std::vector<at::Tensor> differentiable_grads(const std::vector<at::Tensor>& outputs,
                                             const std::vector<at::Tensor>& grads,
                                             const std::vector<at::Tensor>& inputs);

}  // namespace torchlayers
