import { type DType, itemSize } from '../core/dtype.js';
import { FileFormatError } from '../core/errors.js';
import { formatShape } from '../core/tensor.js';

let bytesLeft: number | null = null;

/**
 * Runs `fn`, which makes the layers of a file: their weights may take as much memory as the file has data for, and start as zeros, since values follow.
 * A config of a few bytes can name layers of any size.
 * @internal
 */
export function withWeightBudget<T>(bytes: number, fn: () => T): T {
  const before = bytesLeft;
  bytesLeft = bytes;
  try {
    return fn();
  } finally {
    bytesLeft = before;
  }
}

/** Takes a weight's size from the budget; whether values are going to follow. @throws {FileFormatError} if the file has no data for it @internal */
export function chargeWeight(where: string, shape: readonly number[], dtype: DType): boolean {
  if (bytesLeft === null) return false;
  bytesLeft -= shape.reduce((product, size) => product * size, itemSize(dtype));
  if (bytesLeft >= 0) return true;
  throw new FileFormatError(
    `${where}: expected a weight that the file has values for, got shape ${formatShape(shape)}.`,
    'The config and the weights of the file do not belong together.',
  );
}
