import { isComplex, isFloat } from './dtype.js';
import { ArgumentError, ShapeError, StateError, translateError } from './errors.js';
import { type Handle, native } from './native.js';
import { noteCallSite } from './recording.js';
import { formatShape, Tensor } from './tensor.js';
import { leaves, mapTree } from './tree.js';
import { Variable } from './variable.js';

/** What a gradient can be asked for: a tensor, a Variable, or a list of them. */
export type Differentiable = Tensor | readonly Differentiable[];

/** The same tree as the argument, of gradients. */
export type GradientOf<A> = A extends readonly unknown[] ? { -readonly [K in keyof A]: GradientOf<A[K]> } : Tensor;

/** Options of {@link grad} and {@link valueAndGrad}. */
export interface GradOptions<N extends number | readonly number[] = number | readonly number[]> {
  /** Index (or indices) of the arguments to differentiate by. @default 0 */
  argnums?: N;
  /** The function answers `[value, auxiliary]`, and the auxiliary part is passed through. @default false */
  hasAux?: boolean;
}

/** Answer of {@link valueAndGrad}'s function. */
export interface ValueAndGrads {
  /** What the function answered (with `hasAux`, its first part). */
  value: Tensor;
  /** Gradients, in the shape of the differentiated argument (an array of those for several `argnums`). */
  // biome-ignore lint/suspicious/noExplicitAny: the shape follows the argument; overloads below give the exact type.
  grads: any;
  /** With `hasAux`, the second part of what the function answered. */
  aux?: unknown;
}

let scopes = 0;

/** Whether a function is being differentiated. @internal */
export function insideGradient(): boolean {
  return scopes > 0;
}

function differentiate(
  where: string,
  fn: (...args: never[]) => unknown,
  options: GradOptions,
  args: unknown[],
): { value: Tensor; grads: unknown; aux: unknown } {
  const { argnums = 0, hasAux = false } = options;
  const positions = typeof argnums === 'number' ? [argnums] : argnums;
  for (const position of positions) {
    if (!Number.isInteger(position) || position < 0 || position >= args.length) {
      throw new ArgumentError(`${where}: expected argnums within the ${args.length} arguments given, got ${position}.`);
    }
  }
  const sources: Tensor[] = [];
  for (const position of positions) {
    for (const leaf of leaves(args[position])) {
      if (!(leaf instanceof Tensor)) {
        throw new ArgumentError(
          `${where}: expected tensors, Variables or lists of them as argument ${position}, got ${leaf === null ? 'null' : typeof leaf}.`,
          'Wrap numbers: tensor(3).',
        );
      }
      if (!isFloat(leaf.dtype) && !isComplex(leaf.dtype)) {
        throw new ArgumentError(
          `${where}: expected argument ${position} to be of a float dtype, got ${leaf.dtype}.`,
          "Use x.cast('float32').",
        );
      }
      sources.push(leaf);
    }
  }
  let entered = false;
  try {
    const handles = native.gradEnter(sources.map((source) => source.handle));
    entered = true;
    scopes++;
    noteCallSite();
    let next = 0;
    // Variables stay themselves: inside the scope the native side reads them as leaves of the gradient.
    const inner = args.slice();
    for (const position of positions) {
      inner[position] = mapTree(args[position], (leaf) => {
        const handle = handles[next++] as Handle;
        if (leaf instanceof Variable) {
          // The scope holds the leaf itself; its handle would live until a garbage collection.
          native.dispose(handle);
          return leaf;
        }
        return withMask(new Tensor(handle), (leaf as Tensor).mask);
      });
    }
    const result = (fn as (...args: unknown[]) => unknown)(...inner);
    if (result instanceof Promise) {
      throw new StateError(
        `${where}: expected a synchronous function, got one that returns a Promise.`,
        'Await data before, not inside.',
      );
    }
    const value = hasAux ? (result as unknown[])[0] : result;
    if (!(value instanceof Tensor))
      throw new ArgumentError(`${where}: expected the function to return a tensor, got ${typeof value}.`);
    if (value.size !== 1) {
      throw new ShapeError(
        `${where}: expected the function to return one number, got shape ${formatShape(value.shape)}.`,
        'Reduce it first: ops.sum(x) or ops.mean(x).',
      );
    }
    const gradients = native.gradCompute([value.handle], null).map((handle) => new Tensor(handle));
    noteCallSite();
    const outside = leaves(result).filter(
      (leaf): leaf is Tensor => leaf instanceof Tensor && !(leaf instanceof Variable),
    );
    const detached = native.gradLeave(outside.map((leaf) => leaf.handle));
    entered = false;
    scopes--;
    noteCallSite();
    const replaced = new Map(outside.map((leaf, i) => [leaf, withMask(new Tensor(detached[i] as Handle), leaf.mask)]));
    const clean = mapTree(result, (leaf) => replaced.get(leaf as Tensor) ?? leaf) as unknown[];
    let taken = 0;
    const shaped = positions.map((position) => mapTree(args[position], () => gradients[taken++]));
    return {
      value: (hasAux ? clean[0] : clean) as unknown as Tensor,
      grads: typeof argnums === 'number' ? shaped[0] : shaped,
      aux: hasAux ? clean[1] : undefined,
    };
  } catch (error) {
    throw translateError(error);
  } finally {
    if (entered) {
      scopes--;
      native.gradLeave([]);
    }
  }
}

function withMask(tensor: Tensor, mask: Tensor | undefined): Tensor {
  tensor.mask = mask;
  return tensor;
}

/**
 * A function that answers the gradient of `fn` (which must answer one number) by one of its arguments: a tensor, a Variable, or a list of them.
 * Where `fn` doesn't depend on an argument the gradient is zero. Gradients of gradients work.
 *
 * @throws {ShapeError} if `fn` answers more than one number
 * @throws {ArgumentError} for an argument that is no tensor of a float dtype
 * @example
 * ```ts
 * const slope = grad((x: Tensor) => ops.sum(ops.square(x)));
 * await slope(tensor([1, 2, 3])).array(); // [2, 4, 6]
 * ```
 */
export function grad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  options?: { argnums?: 0 },
): (...args: A) => GradientOf<A[0]>;
export function grad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  options: { argnums: number },
): (...args: A) => GradientOf<A[number]>;
export function grad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  options: { argnums: readonly number[] },
): (...args: A) => GradientOf<A[number]>[];
export function grad(fn: (...args: never[]) => Tensor, options: GradOptions = {}): (...args: never[]) => unknown {
  if (typeof fn !== 'function') throw new ArgumentError(`grad: expected a function, got ${typeof fn}.`);
  return (...args) => differentiate('grad', fn, { ...options, hasAux: false }, args).grads;
}

/**
 * A function that answers `{ value, grads }`: what `fn` answers, and its gradient by one of the arguments. With `hasAux`, `fn` answers
 * `[value, auxiliary]` and the auxiliary part comes back as `aux`.
 *
 * @throws {ShapeError} if `fn` answers more than one number
 * @throws {ArgumentError} for an argument that is no tensor of a float dtype
 * @example
 * ```ts
 * const { value, grads } = valueAndGrad(() => loss.apply(y, model.apply(x)))(model.trainableWeights);
 * optimizer.apply(grads, model.trainableWeights);
 * ```
 */
export function valueAndGrad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  options?: { argnums?: 0 },
): (...args: A) => { value: Tensor; grads: GradientOf<A[0]> };
export function valueAndGrad<A extends readonly unknown[], R>(
  fn: (...args: A) => [Tensor, R],
  options: { argnums?: 0; hasAux: true },
): (...args: A) => { value: Tensor; grads: GradientOf<A[0]>; aux: R };
export function valueAndGrad<A extends readonly unknown[]>(
  fn: (...args: A) => Tensor,
  options: { argnums: number | readonly number[] },
): (...args: A) => ValueAndGrads;
export function valueAndGrad(
  fn: (...args: never[]) => unknown,
  options: GradOptions = {},
): (...args: never[]) => unknown {
  if (typeof fn !== 'function') throw new ArgumentError(`valueAndGrad: expected a function, got ${typeof fn}.`);
  return (...args) => {
    const { value, grads, aux } = differentiate('valueAndGrad', fn, options, args);
    return options.hasAux ? { value, grads, aux } : { value, grads };
  };
}

/**
 * Runs a synchronous function whose operations no enclosing gradient watches, and returns its result.
 *
 * @example
 * ```ts
 * const slope = grad((x: Tensor) => ops.sum(ops.multiply(x, noGrad(() => ops.square(x)))));
 * await slope(tensor([3])).array(); // [9]
 * ```
 */
export function noGrad<T>(fn: () => T): T {
  const before = native.setGradEnabled(false);
  try {
    return fn();
  } finally {
    native.setGradEnabled(before);
  }
}
