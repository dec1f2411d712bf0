// Training: what the workloads that time a training step share, and those workloads.
import { imdbFile, mnistFile } from '../datasets.js';
import type { Column, Extent, Job, TrainPoint, Workload } from '../workload.js';

/** Columns of a training's table. */
export const stepColumns: readonly Column[] = [
  { metric: 'us_per_step', title: 'us/step', digits: 0 },
  { metric: 'first_epoch_s', title: 'first epoch s', digits: 2 },
];

const processColumns: readonly Column[] = [
  ...stepColumns,
  { metric: 'import_s', title: 'import s', digits: 2 },
  { metric: 'process_s', title: 'process s', digits: 1 },
  { metric: 'peak_rss_mb', title: 'peak MB', digits: 0 },
  { metric: 'test_accuracy', title: 'accuracy', digits: 4 },
  { metric: 'event_loop_pause_ms', title: 'pause ms', digits: 1 },
];

const python = ['pytorch', 'pytorch-compiled', 'keras-jax', 'keras-tensorflow', 'keras-torch'];

/** A job of training `points`, with the files that it reads. */
export async function trainJob({ seed, threads }: Extent, points: Record<string, TrainPoint>): Promise<Job> {
  const reviews = Object.values(points).some(({ model }) => model === 'imdb' || model === 'lstm');
  const data: Record<string, string> = reviews ? { imdb: await imdbFile() } : { mnist: await mnistFile() };
  return { kind: 'train', seed, threads, data, points };
}

function training(
  about: Pick<Workload, 'name' | 'title' | 'goals' | 'floor'>,
  point: (extent: Extent, contestant: string) => TrainPoint,
  contestants: readonly string[] = ['torchlayers', ...python],
): Workload {
  return {
    ...about,
    columns: processColumns,
    contestants,
    job: (contestant, extent) => trainJob(extent, { step: point(extent, contestant) }),
  };
}

const mnist = (['sgd', 'rmsprop', 'adam'] as const).map((optimizer) =>
  training(
    {
      name: `mnist-${optimizer}`,
      title: `MNIST classifier 784-128-128-10, dropout 0.3, ${optimizer}, batch 128`,
      goals: [
        { metric: 'us_per_step', speedup: 2, floor: 1.35 },
        // The whole process of five epochs, and its memory, are asked of one optimizer: they hardly differ.
        ...(optimizer === 'adam' ? [{ metric: 'process_s', speedup: 3 }] : []),
      ],
      floor: true,
    },
    ({ quick }, contestant) => ({
      model: 'mlp',
      optimizer,
      batch: 128,
      width: 128,
      depth: 2,
      testRows: 10_000,
      // 48,000 rows, as with a validation split of 0.2. TensorFlow.js needs 0.1 to 0.2 s for a step.
      ...(contestant === 'tfjs' ? { steps: 15, epochs: 2, testRows: 0 } : { steps: 375, epochs: quick ? 2 : 4 }),
    }),
    ['torchlayers', ...python, 'tfjs'],
  ),
);

/** The models of the book and two larger ones. */
export const workloads: readonly Workload[] = [
  ...mnist,
  training(
    {
      name: 'imdb',
      title: 'IMDb reviews of 200 words: Embedding 256, dropout 0.3, global max pooling, Dense 128, adam, batch 500',
      goals: [{ metric: 'us_per_step', speedup: 10 }],
      floor: false,
    },
    ({ quick }) => ({
      model: 'imdb',
      optimizer: 'adam',
      batch: 500,
      steps: quick ? 3 : 5,
      epochs: quick ? 1 : 2,
      testRows: 1_000,
    }),
  ),
  training(
    {
      name: 'cnn',
      title: 'MNIST: Conv 32 - pool - Conv 64 - pool - dropout 0.5 - Dense 10, adam, batch 128',
      goals: [{ metric: 'us_per_step', speedup: 1.3, floor: 1.25 }],
      floor: true,
    },
    ({ quick }) => ({
      model: 'cnn',
      optimizer: 'adam',
      batch: 128,
      steps: quick ? 12 : 20,
      epochs: 2,
      testRows: 1_000,
    }),
  ),
  training(
    {
      name: 'lstm',
      title: 'IMDb reviews of 80 words: Embedding 128, LSTM 64, Dense 1, adam, batch 128',
      goals: [{ metric: 'us_per_step', speedup: 1.5 }],
      floor: false,
    },
    ({ quick }) => ({
      model: 'lstm',
      optimizer: 'adam',
      batch: 128,
      steps: quick ? 10 : 20,
      epochs: 2,
      testRows: 1_000,
    }),
  ),
];
