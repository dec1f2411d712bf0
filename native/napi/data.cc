#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>

#include <algorithm>
#include <cstring>

#include "napi/exports.h"
#include "tensor/dtype.h"
#include "tensor/error.h"
#include "tensor/pool_allocator.h"
#include "training/session.h"

namespace torchlayers {
namespace {

// Smaller values are copied: an ArrayBuffer over foreign memory costs more than the copy.
constexpr size_t kShareBytes = size_t{64} << 10;
// Shared memory is given back only when JavaScript yields: a loop that never does gets copies from here on.
constexpr size_t kMostSharedBytes = size_t{256} << 20;

struct ArrayView {
  void* data;
  size_t length;
  at::ScalarType type;
};

ArrayView view_of(napi_env env, napi_value array) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    throw ArgumentError("tensor: expected a typed array.");
  }
  switch (type) {
    case napi_int8_array:
      return {data, length, at::kChar};
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return {data, length, at::kByte};
    case napi_int16_array:
      return {data, length, at::kShort};
    case napi_uint16_array:
      return {data, length, at::ScalarType::UInt16};
    case napi_int32_array:
      return {data, length, at::kInt};
    case napi_uint32_array:
      return {data, length, at::ScalarType::UInt32};
    case napi_float32_array:
      return {data, length, at::kFloat};
    case napi_float64_array:
      return {data, length, at::kDouble};
    case napi_bigint64_array:
      return {data, length, at::kLong};
    case napi_biguint64_array:
      return {data, length, at::ScalarType::UInt64};
    default:
      throw ArgumentError("tensor: expected a typed array of numbers.");
  }
}

// The typed array that shows values of a dtype, and the type that they are converted to first.
std::pair<napi_typedarray_type, at::ScalarType> array_type(at::ScalarType type) {
  switch (type) {
    case at::kBool:
      return {napi_uint8_array, at::kBool};
    case at::kByte:
      return {napi_uint8_array, at::kByte};
    case at::kChar:
      return {napi_int8_array, at::kChar};
    case at::kShort:
      return {napi_int16_array, at::kShort};
    case at::ScalarType::UInt16:
      return {napi_uint16_array, type};
    case at::kInt:
      return {napi_int32_array, at::kInt};
    case at::ScalarType::UInt32:
      return {napi_uint32_array, type};
    case at::kLong:
      return {napi_bigint64_array, at::kLong};
    case at::ScalarType::UInt64:
      return {napi_biguint64_array, type};
    case at::kDouble:
      return {napi_float64_array, at::kDouble};
    default:
      return {napi_float32_array, at::kFloat};
  }
}

// Contiguous, on the CPU, in a type that a typed array has. Any thread.
at::Tensor readable(at::Tensor tensor) {
  at::NoGradGuard guard;
  tensor = tensor.detach();
  if (tensor.is_complex()) tensor = at::view_as_real(tensor.resolve_conj());
  const auto type = array_type(tensor.scalar_type()).second;
  return tensor.to(at::TensorOptions().dtype(type).device(at::kCPU)).resolve_neg().contiguous();
}

// A tensor whose memory a typed array shows.
struct Shared {
  Env* env;
  at::Tensor tensor;
};

void free_shared(node_api_basic_env, void*, void* hint) {
  auto* shared = static_cast<Shared*>(hint);
  shared->env->shared_bytes -= shared->tensor.nbytes();
  delete shared;
}

napi_value to_typed_array(Env& owner, const at::Tensor& tensor) {
  const napi_env env = owner.env;
  const auto type = array_type(tensor.scalar_type()).first;
  const size_t bytes = tensor.nbytes();
  napi_value buffer = nullptr;
  bool shared = false;
  if (bytes >= kShareBytes && owner.shared_bytes + bytes <= kMostSharedBytes) {
    auto hint = std::make_unique<Shared>(Shared{&owner, tensor});
    shared =
        napi_create_external_arraybuffer(env, tensor.data_ptr(), bytes, free_shared, hint.get(), &buffer) == napi_ok;
    if (shared) {
      owner.shared_bytes += bytes;
      (void)hint.release();
    }
  }
  if (!shared) {
    void* data = nullptr;
    check(env, napi_create_arraybuffer(env, bytes, &data, &buffer));
    if (bytes > 0) std::memcpy(data, tensor.const_data_ptr(), bytes);
  }
  napi_value array;
  check(env, napi_create_typedarray(env, type, tensor.numel(), buffer, 0, &array));
  return array;
}

}  // namespace

namespace {

// Sizes come from outside: libtorch would read past the end of a shorter array.
void check_length(const std::vector<int64_t>& sizes, size_t length) {
  const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
  uint64_t count = 1;
  bool fits = true;
  for (const int64_t size : sizes) {
    if (size < 0) throw ShapeError("tensor: expected sizes of at least 0, got " + format_sizes(sizes) + ".");
    if (empty) continue;
    // A product that overflows is more than any array has.
    fits = fits && count <= length / static_cast<uint64_t>(size);
    count *= static_cast<uint64_t>(size);
  }
  if (empty ? length != 0 : !fits || count != length) {
    throw ShapeError("tensor: expected values for shape " + format_sizes(sizes) + ", got " + std::to_string(length) +
                     ".\n  A detached buffer has none.");
  }
}

}  // namespace

napi_value from_array(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  std::vector<int64_t> sizes = to_ints(env.env, args[1]);
  const at::ScalarType wanted = scalar_type(to_int(env.env, args[2]));
  const c10::Device target(to_string(env.env, args[3]));
  const bool copy = to_bool(env.env, args[4]);
  // Last: a getter among the sizes could detach the buffer.
  const ArrayView view = view_of(env.env, args[0]);
  const bool complex = wanted == at::kComplexFloat || wanted == at::kComplexDouble;
  std::vector<int64_t> flat = sizes;
  if (complex) flat.push_back(2);
  check_length(flat, view.length);
  at::AutoDispatchBelowADInplaceOrView guard;
  // Bytes that came as uint8 may stand for bool and float8 as they are.
  const bool reinterpret = view.type == at::kByte && wanted == at::kBool;
  at::Tensor source = at::from_blob(view.data, flat, at::TensorOptions().dtype(view.type));
  at::Tensor result;
  if (!copy && view.type == wanted && target.is_cpu() && view.length > 0) {
    env.delete_dropped();
    napi_ref reference;
    check(env.env, napi_create_reference(env.env, args[0], 1, &reference));
    Env* owner = &env;
    result = at::from_blob(
        view.data, sizes, [owner, reference](void*) { owner->drop(reference); }, at::TensorOptions().dtype(view.type));
  } else if (complex) {
    const auto part = wanted == at::kComplexFloat ? at::kFloat : at::kDouble;
    result = at::view_as_complex(source.to(part).clone()).to(target);
  } else if (reinterpret) {
    result = source.ne(0).to(target);
  } else {
    result = source.to(at::TensorOptions().dtype(wanted).device(target), /*non_blocking=*/false, /*copy=*/true);
  }
  Value value;
  value.tensor = std::move(result);
  return make_handle(env, std::move(value));
}

napi_value copy_into(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const at::Tensor tensor = env.context.tensor_of(value_of(env, args[0]));
  const int64_t offset = to_int(env.env, args[1]);
  const ArrayView view = view_of(env.env, args[2]);
  const bool fits = view.type == tensor.scalar_type() || (view.type == at::kByte && tensor.scalar_type() == at::kBool);
  if (!fits || !tensor.is_cpu() || !tensor.is_contiguous() || offset < 0 ||
      static_cast<int64_t>(view.length) > tensor.numel() ||
      offset > tensor.numel() - static_cast<int64_t>(view.length)) {
    throw ArgumentError("copyInto: the values don't fit " + describe(tensor) + " at " + std::to_string(offset) + ".");
  }
  if (view.length == 0) return undefined(env.env);
  std::memcpy(static_cast<char*>(tensor.mutable_data_ptr()) + offset * tensor.element_size(), view.data,
              view.length * tensor.element_size());
  return undefined(env.env);
}

napi_value shape(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const Value& value = value_of(env, args[0]);
  return from_ints(env.env, value.variable ? at::IntArrayRef(value.variable->sizes) : value.tensor.sizes());
}

napi_value dtype(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const Value& value = value_of(env, args[0]);
  return from_int(env.env, dtype_code(value.variable ? value.variable->dtype : value.tensor.scalar_type()));
}

napi_value device(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const Value& value = value_of(env, args[0]);
  if (value.variable) return from_string(env.env, value.variable->device.str());
  if (value.is_stand_in()) return from_string(env.env, env.context.device_of(value).str());
  return from_string(env.env, value.tensor.device().str());
}

napi_value handle_id(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const Value& value = value_of(env, args[0]);
  return from_int(env.env, value.variable ? static_cast<int64_t>(value.variable->id) : 0);
}

napi_value is_meta(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return from_bool(env.env, value_of(env, args[0]).is_stand_in());
}

napi_value read_values(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  return to_typed_array(env, readable(env.context.tensor_of(value_of(env, args[0]))));
}

napi_value read_async(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  const Value value = value_of(env, args[0]);
  napi_deferred deferred;
  napi_value promise;
  check(env.env, napi_create_promise(env.env, &deferred, &promise));
  std::shared_ptr<Session> session = value.variable ? owner_of(env, *value.variable) : nullptr;
  if (session == nullptr) {
    // A copy from memory to memory: at once. (`fit` is what must not wait, and it has a thread of its own.)
    settle(env.env, deferred, [&] { return to_typed_array(env, readable(env.context.tensor_of(value))); });
    return promise;
  }
  Env* target = &env;
  session->post([target, deferred, variable = value.variable] {
    at::Tensor tensor;
    std::exception_ptr error;
    try {
      tensor = readable(variable->read());
    } catch (...) {
      error = std::current_exception();
    }
    target->run_on_thread([target, deferred, tensor, error](napi_env raw) {
      target->unhold();
      settle(raw, deferred, [&] {
        if (error) std::rethrow_exception(error);
        return to_typed_array(*target, tensor);
      });
    });
  });
  env.hold();
  return promise;
}

napi_value dispose_handle(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  dispose(env, handle_of(env, args[0]));
  return undefined(env.env);
}

napi_value memory(Env& env, napi_callback_info) {
  const auto stats = pool_stats();
  napi_value result;
  check(env.env, napi_create_object(env.env, &result));
  const auto set = [&](const char* name, int64_t value) {
    napi_set_named_property(env.env, result, name, from_int(env.env, value));
  };
  set("tensors", static_cast<int64_t>(env.live.size()));
  set("bytes", static_cast<int64_t>(stats.live_bytes));
  set("cachedBytes", static_cast<int64_t>(stats.cached_bytes));
  set("peakBytes", static_cast<int64_t>(stats.peak_live_bytes));
  set("externalBytes", env.external_bytes);
  set("allocations", static_cast<int64_t>(stats.system_allocations));
  return result;
}

napi_value trim_memory(Env& env, napi_callback_info info) {
  const Arguments args(env, info);
  trim_pool(static_cast<size_t>(to_int(env.env, args[0])));
  return undefined(env.env);
}

}  // namespace torchlayers
