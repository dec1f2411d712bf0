import { describe, expect, it } from 'vitest';
import { jit, Layer, layers, ops, type Tensor, tensor, type Variable, valueAndGrad } from '../../lib/index.js';

class Scale extends Layer {
  declare factor: Variable;
  declare count: Variable;
  override build(): void {
    this.factor = this.addWeight({ name: 'factor', shape: [2], initializer: 'ones' });
    this.count = this.addWeight({ name: 'count', shape: [], initializer: 'zeros', trainable: false, autocast: false });
  }
  override call(x: Tensor): Tensor {
    this.count.assignAdd(1);
    return ops.multiply(x, this.factor);
  }
}

describe('a mixed dtype policy', () => {
  it("reads a user's weights in the compute dtype, and keeps and trains them in float32", () => {
    for (const dtype of ['mixed_float16', 'mixed_bfloat16'] as const) {
      const layer = new Scale({ dtype });
      const x = tensor([[1, 2]]);
      const y = layer.apply<Tensor>(x);
      const half = dtype === 'mixed_float16' ? 'float16' : 'bfloat16';
      expect([y.dtype, layer.factor.dtype, layer.count.dtype]).toEqual([half, 'float32', 'float32']);
      expect(y.arraySync()).toEqual([[1, 2]]);
      expect(layer.count.item()).toBe(1);
      expect(jit((input: Tensor) => layer.apply<Tensor>(input))(x).dtype).toBe(half);
      const loss = (): Tensor => ops.sum(ops.cast(layer.apply<Tensor>(x), 'float32'));
      const { grads } = valueAndGrad((_: Variable[]) => loss())([layer.factor]);
      expect(grads.map((g) => [g.dtype, g.arraySync()])).toEqual([['float32', [1, 2]]]);
    }
  });

  it('ends with the layer: inner layers follow their own policy', () => {
    const inner = new Scale({ dtype: 'float32' });
    class Outer extends Layer {
      readonly inner = inner;
      override call(x: Tensor): Tensor {
        return this.inner.apply<Tensor>(x);
      }
    }
    expect(new Outer({ dtype: 'mixed_float16' }).apply<Tensor>(tensor([[1, 2]])).dtype).toBe('float32');
    expect(new layers.Dense({ units: 2, dtype: 'mixed_float16' }).apply<Tensor>(tensor([[1, 2]])).dtype).toBe(
      'float16',
    );
  });
});
