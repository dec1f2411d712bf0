import { call } from '../core/call.js';
import { defaultDevice, withDevice } from '../core/device.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { SymbolicTensor } from '../core/symbolic.js';
import type { Tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import type { Model } from '../models/model.js';
import { type FlatData, unflatten } from './data/layout.js';
import { breathe, compiledOf } from './steps.js';

/** Makes the weights of a model that has none yet, for data of any batch size; and the optimizer's variables. @internal */
export async function buildFor(model: Model, data: FlatData, options: { optimizer: boolean }): Promise<void> {
  if (!model.built) {
    const symbols = data.tensors.map(
      ({ shape, dtype }) => new SymbolicTensor({ shape: [null, ...shape.slice(1)], dtype }),
    );
    try {
      model.apply(unflatten(data.layout, symbols).x);
    } catch (error) {
      // Where steps run eagerly, a call may read values, which symbols don't have: a row of the data has them.
      if (!(error instanceof StateError) || model.trainingState.compiled?.runEagerly !== true) throw error;
      tidy(() => {
        const row = data.tensors.map((tensor) => call('aten::slice.Tensor', tensor, 0, 0, 1, 1));
        model.apply(unflatten(data.layout, row).x as Tensor);
      });
    }
    await breathe();
  }
  if (!options.optimizer) return;
  const { optimizer } = compiledOf(model, 'fit');
  if (!optimizer.built) {
    optimizer.build(model.trainableWeights);
    await breathe();
  }
}

/** Runs `fn` with the device of the model's weights as the default, so that data and what steps make follow them. @internal */
export function onDeviceOf<T>(model: Model, fn: () => T): T {
  const device = model.weights[0]?.device;
  return device === undefined || device === defaultDevice() ? fn() : withDevice(device, fn);
}

/** Refuses a call without labels where the loss or a metric needs them. @internal */
export function checkLabelsGiven(model: Model, data: FlatData, where: string): void {
  const { loss } = compiledOf(model, where);
  if (loss === null || data.layout.y !== undefined) return;
  throw new ArgumentError(
    `${where}: expected y, which the loss compares with the predictions, got none.`,
    `Write model.${where}(x, y).`,
  );
}
