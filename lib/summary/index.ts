// Event files for TensorBoard, as `tf.summary` writes them.
export type { HyperparameterValues } from './events.js';
export type { GraphNode } from './graph.js';
export type { Text } from './text.js';
export {
  createFileWriter,
  FileWriter,
  type FileWriterOptions,
  type HistogramOptions,
  type HparamsOptions,
  type ImageOptions,
  type SummaryOptions,
} from './writer.js';
