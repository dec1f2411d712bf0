import { Configurable } from '../core/configurable.js';
import { type DType, standardizeDType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import { type Field, type Fields, show } from '../core/fields.js';
import { drawSeed, SeedGenerator } from '../core/random.js';
import type { Tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { checkOptions, checkShape, none } from '../ops/arguments.js';

/** Options of {@link Initializer.apply}. */
export interface InitializerCallOptions {
  /** Element type. @default floatx */
  dtype?: DType | null;
}

/**
 * Makes the first values of a weight.
 *
 * A subclass writes `call(shape, dtype)`; its options stand in `static fields`, as those of every configurable class.
 *
 * @example
 * ```ts
 * class Halves extends Initializer {
 *   override call(shape: readonly number[], dtype: DType): Tensor {
 *     return ops.full(shape, 0.5, { dtype });
 *   }
 * }
 * ```
 */
export abstract class Initializer extends Configurable {
  static override readonly module: string | null = null;

  /** Values for a weight of that shape and dtype. */
  abstract call(shape: readonly number[], dtype: DType): Tensor;

  /**
   * Values for a weight.
   * @throws {ArgumentError} for a shape that isn't one; {ShapeError} where the initializer needs another rank
   */
  apply(shape: readonly number[], options: InitializerCallOptions = none): Tensor {
    const where = `${this.type.className}.apply`;
    checkOptions(where, options, ['dtype'], 'shape');
    return this.call(checkShape(where, shape), standardizeDType(options.dtype));
  }

  /** Another initializer with the same config: without a seed it draws other values. */
  clone(): this {
    return this.type.fromConfig(this.getConfig()) as this;
  }
}

/** What a random initializer's `seed` takes. */
export type InitializerSeed = number | null | SeedGenerator;

function checkSeed(value: unknown, where: string): InitializerSeed {
  if (value === null || value instanceof SeedGenerator) return value;
  // As SeedGenerators stand in configs.
  if (isPlainObject(value) && value['className'] === 'SeedGenerator') {
    return new SeedGenerator(value['config'] as { seed?: number | null });
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ArgumentError(
      `${where}: expected a whole number of at least 0, a SeedGenerator or null, got ${show(value)}.`,
    );
  }
  return value;
}

function seedConfig(seed: InitializerSeed): unknown {
  if (!(seed instanceof SeedGenerator)) return seed;
  return {
    module: 'keras.random',
    className: 'SeedGenerator',
    config: { name: 'seed_generator', seed: seed.seed },
    registeredName: null,
  };
}

/** The row of the seed in the tables of random initializers. @internal */
export const seedField: Field<InitializerSeed> = { check: checkSeed, default: null, toConfig: seedConfig };

/** Options of random initializers. */
export interface RandomInitializerOptions {
  /** A whole number gives the same values at every call, a SeedGenerator others each time; `null` draws a whole number once. @default null */
  seed?: InitializerSeed;
}

/** Base of the initializers that draw random numbers. */
export abstract class RandomInitializer extends Initializer {
  static override readonly fields: Fields = { seed: seedField };

  declare readonly seed: InitializerSeed;
  readonly #drawn: number | undefined;

  constructor(options: object = {}) {
    super(options);
    if (this.seed === null) this.#drawn = drawSeed();
  }

  /** The seed of the next values. */
  protected get source(): number | SeedGenerator {
    return this.seed ?? (this.#drawn as number);
  }
}
