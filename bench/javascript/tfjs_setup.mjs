// TensorFlow.js from the cache, the time that its import took, and what the programs of this folder share.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const start = performance.now();
export const tf = createRequire(join(process.env.TFJS_FOLDER, 'package.json'))('@tensorflow/tfjs');
const importSeconds = (performance.now() - start) / 1000;

export const job = JSON.parse(process.argv[2]);
await tf.setBackend('cpu');

/** The MNIST classifier. */
export function mlp({ width = 128, depth = 2 } = {}) {
  const model = tf.sequential();
  for (let i = 0; i < depth; i++) {
    const inputs = i === 0 ? { inputShape: [784] } : {};
    model.add(tf.layers.dense({ units: width, activation: 'relu', ...inputs }));
    model.add(tf.layers.dropout({ rate: 0.3 }));
  }
  model.add(tf.layers.dense({ units: 10, activation: 'softmax' }));
  return model;
}

/** 50th and 99th percentile of a call's microseconds, over the job's seconds and at least 20 calls. */
export function latency(call, prefix, fewest = 20) {
  const times = [];
  if (fewest > 1) for (let i = 0; i < 5; i++) tf.tidy(call);
  const end = performance.now() + job.seconds * 1000;
  while (performance.now() < end || times.length < fewest) {
    const from = performance.now();
    tf.tidy(() => void call());
    times.push((performance.now() - from) * 1000);
  }
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(part * times.length))];
  return { [`${prefix}_p50_us`]: at(0.5), [`${prefix}_p99_us`]: at(0.99) };
}

/** The middle of the milliseconds that a call takes. */
export function middleMs(call, fewest) {
  return latency(call, 'call', fewest).call_p50_us / 1000;
}

function peakRssMb() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

/** Prints what was measured, by label. */
export function report(results) {
  const versions = { node: process.versions.node, tfjs: tf.version.tfjs };
  console.log(JSON.stringify({ import_s: importSeconds, peak_rss_mb: peakRssMb(), threads: 1, versions, results }));
}
