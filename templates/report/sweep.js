// Times of jobs: dots with intervals.
import { interval, lines, plain } from './plain.js';
import { errors, grouped, number, software, warning, word } from './rows.js';
import { colour, height, layout, places, symbol, title } from './theme.js';

/** Rows that are drawn: more could not be told apart. */
const MOST = 80;

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function sweep(panel, rows) {
  const fastest = (/** @type {import('./rows.js').Row[]} */ group) =>
    Math.min(...group.map((row) => number(row, 'median_ms') ?? Infinity));
  const labels = [...grouped(rows, (row) => word(row, 'label'))].sort(([, a], [, b]) => fastest(a) - fastest(b));
  const drawn = new Map(labels.slice(0, MOST).map(([label], place) => [label, place]));
  const browsers = [...grouped(rows, (row) => word(row, 'browser'))];
  const shown = rows.filter((row) => drawn.has(word(row, 'label')));
  const data = browsers.map(([browser, all], place) => {
    const own = all.filter((row) => drawn.has(word(row, 'label')));
    const shift = (place - (browsers.length - 1) / 2) * Math.min(0.2, 0.7 / browsers.length);
    return {
      type: 'scatter',
      mode: 'markers',
      name: plain(browser),
      x: own.map((row) => number(row, 'median_ms')),
      y: own.map((row) => (drawn.get(word(row, 'label')) ?? 0) + shift),
      error_x: errors(own, 'median_ms', 'low_ms', 'high_ms'),
      marker: {
        color: colour(place),
        size: 8,
        symbol: own.map((row) => mark(panel, row, place)),
      },
      text: own.map((row) =>
        lines([
          row.job_id,
          interval(number(row, 'median_ms'), number(row, 'low_ms'), number(row, 'high_ms'), `ms ${row.clock}`),
          row.verified === 'true' ? 'verified' : 'not verified',
          row.elsewhere ? `↪ ${row.elsewhere}` : '',
          warning(panel, row) || row.adapter,
        ]),
      ),
      hoverinfo: 'text',
    };
  });
  const times = shown.map((row) => number(row, 'median_ms') ?? 0);
  const wide = Math.max(...times) > 20 * Math.min(...times);
  return {
    data,
    layout: layout({
      height: height(drawn.size),
      xaxis: { title: title('ms for an inference'), type: wide ? 'log' : 'linear' },
      yaxis: places([...drawn.keys()]),
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'jobs, the fastest',
  };
}

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row} row
 * @param {number} place
 */
function mark(panel, row, place) {
  if (software(panel, row)) return 'x';
  if (row.elsewhere) return 'arrow-left';
  return row.clock === 'wall' ? `${symbol(place)}-open` : symbol(place);
}
