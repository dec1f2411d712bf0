import type { Fields } from '../../lib/core/fields.js';
import { is, Layer, layers, Model, ops, optional, required, type Tensor, type Variable } from '../../lib/index.js';
import { registerKerasSerializable } from '../../lib/saving/index.js';

/** The classes and functions of scripts/golden/saving_objects.py. */

const golden = registerKerasSerializable({ package: 'golden' });

export class Scale extends Layer {
  static override readonly fields: Fields = { factor: optional(is.number(), 1) };
  declare readonly factor: number;
  private weight!: Variable;
  private count!: Variable;
  override build(inputShape: readonly (number | null)[]): void {
    this.weight = this.addWeight({ shape: [inputShape.at(-1) as number], initializer: 'ones', name: 'weight' });
    this.count = this.addWeight({ shape: [], initializer: 'zeros', trainable: false, name: 'count' });
  }
  override call(x: Tensor): Tensor {
    return ops.add(ops.multiply(ops.multiply(x, this.weight), this.factor), this.count);
  }
}

export class Blocks extends Layer {
  static override readonly fields: Fields = { units: required(is.integer({ min: 1 })) };
  declare readonly units: number;
  tower: (Layer | Layer[])[];
  byName: Record<string, Layer>;
  _last: Layer = new layers.Dense({ units: 2 });
  alias: Layer = this._last;
  private offset!: Variable;
  constructor(options: { units: number; name?: string }) {
    super(options);
    const { units } = this;
    const dense = (): Layer => new layers.Dense({ units });
    this.tower = [dense(), [dense(), new layers.BatchNormalization()], dense()];
    this.byName = { z: dense(), a: new Scale({ factor: 0.5 } as never) };
  }
  override build(inputShape: readonly (number | null)[]): void {
    this.offset = this.addWeight({ shape: [2], initializer: 'zeros', name: 'offset' });
    let shape = inputShape;
    for (const layer of [...this.stack(), this._last]) {
      layer.build(shape);
      layer.built = true;
      shape = layer.computeOutputShape(shape) as readonly (number | null)[];
    }
  }
  override call(x: Tensor): Tensor {
    let y = x;
    for (const layer of this.stack()) y = layer.apply(y);
    return ops.add(this._last.apply<Tensor>(y), this.offset);
  }
  stack(): Layer[] {
    return [...(this.tower.flat() as Layer[]), this.byName.z as Layer, this.byName.a as Layer];
  }
}

export class Regression extends Model {
  static override readonly fields: Fields = { units: required(is.integer({ min: 1 })) };
  declare readonly units: number;
  hidden: Layer;
  out: Layer = new layers.Dense({ units: 1 });
  constructor(options: { units: number; name?: string }) {
    super(options as never);
    this.hidden = new layers.Dense({ units: this.units, activation: 'relu' });
  }
  override call(x: Tensor): Tensor {
    return this.out.apply(this.hidden.apply<Tensor>(x));
  }
}

export function cubed(x: Tensor): Tensor {
  return ops.power(x, 3);
}

export function doubled(x: Tensor): Tensor {
  return ops.multiply(x, 2);
}

for (const object of [Scale, Blocks, Regression, cubed, doubled]) golden(object as never);
