import type { Block, ReportTable, Section } from './blocks.js';
import { chartScript } from './charts.js';
import { blockSvg } from './layout.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';
import { CssPalette } from './palette.js';
import { escapeMarkup, formatNumber, scriptJson } from './text.js';

// The browser itself refuses whatever is not in the page.
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/** A report as one self-contained page. @internal */
export function reportPage(title: string, sections: readonly Section[]): string {
  const palette = new CssPalette();
  const charts: object[] = [];
  const heatMaps = sections.some(({ blocks }) => blocks.some(({ kind }) => kind === 'matrix' || kind === 'parallel'));

  const panel = (block: Block, group: number): string => {
    const picture = blockSvg(block, palette, `c${charts.length}`);
    if (block.kind === 'drawing') {
      return `<figure class="panel drawing">${picture}</figure>`;
    }
    const { kind, width, height, minWidth, label } = block;
    const option = block.option({ palette, width, still: false });
    const index = charts.push({ kind, option }) - 1;
    const style = `--height:${height}px;--min:${minWidth}px;--most:${kind === 'matrix' ? `${width}px` : 'none'}`;
    const chart = `<div class="chart" data-chart="${index}" data-group="${group}" role="img" aria-label="${escapeMarkup(label)}"></div>`;
    const scroll = minWidth > 0 ? '<div class="scroll" tabindex="0">' : '<div>';
    return `<figure class="panel" style="${style}">${scroll}${chart}</div><noscript><style>.chart{display:none}</style>${picture}</noscript></figure>`;
  };

  const body = sections.map((section, i) =>
    [
      '<section>',
      section.title === '' ? '' : `<h2>${escapeMarkup(section.title)}</h2>`,
      ...section.notes.map((note) => `<p class="note">${escapeMarkup(note)}</p>`),
      section.table === null ? '' : tableHtml(section.table),
      section.blocks.length === 0
        ? ''
        : `<div class="panels">${section.blocks.map((block) => panel(block, i)).join('\n')}</div>`,
      '</section>',
    ]
      .filter(Boolean)
      .join('\n'),
  );

  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${escapeMarkup(title)}</title>
<style>${pageStyle(palette)}</style>
</head>
<body>
<header><h1>${escapeMarkup(title)}</h1><button id="theme" type="button" aria-label="Switch between light and dark" hidden></button></header>
<main>
${body.join('\n')}
</main>
<script type="application/json" id="charts">${scriptJson(charts)}</script>
${charts.length === 0 ? '' : `<script>${chartScript(heatMaps)}</script>\n`}<script>${pageScript}</script>
</body>
</html>
`;
}

function tableHtml({ columns, rows }: ReportTable): string {
  const numeric = columns.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  const cell = (tag: string, text: string, i: number): string =>
    `<${tag}${numeric[i] ? ' class="number"' : ''}>${text}</${tag}>`;
  const body = rows.map((row) => {
    const cells = row.map((value, i) =>
      cell('td', value === null ? '' : escapeMarkup(typeof value === 'number' ? formatNumber(value) : value), i),
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  const head = columns.map((column, i) => cell('th', escapeMarkup(column), i)).join('');
  return `<div class="sheet"><table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}
