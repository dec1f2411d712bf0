import type { SerializedObject } from '../../core/configurable.js';
import { ArgumentError } from '../../core/errors.js';
import { type Field, show } from '../../core/fields.js';
import { isPlainObject } from '../../core/tree.js';
import { deserialize, type SerializedLayer, serialize } from '../family.js';
import { Layer } from '../layer.js';

/** A layer, or a layer's config, as options of wrapping layers take it. @internal */
export function nestedLayer(value: unknown, where: string): Layer {
  if (value instanceof Layer) return value;
  if (isPlainObject(value) && typeof value.className === 'string')
    // Without what it was built for: the layer around it builds it, so that paths of weights are right.
    return deserialize({ ...(value as unknown as SerializedLayer), buildConfig: undefined } as never, where);
  throw new ArgumentError(`${where}: expected a layer, got ${show(value)}.`);
}

/** Row of a table of fields for an option that is a layer; configs hold it with what it was built for. @internal */
export const layerField: Pick<Field<Layer>, 'check' | 'toConfig'> = {
  check: nestedLayer,
  toConfig: (layer: Layer): SerializedObject => serialize(layer),
};
