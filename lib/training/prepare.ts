import { ArgumentError } from '../core/errors.js';
import { SymbolicTensor } from '../core/symbolic.js';
import type { Model } from '../models/model.js';
import { type FlatData, unflatten } from './data/layout.js';
import { breathe, compiledOf } from './steps.js';

/** Makes the weights of a model that has none yet, for data of any batch size; and the optimizer's variables. @internal */
export async function buildFor(model: Model, data: FlatData, options: { optimizer: boolean }): Promise<void> {
  if (!model.built) {
    const symbols = data.tensors.map(
      ({ shape, dtype }) => new SymbolicTensor({ shape: [null, ...shape.slice(1)], dtype }),
    );
    model.apply(unflatten(data.layout, symbols).x);
    await breathe();
  }
  if (!options.optimizer) return;
  const { optimizer } = compiledOf(model, 'fit');
  if (!optimizer.built) {
    optimizer.build(model.trainableWeights);
    await breathe();
  }
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
