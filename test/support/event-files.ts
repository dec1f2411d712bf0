// Reads event files back, each checksum held against the data.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { type Event, EventSchema, type SummaryValue } from '../../lib/summary/generated/event_pb.js';
import { maskedCrc } from '../../lib/summary/record.js';

/** The whole records of a file, and how many bytes of a torn one stand behind them. @throws Error for a wrong checksum */
export function readRecords(bytes: Uint8Array): { records: Uint8Array[]; tornBytes: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at + 12 <= bytes.length) {
    if (view.getUint32(at + 8, true) !== maskedCrc(bytes.subarray(at, at + 8))) throw new Error(`bad length at ${at}`);
    const length = Number(view.getBigUint64(at, true));
    if (at + 16 + length > bytes.length) break;
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (view.getUint32(at + 12 + length, true) !== maskedCrc(data)) throw new Error(`bad data at ${at}`);
    records.push(data);
    at += 16 + length;
  }
  return { records, tornBytes: bytes.length - at };
}

/** Event files of a folder, oldest first. */
export function eventFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.includes('tfevents'))
    .sort()
    .map((name) => join(folder, name));
}

/** All events of a folder's files. */
export function readEvents(folder: string): Event[] {
  return eventFiles(folder).flatMap((path) =>
    readRecords(readFileSync(path)).records.map((record) => fromBinary(EventSchema, record)),
  );
}

/** Summaries with their steps. */
export function readSummaries(folder: string): { step: number; value: SummaryValue }[] {
  return readEvents(folder).flatMap(({ what, step }) =>
    what.case === 'summary' ? what.value.value.map((value) => ({ step: Number(step), value })) : [],
  );
}

/** The curves of a folder: points [step, value] by tag. */
export function readScalars(folder: string): Record<string, [number, number][]> {
  const curves: Record<string, [number, number][]> = {};
  for (const { step, value } of readSummaries(folder)) {
    if (value.metadata?.pluginData?.pluginName !== 'scalars') continue;
    const content = value.tensor?.content as Uint8Array;
    const number = new DataView(content.buffer, content.byteOffset).getFloat32(0, true);
    curves[value.tag] ??= [];
    curves[value.tag]?.push([step, number]);
  }
  return curves;
}

/** Rows [left, right, count] of the histograms of a tag, one array a step. */
export function readHistograms(folder: string, tag: string): { step: number; rows: number[][] }[] {
  return readSummaries(folder)
    .filter(({ value }) => value.tag === tag && value.metadata?.pluginData?.pluginName === 'histograms')
    .map(({ step, value }) => {
      const content = value.tensor?.content as Uint8Array;
      const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
      const rows = Array.from({ length: content.length / 24 }, (_, i) =>
        [0, 8, 16].map((offset) => view.getFloat64(24 * i + offset, true)),
      );
      return { step, rows };
    });
}
