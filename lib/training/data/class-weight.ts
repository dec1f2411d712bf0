import { call } from '../../core/call.js';
import { config } from '../../core/config.js';
import { ArgumentError } from '../../core/errors.js';
import { show } from '../../core/fields.js';
import { type Tensor, tensor } from '../../core/tensor.js';
import { isPlainObject } from '../../core/tree.js';

/** Weight of each class's samples in the loss: `{ 0: 1, 1: 2.5 }`; classes not named weigh 1. */
export type ClassWeight = Readonly<Record<number, number>>;

/** Checks a `classWeight` option. @throws {ArgumentError} for other keys than class numbers or other values than numbers @internal */
export function checkClassWeight(classWeight: unknown, where: string): ClassWeight {
  const bad = (what: string): ArgumentError =>
    new ArgumentError(
      `${where}: classWeight: expected an object from class numbers to weights, got ${what}.`,
      'Write classWeight: { 0: 1, 1: 2.5 }.',
    );
  if (!isPlainObject(classWeight)) throw bad(show(classWeight));
  for (const [key, weight] of Object.entries(classWeight)) {
    if (!/^\d+$/.test(key)) throw bad(`the class ${show(key)}`);
    if (typeof weight !== 'number' || !Number.isFinite(weight)) throw bad(`the weight ${show(weight)} of class ${key}`);
  }
  return classWeight as ClassWeight;
}

/** One weight per sample, [samples], from labels that are class numbers ([n] or [n, 1]) or one-hot rows. @internal */
export function sampleWeightsOf(labels: Tensor, classWeight: ClassWeight): Tensor {
  const classes = Object.keys(classWeight).map(Number);
  const size = Math.max(-1, ...classes) + 2;
  // The last entry stands for every class that has no weight of its own.
  const table = new Float64Array(size).fill(1);
  for (const index of classes) table[index] = classWeight[index] as number;
  const weights = call('aten::to.dtype', tensor(table, { device: labels.device }), config.floatx());
  let numbers = labels;
  if (labels.ndim > 1) {
    numbers =
      labels.shape[labels.ndim - 1] === 1
        ? call('aten::squeeze.dim', labels, -1)
        : call('aten::argmax', labels.dtype === 'bool' ? call('aten::to.dtype', labels, 'uint8') : labels, -1);
  }
  if (numbers.dtype.includes('float')) numbers = call('aten::round', numbers);
  numbers = call('aten::to.dtype', numbers, 'int64');
  const others = call('aten::lt.Scalar', numbers, 0);
  numbers = call('aten::masked_fill.Scalar', call('aten::clamp', numbers, null, size - 1), others, size - 1);
  return call(
    'aten::reshape',
    call('aten::index_select', weights, 0, call('aten::reshape', numbers, [-1])),
    numbers.shape,
  );
}
