// The bytes of events. Loaded when the first event is written: the protobuf library is slower to load than everything else here.
import { createHash } from 'node:crypto';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { EventSchema, type SummaryValueSchema } from './generated/event_pb.js';
import { type Attribute, GraphDefSchema } from './generated/graph_pb.js';
import { type HyperparameterDataSchema, HyperparameterDataSchema as hyperparameters } from './generated/hparams_pb.js';
import type { GraphNode } from './graph.js';
import type { EncodedImages } from './pixels.js';

/** Where an event stands. @internal */
export interface EventPlace {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
}

/** What every summary has. @internal */
export interface SummaryHead extends EventPlace {
  tag: string;
  /** Markdown that TensorBoard shows beside it. */
  description?: string;
}

/** Values of hyperparameters. */
export type HyperparameterValues = Readonly<Record<string, number | string | boolean>>;

const float32 = 1;
const float64 = 2;
const string = 7;
const encoder = new TextEncoder();

/** TensorFlow's numbers of dtypes, as graphs name them. */
const dataTypes: Readonly<Record<string, number>> = {
  float32,
  float64,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  float16: 19,
  uint32: 22,
  uint64: 23,
};

type Shape = readonly (number | null)[];
type Init = MessageInitShape<typeof SummaryValueSchema>;

const shapeOf = (sizes: Shape): { dim: { size: bigint }[] } => ({
  dim: sizes.map((size) => ({ size: BigInt(size ?? -1) })),
});

/** The event that each file begins with. @internal */
export function versionEvent(wallTime: number): Uint8Array {
  const event = create(EventSchema, {
    wallTime,
    what: { case: 'fileVersion', value: 'brain.Event:2' },
    sourceMetadata: { writer: 'torchlayers.summary' },
  });
  return toBinary(EventSchema, event);
}

function summary(
  head: SummaryHead,
  plugin: string,
  tensor: Init['tensor'],
  content: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const { wallTime, step, tag, description = '' } = head;
  const metadata = { pluginData: { pluginName: plugin, content }, description };
  const event = create(EventSchema, {
    wallTime,
    step: BigInt(step),
    what: { case: 'summary', value: { value: [{ tag, tensor, metadata }] } },
  });
  return toBinary(EventSchema, event);
}

/** @internal */
export function scalarEvent(head: SummaryHead, value: number): Uint8Array {
  const content = new Uint8Array(4);
  new DataView(content.buffer).setFloat32(0, value, true);
  return summary(head, 'scalars', { dtype: float32, shape: {}, content });
}

/** `rows`: what `bucketsOf` answered. @internal */
export function histogramEvent(head: SummaryHead, rows: Float64Array): Uint8Array {
  const content = new Uint8Array(rows.length * 8);
  const view = new DataView(content.buffer);
  for (const [i, value] of rows.entries()) view.setFloat64(8 * i, value, true);
  return summary(head, 'histograms', { dtype: float64, shape: shapeOf([rows.length / 3, 3]), content });
}

/** @internal */
export function textEvent(head: SummaryHead, texts: readonly string[], shape: readonly number[]): Uint8Array {
  const strings = texts.map((text) => encoder.encode(text));
  return summary(head, 'text', { dtype: string, shape: shapeOf(shape), strings });
}

/** @internal */
export function imageEvent(head: SummaryHead, { width, height, pngs }: EncodedImages): Uint8Array {
  const strings = [encoder.encode(String(width)), encoder.encode(String(height)), ...pngs];
  return summary(head, 'images', { dtype: string, shape: shapeOf([strings.length]), strings });
}

/** The config of a model, in Keras' JSON: TensorBoard draws its layers from it. @internal */
export function modelEvent(head: SummaryHead, json: string): Uint8Array {
  return summary(
    head,
    'graph_keras_model',
    { dtype: string, shape: {}, strings: [encoder.encode(json)] },
    encoder.encode('1'),
  );
}

/** @internal */
export function graphEvent({ wallTime, step }: EventPlace, nodes: readonly GraphNode[]): Uint8Array {
  const graph = create(GraphDefSchema, {
    node: nodes.map(({ name, op, inputs = [], device = '', ...facts }) => ({
      name,
      op,
      input: [...inputs],
      device,
      attr: attributes(facts),
    })),
    versions: { producer: 22 },
  });
  const value = toBinary(GraphDefSchema, graph);
  return toBinary(
    EventSchema,
    create(EventSchema, { wallTime, step: BigInt(step), what: { case: 'graphDef', value } }),
  );
}

function attributes({
  shape,
  dtype,
  attributes: more = {},
}: Omit<GraphNode, 'name' | 'op'>): Record<string, Attribute> {
  const found: Record<string, unknown> = {};
  if (shape !== undefined) {
    found['_output_shapes'] = { value: { case: 'list', value: { shape: [shapeOf(shape)] } } };
  }
  const type = dtype === undefined ? undefined : dataTypes[dtype];
  if (type !== undefined) found['dtype'] = { value: { case: 'type', value: type } };
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === 'boolean') found[name] = { value: { case: 'b', value } };
    else if (typeof value === 'string') found[name] = { value: { case: 's', value: encoder.encode(value) } };
    else if (Number.isSafeInteger(value)) found[name] = { value: { case: 'i', value: BigInt(value) } };
    else found[name] = { value: { case: 'f', value } };
  }
  return found as Record<string, Attribute>;
}

function session(
  tag: string,
  wallTime: number,
  data: MessageInitShape<typeof HyperparameterDataSchema>['data'],
): Uint8Array {
  const content = toBinary(hyperparameters, create(hyperparameters, data === undefined ? {} : { data }));
  // The numbers are in the metadata; a tensor without elements keeps the summary's form.
  return summary({ tag, wallTime, step: 0 }, 'hparams', { dtype: float32, shape: shapeOf([0]) }, content);
}

/** Trials with the same group are runs of one set of hyperparameters: by default, those with the same values. @internal */
export function sessionStartEvent(
  { wallTime }: { wallTime: number },
  values: HyperparameterValues,
  { trialId, startTimeSecs }: { trialId?: string; startTimeSecs: number },
): Uint8Array {
  const names = Object.keys(values).sort();
  const sorted = Object.fromEntries(names.map((name) => [name, values[name] as number | string | boolean]));
  const hparams = Object.fromEntries(Object.entries(sorted).map(([name, value]) => [name, { kind: kindOf(value) }]));
  const groupName = trialId ?? createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  return session('_hparams_/session_start_info', wallTime, {
    case: 'sessionStart',
    value: { hparams, groupName, startTimeSecs },
  });
}

function kindOf(value: number | string | boolean) {
  if (typeof value === 'number') return { case: 'number' as const, value };
  if (typeof value === 'string') return { case: 'text' as const, value };
  return { case: 'flag' as const, value };
}

/** @internal */
export function sessionEndEvent(
  { wallTime }: { wallTime: number },
  { status, endTimeSecs }: { status: number; endTimeSecs: number },
): Uint8Array {
  return session('_hparams_/session_end_info', wallTime, { case: 'sessionEnd', value: { status, endTimeSecs } });
}
