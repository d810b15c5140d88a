// What jobs compute in a second by how much they compute for each byte, under what the hardware can do at most.
import { figure, interval, lines, plain } from './plain.js';
import { errors, grouped, number, software, warning, word } from './rows.js';
import { colour, ink, layout, symbol, title } from './theme.js';

const MOST_IN_ROOF = 500;

/**
 * The limits of which rows say that they reached a share: each number format may have its own. Shares are rounded, so
 * limits within 1 % of each other are one.
 * @param {import('./rows.js').Row[]} rows
 * @param {string} part
 * @param {string} share
 */
function limits(rows, part, share) {
  const all = rows.map((row) => (100 * (number(row, part) ?? NaN)) / (number(row, share) ?? NaN)).filter(Number.isFinite);
  all.sort((a, b) => a - b);
  return all.filter((limit, place) => place === 0 || limit > 1.01 * all[place - 1]);
}

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function roofline(panel, rows) {
  const shown = rows.slice(0, MOST_IN_ROOF);
  /** @type {object[]} */
  const data = [...grouped(shown, (row) => word(row, 'browser'))].map(([browser, own], place) => ({
    type: 'scatter',
    mode: 'markers',
    name: plain(browser),
    x: own.map((row) => number(row, 'flop_per_byte')),
    y: own.map((row) => number(row, 'gflops')),
    error_y: errors(own, 'gflops', 'gflops_low', 'gflops_high'),
    marker: { color: colour(place), size: 9, symbol: own.map((row) => (software(panel, row) ? 'x' : symbol(place))) },
    text: own.map((row) =>
      lines([
        row.job_id,
        interval(number(row, 'gflops'), number(row, 'gflops_low'), number(row, 'gflops_high'), 'GFLOP/s'),
        `${figure(number(row, 'flop_per_byte'))} FLOP for each byte, ${figure(number(row, 'gbytes_per_s'))} GB/s`,
        row.of_peak_gflops_percent ? `${figure(number(row, 'of_peak_gflops_percent'))} % of the peak of arithmetic` : '',
        row.of_peak_gbytes_percent ? `${figure(number(row, 'of_peak_gbytes_percent'))} % of the peak of memory` : '',
        warning(panel, row),
      ]),
    ),
    hoverinfo: 'text',
  }));
  const x = shown.map((row) => number(row, 'flop_per_byte') ?? 1);
  const ends = [Math.min(...x) / 2, Math.max(...x) * 2];
  const line = { type: 'scatter', mode: 'lines', line: { color: ink().soft, dash: 'dash' }, hoverinfo: 'name' };
  for (const slope of limits(shown, 'gbytes_per_s', 'of_peak_gbytes_percent')) {
    data.push({ ...line, name: `memory: ${figure(slope)} GB/s`, x: ends, y: ends.map((end) => end * slope) });
  }
  for (const peak of limits(shown, 'gflops', 'of_peak_gflops_percent')) {
    data.push({ ...line, name: `arithmetic: ${figure(peak)} GFLOP/s`, x: ends, y: [peak, peak], line: { ...line.line, dash: 'dot' } });
  }
  return {
    data,
    layout: layout({
      height: 460,
      xaxis: { title: title('FLOP for each byte'), type: 'log' },
      yaxis: { title: title('GFLOP/s'), type: 'log' },
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'jobs, the first',
  };
}
