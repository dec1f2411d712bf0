// Makes one call on CPU and on stand-ins, forward and backward, and compares what comes back.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdio>
#include <string>
#include <variant>
#include <vector>

namespace torchlayers::meta_test {

using at::Tensor;
using c10::IValue;

// A tensor argument of a case: of the dtype under test, or of one that the operator prescribes.
struct Spec {
  enum Kind { kTested, kFloat, kInt32, kInt64, kBool } kind;
  std::vector<int64_t> sizes;
  int64_t high = 2;
  bool constant = false;
};
inline Spec t(std::vector<int64_t> sizes) { return {Spec::kTested, std::move(sizes)}; }
inline Spec f32(std::vector<int64_t> sizes) { return {Spec::kFloat, std::move(sizes)}; }
inline Spec i32(std::vector<int64_t> sizes, int64_t high = 2) { return {Spec::kInt32, std::move(sizes), high}; }
inline Spec i64(std::vector<int64_t> sizes, int64_t high = 2) { return {Spec::kInt64, std::move(sizes), high}; }
inline Spec boolean(std::vector<int64_t> sizes) { return {Spec::kBool, std::move(sizes)}; }

// A tensor that no gradient is asked for, such as running statistics.
inline Spec constant(Spec spec) {
  spec.constant = true;
  return spec;
}

using Arg = std::variant<Spec, std::vector<Spec>, IValue>;
inline Arg ints(std::vector<int64_t> values) { return IValue(values); }
inline Arg bools(std::vector<bool> values) {
  c10::List<bool> list;
  for (bool value : values) list.push_back(value);
  return IValue(list);
}
inline Arg scalars() { return IValue(c10::List<std::optional<at::Scalar>>()); }
inline const Arg none = IValue();

// What a case shows. Strides and backward may differ where libtorch's own code above the kernels asks for the device.
enum class Expect { kSame, kSameButStrides, kSameButBackwardReadsValues, kRefused };

struct Case {
  const char* name;
  std::vector<Arg> args;
  Expect expect = Expect::kSame;
};

enum class Layout { kContiguous, kChannelsLast, kTransposed, kStrided };
constexpr Layout kLayouts[] = {Layout::kContiguous, Layout::kChannelsLast, Layout::kTransposed, Layout::kStrided};
inline const char* layout_name(Layout layout) {
  constexpr const char* names[] = {"contiguous", "channels last", "transposed", "strided"};
  return names[static_cast<int>(layout)];
}

inline Tensor made(const Spec& spec, at::ScalarType tested, Layout layout) {
  at::ScalarType dtype = tested;
  if (spec.kind == Spec::kFloat) dtype = at::kFloat;
  if (spec.kind == Spec::kInt32) dtype = at::kInt;
  if (spec.kind == Spec::kInt64) dtype = at::kLong;
  if (spec.kind == Spec::kBool) dtype = at::kBool;
  const bool drawn_whole = spec.kind == Spec::kInt32 || spec.kind == Spec::kInt64 || spec.kind == Spec::kBool;
  Tensor values = drawn_whole ? at::randint(0, spec.high, spec.sizes, at::kLong)
                              : at::rand(spec.sizes, at::kFloat)
                                    .mul_(at::isIntegralType(dtype, true) ? 4 : 0.9)
                                    .add_(at::isIntegralType(dtype, false) ? 1 : 0.05);
  values = values.to(dtype);
  if (drawn_whole) return values;
  if (layout == Layout::kChannelsLast && values.dim() == 4) return values.contiguous(at::MemoryFormat::ChannelsLast);
  if (layout == Layout::kChannelsLast && values.dim() == 5) return values.contiguous(at::MemoryFormat::ChannelsLast3d);
  if (layout == Layout::kTransposed && values.dim() >= 2) return values.transpose(0, -1).contiguous().transpose(0, -1);
  if (layout == Layout::kStrided && values.dim() >= 1) {
    std::vector<int64_t> sizes = spec.sizes;
    sizes.back() *= 2;
    Tensor wide = at::empty(sizes, values.options());
    Tensor every_other = wide.slice(-1, 0, sizes.back(), 2);
    every_other.copy_(values);
    return every_other;
  }
  return values;
}

inline Tensor stand_in(const Tensor& tensor) {
  return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kMeta));
}

inline c10::OperatorHandle find(const std::string& name) {
  const size_t dot = name.find('.');
  return c10::Dispatcher::singleton().findSchemaOrThrow(name.substr(0, dot).c_str(),
                                                        dot == std::string::npos ? "" : name.substr(dot + 1).c_str());
}

struct Arguments {
  torch::jit::Stack stack;
  std::vector<Tensor> differentiable;
};

inline Tensor own(const Tensor& tensor, bool meta, bool grad, std::vector<Tensor>* differentiable) {
  Tensor mine = meta ? stand_in(tensor) : tensor.detach();
  if (grad && (at::isFloatingType(mine.scalar_type()) || mine.is_complex())) {
    mine.requires_grad_(true);
    differentiable->push_back(mine);
  }
  return mine;
}

// The same arguments on CPU and on meta are built from one list of tensors.
inline Arguments arguments_of(const Case& c, const std::vector<Tensor>& tensors, bool meta, bool grad) {
  Arguments out;
  size_t next = 0;
  const c10::OperatorHandle op = find(c.name);
  for (const c10::Argument& argument : op.schema().arguments()) {
    const size_t position = out.stack.size();
    if (position >= c.args.size()) {
      out.stack.push_back(argument.default_value().value_or(IValue()));
      continue;
    }
    const bool written = argument.alias_info() != nullptr && argument.alias_info()->isWrite();
    const Arg& arg = c.args[position];
    if (std::holds_alternative<Spec>(arg)) {
      out.stack.emplace_back(
          own(tensors[next++], meta, grad && !written && !std::get<Spec>(arg).constant, &out.differentiable));
    } else if (const auto* list = std::get_if<std::vector<Spec>>(&arg)) {
      c10::List<Tensor> items;
      for (size_t i = 0; i < list->size(); ++i) {
        items.push_back(own(tensors[next++], meta, grad && !written, &out.differentiable));
      }
      out.stack.emplace_back(items);
    } else {
      IValue value = std::get<IValue>(arg);
      if (meta && value.isDevice()) value = c10::Device(at::kMeta);
      out.stack.push_back(value);
    }
  }
  return out;
}

inline std::vector<Tensor> tensors_of(const Case& c, at::ScalarType dtype, Layout layout) {
  std::vector<Tensor> tensors;
  for (const Arg& arg : c.args) {
    if (const auto* spec = std::get_if<Spec>(&arg)) tensors.push_back(made(*spec, dtype, layout));
    if (const auto* list = std::get_if<std::vector<Spec>>(&arg)) {
      for (const Spec& spec : *list) tensors.push_back(made(spec, dtype, layout));
    }
  }
  return tensors;
}

struct Outcome {
  bool failed = false;
  bool backward_failed = false;
  std::string error;
  std::vector<Tensor> outputs;
  std::vector<Tensor> grads;
};

inline std::vector<Tensor> flattened(const torch::jit::Stack& stack) {
  std::vector<Tensor> tensors;
  for (const IValue& value : stack) {
    if (value.isTensor()) tensors.push_back(value.toTensor());
    if (value.isTensorList()) {
      for (const Tensor& tensor : value.toTensorVector()) tensors.push_back(tensor);
    }
  }
  return tensors;
}

// Without the backtrace of libtorch's errors, which takes longer to print than the call itself.
inline std::string message_of(const std::exception& error) {
  const auto* libtorch_error = dynamic_cast<const c10::Error*>(&error);
  return libtorch_error != nullptr ? libtorch_error->what_without_backtrace() : error.what();
}

inline Outcome run(const Case& c, const std::vector<Tensor>& tensors, bool meta, bool grad) {
  Outcome outcome;
  try {
    Arguments arguments = arguments_of(c, tensors, meta, grad);
    find(c.name).callBoxed(&arguments.stack);
    outcome.outputs = flattened(arguments.stack);
    std::vector<Tensor> roots;
    for (const Tensor& output : outcome.outputs) {
      if (output.defined() && output.requires_grad()) roots.push_back(output);
    }
    if (roots.empty() || arguments.differentiable.empty()) return outcome;
    try {
      std::vector<Tensor> seeds;
      for (const Tensor& root : roots) seeds.push_back(at::ones_like(root));
      outcome.grads = torch::autograd::grad(roots, arguments.differentiable, seeds, false, false, true);
    } catch (const std::exception& error) {
      outcome.backward_failed = true;
      outcome.error = message_of(error);
    }
  } catch (const std::exception& error) {
    outcome.failed = true;
    outcome.error = message_of(error);
  }
  outcome.error = outcome.error.substr(0, outcome.error.find('\n'));
  return outcome;
}

inline std::string described(const Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  return c10::str(tensor.scalar_type(), tensor.sizes(), "/", tensor.strides());
}

// Strides of axes of size 1, and of empty tensors, mean nothing.
inline bool alike(const Tensor& cpu, const Tensor& meta, bool strides) {
  if (cpu.defined() != meta.defined()) return false;
  if (!cpu.defined()) return true;
  if (!meta.is_meta() || cpu.scalar_type() != meta.scalar_type() || cpu.sizes() != meta.sizes()) return false;
  if (cpu.unsafeGetTensorImpl()->is_wrapped_number() != meta.unsafeGetTensorImpl()->is_wrapped_number()) return false;
  for (int64_t d = 0; strides && d < cpu.dim() && cpu.numel() > 0; ++d) {
    if (cpu.size(d) > 1 && cpu.stride(d) != meta.stride(d)) return false;
  }
  return true;
}

struct Counts {
  int compared = 0;
  int differentiated = 0;
  int both_refused = 0;
};

inline void report(const Case& c, at::ScalarType dtype, Layout layout, const std::string& what) {
  std::printf("  %s, %s, %s: %s\n", c.name, c10::toString(dtype), layout_name(layout), what.c_str());
}

inline bool compare_lists(const Case& c, at::ScalarType dtype, Layout layout, const char* which,
                          const std::vector<Tensor>& cpu, const std::vector<Tensor>& meta) {
  bool same = cpu.size() == meta.size();
  for (size_t i = 0; same && i < cpu.size(); ++i) {
    if (alike(cpu[i], meta[i], c.expect != Expect::kSameButStrides)) continue;
    same = false;
    report(c, dtype, layout,
           c10::str(which, " ", i, ": ", described(cpu[i]), " on CPU, ", described(meta[i]), " on meta"));
  }
  return same;
}

// True if meta does what the CPU does. `strict` also asks that meta refuses what the CPU refuses.
inline bool same_outcome(const Case& c, at::ScalarType dtype, Layout layout, bool strict, Counts* counts) {
  const std::vector<Tensor> tensors = tensors_of(c, dtype, layout);
  const Outcome cpu = run(c, tensors, false, true);
  const Outcome meta = run(c, tensors, true, true);
  if (cpu.failed || meta.failed) {
    if (cpu.failed && meta.failed) ++counts->both_refused;
    if (cpu.failed == meta.failed || (!strict && cpu.failed)) return true;
    report(c, dtype, layout,
           (cpu.failed ? "refused on CPU only: " : "refused on meta only: ") + (cpu.failed ? cpu : meta).error);
    return false;
  }
  ++counts->compared;
  if (!compare_lists(c, dtype, layout, "output", cpu.outputs, meta.outputs)) return false;
  if (cpu.backward_failed || meta.backward_failed) {
    if (cpu.backward_failed || c.expect == Expect::kSameButBackwardReadsValues) return true;
    report(c, dtype, layout, "backward refused on meta only: " + meta.error);
    return false;
  }
  if (!cpu.grads.empty()) ++counts->differentiated;
  return compare_lists(c, dtype, layout, "gradient", cpu.grads, meta.grads);
}

}  // namespace torchlayers::meta_test
