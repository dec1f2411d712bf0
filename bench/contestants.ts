// How each contestant's process is started.
import { join } from 'node:path';
import { packageRoot } from '../lib/core/libtorch.js';
import { binOf } from '../scripts/commands.js';
import { tfjsFolder } from './javascript-environment.js';
import type { Contestant } from './process.js';
import { pythonFor } from './python-environments.js';
import type { Job } from './workload.js';

interface Start {
  about: string;
  /** Command, and arguments before the job. */
  start(kind: string): Pick<Contestant, 'command' | 'args' | 'env'>;
}

const script = (file: string): string => join(packageRoot, 'bench', file);

function ours(kind: string): Pick<Contestant, 'command' | 'args'> {
  return { command: process.execPath, args: [binOf('tsx'), script(`torchlayers_${kind}.ts`)] };
}

function pytorch(kind: string): Pick<Contestant, 'command' | 'args'> {
  return { command: pythonFor('pytorch'), args: [script(`python/pytorch_${kind}.py`)] };
}

function keras(environment: string, backend: string): Start['start'] {
  return (kind) => ({
    command: pythonFor(environment),
    args: [script(`python/keras_${kind}.py`)],
    env: { KERAS_BACKEND: backend, TF_CPP_MIN_LOG_LEVEL: '3' },
  });
}

const starts: Readonly<Record<string, Start>> = {
  torchlayers: { about: 'this package', start: ours },
  pytorch: { about: 'PyTorch eager, with its fused optimizers', start: pytorch },
  'pytorch-compiled': {
    about: 'PyTorch with torch.compile',
    start: (kind) => ({ ...pytorch(kind), env: { BENCH_COMPILE: '1' } }),
  },
  'keras-jax': { about: 'Keras on JAX', start: keras('keras', 'jax') },
  'keras-tensorflow': { about: 'Keras on TensorFlow', start: keras('keras', 'tensorflow') },
  'keras-torch': { about: 'Keras on PyTorch', start: keras('pytorch', 'torch') },
  tfjs: {
    about: 'TensorFlow.js, its backend in pure JavaScript',
    start: (kind) => ({
      command: process.execPath,
      args: [script(`javascript/tfjs_${kind}.mjs`)],
      env: { TFJS_FOLDER: tfjsFolder() },
    }),
  },
};

/** Name of the process that times the matrix products and convolutions alone. */
export const floorName = 'floor';

/** Libraries that take part, torchlayers first. */
export const contestantNames: readonly string[] = Object.keys(starts);

/** Whether figures of this one count as a Python baseline. */
export function isBaseline(name: string): boolean {
  return /^(pytorch|keras)/.test(name);
}

/** What a contestant is, in a line. */
export function aboutContestant(name: string): string {
  return starts[name]?.about ?? 'the matrix products and convolutions of a step alone';
}

/** The process of a contestant, by a name of {@link contestantNames} or {@link floorName}. */
export function contestant(name: string, job: Job): Contestant {
  const { command, args, env } =
    name === floorName ? { ...ours('floor'), env: undefined } : (starts[name] as Start).start(job.kind);
  return { name, command, args: [...args, JSON.stringify(job)], env: env ?? {} };
}
