import type { Tensor } from './tensor.js';
import { leaves } from './tree.js';

// Innermost scope last; each holds the tensors made inside it. Only synchronous code runs inside a scope.
const scopes: Tensor[][] = [];

/** Notes a new tensor in the innermost `tidy`, if any. @internal */
export function track(tensor: Tensor): void {
  const scope = scopes[scopes.length - 1];
  if (scope !== undefined) scope.push(tensor);
}

/**
 * Takes a tensor out of every enclosing `tidy`: it lives on. Answers the tensor.
 *
 * @example
 * ```ts
 * let largest = ops.max(x);
 * tidy(() => {
 *   largest = keep(ops.max(ops.exp(x)));
 * });
 * largest.isDisposed; // false
 * ```
 */
export function keep<T extends Tensor>(tensor: T): T {
  for (const scope of scopes) {
    const at = scope.indexOf(tensor);
    if (at >= 0) scope.splice(at, 1);
  }
  return tensor;
}

/**
 * Runs a function and frees every tensor made inside it, save those that it returns (alone, or in arrays and plain objects) and Variables.
 *
 * @example
 * ```ts
 * const loss = tidy(() => ops.mean(ops.square(ops.subtract(yTrue, yPred))));
 * ```
 */
export function tidy<T>(fn: () => T): T {
  const scope: Tensor[] = [];
  scopes.push(scope);
  let kept: Set<unknown> | undefined;
  try {
    const result = fn();
    kept = new Set(leaves(result));
    return result;
  } finally {
    scopes.pop();
    for (const tensor of scope) {
      if (kept?.has(tensor)) track(tensor);
      else tensor.dispose();
    }
  }
}
