// What a tuning tried, in its order, and the best so far.
import { interval, lines, plain } from './plain.js';
import { errors, grouped, number, software, warning } from './rows.js';
import { colour, layout, symbol, title } from './theme.js';

const MOST_TRIALS = 2000;

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function bestSoFar(panel, rows) {
  const right = rows.filter((row) => number(row, 'median_ms') !== null && row.verified !== 'false');
  const shown = right.slice(0, MOST_TRIALS);
  const tasks = [...grouped(shown, (row) => `${row.browser} ${row.model} ${row.kernel} ${row.size ?? ''}`)];
  const data = tasks.flatMap(([name, own], task) => {
    const parameters = (/** @type {import('./rows.js').Row} */ row) =>
      Object.entries(row).filter(([key, value]) => key.startsWith('param_') && value !== null).map(([key, value]) => `${key.slice(6)}=${value}`);
    let best = Infinity;
    const x = own.map((_row, place) => place + 1);
    return [
      {
        type: 'scatter',
        mode: 'markers',
        name: plain(name),
        x,
        y: own.map((row) => number(row, 'median_ms')),
        error_y: errors(own, 'median_ms', 'low_ms', 'high_ms'),
        marker: { color: colour(task), symbol: own.map((row) => (software(panel, row) ? 'x' : symbol(task))), size: 7 },
        text: own.map((row) =>
          lines([
            name,
            `workgroup ${row.workgroup}`,
            parameters(row).join(' '),
            interval(number(row, 'median_ms'), number(row, 'low_ms'), number(row, 'high_ms'), `ms, ${row.phase}`),
            warning(panel, row) || row.adapter,
          ]),
        ),
        hoverinfo: 'text',
      },
      {
        type: 'scatter',
        mode: 'lines',
        name: plain(`${name}, best so far`),
        x,
        y: own.map((row) => (best = Math.min(best, number(row, 'median_ms') ?? Infinity))),
        line: { shape: 'hv', color: colour(task) },
        hoverinfo: 'skip',
      },
    ];
  });
  return {
    data,
    layout: layout({
      height: 460,
      xaxis: { title: title('trial that was right') },
      yaxis: { title: title('ms'), type: 'log' },
      showlegend: true,
    }),
    drawn: shown.length,
    total: right.length,
    what: 'trials, the first',
    more: right.length < rows.length ? `${rows.length - right.length} configurations have no time; the table says why.` : '',
  };
}
