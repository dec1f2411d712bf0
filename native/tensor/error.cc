#include "tensor/error.h"

#include <c10/util/Exception.h>

#include <new>

namespace torchlayers {

std::string current_exception_message() {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return std::string("out of memory: ") + error.what_without_backtrace();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown native error";
  }
}

}  // namespace torchlayers
