import { call } from './call.js';
import { ArgumentError } from './errors.js';
import { native } from './native.js';
import { type Tensor, tensor } from './tensor.js';
import { keep as keepAlive } from './tidy.js';
import { Variable } from './variable.js';

let globalSeed = Math.floor(Math.random() * 2 ** 32);
let drawn = 0;

/**
 * Seeds everything: initializers, dropout and shuffling of layers and models made afterwards, and `random` without a seed.
 *
 * @param seed a whole number from 0 to 2^53 - 1
 * @throws {ArgumentError} for another number
 * @example
 * ```ts
 * utils.setRandomSeed(7);
 * const first = await random.uniform([2]).array();
 * utils.setRandomSeed(7);
 * ops.all(ops.equal(random.uniform([2]), first)); // true
 * ```
 */
export function setRandomSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError(`utils.setRandomSeed: expected a whole number of at least 0, got ${String(seed)}.`);
  }
  globalSeed = seed;
  drawn = 0;
  globalGenerator = undefined;
  native.manualSeed(seed);
}

/** A new seed that follows from the global one: the n-th call after `setRandomSeed(s)` always answers the same. @internal */
export function drawSeed(): number {
  // splitmix64's finaliser over (seed, count), kept to 53 bits so that it is a JavaScript number.
  let z = (BigInt(globalSeed) * 0x9e3779b97f4a7c15n + BigInt(++drawn) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
  return Number((z ^ (z >> 31n)) & 0x1fffffffffffffn);
}

/**
 * A stream of seeds for random operations: state [key, offset] in an int64 Variable, so that a recorded step draws anew each time.
 * Two generators with the same seed give the same numbers on every device and for any number of threads.
 *
 * Source: Keras `keras.random.SeedGenerator`; the numbers are our generator's (Philox 4x32-10), not a backend's.
 *
 * @example
 * ```ts
 * const seed = new SeedGenerator({ seed: 1 });
 * const [a, b] = [random.normal([2], { seed }), random.normal([2], { seed })];
 * ops.all(ops.equal(a, b)); // false
 * ```
 */
export class SeedGenerator {
  /** The seed given, or drawn. */
  readonly seed: number;
  /** [key, offset], int64. */
  readonly state: Variable;

  /** @param options `seed`: a whole number, drawn from the global seed if left out or `null`; `name`: the start of the state's name */
  constructor(options: { seed?: number | null; name?: string } = {}) {
    const { seed, name = 'seed_generator' } = options;
    if (seed !== undefined && seed !== null && (!Number.isSafeInteger(seed) || seed < 0)) {
      throw new ArgumentError(
        `SeedGenerator: expected seed to be a whole number of at least 0 or null, got ${String(seed)}.`,
      );
    }
    this.seed = seed ?? drawSeed();
    this.state = new Variable(tensor(new BigInt64Array([BigInt(this.seed), 0n]), { device: 'cpu' }), {
      trainable: false,
      name: `${name}_state`,
    });
  }

  /** The seed for one random operation, [key, offset]; the next call answers another. */
  next(): Tensor {
    const now = this.state.value;
    this.state.assign(call('aten::add.Tensor', now, stride(), 1));
    return now;
  }
}

let one: Tensor | undefined;
function stride(): Tensor {
  if (one === undefined || one.isDisposed) one = keepAlive(tensor(new BigInt64Array([0n, 1n]), { device: 'cpu' }));
  return one;
}

let globalGenerator: SeedGenerator | undefined;

/** A seed tensor [key, offset] from whatever `seed` options take: a generator, a number (same numbers every call), or nothing (the global stream). */
export function seedTensor(seed: SeedGenerator | number | null | undefined): Tensor {
  if (seed instanceof SeedGenerator) return seed.next();
  if (seed === null || seed === undefined) {
    if (globalGenerator === undefined) globalGenerator = new SeedGenerator({ seed: globalSeed, name: 'global_seed' });
    return globalGenerator.next();
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError(
      `random: expected seed to be a SeedGenerator or a whole number of at least 0, got ${String(seed)}.`,
    );
  }
  return tensor(new BigInt64Array([BigInt(seed), 0n]), { device: 'cpu' });
}

/** Where the global random state stands, as plain JSON. @internal */
export interface RandomState {
  seed: number;
  drawn: number;
  /** [key, offset] of the global stream; null before its first use. */
  stream: readonly string[] | null;
}

/** The global random state, to go on from later. @internal */
export function randomState(): RandomState {
  const stream = globalGenerator === undefined ? null : Array.from(globalGenerator.state.dataSync(), String);
  return { seed: globalSeed, drawn, stream };
}

/** Puts a global random state back. @internal */
export function setRandomState(state: RandomState): void {
  globalSeed = state.seed;
  drawn = state.drawn;
  if (state.stream === null && globalGenerator === undefined) return;
  globalGenerator ??= new SeedGenerator({ seed: globalSeed, name: 'global_seed' });
  // The variable stays the same one: recorded programs hold it.
  const [key, offset] = state.stream ?? [String(globalSeed), '0'];
  globalGenerator.state.assign(
    tensor(new BigInt64Array([BigInt(key as string), BigInt(offset as string)]), { device: 'cpu' }),
  );
}
