import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Model, models, saving } from '../../lib/index.js';

/** What Python says of the files in test/golden/saving/arrays.zip, and of those that {@link writeAgain} makes of them. */
export const facts = JSON.parse(readFileSync(new URL('../golden/saving/arrays.json', import.meta.url), 'utf8')) as {
  files: Record<string, Record<string, { dtype: string; shape: number[]; values: number[] }>>;
  model: object;
  paths: string[];
  x: number[][];
  y: number[][];
  /** SHA-256 of files that Python's safetensors and NumPy read, with the values that they hold. */
  read: Record<string, string>;
};

/** The model whose weights the files hold, with other values. */
export function smallModel(dtype?: string): Model {
  const config = JSON.parse(JSON.stringify(facts.model)) as { config: { layers: { config: { dtype: unknown } }[] } };
  if (dtype !== undefined) for (const layer of config.config.layers) layer.config.dtype = dtype;
  return models.modelFromJson(JSON.stringify(config));
}

/** Reads Python's files and writes them anew, with nothing in them that depends on the moment or the machine. */
export async function writeAgain(from: string, to: string): Promise<void> {
  const { tensors, metadata } = await saving.loadSafetensors(join(from, 'types.safetensors'));
  await saving.saveSafetensors(join(to, 'types.safetensors'), tensors, { metadata });
  for (const [read, written] of [
    ['weights.safetensors', 'weights.safetensors'],
    ['weights.npz', 'weights.npz'],
    ['compressed.npz', 'compressed.npz'],
  ] as const) {
    const model = smallModel();
    await model.loadWeights(join(from, read));
    await model.saveWeights(join(to, written), written === 'weights.safetensors' ? { metadata: { format: 'np' } } : {});
  }
  const half = smallModel('float16');
  await half.loadWeights(join(from, 'weights.npz'));
  await half.saveWeights(join(to, 'half.npz'));
}
