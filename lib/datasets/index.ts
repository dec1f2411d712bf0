/** Data sets that Keras offers, loaded as tensors. */
export * as imdb from './imdb.js';
export * as mnist from './mnist.js';
