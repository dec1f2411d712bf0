import { autocastDType, withAutocast } from './autocast.js';
import { call } from './call.js';
import { type DType, isFloat, resultType } from './dtype.js';
import { ArgumentError, ShapeError, StateError, translateError } from './errors.js';
import { type Handle, native } from './native.js';
import { noteCallSite, suspendRecording } from './recording.js';
import { formatShape, Tensor, type TensorLike, tensor } from './tensor.js';
import { keep } from './tidy.js';

/** Options of a {@link Variable}. */
export interface VariableOptions {
  /** Element type. @default that of the initial value */
  dtype?: DType;
  /** Whether optimizers may change it. @default true */
  trainable?: boolean;
  /** Name, without its place in a model. @default 'variable' */
  name?: string;
  /** Whether layers of a mixed dtype policy read it in their compute dtype (float Variables only). @default true */
  autocast?: boolean;
  /** How replicas combine it: kept for Keras' configs. @default 'none' */
  aggregation?: 'none' | 'mean' | 'sum' | 'only_first_replica';
}

/** Lets an optimizer or layer veto or follow an assignment. @internal */
export type Constraint = (weight: Tensor) => Tensor;

/**
 * A tensor whose value can be replaced: a weight, a counter, the state of a metric. Shape and dtype never change.
 *
 * A Variable stands wherever a tensor does. Values that were read before an assignment stay as they were.
 *
 * @example
 * ```ts
 * const count = new Variable(0, { dtype: 'int32', trainable: false });
 * count.assignAdd(1);
 * count.item(); // 1
 * ```
 */
export class Variable extends Tensor {
  /** Whether optimizers may change it. */
  trainable: boolean;
  /** Name, without its place in a model. */
  readonly name: string;
  /** Name with its place in a model: 'sequential/dense/kernel'. Set by the layer that owns the variable. */
  path: string;
  /** How replicas combine it. */
  readonly aggregation: NonNullable<VariableOptions['aggregation']>;
  /** Whether layers of a mixed dtype policy read it in their compute dtype. */
  readonly autocast: boolean;
  /** Applied by optimizers after each update. */
  constraint: Constraint | null = null;
  /** Regularizer whose penalty the layer adds to its losses. */
  regularizer: ((weight: Tensor) => Tensor) | null = null;

  /**
   * @param initial the first value; or a function that makes it, which runs outside any recording, once
   * @throws {ArgumentError} for a value that is no tensor, number or array
   * @throws {StateError} for a tensor computed by the function being recorded: give a function instead
   */
  constructor(initial: TensorLike | (() => TensorLike), options: VariableOptions = {}) {
    const { trainable = true, name = 'variable', aggregation = 'none', autocast = true } = options;
    const handle = suspendRecording((): Handle => {
      const first = typeof initial === 'function' ? initial() : initial;
      if (first instanceof Tensor && !first.isDisposed && native.isMeta(first.handle)) {
        throw new StateError(
          `Variable "${name}": expected a value, got a tensor of the function being recorded.`,
          'A variable is made once, not at every step: pass a function, new Variable(() => ops.zeros([2])).',
        );
      }
      let value = tensor(first, first instanceof Tensor ? {} : { ...(options.dtype && { dtype: options.dtype }) });
      if (options.dtype !== undefined && value.dtype !== options.dtype)
        value = call('aten::to.dtype', value, options.dtype);
      try {
        return native.variable(value.handle, name);
      } catch (error) {
        throw translateError(error);
      }
    });
    super(handle);
    keep(this);
    this.trainable = trainable;
    this.name = name;
    this.path = name;
    this.aggregation = aggregation;
    this.autocast = autocast;
  }

  /** Element type that operations see: inside a layer of a mixed policy the compute dtype, else the variable's own. */
  override get dtype(): DType {
    return this.#castTo() ?? super.dtype;
  }

  /** The dtype to read it in, where that is not its own. */
  #castTo(): DType | null {
    const wanted = autocastDType();
    if (wanted === null || !this.autocast) return null;
    const own = super.dtype;
    return own === wanted || !isFloat(own) ? null : wanted;
  }

  /** @internal */
  override operand(): Handle {
    const wanted = this.#castTo();
    if (wanted === null) return super.operand();
    return withAutocast(null, () => call('aten::to.dtype', this, wanted)).handle;
  }

  /** The present value, as a tensor that later assignments don't change. */
  get value(): Tensor {
    try {
      const value = new Tensor(native.variableValue(this.live()));
      noteCallSite();
      return value;
    } catch (error) {
      throw translateError(error);
    }
  }

  /**
   * Replaces the value. Inside a recorded function this is a step of the program.
   * @throws {ShapeError} if the shape differs
   */
  assign(value: TensorLike): this {
    let source = value instanceof Tensor ? value : tensor(value, { dtype: super.dtype });
    if (source.shape.length !== this.shape.length || source.shape.some((size, axis) => size !== this.shape[axis])) {
      throw new ShapeError(
        `Variable "${this.path}": expected a value of shape ${formatShape(this.shape)}, got ${formatShape(source.shape)}.`,
        'A variable keeps its shape: make a new one for another shape.',
      );
    }
    if (source.dtype !== super.dtype) source = call('aten::to.dtype', source, super.dtype);
    try {
      native.assign(this.live(), source.handle);
      noteCallSite();
    } catch (error) {
      throw translateError(error);
    }
    return this;
  }

  /** Adds to the value, by broadcasting. The dtype stays the variable's. @throws {ShapeError} if the sum has another shape */
  assignAdd(value: TensorLike): this {
    return this.assign(call('aten::add.Tensor', this, this.#operand(value), 1));
  }

  /** Subtracts from the value, by broadcasting. The dtype stays the variable's. @throws {ShapeError} if the difference has another shape */
  assignSub(value: TensorLike): this {
    return this.assign(call('aten::sub.Tensor', this, this.#operand(value), 1));
  }

  #operand(value: TensorLike): Tensor {
    if (value instanceof Tensor) {
      resultType(this.dtype, value.dtype);
      return value;
    }
    if (typeof value === 'string')
      throw new ArgumentError('Variable: expected a tensor, number or array, got a string.');
    return tensor(value, { dtype: super.dtype });
  }

  /** 'Variable(dense/kernel: float32[784, 128])'. */
  override toString(): string {
    return this.isDisposed ? 'Variable(disposed)' : `Variable(${this.path}: ${this.dtype}${formatShape(this.shape)})`;
  }
}
