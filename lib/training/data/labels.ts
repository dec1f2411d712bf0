import { setImmediate } from 'node:timers/promises';
import { call, callList } from '../../core/call.js';
import { isInteger } from '../../core/dtype.js';
import { ArgumentError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import { tidy } from '../../core/tidy.js';
import { leaves } from '../../core/tree.js';
import type { CompileLoss } from '../compile-loss.js';
import type { FlatData } from './layout.js';

/** Labels looked at before the event loop gets its turn. */
const sliceElements = 1 << 22;

/**
 * Holds class numbers against the number of classes before training starts: inside a step they would read beyond the predictions.
 * @throws {ArgumentError} that names the row of the first wrong label
 * @internal
 */
export async function checkLabels(flat: FlatData, loss: CompileLoss | null, where: string): Promise<void> {
  if (loss === null || flat.layout.y === undefined) return;
  const labels =
    loss.outputNames.length > 0 ? loss.labelsOf<number>(flat.layout.y) : (leaves(flat.layout.y) as (number | null)[]);
  for (const [output, classes] of loss.classes.entries()) {
    const index = labels[output];
    if (classes === null || index == null) continue;
    const y = flat.tensors[index] as Tensor;
    const rowSize = Math.max(1, y.size / Math.max(1, y.shape[0] ?? 1));
    const rows = Math.max(1, Math.floor(sliceElements / rowSize));
    for (let from = 0; from < (y.shape[0] ?? 0); from += rows) {
      if (from > 0) await setImmediate();
      const bad = tidy(() => firstBad(call('aten::slice.Tensor', y, 0, from, from + rows, 1), classes));
      if (bad === null) continue;
      throw new ArgumentError(
        `${where}: expected labels from 0 to ${classes.count - 1} (the model answers ${classes.count} classes), got ${bad.label} in ${flat.labels[index]} at row ${from + Math.floor(bad.at / rowSize)}.`,
        'Count classes from 0, or give the last layer more units.',
      );
    }
  }
}

function firstBad(y: Tensor, classes: { count: number; ignored: number | null }): { label: number; at: number } | null {
  const labels = call(
    'aten::reshape',
    isInteger(y.dtype) ? call('aten::to.dtype', y, 'int64') : call('aten::to.dtype', y, 'float32'),
    [-1],
  );
  const [low, high] = callList('aten::aminmax', labels) as [Tensor, Tensor];
  if (low.item() >= 0 && high.item() < classes.count) return null;
  let bad = call(
    'aten::logical_not',
    call('aten::logical_and', call('aten::ge.Scalar', labels, 0), call('aten::lt.Scalar', labels, classes.count)),
  );
  if (classes.ignored !== null) bad = call('aten::logical_and', bad, call('aten::ne.Scalar', labels, classes.ignored));
  if (call('aten::any', bad).item() === 0) return null;
  const at = call('aten::argmax', call('aten::to.dtype', bad, 'uint8')).item();
  return { label: call('aten::select.int', labels, 0, at).item(), at };
}
