import { config as core } from './core/config.js';
import { setDevice } from './core/device.js';
import { dtypePolicy, setDtypePolicy } from './layers/dtype-policy.js';

/** Settings of the whole package: `keras.config`. */
export type Settings = typeof core & {
  /** Sets the device that is used where none is given: 'cpu', 'cuda', 'cuda:1'. */
  readonly setDevice: typeof setDevice;
  /** The policy of layers that are given no dtype. */
  readonly dtypePolicy: typeof dtypePolicy;
  /** Sets the policy of layers made afterwards: 'mixed_bfloat16'; `null` goes back to floatx. */
  readonly setDtypePolicy: typeof setDtypePolicy;
};

/** Settings of the whole package: default dtype, epsilon, image format, device, dtype policy. */
export const config: Settings = { ...core, setDevice, dtypePolicy, setDtypePolicy };
