// The chapter's network for MNIST with everything that its experiments change, and one training of it.
import { Input, type Layer, layers, optimizers, regularizers, Sequential, utils } from '../lib/index.js';
import { classes, type Digits, pixels } from './digits.js';

/** What an experiment may change. */
export interface Settings {
  /** Units of each hidden layer; none is softmax regression. */
  hidden: readonly number[];
  /** Fraction of outputs that are dropped after each hidden layer. */
  dropout: number;
  optimizer: 'sgd' | 'rmsprop' | 'adam';
  /** `null` is the optimizer's default. */
  learningRate: number | null;
  batchSize: number;
  epochs: number;
  /** Penalty of each hidden layer: factors of absolute values and squares, and what they are taken of. */
  penalty: { of: 'kernel' | 'bias' | 'activity'; l1: number; l2: number } | null;
  /** A BatchNormalization between each hidden layer's sums and its relu. */
  batchNormalization: boolean;
}

/** The chapter's last network: two hidden layers, dropout, Adam. */
export const chapterSettings: Settings = {
  hidden: [128, 128],
  dropout: 0.3,
  optimizer: 'adam',
  learningRate: null,
  batchSize: 128,
  epochs: 20,
  penalty: null,
  batchNormalization: false,
};

/** What one training gave; accuracies from 0 to 1. */
export interface Outcome {
  seed: number;
  parameters: number;
  /** Time of `fit`, recording and validation included. */
  seconds: number;
  /** Numbers of each epoch by name. */
  history: Record<string, number[]>;
  /** Mean over the last epoch, dropout at work. */
  train: number;
  validation: number;
  test: number;
}

/** Share of the images that is validated on. */
export const validationSplit = 0.2;

function hiddenLayers(units: number, settings: Settings): Layer[] {
  const { penalty, dropout, batchNormalization } = settings;
  const dense = new layers.Dense({
    units,
    ...(!batchNormalization && { activation: 'relu' }),
    ...(penalty && { [`${penalty.of}Regularizer`]: new regularizers.L1L2({ l1: penalty.l1, l2: penalty.l2 }) }),
  });
  return [
    dense,
    ...(batchNormalization ? [new layers.BatchNormalization(), new layers.ReLU()] : []),
    ...(dropout > 0 ? [new layers.Dropout({ rate: dropout })] : []),
  ];
}

const optimizerClasses = { sgd: optimizers.SGD, rmsprop: optimizers.RMSprop, adam: optimizers.Adam };

function optimizerOf({ optimizer, learningRate }: Settings): optimizers.Optimizer {
  return new optimizerClasses[optimizer](learningRate === null ? {} : { learningRate });
}

/** The network, compiled. */
export function buildNetwork(settings: Settings): Sequential {
  const model = new Sequential([
    Input({ shape: [pixels] }),
    ...settings.hidden.flatMap((units) => hiddenLayers(units, settings)),
    new layers.Dense({ units: classes, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: optimizerOf(settings), loss: 'categorical_crossentropy', metrics: ['accuracy'] });
  return model;
}

/** Builds the network and trains it. @throws signal.reason when aborted */
export async function trainNetwork(
  settings: Settings,
  digits: Digits,
  { seed, signal = null }: { seed: number; signal?: AbortSignal | null },
): Promise<{ model: Sequential; outcome: Outcome }> {
  utils.setRandomSeed(seed);
  const model = buildNetwork(settings);
  const { batchSize, epochs } = settings;
  const start = performance.now();
  const { history } = await model.fit(digits.x, digits.y, { batchSize, epochs, validationSplit, verbose: 0, signal });
  const seconds = (performance.now() - start) / 1000;
  const { accuracy } = await model.evaluate(digits.xTest, digits.yTest, { batchSize, verbose: 0, signal });
  const last = (name: string): number => history[name]?.at(-1) ?? Number.NaN;
  const outcome = {
    seed,
    parameters: model.countParams(),
    seconds,
    history,
    train: last('accuracy'),
    validation: last('val_accuracy'),
    test: accuracy ?? Number.NaN,
  };
  return { model, outcome };
}
