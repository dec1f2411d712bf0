import { type Fields, is, optional } from '../core/fields.js';
import { drawNew } from './algorithms.js';
import type { Suggestion } from './store.js';
import { type Bracket, ranked, type Trial } from './trial.js';
import { type SearchState, Tuner, type TunerOptions } from './tuner.js';

/** Options of {@link Hyperband}. */
export interface HyperbandOptions extends Omit<TunerOptions, 'maxTrials'> {
  /** Epochs that the best models are trained for. @default 100 */
  maxEpochs?: number;
  /** One in `factor` trials goes on to the next round, which trains about `factor` times as long. At least 2. @default 3 */
  factor?: number;
  /** Sweeps over all brackets. @default 1 */
  hyperbandIterations?: number;
}

/**
 * Trains many models for a few epochs and the better ones for longer, in brackets that differ in how hard they choose.
 *
 * Bracket b, from the largest to 0, starts about `factor^b` models with `maxEpochs / factor^b` epochs each; a model that goes on does so from the weights
 * of its best epoch.
 *
 * Source: Li et al. 2018, "Hyperband"; KerasTuner `Hyperband`. One difference: a failed trial does not hold up its round.
 *
 * @throws {ArgumentError} for an option of a wrong type
 * @example
 * ```ts
 * new tuner.Hyperband({ hypermodel: build, objective: 'val_accuracy', maxEpochs: 9, projectName: 'hyperband' });
 * ```
 */
export class Hyperband extends Tuner {
  static override readonly className: string = 'Hyperband';
  static override readonly fields: Fields = {
    maxTrials: optional(is.anything, null, { takes: false }),
    maxEpochs: optional(is.integer({ min: 1 }), 100),
    factor: optional(is.number({ min: 2 }), 3),
    hyperbandIterations: optional(is.integer({ min: 1 }), 1),
  };
  declare readonly maxEpochs: number;
  declare readonly factor: number;
  declare readonly hyperbandIterations: number;

  constructor(options: HyperbandOptions) {
    super(options as TunerOptions);
    Object.defineProperty(this, 'maxTrials', { value: null });
  }

  protected override suggest({ space, trials, goal, draw }: SearchState): Suggestion {
    for (let iteration = 0; iteration < this.hyperbandIterations; iteration++) {
      for (let bracket = this.#brackets() - 1; bracket >= 0; bracket--) {
        const members = trials.filter(
          (trial) => trial.bracket?.iteration === iteration && trial.bracket.bracket === bracket,
        );
        const round = (number: number): Trial[] => members.filter((trial) => trial.bracket?.round === number);
        const place = (number: number, from: number | null): Bracket => ({
          iteration,
          bracket,
          round: number,
          epochs: this.#epochs(bracket, number),
          initialEpoch: number === 0 ? 0 : this.#epochs(bracket, number - 1),
          from,
        });
        if (round(0).length < this.#size(bracket, 0)) {
          const values = drawNew(space, trials, draw);
          // Nothing new to draw: what runs may still go on to the next round.
          if (values !== null) return { next: 'run', values, bracket: place(0, null) };
        }
        for (let number = 1; number <= bracket; number++) {
          const chosen = this.#promote(round(number - 1), round(number), bracket, number, goal.direction);
          if (chosen !== null) {
            return { next: 'run', values: { ...chosen.values }, bracket: place(number, chosen.id) };
          }
        }
      }
    }
    return { next: trials.some((trial) => trial.status === 'running') ? 'wait' : 'stop' };
  }

  /** The best trial of a round that goes on to the next; null while it can't be known. */
  #promote(
    past: readonly Trial[],
    next: readonly Trial[],
    bracket: number,
    number: number,
    direction: 'min' | 'max',
  ): Trial | null {
    const size = this.#size(bracket, number);
    if (next.length >= size) return null;
    const gone = new Set(next.map((trial) => trial.bracket?.from));
    const ready = ranked(past, direction).filter((trial) => !gone.has(trial.id));
    const failed = past.filter((trial) => trial.status === 'failed' || trial.status === 'invalid').length;
    // One is sure to go on when more have ended than will be left behind.
    const leftBehind = this.#size(bracket, number - 1) - size;
    return ready.length + failed > leftBehind ? (ready[0] ?? null) : null;
  }

  /** Trials of a round, so that each bracket takes about as many epochs. */
  #size(bracket: number, round: number): number {
    // Less a little: log(9) / log(3) is above 2 by its last bit.
    const last = Math.ceil(1 + Math.log(this.maxEpochs) / Math.log(this.factor) - 1e-9);
    return Math.ceil((last / (bracket + 1)) * this.factor ** (bracket - round));
  }

  #epochs(bracket: number, round: number): number {
    return Math.ceil(this.maxEpochs / this.factor ** (bracket - round));
  }

  #brackets(): number {
    let brackets = 0;
    for (let epochs = this.maxEpochs; epochs >= 1; epochs /= this.factor) brackets++;
    return brackets;
  }
}
