import { type DType, standardizeDType } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import type { Shape } from '../core/symbolic.js';
import { formatShape } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { flattenInputs } from './inputs.js';

/** Options of {@link InputSpec}. */
export interface InputSpecOptions {
  /** Sizes of all axes, the batch included; `null` takes any size. */
  shape?: Shape | null;
  /** Number of axes. */
  ndim?: number | null;
  /** Smallest number of axes. */
  minNdim?: number | null;
  /** Largest number of axes. */
  maxNdim?: number | null;
  /** Sizes of single axes: { '-1': 784 }. */
  axes?: Readonly<Record<number, number | null>>;
  /** Element type. */
  dtype?: DType | null;
  /** Take a last axis of 1 more or less than `shape` says. @default false */
  allowLastAxisSqueeze?: boolean;
  /** Key of this input when inputs come as an object. */
  name?: string | null;
  /** Take `null` for this input. @default false */
  optional?: boolean;
  /** Names of the axes for error messages: ['batch', 'steps', 'features']. A leading or inner '...' stands for any number. */
  axisNames?: readonly string[];
}

/**
 * What a layer expects of one input: `keras.InputSpec`. A layer sets `inputSpec` to one, or to an array of them for several inputs.
 *
 * @example
 * ```ts
 * this.inputSpec = new InputSpec({ ndim: 4, axes: { '-1': 3 } });
 * ```
 */
export class InputSpec {
  readonly shape: Shape | null;
  readonly ndim: number | null;
  readonly minNdim: number | null;
  readonly maxNdim: number | null;
  readonly axes: ReadonlyMap<number, number | null>;
  readonly dtype: DType | null;
  readonly allowLastAxisSqueeze: boolean;
  readonly name: string | null;
  readonly optional: boolean;
  /** Names of the axes for error messages. */
  readonly axisNames: readonly string[] | null;

  /** @throws {ArgumentError} for an axis outside `ndim` */
  constructor(options: InputSpecOptions = {}) {
    this.shape = options.shape ?? null;
    this.ndim = this.shape?.length ?? options.ndim ?? null;
    this.minNdim = options.minNdim ?? null;
    this.maxNdim = options.maxNdim ?? null;
    this.dtype = options.dtype == null ? null : standardizeDType(options.dtype);
    this.allowLastAxisSqueeze = options.allowLastAxisSqueeze ?? false;
    this.name = options.name ?? null;
    this.optional = options.optional ?? false;
    this.axisNames = options.axisNames ?? null;
    this.axes = new Map(Object.entries(options.axes ?? {}).map(([axis, size]) => [Number(axis), size]));
    const rank = this.ndim ?? this.maxNdim;
    for (const axis of this.axes.keys()) {
      if (!Number.isInteger(axis) || (rank !== null && axis >= rank)) {
        throw new ArgumentError(
          `InputSpec: expected axes to be whole numbers below the rank ${rank ?? '(any)'}, got ${axis}.`,
        );
      }
    }
  }
}

interface Described {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * Holds a layer's first argument against its spec. `where` is 'Dense "dense"'.
 * @throws {ShapeError} {@link DTypeError} {@link ArgumentError}
 * @internal
 */
export function checkInputs(spec: InputSpec | readonly (InputSpec | null)[], inputs: unknown, where: string): void {
  const specs = spec instanceof InputSpec ? [spec] : spec;
  const given = arrange(specs, inputs, where);
  if (given.length !== specs.length) {
    throw new ArgumentError(
      `${where}: expected ${specs.length} input${specs.length === 1 ? '' : 's'}, got ${given.length}.`,
      specs.length === 1 ? 'Join them first: ops.concatenate([a, b]).' : `Give an array of ${specs.length} tensors.`,
    );
  }
  specs.forEach((one, i) => {
    const x = given[i] as Described | null | undefined;
    if (one === null || (x == null && one.optional)) return;
    if (x == null)
      throw new ArgumentError(`${where}: expected a tensor as ${inputName(one, i, specs.length)}, got ${String(x)}.`);
    checkOne(one, x, where, inputName(one, i, specs.length));
  });
}

function arrange(specs: readonly (InputSpec | null)[], inputs: unknown, where: string): unknown[] {
  if (isPlainObject(inputs) && specs.every((spec) => spec?.name != null)) {
    return specs.map((spec) => {
      const name = spec?.name as string;
      if (!(name in inputs)) {
        throw new ArgumentError(
          `${where}: expected inputs named ${specs.map((one) => `'${one?.name}'`).join(', ')}, got ${Object.keys(inputs)
            .map((key) => `'${key}'`)
            .join(', ')}.`,
          `Add '${name}' to the inputs.`,
        );
      }
      return inputs[name];
    });
  }
  return flattenInputs(inputs);
}

function inputName(spec: InputSpec, index: number, count: number): string {
  if (spec.name !== null) return `input '${spec.name}'`;
  return count === 1 ? 'input' : `input ${index}`;
}

function checkOne(spec: InputSpec, x: Described, where: string, what: string): void {
  const rank = x.shape.length;
  const got = `got rank ${rank} ${formatShape(x.shape)}`;
  const axes = spec.axisNames === null ? '' : ` [${spec.axisNames.join(', ')}]`;
  const rankHint = (wanted: number): string =>
    rank < wanted ? 'Add an axis: ops.expandDims(x, -1).' : 'Join axes: ops.reshape(x, [x.shape[0], -1]).';
  if (spec.ndim !== null && !spec.allowLastAxisSqueeze && rank !== spec.ndim) {
    throw new ShapeError(`${where}: expected ${what} of rank ${spec.ndim}${axes}, ${got}.`, rankHint(spec.ndim));
  }
  if (spec.minNdim !== null && rank < spec.minNdim) {
    throw new ShapeError(
      `${where}: expected ${what} of rank ${spec.minNdim} or more${axes}, ${got}.`,
      rankHint(spec.minNdim),
    );
  }
  if (spec.maxNdim !== null && rank > spec.maxNdim) {
    throw new ShapeError(
      `${where}: expected ${what} of rank ${spec.maxNdim} or less${axes}, ${got}.`,
      rankHint(spec.maxNdim),
    );
  }
  if (spec.dtype !== null && x.dtype !== spec.dtype) {
    throw new DTypeError(
      `${where}: expected ${what} of dtype ${spec.dtype}, got ${x.dtype}.`,
      `Cast it: x.cast('${spec.dtype}').`,
    );
  }
  for (const [axis, size] of spec.axes) {
    const actual = x.shape.at(axis);
    if (size !== null && actual != null && actual !== size) {
      throw new ShapeError(
        `${where}: expected ${what} with ${size} along axis ${axis}, got ${formatShape(x.shape)} with ${actual}.`,
        'The size was fixed when the layer was built: feed data of that size, or make a new layer.',
      );
    }
  }
  if (spec.shape !== null && !fits(spec.shape, x.shape, spec.allowLastAxisSqueeze)) {
    throw new ShapeError(
      `${where}: expected ${what} of shape ${formatShape(spec.shape)}, got ${formatShape(x.shape)}.`,
      'Reshape the data: ops.reshape(x, shape); null stands for any size.',
    );
  }
}

function fits(expected: Shape, actual: Shape, squeeze: boolean): boolean {
  const trim = (shape: Shape): Shape =>
    squeeze && shape.length > 0 && shape[shape.length - 1] === 1 ? shape.slice(0, -1) : shape;
  const [wanted, given] = expected.length === actual.length ? [expected, actual] : [trim(expected), trim(actual)];
  return (
    wanted.length === given.length &&
    wanted.every((size, axis) => size === null || given[axis] === null || given[axis] === size)
  );
}
