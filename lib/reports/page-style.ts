import { fontFamily } from './charts.js';
import type { CssPalette } from './palette.js';

/** The style sheet of a page. @internal */
export function pageStyle(palette: CssPalette): string {
  const light = `color-scheme:light;${palette.declarations('light')}`;
  const dark = `color-scheme:dark;${palette.declarations('dark')}`;
  return `
:root{${light}}
:root[data-theme=dark]{${dark}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 ${fontFamily}}
header,main{max-width:1180px;margin:0 auto;padding:0 20px}
header{display:flex;gap:16px;align-items:center;justify-content:space-between;padding-top:24px;padding-bottom:8px}
h1{font-size:22px;line-height:1.3;margin:0;overflow-wrap:anywhere}
h2{font-size:17px;margin:28px 0 8px;overflow-wrap:anywhere}
button{flex:none;font:inherit;font-size:13px;color:var(--text);background:var(--card);border:1px solid var(--line);border-radius:8px;padding:5px 12px;cursor:pointer}
button:focus-visible,.scroll:focus-visible{outline:2px solid var(--right);outline-offset:2px}
.note{margin:4px 0;color:var(--muted);max-width:75ch;overflow-wrap:anywhere}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:16px;margin:12px 0}
.panel{min-width:0;margin:0;padding:16px;background:var(--card);border:1px solid var(--line);border-radius:12px}
.scroll{overflow-x:auto}
.chart{height:var(--height);min-width:var(--min);max-width:var(--most);margin:0 auto}
.panel svg{display:block}
.drawing svg,noscript svg{max-width:100%;height:auto;margin:0 auto}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;margin:0}
.sheet{overflow-x:auto;width:fit-content;max-width:100%;margin:12px 0;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:6px 4px}
th,td{padding:6px 14px;text-align:left;border-bottom:1px solid var(--grid);overflow-wrap:break-word}
th{color:var(--muted);font-weight:600}
tr:last-child td{border-bottom:0}
.number{text-align:right;white-space:nowrap}
.tip{font-size:12px;margin-top:2px}
.tip td{border:0;padding:1px 0 1px 10px}
.tip td:first-child{padding-left:0}
.tip td:last-child{text-align:right;font-weight:600}
.tip .part{color:var(--muted)}
.key{display:inline-block;width:18px;height:0;border-top:2px solid;vertical-align:middle;margin-right:6px}
.key.validation{border-top-style:dashed}
.key.test{border-top-style:dotted}
@media (max-width:560px){header,main{padding-left:12px;padding-right:12px}.panel{padding:12px 10px}}
@media print{button{display:none}body{background:none}.panel{break-inside:avoid}}
`;
}
