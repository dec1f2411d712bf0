import type { SymbolicTensor } from '../core/symbolic.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import * as functions from '../ops/index.js';
import { applyOperation, isSymbolic } from './operation.js';

/** An argument that may be a symbolic tensor where a tensor may stand. */
type SymbolicArgument<A> = TensorLike extends A
  ? A | SymbolicTensor
  : readonly TensorLike[] extends A
    ? A | readonly (TensorLike | SymbolicTensor)[]
    : A;

type SymbolicArguments<A extends readonly unknown[]> = { [K in keyof A]: SymbolicArgument<A[K]> };

type SymbolicResult<R> = R extends Tensor ? SymbolicTensor : R extends readonly Tensor[] ? SymbolicTensor[] : R;

/** A function of tensors, which on symbolic tensors answers symbolic ones. */
export type SymbolicFunction<F> = F extends (...args: infer A) => infer R
  ? F & ((...args: SymbolicArguments<A>) => SymbolicResult<R>)
  : F;

/** All functions of `ops`, for tensors and for symbolic tensors. */
export type Ops = { readonly [K in keyof typeof functions]: SymbolicFunction<(typeof functions)[K]> };

type AnyFunction = (a?: unknown, b?: unknown, c?: unknown, d?: unknown, e?: unknown) => unknown;

/**
 * A function that turns to symbolic tensors only when it fails: looking for them first would cost every call on tensors more than the rest of this.
 * Nothing in `ops` takes more arguments than {@link AnyFunction} names.
 */
function lifted(name: string, fn: AnyFunction): AnyFunction {
  const wrapper: AnyFunction = (a, b, c, d, e) => {
    try {
      return fn(a, b, c, d, e);
    } catch (error) {
      const args = [a, b, c, d, e];
      if (!args.some(isSymbolic)) throw error;
      while (args.at(-1) === undefined) args.pop();
      return applyOperation(name, args);
    }
  };
  return Object.defineProperties(wrapper, { name: { value: fn.name }, length: { value: fn.length } });
}

/**
 * Operations on tensors, Keras' `keras.ops`. On symbolic tensors, what `Input` and layers answer, they become steps of a model's graph.
 *
 * @example
 * ```ts
 * const x = Input({ shape: [4] });
 * const model = new Model({ inputs: x, outputs: ops.mean(ops.square(x), { axis: -1 }) });
 * ```
 */
export const ops: Ops = Object.freeze(
  Object.fromEntries(
    Object.entries(functions).map(([name, value]) => [
      name,
      typeof value === 'function' ? lifted(name, value as AnyFunction) : value,
    ]),
  ),
) as unknown as Ops;
