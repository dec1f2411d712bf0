import type { Block, Section } from './blocks.js';
import { drawChart, fontFamily } from './charts.js';
import type { Palette } from './palette.js';
import { escapeMarkup } from './text.js';

const margin = 24;
const gap = 24;
const titleHeight = 40;
const headingHeight = 30;

interface Placed {
  block: Block;
  x: number;
  y: number;
}

/** All charts of a report in one SVG: two in a row where they are narrow, sections one below the other. @internal */
export function reportSvg(title: string, sections: readonly Section[], palette: Palette): string {
  const drawn = sections.filter(({ blocks }) => blocks.length > 0);
  const texts: string[] = [];
  const placed: Placed[] = [];
  let y = margin + titleHeight;
  let right = 320;
  for (const section of drawn) {
    if (section.title !== '') {
      texts.push(text(section.title, margin, y + 15, 15, palette.text));
      y += headingHeight;
    }
    let x = margin;
    let rowHeight = 0;
    const perRow = Math.max(...section.blocks.map(({ width }) => width)) > 600 ? 1 : 2;
    section.blocks.forEach((block, i) => {
      if (i % perRow === 0 && i > 0) {
        y += rowHeight + gap;
        x = margin;
        rowHeight = 0;
      }
      placed.push({ block, x, y });
      x += block.width + gap;
      rowHeight = Math.max(rowHeight, block.height);
      right = Math.max(right, x - gap);
    });
    y += rowHeight + gap;
  }
  const width = right + margin;
  const height = y - gap + margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${fontFamily}" role="img">`,
    `<title>${escapeMarkup(title)}</title>`,
    `<rect width="100%" height="100%" fill="${palette.card}"/>`,
    text(title, margin, margin + 18, 18, palette.text),
    ...texts,
    ...placed.map(({ block, x, y: top }, i) => blockSvg(block, palette, `c${i}`, `x="${x}" y="${top}"`)),
    '</svg>\n',
  ].join('\n');
}

/** One chart or drawing as an SVG element of its own. @internal */
export function blockSvg(block: Block, palette: Palette, prefix: string, attributes = ''): string {
  const { width, height, label } = block;
  const inside =
    block.kind === 'drawing'
      ? block.draw(palette)
      : drawChart(block.option({ palette, width, still: true }), width, height, prefix);
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${[attributes, size].filter(Boolean).join(' ')} role="img" aria-label="${escapeMarkup(label)}">${inside}</svg>`;
}

function text(words: string, x: number, y: number, size: number, fill: string): string {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="600" fill="${fill}">${escapeMarkup(words)}</text>`;
}
