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

// patterns_embedding.cc
bool fuse_embedding_max(Graph& graph, int index);
bool fuse_embedding_mean(Graph& graph, int index);
bool fuse_embedding_sum(Graph& graph, int index);

// patterns_loss.cc
bool fuse_categorical_crossentropy(Graph& graph, int index);
bool fuse_sparse_crossentropy(Graph& graph, int index);
bool fuse_logits_crossentropy(Graph& graph, int index);
bool fuse_mean_of_loss(Graph& graph, int index);
bool fuse_binary_crossentropy(Graph& graph, int index);

// patterns_counts.cc
bool fuse_correct_predictions(Graph& graph, int index);
bool fuse_accumulate(Graph& graph, int index);
bool fuse_accumulates(Graph& graph, int index);

}  // namespace torchlayers
