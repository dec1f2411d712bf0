// The patterns of the table in fusion.cc, by the file that holds them. A pattern looks at the node at `index`, the last
// one of what it matches; see Graph for what it may ask and do.
#pragma once

#include "program/graph.h"

namespace torchlayers {

// patterns_dense.cc
bool fuse_linear(Graph& graph, int index);
bool fuse_linear_bias(Graph& graph, int index);
bool fuse_activation(Graph& graph, int index);
bool fuse_dropout(Graph& graph, int index);

}  // namespace torchlayers
