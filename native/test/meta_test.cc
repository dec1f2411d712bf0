// The meta kernels against the CPU's: for calls over all families, several dtypes and layouts, a call on stand-ins
// gives the shape, dtype and strides that the CPU gives, forward and backward.
#include "dispatch/meta_fallback.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "test/meta_cases.h"

#include "test/check.h"  // last: libtorch has a CHECK of its own

namespace torchlayers::meta_test {
namespace {

constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,    at::kInt,
                                      at::kLong,  at::kByte,   at::kBool, at::kComplexFloat};

void compare_all(const std::vector<Case>& cases, bool strict) {
  register_meta_kernels();
  Counts counts;
  for (const Case& c : cases) {
    const int before = counts.compared;
    for (at::ScalarType dtype : kDtypes) {
      for (Layout layout : kLayouts) CHECK(same_outcome(c, dtype, layout, strict, &counts));
    }
    // A case that is wrong in itself would be refused by both and show nothing.
    const bool ran = counts.compared > before;
    if (ran == (c.expect == Expect::kRefused)) std::printf("  %s: %s\n", c.name, ran ? "ran" : "refused by the CPU");
    CHECK(ran == (c.expect != Expect::kRefused));
  }
  std::printf("  %zu calls: %d outcomes compared, %d with gradients, %d refused by both\n", cases.size(),
              counts.compared, counts.differentiated, counts.both_refused);
}

TEST(shape_kernels_agree_with_cpu) { compare_all(strict_cases(), true); }

TEST(other_operators_agree_with_cpu) { compare_all(loose_cases(), false); }

Tensor meta(std::vector<int64_t> sizes, at::ScalarType dtype = at::kFloat) {
  return at::empty(sizes, at::TensorOptions().dtype(dtype).device(at::kMeta));
}

torch::jit::Stack call(const char* name, torch::jit::Stack stack) {
  register_meta_kernels();
  find(name).callBoxed(&stack);
  return stack;
}

std::string error_of(const char* name, torch::jit::Stack stack) {
  try {
    call(name, std::move(stack));
  } catch (const std::exception& error) {
    return message_of(error);
  }
  return "";
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What models use at size must not take the boxed way.
TEST(important_operators_have_shape_kernels) {
  register_meta_kernels();
  const std::vector<std::string> slow = meta_fallback_operators();
  const std::vector<std::string> shapes = meta_shape_operators();
  for (const char* name : {"convolution_overrideable",
                           "convolution_backward_overrideable",
                           "relu",
                           "abs.out",
                           "where.self",
                           "where.self_out",
                           "index_select",
                           "embedding_dense_backward",
                           "native_batch_norm",
                           "native_batch_norm_backward",
                           "native_layer_norm",
                           "native_layer_norm_backward",
                           "native_group_norm",
                           "native_group_norm_backward",
                           "var.correction",
                           "std.correction",
                           "var_mean.correction",
                           "_prelu_kernel",
                           "log_sigmoid_forward",
                           "log_sigmoid_backward",
                           "logical_and.out",
                           "logical_not.out",
                           "isnan",
                           "max_pool3d_with_indices",
                           "_adaptive_avg_pool2d",
                           "_adaptive_avg_pool3d",
                           "_adaptive_avg_pool2d_backward",
                           "mse_loss_backward",
                           "flip",
                           "_fused_adam_"}) {
    const std::string full = std::string("aten::") + name;
    CHECK(std::find(shapes.begin(), shapes.end(), full) != shapes.end());
    CHECK(std::find(slow.begin(), slow.end(), full) == slow.end());
  }
  std::printf("  %zu shape kernels, %zu by the boxed way, %zu refused\n", shapes.size(), slow.size(),
              meta_refused_operators().size());
  CHECK(!slow.empty());
}

TEST(registering_twice_changes_nothing) {
  register_meta_kernels();
  const size_t before = meta_fallback_operators().size();
  register_meta_kernels();
  CHECK(meta_fallback_operators().size() == before);
}

TEST(refused_operators_name_themselves) {
  CHECK(mentions(error_of("aten::nonzero", {meta({3, 5})}), "aten::nonzero: the result or its shape depends on"));
  CHECK(mentions(error_of("aten::masked_select", {meta({3}), meta({3}, at::kBool)}), "aten::masked_select"));
  CHECK(mentions(error_of("aten::item", {meta({})}), "_local_scalar_dense"));
  CHECK(mentions(error_of("aten::_unique2", {meta({3}), true, false, false}), "aten::_unique2"));
  CHECK(mentions(error_of("aten::bincount", {meta({3}, at::kLong), IValue(), 0}), "Give minlength"));
  CHECK(mentions(error_of("aten::repeat_interleave.Tensor", {meta({3}, at::kLong), IValue()}), "Give output_size"));
  CHECK(call("aten::repeat_interleave.Tensor", {meta({3}, at::kLong), 9})[0].toTensor().sizes() == at::IntArrayRef{9});
}

// The values are not read, but the call's own errors are: the boxed way asks the CPU kernel.
TEST(boxed_way_keeps_the_cpu_errors) {
  CHECK(error_of("aten::im2col", {meta({2, 3, 4, 4}), c10::List<int64_t>({9, 9}), c10::List<int64_t>({1, 1}),
                                  c10::List<int64_t>({0, 0}), c10::List<int64_t>({1, 1})}) != "");
  CHECK(error_of("aten::linalg_eig", {meta({4, 3})}) != "");
}

TEST(generator_does_not_move) {
  register_meta_kernels();
  const at::Generator& generator = at::detail::getDefaultCPUGenerator();
  const Tensor before = generator.get_state();
  call("aten::multinomial", {meta({3, 5}), 2, false, IValue()});
  call("aten::poisson", {meta({3, 5}), IValue()});
  call("aten::_standard_gamma", {meta({3, 5}), IValue()});
  call("aten::randperm", {100, at::kLong, IValue(), IValue(c10::Device(at::kMeta)), IValue()});
  call("aten::rrelu_with_noise", {meta({3, 5}), meta({3, 5}), 0.1, 0.3, true, IValue()});
  CHECK(at::equal(before, generator.get_state()));
  call("aten::poisson", {at::rand({3, 5}), IValue()});
  CHECK(!at::equal(before, generator.get_state()));

  at::Generator own = at::detail::createCPUGenerator(7);
  const Tensor own_before = own.get_state();
  call("aten::poisson", {meta({3, 5}), own});
  CHECK(at::equal(own_before, own.get_state()));
}

// The flag decides type promotion: an int8 tensor shifted by a number stays int8.
TEST(wrapped_numbers_keep_their_flag) {
  Tensor number = meta({}, at::kLong);
  const Tensor bytes = meta({3}, at::kChar);
  CHECK(call("aten::__lshift__.Tensor", {bytes, number})[0].toTensor().scalar_type() == at::kChar);
  number.unsafeGetTensorImpl()->set_wrapped_number(true);
  CHECK(call("aten::__lshift__.Tensor", {number, number})[0].toTensor().unsafeGetTensorImpl()->is_wrapped_number() ==
        [] {
          Tensor cpu = at::empty({}, at::kLong).zero_();
          cpu.unsafeGetTensorImpl()->set_wrapped_number(true);
          return call("aten::__lshift__.Tensor", {cpu, cpu})[0].toTensor().unsafeGetTensorImpl()->is_wrapped_number();
        }());
  CHECK(call("aten::__lshift__.Tensor", {meta({3}, at::kChar), number})[0].toTensor().scalar_type() == at::kChar);
  const Tensor one_wide = meta({1}, at::kLong);
  CHECK(call("aten::__lshift__.Tensor", {bytes, one_wide})[0].toTensor().scalar_type() == at::kLong);
}

TEST(written_arguments_come_back_themselves) {
  const Tensor out = meta({0});
  const Tensor back = call("aten::angle.out", {meta({3, 5}), out})[0].toTensor();
  CHECK(back.unsafeGetTensorImpl() == out.unsafeGetTensorImpl());
  CHECK(out.sizes() == at::IntArrayRef({3, 5}));
  const Tensor in_place = meta({4});
  CHECK(call("aten::angle.out", {in_place, in_place})[0].toTensor().unsafeGetTensorImpl() ==
        in_place.unsafeGetTensorImpl());
  const Tensor noise_on_cpu = at::rand({3, 5});
  const Tensor before = noise_on_cpu.clone();
  CHECK(
      mentions(error_of("aten::rrelu_with_noise", {meta({3, 5}), noise_on_cpu, 0.1, 0.3, true, IValue()}), "'noise'"));
  CHECK(at::equal(before, noise_on_cpu));
}

TEST(fused_optimizers_check_their_lists) {
  const auto list = [](std::vector<Tensor> tensors) { return IValue(c10::List<Tensor>(tensors)); };
  const auto step = [&](IValue grads) {
    return error_of("aten::_fused_sgd_", {list({meta({3, 5}), meta({5})}), std::move(grads), list({}), 0.0, 0.0, 0.1,
                                          0.0, false, false, true, IValue(), IValue()});
  };
  CHECK(step(list({meta({3, 5}), meta({5})})) == "");
  CHECK(mentions(step(list({meta({3, 5})})), "expected 2 tensors in 'grads'"));
  CHECK(mentions(step(list({meta({3, 5}), meta({4})})), "tensor 1 of 'grads'"));
}

double milliseconds(const char* name, const torch::jit::Stack& stack) {
  call(name, stack);
  const auto start = std::chrono::steady_clock::now();
  constexpr int kRuns = 1000;
  for (int run = 0; run < kRuns; ++run) call(name, stack);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / kRuns;
}

// Printed for whoever reads the log; a bound here would fail on a busy machine.
TEST(cost_at_size) {
  const Tensor image = meta({7, 64, 224, 224});
  const Tensor channels = meta({64});
  std::printf("  embedding 500x200x256: %.4f ms\n",
              milliseconds("aten::embedding", {meta({10000, 256}), meta({500, 200}, at::kLong), -1, false, false}));
  std::printf("  relu 7x64x224x224: %.4f ms\n", milliseconds("aten::relu", {image}));
  std::printf(
      "  batch_norm 7x64x224x224: %.4f ms\n",
      milliseconds("aten::batch_norm", {image, channels, channels, IValue(), IValue(), true, 0.1, 1e-3, false}));
  std::printf("  conv2d 7x64x224x224 by 64x64x3x3: %.4f ms\n",
              milliseconds("aten::conv2d", {image, meta({64, 64, 3, 3}), channels, c10::List<int64_t>({1, 1}),
                                            c10::List<int64_t>({1, 1}), c10::List<int64_t>({1, 1}), 1}));
}

}  // namespace
}  // namespace torchlayers::meta_test
