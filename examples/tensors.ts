// Tensors and variables: what they are, how they are made, what can be computed with them.
// npm run example -- tensors
import { ops, random, tensor, Variable } from 'torchlayers';

// A tensor is an array of numbers with a shape and a type; it never changes.
const scalar = tensor(7);
const vector = tensor([1, 2, 3]);
const matrix = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const bytes = tensor(new Uint8Array(28 * 28), { shape: [28, 28] });
for (const [name, value] of Object.entries({ scalar, vector, matrix, bytes })) {
  console.log(`${name}: shape [${value.shape.join(', ')}], ${value.dtype}, on ${value.device}`);
}

// Values are read back on demand: as nested arrays, as one typed array, or a single number.
console.log('matrix:', await matrix.array());
console.log('as a typed array:', await matrix.data());
console.log('one number:', scalar.item());

// Operations are functions in ops; the common ones are methods too. Shapes that differ are broadcast.
console.log('matrix + vector:', ops.add(matrix, vector).arraySync());
console.log('the same:', matrix.add(vector).arraySync());
console.log('matrix times its transpose:', ops.matmul(matrix, ops.transpose(matrix)).arraySync());
console.log('mean of each row:', ops.mean(matrix, { axis: 1 }).arraySync());
console.log('reshaped and cast:', matrix.reshape([3, 2]).cast('int32').arraySync());
console.log('where larger than 3:', ops.where(ops.greater(matrix, 3), matrix, 0).arraySync());

// Ready-made ones: zeros, ones, ranges, random numbers. The same seed gives the same numbers everywhere.
console.log('zeros:', ops.zeros([2, 2]).arraySync(), 'range:', ops.arange(0, 10, 3).arraySync());
console.log(
  'random:',
  random.normal([2], { seed: 1 }).arraySync(),
  'again:',
  random.normal([2], { seed: 1 }).arraySync(),
);

// A Variable keeps a value that changes: weights are Variables. A tensor that was read from it stays what it was.
const weight = new Variable([[1, 2]], { name: 'weight' });
const before = weight.value;
weight.assign([[3, 4]]);
weight.assignAdd([[0.5, 0.5]]);
console.log('variable:', weight.arraySync(), 'and before:', before.arraySync());
