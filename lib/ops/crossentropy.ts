import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { logSoftmax } from './activation.js';
import { checkOptions, none, normalizeAxis } from './arguments.js';
import { add, clip, divide, multiply, negative, subtract } from './arithmetic.js';
import { log } from './elementwise.js';
import { asFloat, asTensor, castTo, promote } from './promote.js';
import { sum } from './reduce.js';

function equalShapes(where: string, target: Tensor, output: Tensor): void {
  if (formatShape(target.shape) === formatShape(output.shape)) return;
  throw new ShapeError(
    `${where}: expected target and output of one shape, got ${formatShape(target.shape)} and ${formatShape(output.shape)}.`,
  );
}

function clipped(probabilities: Tensor): Tensor {
  const epsilon = config.epsilon();
  return clip(probabilities, epsilon, 1 - epsilon);
}

/** Options of {@link binaryCrossentropy}. */
export interface BinaryCrossentropyOpOptions {
  /** `output` holds scores before the sigmoid. @default false */
  fromLogits?: boolean;
}

/** `-target log(output) - (1 - target) log(1 - output)` for each element, with probabilities clipped to [epsilon, 1 - epsilon]. */
export function binaryCrossentropy(
  target: TensorLike,
  output: TensorLike,
  options: BinaryCrossentropyOpOptions = none,
): Tensor {
  const where = 'ops.binaryCrossentropy';
  checkOptions(where, options, ['fromLogits'], 'target, output');
  const [labels, given] = promote(where, [asTensor(target, where), asTensor(output, where)], 'float') as [
    Tensor,
    Tensor,
  ];
  equalShapes(where, labels, given);
  if (options.fromLogits) return call('aten::binary_cross_entropy_with_logits', given, labels, null, null, 0);
  const p = clipped(given);
  return negative(add(multiply(labels, log(p)), multiply(subtract(1, labels), log(subtract(1, p)))));
}

/** Options of {@link categoricalCrossentropy} and {@link sparseCategoricalCrossentropy}. */
export interface CategoricalCrossentropyOpOptions {
  /** `output` holds scores before the softmax. @default false */
  fromLogits?: boolean;
  /** Axis of the classes. @default -1 */
  axis?: number;
}

function logProbabilities(output: Tensor, axis: number, fromLogits: boolean): Tensor {
  return fromLogits
    ? logSoftmax(output, { axis })
    : log(clipped(divide(output, sum(output, { axis, keepdims: true }))));
}

/** `-sum(target log(output))` over the classes; probabilities are made to add up to 1 and clipped to [epsilon, 1 - epsilon] first. */
export function categoricalCrossentropy(
  target: TensorLike,
  output: TensorLike,
  options: CategoricalCrossentropyOpOptions = none,
): Tensor {
  const where = 'ops.categoricalCrossentropy';
  checkOptions(where, options, ['fromLogits', 'axis'], 'target, output');
  const [labels, given] = promote(where, [asTensor(target, where), asTensor(output, where)], 'float') as [
    Tensor,
    Tensor,
  ];
  equalShapes(where, labels, given);
  const axis = normalizeAxis(where, options.axis ?? -1, given.shape);
  return negative(sum(multiply(labels, logProbabilities(given, axis, options.fromLogits ?? false)), { axis }));
}

/**
 * `-log(output[target])`: {@link categoricalCrossentropy} for class numbers. `target` is `[...]` or `[..., 1]`, `output` `[..., classes]`. A number that
 * names no class gives 0.
 */
export function sparseCategoricalCrossentropy(
  target: TensorLike,
  output: TensorLike,
  options: CategoricalCrossentropyOpOptions = none,
): Tensor {
  const where = 'ops.sparseCategoricalCrossentropy';
  checkOptions(where, options, ['fromLogits', 'axis'], 'target, output');
  const given = asFloat(output, where);
  // Class numbers often come as floats; their fractions, if any, are cut off.
  let labels = castTo(asTensor(target, where), 'int64');
  if (labels.ndim === given.ndim && labels.shape[labels.ndim - 1] === 1) labels = call('aten::squeeze.dim', labels, -1);
  const axis = normalizeAxis(where, options.axis ?? -1, given.shape);
  const expected = given.shape.filter((_, i) => i !== axis);
  if (formatShape(labels.shape) !== formatShape(expected)) {
    throw new ShapeError(
      `${where}: expected target of shape ${formatShape(expected)} for output ${formatShape(given.shape)}, got ${formatShape(labels.shape)}.`,
      'Use ops.categoricalCrossentropy for one-hot targets.',
    );
  }
  const classes = given.shape[axis] as number;
  const places = call('aten::unsqueeze', labels, axis);
  const known = call('aten::logical_and', call('aten::ge.Scalar', places, 0), call('aten::lt.Scalar', places, classes));
  const logs = logProbabilities(given, axis, options.fromLogits ?? false);
  const own = call('aten::gather', logs, axis, call('aten::clamp', places, 0, classes - 1));
  const chosen = call('aten::masked_fill.Scalar', own, call('aten::logical_not', known), 0);
  return negative(call('aten::squeeze.dim', chosen, axis));
}
