import { dtypeCode } from './dtype.js';
import { ArgumentError, ShapeError, translateError } from './errors.js';
import { type Handle, native, type ProgramHandle } from './native.js';
import { checkSameTree, putOutputs, readVariables, takeOutputs } from './outputs.js';
import { beginSites, endSites, isRecording, noteCallSite } from './recording.js';
import { formatShape, Tensor } from './tensor.js';

/** Records a branch of the function being recorded: it may use the outer function's tensors. */
function recordBranch(fn: () => unknown): { program: ProgramHandle; tree: unknown } {
  native.recordBegin();
  beginSites();
  try {
    const { tensors, tree } = takeOutputs(fn());
    return { program: native.recordEnd(tensors.map((tensor) => tensor.handle)), tree };
  } catch (error) {
    native.recordAbort();
    throw error;
  } finally {
    endSites();
  }
}

/**
 * Runs one of two functions, by a boolean tensor; both must return tensors of the same shapes and dtypes (or nothing). Variables may be assigned inside.
 * In a recorded function both are recorded, and each replay runs one of them.
 *
 * @throws {ArgumentError} if the branches return different structures, or different values that are no tensors
 * @example
 * ```ts
 * const y = cond(ops.greater(ops.sum(x), 0), () => ops.sqrt(x), () => ops.zerosLike(x));
 * ```
 */
export function cond<T>(predicate: Tensor | boolean, then: () => T, otherwise: () => T): T {
  if (typeof predicate === 'boolean') return readVariables(predicate ? then() : otherwise());
  if (!(predicate instanceof Tensor)) {
    throw new ArgumentError(`cond: expected a boolean or a tensor of one boolean, got ${typeof predicate}.`);
  }
  if (predicate.size !== 1) {
    throw new ShapeError(
      `cond: expected a predicate of one element, got shape ${formatShape(predicate.shape)}.`,
      'Use ops.where to choose element by element, or reduce it with ops.any or ops.all.',
    );
  }
  if (!isRecording()) return readVariables(predicate.item() !== 0 ? then() : otherwise());
  try {
    const first = recordBranch(then);
    const second = recordBranch(otherwise);
    checkSameTree('cond', first.tree, second.tree);
    const handles = native.cond(predicate.handle, first.program, second.program);
    noteCallSite();
    return putOutputs(
      first.tree,
      handles.map((handle) => new Tensor(handle)),
    ) as T;
  } catch (error) {
    throw translateError(error);
  }
}

/** What the function given to {@link customGradient} answers. */
export interface CustomGradientResult {
  /** The result. */
  value: Tensor;
  /** From the gradient of the result to the gradients of the arguments, in their order. */
  grad: (upstream: Tensor) => Tensor | readonly Tensor[];
}

/**
 * A function with a gradient of its own. `fn` answers the value and a function from the gradient of the value to those of the arguments;
 * both are recorded, so they only use ops.
 *
 * @example
 * ```ts
 * const log1pExp = customGradient((x: Tensor) => {
 *   const e = ops.exp(x);
 *   return { value: ops.log(ops.add(1, e)), grad: (upstream) => ops.multiply(upstream, ops.subtract(1, ops.divide(1, ops.add(1, e)))) };
 * });
 * ```
 */
export function customGradient<A extends readonly Tensor[]>(
  fn: (...args: A) => CustomGradientResult,
): (...args: A) => Tensor {
  if (typeof fn !== 'function') throw new ArgumentError(`customGradient: expected a function, got ${typeof fn}.`);
  return (...args: A): Tensor => {
    for (const [i, arg] of args.entries()) {
      if (!(arg instanceof Tensor))
        throw new ArgumentError(`customGradient: expected a tensor as argument ${i}, got ${typeof arg}.`);
    }
    native.recordBegin();
    beginSites();
    let forward: ProgramHandle;
    let backward: ProgramHandle;
    try {
      const standIns = args.map((arg) => new Tensor(native.recordInput(arg.shape, dtypeCode(arg.dtype), arg.device)));
      const { value, grad } = fn(...(standIns as unknown as A));
      if (!(value instanceof Tensor) || typeof grad !== 'function') {
        throw new ArgumentError(
          'customGradient: expected the function to return { value, grad }: a tensor and a function.',
        );
      }
      backward = recordBackward(value, grad, args);
      forward = native.recordEnd([value.handle], backward);
    } catch (error) {
      native.recordAbort();
      throw translateError(error);
    } finally {
      endSites();
    }
    try {
      const handles = native.customGradient(
        forward,
        backward,
        1,
        args.map((arg) => arg.handle),
      );
      noteCallSite();
      return new Tensor(handles[0] as Handle);
    } catch (error) {
      throw translateError(error);
    }
  };
}

function recordBackward(value: Tensor, grad: CustomGradientResult['grad'], args: readonly Tensor[]): ProgramHandle {
  native.recordBegin();
  beginSites();
  try {
    const upstream = new Tensor(native.recordInput(value.shape, dtypeCode(value.dtype), value.device));
    const answered = grad(upstream);
    const gradients = answered instanceof Tensor ? [answered] : answered;
    if (gradients.length !== args.length) {
      throw new ArgumentError(
        `customGradient: expected grad to return ${args.length} gradients, one for each argument, got ${gradients.length}.`,
      );
    }
    for (const [i, gradient] of gradients.entries()) {
      if (formatShape(gradient.shape) !== formatShape((args[i] as Tensor).shape)) {
        throw new ShapeError(
          `customGradient: expected gradient ${i} of shape ${formatShape((args[i] as Tensor).shape)}, got ${formatShape(gradient.shape)}.`,
        );
      }
    }
    return native.recordEnd(gradients.map((gradient) => gradient.handle));
  } catch (error) {
    native.recordAbort();
    throw error;
  } finally {
    endSites();
  }
}
