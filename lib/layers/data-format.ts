import { config, type DataFormat } from '../core/config.js';
import { type Field, is, optional } from '../core/fields.js';

/** Row of a layer's table of fields for `dataFormat`; null, and leaving it out, take the global setting. @internal */
export const dataFormatField: Field<DataFormat> = optional<DataFormat>(
  (value, where) =>
    value === null ? config.imageDataFormat() : is.oneOf('channels_last', 'channels_first')(value, where),
  null,
);
