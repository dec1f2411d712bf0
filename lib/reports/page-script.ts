/**
 * The script of a page, in the browser's JavaScript. It draws the charts that stand as JSON in the page, writes their tooltips, and switches the theme:
 * all colours are CSS variables, so that nothing is drawn anew for it.
 * @internal
 */
export const pageScript = `
(() => {
  'use strict';
  const escape = (text) => echarts.format.encodeHTML(String(text));
  const number = (value) => {
    if (typeof value !== 'number') return '\\u2013';
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString('en-US');
    const size = Math.abs(value);
    return size < 1e-3 || size >= 1e6 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  };
  const percent = (share) => (100 * share).toFixed(1) + '%';
  const table = (head, rows) => '<b>' + escape(head) + '</b><table class="tip">' +
    rows.map((cells) => '<tr>' + cells.map((cell) => '<td>' + cell + '</td>').join('') + '</tr>').join('') + '</table>';

  const tooltips = {
    lines: (option) => (points) => {
      const { name, data } = option.xAxis;
      const x = points[0].value[0];
      const head = name + ' ' + (data === undefined ? number(x) : data[x]);
      const single = new Set(points.map((point) => point.seriesName)).size === points.length;
      return table(head, points.map((point) => {
        const part = point.seriesId.split(':')[0];
        const style = option.series[point.seriesIndex].lineStyle;
        const key = '<span class="key ' + part + '" style="border-color:' + escape(style.color) + '"></span>';
        const where = single ? '' : '<span class="part">' + part + '</span>';
        return [key + escape(point.seriesName), where, number(point.value[1])];
      }));
    },
    matrix: (option) => (cell) => {
      const [column, row, , count, ofRow, ofColumn] = cell.value;
      const predicted = option.xAxis.data[column];
      const actual = option.yAxis.data[row];
      if (cell.seriesId === 'sums') return table(row === option.yAxis.data.length - 1
        ? (column === option.xAxis.data.length - 1 ? 'all' : 'predicted ' + predicted) : 'true ' + actual,
        [['samples', number(count)]]);
      return table('true ' + actual + ', predicted ' + predicted, [['samples', number(count)],
        ['of true ' + escape(actual), percent(ofRow)], ['of predicted ' + escape(predicted), percent(ofColumn)]]);
    },
    parallel: (option) => (item) => table(item.name, option.parallelAxis.map((axis, i) =>
      [escape(axis.name), typeof item.value[i] === 'number' ? number(item.value[i]) : escape(item.value[i])])),
  };

  const charts = JSON.parse(document.getElementById('charts').textContent);
  const groups = new Set();
  for (const element of document.querySelectorAll('[data-chart]')) {
    const { kind, option } = charts[Number(element.dataset.chart)];
    option.tooltip.formatter = tooltips[kind](option);
    const chart = echarts.init(element, null, { renderer: 'svg' });
    chart.setOption(option);
    if (kind === 'lines') {
      chart.group = element.dataset.group;
      groups.add(chart.group);
    }
    new ResizeObserver(() => {
      if (element.clientWidth !== chart.getWidth() || element.clientHeight !== chart.getHeight()) chart.resize();
    }).observe(element);
  }
  for (const group of groups) echarts.connect(group);

  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const button = document.getElementById('theme');
  const isDark = () => (root.dataset.theme === undefined ? system.matches : root.dataset.theme === 'dark');
  const label = () => { button.textContent = isDark() ? 'Light' : 'Dark'; };
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    label();
  });
  system.addEventListener('change', label);
  button.hidden = false;
  label();
})();
`;
