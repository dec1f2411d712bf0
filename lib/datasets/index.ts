/** Data sets that Keras offers, loaded as tensors. */
export * as mnist from './mnist.js';
