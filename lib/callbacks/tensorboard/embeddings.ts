import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { ArgumentError } from '../../core/errors.js';
import { Embedding } from '../../layers/core/embedding.js';
import type { Model } from '../../models/model.js';
import { writeAtomically } from '../../saving/atomic.js';

/** Numbers between two turns of the event loop. */
const slice = 1 << 14;

/**
 * The rows of `Embedding` layers as the projector reads them: one file of numbers a layer and epoch, and `projector_config.pbtxt`, which names them, the newest
 * first.
 * @internal
 */
export class EmbeddingFiles {
  readonly #layers: readonly Embedding[];
  readonly #folder: string;
  readonly #metadata: string | Readonly<Record<string, string>> | null;
  #entries: string[] = [];

  /** @throws {ArgumentError} for names in `metadata` that are no `Embedding` layers */
  constructor(model: Model, folder: string, metadata: string | Readonly<Record<string, string>> | null) {
    this.#layers = model.layers.filter((layer) => layer instanceof Embedding);
    this.#folder = folder;
    this.#metadata = metadata;
    if (metadata === null || typeof metadata === 'string') return;
    const names = this.#layers.map(({ name }) => name);
    const unknown = Object.keys(metadata).find((name) => !names.includes(name));
    if (unknown === undefined) return;
    throw new ArgumentError(
      `TensorBoard: embeddingsMetadata: expected names of Embedding layers of the model, got "${unknown}".`,
      names.length === 0 ? 'The model has none.' : `They are: ${names.join(', ')}.`,
    );
  }

  /** Writes the rows as they are now. */
  async write(epoch: number): Promise<void> {
    if (this.#layers.length === 0) return;
    await mkdir(this.#folder, { recursive: true });
    const entries: string[] = [];
    for (const layer of this.#layers) {
      const file = `embedding-${layer.name.replace(/[^\w.-]/g, '_')}-${epoch}.tsv`;
      await writeRows(join(this.#folder, file), layer);
      const metadata = typeof this.#metadata === 'string' ? this.#metadata : this.#metadata?.[layer.name];
      const fields = [
        `  tensor_name: ${JSON.stringify(`${layer.name} (epoch ${epoch})`)}`,
        `  tensor_path: ${JSON.stringify(file)}`,
        ...(metadata === undefined ? [] : [`  metadata_path: ${JSON.stringify(metadata)}`]),
      ];
      entries.push(`embeddings {\n${fields.join('\n')}\n}\n`);
    }
    this.#entries = [...entries, ...this.#entries];
    const config = join(this.#folder, 'projector_config.pbtxt');
    await writeAtomically(config, async (path) => {
      const file = await open(path, 'w');
      try {
        await file.writeFile(this.#entries.join(''));
      } finally {
        await file.close();
      }
    });
  }
}

/** One row a line, numbers between tabs. */
async function writeRows(path: string, layer: Embedding): Promise<void> {
  const { embeddings } = layer;
  const [rows = 0, columns = 0] = embeddings.shape;
  const values = await embeddings.data();
  const step = Math.max(1, Math.floor(slice / columns));
  await writeAtomically(path, async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      for (let start = 0; start < rows; start += step) {
        let lines = '';
        for (let row = start; row < Math.min(start + step, rows); row++) {
          const numbers = Array.from({ length: columns }, (_, i) => Number(values[row * columns + i]).toPrecision(8));
          lines += `${numbers.join('\t')}\n`;
        }
        await file.write(lines);
        await setImmediate();
      }
    } finally {
      await file.close();
    }
  });
}
