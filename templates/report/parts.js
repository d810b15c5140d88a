// When the parts of models were fetched and made ready, as spans on the clock of each job.
import { figure, lines, plain } from './plain.js';
import { marked, number, warning, word } from './rows.js';
import { colour, height, layout, pattern, places, title } from './theme.js';

const MOST_PARTS = 80;

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function parts(panel, rows) {
  const fetched = rows.filter((row) => number(row, 'fetch_began_ms') !== null);
  const shown = fetched.slice(0, MOST_PARTS);
  const of = (/** @type {import('./rows.js').Row} */ row, /** @type {string} */ name) => number(row, name) ?? 0;
  const there = (/** @type {import('./rows.js').Row} */ row) => of(row, 'fetch_began_ms') + of(row, 'fetch_ms');
  /** @type {[string, string, (row: import('./rows.js').Row) => number][]} */
  const spans = [
    ['fetch', 'fetch_ms', (row) => of(row, 'fetch_began_ms')],
    ['make ready', 'create_ms', there],
    ['compile', 'compile_ms', (row) => there(row) + of(row, 'create_ms')],
  ];
  const data = spans.map(([name, column, begin], place) => {
    const own = shown.map((row, at) => ({ row, at })).filter(({ row }) => of(row, column) > 0);
    return {
      type: 'bar',
      orientation: 'h',
      name: plain(name),
      base: own.map(({ row }) => begin(row)),
      x: own.map(({ row }) => of(row, column)),
      y: own.map(({ at }) => at),
      width: 0.6,
      marker: { color: colour(place), pattern: { shape: pattern(place), solidity: 0.25 } },
      text: own.map(({ row }) =>
        lines([
          `${word(row, 'part')} of ${word(row, 'job_id')}`,
          `${name}: ${figure(of(row, column))} ms, measured once`,
          name === 'fetch' ? `from ${figure(begin(row))} ms on, ${figure(of(row, 'bytes') / 1e6)} MB` : '',
          warning(panel, row),
        ]),
      ),
      textposition: 'none',
      hoverinfo: 'text',
    };
  }).filter((trace) => trace.x.length > 0);
  return {
    data,
    layout: layout({
      height: height(shown.length),
      barmode: 'overlay',
      xaxis: { title: title('ms since the job began') },
      yaxis: places(shown.map((row) => `${word(row, 'part')} · ${marked(panel, row)}`)),
      showlegend: true,
    }),
    drawn: shown.length,
    total: fetched.length,
    what: 'parts, the first',
    more: fetched.length < rows.length ? `${rows.length - fetched.length} parts were not fetched.` : '',
  };
}
