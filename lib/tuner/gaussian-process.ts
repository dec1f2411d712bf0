/** Where a function is thought to be: its mean and standard deviation at some points. */
export interface Posterior {
  mean: Float64Array;
  deviation: Float64Array;
}

const logBounds = [Math.log(1e-5), Math.log(1e5)] as const;
const sqrt5 = Math.sqrt(5);

/**
 * A Gaussian process over points of the unit cube: Matérn 5/2 kernel with one length scale, fitted by the marginal likelihood; values are standardized
 * first and `noise` is added to the diagonal.
 *
 * Source: Rasmussen and Williams 2006, algorithms 2.1 and 5.1; the same model as scikit-learn's `GaussianProcessRegressor(Matern(nu=2.5),
 * normalize_y=True)`.
 * @internal
 */
export class GaussianProcess {
  readonly #noise: number;
  #points: readonly Float64Array[] = [];
  #factor: Float64Array[] = [];
  #weights: Float64Array = new Float64Array();
  #mean = 0;
  #scale = 1;
  lengthScale = 1;

  constructor(noise: number) {
    this.#noise = noise;
  }

  /** Learns values at points. */
  fit(points: readonly Float64Array[], values: readonly number[]): void {
    const count = values.length;
    this.#points = points;
    this.#mean = values.reduce((sum, value) => sum + value, 0) / count;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - this.#mean) ** 2, 0) / count);
    this.#scale = spread > 0 ? spread : 1;
    const targets = Float64Array.from(values, (value) => (value - this.#mean) / this.#scale);
    const distances = points.map((a) => Float64Array.from(points, (b) => distance(a, b)));
    this.lengthScale = Math.exp(
      maximize((log) => this.#solve(distances, targets, Math.exp(log)).likelihood, logBounds),
    );
    const { factor, weights } = this.#solve(distances, targets, this.lengthScale);
    this.#factor = factor;
    this.#weights = weights;
  }

  /** Mean and standard deviation at other points. */
  predict(points: readonly Float64Array[]): Posterior {
    const mean = new Float64Array(points.length);
    const deviation = new Float64Array(points.length);
    points.forEach((point, i) => {
      const near = Float64Array.from(this.#points, (known) => matern(distance(point, known), this.lengthScale));
      const solved = forward(this.#factor, near);
      let [sum, explained] = [0, 0];
      for (let j = 0; j < near.length; j++) {
        sum += (near[j] as number) * (this.#weights[j] as number);
        explained += (solved[j] as number) ** 2;
      }
      mean[i] = this.#mean + this.#scale * sum;
      deviation[i] = this.#scale * Math.sqrt(Math.max(0, 1 - explained));
    });
    return { mean, deviation };
  }

  #solve(
    distances: readonly Float64Array[],
    targets: Float64Array,
    lengthScale: number,
  ): { factor: Float64Array[]; weights: Float64Array; likelihood: number } {
    const kernel = distances.map((row, i) =>
      Float64Array.from(row, (one, j) => matern(one, lengthScale) + (i === j ? this.#noise : 0)),
    );
    const factor = cholesky(kernel);
    if (factor === null) return { factor: [], weights: targets, likelihood: Number.NEGATIVE_INFINITY };
    const weights = backward(factor, forward(factor, targets));
    let likelihood = -0.5 * targets.length * Math.log(2 * Math.PI);
    for (let i = 0; i < targets.length; i++) {
      likelihood -= 0.5 * (targets[i] as number) * (weights[i] as number) + Math.log(factor[i]?.[i] as number);
    }
    return { factor, weights, likelihood };
  }
}

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.sqrt(sum);
}

function matern(distance: number, lengthScale: number): number {
  const scaled = (sqrt5 * distance) / lengthScale;
  return (1 + scaled + (scaled * scaled) / 3) * Math.exp(-scaled);
}

/** The lower triangular factor of a symmetric matrix; null if it is not positive definite. */
function cholesky(matrix: readonly Float64Array[]): Float64Array[] | null {
  const factor = matrix.map((row) => new Float64Array(row.length));
  for (let i = 0; i < matrix.length; i++) {
    const row = factor[i] as Float64Array;
    for (let j = 0; j <= i; j++) {
      const other = factor[j] as Float64Array;
      let sum = matrix[i]?.[j] as number;
      for (let k = 0; k < j; k++) sum -= (row[k] as number) * (other[k] as number);
      if (i === j && !(sum > 0)) return null;
      row[j] = i === j ? Math.sqrt(sum) : sum / (other[j] as number);
    }
  }
  return factor;
}

function forward(factor: readonly Float64Array[], right: Float64Array): Float64Array {
  const solved = new Float64Array(right.length);
  for (let i = 0; i < right.length; i++) {
    const row = factor[i] as Float64Array;
    let sum = right[i] as number;
    for (let k = 0; k < i; k++) sum -= (row[k] as number) * (solved[k] as number);
    solved[i] = sum / (row[i] as number);
  }
  return solved;
}

function backward(factor: readonly Float64Array[], right: Float64Array): Float64Array {
  const solved = new Float64Array(right.length);
  for (let i = right.length - 1; i >= 0; i--) {
    let sum = right[i] as number;
    for (let k = i + 1; k < right.length; k++) sum -= (factor[k]?.[i] as number) * (solved[k] as number);
    solved[i] = sum / (factor[i]?.[i] as number);
  }
  return solved;
}

/** Where a function of one number is largest: the best of an even grid, then golden section around it. */
function maximize(fn: (x: number) => number, [low, high]: readonly [number, number]): number {
  const steps = 40;
  const width = (high - low) / steps;
  let [best, at] = [Number.NEGATIVE_INFINITY, low];
  for (let i = 0; i <= steps; i++) {
    const value = fn(low + i * width);
    if (value > best) [best, at] = [value, low + i * width];
  }
  let [a, b] = [Math.max(low, at - width), Math.min(high, at + width)];
  const ratio = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < 30; i++) {
    const [left, right] = [b - ratio * (b - a), a + ratio * (b - a)];
    if (fn(left) > fn(right)) b = right;
    else a = left;
  }
  return (a + b) / 2;
}
