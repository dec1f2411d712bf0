/** Windows by name, as SciPy's `signal.windows` defines them; those with a parameter have SciPy's default. */
export type WindowName = (typeof windowNames)[number];

/** All names of {@link WindowName}. */
export const windowNames = [
  'barthann',
  'bartlett',
  'blackman',
  'blackmanharris',
  'bohman',
  'boxcar',
  'cosine',
  'exponential',
  'flattop',
  'hamming',
  'hann',
  'lanczos',
  'nuttall',
  'parzen',
  'taylor',
  'triang',
  'tukey',
] as const;

/** Weight of place `n` of `M` places. */
type Weight = (n: number, M: number) => number;

// Sum of a_k cos(k t) for t from -pi to pi.
function cosines(...a: number[]): Weight {
  return (n, M) => {
    const t = -Math.PI + (2 * Math.PI * n) / (M - 1);
    return a.reduce((sum, factor, k) => sum + factor * Math.cos(k * t), 0);
  };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

// Half the side of a cosine, flat over the middle half.
function tukey(n: number, M: number): number {
  const alpha = 0.5;
  const width = Math.floor((alpha * (M - 1)) / 2);
  const edge = n <= width ? n : n >= M - width - 1 ? M - 1 - n : null;
  return edge === null ? 1 : 0.5 * (1 + Math.cos(Math.PI * (-1 + (2 * edge) / alpha / (M - 1))));
}

// Taylor's weights for 4 side lobes of equal height, 30 dB below the main one. Source: Carrara et al., Spotlight Synthetic Aperture Radar, 1995.
function taylorFactors(): number[] {
  const lobes = 4;
  const a = Math.acosh(10 ** (30 / 20)) / Math.PI;
  const spread = lobes ** 2 / (a ** 2 + (lobes - 0.5) ** 2);
  const orders = Array.from({ length: lobes - 1 }, (_, i) => i + 1);
  return orders.map((m) => {
    const above = orders.reduce((p, k) => p * (1 - m ** 2 / spread / (a ** 2 + (k - 0.5) ** 2)), 1);
    const below = orders.reduce((p, k) => (k === m ? p : p * (1 - m ** 2 / k ** 2)), 2);
    return ((m % 2 === 1 ? 1 : -1) * above) / below;
  });
}

function taylor(n: number, M: number): number {
  const factors = taylorFactors();
  const at = (place: number): number =>
    factors.reduce(
      (sum, factor, i) => sum + 2 * factor * Math.cos((2 * Math.PI * (i + 1) * (place - M / 2 + 0.5)) / M),
      1,
    );
  return at(n) / at((M - 1) / 2);
}

function parzen(n: number, M: number): number {
  const distance = Math.abs(n - (M - 1) / 2);
  const share = distance / (M / 2);
  return distance <= (M - 1) / 4 ? 1 - 6 * share ** 2 + 6 * share ** 3 : 2 * (1 - share) ** 3;
}

function bohman(n: number, M: number): number {
  if (n === 0 || n === M - 1) return 0;
  const share = Math.abs((2 * n) / (M - 1) - 1);
  return (1 - share) * Math.cos(Math.PI * share) + Math.sin(Math.PI * share) / Math.PI;
}

const weights: Readonly<Record<WindowName, Weight>> = {
  barthann: (n, M) => {
    const share = Math.abs(n / (M - 1) - 0.5);
    return 0.62 - 0.48 * share + 0.38 * Math.cos(2 * Math.PI * share);
  },
  bartlett: (n, M) => 1 - Math.abs((2 * n) / (M - 1) - 1),
  blackman: cosines(0.42, 0.5, 0.08),
  blackmanharris: cosines(0.35875, 0.48829, 0.14128, 0.01168),
  bohman,
  boxcar: () => 1,
  cosine: (n, M) => Math.sin((Math.PI / M) * (n + 0.5)),
  exponential: (n, M) => Math.exp(-Math.abs(n - (M - 1) / 2)),
  flattop: cosines(0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
  hamming: cosines(0.54, 0.46),
  hann: cosines(0.5, 0.5),
  lanczos: (n, M) => sinc((2 * n) / (M - 1) - 1),
  nuttall: cosines(0.3635819, 0.4891775, 0.1365995, 0.0106411),
  parzen,
  taylor,
  triang: (n, M) => {
    const place = Math.min(n, M - 1 - n) + 1;
    return M % 2 === 0 ? (2 * place - 1) / M : (2 * place) / (M + 1);
  },
  tukey,
};

/** The values of a window. A periodic one is a symmetric one that is longer by one place, without its last. @internal */
export function windowValues(name: WindowName, length: number, periodic: boolean): number[] {
  if (length <= 1) return new Array<number>(length).fill(1);
  const places = periodic ? length + 1 : length;
  return Array.from({ length }, (_, n) => weights[name](n, places));
}
