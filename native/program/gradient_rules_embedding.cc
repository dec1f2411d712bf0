// Derivatives of looking rows up, pooled or not, and of the recurrent operators.
#include "program/gradient_rules.h"

namespace torchlayers {
namespace {

c10::IValue rows_of(const Backward& b) { return c10::IValue(b.graph.info(b.tensor(0)).sizes[0]); }

}  // namespace

bool embedding_rule(Backward& b) {
  const auto flag = [&](int argument) { return b.constant(argument).isBool() && b.constant(argument).toBool(); };
  // A sparse gradient is no tensor of the table's kind.
  if (flag(4)) return false;
  b.give(0, b.emit("aten::embedding_dense_backward",
                   {b.grads[0], b.tensor(1), rows_of(b), b.constant(2), c10::IValue(flag(3))}));
  return true;
}

bool embedding_max_rule(Backward& b) {
  // Without winners there is nothing to go back by.
  if (!b.constant(4).toBool()) return false;
  b.give(0, b.emit("torchlayers::embedding_max_backward",
                   {b.grads[0], b.tensor(1), b.output(1), b.output(2), b.constant(3), rows_of(b)}));
  return true;
}

bool embedding_sum_rule(Backward& b) {
  b.give(0, b.emit("torchlayers::embedding_sum_backward",
                   {b.grads[0], b.tensor(1), b.tensor(2), b.tensor(3), b.constant(4), b.constant(5), rows_of(b)}));
  return true;
}

bool lstm_rule(Backward& b) {
  if (b.wants(7)) return false;
  const auto grads = b.emit_all("torchlayers::lstm_backward",
                                {b.grads[0], b.grads[1], b.grads[2], b.tensor(0), b.tensor(1), b.tensor(2), b.tensor(3),
                                 b.tensor(4), b.tensor(5), b.tensor(6), b.tensor(7), b.output(3), b.output(4),
                                 b.output(5), b.constant(9), b.constant(10), c10::IValue(b.wants(0))});
  for (int argument = 0; argument < 6; ++argument) {
    if (b.wants(argument)) b.give(argument, grads[static_cast<size_t>(argument)]);
  }
  return true;
}

bool gru_rule(Backward& b) {
  if (b.wants(6)) return false;
  const auto grads =
      b.emit_all("torchlayers::gru_backward",
                 {b.grads[0], b.grads[1], b.tensor(0), b.tensor(1), b.tensor(2), b.tensor(3), b.tensor(4), b.tensor(5),
                  b.tensor(6), b.output(2), b.output(3), b.constant(8), b.constant(9), c10::IValue(b.wants(0))});
  for (int argument = 0; argument < 5; ++argument) {
    if (b.wants(argument)) b.give(argument, grads[static_cast<size_t>(argument)]);
  }
  return true;
}

}  // namespace torchlayers
