#include "kernels/inplace.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/stack.h>

#include <string>
#include <vector>

namespace torchlayers {
namespace {

// Calls visit(tensor, name) for a tensor argument, or for each tensor of a list argument.
template <typename Visit>
void visit_tensors(const c10::IValue& value, const std::string& name, const Visit& visit) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) visit(value.toTensor(), name);
  } else if (value.isTensorList()) {
    const std::vector<at::Tensor> tensors = value.toTensorVector();
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].defined()) visit(tensors[i], name + "[" + std::to_string(i) + "]");
    }
  }
}

void bump_written_arguments_boxed(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  const auto values = torch::jit::last(*stack, arguments.size());
  std::vector<at::Tensor> written;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto* alias = arguments[i].alias_info();
    if (alias == nullptr || !alias->isWrite()) continue;
    visit_tensors(values[i], arguments[i].name(),
                  [&](const at::Tensor& t, const std::string&) { written.push_back(t); });
  }
  {
    at::AutoDispatchBelowADInplaceOrView guard;
    op.redispatchBoxed(keys & c10::after_ADInplaceOrView_keyset, stack);
  }
  for (const at::Tensor& tensor : written) {
    if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
  }
}

void refuse_gradient_boxed(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  if (at::GradMode::is_enabled()) {
    const auto& arguments = op.schema().arguments();
    const auto values = torch::jit::last(*stack, arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
      visit_tensors(values[i], arguments[i].name(), [&](const at::Tensor& tensor, const std::string& name) {
        TORCH_CHECK_NOT_IMPLEMENTED(!tensor.requires_grad(), op.schema().name(),
                                    ": expected arguments without gradient, got ", name, " that requires one",
                                    "\n  This operator has no derivative: call it outside grad(), or detach ", name,
                                    " first.");
      });
    }
  }
  at::AutoDispatchBelowAutograd guard;
  op.redispatchBoxed(keys & c10::after_autograd_keyset, stack);
}

}  // namespace

torch::CppFunction bump_written_arguments() {
  return torch::CppFunction::makeFromBoxedFunction<&bump_written_arguments_boxed>();
}

torch::CppFunction refuse_gradient() { return torch::CppFunction::makeFromBoxedFunction<&refuse_gradient_boxed>(); }

}  // namespace torchlayers
