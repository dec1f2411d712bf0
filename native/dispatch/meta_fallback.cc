#include "dispatch/meta_fallback.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/fill.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <string_view>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

using c10::DispatchKey;

// What the made-up CPU arguments are filled with. Zeros suit almost every kernel.
enum class Fill { kZeros, kOnes, kIdentity };

// Kernels that refuse zeros: probabilities that must not sum to zero, integer divisors, matrices to be factored.
constexpr std::array kOnes{std::string_view("multinomial"),
                           std::string_view("remainder"),
                           std::string_view("quantize_per_tensor"),
                           std::string_view("quantize_per_channel"),
                           std::string_view("fake_quantize_per_tensor_affine_cachemask"),
                           std::string_view("fake_quantize_per_channel_affine_cachemask")};
constexpr std::array kIdentities{std::string_view("cholesky"), std::string_view("cholesky_inverse"),
                                 std::string_view("linalg_lstsq")};

// Tagged as data-dependent, although made-up values give the right shape (bincount: see check_values_needed).
constexpr std::array kShapeIsKnown{std::string_view("linalg_lstsq"), std::string_view("_ctc_loss"),
                                   std::string_view("bincount")};

// Results whose shape is read from an argument without libtorch tagging them so, or that reach outside the process.
constexpr std::array kNeedValues{std::string_view("is_set_to"),
                                 std::string_view("from_file"),
                                 std::string_view("_spdiags"),
                                 std::string_view("_jagged_to_padded_dense_forward"),
                                 std::string_view("_validate_compressed_sparse_indices"),
                                 std::string_view("_nested_tensor_from_mask"),
                                 std::string_view("_padded_dense_to_jagged_forward")};

template <size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view base_name) {
  return std::find(names.begin(), names.end(), base_name) != names.end();
}

std::string_view base_name_of(const c10::OperatorHandle& op) {
  std::string_view name = op.schema().name();
  return name.substr(name.rfind(':') + 1);
}

std::string full_name(const c10::OperatorHandle& op) {
  const c10::OperatorName& name = op.operator_name();
  return name.overload_name.empty() ? name.name : name.name + "." + name.overload_name;
}

bool is_tensor_type(const c10::Type& type) {
  if (type.kind() == c10::TypeKind::OptionalType) {
    return is_tensor_type(*type.castRaw<c10::OptionalType>()->getElementType());
  }
  if (type.kind() == c10::TypeKind::ListType) {
    return is_tensor_type(*type.castRaw<c10::ListType>()->getElementType());
  }
  return type.kind() == c10::TypeKind::TensorType;
}

bool needs_values(const c10::OperatorHandle& op) {
  const std::string_view name = base_name_of(op);
  if (contains(kShapeIsKnown, name)) return false;
  if (contains(kNeedValues, name)) return true;
  if (op.hasTag(at::Tag::data_dependent_output) || op.hasTag(at::Tag::dynamic_output_shape)) return true;
  // A number read out of a tensor is a value, not a shape.
  const auto& returns = op.schema().returns();
  return std::any_of(returns.begin(), returns.end(), [](const c10::Argument& r) { return !is_tensor_type(*r.type()); });
}

// bincount's length is the largest value plus one, unless minlength covers it.
void check_values_needed(const c10::OperatorHandle& op, const torch::jit::Stack& arguments) {
  if (base_name_of(op) != "bincount") return;
  TORCH_CHECK(arguments.back().toInt() > 0,
              "aten::bincount: the shape of the result depends on the values of the input, ",
              "which a meta tensor does not have. Give minlength, one more than the largest value.");
}

// The stand-ins' twins on CPU, one per tensor: an argument given twice (`out` and `self`) stays one tensor.
class Twins {
 public:
  explicit Twins(Fill fill) : fill_(fill) {}

  at::Tensor of(const at::Tensor& meta) {
    if (!meta.defined() || !meta.is_meta()) return meta;
    for (const auto& [known, twin] : twins_) {
      if (known == meta.unsafeGetTensorImpl()) return twin;
    }
    at::Tensor twin = at::empty_strided(meta.sizes(), meta.strides(), meta.options().device(at::kCPU));
    twin.fill_(fill_ == Fill::kOnes ? 1 : 0);
    if (fill_ == Fill::kIdentity && twin.dim() >= 2) twin.diagonal(0, -2, -1).fill_(1);
    if (meta.unsafeGetTensorImpl()->is_wrapped_number()) twin.unsafeGetTensorImpl()->set_wrapped_number(true);
    twins_.emplace_back(meta.unsafeGetTensorImpl(), twin);
    return twin;
  }

  // Replaces every stand-in and every meta device inside an argument.
  c10::IValue of(const c10::IValue& value) {
    if (value.isTensor()) return of(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(of(tensor));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
        list.push_back(tensor.has_value() ? std::optional(of(*tensor)) : std::nullopt);
      }
      return list;
    }
    if (value.isDevice() && value.toDevice().is_meta()) return c10::Device(at::kCPU);
    return value;
  }

 private:
  Fill fill_;
  std::vector<std::pair<c10::TensorImpl*, at::Tensor>> twins_;
};

// Puts a generator back as it was: a call on stand-ins must not move the random sequence. Not atomic against other
// threads that draw from the same generator meanwhile; what runs beside a recording draws from a state of its own.
class KeepGenerator {
 public:
  explicit KeepGenerator(at::Generator generator) : generator_(std::move(generator)) {
    std::lock_guard<std::mutex> lock(generator_.mutex());
    state_ = generator_.get_state();
  }
  ~KeepGenerator() {
    std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(state_);
  }
  KeepGenerator(const KeepGenerator&) = delete;
  KeepGenerator& operator=(const KeepGenerator&) = delete;

 private:
  at::Generator generator_;
  at::Tensor state_;
};

at::Generator generator_used(const torch::jit::Stack& arguments) {
  for (const c10::IValue& argument : arguments) {
    if (argument.isGenerator()) return argument.toGenerator();
  }
  return at::detail::getDefaultCPUGenerator();
}

at::Tensor stand_in_for(const c10::OperatorHandle& op, const at::Tensor& result) {
  if (!result.defined() || result.is_meta()) return result;
  TORCH_CHECK(result.layout() == at::kStrided && !result.is_quantized(), full_name(op), ": the result is ",
              result.toString(), ", which has no form on the meta device.");
  at::Tensor meta = at::empty_strided(result.sizes(), result.strides(), result.options().device(at::kMeta));
  if (result.unsafeGetTensorImpl()->is_wrapped_number()) meta.unsafeGetTensorImpl()->set_wrapped_number(true);
  return meta;
}

c10::IValue stand_in_for(const c10::OperatorHandle& op, const c10::IValue& result) {
  if (result.isTensor()) return stand_in_for(op, result.toTensor());
  if (result.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : result.toTensorVector()) list.push_back(stand_in_for(op, tensor));
    return list;
  }
  return result;
}

void check_on_meta(const c10::OperatorHandle& op, const c10::Argument& argument, const c10::IValue& value) {
  auto check = [&](const at::Tensor& tensor) {
    TORCH_CHECK(!tensor.defined() || tensor.is_meta(), full_name(op), ": argument '", argument.name(),
                "' is written to, so it must be on meta as the others are, got ", tensor.device());
  };
  if (value.isTensor()) check(value.toTensor());
  if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) check(tensor);
  }
}

// An `out` argument takes the size that the CPU kernel gave its twin.
void follow_resize(const at::Tensor& meta, const at::Tensor& twin) {
  if (!meta.defined() || meta.sizes() == twin.sizes()) return;
  meta.unsafeGetTensorImpl()->set_sizes_and_strides(twin.sizes(), twin.strides());
}

bool is_written(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

template <Fill fill>
void run_on_twins(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  const c10::FunctionSchema& schema = op.schema();
  const size_t count = schema.arguments().size();
  torch::jit::Stack arguments(stack->end() - static_cast<int64_t>(count), stack->end());
  torch::jit::drop(*stack, count);
  check_values_needed(op, arguments);

  Twins twins(fill);
  torch::jit::Stack results;
  results.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (is_written(schema.arguments()[i])) check_on_meta(op, schema.arguments()[i], arguments[i]);
    results.push_back(twins.of(arguments[i]));
  }
  {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    std::optional<KeepGenerator> keep;
    if (op.hasTag(at::Tag::nondeterministic_seeded)) keep.emplace(generator_used(arguments));
    op.redispatchBoxed(c10::DispatchKeySet(DispatchKey::CPU), &results);
  }

  for (size_t i = 0; i < count; ++i) {
    if (!is_written(schema.arguments()[i]) || !arguments[i].isTensor()) continue;
    follow_resize(arguments[i].toTensor(), twins.of(arguments[i].toTensor()));
  }
  // Aliasing is the schema's word: a written argument comes back itself, whatever storage the CPU's result had.
  for (size_t r = 0; r < results.size(); ++r) {
    const c10::AliasInfo* alias = schema.returns()[r].alias_info();
    if (alias == nullptr || !alias->isWrite()) {
      stack->push_back(stand_in_for(op, results[r]));
      continue;
    }
    for (size_t i = 0; i < count; ++i) {
      const c10::AliasInfo* given = schema.arguments()[i].alias_info();
      if (given != nullptr && given->beforeSets() == alias->beforeSets()) stack->push_back(arguments[i]);
    }
  }
}

void refuse(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack*) {
  TORCH_CHECK(false, full_name(op),
              ": the result or its shape depends on the values of the input, which a meta tensor ", "does not have.");
}

bool lacks_meta_kernel(const c10::OperatorHandle& op) {
  // Not hasComputedKernelForDispatchKey: libtorch registers a Meta fallback that throws, which counts there.
  for (DispatchKey key :
       {DispatchKey::Meta, DispatchKey::CompositeImplicitAutograd, DispatchKey::CompositeExplicitAutograd,
        DispatchKey::CompositeExplicitAutogradNonFunctional}) {
    if (op.hasKernelForDispatchKey(key)) return false;
  }
  return op.hasKernelForDispatchKey(DispatchKey::CPU);
}

torch::CppFunction boxed_kernel_for(const c10::OperatorHandle& op) {
  const std::string_view name = base_name_of(op);
  if (contains(kOnes, name)) return torch::CppFunction::makeFromBoxedFunction<&run_on_twins<Fill::kOnes>>();
  if (contains(kIdentities, name)) return torch::CppFunction::makeFromBoxedFunction<&run_on_twins<Fill::kIdentity>>();
  return torch::CppFunction::makeFromBoxedFunction<&run_on_twins<Fill::kZeros>>();
}

// Everything registered here stays for the life of the process: programs may call it until the very end.
struct Registered {
  MetaKernels aten_shapes{"aten"};
  MetaKernels mkldnn_shapes{"mkldnn"};
  MetaKernels aten_slow{"aten"};
  MetaKernels mkldnn_slow{"mkldnn"};
  MetaKernels refused{"aten"};

  Registered() {
    add_convolution_kernels(aten_shapes, mkldnn_shapes);
    add_pointwise_kernels(aten_shapes);
    add_norm_kernels(aten_shapes);
    add_reduction_kernels(aten_shapes);
    add_index_kernels(aten_shapes);
    add_pooling_kernels(aten_shapes);
    add_loss_kernels(aten_shapes);
    add_optimizer_kernels(aten_shapes);
    c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
    for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
      const bool is_aten = name.name.starts_with("aten::");
      if (!is_aten && !name.name.starts_with("mkldnn::")) continue;
      const auto op = dispatcher.findOp(name);
      if (!op.has_value() || !op->hasSchema() || !lacks_meta_kernel(*op)) continue;
      const std::string unqualified = full_name(*op).substr(name.name.find("::") + 2);
      if (is_aten && needs_values(*op)) {
        refused.add(unqualified.c_str(), torch::CppFunction::makeFromBoxedFunction<&refuse>());
      } else {
        (is_aten ? aten_slow : mkldnn_slow).add(unqualified.c_str(), boxed_kernel_for(*op));
      }
    }
  }
};

Registered& registered() {
  static auto* instance = new Registered();
  return *instance;
}

std::vector<std::string> joined(const MetaKernels& a, const MetaKernels& b) {
  std::vector<std::string> names = a.names();
  names.insert(names.end(), b.names().begin(), b.names().end());
  return names;
}

}  // namespace

void register_meta_kernels() { registered(); }

std::vector<std::string> meta_fallback_operators() { return joined(registered().aten_slow, registered().mkldnn_slow); }

std::vector<std::string> meta_shape_operators() { return joined(registered().aten_shapes, registered().mkldnn_shapes); }

std::vector<std::string> meta_refused_operators() { return registered().refused.names(); }

}  // namespace torchlayers
