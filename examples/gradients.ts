// Automatic gradients: the slope of any function that is written with ops.
// npm run example -- gradients --at 3
import { parseArgs } from 'node:util';
import { grad, ops, type Tensor, tensor, Variable, valueAndGrad } from 'torchlayers';

const { values } = parseArgs({ options: { at: { type: 'string' } } });
const at = Number(values.at ?? 3);

// grad(f) is the function's derivative: of x³ it is 3x², and its own derivative is 6x.
const cube = (x: Tensor): Tensor => ops.power(x, 3);
const slope = grad(cube);
const curvature = grad(slope);
const x = tensor(at);
console.log(`x = ${at}: x³ = ${cube(x).item()}, slope ${slope(x).item()}, curvature ${curvature(x).item()}`);

// Several arguments: argnums says which ones to differentiate by.
const area = (a: Tensor, b: Tensor): Tensor => ops.multiply(ops.square(a), b);
const [byA, byB] = grad(area, { argnums: [0, 1] })(tensor(2), tensor(5));
console.log(`a²b at (2, 5): ${byA.item()} by a, ${byB.item()} by b`);

// By Variables, as in training: value and gradients at once.
const w = new Variable([2, -1]);
const b = new Variable(0.5);
const loss = (): Tensor => ops.sum(ops.square(ops.add(ops.multiply(w, [1, 3]), b)));
const { value, grads } = valueAndGrad((_: Variable[]) => loss())([w, b]);
console.log(`loss ${value.item()}, by w: ${grads[0]?.arraySync()}, by b: ${grads[1]?.arraySync()}`);

// JavaScript's own loops and branches are just part of the function.
const powers = (y: Tensor): Tensor => {
  let sum = ops.zerosLike(y);
  for (let n = 1; n <= 4; n++) if (n % 2 === 0) sum = ops.add(sum, ops.power(y, n));
  return sum;
};
console.log(`slope of x² + x⁴ at 1: ${grad(powers)(tensor(1)).item()}`);

// stopGradient makes a part a constant; a minimum is where the slope is 0.
const half = (y: Tensor): Tensor => ops.multiply(ops.stopGradient(y), y);
console.log(`slope of x·x with one x held fast: ${grad(half)(x).item()}`);
const valley = (y: Tensor): Tensor => ops.square(ops.subtract(y, 1.5));
const place = new Variable(0);
for (let step = 0; step < 50; step++) place.assignSub(ops.multiply(grad(valley)(place), 0.1));
console.log(`the lowest point of (x - 1.5)² is at ${place.item().toFixed(3)}`);
