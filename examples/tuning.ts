// Searches hidden neurons, batch size and learning rate of an MNIST classifier.
// npm run example -- tuning --algorithm bayesian --trials 12 --limit 10000 --out tuning-out
// Started again with the same --out, it goes on where it was; several processes with one --out share the work.
import { parseArgs } from 'node:util';
import { datasets, Input, layers, optimizers, reports, Sequential, tuner, utils } from 'torchlayers';

const { values: args } = parseArgs({
  options: {
    algorithm: { type: 'string', default: 'random' },
    trials: { type: 'string', default: '12' },
    epochs: { type: 'string', default: '5' },
    limit: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'tuning-out' },
  },
});
const limit = Number(args.limit);
const epochs = Number(args.epochs);

const [[xTrain, yTrain]] = await datasets.mnist.loadData();
const x = xTrain.slice(0, limit).reshape([-1, 784]).cast('float32').divide(255);
const y = utils.toCategorical(yTrain.slice(0, limit), { numClasses: 10 });

// The model asks for each value where it needs it; so does training.
const hypermodel: tuner.HyperModel = {
  build(hp) {
    const model = new Sequential([
      Input({ shape: [784] }),
      new layers.Dense({ units: hp.int('hidden', 32, 256, { step: 32, default: 128 }), activation: 'relu' }),
      new layers.Dropout({ rate: hp.float('dropout', 0, 0.5, { step: 0.1, default: 0.3 }) }),
      new layers.Dense({ units: 10, activation: 'softmax' }),
    ]);
    const learningRate = hp.float('learningRate', 1e-4, 1e-1, { sampling: 'log', default: 1e-3 });
    hp.choice('batchSize', [32, 64, 128, 256], { default: 128 });
    model.compile({
      optimizer: new optimizers.Adam({ learningRate }),
      loss: 'categorical_crossentropy',
      metrics: ['accuracy'],
    });
    return model;
  },
  fit: (hp, model, x, y, options) =>
    model.fit(x as typeof xTrain, y, { ...options, batchSize: hp.get('batchSize') as number }),
};

const common = {
  hypermodel,
  objective: 'val_accuracy',
  seed: Number(args.seed),
  directory: args.out,
  projectName: args.algorithm,
};
const maxTrials = Number(args.trials);
const algorithms: Record<string, () => tuner.Tuner> = {
  random: () => new tuner.RandomSearch({ ...common, maxTrials }),
  grid: () => new tuner.GridSearch({ ...common, maxTrials }),
  bayesian: () => new tuner.BayesianOptimization({ ...common, maxTrials, numInitialPoints: 4 }),
  hyperband: () => new tuner.Hyperband({ ...common, maxEpochs: epochs }),
};
const make = algorithms[args.algorithm];
if (make === undefined) throw new Error(`--algorithm: expected one of ${Object.keys(algorithms).join(', ')}.`);

const search = make();
await search.searchSpaceSummary();
await search.search(x, y, { epochs, validationSplit: 0.2 });
await search.resultsSummary({ numTrials: 5 });
const [best] = await search.getBestHyperparameters();
console.log('Best:', best?.values);
await (await reports.search(search)).save(`${args.out}/${args.algorithm}.html`);
