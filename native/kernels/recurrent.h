// What the recurrent operators (lstm.cc, gru.cc) share. Inside, everything is time-major: a step is one block of
// memory. Steps are numbered in the order they are taken: with go_backwards, step 0 reads the last input.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

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

// x kernel + bias for all steps at once: [steps, batch, gates * units]. `steps` is to_steps(x).
at::Tensor project_inputs(const at::Tensor& steps, const at::Tensor& kernel, const OptionalTensor& bias);

// z += state recurrent_kernel, gate by gate where masks differ.
void add_recurrent(at::Tensor& z, const at::Tensor& state, const RecurrentInputs& inputs);
// What add_recurrent passes on to the state; written to `result`.
void pass_to_state(at::Tensor& result, const at::Tensor& grad_z, const RecurrentInputs& inputs);
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

// Rows of a batch that one thread takes at least: an element costs about as much as eight of a plain loop.
inline int64_t recurrent_grain(int64_t elements_per_row) {
  return std::max<int64_t>(1, 4096 / std::max<int64_t>(1, elements_per_row));
}

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
