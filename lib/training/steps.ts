import { setImmediate } from 'node:timers/promises';
import { valueAndGrad } from '../core/autograd.js';
import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { native } from '../core/native.js';
import { type Program, record, type TensorSpec } from '../core/program.js';
import { unawaited } from '../core/recording.js';
import { Tensor, tensor } from '../core/tensor.js';
import { isPlainObject, leaves, type Tree } from '../core/tree.js';
import { Variable } from '../core/variable.js';
import type { Model } from '../models/model.js';
import type { Compiled } from './compile.js';
import { type Batch, type Layout, unflatten } from './data/layout.js';

/** What a step does with a batch. */
export type StepKind = 'train' | 'test' | 'predict';

/** Numbers of one step, as tensors: what `trainStep` and `testStep` answer. */
export type StepLogs = Record<string, Tensor>;

/** The model's own compiled state. @throws {StateError} before `compile` @internal */
export function compiledOf(model: Model, method: string): Compiled {
  const { compiled } = model.trainingState;
  if (compiled === null) {
    throw new StateError(
      `Model "${model.name}": expected compile before ${method}.`,
      "Write model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy' }).",
    );
  }
  return compiled;
}

/** Forward pass, loss, gradients, update of the weights, update of the loss's mean. Answers the predictions. @internal */
export function trainOn(model: Model, batch: Batch): Tree<Tensor> {
  const { optimizer, lossTracker } = compiledOf(model, 'fit');
  const weights = model.trainableWeights;
  const forward = (): { yPred: Tree<Tensor>; loss: Tensor } => {
    const yPred = model.apply<Tree<Tensor>>(batch.x as Tensor, { training: true });
    const loss = model.computeLoss(batch.x, batch.y, yPred, batch.sampleWeight, { training: true });
    return { yPred, loss };
  };
  if (weights.length === 0) {
    const { yPred, loss } = forward();
    lossTracker.updateState(loss, { sampleWeight: sizeOf(batch.x) });
    return yPred;
  }
  const { grads, aux } = valueAndGrad(
    (_weights: readonly Variable[]): [Tensor, { yPred: Tree<Tensor>; loss: Tensor }] => {
      const result = forward();
      return [optimizer.scaleLoss(result.loss), result];
    },
    { hasAux: true },
  )(weights);
  lossTracker.updateState(aux.loss, { sampleWeight: sizeOf(batch.x) });
  optimizer.apply(grads as Tensor[], weights);
  return aux.yPred;
}

/** Forward pass, loss and its mean, changing no weight. Answers the predictions. @internal */
export function testOn(model: Model, batch: Batch): Tree<Tensor> {
  const { lossTracker } = compiledOf(model, 'evaluate');
  const yPred = model.apply<Tree<Tensor>>(batch.x as Tensor, { training: false });
  const loss = model.computeLoss(batch.x, batch.y, yPred, batch.sampleWeight, { training: false });
  lossTracker.updateState(loss, { sampleWeight: sizeOf(batch.x) });
  return yPred;
}

function sizeOf(x: Tree<Tensor>): number {
  return (leaves(x)[0] as Tensor).shape[0] ?? 1;
}

/** A recorded program that answers numbers to show, and their names. @internal */
export interface LogsProgram {
  program: Program;
  names: string[];
}

/** The recorded steps of one model: recorded once per signature, kept until the model is compiled anew. @internal */
export class Steps {
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Runs a step's JavaScript, on real tensors or while recording; answers the tree of predictions of a `predict` step. */
  run(kind: StepKind, batch: Batch): unknown {
    if (kind === 'predict') return this.#model.predictStep(batch);
    const logs = this.#model.runStep(kind, batch);
    if (logs !== null) this.#report(kind, logs);
    return [];
  }

  /** The program of a step for batches of these shapes; records it if need be. */
  program(kind: StepKind, layout: Layout, specs: readonly TensorSpec[]): Program {
    const { programs } = this.#model.trainingState;
    const key = JSON.stringify([kind, config.floatx(), config.fusion(), layout, specs, this.#frozen()]);
    let program = programs.get(key);
    if (program === undefined) {
      program = record(specs, (inputs) => this.run(kind, unflatten(layout, inputs) as Batch));
      programs.set(key, program);
    }
    return program;
  }

  /** The program that answers all results as one float64 vector, sorted by name as Keras sorts them. */
  logs(kind: StepKind): LogsProgram {
    const { logs } = this.#model.trainingState;
    let found = logs.get(kind);
    if (found === undefined) {
      let names: string[] = [];
      const program = record([], () => {
        const results = this.#results(kind);
        names = Object.keys(results).sort();
        return [vectorOf(names.map((name) => results[name] as Tensor))];
      });
      found = { program, names };
      logs.set(kind, found);
    }
    return found;
  }

  /** All results, read at once. */
  eagerLogs(kind: StepKind): Record<string, number> {
    const results = this.#results(kind);
    const names = Object.keys(results).sort();
    const values = vectorOf(names.map((name) => results[name] as Tensor)).dataSync();
    return Object.fromEntries(names.map((name, i) => [name, Number(values[i])]));
  }

  /** The program that sets all metrics back. */
  reset(): Program {
    const { programs } = this.#model.trainingState;
    const key = JSON.stringify(['reset', this.#model.metricsVariables.map((variable) => native.id(variable.handle))]);
    let program = programs.get(key);
    if (program === undefined) {
      program = record([], () => {
        this.#model.resetMetrics();
        return [];
      });
      programs.set(key, program);
    }
    return program;
  }

  /** Every Variable that steps use and that is known by now. */
  variables(kind: StepKind): Variable[] {
    const { compiled, reported } = this.#model.trainingState;
    const all = [...this.#model.variables];
    if (kind !== 'predict') all.push(...this.#model.metricsVariables, ...(reported.get(kind)?.values() ?? []));
    if (kind === 'train' && compiled !== null) all.push(...compiled.optimizer.variables);
    return [...new Set(all)];
  }

  #results(kind: StepKind): StepLogs {
    const reported = this.#model.trainingState.reported.get(kind);
    if (reported === undefined) return this.#model.getMetricsResult();
    return Object.fromEntries([...reported].map(([name, variable]) => [name, variable.value]));
  }

  /** Keeps what a user's own step answers in Variables, so that it can be read after any step. */
  #report(kind: StepKind, logs: unknown): void {
    if (!isPlainObject(logs)) {
      unawaited(logs);
      throw new ArgumentError(
        `Model "${this.#model.name}": expected ${kind}Step to answer an object of tensors by name, got ${show(logs)}.`,
        'Return this.getMetricsResult().',
      );
    }
    const { reported } = this.#model.trainingState;
    let variables = reported.get(kind);
    if (variables === undefined) {
      variables = new Map();
      reported.set(kind, variables);
    }
    for (const [name, value] of Object.entries(logs)) {
      if (!(value instanceof Tensor)) {
        throw new ArgumentError(
          `Model "${this.#model.name}": expected ${kind}Step to answer tensors, got ${show(value)} as '${name}'.`,
          'A number would stay what it was in the first step.',
        );
      }
      let variable = variables.get(name);
      if (variable === undefined) {
        variable = new Variable(tensor(new Float64Array(1), { shape: [] }), {
          trainable: false,
          name: `${kind}_${name}`,
        });
        variables.set(name, variable);
      }
      variable.assign(scalarOf(value));
    }
  }

  /** Which weights are trained is part of every signature: freezing a layer records anew. */
  #frozen(): number[] {
    return this.#model.trainableWeights.map((weight) => native.id(weight.handle));
  }
}

/** A result as one float64 number; several numbers become their mean. */
function scalarOf(value: Tensor): Tensor {
  const wide = value.dtype === 'float64' ? value : call('aten::to.dtype', value, 'float64');
  return wide.ndim === 0 ? wide : call('aten::mean', wide);
}

function vectorOf(values: readonly Tensor[]): Tensor {
  return values.length === 0 ? tensor(new Float64Array(0)) : call('aten::stack', values.map(scalarOf), 0);
}

/** Gives the event loop a turn between two recordings. @internal */
export async function breathe(): Promise<void> {
  await setImmediate();
}
