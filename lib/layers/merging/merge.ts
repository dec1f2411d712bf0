import { ArgumentError, ShapeError } from '../../core/errors.js';
import { show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import { expandDims, logicalOr } from '../../ops/index.js';
import { isShape, type LayerInputs, type MaskTree, type ShapeTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** What the layers share that join several tensors into one; a subclass writes `merge`. */
export abstract class Merge extends Layer {
  override supportsMasking = true;

  constructor(options: LayerOptions = {}) {
    super(options);
  }

  /** Number of inputs that the layer takes; null for any from 1 on. */
  protected get inputCount(): number | null {
    return null;
  }

  /** Joins tensors of one rank. */
  protected abstract merge(inputs: readonly Tensor[]): Tensor;

  /** Refuses shapes that don't go together; nothing is made. */
  override build(inputShape: ShapeTree, ...more: ShapeTree[]): void {
    const shapes = this.shapesFrom(inputShape, more);
    const batches = new Set(shapes.flatMap((shape) => shape[0] ?? []));
    if (batches.size > 1) {
      throw new ShapeError(
        `${this.title}: expected inputs of one batch size, got ${listed(shapes)}.`,
        'Give each input the same samples.',
      );
    }
    this.checkShapes(shapes);
  }

  /** Refuses sizes that differ and are not 1. */
  protected checkShapes(shapes: readonly Shape[]): void {
    let joined: Shape = [];
    for (const shape of shapes) {
      const [longer, shorter] = joined.length < shape.length - 1 ? [shape.slice(1), joined] : [joined, shape.slice(1)];
      const offset = longer.length - shorter.length;
      joined = longer.map((size, axis) => {
        const other = axis < offset ? 1 : (shorter[axis - offset] as number | null);
        if (size === 1) return other;
        if (other === 1 || size === other) return size;
        if (size === null || other === null) return null;
        throw new ShapeError(
          `${this.title}: expected inputs whose shapes broadcast, got ${listed(shapes)}.`,
          'Sizes must be equal or 1; layers.Concatenate joins tensors of different sizes.',
        );
      });
    }
  }

  override call(inputs: readonly Tensor[]): Tensor {
    this.checkCount(inputs);
    const rank = Math.max(...inputs.map((x) => x.ndim));
    return this.merge(inputs.map((x) => raised(x, rank)));
  }

  /** True where one input counts; none if an input has no mask. */
  override computeMask(_inputs: LayerInputs, mask: MaskTree): MaskTree {
    const masks = Array.isArray(mask) ? (mask as (Tensor | null)[]) : [mask as Tensor | null];
    const [first, ...others] = masks;
    if (first == null || others.some((other) => other == null)) return null;
    return others.reduce((joined: Tensor, other) => logicalOr(joined, other as Tensor), first);
  }

  /** Refuses what is no array of tensors. */
  protected checkCount(inputs: unknown): void {
    const count = this.inputCount;
    const given = Array.isArray(inputs) ? inputs.length : null;
    if (given !== null && given > 0 && (count === null || given === count)) return;
    throw new ArgumentError(
      `${this.title}: expected an array of ${count ?? 'at least 1'} input${count === null || count === 1 ? '' : 's'}, got ${given ?? 'no array'}.`,
      'Write layer.apply([a, b]).',
    );
  }

  /** Shapes of the inputs. */
  protected shapesFrom(inputShape: ShapeTree, more: readonly ShapeTree[]): readonly Shape[] {
    const shapes: unknown = inputShape;
    const single = isShape(shapes) && !(Array.isArray(shapes) && shapes.length === 0);
    this.checkCount(single || more.length > 0 ? null : shapes);
    for (const shape of shapes as readonly unknown[]) {
      if (isShape(shape)) continue;
      throw new ArgumentError(`${this.title}: expected an array of tensors, got ${show(shape)} among them.`);
    }
    return shapes as Shape[];
  }
}

/** '[2, 3] and [2, 4]'. @internal */
export function listed(shapes: readonly Shape[]): string {
  return shapes.map(formatShape).join(' and ');
}

/** New axes of size 1 after the batch. */
function raised(x: Tensor, rank: number): Tensor {
  let result = x;
  while (result.ndim < rank) result = expandDims(result, 1);
  return result;
}
