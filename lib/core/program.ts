import { config } from './config.js';
import { type DType, dtypeCode } from './dtype.js';
import { ArgumentError, NativeError, StateError, TorchLayersError, translateError } from './errors.js';
import { type Handle, native, type ProgramHandle } from './native.js';
import { putOutputs, readVariables, takeOutputs } from './outputs.js';
import { beginSites, type CallSites, endSites, isRecording, userLine } from './recording.js';
import { Tensor } from './tensor.js';
import { isPlainObject, leaves, mapTree } from './tree.js';

/** Shape, dtype and device of one input of a program. */
export interface TensorSpec {
  /** Sizes of the axes, all known. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
  /** 'cpu', 'cuda:0', … */
  readonly device: string;
}

/**
 * A function recorded for one signature: a list of operators that native code replays.
 * `toString()` prints it, one node a line, with the line of TypeScript that recorded it.
 *
 * @example
 * ```ts
 * const area = jit((r: Tensor) => ops.multiply(ops.square(r), Math.PI));
 * area(tensor([1, 2]));
 * area.programs.length; // 1
 * console.log(area.programs[0]?.toString());
 * ```
 */
export class Program {
  /** @internal */
  readonly handle: ProgramHandle;
  /** What the recorded function takes. */
  readonly inputs: readonly TensorSpec[];
  readonly #sites: CallSites;
  readonly #restore: (outputs: Tensor[]) => unknown;

  /** @internal */
  constructor(
    handle: ProgramHandle,
    inputs: readonly TensorSpec[],
    sites: CallSites,
    restore: (outputs: Tensor[]) => unknown,
  ) {
    this.handle = handle;
    this.inputs = inputs;
    this.#sites = sites;
    this.#restore = restore;
  }

  /** Number of nodes. */
  get size(): number {
    return native.programNodes(this.handle);
  }

  /**
   * Replays the program on this thread; answers what the recorded function returned, with tensors in their places.
   * @throws {NativeError} naming the operator that failed and the line that recorded it
   */
  run(inputs: readonly Tensor[]): unknown {
    let outputs: Handle[];
    try {
      outputs = native.runProgram(
        this.handle,
        inputs.map((input) => input.handle),
      );
    } catch (error) {
      throw this.explain(error);
    }
    return this.#restore(outputs.map((handle) => new Tensor(handle)));
  }

  /** Puts back the tree of outputs around tensors that a session collected. @internal */
  restore(outputs: Tensor[]): unknown {
    return this.#restore(outputs);
  }

  /** Adds the user's line to an error of a replay. @internal */
  explain(error: unknown): unknown {
    const node = (error as { node?: number }).node;
    const translated = translateError(error);
    if (node === undefined || !(translated instanceof TorchLayersError)) return translated;
    const line = userLine(this.#sites[node]);
    const message = line === null ? translated.message : `${translated.message}\n  Recorded at ${line}.`;
    return new NativeError(message, undefined, { cause: error });
  }

  /**
   * The program as text. Behind a node that stands for several: which pattern, of which operators; behind products that have run: who computes them, and
   * what the others took. `lines: false` leaves that and the TypeScript lines out.
   */
  toString(options: { lines?: boolean } = {}): string {
    const text = native.programText(this.handle, options.lines !== false);
    if (options.lines === false) return text;
    const origins = native.programOrigins(this.handle);
    let node = -1;
    return text
      .split('\n')
      .map((line) => {
        if (!/^ {2}\S/.test(line) || line.startsWith('  return')) return line;
        node++;
        const where = userLine(this.#sites[origins[node] as number]);
        return where === null ? line : `${line}  # ${where.split('/').slice(-2).join('/')}`;
      })
      .join('\n');
  }
}

/**
 * Records what a function does to stand-ins of the given shapes; computes nothing and changes no state.
 * @throws {StateError} for what can't be recorded: reading a value, branching on one, promises
 * @internal
 */
export function record(specs: readonly TensorSpec[], fn: (inputs: Tensor[]) => unknown): Program {
  native.recordBegin();
  beginSites();
  try {
    const inputs = specs.map((spec) => new Tensor(native.recordInput(spec.shape, dtypeCode(spec.dtype), spec.device)));
    const result = fn(inputs);
    if (result instanceof Promise) {
      throw new StateError(
        'jit: expected a synchronous function, got one that returns a Promise.',
        'Await data before the call; a recorded function only computes.',
      );
    }
    const { tensors, tree } = takeOutputs(result);
    const handle = native.recordEnd(
      tensors.map((tensor) => tensor.handle),
      null,
      config.fusion(),
    );
    return new Program(handle, specs, endSites(), (outputs) => putOutputs(tree, outputs));
  } catch (error) {
    native.recordAbort();
    endSites();
    throw translateError(error);
  }
}

/** A function that runs recorded programs. */
export interface JitFunction<A extends readonly unknown[], R> {
  (...args: A): R;
  /** The programs recorded so far, one per signature (shapes, dtypes and other arguments). */
  readonly programs: readonly Program[];
  /** The program for these arguments, recorded if need be. */
  programFor(...args: A): Program;
}

/**
 * Records a function of tensors at its first call with new shapes, dtypes or other arguments, and replays the recording natively from then on.
 *
 * Tensors (alone or in arrays and plain objects) are inputs; every other argument is a constant of the recording. JavaScript inside the function runs
 * only while recording: loops unroll, branches are decided once per signature. Variables may be read and assigned.
 *
 * @throws {StateError} if the function reads a tensor's value or returns a Promise; call it without `jit` then
 * @example
 * ```ts
 * const step = jit((x: Tensor) => ops.relu(ops.matmul(x, w)));
 * step(x); // records, then runs
 * step(x); // runs
 * ```
 */
export function jit<A extends readonly unknown[], R>(fn: (...args: A) => R): JitFunction<A, R> {
  if (typeof fn !== 'function') throw new ArgumentError(`jit: expected a function, got ${typeof fn}.`);
  const programs = new Map<string, Program>();
  const prepare = (args: A): { program: Program; inputs: Tensor[] } => {
    // A mask is an input too, behind the tensor that it rides on.
    const inputs = leaves(args).flatMap((leaf) =>
      leaf instanceof Tensor ? (leaf.mask === undefined ? [leaf] : [leaf, leaf.mask]) : [],
    );
    const key = signature(args);
    let program = programs.get(key);
    if (program === undefined) {
      const specs = inputs.map(({ shape, dtype, device }) => ({ shape, dtype, device }));
      program = record(specs, (standIns) => {
        let next = 0;
        const replaced = mapTree(args, (leaf) => {
          if (!(leaf instanceof Tensor)) return leaf;
          const standIn = standIns[next++] as Tensor;
          if (leaf.mask !== undefined) standIn.mask = standIns[next++];
          return standIn;
        });
        return fn(...(replaced as unknown as A));
      });
      programs.set(key, program);
    }
    return { program, inputs };
  };
  const run = (...args: A): R => {
    // Inside another recording the function's own steps become part of it.
    if (isRecording()) return readVariables(fn(...args));
    const { program, inputs } = prepare(args);
    return program.run(inputs) as R;
  };
  return Object.defineProperties(run, {
    programs: { get: () => [...programs.values()] },
    programFor: { value: (...args: A) => prepare(args).program },
  }) as JitFunction<A, R>;
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

function signature(args: unknown): string {
  const part = (value: unknown): string => {
    if (value instanceof Tensor) {
      const own = `${value.dtype}[${value.shape.join()}]@${value.device}`;
      return value.mask === undefined ? own : `${own}~${part(value.mask)}`;
    }
    if (typeof value === 'string') return JSON.stringify(value);
    if (Object.is(value, -0)) return 'number:-0';
    if (Array.isArray(value)) return `[${value.map(part).join(';')}]`;
    if (isPlainObject(value)) {
      return `{${Object.keys(value)
        .sort()
        .map((key) => `${JSON.stringify(key)}:${part(value[key])}`)
        .join(';')}}`;
    }
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      let identity = identities.get(value);
      if (identity === undefined) {
        identity = ++lastIdentity;
        identities.set(value, identity);
      }
      return `#${identity}`;
    }
    return `${typeof value}:${String(value)}`;
  };
  return `${config.floatx()}|${config.fusion()}|${part(args)}`;
}
