// How the time of a step grows with one size at a time, around the MNIST classifier; by one and by two threads.
import type { TrainPoint, Workload } from '../workload.js';
import { stepColumns, trainJob } from './training.js';

// Value of the axis, and steps of an epoch: as many as all contestants do in about a second.
const axes: Readonly<Record<'batch' | 'width' | 'depth', readonly (readonly [value: number, steps: number])[]>> = {
  batch: [
    [16, 400],
    [64, 200],
    [256, 60],
    [1024, 20],
    [4096, 6],
  ],
  width: [
    [64, 200],
    [256, 100],
    [1024, 20],
    [4096, 3],
  ],
  depth: [
    [1, 200],
    [4, 100],
    [16, 40],
    [64, 15],
  ],
};

const base: TrainPoint = { model: 'mlp', optimizer: 'adam', batch: 128, width: 128, depth: 2, steps: 100, epochs: 3 };

function growth(axis: keyof typeof axes, threads: number): Workload {
  const points = axes[axis].map(([value, steps]) => [
    `${axis} ${value}`,
    { ...base, [axis]: value, steps } as TrainPoint,
  ]);
  return {
    name: `growth-${axis}-${threads}`,
    title: `Growth with the ${axis} on ${threads} ${threads === 1 ? 'thread' : 'threads'}: MNIST classifier, adam`,
    columns: stepColumns,
    goals: [],
    onRequest: true,
    contestants: ['torchlayers', 'pytorch', 'keras-jax'],
    floor: false,
    job: (_, extent) => trainJob({ ...extent, threads }, Object.fromEntries(points) as Record<string, TrainPoint>),
  };
}

export const workloads: readonly Workload[] = [1, 2].flatMap((threads) =>
  (['batch', 'width', 'depth'] as const).map((axis) => growth(axis, threads)),
);
