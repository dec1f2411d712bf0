// Control flow and gradients that operations offer; they live in core, where the recorder is.
export { type CustomGradientResult, cond, customGradient } from '../core/control.js';
