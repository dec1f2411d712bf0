import { type SerializedObject, serialized } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { defineFamily, type Family } from '../core/family.js';
import { show } from '../core/fields.js';
import { toSnakeCase } from '../core/names.js';
import * as crossentropies from './crossentropy.js';
import * as crossentropyLosses from './crossentropy-losses.js';
import * as hinges from './hinge.js';
import { Loss } from './loss.js';
import * as probabilistic from './probabilistic.js';
import * as regressions from './regression.js';
import { type LossFunction, LossFunctionWrapper } from './wrapper.js';

function wrap(fn: LossFunction, name: string): Loss {
  return new LossFunctionWrapper({ fn, name: name === '' ? null : name });
}

const family: Family<Loss> = defineFamily<Loss>({
  kind: 'loss',
  // Functions first: as in Keras, 'mean_squared_error' is the function, 'MeanSquaredError' the class.
  members: () => {
    const all = { ...regressions, ...hinges, ...probabilistic, ...crossentropies, ...crossentropyLosses };
    const isClass = ([, member]: [string, unknown]): boolean =>
      (member as { prototype?: unknown }).prototype instanceof Loss;
    const entries = Object.entries(all).filter(([, member]) => typeof member === 'function');
    return Object.fromEntries([
      ...entries.filter((entry) => !isClass(entry)),
      ...entries.filter(isClass),
      ['LossFunctionWrapper', LossFunctionWrapper],
    ]);
  },
  aliases: {
    bce: 'binaryCrossentropy',
    BCE: 'binaryCrossentropy',
    kld: 'klDivergence',
    KLD: 'klDivergence',
    mae: 'meanAbsoluteError',
    MAE: 'meanAbsoluteError',
    mse: 'meanSquaredError',
    MSE: 'meanSquaredError',
    mape: 'meanAbsolutePercentageError',
    MAPE: 'meanAbsolutePercentageError',
    msle: 'meanSquaredLogarithmicError',
    MSLE: 'meanSquaredLogarithmicError',
  },
  accepts: (value) => value instanceof Loss,
  wrap: (fn) => wrap(fn as LossFunction, toSnakeCase(fn.name)),
});

/**
 * The loss that a name ('mse', 'categorical_crossentropy', 'MeanSquaredError'), a config, a class, a function `(yTrue, yPred) => Tensor` or a loss
 * stands for. `where` starts the error's text.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function get(identifier: unknown, where = 'losses.get'): Loss {
  return family.get(identifier, where);
}

/** What a config holds for a loss: its class and options. */
export function serialize(object: Loss): SerializedObject {
  if (!(object instanceof Loss)) {
    throw new ArgumentError(`losses.serialize: expected a loss, got ${show(object)}.`);
  }
  return serialized(object);
}

/** The loss that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): Loss {
  return get(config, 'losses.deserialize');
}

/** Names of all built-in losses. */
export function names(): string[] {
  return family.names();
}

/** Which kind of labels goes with predictions of that shape, by Keras' rule for 'accuracy' and 'crossentropy'. @internal */
export function labelKind(
  yTrueShape: readonly (number | null)[],
  yPredShape: readonly (number | null)[],
): 'binary' | 'sparse' | 'categorical' {
  const units = yPredShape[yPredShape.length - 1];
  if (units === 1) return 'binary';
  if (yTrueShape.length < yPredShape.length) return 'sparse';
  return yTrueShape[yTrueShape.length - 1] === 1 && (units === null || (units ?? 0) > 1) ? 'sparse' : 'categorical';
}

/**
 * The loss that `compile({ loss })` means: as {@link get}, and 'crossentropy' or 'ce' becomes the binary, sparse or categorical one by the shapes of
 * labels and predictions. Losses made from a name keep it as theirs.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function lossFor(
  identifier: unknown,
  yTrueShape: readonly (number | null)[],
  yPredShape: readonly (number | null)[],
  where = 'compile: loss',
): Loss {
  if (typeof identifier !== 'string') return get(identifier, where);
  if (/^(crossentropy|ce)$/i.test(identifier)) {
    const { binaryCrossentropy, sparseCategoricalCrossentropy, categoricalCrossentropy } = crossentropies;
    const functions = {
      binary: binaryCrossentropy,
      sparse: sparseCategoricalCrossentropy,
      categorical: categoricalCrossentropy,
    };
    return wrap(functions[labelKind(yTrueShape, yPredShape)], identifier);
  }
  const loss = get(identifier, where);
  return loss instanceof LossFunctionWrapper ? wrap(loss.fn, identifier) : loss;
}
