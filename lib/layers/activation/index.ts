export { ELU, type ELUOptions } from './elu.js';
export { LeakyReLU, type LeakyReLUOptions } from './leaky-relu.js';
export { PReLU, type PReLUOptions } from './prelu.js';
export { ReLU, type ReLUOptions } from './relu.js';
export { Softmax, type SoftmaxOptions } from './softmax.js';
