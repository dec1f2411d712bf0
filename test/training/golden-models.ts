import { losses, optimizers, type Sequential } from '../../lib/index.js';
import type { Golden, GoldenArray } from '../support/golden.js';
import { loadGolden } from '../support/golden.js';
import { type LayerSpec, sequentialFrom } from '../support/models.js';

/** An optimizer, loss or schedule as the golden scripts describe it. */
export interface Description {
  className: string;
  options: Record<string, unknown>;
}

/** What `compile` gets in a golden case. */
export interface CompileDescription {
  optimizer: Description & { schedule?: Description };
  loss: string | Description;
  metrics?: string[];
  weightedMetrics?: string[];
}

/** One case of test/golden/training.npz. */
export interface TrainingCase {
  kind: string;
  model: string;
  compile: CompileDescription;
  x: GoldenArray;
  y: GoldenArray;
  fit: Record<string, unknown>;
  history: Record<string, number[]>;
  epochs: number[];
  weights: GoldenArray[];
  iterations: number;
  evaluate: { x: GoldenArray; y: GoldenArray; batchSize: number; logs: Record<string, number> };
  predictions: GoldenArray;
  options: Record<string, unknown>;
  logs: Record<string, number>;
  starts: number[];
  batchSize: number;
  arguments: Record<string, unknown>;
  train: number[][] | number;
  trainByName: Record<string, number>;
  test: number[][];
  testByName: Record<string, number>;
  metricsNames: string[];
  predictOnBatch: GoldenArray;
}

export const golden: Golden<TrainingCase> = loadGolden<TrainingCase>('training');

type Constructors = Record<string, new (options: Record<string, unknown>) => never>;

function make(family: object, { className, options }: Description): never {
  return new (family as Constructors)[className]!(options);
}

/** The model of that name in the golden file, with its weights. */
export function goldenModel(name: string): Sequential {
  const { model: description, weights } = golden.facts[name] as { model: LayerSpec; weights: GoldenArray[] };
  const model = sequentialFrom(description);
  model.setWeights(weights);
  return model;
}

/** A golden case's model, compiled as the case says. */
export function goldenCompiled(name: string, { optimizer, loss, ...rest }: CompileDescription): Sequential {
  const model = goldenModel(name);
  const options = { ...optimizer.options };
  if (optimizer.schedule !== undefined) options['learningRate'] = make(optimizers.schedules, optimizer.schedule);
  model.compile({
    optimizer: make(optimizers, { className: optimizer.className, options }),
    loss: typeof loss === 'string' ? loss : make(losses, loss),
    ...rest,
  });
  return model;
}
