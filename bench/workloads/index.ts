import type { Workload } from '../workload.js';
import { workloads as calls } from './calls.js';
import { workloads as growth } from './growth.js';
import { workloads as training } from './training.js';

/** All workloads, in the order that they run. */
export const workloads: readonly Workload[] = [...training, ...calls, ...growth];
