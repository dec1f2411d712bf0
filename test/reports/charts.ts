import { inflateSync } from 'node:zlib';
import type { Report } from '../../lib/reports/index.js';

/** One chart of a page, as its script gets it. */
export interface PageChart {
  kind: 'lines' | 'matrix';
  option: {
    title?: { text: string };
    legend: { data: string[]; show: boolean };
    xAxis: {
      name: string;
      type: string;
      min?: number;
      max?: number;
      data?: string[];
      axisLabel: { customValues?: number[] };
    };
    yAxis: { name?: string; data?: string[] };
    series: {
      id: string;
      name: string;
      color: string;
      data: unknown[];
      lineStyle: { type: string | number[]; color: string };
      markPoint?: { data: { coord: number[] }[]; label: { formatter: string; show: boolean } };
    }[];
  };
}

/** The charts that stand in a report's page. */
export function chartsOf(report: Report): PageChart[] {
  const json = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(report.html())?.[1];
  return JSON.parse(json as string) as PageChart[];
}

/** A report's page without what stands in scripts. */
export function markupOf(report: Report): string {
  return report.html().replace(/(<script[^>]*>).*?(<\/script>)/gs, '$1$2');
}

/** Heading, names and points of each line: what a reader sees of a chart. */
export function linesOf({ option }: PageChart): { metric: string; lines: Record<string, unknown[]> } {
  const lines = option.series.map(({ id, name, data }) => [`${name} (${id.split(':')[0]})`, data]);
  return { metric: option.title?.text as string, lines: Object.fromEntries(lines) };
}

/** Width, height, number of channels and bytes of a PNG that stands in an address; only what this package writes. */
export function readPng(uri: string): { width: number; height: number; channels: number; pixels: number[] } {
  const file = Buffer.from(uri.replace('data:image/png;base64,', ''), 'base64');
  const parts = new Map<string, Buffer>();
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    parts.set(file.toString('latin1', at + 4, at + 8), file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const header = parts.get('IHDR') as Buffer;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = header[9] === 2 ? 3 : 1;
  const rows = inflateSync(parts.get('IDAT') as Buffer);
  const stride = 1 + width * channels;
  const pixels = Array.from({ length: height }, (_, y) => [...rows.subarray(y * stride + 1, (y + 1) * stride)]).flat();
  return { width, height, channels, pixels };
}
