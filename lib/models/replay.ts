import * as activations from '../activations.js';
import { insideGradient } from '../core/autograd.js';
import { config } from '../core/config.js';
import { type Program, record } from '../core/program.js';
import { isRecording } from '../core/recording.js';
import { Tensor } from '../core/tensor.js';
import { Variable } from '../core/variable.js';
import { currentCall } from '../layers/call-context.js';
import { layerClasses } from '../layers/family.js';
import type { Layer } from '../layers/layer.js';

// Signatures that are recorded at their first call; later ones only when they come again.
const eager = 8;
// Programs and signatures kept for one model, the oldest forgotten first.
const most = 32;

const knownFunctions = new Set<unknown>(Object.values(activations));

// Layers that run a function of the user's, or note losses as they run.
const withEffects = new Set(['Lambda', 'ActivityRegularization']);

/** What a layer was like when its part of a program was recorded: its own properties, by identity. */
interface LayerSnapshot {
  layer: Record<string, unknown>;
  keys: readonly string[];
  values: readonly unknown[];
}

interface Entry {
  shape: readonly number[];
  dtype: string;
  device: string;
  floatx: string;
  fusion: boolean;
  /** Null: seen once, or can't be recorded. */
  program: Program | null;
}

/**
 * Recorded forward passes of one model, so that `model.apply(x)` outside of training is one native call. Used only where nobody can tell it from
 * running the layers: layers of this package with functions of this package, `training` off, no mask, no gradient, no recording.
 * @internal
 */
export class Replay {
  readonly #model: Layer;
  #entries = new Map<string, Entry>();
  #last: Entry | null = null;
  #layers: readonly LayerSnapshot[] | null = null;

  constructor(model: Layer) {
    this.#model = model;
  }

  /** The outputs, or undefined where the layers have to run themselves. `run` runs them, while recording. */
  apply(args: readonly unknown[], run: (x: Tensor) => unknown): unknown {
    const [x, options] = args;
    if (!(x instanceof Tensor) || x instanceof Variable || x.mask !== undefined || args.length > 2) return undefined;
    if (options !== undefined && !isInference(options)) return undefined;
    if (currentCall() !== undefined || insideGradient() || isRecording() || !this.#model.built) return undefined;
    if (!this.#unchanged()) {
      this.#entries.clear();
      this.#last = null;
      this.#layers = snapshot(this.#model);
    }
    if (this.#layers?.length === 0) return undefined;
    return this.#entry(x, run)?.program?.run([x]);
  }

  #entry(x: Tensor, run: (x: Tensor) => unknown): Entry | null {
    const { shape, dtype, device } = x;
    const last = this.#last;
    if (last !== null && fits(last, shape, dtype, device)) return last;
    const key = `${dtype}[${shape.join()}]@${device}|${config.floatx()}|${config.fusion()}`;
    let entry = this.#entries.get(key);
    const seen = entry !== undefined;
    if (entry === undefined) {
      entry = { shape: [...shape], dtype, device, floatx: config.floatx(), fusion: config.fusion(), program: null };
      if (this.#entries.size >= most) this.#entries.delete(this.#entries.keys().next().value as string);
    } else {
      this.#entries.delete(key);
    }
    if (entry.program === null && (seen || this.#entries.size < eager)) {
      try {
        entry.program = record([{ shape, dtype, device }], ([standIn]) => run(standIn as Tensor));
      } catch {
        // The layers themselves say what is wrong.
        return null;
      }
    }
    this.#entries.set(key, entry);
    this.#last = entry;
    return entry;
  }

  #unchanged(): boolean {
    if (this.#layers === null) return false;
    for (const { layer, keys, values } of this.#layers) {
      let count = 0;
      for (const key in layer) {
        if (!Object.hasOwn(layer, key)) continue;
        if (keys[count] !== key || layer[key] !== values[count]) return false;
        count++;
      }
      if (count !== keys.length) return false;
    }
    return true;
  }
}

function isInference(options: unknown): boolean {
  if (typeof options !== 'object' || options === null || options instanceof Tensor) return false;
  const given = options as Record<string, unknown>;
  for (const key in given) {
    if (key === 'training' ? given[key] === true : given[key] !== undefined) return false;
  }
  const { training } = given;
  return Object.getPrototypeOf(given) === Object.prototype && (training === undefined || training === false);
}

function fits(entry: Entry, shape: readonly number[], dtype: string, device: string): boolean {
  const { length } = shape;
  if (entry.shape.length !== length || entry.dtype !== dtype || entry.device !== device) return false;
  for (let i = 0; i < length; i++) if (entry.shape[i] !== shape[i]) return false;
  return entry.floatx === config.floatx() && entry.fusion === config.fusion();
}

/** The layers of a model; an empty list if one of them may do in JavaScript what a program wouldn't repeat. */
function snapshot(model: Layer): LayerSnapshot[] {
  const known = new Set<unknown>(Object.values(layerClasses()));
  const found: LayerSnapshot[] = [];
  for (const one of model.layersDeep()) {
    const layer = one as unknown as Record<string, unknown>;
    if (!known.has(one.constructor) || Object.hasOwn(one, 'call')) return [];
    if (withEffects.has((one.constructor as { className?: string }).className ?? '') || layer['activityRegularizer']) {
      return [];
    }
    const keys = Object.keys(layer);
    const values = keys.map((key) => layer[key]);
    if (values.some((value) => typeof value === 'function' && !knownFunctions.has(value))) return [];
    found.push({ layer, keys, values });
  }
  return found;
}
