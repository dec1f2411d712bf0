import { loadAddon } from './loader.js';

/** A native tensor or variable as JavaScript holds it: opaque, tagged, freed by the garbage collector. @internal */
export interface Handle {
  readonly __brand: 'torchlayers.Handle';
}

/** A recorded program as JavaScript holds it. @internal */
export interface ProgramHandle {
  readonly __brand: 'torchlayers.Program';
}

/** A training thread with the variables that it owns. @internal */
export interface SessionHandle {
  readonly __brand: 'torchlayers.Session';
}

/** What the dispatcher knows of an operator. @internal */
export interface OperatorInfo {
  id: number;
  schema: string;
  /** Names of the arguments, in order. */
  args: string[];
  /** 'tensor': exactly one tensor; 'tensors': several, or a list of them; 'none'; 'value': anything else. */
  returns: 'tensor' | 'tensors' | 'none' | 'value';
  /** Whether a recorded function may call it; 'by arguments': `index` with integers, but not with a mask. */
  recordable: 'always' | 'by arguments' | 'never';
}

/** Steps to run on a training thread. @internal */
export interface StepJob {
  /** Program for full batches; inputs are one slice of each of `data`. */
  program: ProgramHandle;
  /** Program for the last, shorter batch, if there is one. */
  lastProgram: ProgramHandle | null;
  /** Tensors with the samples along the first axis; for `batches: true` they are one batch, passed whole. */
  data: Handle[];
  samples: number;
  batchSize: number;
  from: number;
  to: number;
  /** Take rows in the session's shuffled order. */
  shuffled: boolean;
  /** Collect the programs' outputs along the first axis. */
  collect: boolean;
  /** Program without inputs, answering one float64 vector of numbers to show; run when somebody can look, and at the end. */
  logs: ProgramHandle | null;
  /** Called on the JavaScript thread with the newest step and logs; never piles up. */
  onProgress: ((step: number, logs: Float64Array) => void) | null;
}

/** What a job did. @internal */
export interface StepResult {
  /** Steps finished in this job. */
  steps: number;
  /** True when `stop` ended it early. */
  stopped: boolean;
  logs: Float64Array | null;
  outputs: Handle[] | null;
  seconds: number;
}

/** Everything that the addon exports. @internal */
export interface Native {
  operator(name: string): OperatorInfo;
  call(id: number, ...args: unknown[]): unknown;

  fromArray(data: ArrayBufferView, shape: readonly number[], dtype: number, device: string, copy: boolean): Handle;
  copyInto(handle: Handle, offset: number, data: ArrayBufferView): void;
  shape(handle: Handle): number[];
  dtype(handle: Handle): number;
  device(handle: Handle): string;
  id(handle: Handle): number;
  /** True for stand-ins on meta. */
  isMeta(handle: Handle): boolean;
  /** Typed array of the values (floats of 16 and 8 bits as Float32Array, bool as Uint8Array, complex interleaved). */
  read(handle: Handle): NumericResult;
  /** As `read`, on another thread; waits for a running step of the session that owns the variable. */
  readAsync(handle: Handle): Promise<NumericResult>;
  dispose(handle: Handle): void;
  memory(): {
    tensors: number;
    bytes: number;
    externalBytes: number;
    cachedBytes: number;
    peakBytes: number;
    allocations: number;
  };
  trimMemory(bytes: number): void;
  /** Calls that crossed the boundary since start. */
  crossings(): number;

  variable(initial: Handle, name: string): Handle;
  /** The variable's present tensor, as a tensor of its own. */
  variableValue(handle: Handle): Handle;
  assign(variable: Handle, value: Handle): void;

  gradEnter(inputs: Handle[]): Handle[];
  /** Gradients of `outputs` (weighted by `seeds`) for the inputs of the innermost scope. */
  gradCompute(outputs: Handle[], seeds: Handle[] | null): Handle[];
  gradLeave(outputs: Handle[]): Handle[];
  setGradEnabled(enabled: boolean): boolean;

  recordBegin(): void;
  recordInput(shape: readonly number[], dtype: number, device: string): Handle;
  /** `residualsOf`: a program recorded inside this one, whose captures become further outputs. `fuse`: whether patterns are replaced (true). */
  recordEnd(outputs: Handle[], residualsOf?: ProgramHandle | null, fuse?: boolean): ProgramHandle;
  recordAbort(): void;
  /** 0 outside recordings, else the depth of nesting. */
  recordDepth(): number;
  /** Index of the node recorded last, or -1. */
  recordPosition(): number;
  /** Hides the recording and any gradient scope until `resume`. */
  suspend(): void;
  resume(): void;
  cond(predicate: Handle, then: ProgramHandle, otherwise: ProgramHandle): Handle[];
  customGradient(forward: ProgramHandle, backward: ProgramHandle, outputs: number, inputs: Handle[]): Handle[];

  runProgram(program: ProgramHandle, inputs: Handle[]): Handle[];
  /** `timings`: with the products that were chosen by timing. */
  programText(program: ProgramHandle, timings?: boolean): string;
  programNodes(program: ProgramHandle): number;
  /** For each node the index of the recorded one that it does the work of. */
  programOrigins(program: ProgramHandle): number[];

  sessionCreate(variables: Handle[], threads: number): SessionHandle;
  sessionRun(session: SessionHandle, job: StepJob): Promise<StepResult>;
  /** New order of `samples` rows for jobs with `shuffled`, from a seed tensor [key, offset]. */
  sessionShuffle(session: SessionHandle, samples: number, seed: Handle): void;
  /** Ends the running job after the step at hand. */
  sessionStop(session: SessionHandle): void;
  /** Gives the variables back between two jobs; the next job takes those that its programs use. */
  sessionRelease(session: SessionHandle): void;
  sessionClose(session: SessionHandle): Promise<void>;

  manualSeed(seed: number): void;
  devices(): { name: string; description: string; memoryBytes: number | null }[];
  setThreads(count: number): void;
  threads(): number;
  buildInfo(): Record<string, unknown>;
  /** Stops and joins the training threads of this environment. */
  shutdown(): void;
}

/** Typed arrays that values can be read as. */
export type NumericResult =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** The addon. Loading it loads libtorch. @internal */
export const native: Native = loadAddon() as Native;

// Threads must have ended before libtorch's static objects go: process.exit doesn't wait for the environment's own clean-up.
process.once('exit', () => native.shutdown());
