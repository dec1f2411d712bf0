import { open, rm, stat } from 'node:fs/promises';
import { FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { CustomObjects } from '../core/registry.js';
import type { Model } from '../models/model.js';
import { Archive, writeArchive } from './archive.js';
import { explainSystemError, writeAtomically } from './atomic.js';
import { configText } from './config-keys.js';
import { Hdf5Reader, Hdf5Writer } from './hdf5/session.js';
import { modelConfig, modelFromConfig, parseConfig } from './model-config.js';
import { type ReadOptions, readWeights, writeWeights } from './weights.js';

/** The version of Keras whose files these are. */
export const kerasVersion = '3.15.1';
const newestMajor = 3;

const configName = 'config.json';
const metadataName = 'metadata.json';
const weightsName = 'model.weights.h5';

/** '2026-11-23@21:49:00', as Keras writes it. */
function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replace('T', '@');
}

/** Writes weights and optimizer state to an HDF5 file of Keras' layout. */
export function writeWeightsFile(
  model: Model,
  path: string,
  options: { skip?: readonly object[]; signal?: AbortSignal | null | undefined } = {},
): Promise<void> {
  const signal = options.signal ?? undefined;
  return writeAtomically(
    path,
    async (temporary) => {
      const writer = await Hdf5Writer.create(temporary, path);
      try {
        await writeWeights(model, writer, options);
      } catch (error) {
        await writer.abandon();
        throw error;
      }
      await writer.close();
    },
    signal === undefined ? {} : { signal },
  );
}

/** Writes a whole model as a '.keras' file. */
export function writeKerasFile(model: Model, path: string, signal?: AbortSignal | null): Promise<void> {
  const config = configText(modelConfig(model));
  const metadata = JSON.stringify({ keras_version: kerasVersion, date_saved: timestamp() });
  return writeAtomically(
    path,
    async (temporary) => {
      const weights = `${temporary}.h5`;
      try {
        await (await open(weights, 'wx')).close();
        const writer = await Hdf5Writer.create(weights, path);
        try {
          await writeWeights(model, writer, { signal });
        } catch (error) {
          await writer.abandon();
          throw error;
        }
        await writer.close();
        const entries = [
          { name: metadataName, text: metadata },
          { name: configName, text: config },
          { name: weightsName, path: weights },
        ];
        await writeArchive(temporary, entries, signal);
      } finally {
        await rm(weights, { force: true });
      }
    },
    signal == null ? {} : { signal },
  );
}

/** How a file is made a model. */
export interface LoadOptions {
  customObjects?: CustomObjects | null | undefined;
  compile?: boolean;
  signal?: AbortSignal | null | undefined;
}

/** Reads a '.keras' file. @throws {FileFormatError} */
export async function readKerasFile(path: string, { customObjects, compile, signal }: LoadOptions): Promise<Model> {
  const archive = await Archive.open(path);
  try {
    await checkVersion(archive, path);
    const config = parseConfig(await archive.text(configName), `"${path}": ${configName}`);
    signal?.throwIfAborted();
    const reader = await openWeights(archive, path);
    try {
      const model = modelFromConfig(config, {
        where: `"${path}": ${configName}`,
        customObjects,
        ...(compile !== undefined && { compile }),
        weightBytes: weightBytes(reader),
      });
      await readWeights(model, reader, path, { signal });
      return model;
    } finally {
      await reader.close();
    }
  } finally {
    await archive.close();
  }
}

/** Reads the weights of a '.keras' file into a model. @throws {FileFormatError} */
export async function readKerasWeights(model: Model, path: string, options: ReadOptions): Promise<void> {
  const archive = await Archive.open(path);
  try {
    const reader = await openWeights(archive, path);
    try {
      await readWeights(model, reader, path, options);
    } finally {
      await reader.close();
    }
  } finally {
    await archive.close();
  }
}

/** Opens an HDF5 file that stands alone. @throws {FileFormatError} @throws a system error that names the file */
export async function openHdf5(path: string): Promise<Hdf5Reader> {
  const { size } = await stat(path).catch((error) => {
    throw explainSystemError(error, path, 'read');
  });
  return Hdf5Reader.open(path, { path, offset: 0, size });
}

/** What a model's weights may take while it is made, twice over as a layer may be built for a trial. */
export function weightBytes(reader: Hdf5Reader): number {
  let bytes = 1 << 20;
  for (const node of reader.nodes.values()) if (node.kind === 'dataset') bytes += 2 * node.bytes;
  return bytes;
}

async function openWeights(archive: Archive, path: string): Promise<Hdf5Reader> {
  if (archive.names().includes('model.weights.npz')) {
    throw new FileFormatError(
      `"${path}": expected weights in ${weightsName}, got model.weights.npz.`,
      "Save the model anew with Keras' default weights_format, 'h5'.",
    );
  }
  const { source, crc } = await archive.source(weightsName);
  return Hdf5Reader.open(path, source, crc);
}

async function checkVersion(archive: Archive, path: string): Promise<void> {
  const { keras_version: version } = parseConfig(await archive.text(metadataName), `"${path}": ${metadataName}`);
  const major = typeof version === 'string' ? Number(/^(\d+)\./.exec(version)?.[1] ?? Number.NaN) : Number.NaN;
  if (major <= newestMajor) return;
  throw new FileFormatError(
    `"${path}": expected a file of Keras ${newestMajor} or older, got keras_version ${show(version)}.`,
    Number.isNaN(major) ? 'Save the model anew.' : 'Update torchlayers, or save the model with an older Keras.',
  );
}
