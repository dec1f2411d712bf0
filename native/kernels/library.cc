// The operators that torchlayers adds to libtorch's registry: this file is their table of contents.
// Implementations are in the file of each family. `seed` is always an int64 tensor [key, offset] that no operator
// changes; whoever calls advances the offset.
#include <torch/library.h>

TORCH_LIBRARY(torchlayers, m) {
  // random.cc, random_normal.cc, random_permutation.cc
  m.def("random_bits(Tensor seed, int[] size, *, Device? device=None) -> Tensor");
  m.def(
      "random_uniform(Tensor seed, int[] size, float low, float high, *, ScalarType dtype, Device? device=None) "
      "-> Tensor");
  m.def("random_int(Tensor seed, int[] size, int low, int high, *, ScalarType dtype, Device? device=None) -> Tensor");
  m.def(
      "random_normal(Tensor seed, int[] size, float mean, float std, *, ScalarType dtype, Device? device=None) "
      "-> Tensor");
  m.def(
      "random_truncated_normal(Tensor seed, int[] size, float mean, float std, *, ScalarType dtype, "
      "Device? device=None) -> Tensor");
  m.def("random_permutation(Tensor seed, int n, *, Device? device=None) -> Tensor");

  // dropout.cc
  m.def("dropout(Tensor x, Tensor seed, float rate, int[]? noise_shape=None) -> Tensor");
  m.def("dropout_backward(Tensor grad, Tensor seed, float rate, int[]? noise_shape=None) -> Tensor");

  // dense.cc: dropout(activation(x weight + bias)). `saved` is what the backward operator needs beside the result,
  // empty where it needs nothing. `wanted`: gradients of x, weight and bias.
  m.def(
      "dense(Tensor x, Tensor weight, Tensor? bias, str activation='none', Tensor? seed=None, float rate=0., "
      "bool save=True) -> (Tensor y, Tensor saved)");
  m.def(
      "dense_backward(Tensor grad, Tensor x, Tensor weight, Tensor y, Tensor saved, Tensor? seed, str activation, "
      "float rate, bool[3] wanted) -> (Tensor dx, Tensor dweight, Tensor dbias)");

  // crossentropy.cc: `from` is 'logits', 'softmax' (logits, with the loss of their probabilities) or 'probabilities'.
  // `p` is what the backward operator takes beside the target, empty for 'probabilities' (which takes x).
  m.def("crossentropy(Tensor x, Tensor target, float low, float high, str from, bool mean) -> (Tensor loss, Tensor p)");
  m.def(
      "crossentropy_backward(Tensor grad, Tensor p, Tensor target, float low, float high, str from, bool mean) -> "
      "Tensor");

  // binary_crossentropy.cc: for each element; of scores before the sigmoid, or of probabilities.
  m.def("binary_crossentropy(Tensor x, Tensor target, float low, float high, bool logits) -> Tensor");
  m.def(
      "binary_crossentropy_backward(Tensor grad, Tensor x, Tensor target, float low, float high, bool logits) -> "
      "Tensor");

  // counts.cc
  m.def("correct_predictions(Tensor target, Tensor scores) -> Tensor");
  m.def("accumulate_(Tensor(a!)[] sums, Tensor[] values) -> ()");

  // embedding_max.cc, embedding_sum.cc: indices [batch, steps]; seed and rate as for dropout on [batch, steps, dim]
  m.def(
      "embedding_max(Tensor weight, Tensor indices, Tensor? seed, float rate, bool keep_winners=False) "
      "-> (Tensor values, Tensor winners, Tensor counts)");
  m.def(
      "embedding_max_backward(Tensor grad, Tensor indices, Tensor winners, Tensor counts, float rate, int rows) "
      "-> Tensor");
  m.def("embedding_max_gather(Tensor rows, Tensor indices, Tensor winners, Tensor counts, float rate) -> Tensor");
  m.def("embedding_sum(Tensor weight, Tensor indices, Tensor? mask, Tensor? seed, float rate, float factor) -> Tensor");
  m.def(
      "embedding_sum_backward(Tensor grad, Tensor indices, Tensor? mask, Tensor? seed, float rate, float factor, "
      "int rows) -> Tensor");

  // lstm.cc, gru.cc: x [batch, steps, inputs], weights and gate orders as Keras has them; mask [batch, steps], false
  // where a step is left out; recurrent_mask [gates, batch, units] multiplies the state before the product of each
  // gate. Results after the states are for the backward operators alone.
  m.def(
      "lstm(Tensor x, Tensor h0, Tensor c0, Tensor kernel, Tensor recurrent_kernel, Tensor? bias, Tensor? mask=None, "
      "Tensor? recurrent_mask=None, *, bool return_sequences=False, bool go_backwards=False, "
      "bool zero_output_for_mask=False) "
      "-> (Tensor sequence, Tensor h, Tensor c, Tensor gates, Tensor cells, Tensor hidden)");
  m.def(
      "lstm_backward(Tensor? grad_sequence, Tensor? grad_h, Tensor? grad_c, Tensor x, Tensor h0, Tensor c0, "
      "Tensor kernel, Tensor recurrent_kernel, Tensor? bias, Tensor? mask, Tensor? recurrent_mask, Tensor gates, "
      "Tensor cells, Tensor hidden, *, bool go_backwards, bool zero_output_for_mask, bool needs_x) "
      "-> (Tensor x, Tensor h0, Tensor c0, Tensor kernel, Tensor recurrent_kernel, Tensor bias)");
  m.def(
      "gru(Tensor x, Tensor h0, Tensor kernel, Tensor recurrent_kernel, Tensor? bias, Tensor? mask=None, "
      "Tensor? recurrent_mask=None, *, bool return_sequences=False, bool go_backwards=False, "
      "bool zero_output_for_mask=False) -> (Tensor sequence, Tensor h, Tensor gates, Tensor hidden)");
  m.def(
      "gru_backward(Tensor? grad_sequence, Tensor? grad_h, Tensor x, Tensor h0, Tensor kernel, "
      "Tensor recurrent_kernel, Tensor? bias, Tensor? mask, Tensor? recurrent_mask, Tensor gates, Tensor hidden, *, "
      "bool go_backwards, bool zero_output_for_mask, bool needs_x) "
      "-> (Tensor x, Tensor h0, Tensor kernel, Tensor recurrent_kernel, Tensor bias)");

  // sgd.cc, rmsprop.cc, adam.cc, ema.cc, global_norm.cc: one call for all weights
  m.def(
      "sgd_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] velocities, Tensor lr, *, float momentum, "
      "bool nesterov) -> ()");
  m.def(
      "rmsprop_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] velocities, Tensor(c!)[] momentums, "
      "Tensor(d!)[] average_grads, Tensor lr, *, float rho, float momentum, float epsilon, bool centered) -> ()");
  m.def(
      "adam_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] m, Tensor(c!)[] v, Tensor(d!)[] vhat, "
      "Tensor iterations, Tensor lr, *, float beta_1, float beta_2, float epsilon, bool amsgrad) -> ()");
  m.def("ema_(Tensor(a!)[] averages, Tensor[] params, float momentum, Tensor? iterations=None) -> ()");
  m.def("global_norm(Tensor[] grads) -> Tensor");
}
