import { inflateSync } from 'node:zlib';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  histogramEvent,
  imageEvent,
  scalarEvent,
  sessionEndEvent,
  sessionStartEvent,
  textEvent,
  versionEvent,
} from '../../lib/summary/events.js';
import { EventSchema, type Summary, type SummaryValue } from '../../lib/summary/generated/event_pb.js';
import { HyperparameterDataSchema } from '../../lib/summary/generated/hparams_pb.js';
import { bucketsOf } from '../../lib/summary/histogram.js';
import { encodeImages } from '../../lib/summary/pixels.js';
import { frameRecord, maskedCrc } from '../../lib/summary/record.js';
import { flatText } from '../../lib/summary/text.js';
import { readRecords } from '../support/event-files.js';
import { type GoldenArray, goldenNumber, loadGolden } from '../support/golden.js';

interface EventCase {
  kind: string;
  tag: string;
  values: unknown;
  pixels?: GoldenArray;
  options: { step?: number; description?: string; buckets?: number; trialId?: string; startTimeSecs?: number };
  event: { bytes: GoldenArray; wallTime: number; step: number };
}

const golden = loadGolden<EventCase>('event_files');
const of = (kind: string) => golden.cases.filter((one) => one.kind === kind);
const bytesOf = ({ data }: GoldenArray): Uint8Array => new Uint8Array(data as Uint8Array);
const headOf = ({ tag, event: { wallTime, step }, options: { description } }: EventCase) => ({
  tag,
  wallTime,
  step,
  ...(description !== undefined && { description }),
});

/** Compared as text, which shows where they part. */
const expectBytes = (actual: Uint8Array, wanted: GoldenArray): void =>
  expect(Buffer.from(actual).toString('latin1')).toBe(Buffer.from(bytesOf(wanted)).toString('latin1'));

describe('byte for byte as TensorFlow writes them', () => {
  const file = bytesOf(golden.facts['file'] as GoldenArray);
  const records = golden.facts['records'] as GoldenArray[];

  test('the frame around records', () => {
    const framed = records.map((record) => frameRecord(bytesOf(record)));
    expect(Buffer.concat(framed).equals(file)).toBe(true);
    expect(readRecords(file).records.map((record) => Buffer.from(record).toString('latin1'))).toEqual(
      records.map((record) => Buffer.from(bytesOf(record)).toString('latin1')),
    );
  });

  test('the first event, but for the name of the writer', () => {
    const theirs = fromBinary(EventSchema, bytesOf(records[0] as GoldenArray));
    const ours = fromBinary(EventSchema, versionEvent(theirs.wallTime));
    expect(ours.what).toEqual(theirs.what);
    expect([ours.sourceMetadata?.writer, theirs.sourceMetadata?.writer]).toEqual([
      'torchlayers.summary',
      'tensorflow.core.util.events_writer',
    ]);
  });

  test.each(of('scalar'))('$name', (one) => {
    expectBytes(scalarEvent(headOf(one), goldenNumber(one.values as number)), one.event.bytes);
  });

  test.each(of('histogram'))('$name', async (one) => {
    const rows = await bucketsOf((one.values as GoldenArray).data as Float32Array, one.options.buckets ?? 30);
    expectBytes(histogramEvent(headOf(one), rows), one.event.bytes);
  });

  test.each(of('text'))('$name', (one) => {
    const { strings, shape } = flatText('text', one.values as string);
    expectBytes(textEvent(headOf(one), strings, shape), one.event.bytes);
  });
});

/** The parts of a PNG without filters; the checksum of each part is held against it by the real browser, in tensorboard.isolated.test.ts. */
function decodePng(png: Uint8Array): { width: number; height: number; colourType: number; pixels: number[] } {
  const bytes = Buffer.from(png);
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  const raw = inflateSync(bytes.subarray(41, 41 + bytes.readUInt32BE(33)));
  const row = raw.length / height;
  const rows = Array.from({ length: height }, (_, y) => raw.subarray(y * row, (y + 1) * row));
  expect(rows.every(([filter]) => filter === 0)).toBe(true);
  return { width, height, colourType: bytes[25] as number, pixels: rows.flatMap((one) => [...one.subarray(1)]) };
}

const stringsOf = (value: SummaryValue): Uint8Array[] => value.tensor?.strings ?? [];

describe('images', () => {
  test.each(of('image'))('$name: pixels as TensorFlow converts them', async (one) => {
    const values = one.values as GoldenArray;
    const dtype = values.data instanceof Uint8Array ? 'uint8' : 'float32';
    const images = await encodeImages(values.data as Float32Array, values.shape, dtype, 3);
    const event = fromBinary(EventSchema, imageEvent(headOf(one), images));
    const theirs = fromBinary(EventSchema, bytesOf(one.event.bytes));
    const [ours, wanted] = [event, theirs].map(({ what }) => (what.value as Summary).value[0] as SummaryValue) as [
      SummaryValue,
      SummaryValue,
    ];
    expect(ours.metadata).toEqual(wanted.metadata);
    expect(ours.tensor?.shape).toEqual(wanted.tensor?.shape);
    const [count, height, width, channels] = values.shape as [number, number, number, number];
    const [w, h, ...pngs] = stringsOf(ours);
    expect([w, h].map((text) => new TextDecoder().decode(text))).toEqual([String(width), String(height)]);
    const decoded = pngs.map(decodePng);
    // The byte after the sizes and the depth names the kind of pixels, in theirs too.
    const types = stringsOf(wanted)
      .slice(2)
      .map((png) => png[25]);
    expect(decoded.map((png) => png.colourType)).toEqual(types);
    expect(decoded).toHaveLength(Math.min(3, count));
    const size = height * width * channels;
    for (const [i, png] of decoded.entries()) {
      expect([png.width, png.height]).toEqual([width, height]);
      expect(png.pixels).toEqual([...((one.pixels as GoldenArray).data as Uint8Array).slice(i * size, (i + 1) * size)]);
    }
  });
});

describe('hyperparameters', () => {
  const dataOf = (bytes: Uint8Array) => {
    const { what } = fromBinary(EventSchema, bytes);
    if (what.case !== 'summary') throw new Error('no summary');
    const [value] = what.value.value;
    const { content, pluginName } = value?.metadata?.pluginData ?? {};
    return {
      tag: value?.tag,
      tensor: value?.tensor,
      pluginName,
      data: fromBinary(HyperparameterDataSchema, content as Uint8Array).data,
    };
  };

  // A map has no order: the messages are compared, not their bytes. So is the digest that names a group of equal runs.
  test.each(of('hparams'))('$name', ({ values, options, event }) => {
    const { startTimeSecs = 0, trialId } = options;
    const start = trialId === undefined ? { startTimeSecs } : { startTimeSecs, trialId };
    const ours = sessionStartEvent({ wallTime: event.wallTime }, values as Record<string, number>, start);
    expect(dataOf(ours)).toEqual(dataOf(bytesOf(event.bytes)));
  });

  test('the end', () => {
    const { tag, data } = dataOf(sessionEndEvent({ wallTime: 5 }, { status: 1, endTimeSecs: 7 }));
    expect(tag).toBe('_hparams_/session_end_info');
    expect(data).toMatchObject({ case: 'sessionEnd', value: { status: 1, endTimeSecs: 7 } });
  });
});

describe('histograms', () => {
  test('what is not finite is left out', async () => {
    const rows = await bucketsOf(Float32Array.of(Number.NaN, 1, Infinity, 2, -Infinity, 2), 2);
    expect([...rows]).toEqual([1, 1.5, 1, 1.5, 2, 2]);
    expect([...(await bucketsOf(Float32Array.of(Number.NaN), 2))]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('every element is counted once, whatever the numbers', async () => {
    for (const scale of [1e-40, 1, 1e37]) {
      const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i * 7) * scale);
      const rows = await bucketsOf(values, 30);
      expect(rows.filter((_, i) => i % 3 === 2).reduce((sum, count) => sum + count)).toBe(1000);
      expect([rows[0], rows[88]]).toEqual([Math.min(...values), Math.max(...values)]);
    }
  });

  test('millions of elements leave turns to the event loop', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns++;
    }, 1);
    await bucketsOf(
      Float32Array.from({ length: 3_000_000 }, (_, i) => i % 97),
      30,
    );
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

test('checksums are those of the format', () => {
  // CRC-32C of '123456789' is e3069283, by the standard; masked as the format does.
  const crc = 0xe3069283;
  expect(maskedCrc(new TextEncoder().encode('123456789'))).toBe(
    Number((((BigInt(crc) >> 15n) | ((BigInt(crc) << 17n) & 0xffffffffn)) + 0xa282ead8n) & 0xffffffffn),
  );
});
