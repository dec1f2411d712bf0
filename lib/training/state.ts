import type { Program } from '../core/program.js';
import type { Variable } from '../core/variable.js';
import type { Compiled } from './compile.js';
import type { LogsProgram, StepKind } from './steps.js';

/** First come, first served: one `fit`, `evaluate` or `predict` at a time uses a model's variables. @internal */
export class Turns {
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Others that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Waits for the turn and answers what ends it. */
  async acquire(): Promise<() => void> {
    const before = this.#tail;
    let done: () => void = () => {};
    this.#tail = new Promise((resolve) => {
      done = resolve;
    });
    this.#waiting++;
    await before;
    this.#waiting--;
    return done;
  }
}

/** What a model keeps for training, beside its layers. @internal */
export class TrainingState {
  compiled: Compiled | null = null;
  readonly turns: Turns = new Turns();
  /** True from the call of `fit` until its promise settles. */
  fitting = false;
  /** True while `fit` waits for a hook that may use the model. */
  hookOpen = false;
  stopTraining = false;
  /** Called when `stopTraining` is set. */
  onStop: (() => void) | null = null;
  /** Recorded steps by kind and signature. */
  readonly programs: Map<string, Program> = new Map();
  /** Numbers that a user's own step reports, kept between steps: by kind and name. */
  readonly reported: Map<StepKind, Map<string, Variable>> = new Map();
  /** Programs that answer the numbers to show. */
  readonly logs: Map<StepKind, LogsProgram> = new Map();
  /** Counts resets and updates of metrics by `evaluate` and `testOnBatch`, so that an epoch around them can put its own back. */
  metricsTouched = 0;

  /** Forgets everything recorded. */
  clear(): void {
    this.programs.clear();
    this.reported.clear();
    this.logs.clear();
  }
}
