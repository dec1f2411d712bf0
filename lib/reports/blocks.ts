import type { EChartsOption } from 'echarts';
import type { Palette } from './palette.js';

/** What a chart is drawn for. @internal */
export interface ChartStyle {
  readonly palette: Palette;
  /** Width in pixels. */
  readonly width: number;
  /** A picture without a pointer: nothing may scroll or hide. */
  readonly still: boolean;
}

interface Size {
  /** What it shows, for readers that can't see it. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
}

/** A chart that ECharts draws: plain JSON, so that it can stand in a page. @internal */
export interface ChartBlock extends Size {
  readonly kind: 'lines' | 'matrix' | 'parallel';
  /** Below this width the page scrolls it. */
  readonly minWidth: number;
  option(style: ChartStyle): EChartsOption;
}

/** A drawing of our own: the inside of an SVG. @internal */
export interface DrawingBlock extends Size {
  readonly kind: 'drawing';
  draw(palette: Palette): string;
}

/** @internal */
export type Block = ChartBlock | DrawingBlock;

/** A table on a page. */
export interface ReportTable {
  /** Headings, left to right. */
  readonly columns: readonly string[];
  /** One cell for each column; null is empty. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** A part of a report with a heading of its own. @internal */
export interface Section {
  readonly title: string;
  readonly notes: readonly string[];
  readonly table: ReportTable | null;
  readonly blocks: readonly Block[];
}
