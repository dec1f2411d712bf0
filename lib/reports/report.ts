import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { checkChoice, checkOptions, none } from '../ops/arguments.js';
import { writeAtomically } from '../saving/atomic.js';
import type { Section } from './blocks.js';
import { reportSvg } from './layout.js';
import { reportPage } from './page-html.js';
import { paletteOf, type Theme } from './palette.js';

/** Options of {@link Report.svg}. */
export interface SvgOptions {
  /** Colours for a light or a dark background. @default 'light' */
  theme?: Theme;
}

/** Options of {@link Report.save}. */
export interface SaveOptions extends SvgOptions {
  /** Ends the writing: the promise rejects with the signal's reason, and an older file stays. */
  signal?: AbortSignal;
}

const themes = ['light', 'dark'] as const;

/**
 * Charts of one kind or another, as a picture or as a page that needs nothing else. The functions of `reports` make one; it keeps the data that it was
 * made from, later changes of a History don't reach it.
 *
 * @example
 * ```ts
 * const report = await reports.history({ loss: [0.9, 0.5, 0.4], val_loss: [0.8, 0.6, 0.6] });
 * report.title; // 'Training history'
 * ```
 */
export class Report {
  readonly title: string;
  /** @internal */
  readonly sections: readonly Section[];

  /** @internal */
  constructor(title: string, sections: readonly Section[]) {
    this.title = title;
    this.sections = sections;
  }

  /**
   * All charts in one standalone SVG. Notes and tables stand on the page only.
   * @throws {ArgumentError} for another theme
   */
  svg(options: SvgOptions = none): string {
    checkOptions('report.svg', options, ['theme'], '');
    const { theme = 'light' } = options;
    return reportSvg(this.title, this.sections, paletteOf(checkChoice('report.svg', 'theme', theme, themes)));
  }

  /**
   * One HTML page with everything in it: charts with tooltips and legends to click, tables, light and dark as the system says or the button. It asks
   * for nothing over the network. Without JavaScript it shows the charts as pictures.
   */
  html(): string {
    return reportPage(this.title, this.sections);
  }

  /**
   * Writes the picture or the page, by the path's extension: `.svg` or `.html`. A file is whole or not there: it is written aside and renamed.
   * @throws {ArgumentError} for another extension
   * @throws a system error that names the file, where it can't be written
   */
  async save(path: string, options: SaveOptions = none): Promise<void> {
    checkOptions('report.save', options, ['theme', 'signal'], 'path');
    const { theme, signal } = options;
    if (theme !== undefined) checkChoice('report.save', 'theme', theme, themes);
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new ArgumentError(`report.save: expected signal to be an AbortSignal, got ${show(signal)}.`);
    }
    const kind = typeof path === 'string' ? extname(path).toLowerCase() : '';
    if (kind !== '.svg' && kind !== '.html') {
      throw new ArgumentError(
        `report.save: expected a path that ends in .svg or .html, got ${show(path)}.`,
        "Write report.save('report.html').",
      );
    }
    signal?.throwIfAborted();
    const text = kind === '.html' ? this.html() : this.svg(theme === undefined ? none : { theme });
    await writeAtomically(path, (temporary) => writeFile(temporary, text), { signal });
  }
}
