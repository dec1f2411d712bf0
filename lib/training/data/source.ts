import { call } from '../../core/call.js';
import type { TensorSpec } from '../../core/program.js';
import type { Tensor } from '../../core/tensor.js';
import { batchSpecs, type FlatData, type Layout } from './layout.js';

/** Data in memory, cut into batches. @internal */
export class ArraySource {
  readonly data: FlatData;
  readonly samples: number;
  readonly batchSize: number;
  /** Batches in one pass over all samples, a short last one included. */
  readonly batches: number;
  readonly shuffle: boolean;

  constructor(data: FlatData, samples: number, options: { batchSize: number; shuffle: boolean }) {
    this.data = data;
    this.samples = samples;
    this.batchSize = Math.min(options.batchSize, samples);
    this.batches = Math.ceil(samples / this.batchSize);
    this.shuffle = options.shuffle;
  }

  get layout(): Layout {
    return this.data.layout;
  }

  /** Shapes of the batches: full ones, and the last one where it is shorter. */
  get specs(): { full: TensorSpec[]; last: TensorSpec[] | null } {
    const rest = this.samples % this.batchSize;
    return {
      full: batchSpecs(this.data.tensors, this.batchSize),
      last: rest === 0 ? null : batchSpecs(this.data.tensors, rest),
    };
  }

  /** The first batch, as views. */
  first(): FlatData {
    const tensors = this.batch(0, null);
    return { tensors, layout: this.layout, labels: this.data.labels, made: tensors };
  }

  /** Tensors of one batch, rows in the given order; for steps that JavaScript drives. */
  batch(index: number, order: Tensor | null): Tensor[] {
    const from = index * this.batchSize;
    const to = Math.min(from + this.batchSize, this.samples);
    const rows = order === null ? null : call('aten::slice.Tensor', order, 0, from, to, 1);
    return this.data.tensors.map((whole) =>
      rows === null ? call('aten::slice.Tensor', whole, 0, from, to, 1) : call('aten::index_select', whole, 0, rows),
    );
  }
}
