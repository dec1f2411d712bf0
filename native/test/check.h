// A small check framework. Include it last: libtorch has a CHECK of its own.
//   TEST(name) { CHECK(condition); CHECK_CLOSE(actual, expected, tolerance); CHECK_THROWS(statement, "part of
//   message"); }
// A failed check is printed and counted, and the test goes on.
#pragma once

#include <cmath>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace torchlayers::test {

struct TestCase {
  const char* name;
  const char* file;
  void (*run)();
};

// Every TEST of the program, in the order of registration.
inline std::vector<TestCase>& all_tests() {
  static std::vector<TestCase> tests;
  return tests;
}

// What failed in the test that is running.
inline std::vector<std::string>& failures() {
  static std::vector<std::string> messages;
  return messages;
}

inline bool add_test(const char* name, const char* file, void (*run)()) {
  all_tests().push_back({name, file, run});
  return true;
}

inline void fail(const char* file, int line, const std::string& what) {
  failures().push_back(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

// NaN is close to nothing.
inline void check_close(const char* file, int line, const char* text, double actual, double expected,
                        double tolerance) {
  if (std::abs(actual - expected) <= tolerance) return;
  std::ostringstream message;
  message.precision(17);
  message << text << ": expected " << expected << " within " << tolerance << ", got " << actual;
  fail(file, line, message.str());
}

template <typename Statement>
void check_throws(const char* file, int line, const char* text, const std::string& part, const Statement& statement) {
  try {
    statement();
  } catch (const std::exception& error) {
    if (std::string(error.what()).find(part) == std::string::npos) {
      fail(file, line, std::string(text) + ": expected an error with '" + part + "', got: " + error.what());
    }
    return;
  }
  fail(file, line, std::string(text) + ": expected an error with '" + part + "', got none");
}

}  // namespace torchlayers::test

#define TEST(name)                                                                                                    \
  static void test_##name();                                                                                          \
  [[maybe_unused]] static const bool registered_##name = ::torchlayers::test::add_test(#name, __FILE__, test_##name); \
  static void test_##name()

#undef CHECK
#define CHECK(condition) ((condition) ? void() : ::torchlayers::test::fail(__FILE__, __LINE__, "expected " #condition))

#define CHECK_CLOSE(actual, expected, tolerance) \
  ::torchlayers::test::check_close(__FILE__, __LINE__, #actual, (actual), (expected), (tolerance))

#define CHECK_THROWS(statement, part) \
  ::torchlayers::test::check_throws(__FILE__, __LINE__, #statement, (part), [&] { statement; })
