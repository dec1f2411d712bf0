import { native, type SessionHandle, type StepJob, type StepResult } from '../core/native.js';
import type { Program } from '../core/program.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';

/** What a job needs said; the rest has defaults. */
type Job = Partial<StepJob> & Pick<StepJob, 'data' | 'samples' | 'batchSize' | 'from' | 'to'>;

/** The native thread that runs steps. From its first job to `close` it owns the variables that the steps use. @internal */
export class TrainingThread {
  readonly #variables: () => readonly Variable[];
  #session: SessionHandle | null = null;
  #owning = false;

  /** `variables` is asked each time that the thread is opened: the first step may make some. */
  constructor(variables: () => readonly Variable[]) {
    this.#variables = variables;
  }

  /** Whether the variables belong to the thread. */
  get isOpen(): boolean {
    return this.#owning;
  }

  /** Takes the samples in a new order, which follows from the seed, in jobs that are shuffled. */
  shuffle(samples: number, seed: Tensor): void {
    native.sessionShuffle(this.#open(), samples, seed.handle);
  }

  /** Runs the steps of a job; an error names the line that recorded the failing operation. */
  async run(program: Program, job: Job): Promise<StepResult> {
    const full: StepJob = {
      program: program.handle,
      lastProgram: null,
      shuffled: false,
      collect: false,
      logs: null,
      onProgress: null,
      ...job,
    };
    try {
      return await native.sessionRun(this.#open(), full);
    } catch (error) {
      throw program.explain(error);
    }
  }

  /** Ends the running job after the step at hand. */
  stop(): void {
    if (this.#session !== null) native.sessionStop(this.#session);
  }

  /** Gives the variables back between two jobs; the next one takes those that it uses. The thread waits. */
  release(): void {
    if (this.#session !== null && this.#owning) native.sessionRelease(this.#session);
    this.#owning = false;
  }

  /** Ends the thread and gives the variables back; the next job starts another. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#owning = false;
    if (session !== null) await native.sessionClose(session);
  }

  #open(): SessionHandle {
    if (this.#session === null) {
      const handles = this.#variables().map((variable) => variable.handle);
      this.#session = native.sessionCreate(handles, native.threads());
    }
    this.#owning = true;
    return this.#session;
  }
}
