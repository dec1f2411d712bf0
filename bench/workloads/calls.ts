// Inference, and what single calls cost.
import type { Extent, Job, Workload } from '../workload.js';

async function timed(kind: Job['kind'], { seed, threads, quick }: Extent): Promise<Job> {
  return { kind, seed, threads, data: {}, seconds: quick ? 0.5 : 1 };
}

export const workloads: readonly Workload[] = [
  {
    name: 'inference',
    title: 'The MNIST classifier answers: one row, and 10,000 rows (the faster of batches of 128 and of one batch)',
    columns: [
      { metric: 'apply_p50_us', title: 'one row p50 us', digits: 1 },
      { metric: 'apply_p99_us', title: 'p99 us', digits: 1 },
      { metric: 'predict_p50_us', title: 'predict p50 us', digits: 1 },
      { metric: 'predict_p99_us', title: 'p99 us', digits: 1 },
      { metric: 'rows_ms', title: '10,000 rows ms', digits: 2 },
    ],
    goals: [
      { metric: 'apply_p50_us', speedup: 1.5 },
      { metric: 'rows_ms', speedup: 1.3, floor: 1.2 },
    ],
    contestants: ['torchlayers', 'pytorch', 'pytorch-compiled', 'keras-jax', 'keras-tensorflow', 'keras-torch', 'tfjs'],
    floor: true,
    job: (_, extent) => timed('inference', extent),
  },
  {
    name: 'calls',
    title: 'One addition of two small tensors; a million float32 into a tensor and out again, copied',
    columns: [
      { metric: 'add_us', title: 'add us', digits: 2 },
      { metric: 'data_in_ms', title: 'in ms', digits: 3 },
      { metric: 'data_out_ms', title: 'out ms', digits: 3 },
    ],
    goals: [],
    contestants: ['torchlayers', 'pytorch', 'keras-jax', 'keras-tensorflow', 'keras-torch', 'tfjs'],
    floor: false,
    job: (_, extent) => timed('calls', extent),
  },
];
