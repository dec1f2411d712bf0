import './methods.js';

export * from './activation.js';
export * from './arithmetic.js';
export * from './cast.js';
export * from './control.js';
export * from './conv.js';
export * from './creation.js';
export * from './crossentropy.js';
export * from './diagonal.js';
export * from './elementwise.js';
export * from './indexing.js';
export * from './join.js';
export * from './linalg.js';
export * from './logic.js';
export * from './normalization.js';
export * from './reduce.js';
export * from './search.js';
export * from './shape.js';
