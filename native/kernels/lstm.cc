// lstm (Hochreiter and Schmidhuber, 1997) with Keras' gates: i, f, g, o stand side by side in kernel, recurrent kernel
// and bias.
//   i, f, o = sigmoid(x W + h R + b),  g = tanh(x W + h R + b),  c' = f c + i g,  h' = o tanh(c')
// One product for all inputs; each step is one product and one pass over the gates. A masked step keeps h and c.
#include <ATen/Dispatch.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "kernels/activation.h"
#include "kernels/inplace.h"
#include "kernels/recurrent.h"

namespace torchlayers {
namespace {

constexpr int64_t kGates = 4;

using Results = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

// ---- shapes, for CPU and Meta

void check_lstm(const char* op, const RecurrentInputs& inputs, const at::Tensor& c0) {
  check_recurrent(op, kGates, 0, inputs);
  check_state(op, "c0", inputs, c0);
}

Results make_results(const RecurrentInputs& inputs, bool return_sequences) {
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const int64_t units = inputs.units();
  const auto options = inputs.x.options();
  return {at::empty({batch, return_sequences ? steps : 0, units}, options),
          at::empty({batch, units}, options),
          at::empty({batch, units}, options),
          at::empty({steps, batch, kGates * units}, options),
          at::empty({steps, batch, units}, options),
          at::empty({steps, batch, units}, options)};
}

// ---- CPU, forward

// Turns the gates' sums, the inputs' in place and the state's, into gates.
template <typename T>
TORCHLAYERS_MULTIVERSION void forward_row(int64_t units, T* TORCHLAYERS_RESTRICT i, T* TORCHLAYERS_RESTRICT f,
                                          T* TORCHLAYERS_RESTRICT g, T* TORCHLAYERS_RESTRICT o,
                                          const T* TORCHLAYERS_RESTRICT state_i, const T* TORCHLAYERS_RESTRICT state_f,
                                          const T* TORCHLAYERS_RESTRICT state_g, const T* TORCHLAYERS_RESTRICT state_o,
                                          const T* TORCHLAYERS_RESTRICT before, T* TORCHLAYERS_RESTRICT c,
                                          T* TORCHLAYERS_RESTRICT h) {
  for (int64_t u = 0; u < units; ++u) {
    const T in = fast_sigmoid(i[u] + state_i[u]);
    const T forget = fast_sigmoid(f[u] + state_f[u]);
    const T fresh = fast_tanh(g[u] + state_g[u]);
    const T out = fast_sigmoid(o[u] + state_o[u]);
    const T cell = forget * before[u] + in * fresh;
    i[u] = in;
    f[u] = forget;
    g[u] = fresh;
    o[u] = out;
    c[u] = cell;
    h[u] = out * fast_tanh(cell);
  }
}

template <typename T>
void forward_steps(const RecurrentInputs& inputs, const at::Tensor& c0, const RecurrentOptions& options,
                   const Results& results) {
  const auto& [sequence, h, c, gates, cells, hidden] = results;
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const int64_t units = inputs.units();
  const StepMask mask(inputs.mask, options.go_backwards);
  const at::Tensor sums = at::empty({batch, kGates * units}, inputs.x.options());
  const StepProduct product = StepProduct::forward(inputs, at::Tensor(), sums);
  const T* h_first = inputs.h0.const_data_ptr<T>();
  const T* c_first = c0.const_data_ptr<T>();
  const T* from_state = sums.const_data_ptr<T>();
  T* gate = gates.template mutable_data_ptr<T>();
  T* cell = cells.template mutable_data_ptr<T>();
  T* state = hidden.template mutable_data_ptr<T>();
  T* shown = options.return_sequences ? sequence.template mutable_data_ptr<T>() : nullptr;
  const int64_t block = batch * units;
  const auto h_before = [&](int64_t step) -> const T* { return step == 0 ? h_first : state + (step - 1) * block; };
  const auto c_before = [&](int64_t step) -> const T* { return step == 0 ? c_first : cell + (step - 1) * block; };
  // A binding can't be captured by every compiler.
  const at::Tensor& all = hidden;
  const auto source = [&](int64_t step) {
    return std::pair([&inputs, &all, step] { return step == 0 ? inputs.h0 : all.select(0, step - 1); },
                     static_cast<const void*>(h_before(step)));
  };
  const auto after = [&](int64_t step, int64_t begin, int64_t end) {
    const bool* counts = mask.at(step);
    T* c_new = cell + step * block;
    T* h_new = state + step * block;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at_row = row * units;
      const bool counted = counts == nullptr || counts[row];
      if (counted) {
        T* own = gate + kGates * (step * block + at_row);
        const T* sum = from_state + kGates * at_row;
        forward_row<T>(units, own, own + units, own + 2 * units, own + 3 * units, sum, sum + units, sum + 2 * units,
                       sum + 3 * units, c_before(step) + at_row, c_new + at_row, h_new + at_row);
      } else {
        std::copy_n(c_before(step) + at_row, units, c_new + at_row);
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
  c.copy_(cells.select(0, steps - 1));
}

RecurrentInputs contiguous_inputs(RecurrentInputs inputs) {
  inputs.h0 = inputs.h0.contiguous();
  return inputs;
}

Results lstm(const at::Tensor& x, const at::Tensor& h0, const at::Tensor& c0, const at::Tensor& kernel,
             const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
             const OptionalTensor& recurrent_mask, bool return_sequences, bool go_backwards,
             bool zero_output_for_mask) {
  const RecurrentInputs inputs = contiguous_inputs({x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask});
  check_lstm("lstm", inputs, c0);
  Results results = make_results(inputs, return_sequences);
  std::get<3>(results) = project_inputs(to_steps(x, go_backwards), kernel, bias);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "lstm", [&] {
    forward_steps<scalar_t>(inputs, c0.contiguous(), {return_sequences, go_backwards, zero_output_for_mask}, results);
  });
  return results;
}

// ---- CPU, backward

// The gates' gradients before their activations, written to di..do; dc becomes that of the cell before.
template <typename T>
TORCHLAYERS_MULTIVERSION void backward_row(int64_t units, const T* TORCHLAYERS_RESTRICT i,
                                           const T* TORCHLAYERS_RESTRICT f, const T* TORCHLAYERS_RESTRICT g,
                                           const T* TORCHLAYERS_RESTRICT o, const T* TORCHLAYERS_RESTRICT before,
                                           const T* TORCHLAYERS_RESTRICT c, const T* TORCHLAYERS_RESTRICT dh,
                                           T* TORCHLAYERS_RESTRICT dc, T* TORCHLAYERS_RESTRICT d_i,
                                           T* TORCHLAYERS_RESTRICT d_f, T* TORCHLAYERS_RESTRICT d_g,
                                           T* TORCHLAYERS_RESTRICT d_o) {
  for (int64_t u = 0; u < units; ++u) {
    const T bent = fast_tanh(c[u]);
    const T cell = dc[u] + dh[u] * o[u] * (T{1} - bent * bent);
    d_i[u] = cell * g[u] * (i[u] * (T{1} - i[u]));
    d_f[u] = cell * before[u] * (f[u] * (T{1} - f[u]));
    d_g[u] = cell * i[u] * (T{1} - g[u] * g[u]);
    d_o[u] = dh[u] * bent * (o[u] * (T{1} - o[u]));
    dc[u] = cell * f[u];
  }
}

// Saved results of the forward operator.
struct Saved {
  at::Tensor gates, cells, hidden;
};

template <typename T>
void backward_steps(const RecurrentInputs& inputs, const at::Tensor& c0, const RecurrentOptions& options,
                    const Saved& saved, const at::Tensor& grad_sequence, const at::Tensor& grad_h,
                    const at::Tensor& grad_c, const at::Tensor& grad_z) {
  const int64_t batch = inputs.batch();
  const int64_t steps = inputs.steps();
  const int64_t units = inputs.units();
  const int64_t block = batch * units;
  const StepMask mask(inputs.mask, options.go_backwards);
  const at::Tensor passed = at::empty_like(grad_h);
  const StepProduct product = StepProduct::backward(inputs, passed);
  const T* shown = grad_sequence.defined() ? grad_sequence.const_data_ptr<T>() : nullptr;
  const T* gate = saved.gates.const_data_ptr<T>();
  const T* cell = saved.cells.const_data_ptr<T>();
  const T* c_first = c0.const_data_ptr<T>();
  const T* from_product = passed.const_data_ptr<T>();
  T* dh = grad_h.mutable_data_ptr<T>();
  T* dc = grad_c.mutable_data_ptr<T>();
  T* dz = grad_z.mutable_data_ptr<T>();
  const auto before = [&](int64_t step, int64_t begin, int64_t end) {
    const bool* counts = mask.at(step);
    const T* c_old = step == 0 ? c_first : cell + (step - 1) * block;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at_row = row * units;
      const int64_t at_cell = step * block + at_row;
      const bool counted = counts == nullptr || counts[row];
      if (shown != nullptr && (counted || !options.zero_output_for_mask)) {
        const T* from = shown + (row * steps + step) * units;
        for (int64_t u = 0; u < units; ++u) dh[at_row + u] += from[u];
      }
      T* own = dz + kGates * at_cell;
      if (!counted) {
        std::fill_n(own, kGates * units, T{0});
        continue;
      }
      const T* gates = gate + kGates * at_cell;
      backward_row<T>(units, gates, gates + units, gates + 2 * units, gates + 3 * units, c_old + at_row, cell + at_cell,
                      dh + at_row, dc + at_row, own, own + units, own + 2 * units, own + 3 * units);
    }
  };
  const auto source = [&](int64_t step) {
    return std::pair([&grad_z, step] { return grad_z.select(0, step); },
                     static_cast<const void*>(dz + kGates * step * block));
  };
  const auto after = [&](int64_t step, int64_t begin, int64_t end) {
    const bool* counts = mask.at(step);
    for (int64_t row = begin; row < end; ++row) {
      // A step left out passes on what came.
      if (counts == nullptr || counts[row]) std::copy_n(from_product + row * units, units, dh + row * units);
    }
  };
  take_steps(product, inputs, kGates * units, true, source, before, after);
}

at::Tensor own_copy(const OptionalTensor& grad, const at::Tensor& like) {
  return grad.has_value() && grad->defined() ? grad->clone(at::MemoryFormat::Contiguous)
                                             : at::zeros_like(like, like.options(), at::MemoryFormat::Contiguous);
}

Results lstm_backward(const OptionalTensor& grad_sequence, const OptionalTensor& grad_h, const OptionalTensor& grad_c,
                      const at::Tensor& x, const at::Tensor& h0, const at::Tensor& c0, const at::Tensor& kernel,
                      const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
                      const OptionalTensor& recurrent_mask, const at::Tensor& gates, const at::Tensor& cells,
                      const at::Tensor& hidden, bool go_backwards, bool zero_output_for_mask, bool needs_x) {
  const RecurrentInputs inputs = contiguous_inputs({x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask});
  check_lstm("lstm_backward", inputs, c0);
  const Saved saved{gates.contiguous(), cells.contiguous(), hidden.contiguous()};
  const at::Tensor dh = own_copy(grad_h, h0);
  const at::Tensor dc = own_copy(grad_c, c0);
  const at::Tensor dz = at::empty_like(saved.gates);
  const bool shown = grad_sequence.has_value() && grad_sequence->defined();
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "lstm_backward", [&] {
    backward_steps<scalar_t>(inputs, c0.contiguous(), {shown, go_backwards, zero_output_for_mask}, saved,
                             shown ? grad_sequence->contiguous() : at::Tensor(), dh, dc, dz);
  });
  const at::Tensor rows = dz.view({inputs.steps() * inputs.batch(), kGates * inputs.units()});
  const at::Tensor steps = to_steps(x, go_backwards);
  const at::Tensor dkernel =
      large_product(ProductKind::WeightGradient, steps.view({rows.size(0), inputs.inputs()}), rows);
  const at::Tensor dx =
      needs_x ? from_steps(large_product(ProductKind::InputGradient, rows, kernel).view(steps.sizes()), go_backwards)
              : at::empty({0}, x.options());
  return {dx,
          dh,
          dc,
          dkernel,
          recurrent_kernel_grad(saved.hidden, dz, inputs),
          bias.has_value() ? rows.sum(0) : at::empty({0}, x.options())};
}

// ---- Meta

Results lstm_meta(const at::Tensor& x, const at::Tensor& h0, const at::Tensor& c0, const at::Tensor& kernel,
                  const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
                  const OptionalTensor& recurrent_mask, bool return_sequences, bool /*go_backwards*/,
                  bool /*zero_output_for_mask*/) {
  const RecurrentInputs inputs{x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask};
  check_lstm("lstm", inputs, c0);
  return make_results(inputs, return_sequences);
}

Results lstm_backward_meta(const OptionalTensor& /*grad_sequence*/, const OptionalTensor& /*grad_h*/,
                           const OptionalTensor& /*grad_c*/, const at::Tensor& x, const at::Tensor& h0,
                           const at::Tensor& c0, const at::Tensor& kernel, const at::Tensor& recurrent_kernel,
                           const OptionalTensor& bias, const OptionalTensor& mask, const OptionalTensor& recurrent_mask,
                           const at::Tensor& /*gates*/, const at::Tensor& /*cells*/, const at::Tensor& /*hidden*/,
                           bool /*go_backwards*/, bool /*zero_output_for_mask*/, bool needs_x) {
  check_lstm("lstm_backward", {x, h0, kernel, recurrent_kernel, bias, mask, recurrent_mask}, c0);
  const auto like = [](const at::Tensor& t) { return at::empty(t.sizes(), t.options()); };
  const at::Tensor none = at::empty({0}, x.options());
  return {needs_x ? like(x) : none,
          like(h0),
          like(c0),
          like(kernel),
          like(recurrent_kernel),
          bias.has_value() ? like(*bias) : none};
}

// ---- Autograd

// The same as a loop of cells in plain operators: what a second-order gradient differentiates.
std::vector<at::Tensor> lstm_in_cells(const RecurrentInputs& inputs, const at::Tensor& c0,
                                      const RecurrentOptions& options) {
  const int64_t steps = inputs.steps();
  at::Tensor h = inputs.h0;
  at::Tensor c = c0;
  std::vector<at::Tensor> outputs;
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t place = options.go_backwards ? steps - 1 - step : step;
    at::Tensor z = at::mm(inputs.x.select(1, place), inputs.kernel).add(recurrent_product(h, inputs));
    if (inputs.bias.has_value()) z = z.add(*inputs.bias);
    const std::vector<at::Tensor> parts = z.chunk(kGates, 1);
    const at::Tensor c_new = at::sigmoid(parts[1]).mul(c).add(at::sigmoid(parts[0]).mul(at::tanh(parts[2])));
    const at::Tensor h_new = at::sigmoid(parts[3]).mul(at::tanh(c_new));
    const at::Tensor counted = inputs.mask.has_value() ? inputs.mask->select(1, place) : at::Tensor();
    const at::Tensor hides = options.zero_output_for_mask ? at::zeros_like(h) : h;
    outputs.push_back(keep_where_masked(counted, h_new, hides));
    h = keep_where_masked(counted, h_new, h);
    c = keep_where_masked(counted, c_new, c);
  }
  return {plain_sequence(outputs, inputs, options.return_sequences), h, c};
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Lstm : torch::autograd::Function<Lstm> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& h0,
                               const at::Tensor& c0, const at::Tensor& kernel, const at::Tensor& recurrent_kernel,
                               const OptionalTensor& bias, const OptionalTensor& mask,
                               const OptionalTensor& recurrent_mask, bool return_sequences, bool go_backwards,
                               bool zero_output_for_mask);
  static variable_list backward(AutogradContext* context, const variable_list& grads);
};

const auto& forward_operator() {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("torchlayers::lstm", "").typed<decltype(lstm)>();
  return op;
}

const auto& backward_operator() {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("torchlayers::lstm_backward", "").typed<decltype(lstm_backward)>();
  return op;
}

variable_list Lstm::forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& h0, const at::Tensor& c0,
                            const at::Tensor& kernel, const at::Tensor& recurrent_kernel, const OptionalTensor& bias,
                            const OptionalTensor& mask, const OptionalTensor& recurrent_mask, bool return_sequences,
                            bool go_backwards, bool zero_output_for_mask) {
  at::AutoDispatchBelowAutograd guard;
  auto [sequence, h, c, gates, cells, hidden] =
      forward_operator().call(x, h0, c0, kernel, recurrent_kernel, bias, mask, recurrent_mask, return_sequences,
                              go_backwards, zero_output_for_mask);
  context->set_materialize_grads(false);
  context->save_for_backward({x, h0, c0, kernel, recurrent_kernel, or_undefined(bias), or_undefined(mask),
                              or_undefined(recurrent_mask), gates, cells, hidden});
  context->saved_data["return_sequences"] = return_sequences;
  context->saved_data["go_backwards"] = go_backwards;
  context->saved_data["zero_output_for_mask"] = zero_output_for_mask;
  context->saved_data["needs_x"] = x.requires_grad();
  context->mark_non_differentiable({gates, cells, hidden});
  return {sequence, h, c, gates, cells, hidden};
}

variable_list Lstm::backward(AutogradContext* context, const variable_list& grads) {
  const auto saved = context->get_saved_variables();
  const RecurrentInputs inputs{
      saved[0], saved[1], saved[3], saved[4], if_defined(saved[5]), if_defined(saved[6]), if_defined(saved[7])};
  const at::Tensor& c0 = saved[2];
  const RecurrentOptions options{context->saved_data["return_sequences"].toBool(),
                                 context->saved_data["go_backwards"].toBool(),
                                 context->saved_data["zero_output_for_mask"].toBool()};
  variable_list results(11);
  if (at::GradMode::is_enabled()) {
    // The gradient is differentiated again: once more, in operators that can be.
    const auto found = differentiable_grads(
        lstm_in_cells(inputs, c0, options), {grads[0], grads[1], grads[2]},
        {inputs.x, inputs.h0, c0, inputs.kernel, inputs.recurrent_kernel, or_undefined(inputs.bias)});
    std::copy(found.begin(), found.end(), results.begin());
    return results;
  }
  const bool needs_x = context->saved_data["needs_x"].toBool();
  const auto [x, h0, c, kernel, recurrent_kernel, bias] = backward_operator().call(
      if_defined(grads[0]), if_defined(grads[1]), if_defined(grads[2]), inputs.x, inputs.h0, c0, inputs.kernel,
      inputs.recurrent_kernel, inputs.bias, inputs.mask, inputs.recurrent_mask, saved[8], saved[9], saved[10],
      options.go_backwards, options.zero_output_for_mask, needs_x);
  if (needs_x) results[0] = x;
  results[1] = h0;
  results[2] = c;
  results[3] = kernel;
  results[4] = recurrent_kernel;
  if (inputs.bias.has_value()) results[5] = bias;
  return results;
}

Results lstm_autograd(const at::Tensor& x, const at::Tensor& h0, const at::Tensor& c0, const at::Tensor& kernel,
                      const at::Tensor& recurrent_kernel, const OptionalTensor& bias, const OptionalTensor& mask,
                      const OptionalTensor& recurrent_mask, bool return_sequences, bool go_backwards,
                      bool zero_output_for_mask) {
  TORCH_CHECK_VALUE(!recurrent_mask.has_value() || !recurrent_mask->requires_grad(),
                    "torchlayers::lstm: expected a recurrent_mask without gradient, got one that requires it",
                    "\n  It has no derivative: detach it.");
  auto outputs = Lstm::apply(x, h0, c0, kernel, recurrent_kernel, bias, mask, recurrent_mask, return_sequences,
                             go_backwards, zero_output_for_mask);
  return {outputs[0], outputs[1], outputs[2], outputs[3], outputs[4], outputs[5]};
}

}  // namespace

TORCH_LIBRARY_IMPL(torchlayers, CPU, m) {
  m.impl("lstm", lstm);
  m.impl("lstm_backward", lstm_backward);
}

TORCH_LIBRARY_IMPL(torchlayers, Meta, m) {
  m.impl("lstm", lstm_meta);
  m.impl("lstm_backward", lstm_backward_meta);
}

TORCH_LIBRARY_IMPL(torchlayers, Autograd, m) {
  m.impl("lstm", lstm_autograd);
  m.impl("lstm_backward", refuse_gradient());
}

}  // namespace torchlayers
