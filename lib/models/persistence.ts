import { StateError } from '../core/errors.js';
import type { Model } from './model.js';

/** Options of {@link Model.save} and `models.saveModel`. */
export interface SaveModelOptions {
  /** Whether a file of that name may be replaced. @default true */
  overwrite?: boolean;
  /** Whether a '.h5' file gets the optimizer and its state; a '.keras' file always does. @default true */
  includeOptimizer?: boolean;
  /** Ends the writing: the old file stays. */
  signal?: AbortSignal | null;
}

/** Options of {@link Model.saveWeights}. */
export interface SaveWeightsOptions {
  /** Whether a file of that name may be replaced. @default true */
  overwrite?: boolean;
  /** Layers (and the optimizer) whose state is left out, with all inside them. @default none */
  objectsToSkip?: readonly object[] | null;
  /** Texts that a '.safetensors' file keeps beside the weights. @default {} */
  metadata?: Readonly<Record<string, string>> | null;
  /** Ends the writing: the old file stays. */
  signal?: AbortSignal | null;
}

/** Options of {@link Model.loadWeights}. */
export interface LoadWeightsOptions {
  /** Leave layers as they are whose weights have other numbers or shapes, with a warning, instead of an error. @default false */
  skipMismatch?: boolean;
  /** Match layers by their names, for '.h5' files: layers without a match stay as they are. @default false */
  byName?: boolean;
  /** Layers (and the optimizer) that stay as they are, with all inside them; for '.weights.h5', '.safetensors' and '.npz' files. @default none */
  objectsToSkip?: readonly object[] | null;
  /** Ends the reading: the model stays as it is. */
  signal?: AbortSignal | null;
}

/** How models are written and read. Files stand above models, so `saving` says it when it is loaded. @internal */
export interface Persistence {
  saveModel(model: Model, path: string, options: SaveModelOptions): Promise<void>;
  saveWeights(model: Model, path: string, options: SaveWeightsOptions): Promise<void>;
  loadWeights(model: Model, path: string, options: LoadWeightsOptions): Promise<void>;
  modelToJson(model: Model): string;
}

let known: Persistence | null = null;

/** Makes the ways to files known. @internal */
export function setPersistence(ways: Persistence): void {
  known = ways;
}

/** The ways to files. @internal */
export function persistence(): Persistence {
  if (known !== null) return known;
  throw new StateError('Model: files need the package as a whole.', "Import models from 'torchlayers'.");
}
