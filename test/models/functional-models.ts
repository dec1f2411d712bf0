import { Input, layers, Model, ops, Sequential, type SymbolicTensor } from '../../lib/index.js';

/** The graphs of scripts/golden/functional.py, written with this library. */
export const graphs: Readonly<Record<string, () => Model>> = {
  stack(): Model {
    const x = Input({ shape: [4], name: 'x' });
    const h = new layers.Dense({ units: 5, activation: 'relu' }).apply(x);
    return new Model({
      inputs: x,
      outputs: new layers.Dense({ units: 3 }).apply(new layers.Dropout({ rate: 0.25 }).apply(h)),
    });
  },

  branches(): Model {
    const [a, b] = [Input({ shape: [4], name: 'a' }), Input({ shape: [3], name: 'b' })];
    const dense = new layers.Dense({ units: 5 }).apply(a);
    const x = new layers.Softmax().apply(new layers.Dropout({ rate: 0.5 }).apply(dense));
    const y = new layers.Dense({ units: 5 }).apply(b);
    const z = new layers.Add().apply([x, y]);
    const shared = new layers.Dense({ units: 4, name: 'shared', kernelRegularizer: 'l2' });
    const p = shared.apply(z);
    const r = new layers.Reshape({ targetShape: [5, 1] }).apply(z);
    return new Model({ inputs: [a, b], outputs: { p, r, q: shared.apply(x) }, name: 'branches' });
  },

  nested(): Model {
    const a = Input({ shape: [4], name: 'a' });
    const inner = new Model({
      inputs: a,
      outputs: new layers.Dense({ units: 4, activation: 'tanh' }).apply(a),
      name: 'inner',
    });
    const stacked = new Sequential({
      layers: [Input({ shape: [4] }), new layers.Dense({ units: 2 }), new layers.Activation({ activation: 'relu' })],
      name: 'stacked',
    });
    const x = Input({ shape: [4], name: 'x' });
    const once = inner.apply(x);
    const twice = inner.apply(once);
    const joined = new layers.Concatenate({ name: 'joined' }).apply([stacked.apply(twice), once]);
    return new Model({ inputs: x, outputs: [joined, twice] });
  },

  pair(): Model {
    const [left, right] = [Input({ shape: [3], name: 'left' }), Input({ shape: [3], name: 'right' })];
    const total = new layers.Add({ name: 'total' }).apply([left, right]);
    const difference = new layers.Subtract({ name: 'difference' }).apply([left, right]);
    const inner = new Model({ inputs: { left, right }, outputs: [total, difference], name: 'pair' });
    const [u, v] = [Input({ shape: [3], name: 'u' }), Input({ shape: [3], name: 'v' })];
    const sides = inner.apply<[SymbolicTensor, SymbolicTensor]>({
      left: u,
      right: new layers.Dense({ units: 3 }).apply(v),
    });
    return new Model({ inputs: { u, v }, outputs: new layers.Dot({ axes: 1, normalize: true }).apply(sides) });
  },

  operations(): Model {
    const [a, b] = [Input({ shape: [4], name: 'a' }), Input({ shape: [null, 4], name: 'b' })];
    const h = new layers.Dense({ units: 4 }).apply(a);
    const x = ops.relu(ops.add(ops.multiply(h, 2.5), a));
    const y = ops.mean(ops.square(b), { axis: 1, keepdims: true });
    const z = ops.concatenate([ops.expandDims(x, 1), y], { axis: 1 });
    const [first, second] = ops.split(z, 2, { axis: 1 }) as [SymbolicTensor, SymbolicTensor];
    const weighted = ops.matmul(first, ops.transpose(second, { axes: [0, 2, 1] }));
    const largest = ops.reshape(weighted, [-1, 1]);
    const positive = ops.where(ops.greater(h, 0), h, 0.5);
    return new Model({ inputs: [a, b], outputs: [largest, ops.max(z, { axis: [1, 2] }), positive] });
  },

  shapes(): Model {
    const [image, steps] = [Input({ shape: [2, 3], name: 'image' }), Input({ shape: [null, 3], name: 'steps' })];
    const flat = new layers.Flatten().apply(image);
    const frozen = new layers.Dense({ units: 6, name: 'frozen', trainable: false }).apply(flat);
    const repeated = new layers.Permute({ dims: [2, 1] }).apply(new layers.RepeatVector({ n: 3 }).apply(frozen));
    const column = new layers.Reshape({ targetShape: [6, 1] }).apply(flat);
    const merged = new layers.Permute({ dims: [2, 1] });
    const product = new layers.Multiply().apply([repeated, column]);
    const largest = new layers.Maximum().apply([merged.apply(product), frozen]);
    return new Model({ inputs: [image, steps], outputs: [largest, new layers.Average().apply([steps, steps])] });
  },

  trainingFlag(): Model {
    const x = Input({ shape: [4], name: 'x' });
    const dense = new layers.Dense({ units: 3 }).apply(x);
    const h = new layers.Dropout({ rate: 0.5 }).apply(dense, { training: true });
    const noisy = new layers.GaussianNoise({ stddev: 0.1 }).apply(h);
    return new Model({ inputs: x, outputs: [noisy, h], name: 'flagged', trainable: false });
  },

  heads(): Model {
    const x = Input({ shape: [6], name: 'x' });
    const h = new layers.Dense({ units: 5, activation: 'relu', name: 'hidden' }).apply(x);
    const kind = new layers.Dense({ units: 3, activation: 'softmax', name: 'out_a' }).apply(h);
    return new Model({ inputs: x, outputs: [kind, new layers.Dense({ units: 1, name: 'out_b' }).apply(h)] });
  },

  namedHeads(): Model {
    const x = Input({ shape: [6], name: 'x' });
    const h = new layers.Dense({ units: 5, activation: 'relu', name: 'hidden' }).apply(x);
    const kind = new layers.Dense({ units: 3, activation: 'softmax', name: 'out_a' }).apply(h);
    const amount = new layers.Dense({ units: 1, name: 'out_b' }).apply(h);
    return new Model({ inputs: { x }, outputs: { kind, amount } });
  },
};
