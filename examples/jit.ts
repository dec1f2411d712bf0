// jit(fn) records what a function computes and runs it natively from then on.
// npm run example -- jit --rounds 2000
import { parseArgs } from 'node:util';
import { jit, ops, optimizers, random, type Tensor, tidy, Variable, valueAndGrad } from 'torchlayers';

const { values } = parseArgs({ options: { rounds: { type: 'string' } } });
const rounds = Number(values.rounds ?? 2000);

function time(name: string, run: () => unknown): number {
  for (let i = 0; i < 20; i++) tidy(run as () => Tensor);
  const start = performance.now();
  for (let i = 0; i < rounds; i++) tidy(run as () => Tensor);
  const microseconds = (1000 * (performance.now() - start)) / rounds;
  console.log(`  ${name.padEnd(8)}${microseconds.toFixed(1).padStart(8)} us a call`);
  return microseconds;
}

function compare(what: string, eager: () => unknown, recorded: () => unknown): void {
  console.log(what);
  const ratio = time('eager', eager) / time('jit', recorded);
  console.log(`  ${ratio.toFixed(1)} times as fast`);
}

// Many small operations: calling each from JavaScript costs more than computing it.
const polynomial = (x: Tensor): Tensor => {
  let sum = ops.zerosLike(x);
  for (let power = 1; power <= 10; power++) sum = ops.add(sum, ops.divide(ops.power(x, power), power));
  return ops.tanh(sum);
};
const fast = jit(polynomial);
const x = random.uniform([64], { seed: 1 });
compare(
  'a polynomial of 64 numbers',
  () => polynomial(x),
  () => fast(x),
);

// A whole training step: forward pass, gradients, update of the Variables.
const data = random.normal([32, 10], { seed: 2 });
const target = ops.sum(data, { axis: 1, keepdims: true });
const makeStep = (): (() => Tensor) => {
  const weights = [
    new Variable(random.normal([10, 16], { seed: 3 })),
    new Variable(random.normal([16, 1], { seed: 4 })),
  ];
  const [hidden, out] = weights as [Variable, Variable];
  const optimizer = new optimizers.SGD({ learningRate: 0.001 });
  optimizer.build(weights);
  const gradients = valueAndGrad((_: Variable[]) =>
    ops.mean(ops.square(ops.subtract(ops.matmul(ops.tanh(ops.matmul(data, hidden)), out), target))),
  );
  return () => {
    const { value, grads } = gradients(weights);
    optimizer.apply(grads, weights);
    return value;
  };
};
const [eagerStep, recordedStep] = [makeStep(), jit(makeStep())];
compare('a step of training', eagerStep, recordedStep);
console.log(
  `after as many steps: loss ${eagerStep().item().toFixed(5)} eagerly, ${recordedStep().item().toFixed(5)} recorded`,
);

// One program for each shape that comes; it can be read as text.
fast(random.uniform([8], { seed: 5 }));
console.log(`programs of the polynomial: ${fast.programs.length}; the shortest begins`);
console.log(fast.programs.at(-1)?.toString({ lines: false }).split('\n').slice(0, 4).join('\n'));
