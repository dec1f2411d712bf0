import { serialized } from '../core/configurable.js';
import { isPlainObject } from '../core/tree.js';
import type { Model } from '../models/model.js';
import { Sequential } from '../models/sequential.js';
import { toKerasConfig } from '../saving/index.js';

/**
 * Keras' JSON of a model, as far as TensorBoard reads it to draw the layers; null for models with a `call` of their own.
 * @throws for layers that can't be serialized
 * @internal
 */
export function modelJson(model: Model): string | null {
  if (model.graph === null && !(model instanceof Sequential)) return null;
  return JSON.stringify(withTensorsOnly(toKerasConfig(serialized(model))));
}

/** TensorBoard stumbles over arguments of nodes that are no tensors: they are left out, tensors among the options stand with the others. */
function withTensorsOnly(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTensorsOnly);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => {
      if (key !== 'inbound_nodes' || !Array.isArray(child)) return [key, withTensorsOnly(child)];
      return [key, child.map((node) => ({ args: tensorsIn(node), kwargs: {} }))];
    }),
  );
}

function tensorsIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (!isPlainObject(value)) return [];
  return value['class_name'] === '__keras_tensor__' ? [value] : Object.values(value).flatMap(tensorsIn);
}
