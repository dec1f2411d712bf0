// Random small programs: eager code, recordings and a training thread must agree, and gradients must be those that differences show.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { grad, noGrad, valueAndGrad } from '../../lib/core/autograd.js';
import { call } from '../../lib/core/call.js';
import { cond } from '../../lib/core/control.js';
import { native } from '../../lib/core/native.js';
import { jit, record } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { tidy } from '../../lib/core/tidy.js';
import { Variable } from '../../lib/core/variable.js';

const LENGTH = 3;

type Expr =
  | { op: 'input'; index: number }
  | { op: 'variable'; index: number }
  | { op: 'constant'; value: number }
  | { op: 'relu' | 'sum' | 'noGrad' | 'recorded'; a: Expr }
  | { op: 'add' | 'sub' | 'mul'; a: Expr; b: Expr }
  | { op: 'cond'; predicate: Expr; a: Expr; b: Expr }
  // Gradient of the sum of `body`: by a new innermost input that starts as `a`; or by a variable.
  | { op: 'grad'; body: Expr; a: Expr }
  | { op: 'gradOfVariable'; body: Expr; index: number };

interface Statement {
  variable: number;
  value: Expr;
}

interface Source {
  before: Statement[];
  inside: Statement[];
  value: Expr;
  after: Statement[];
}

const f64 = (values: readonly number[]): Tensor => tensor(values, { dtype: 'float64' });
const sum = (x: Tensor): Tensor => call('aten::sum', x);

/** `inputs`: the innermost last. */
function evaluate(expr: Expr, inputs: readonly Tensor[], variables: readonly Variable[]): Tensor {
  const at = (part: Expr, given = inputs): Tensor => evaluate(part, given, variables);
  switch (expr.op) {
    case 'input':
      return inputs[expr.index % inputs.length] as Tensor;
    case 'variable':
      return variables[expr.index] as Variable;
    case 'constant':
      return f64(Array(LENGTH).fill(expr.value));
    case 'relu':
      return call('aten::relu', at(expr.a));
    case 'sum':
      return call('aten::expand', sum(at(expr.a)), [LENGTH]);
    case 'noGrad':
      return noGrad(() => at(expr.a));
    case 'recorded':
      return jit((...given: Tensor[]) => at(expr.a, given))(...inputs);
    case 'add':
      return call('aten::add.Tensor', at(expr.a), at(expr.b), 1);
    case 'sub':
      return call('aten::sub.Tensor', at(expr.a), at(expr.b), 1);
    case 'mul':
      return call('aten::mul.Tensor', at(expr.a), at(expr.b));
    case 'cond':
      return cond(
        call('aten::gt.Scalar', sum(at(expr.predicate)), 0),
        () => at(expr.a),
        () => at(expr.b),
      );
    case 'grad':
      return grad((x: Tensor) => sum(at(expr.body, [...inputs, x])))(at(expr.a));
    case 'gradOfVariable':
      return grad((_: Variable) => sum(at(expr.body)))(variables[expr.index] as Variable);
  }
}

function assignAll(statements: readonly Statement[], x: Tensor, variables: readonly Variable[]): void {
  for (const { variable, value } of statements) variables[variable]?.assign(evaluate(value, [x], variables));
}

/** The program as a function: value, gradients by the Variables and by the input. */
function meaning(source: Source, variables: readonly Variable[]): (x: Tensor) => Tensor[] {
  return (x) => {
    assignAll(source.before, x, variables);
    const { value, grads } = valueAndGrad(
      (_: readonly Variable[], input: Tensor) => {
        assignAll(source.inside, input, variables);
        return sum(evaluate(source.value, [input], variables));
      },
      { argnums: [0, 1] },
    )(variables, x);
    assignAll(source.after, x, variables);
    return [value, ...grads[0], grads[1]];
  };
}

function expressions(withNoGrad: boolean): fc.Arbitrary<Expr> {
  const index = fc.nat(1);
  return fc.letrec<{ expr: Expr }>((tie) => {
    const a = tie('expr');
    const unary = fc.record({ op: fc.constantFrom('relu', 'sum', 'recorded', ...(withNoGrad ? ['noGrad'] : [])), a });
    return {
      expr: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.record({ op: fc.constant('input'), index: fc.nat(3) }),
        fc.record({ op: fc.constant('variable'), index }),
        fc.record({ op: fc.constant('constant'), value: fc.constantFrom(-1.25, 0.5, 1.5) }),
        fc.record({ op: fc.constantFrom('add', 'sub', 'mul', 'mul'), a, b: a }),
        unary,
        fc.record({ op: fc.constant('cond'), predicate: a, a, b: a }),
        fc.record({ op: fc.constant('grad'), body: a, a }),
        fc.record({ op: fc.constant('gradOfVariable'), body: a, index }),
      ) as fc.Arbitrary<Expr>,
    };
  }).expr;
}

function sources(withNoGrad: boolean): fc.Arbitrary<Source> {
  const value = expressions(withNoGrad);
  const statements = fc.array(fc.record({ variable: fc.nat(1), value }), { maxLength: 2 });
  return fc.record({ before: statements, inside: statements, value, after: statements });
}

const start = [
  [0.31, -0.72, 1.13],
  [-0.47, 0.84, 0.29],
] as const;
const x0 = [0.53, -1.21, 0.67];
const [first, second] = [new Variable(f64(start[0])), new Variable(f64(start[1]))];
const variables = [first, second];
const reset = (values: readonly (readonly number[])[] = start): void => {
  for (const [i, variable] of variables.entries()) variable.assign(f64(values[i] as number[]));
};
const numbers = (tensors: readonly Tensor[]): number[][] => tensors.map((t) => Array.from(t.dataSync(), Number));

/** What a run of the program answers, and what it leaves in the Variables. */
function outcome(run: (x: Tensor) => Tensor[], rounds = 1): number[][] {
  return tidy(() => {
    reset();
    let results: number[][] = [];
    for (let round = 0; round < rounds; round++) results = numbers(run(f64(x0)));
    return [...results, ...numbers(variables)];
  });
}

function expectClose(actual: number[][], expected: number[][], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, row] of expected.entries()) {
    for (const [j, value] of row.entries()) {
      const got = actual[i]?.[j] as number;
      if (Object.is(got, value) || Number.isNaN(value)) continue;
      expect(Math.abs(got - value), `${i}, ${j}: ${got} for ${value}`).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(value)),
      );
    }
  }
}

const finite = (rows: number[][]): boolean => rows.flat().every((value) => Math.abs(value) < 1e6);

describe('random programs', () => {
  const outputs = [0, 1, 2, 3].map((i) => new Variable(i === 0 ? f64([0]) : f64(x0)));
  const session = native.sessionCreate([], 1);
  afterAll(() => native.sessionClose(session));

  it('do the same eagerly, recorded, and replayed', () => {
    fc.assert(
      fc.property(sources(true), (source) => {
        for (const rounds of [1, 2]) {
          const eager = outcome(meaning(source, variables), rounds);
          if (!finite(eager)) return;
          expectClose(outcome(jit(meaning(source, variables)), rounds), eager, 1e-9);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('do the same on a training thread', async () => {
    await fc.assert(
      fc.asyncProperty(sources(true), async (source) => {
        const eager = outcome(meaning(source, variables), 2);
        if (!finite(eager)) return;
        reset();
        const program = record([{ shape: [LENGTH], dtype: 'float64', device: 'cpu' }], ([x]) => {
          const results = meaning(source, variables)(x as Tensor);
          for (const [i, result] of results.entries()) {
            outputs[i]?.assign(call('aten::reshape', result, [i === 0 ? 1 : LENGTH]));
          }
          return [];
        });
        const data = f64([...x0, ...x0]);
        await native.sessionRun(session, {
          program: program.handle,
          lastProgram: null,
          data: [data.handle],
          samples: 2 * LENGTH,
          batchSize: LENGTH,
          from: 0,
          to: 2,
          shuffled: false,
          collect: false,
          logs: null,
          onProgress: null,
        });
        native.sessionRelease(session);
        expectClose(numbers([...outputs, ...variables]), eager, 1e-9);
      }),
      { numRuns: 150 },
    );
  });

  it('have the gradients that differences show', () => {
    const step = 1e-5;
    fc.assert(
      fc.property(sources(false), (source) => {
        const run = jit(meaning({ ...source, before: [], after: [] }, variables));
        const valueAt = (place: number, by: number): number =>
          tidy(() => {
            const at = [...start, x0].map((row, i) => row.map((value, j) => value + (3 * i + j === place ? by : 0)));
            reset(at);
            return Number(run(f64(at[2] as number[]))[0]?.item());
          });
        const [, ...gradients] = outcome(run).slice(0, 4);
        if (!finite(gradients)) return;
        const flat = gradients.flat();
        for (const [place, gradient] of flat.entries()) {
          const difference = (h: number): number => (valueAt(place, h) - valueAt(place, -h)) / (2 * h);
          const estimate = difference(step);
          // At a kink (relu, cond) differences of two widths disagree, and there is no gradient to compare with.
          const scale = Math.max(1, Math.abs(estimate), Math.abs(gradient));
          if (Math.abs(estimate - difference(step / 4)) > 1e-5 * scale || !Number.isFinite(estimate)) return;
          expect(Math.abs(gradient - estimate), `${place}: ${gradient}, by differences ${estimate}`).toBeLessThan(
            1e-4 * scale,
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});
