/** Utilities that Keras has under `keras.utils`. */

export { registerCustomObject } from '../core/family.js';
export { resetNames as clearSession } from '../core/names.js';
export { setRandomSeed } from '../core/random.js';
export { type ModelToDotOptions, modelToDot } from './model-to-dot.js';
export { type NormalizeOptions, normalize } from './normalize.js';
export { type PadSequencesOptions, padSequences, type Sequence } from './pad-sequences.js';
export { type PlotModelOptions, plotModel } from './plot-model.js';
export { type ToCategoricalOptions, toCategorical } from './to-categorical.js';
