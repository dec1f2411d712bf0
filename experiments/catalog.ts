// The chapter's experiments: each changes one thing of the network and keeps the rest.
import { chapterSettings, type Settings } from './network.js';

/** One point of an experiment: what is changed, and all settings that follow. */
export interface Setting {
  /** As it stands in legends and tables. */
  label: string;
  /** Its place on the axis. */
  value: number | string;
  settings: Settings;
}

/** A sweep over one thing. */
export interface Experiment {
  name: string;
  title: string;
  /** What it shows, in one sentence. */
  question: string;
  /** What is changed, with its unit. */
  xLabel: string;
  /** The values are far apart: their axis is logarithmic. */
  logX: boolean;
  /** Time is part of the answer, and drawn. */
  timed: boolean;
  /** Epochs unless `--epochs` says otherwise; for the experiment 'epochs' the longest. */
  epochs: number;
  settings: (epochs: number) => Setting[];
}

/** Points that take each value in turn, all with the same number of epochs. */
function sweep<T extends number | string>(
  values: readonly T[],
  change: (value: T) => Partial<Settings>,
  label: (value: T) => string = String,
): Experiment['settings'] {
  return (epochs) =>
    values.map((value) => ({
      label: label(value),
      value,
      settings: { ...chapterSettings, epochs, ...change(value) },
    }));
}

const optimizerNames = { sgd: 'SGD', rmsprop: 'RMSprop', adam: 'Adam' };

/** Penalties that are strong enough to be seen and weak enough to learn under. */
const penalties: Record<string, Settings['penalty']> = {
  none: null,
  'L1 kernels': { of: 'kernel', l1: 1e-4, l2: 0 },
  'L2 kernels': { of: 'kernel', l1: 0, l2: 1e-3 },
  'L1L2 kernels': { of: 'kernel', l1: 1e-4, l2: 1e-3 },
  'L2 biases': { of: 'bias', l1: 0, l2: 1e-3 },
  'L2 activities': { of: 'activity', l1: 0, l2: 1e-3 },
};

const normalized: Record<string, Partial<Settings>> = {
  'SGD, without': { optimizer: 'sgd' },
  'SGD, with': { optimizer: 'sgd', batchNormalization: true },
  'Adam, without': {},
  'Adam, with': { batchNormalization: true },
};

export const experiments: readonly Experiment[] = [
  {
    name: 'dropout',
    title: 'Dropout rate',
    question: 'How much may be dropped after each hidden layer before the network learns less?',
    xLabel: 'fraction dropped',
    logX: false,
    timed: false,
    epochs: 20,
    settings: sweep([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], (dropout) => ({ dropout })),
  },
  {
    name: 'optimizer',
    title: 'Optimizer',
    question: 'How fast do SGD, RMSprop and Adam learn with their default settings?',
    xLabel: 'optimizer',
    logX: false,
    timed: false,
    epochs: 20,
    settings: sweep(
      ['sgd', 'rmsprop', 'adam'] as const,
      (optimizer) => ({ optimizer }),
      (name) => optimizerNames[name],
    ),
  },
  {
    name: 'epochs',
    title: 'Number of epochs',
    question: 'What do more passes over the data bring, and what do they cost?',
    xLabel: 'epochs',
    logX: true,
    timed: true,
    epochs: 80,
    settings: (longest) =>
      [16, 8, 4, 2, 1]
        .map((part) => Math.ceil(longest / part))
        .filter((epochs, i, all) => all.indexOf(epochs) === i)
        .map((epochs) => ({ label: String(epochs), value: epochs, settings: { ...chapterSettings, epochs } })),
  },
  {
    name: 'learning-rate',
    title: 'Learning rate',
    question: 'How large may the steps of Adam be, and how small?',
    xLabel: 'learning rate',
    logX: true,
    timed: false,
    epochs: 20,
    settings: sweep([0.1, 0.01, 0.001, 0.0001, 0.00001], (learningRate) => ({ learningRate })),
  },
  {
    name: 'hidden-neurons',
    title: 'Number of hidden neurons',
    question: 'What do wider hidden layers bring, in accuracy, parameters and time?',
    xLabel: 'neurons in each hidden layer',
    logX: true,
    timed: true,
    epochs: 20,
    settings: sweep([32, 64, 128, 256, 512], (units) => ({ hidden: [units, units] })),
  },
  {
    name: 'batch-size',
    title: 'Batch size',
    question: 'How many images should one step see?',
    xLabel: 'images a step',
    logX: true,
    timed: true,
    epochs: 20,
    settings: sweep([32, 64, 128, 256, 512], (batchSize) => ({ batchSize })),
  },
  {
    name: 'regularization',
    title: 'Regularization',
    question: 'Do penalties keep training and validation together when there is no dropout?',
    xLabel: 'penalty',
    logX: false,
    timed: false,
    epochs: 20,
    settings: sweep(Object.keys(penalties), (name) => ({ dropout: 0, penalty: penalties[name] ?? null })),
  },
  {
    name: 'batch-normalization',
    title: 'Batch normalization',
    question: 'Does the network learn faster when the sums of each hidden layer are normalized?',
    xLabel: 'batch normalization',
    logX: false,
    timed: false,
    epochs: 20,
    settings: sweep(Object.keys(normalized), (name) => ({ dropout: 0, ...normalized[name] })),
  },
];
