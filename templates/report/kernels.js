// Kernels of a profile, the longest first, with the share of all up to each.
import { figure, lines } from './plain.js';
import { number, warning } from './rows.js';
import { colour, height, layout, places, title } from './theme.js';

const MOST_KERNELS = 60;

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function kernels(panel, rows) {
  const time = (/** @type {import('./rows.js').Row} */ row) => number(row, 'gpu_ms') ?? 0;
  const shown = [...rows].sort((a, b) => time(b) - time(a)).slice(0, MOST_KERNELS);
  const all = rows.reduce((sum, row) => sum + time(row), 0) || 1;
  let sum = 0;
  const shares = shown.map((row) => (sum += (100 * time(row)) / all));
  const y = shown.map((_row, place) => place);
  const text = shown.map((row, place) =>
    lines([row.kernel, row.op, `${figure(time(row))} ms (no interval)`, `${figure(shares[place])} % up to here`, warning(panel, row)]),
  );
  return {
    data: [
      { type: 'bar', orientation: 'h', name: 'GPU ms', x: shown.map(time), y, text, textposition: 'none', hoverinfo: 'text', marker: { color: colour(0) } },
      { type: 'scatter', mode: 'lines+markers', name: '% up to here', x: shares, y, text, hoverinfo: 'text', xaxis: 'x2', line: { color: colour(1) } },
    ],
    layout: layout({
      height: height(shown.length) + 40,
      margin: { l: 10, r: 15, t: 70, b: 40 },
      xaxis: { title: title('GPU ms') },
      xaxis2: { overlaying: 'x', side: 'top', range: [0, 105], showgrid: false, ticksuffix: ' %' },
      yaxis: places(shown.map((row) => String(row.kernel))),
      legend: { orientation: 'h', y: -0.2 },
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'kernels, the longest',
  };
}
