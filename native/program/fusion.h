// The fusion pass: replaces patterns of recorded nodes by operators of ours, and gradients by the nodes that compute
// them where every operator on the way has a known derivative. fusion.cc holds the table of patterns.
#pragma once

#include <memory>

#include "program/graph.h"

namespace torchlayers {

// One pattern: `rewrite` looks at the node at `index`, the last one of the pattern, and replaces what it matches.
// Answers whether it did.
struct Pattern {
  const char* name;
  bool (*rewrite)(Graph& graph, int index);
};

// The fused form of a program, or null where nothing can be gained.
std::shared_ptr<const Program> fuse_program(const Program& program);

}  // namespace torchlayers
