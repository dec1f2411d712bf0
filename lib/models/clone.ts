import { Configurable } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { SymbolicTensor } from '../core/symbolic.js';
import { isPlainObject, leaves } from '../core/tree.js';
import { Input, type InputLayer } from '../layers/core/input-layer.js';
import type { CallOptions } from '../layers/inputs.js';
import { Layer } from '../layers/layer.js';
import type { CompileOptions } from '../training/compile.js';
import { applyLayer, type Graph, makerOf, mapSymbols, runGraph, type SymbolicTree } from './graph.js';
import { Model } from './model.js';
import { Sequential } from './sequential.js';

/** Options of {@link cloneModel}. */
export interface CloneModelOptions {
  /** Symbolic tensors to build the copy upon, in the structure of the model's inputs. @default new inputs */
  inputTensors?: SymbolicTree | null;
  /** Makes each layer of the copy; inputs aside. @default a layer with the same options and weights of its own */
  cloneFunction?: ((layer: Layer) => Layer) | null;
  /** Applies each layer of a functional model's copy: a place to insert others. @default `layer.apply(...args)` */
  callFunction?: ((layer: Layer, args: readonly unknown[], options: CallOptions) => unknown) | null;
  /** Whether models inside the model are cloned in the same way, layer by layer. @default false */
  recursive?: boolean;
}

/**
 * A model of the same layers with weights of their own, newly initialized: `keras.models.clone_model`. A compiled model's copy is compiled alike.
 *
 * @throws {ArgumentError} for options that the model can't follow: a subclass with a `call` of its own is copied by its config alone
 * @example
 * ```ts
 * const twin = models.cloneModel(model);
 * twin.setWeights(model.getWeights());
 * ```
 */
export function cloneModel(model: Model, options: CloneModelOptions = {}): Model {
  if (!(model instanceof Model)) throw new ArgumentError(`cloneModel: expected a model, got ${show(model)}.`);
  const known = ['inputTensors', 'cloneFunction', 'callFunction', 'recursive'];
  for (const key of isPlainObject(options) ? Object.keys(options) : ['']) {
    if (!known.includes(key)) {
      throw new ArgumentError(`cloneModel: unknown option '${key}'.`, `Options: ${known.join(', ')}.`);
    }
  }
  for (const key of ['cloneFunction', 'callFunction'] as const) {
    const value: unknown = options[key] ?? null;
    if (value === null || typeof value === 'function') continue;
    throw new ArgumentError(`cloneModel: ${key}: expected a function, got ${show(value)}.`);
  }
  return cloned(model, options, new Map());
}

function cloned(model: Model, options: CloneModelOptions, made: Map<Layer, Layer>): Model {
  const { inputTensors = null, cloneFunction = null, callFunction = null } = options;
  const copy = copierOf(options, made);
  if (model instanceof Sequential) {
    if (callFunction !== null) {
      throw new ArgumentError(
        `cloneModel: callFunction: expected a functional model, got ${model.title}.`,
        'The layers of a Sequential are a list: change the list.',
      );
    }
    return compiledAs(model, cloneSequential(model, copy, inputTensors));
  }
  if (model.graph !== null) return compiledAs(model, cloneGraph(model, model.graph, copy, options));
  if (inputTensors !== null || cloneFunction !== null || callFunction !== null) {
    throw new ArgumentError(
      `cloneModel: expected a Sequential or functional model for these options, got ${model.title}.`,
      'Of a model with a call of its own only the config is known: cloneModel(model).',
    );
  }
  return compiledAs(model, model.twin() as Model);
}

/** Each layer once, however often it is applied. */
function copierOf(options: CloneModelOptions, made: Map<Layer, Layer>): (layer: Layer) => Layer {
  const { cloneFunction = null, callFunction = null, recursive = false } = options;
  const copyOf = (layer: Layer): Layer => {
    if (recursive && layer instanceof Sequential) return cloned(layer, { cloneFunction, recursive }, made);
    if (recursive && layer instanceof Model && layer.graph !== null) {
      return cloned(layer, { cloneFunction, callFunction, recursive }, made);
    }
    return cloneFunction === null ? layer.twin() : cloneFunction(layer);
  };
  return (layer) => {
    const copy = made.get(layer) ?? copyOf(layer);
    if (!(copy instanceof Layer)) {
      throw new ArgumentError(`cloneModel: cloneFunction: expected it to answer a layer, got ${show(copy)}.`);
    }
    made.set(layer, copy);
    return copy;
  };
}

function cloneSequential(model: Sequential, copy: (layer: Layer) => Layer, given: SymbolicTree | null): Model {
  const layers: (Layer | SymbolicTensor)[] = model.layers.map(copy);
  if (given !== null) {
    const [tensor, ...others] = leaves(given);
    if (!(tensor instanceof SymbolicTensor) || others.length > 0) {
      throw new ArgumentError(`cloneModel: inputTensors: expected one symbolic tensor, got ${show(given)}.`);
    }
    layers.unshift(Input({ tensor }));
  } else if (model.built) {
    const { name, shape, dtype } = model.input;
    layers.unshift(Input({ batchShape: shape, dtype, name }));
  }
  return new Sequential({ layers, name: model.name, trainable: model.trainable });
}

function cloneGraph(model: Model, graph: Graph, copy: (layer: Layer) => Layer, options: CloneModelOptions): Model {
  const { inputTensors, callFunction } = options;
  if (inputTensors != null) {
    const given = leaves(inputTensors);
    if (given.length !== graph.inputs.length || !given.every((tensor) => tensor instanceof SymbolicTensor)) {
      throw new ArgumentError(
        `cloneModel: inputTensors: expected ${graph.inputs.length} symbolic tensors in the structure of the model's inputs, got ${show(inputTensors)}.`,
      );
    }
  }
  const inputs =
    inputTensors ??
    (mapSymbols(graph.inputTree, (tensor) => {
      const { shape, dtype } = tensor;
      const { name, optional = false } = makerOf(tensor) as InputLayer;
      return Input({ batchShape: shape, dtype, name, optional });
    }) as SymbolicTree);
  const apply = callFunction ?? applyLayer;
  const answer = runGraph(graph, leaves(inputs), (layer, args, given) => apply(copy(layer), args, given));
  const make = model.constructor as new (options: object) => Model;
  const outputs = (Array.isArray(graph.outputTree) ? [answer].flat() : answer) as SymbolicTree;
  return new make({ inputs, outputs, name: model.name });
}

/** Compiles a copy as its model is; objects with a config are made anew, so that the copies share no state. */
function compiledAs(model: Model, copy: Model): Model {
  const { compiled } = model.trainingState;
  if (compiled === null) return copy;
  const anew = (option: unknown): unknown => {
    if (option instanceof Configurable) return option.type.fromConfig(option.getConfig());
    if (Array.isArray(option)) return option.map(anew);
    if (isPlainObject(option)) return Object.fromEntries(Object.entries(option).map(([key, one]) => [key, anew(one)]));
    return option;
  };
  copy.compile({ ...(anew(compiled.options) as CompileOptions), optimizer: anew(compiled.optimizer) as never });
  return copy;
}
