import type { ParameterValue } from './parameter.js';
import type { Suggestion } from './store.js';

/** Where a trial stands: 'invalid' ended with a score that is no number, 'failed' with an error. */
export type TrialStatus = 'running' | 'completed' | 'failed' | 'invalid';

/** Where Hyperband put a trial. */
export interface Bracket {
  /** Sweep over all brackets, from 0. */
  iteration: number;
  bracket: number;
  round: number;
  /** Epochs that the trial ends at, and starts from. */
  epochs: number;
  initialEpoch: number;
  /** The trial whose weights it goes on with; null in round 0. */
  from: number | null;
}

/** One choice of hyperparameters and what came of it. */
export interface Trial {
  /** From 0, in the order of their start. */
  readonly id: number;
  readonly status: TrialStatus;
  /** Values of the hyperparameters that count. */
  readonly values: Readonly<Record<string, ParameterValue>>;
  /** The objective, averaged over executions, at the best epoch of each; null before the end. */
  readonly score: number | null;
  /** All numbers of those epochs. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The epoch of the score, from 0. */
  readonly bestEpoch: number | null;
  /** Seconds that the trial took. */
  readonly seconds: number | null;
  /** What went wrong. */
  readonly message: string | null;
  /** Set by Hyperband. */
  readonly bracket: Bracket | null;
}

/** Trials that ended with a score, the best first. @internal */
export function ranked(trials: readonly Trial[], direction: 'min' | 'max'): Trial[] {
  const done = trials.filter((trial) => trial.status === 'completed' && trial.score !== null);
  const sign = direction === 'min' ? 1 : -1;
  return done.sort((a, b) => sign * ((a.score as number) - (b.score as number)) || a.id - b.id);
}

/** What to do where no trial is left to begin: others may still end with new hyperparameters, or be killed and leave theirs. @internal */
export function endOf(trials: readonly Trial[]): Suggestion {
  return { next: trials.some((trial) => trial.status === 'running') ? 'wait' : 'stop' };
}
