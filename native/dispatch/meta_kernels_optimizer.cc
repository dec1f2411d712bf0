// Shape kernels of libtorch's fused optimizers, which write to lists of tensors and return nothing.
#include <ATen/core/dispatch/Dispatcher.h>

#include "dispatch/meta_kernels.h"

namespace torchlayers {
namespace {

// The first list holds the weights. Gradients and per-weight state must match it; empty lists stand for unused state,
// and lists of step counters hold scalars.
void check_lists(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  const auto& arguments = op.schema().arguments();
  const size_t first = stack->size() - arguments.size();
  const std::vector<at::Tensor> weights = (*stack)[first].toTensorVector();
  for (size_t i = 1; i < arguments.size(); ++i) {
    const c10::IValue& value = (*stack)[first + i];
    if (!value.isTensorList()) continue;
    const std::vector<at::Tensor> list = value.toTensorVector();
    TORCH_CHECK((list.empty() && arguments[i].name() != "grads") || list.size() == weights.size(), op.schema().name(),
                ": expected ", weights.size(), " tensors in '", arguments[i].name(), "', got ", list.size());
    for (size_t t = 0; t < list.size(); ++t) {
      const bool counter = arguments[i].name() == "state_steps";
      TORCH_CHECK(counter ? list[t].numel() == 1 : list[t].sizes() == weights[t].sizes(), op.schema().name(),
                  ": tensor ", t, " of '", arguments[i].name(), "' has shape ", list[t].sizes(), ", the weight ",
                  weights[t].sizes());
    }
  }
  torch::jit::drop(*stack, arguments.size());
}

}  // namespace

void add_optimizer_kernels(MetaKernels& aten) {
  for (const char* name : {"_fused_adam_", "_fused_adam_.tensor_lr", "_fused_adamw_", "_fused_adamw_.tensor_lr",
                           "_fused_sgd_", "_fused_sgd_.tensor_lr", "_fused_adagrad_", "_fused_adagrad_.tensor_lr",
                           "_amp_foreach_non_finite_check_and_unscale_"}) {
    aten.add(name, torch::CppFunction::makeFromBoxedFunction<&check_lists>());
  }
}

}  // namespace torchlayers
