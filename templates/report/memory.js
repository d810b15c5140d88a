// Memory of jobs, and tokens a second.
import { figure, interval, lines, plain } from './plain.js';
import { errors, grouped, marked, number, software, warning, word } from './rows.js';
import { colour, height, layout, places, symbol, title } from './theme.js';

const MOST_HELD = 80;
/** @type {[string, string][]} */
const KINDS = [
  ['gpu_memory_bytes', 'GPU'],
  ['gpu_memory_peak_bytes', 'GPU at most'],
  ['js_heap_peak_bytes', 'JS heap'],
  ['wasm_memory_bytes', 'wasm'],
  ['browser_rss_peak_bytes', 'browser'],
];

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function memory(panel, rows) {
  const shown = rows.slice(0, MOST_HELD).map((row, place) => ({ row, place }));
  const data = KINDS.map(([column, name], kind) => {
    const own = shown.filter(({ row }) => (number(row, column) ?? 0) > 0);
    const megabytes = own.map(({ row }) => (number(row, column) ?? 0) / 1e6);
    return {
      type: 'scatter',
      mode: 'markers',
      name: plain(name),
      x: megabytes,
      y: own.map(({ place }) => place),
      marker: { color: colour(kind), symbol: symbol(kind), size: 9 },
      text: own.map(({ row }, at) => lines([row.job_id, `${name}: ${figure(megabytes[at])} MB`, warning(panel, row)])),
      hoverinfo: 'text',
    };
  }).filter((trace) => trace.x.length > 0);
  return {
    data,
    layout: layout({
      height: height(shown.length),
      xaxis: { title: title('MB'), type: 'log' },
      yaxis: places(shown.map(({ row }) => marked(panel, row))),
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'jobs, the first',
  };
}

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function tokens(panel, rows) {
  const [rate, low, high] = ['decode_tokens_per_s', 'decode_low_tokens_per_s', 'decode_high_tokens_per_s'];
  const shown = rows.slice(0, MOST_HELD).map((row, place) => ({ row, place }));
  const data = [...grouped(shown, ({ row }) => word(row, 'browser'))].map(([browser, own], group) => ({
    type: 'scatter',
    mode: 'markers',
    name: plain(browser),
    x: own.map(({ row }) => number(row, rate)),
    y: own.map(({ place }) => place),
    error_x: errors(own.map(({ row }) => row), rate, low, high),
    marker: { color: colour(group), size: 9, symbol: own.map(({ row }) => (software(panel, row) ? 'x' : symbol(group))) },
    text: own.map(({ row }) =>
      lines([
        row.job_id,
        interval(number(row, rate), number(row, low), number(row, high), 'tokens/s'),
        `first token: ${interval(number(row, 'ttft_ms'), number(row, 'ttft_low_ms'), number(row, 'ttft_high_ms'), 'ms')}`,
        warning(panel, row),
      ]),
    ),
    hoverinfo: 'text',
  }));
  return {
    data,
    layout: layout({
      height: height(shown.length),
      xaxis: { title: title('tokens a second') },
      yaxis: places(shown.map(({ row }) => marked(panel, row))),
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'jobs, the first',
  };
}
