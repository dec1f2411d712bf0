import { type SerializedObject, serialized } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { defineFamily, type Family } from '../core/family.js';
import { show } from '../core/fields.js';
import { Adadelta } from './adadelta.js';
import { Adafactor } from './adafactor.js';
import { Adagrad } from './adagrad.js';
import { Adam, AdamW } from './adam.js';
import { Adamax } from './adamax.js';
import { Ftrl } from './ftrl.js';
import { Lamb } from './lamb.js';
import { Lion } from './lion.js';
import { LossScaleOptimizer } from './loss-scale-optimizer.js';
import { Nadam } from './nadam.js';
import { Optimizer } from './optimizer.js';
import { RMSprop } from './rmsprop.js';
import { SGD } from './sgd.js';

// A function: the wrapper in the list asks the family for its inner optimizer, so the modules import each other.
const members = (): Record<string, typeof Optimizer> => ({
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  AdamW,
  Adamax,
  Ftrl,
  Lamb,
  Lion,
  LossScaleOptimizer: LossScaleOptimizer as unknown as typeof Optimizer,
  Nadam,
  RMSprop,
  SGD,
});

let family: Family<Optimizer> | undefined;

function known(): Family<Optimizer> {
  family ??= defineFamily<Optimizer>({
    kind: 'optimizer',
    members,
    accepts: (value) => value instanceof Optimizer,
  });
  return family;
}

/**
 * The optimizer that a name ('adam', 'SGD', 'RMSProp', in any case), a config, a class or an optimizer stands for. `where` starts the error's text.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function get(identifier: unknown, where = 'optimizers.get'): Optimizer {
  if (typeof identifier === 'string') {
    const name = Object.keys(members()).find((member) => member.toLowerCase() === identifier.toLowerCase());
    if (name !== undefined) return known().get(name, where);
  }
  return known().get(identifier, where);
}

/** What a config holds for an optimizer: its class and options. */
export function serialize(object: Optimizer): SerializedObject {
  if (!(object instanceof Optimizer)) {
    throw new ArgumentError(`optimizers.serialize: expected an optimizer, got ${show(object)}.`);
  }
  return serialized(object);
}

/** The optimizer that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): Optimizer {
  return get(config, 'optimizers.deserialize');
}

/** Names of all built-in optimizers. */
export function names(): string[] {
  return Object.keys(members()).map((name) => name.toLowerCase());
}
