import type { SerializedObject } from '../../core/configurable.js';
import type { DType } from '../../core/dtype.js';
import { ArgumentError, FileFormatError } from '../../core/errors.js';
import { customObject } from '../../core/family.js';
import { type Fields, is, optional, required, show } from '../../core/fields.js';
import { nameOfRegistered } from '../../core/registry.js';
import type { Shape } from '../../core/symbolic.js';
import { Tensor, tensor } from '../../core/tensor.js';
import { isPlainObject } from '../../core/tree.js';
import { type CallOptions, isShape, type LayerInputs, type MaskTree, mapShapes, type ShapeTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** What a {@link Lambda} computes: inputs as `apply` got them, then the layer's `arguments` with `training` and `mask`. */
export type LambdaFunction = (inputs: never, options: never) => unknown;

/** Options of {@link Lambda}. */
export interface LambdaOptions extends LayerOptions {
  /** The computation, written with `ops`; it may neither make weights nor read values. */
  function: LambdaFunction;
  /** Shape of one sample of the output, or a function from input shape to output shape, both with the batch. @default found by trying */
  outputShape?: Shape | ((inputShape: ShapeTree) => ShapeTree) | null;
  /** The outputs' mask, or a function of inputs and their mask. @default null: masks end here */
  mask?: Tensor | ((inputs: LayerInputs, mask: MaskTree) => MaskTree) | null;
  /** Further options of the function. @default {} */
  arguments?: Readonly<Record<string, unknown>> | null;
}

function functionChecker(value: unknown, where: string): LambdaFunction {
  const config = value as Partial<SerializedObject>;
  if (isPlainObject(value) && config.className === '__lambda__') {
    throw new FileFormatError(
      `${where}: expected a function's name, got the code of a Python lambda.`,
      'Code in files is never run: write the layer anew with a function of JavaScript.',
    );
  }
  if (!isPlainObject(value)) return is.function(value, where) as LambdaFunction;
  const known = customObject(String(config.config));
  if (config.className === 'function' && known !== undefined) return known as unknown as LambdaFunction;
  throw new FileFormatError(
    `${where}: expected the name of a registered function, got ${show(config.config)}.`,
    'Make it known first: utils.registerCustomObject(fn, name).',
  );
}

/** How a config holds a function: by its name, and only if that leads back to it. */
function functionConfig(fn: unknown, what: string): SerializedObject {
  const name = nameOfRegistered(fn as object) ?? (fn as { name: string }).name;
  if (customObject(name) !== fn) {
    throw new ArgumentError(
      `Lambda: ${what}: expected a registered function, got ${show(fn)}: a config holds names, never code.`,
      'Make it known first: utils.registerCustomObject(fn, name), with the name that the function has.',
    );
  }
  return { module: 'builtins', className: 'function', config: name as never, registeredName: 'function' };
}

function tensorConfig(mask: unknown): unknown {
  if (!(mask instanceof Tensor)) return null;
  return { className: '__tensor__', config: { value: mask.arraySync(), dtype: mask.dtype } };
}

function maskFrom(value: unknown, where: string): unknown {
  const { className, config } = (isPlainObject(value) ? value : {}) as Partial<SerializedObject>;
  if (className !== '__tensor__' || !isPlainObject(config)) return functionChecker(value, where);
  return tensor(config.value as boolean[], { dtype: config.dtype as DType });
}

/**
 * A function as a layer, for computations without weights. A layer of one's own says more, and can be saved without registering a function.
 *
 * Source: `keras.layers.Lambda`. Configs hold the name of a registered function; code is neither written nor run.
 *
 * @example
 * ```ts
 * new layers.Lambda({ function: (x: Tensor) => ops.square(x) }).apply(tensor([2, 3])); // [4, 9]
 * ```
 */
export class Lambda extends Layer {
  static override readonly className: string = 'Lambda';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { mask: null };
  static override readonly fields: Fields = {
    function: required(functionChecker, { toConfig: (fn: never) => functionConfig(fn, 'function') }),
    outputShape: optional(
      (value, where) => {
        if (isShape(value) || value === null) return value;
        return functionChecker(value, where);
      },
      null,
      { toConfig: (shape: unknown) => (typeof shape === 'function' ? functionConfig(shape, 'outputShape') : shape) },
    ),
    mask: optional(
      (value, where) => (value === null || value instanceof Tensor ? value : maskFrom(value, where)),
      null,
      { toConfig: (mask: unknown) => (typeof mask === 'function' ? functionConfig(mask, 'mask') : tensorConfig(mask)) },
    ),
    arguments: optional((value, where) => {
      if (value === null) return {};
      if (isPlainObject(value)) return value;
      throw new ArgumentError(`${where}: expected an object of options, got ${show(value)}.`);
    }, null),
  };

  declare readonly function: LambdaFunction;
  declare readonly outputShape: NonNullable<LambdaOptions['outputShape']> | null;
  declare readonly mask: NonNullable<LambdaOptions['mask']> | null;
  declare readonly arguments: Readonly<Record<string, unknown>>;
  override built = true;

  constructor(options: LambdaOptions) {
    super(options);
    this.supportsMasking = this.mask !== null;
    const { outputShape } = this;
    if (outputShape === null) return;
    // Only here: a layer with such a method is asked for shapes instead of being tried.
    Object.defineProperty(this, 'computeOutputShape', {
      value: (inputShape: ShapeTree): ShapeTree => {
        if (typeof outputShape === 'function') return outputShape(inputShape);
        let batch: number | null = null;
        mapShapes(inputShape, (shape) => {
          batch ??= shape[0] ?? null;
        });
        return [batch, ...outputShape];
      },
    });
  }

  override call(inputs: LayerInputs, { training, mask }: CallOptions = {}): unknown {
    return this.function(inputs as never, { ...this.arguments, training, mask } as never);
  }

  override computeMask(inputs: LayerInputs, mask: MaskTree): MaskTree {
    return typeof this.mask === 'function' ? this.mask(inputs, mask) : this.mask;
  }

  override getConfig(): Record<string, unknown> {
    const config = super.getConfig();
    // Where Keras leaves them out.
    for (const name of ['outputShape', 'mask']) if (config[name] === null) delete config[name];
    return config;
  }

  /** @internal */
  override twin(): Layer {
    const { name, trainable, dtypePolicy: dtype, outputShape, mask } = this;
    return new Lambda({
      name,
      trainable,
      dtype,
      function: this.function,
      outputShape,
      mask,
      arguments: this.arguments,
    });
  }
}
