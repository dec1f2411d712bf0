// State of one JavaScript environment (the main thread or a worker), and how its C++ and JavaScript sides hold each
// other.
#pragma once

#include <node_api.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dispatch/context.h"
#include "tensor/value.h"

namespace torchlayers {

class Session;
struct Env;

// What an external value of JavaScript points to. Its tag is its presence in `Env::live`: a pointer of another addon,
// of another environment or one that was freed isn't there, so that a wrong handle is an error and never memory
// corruption.
struct Handle {
  Env* env;
  // Bytes told to the garbage collector.
  int64_t bytes;
  Value value;
};

struct Env {
  explicit Env(napi_env env) : env(env) {}

  napi_env env;
  Context context;
  // Places stay: a getter of an argument may look up another operator while one is being called.
  std::deque<std::shared_ptr<const Operator>> operators;
  std::unordered_map<std::string, uint32_t> operator_ids;
  // Handles, programs and sessions that JavaScript holds, by kind.
  std::unordered_set<const void*> live;
  std::unordered_set<const void*> live_programs;
  std::unordered_set<const void*> live_sessions;
  std::vector<std::weak_ptr<Session>> sessions;
  // Runs functions on this environment's thread; null once it is closing.
  napi_threadsafe_function post = nullptr;
  // Work under way that will call back: keeps the event loop alive while above zero.
  int pending = 0;
  bool closing = false;
  // Set by `shutdown`: no thread may start any more.
  bool ended = false;
  uint64_t crossings = 0;
  // Bytes that the garbage collector has been told of.
  int64_t external_bytes = 0;
  // Bytes of tensors' memory that typed arrays show.
  size_t shared_bytes = 0;

  // Called on any thread; the function runs on the JavaScript thread, or never if the environment closes first.
  void run_on_thread(std::function<void(napi_env)> function);
  // Tells the garbage collector of memory that a handle holds, or no longer holds.
  void tell(int64_t bytes);
  // Lets go of a JavaScript value that a tensor's memory belonged to. Any thread, also inside a garbage collection.
  void drop(napi_ref reference);
  // Deletes what was dropped. JavaScript thread only.
  void delete_dropped();
  // Around work that must keep the process alive until it is done. JavaScript thread only.
  void hold();
  void unhold();
  // Stops and joins all training threads.
  void shutdown();

 private:
  std::mutex dropped_mutex_;
  std::vector<napi_ref> dropped_;
};

// A callback of the addon: exceptions become JavaScript errors.
using Callback = napi_value (*)(Env& env, napi_callback_info info);
void define(Env& env, napi_value exports, const char* name, Callback callback);

void check(napi_env env, napi_status status);

// Arguments of a call.
struct Arguments {
  Arguments(Env& env, napi_callback_info info);

  Env& env;
  size_t count = kMost;
  static constexpr size_t kMost = 64;
  napi_value values[kMost];

  napi_value operator[](size_t index) const;
};

// Handles.
napi_value make_handle(Env& env, Value value);
napi_value make_handles(Env& env, std::vector<Value> values);
const Value& value_of(Env& env, napi_value handle);
Handle& handle_of(Env& env, napi_value handle);
std::vector<Value> values_of(Env& env, napi_value array);
// The handle's value, or null if it is no handle of this environment.
const Value* maybe_value(Env& env, napi_value handle);
void dispose(Env& env, Handle& handle);

// Plain conversions; each throws ArgumentError for a wrong type.
int64_t to_int(napi_env env, napi_value value);
double to_double(napi_env env, napi_value value);
bool to_bool(napi_env env, napi_value value);
std::string to_string(napi_env env, napi_value value);
std::vector<int64_t> to_ints(napi_env env, napi_value value);
bool is_nullish(napi_env env, napi_value value);
napi_valuetype type_of(napi_env env, napi_value value);
napi_value property(napi_env env, napi_value object, const char* name);
napi_value from_int(napi_env env, int64_t value);
napi_value from_double(napi_env env, double value);
napi_value from_bool(napi_env env, bool value);
napi_value from_string(napi_env env, const std::string& value);
napi_value from_ints(napi_env env, at::IntArrayRef values);
napi_value undefined(napi_env env);
napi_value null(napi_env env);

// Throws the exception at hand as a JavaScript error with `code` (and `node`).
void throw_current(napi_env env, const std::string& where);
// Resolves a promise with what `answer` gives, or rejects it with what it throws.
void settle(napi_env env, napi_deferred deferred, const std::function<napi_value()>& answer);

}  // namespace torchlayers
