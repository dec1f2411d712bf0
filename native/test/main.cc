// Runs the native tests: all, those of one file (--file pool_test), or those whose name contains a word (--name adam).
#include <cstdio>
#include <cstring>
#include <string>

#include "test/check.h"

namespace {

// "/a/b/pool_test.cc" -> "pool_test"
std::string stem(const char* path) {
  std::string name(path);
  name.erase(0, name.find_last_of("/\\") + 1);
  return name.substr(0, name.find_last_of('.'));
}

bool wanted(const torchlayers::test::TestCase& test, const std::string& file, const std::string& name) {
  return (file.empty() || stem(test.file) == file) && std::string(test.name).find(name) != std::string::npos;
}

bool passes(const torchlayers::test::TestCase& test) {
  using torchlayers::test::failures;
  failures().clear();
  try {
    test.run();
  } catch (const std::exception& error) {
    const std::string what = error.what();
    // libtorch's native stack trace is of no use here.
    failures().push_back(std::string(test.file) + ": uncaught: " + what.substr(0, what.find("\nException raised")));
  }
  if (failures().empty()) return true;
  std::printf("FAILED %s.%s\n", stem(test.file).c_str(), test.name);
  for (const std::string& failure : failures()) std::printf("  %s\n", failure.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::string file;
  std::string name;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--file") == 0) file = argv[i + 1];
    if (std::strcmp(argv[i], "--name") == 0) name = argv[i + 1];
  }
  int passed = 0;
  int failed = 0;
  for (const auto& test : torchlayers::test::all_tests()) {
    if (!wanted(test, file, name)) continue;
    (passes(test) ? passed : failed) += 1;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  // A filter that selects nothing is a mistake, not a success.
  return failed == 0 && passed > 0 ? 0 : 1;
}
