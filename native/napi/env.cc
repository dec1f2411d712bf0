#include "napi/env.h"

#include <cmath>
#include <sstream>

#include "tensor/error.h"
#include "training/session.h"

namespace torchlayers {
namespace {

struct Bound {
  Env* env;
  Callback callback;
  std::string name;
};

napi_value trampoline(napi_env raw, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(raw, info, nullptr, nullptr, nullptr, &data);
  auto* bound = static_cast<Bound*>(data);
  ++bound->env->crossings;
  try {
    return bound->callback(*bound->env, info);
  } catch (...) {
    throw_current(raw, bound->name);
    return nullptr;
  }
}

void finalize_handle(node_api_basic_env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  Env* env = handle->env;
  env->tell(-handle->bytes);
  env->live.erase(handle);
  delete handle;
}

int64_t accountable_bytes(const Value& value) {
  // Stand-ins have no memory; views are accounted where their memory was made.
  const at::Tensor& tensor = value.variable ? value.variable->read() : value.tensor;
  if (!tensor.defined() || tensor.is_meta() || !tensor.has_storage()) return 0;
  if (!value.variable && tensor.storage().use_count() > 1) return 0;
  return static_cast<int64_t>(tensor.storage().nbytes());
}

napi_value make_error(napi_env env, const std::string& message, const char* code, int node) {
  napi_value text;
  napi_value error;
  napi_value value;
  napi_create_string_utf8(env, message.c_str(), message.size(), &text);
  napi_create_error(env, nullptr, text, &error);
  if (code != nullptr) {
    napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &value);
    napi_set_named_property(env, error, "code", value);
  }
  if (node >= 0) {
    napi_create_int32(env, node, &value);
    napi_set_named_property(env, error, "node", value);
  }
  return error;
}

napi_value current_error(napi_env env, const std::string& where) {
  try {
    throw;
  } catch (const NodeError& error) {
    return make_error(env, error.what(), error.code(), error.node());
  } catch (const Error& error) {
    return make_error(env, error.what(), error.code(), -1);
  } catch (...) {
    const std::string message = current_exception_message();
    return make_error(env, where.empty() ? message : where + ": " + message, "ERR_NATIVE", -1);
  }
}

void run_posted(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<std::function<void(napi_env)>> function(static_cast<std::function<void(napi_env)>*>(data));
  // Without an environment it is being torn down: the function's captures die, nothing runs.
  if (env == nullptr) return;
  try {
    (*function)(env);
  } catch (...) {
    throw_current(env, "");
  }
}

}  // namespace

void define(Env& env, napi_value exports, const char* name, Callback callback) {
  // Lives as long as the process: one per export and environment.
  auto* bound = new Bound{&env, callback, name};
  napi_value function;
  check(env.env, napi_create_function(env.env, name, NAPI_AUTO_LENGTH, trampoline, bound, &function));
  check(env.env, napi_set_named_property(env.env, exports, name, function));
}

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  if (status == napi_pending_exception) throw StateError("a JavaScript exception is pending");
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw NativeError(std::string("Node-API: ") +
                    (info != nullptr && info->error_message != nullptr ? info->error_message : "unknown error"));
}

Arguments::Arguments(Env& env, napi_callback_info info) : env(env) {
  check(env.env, napi_get_cb_info(env.env, info, &count, values, nullptr, nullptr));
  if (count > kMost) throw ArgumentError("call: expected at most 64 arguments, got " + std::to_string(count) + ".");
}

napi_value Arguments::operator[](size_t index) const {
  if (index >= count) return undefined(env.env);
  return values[index];
}

void Env::run_on_thread(std::function<void(napi_env)> function) {
  auto* data = new std::function<void(napi_env)>(std::move(function));
  if (post == nullptr || napi_call_threadsafe_function(post, data, napi_tsfn_nonblocking) != napi_ok) delete data;
}

void Env::tell(int64_t bytes) {
  if (bytes == 0 || closing) return;
  int64_t total = 0;
  external_bytes += bytes;
  napi_adjust_external_memory(env, bytes, &total);
}

void Env::drop(napi_ref reference) {
  {
    std::lock_guard<std::mutex> lock(dropped_mutex_);
    dropped_.push_back(reference);
    if (dropped_.size() > 1) return;
  }
  // A loop that never yields deletes them before.
  run_on_thread([this](napi_env) { delete_dropped(); });
}

void Env::delete_dropped() {
  std::vector<napi_ref> references;
  {
    std::lock_guard<std::mutex> lock(dropped_mutex_);
    references.swap(dropped_);
  }
  for (napi_ref reference : references) napi_delete_reference(env, reference);
}

void Env::hold() {
  if (pending++ == 0 && post != nullptr) napi_ref_threadsafe_function(env, post);
}

void Env::unhold() {
  if (--pending == 0 && post != nullptr) napi_unref_threadsafe_function(env, post);
}

void Env::shutdown() {
  for (const auto& weak : sessions) {
    if (auto session = weak.lock()) session->stop();
  }
  for (const auto& weak : sessions) {
    if (auto session = weak.lock()) session->close();
  }
  sessions.clear();
}

napi_value make_handle(Env& env, Value value) {
  auto handle = std::make_unique<Handle>(Handle{&env, 0, std::move(value)});
  handle->bytes = accountable_bytes(handle->value);
  napi_value external;
  check(env.env, napi_create_external(env.env, handle.get(), finalize_handle, nullptr, &external));
  env.tell(handle->bytes);
  env.live.insert(handle.release());
  return external;
}

napi_value make_handles(Env& env, std::vector<Value> values) {
  napi_value array;
  check(env.env, napi_create_array_with_length(env.env, values.size(), &array));
  for (size_t i = 0; i < values.size(); ++i) {
    check(env.env, napi_set_element(env.env, array, i, make_handle(env, std::move(values[i]))));
  }
  return array;
}

const Value* maybe_value(Env& env, napi_value handle) {
  void* data = nullptr;
  if (napi_get_value_external(env.env, handle, &data) != napi_ok || env.live.count(data) == 0) return nullptr;
  return &static_cast<Handle*>(data)->value;
}

Handle& handle_of(Env& env, napi_value handle) {
  void* data = nullptr;
  if (napi_get_value_external(env.env, handle, &data) != napi_ok) {
    if (is_nullish(env.env, handle)) {
      throw DisposedError("The tensor was disposed.\n  Keep it out of tidy() by returning it, or dispose it later.");
    }
    throw ArgumentError(
        "expected a tensor of this thread.\n  Tensors don't travel between workers: send await t.data() and make a new "
        "one.");
  }
  if (env.live.count(data) == 0) {
    throw ArgumentError(
        "expected a tensor of this thread.\n  Tensors don't travel between workers: send await t.data() and make a new "
        "one.");
  }
  return *static_cast<Handle*>(data);
}

const Value& value_of(Env& env, napi_value handle) {
  const Value& value = handle_of(env, handle).value;
  if (!value.variable && !value.tensor.defined()) {
    throw DisposedError("The tensor was disposed.\n  Keep it out of tidy() by returning it, or dispose it later.");
  }
  return value;
}

std::vector<Value> values_of(Env& env, napi_value array) {
  uint32_t length = 0;
  if (napi_get_array_length(env.env, array, &length) != napi_ok) throw ArgumentError("expected an array of tensors.");
  std::vector<Value> values;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env.env, napi_get_element(env.env, array, i, &item));
    values.push_back(value_of(env, item));
  }
  return values;
}

void dispose(Env& env, Handle& handle) {
  if (handle.value.variable && handle.value.variable->owner.load() != 0) {
    throw StateError("Variable \"" + handle.value.variable->name +
                     "\" belongs to a running fit and can't be disposed.");
  }
  env.tell(-handle.bytes);
  handle.bytes = 0;
  handle.value = Value();
  // A disposed handle counts no longer; its memory goes with the JavaScript object.
  env.live.erase(&handle);
}

int64_t to_int(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    // Beyond that range a cast is undefined.
    if (!(std::abs(number) < 9.2e18) || number != std::trunc(number)) {
      std::ostringstream text;
      text << "expected a whole number, got " << number << ".";
      throw ArgumentError(text.str());
    }
    return static_cast<int64_t>(number);
  }
  int64_t result = 0;
  bool lossless = false;
  if (napi_get_value_bigint_int64(env, value, &result, &lossless) != napi_ok) {
    throw ArgumentError("expected a whole number.");
  }
  if (!lossless) throw ArgumentError("expected a whole number of 64 bits, got a larger BigInt.");
  return result;
}

double to_double(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw ArgumentError("expected a number.");
  return number;
}

bool to_bool(napi_env env, napi_value value) {
  bool result = false;
  if (napi_get_value_bool(env, value, &result) != napi_ok) throw ArgumentError("expected true or false.");
  return result;
}

std::string to_string(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) throw ArgumentError("expected a string.");
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

std::vector<int64_t> to_ints(napi_env env, napi_value value) {
  bool array = false;
  napi_is_array(env, value, &array);
  // A lone number stands for a list of one, as libtorch takes it.
  if (!array) return {to_int(env, value)};
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  std::vector<int64_t> numbers;
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env, napi_get_element(env, value, i, &item));
    numbers.push_back(to_int(env, item));
  }
  return numbers;
}

napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

bool is_nullish(napi_env env, napi_value value) {
  const auto type = type_of(env, value);
  return type == napi_undefined || type == napi_null;
}

napi_value property(napi_env env, napi_value object, const char* name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}

napi_value from_int(napi_env env, int64_t value) {
  napi_value result;
  check(env, napi_create_int64(env, value, &result));
  return result;
}

napi_value from_double(napi_env env, double value) {
  napi_value result;
  check(env, napi_create_double(env, value, &result));
  return result;
}

napi_value from_bool(napi_env env, bool value) {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result));
  return result;
}

napi_value from_string(napi_env env, const std::string& value) {
  napi_value result;
  check(env, napi_create_string_utf8(env, value.c_str(), value.size(), &result));
  return result;
}

napi_value from_ints(napi_env env, at::IntArrayRef values) {
  napi_value array;
  check(env, napi_create_array_with_length(env, values.size(), &array));
  for (size_t i = 0; i < values.size(); ++i) check(env, napi_set_element(env, array, i, from_int(env, values[i])));
  return array;
}

napi_value undefined(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

napi_value null(napi_env env) {
  napi_value result;
  napi_get_null(env, &result);
  return result;
}

void throw_current(napi_env env, const std::string& where) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw(env, current_error(env, where));
}

void settle(napi_env env, napi_deferred deferred, const std::function<napi_value()>& answer) {
  napi_value result = nullptr;
  try {
    result = answer();
  } catch (...) {
    napi_value error = nullptr;
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending || napi_get_and_clear_last_exception(env, &error) != napi_ok) error = current_error(env, "");
    napi_reject_deferred(env, deferred, error);
    return;
  }
  napi_resolve_deferred(env, deferred, result);
}

// Shared with addon.cc, which makes the thread-safe function.
napi_threadsafe_function make_poster(napi_env env) {
  napi_value name;
  check(env, napi_create_string_utf8(env, "torchlayers", NAPI_AUTO_LENGTH, &name));
  napi_threadsafe_function function = nullptr;
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, run_posted,
                                             &function));
  check(env, napi_unref_threadsafe_function(env, function));
  return function;
}

}  // namespace torchlayers
