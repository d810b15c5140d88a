// What passes before a first result, as spans on a line of time.
import { figure, lines, plain } from './plain.js';
import { marked, number, warning } from './rows.js';
import { colour, height, layout, pattern, places, title } from './theme.js';

const MOST_STARTS = 60;

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function startUp(panel, rows) {
  const shown = rows.slice(0, MOST_STARTS);
  const of = (/** @type {import('./rows.js').Row} */ row, /** @type {string} */ name) => number(row, name) ?? 0;
  const first = (/** @type {import('./rows.js').Row} */ row) =>
    Math.max(0, of(row, 'time_to_first_result_ms') - of(row, 'first_inference_ms'));
  /** @type {[string, string, (row: import('./rows.js').Row) => number][]} */
  const phases = [
    ['device', 'device_ready_ms', () => 0],
    ['load', 'model_load_ms', (row) => of(row, 'device_ready_ms')],
    ['compile', 'shader_compile_ms', (row) => (row.shader_precompilation === 'false' ? first(row) : of(row, 'device_ready_ms'))],
    ['first inference', 'first_inference_ms', first],
  ];
  const data = phases.map(([name, column, begin], place) => ({
    type: 'bar',
    orientation: 'h',
    name: plain(name),
    base: shown.map(begin),
    x: shown.map((row) => of(row, column)),
    y: shown.map((_row, at) => at),
    width: 0.2,
    offset: -0.4 + 0.2 * place,
    marker: { color: colour(place), pattern: { shape: pattern(place), solidity: 0.25 } },
    text: shown.map((row) => lines([row.job_id, `${name}: ${figure(of(row, column))} ms, measured once`, warning(panel, row)])),
    textposition: 'none',
    hoverinfo: 'text',
  }));
  return {
    data,
    layout: layout({
      height: height(shown.length, 40),
      xaxis: { title: title('ms since the job began') },
      yaxis: places(shown.map((row) => marked(panel, row))),
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'jobs, the first',
  };
}
