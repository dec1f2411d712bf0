#include "kernels/weight_list.h"

namespace torchlayers {

void check_weights(const char* op, at::TensorList params, at::TensorList grads, const char* name) {
  TORCH_CHECK_VALUE(params.size() == grads.size(), "torchlayers::", op, ": expected one ", name, " per weight, got ",
                    grads.size(), " for ", params.size(), " weights",
                    "\n  Give two lists of the same length, in the same order.");
  for (size_t i = 0; i < params.size(); ++i) {
    const at::Tensor& param = params[i];
    TORCH_CHECK_TYPE(param.scalar_type() == at::kFloat || param.scalar_type() == at::kDouble ||
                         param.scalar_type() == at::kHalf || param.scalar_type() == at::kBFloat16,
                     "torchlayers::", op,
                     ": expected weights of dtype float16, bfloat16, float32 or float64, got weight ", i, " of dtype ",
                     param.scalar_type(), "\n  Leave weights of other dtypes out of the list.");
    TORCH_CHECK_VALUE(param.is_contiguous(), "torchlayers::", op, ": expected contiguous weights, got weight ", i,
                      " of shape ", param.sizes(), " with strides ", param.strides(),
                      "\n  Update the weight itself, not a transposed or strided view of it.");
    TORCH_CHECK_TYPE(at::isFloatingType(grads[i].scalar_type()), "torchlayers::", op,
                     ": expected a floating dtype, got ", name, " ", i, " of dtype ", grads[i].scalar_type(),
                     "\n  Cast it to its weight's dtype.");
    TORCH_CHECK_VALUE(grads[i].sizes() == param.sizes(), "torchlayers::", op, ": expected ", name, " ", i, " of shape ",
                      param.sizes(), " like its weight, got ", grads[i].sizes(),
                      "\n  Give them in the order of the weights.");
  }
}

void check_slots(const char* op, const char* name, at::TensorList params, at::TensorList slots, bool used) {
  const size_t expected = used ? params.size() : 0;
  TORCH_CHECK_VALUE(slots.size() == expected, "torchlayers::", op, ": expected ", expected, " tensors in ", name,
                    ", got ", slots.size(), "\n  Give one per weight where these options use it, else an empty list.");
  for (size_t i = 0; i < slots.size(); ++i) {
    TORCH_CHECK_VALUE(slots[i].sizes() == params[i].sizes() && slots[i].is_contiguous(), "torchlayers::", op,
                      ": expected ", name, "[", i, "] contiguous of shape ", params[i].sizes(),
                      " like its weight, got shape ", slots[i].sizes(), " with strides ", slots[i].strides(),
                      "\n  Make it like the weight, and keep it with the weight.");
    TORCH_CHECK_TYPE(slots[i].scalar_type() == params[i].scalar_type(), "torchlayers::", op, ": expected ", name, "[",
                     i, "] of dtype ", params[i].scalar_type(), " like its weight, got ", slots[i].scalar_type(),
                     "\n  Make it like the weight.");
  }
}

void check_number(const char* op, const char* name, const at::Tensor& value) {
  TORCH_CHECK_VALUE(value.dim() == 0 && at::isFloatingType(value.scalar_type()), "torchlayers::", op, ": expected ",
                    name, " as a floating tensor of shape [], got ", value.scalar_type(), " of shape ", value.sizes(),
                    "\n  Give one number in a tensor without axes.");
}

void check_counter(const char* op, const char* name, const at::Tensor& value) {
  TORCH_CHECK_VALUE(value.dim() == 0 && at::isIntegralType(value.scalar_type(), /*includeBool=*/false),
                    "torchlayers::", op, ": expected ", name, " as an integer tensor of shape [], got ",
                    value.scalar_type(), " of shape ", value.sizes(),
                    "\n  Give the number of finished steps in a tensor without axes.");
}

std::vector<at::Tensor> dense_grads(at::TensorList params, at::TensorList grads) {
  std::vector<at::Tensor> dense;
  dense.reserve(grads.size());
  for (size_t i = 0; i < grads.size(); ++i) {
    const bool ready = grads[i].scalar_type() == params[i].scalar_type() && grads[i].is_contiguous();
    dense.push_back(ready ? grads[i] : grads[i].to(params[i].scalar_type()).contiguous());
  }
  return dense;
}

std::vector<void*> addresses(at::TensorList tensors, size_t count) {
  std::vector<void*> result(count, nullptr);
  for (size_t i = 0; i < tensors.size(); ++i) result[i] = tensors[i].mutable_data_ptr();
  return result;
}

std::vector<const void*> const_addresses(at::TensorList tensors) {
  std::vector<const void*> result;
  result.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.const_data_ptr());
  return result;
}

}  // namespace torchlayers
