// Random numbers, as in `keras.random`: all from the counter-based generator, so that a seed gives the same on every device.
export { SeedGenerator } from '../core/random.js';
export * from '../ops/random.js';
