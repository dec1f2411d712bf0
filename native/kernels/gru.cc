// gru (Cho et al., 2014) with Keras' gates and reset_after: z, r, h stand side by side in kernel, recurrent kernel and
// in both rows of the bias (inputs', state's).
//   z, r = sigmoid(x W + b + h R + b'),  a = tanh(x W + b + r (h R + b')),  h' = z h + (1 - z) a
// One product for all inputs; each step is one product and one pass over the gates. A masked step keeps h.
#include <ATen/Dispatch.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "kernels/activation.h"
#include "kernels/inplace.h"
#include "kernels/recurrent.h"

namespace torchlayers {
namespace {

constexpr int64_t kGates = 3;
// Kept of each step: z, r, a, and the state's share of a.
constexpr int64_t kKept = 4;

using Results = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;
using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

// ---- shapes, for CPU and Meta

void check_gru(const char* op, const RecurrentInputs& inputs) { check_recurrent(op, kGates, 2, inputs); }

Results make_results(const RecurrentInputs& inputs, bool return_sequences) {
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const int64_t units = inputs.units();
  const auto options = inputs.x.options();
  return {at::empty({batch, return_sequences ? steps : 0, units}, options), at::empty({batch, units}, options),
          at::empty({steps, batch, kKept * units}, options), at::empty({steps, batch, units}, options)};
}

OptionalTensor bias_row(const OptionalTensor& bias, int64_t row) {
  return bias.has_value() ? OptionalTensor(bias->select(0, row)) : std::nullopt;
}

// ---- CPU, forward

template <typename T>
TORCHLAYERS_MULTIVERSION void forward_row(int64_t units, const T* TORCHLAYERS_RESTRICT x_z,
                                          const T* TORCHLAYERS_RESTRICT x_r, const T* TORCHLAYERS_RESTRICT x_a,
                                          const T* TORCHLAYERS_RESTRICT h_z, const T* TORCHLAYERS_RESTRICT h_r,
                                          const T* TORCHLAYERS_RESTRICT h_a, const T* TORCHLAYERS_RESTRICT before,
                                          T* TORCHLAYERS_RESTRICT z, T* TORCHLAYERS_RESTRICT r,
                                          T* TORCHLAYERS_RESTRICT a, T* TORCHLAYERS_RESTRICT share,
                                          T* TORCHLAYERS_RESTRICT h) {
  for (int64_t u = 0; u < units; ++u) {
    const T update = fast_sigmoid(x_z[u] + h_z[u]);
    const T reset = fast_sigmoid(x_r[u] + h_r[u]);
    const T fresh = fast_tanh(x_a[u] + reset * h_a[u]);
    z[u] = update;
    r[u] = reset;
    a[u] = fresh;
    share[u] = h_a[u];
    h[u] = update * before[u] + (T{1} - update) * fresh;
  }
}

template <typename T>
void forward_steps(const RecurrentInputs& inputs, const at::Tensor& projected, const RecurrentOptions& options,
                   const Results& results) {
  const auto& [sequence, h, gates, hidden] = results;
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const int64_t units = inputs.units();
  const int64_t block = batch * units;
  const StepMask mask(inputs.mask, options.go_backwards);
  const at::Tensor sums = at::empty({batch, kGates * units}, inputs.x.options());
  const StepProduct product = StepProduct::forward(inputs, or_undefined(bias_row(inputs.bias, 1)), sums);
  const T* h_first = inputs.h0.const_data_ptr<T>();
  const T* from_x = projected.const_data_ptr<T>();
  const T* from_h = sums.const_data_ptr<T>();
  T* gate = gates.template mutable_data_ptr<T>();
  T* state = hidden.template mutable_data_ptr<T>();
  T* shown = options.return_sequences ? sequence.template mutable_data_ptr<T>() : nullptr;
  const auto h_before = [&](int64_t step) -> const T* { return step == 0 ? h_first : state + (step - 1) * block; };
  // A binding can't be captured by every compiler.
  const at::Tensor& all = hidden;
  const auto source = [&](int64_t step) {
    return std::pair([&inputs, &all, step] { return step == 0 ? inputs.h0 : all.select(0, step - 1); },
                     static_cast<const void*>(h_before(step)));
  };
  const auto after = [&](int64_t step, int64_t begin, int64_t end) {
    const bool* counts = mask.at(step);
    T* h_new = state + step * block;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at_row = row * units;
      const bool counted = counts == nullptr || counts[row];
      T* own = gate + kKept * (step * block + at_row);
      if (counted) {
        const T* x = from_x + kGates * (step * block + at_row);
        const T* s = from_h + kGates * at_row;
        forward_row<T>(units, x, x + units, x + 2 * units, s, s + units, s + 2 * units, h_before(step) + at_row, own,
                       own + units, own + 2 * units, own + 3 * units, h_new + at_row);
      } else {
        std::fill_n(own, kKept * units, T{0});
        std::copy_n(h_before(step) + at_row, units, h_new + at_row);
      }
      if (shown == nullptr) continue;
      T* to = shown + (row * steps + step) * units;
      if (counted || !options.zero_output_for_mask) {
        std::copy_n(h_new + at_row, units, to);
      } else {
        std::fill_n(to, units, T{0});
      }
    }
  };
  take_steps(
      product, inputs, kGates * units, false, source, [](int64_t, int64_t, int64_t) {}, after);
  h.copy_(hidden.select(0, steps - 1));
}

RecurrentInputs contiguous_inputs(RecurrentInputs inputs) {
  inputs.h0 = inputs.h0.contiguous();
  return inputs;
}

Results gru(const at::Tensor& x, const at::Tensor& h0, const at::Tensor& kernel, const at::Tensor& recurrent_kernel,
            const OptionalTensor& bias, const OptionalTensor& mask, const OptionalTensor& recurrent_mask,
            bool return_sequences, bool go_backwards, bool zero_output_for_mask) {
  const RecurrentInputs inputs = contiguous_inputs({x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask});
  check_gru("gru", inputs);
  Results results = make_results(inputs, return_sequences);
  const at::Tensor projected = project_inputs(to_steps(x, go_backwards), kernel, bias_row(bias, 0));
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gru", [&] {
    forward_steps<scalar_t>(inputs, projected, {return_sequences, go_backwards, zero_output_for_mask}, results);
  });
  return results;
}

// ---- CPU, backward

// Gradients before the activations: to the inputs' sums (dx), to the state's (ds), and to the state itself (direct).
template <typename T>
TORCHLAYERS_MULTIVERSION void backward_row(int64_t units, const T* TORCHLAYERS_RESTRICT z,
                                           const T* TORCHLAYERS_RESTRICT r, const T* TORCHLAYERS_RESTRICT a,
                                           const T* TORCHLAYERS_RESTRICT share, const T* TORCHLAYERS_RESTRICT before,
                                           T* TORCHLAYERS_RESTRICT dh, T* TORCHLAYERS_RESTRICT dx_z,
                                           T* TORCHLAYERS_RESTRICT dx_r, T* TORCHLAYERS_RESTRICT dx_a,
                                           T* TORCHLAYERS_RESTRICT ds_z, T* TORCHLAYERS_RESTRICT ds_r,
                                           T* TORCHLAYERS_RESTRICT ds_a) {
  for (int64_t u = 0; u < units; ++u) {
    const T grad = dh[u];
    const T d_a = grad * (T{1} - z[u]) * (T{1} - a[u] * a[u]);
    const T d_z = grad * (before[u] - a[u]) * (z[u] * (T{1} - z[u]));
    const T d_r = d_a * share[u] * (r[u] * (T{1} - r[u]));
    dx_z[u] = d_z;
    dx_r[u] = d_r;
    dx_a[u] = d_a;
    ds_z[u] = d_z;
    ds_r[u] = d_r;
    ds_a[u] = d_a * r[u];
    dh[u] = grad * z[u];
  }
}

template <typename T>
void backward_steps(const RecurrentInputs& inputs, const RecurrentOptions& options, const at::Tensor& gates,
                    const at::Tensor& hidden, const at::Tensor& grad_sequence, const at::Tensor& grad_h,
                    const at::Tensor& grad_x, const at::Tensor& grad_s) {
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const int64_t units = inputs.units();
  const int64_t block = batch * units;
  const StepMask mask(inputs.mask, options.go_backwards);
  const at::Tensor passed = at::empty_like(grad_h);
  const StepProduct product = StepProduct::backward(inputs, passed);
  const T* shown = grad_sequence.defined() ? grad_sequence.const_data_ptr<T>() : nullptr;
  const T* gate = gates.const_data_ptr<T>();
  const T* state = hidden.const_data_ptr<T>();
  const T* h_first = inputs.h0.const_data_ptr<T>();
  const T* from_product = passed.const_data_ptr<T>();
  T* dh = grad_h.mutable_data_ptr<T>();
  T* dx = grad_x.mutable_data_ptr<T>();
  T* ds = grad_s.mutable_data_ptr<T>();
  const auto before = [&](int64_t step, int64_t begin, int64_t end) {
    const bool* counts = mask.at(step);
    const T* h_old = step == 0 ? h_first : state + (step - 1) * block;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at_row = row * units;
      const int64_t at_cell = step * block + at_row;
      const bool counted = counts == nullptr || counts[row];
      if (shown != nullptr && (counted || !options.zero_output_for_mask)) {
        const T* from = shown + (row * steps + step) * units;
        for (int64_t u = 0; u < units; ++u) dh[at_row + u] += from[u];
      }
      T* own_x = dx + kGates * at_cell;
      T* own_s = ds + kGates * at_cell;
      if (!counted) {
        // Its state goes on as it was: dh stays, and the product adds nothing.
        std::fill_n(own_x, kGates * units, T{0});
        std::fill_n(own_s, kGates * units, T{0});
        continue;
      }
      const T* own = gate + kKept * at_cell;
      backward_row<T>(units, own, own + units, own + 2 * units, own + 3 * units, h_old + at_row, dh + at_row, own_x,
                      own_x + units, own_x + 2 * units, own_s, own_s + units, own_s + 2 * units);
    }
  };
  const auto source = [&](int64_t step) {
    return std::pair([&grad_s, step] { return grad_s.select(0, step); },
                     static_cast<const void*>(ds + kGates * step * block));
  };
  const auto after = [&](int64_t /*step*/, int64_t begin, int64_t end) {
    for (int64_t i = begin * units; i < end * units; ++i) dh[i] += from_product[i];
  };
  take_steps(product, inputs, kGates * units, true, source, before, after);
}

at::Tensor own_copy(const OptionalTensor& grad, const at::Tensor& like) {
  return grad.has_value() && grad->defined() ? grad->clone(at::MemoryFormat::Contiguous)
                                             : at::zeros_like(like, like.options(), at::MemoryFormat::Contiguous);
}

Gradients gru_backward(const OptionalTensor& grad_sequence, const OptionalTensor& grad_h, const at::Tensor& x,
                       const at::Tensor& h0, const at::Tensor& kernel, const at::Tensor& recurrent_kernel,
                       const OptionalTensor& bias, const OptionalTensor& mask, const OptionalTensor& recurrent_mask,
                       const at::Tensor& gates, const at::Tensor& hidden, bool go_backwards, bool zero_output_for_mask,
                       bool needs_x) {
  const RecurrentInputs inputs = contiguous_inputs({x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask});
  check_gru("gru_backward", inputs);
  const at::Tensor dh = own_copy(grad_h, h0);
  const at::Tensor dx = at::empty({inputs.steps(), inputs.batch(), kGates * inputs.units()}, x.options());
  const at::Tensor ds = at::empty_like(dx);
  const at::Tensor states = hidden.contiguous();
  const bool shown = grad_sequence.has_value() && grad_sequence->defined();
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gru_backward", [&] {
    backward_steps<scalar_t>(inputs, {shown, go_backwards, zero_output_for_mask}, gates.contiguous(), states,
                             shown ? grad_sequence->contiguous() : at::Tensor(), dh, dx, ds);
  });
  const at::Tensor rows = dx.view({inputs.steps() * inputs.batch(), kGates * inputs.units()});
  const at::Tensor steps = to_steps(x, go_backwards);
  const at::Tensor dkernel =
      large_product(ProductKind::WeightGradient, steps.view({rows.size(0), inputs.inputs()}), rows);
  const at::Tensor none = at::empty({0}, x.options());
  return {needs_x
              ? from_steps(large_product(ProductKind::InputGradient, rows, kernel).view(steps.sizes()), go_backwards)
              : none,
          dh, dkernel, recurrent_kernel_grad(states, ds, inputs),
          bias.has_value() ? at::stack({rows.sum(0), ds.view_as(rows).sum(0)}) : none};
}

// ---- Meta

Results gru_meta(const at::Tensor& x, const at::Tensor& h0, const at::Tensor& kernel,
                 const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
                 const OptionalTensor& recurrent_mask, bool return_sequences, bool /*go_backwards*/,
                 bool /*zero_output_for_mask*/) {
  const RecurrentInputs inputs{x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask};
  check_gru("gru", inputs);
  return make_results(inputs, return_sequences);
}

Gradients gru_backward_meta(const OptionalTensor& /*grad_sequence*/, const OptionalTensor& /*grad_h*/,
                            const at::Tensor& x, const at::Tensor& h0, const at::Tensor& kernel,
                            const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
                            const OptionalTensor& recurrent_mask, const at::Tensor& /*gates*/,
                            const at::Tensor& /*hidden*/, bool /*go_backwards*/, bool /*zero_output_for_mask*/,
                            bool needs_x) {
  check_gru("gru_backward", {x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask});
  const auto like = [](const at::Tensor& t) { return at::empty(t.sizes(), t.options()); };
  const at::Tensor none = at::empty({0}, x.options());
  return {needs_x ? like(x) : none, like(h0), like(kernel), like(recurrent_kernel),
          bias.has_value() ? like(*bias) : none};
}

// ---- Autograd

// The same as a loop of cells in plain operators: what a second-order gradient differentiates.
std::vector<at::Tensor> gru_in_cells(const RecurrentInputs& inputs, const RecurrentOptions& options) {
  const int64_t steps = inputs.steps();
  const OptionalTensor x_bias = bias_row(inputs.bias, 0);
  const OptionalTensor h_bias = bias_row(inputs.bias, 1);
  at::Tensor h = inputs.h0;
  std::vector<at::Tensor> outputs;
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t place = options.go_backwards ? steps - 1 - step : step;
    at::Tensor from_x = at::mm(inputs.x.select(1, place), inputs.kernel);
    if (x_bias.has_value()) from_x = from_x.add(*x_bias);
    at::Tensor from_h = recurrent_product(h, inputs);
    if (h_bias.has_value()) from_h = from_h.add(*h_bias);
    const std::vector<at::Tensor> x = from_x.chunk(kGates, 1);
    const std::vector<at::Tensor> s = from_h.chunk(kGates, 1);
    const at::Tensor z = at::sigmoid(x[0].add(s[0]));
    const at::Tensor r = at::sigmoid(x[1].add(s[1]));
    const at::Tensor a = at::tanh(x[2].add(r.mul(s[2])));
    const at::Tensor h_new = z.mul(h).add(at::rsub(z, 1).mul(a));
    const at::Tensor counted = inputs.mask.has_value() ? inputs.mask->select(1, place) : at::Tensor();
    outputs.push_back(keep_where_masked(counted, h_new, options.zero_output_for_mask ? at::zeros_like(h) : h));
    h = keep_where_masked(counted, h_new, h);
  }
  return {plain_sequence(outputs, inputs, options.return_sequences), h};
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const auto& forward_operator() {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("torchlayers::gru", "").typed<decltype(gru)>();
  return op;
}

const auto& backward_operator() {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("torchlayers::gru_backward", "").typed<decltype(gru_backward)>();
  return op;
}

struct Gru : torch::autograd::Function<Gru> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& h0,
                               const at::Tensor& kernel, const at::Tensor& recurrent_kernel, const OptionalTensor& bias,
                               const OptionalTensor& mask, const OptionalTensor& recurrent_mask, bool return_sequences,
                               bool go_backwards, bool zero_output_for_mask) {
    at::AutoDispatchBelowAutograd guard;
    auto [sequence, h, gates, hidden] =
        forward_operator().call(x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask, return_sequences,
                                go_backwards, zero_output_for_mask);
    context->set_materialize_grads(false);
    context->save_for_backward({x, h0, kernel, recurrent_kernel, or_undefined(bias), or_undefined(mask),
                                or_undefined(recurrent_mask), gates, hidden});
    context->saved_data["return_sequences"] = return_sequences;
    context->saved_data["go_backwards"] = go_backwards;
    context->saved_data["zero_output_for_mask"] = zero_output_for_mask;
    context->saved_data["needs_x"] = x.requires_grad();
    context->mark_non_differentiable({gates, hidden});
    return {sequence, h, gates, hidden};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const RecurrentInputs inputs{
        saved[0], saved[1], saved[2], saved[3], if_defined(saved[4]), if_defined(saved[5]), if_defined(saved[6])};
    const RecurrentOptions options{context->saved_data["return_sequences"].toBool(),
                                   context->saved_data["go_backwards"].toBool(),
                                   context->saved_data["zero_output_for_mask"].toBool()};
    variable_list results(10);
    if (at::GradMode::is_enabled()) {
      // The gradient is differentiated again: once more, in operators that can be.
      const auto found = differentiable_grads(
          gru_in_cells(inputs, options), {grads[0], grads[1]},
          {inputs.x, inputs.h0, inputs.kernel, inputs.recurrent_kernel, or_undefined(inputs.bias)});
      std::copy(found.begin(), found.end(), results.begin());
      return results;
    }
    const bool needs_x = context->saved_data["needs_x"].toBool();
    const auto [x, h0, kernel, recurrent_kernel, bias] =
        backward_operator().call(if_defined(grads[0]), if_defined(grads[1]), inputs.x, inputs.h0, inputs.kernel,
                                 inputs.recurrent_kernel, inputs.bias, inputs.mask, inputs.recurrent_mask, saved[7],
                                 saved[8], options.go_backwards, options.zero_output_for_mask, needs_x);
    if (needs_x) results[0] = x;
    results[1] = h0;
    results[2] = kernel;
    results[3] = recurrent_kernel;
    if (inputs.bias.has_value()) results[4] = bias;
    return results;
  }
};

Results gru_autograd(const at::Tensor& x, const at::Tensor& h0, const at::Tensor& kernel,
                     const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
                     const OptionalTensor& recurrent_mask, bool return_sequences, bool go_backwards,
                     bool zero_output_for_mask) {
  TORCH_CHECK_VALUE(!recurrent_mask.has_value() || !recurrent_mask->requires_grad(),
                    "torchlayers::gru: expected a recurrent_mask without gradient, got one that requires it",
                    "\n  It has no derivative: detach it.");
  auto outputs = Gru::apply(x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask, return_sequences, go_backwards,
                            zero_output_for_mask);
  return {outputs[0], outputs[1], outputs[2], outputs[3]};
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("gru", gru);
  m.impl("gru_backward", gru_backward);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("gru", gru_meta);
  m.impl("gru_backward", gru_backward_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("gru", gru_autograd);
  m.impl("gru_backward", refuse_gradient());
}

}  // namespace torchlayers
