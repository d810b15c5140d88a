// Ratios with their intervals, and the band of what counts as the same.
import { interval, lines } from './plain.js';
import { errors, marked, number, warning } from './rows.js';
import { colour, height, ink, layout, places, title } from './theme.js';

const MOST_RATIOS = 80;
const VERDICTS = ['faster', 'slower', 'same', 'undecided'];

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function forest(panel, rows) {
  const far = (/** @type {import('./rows.js').Row} */ row) => Math.abs(Math.log(number(row, 'ratio') ?? 1));
  const known = rows.filter((row) => number(row, 'ratio') !== null).sort((a, b) => far(b) - far(a));
  const shown = known.slice(0, MOST_RATIOS).map((row, place) => ({ row, place }));
  const data = VERDICTS.map((verdict, place) => {
    const own = shown.filter(({ row }) => row.verdict === verdict);
    const of = own.map(({ row }) => row);
    return {
      type: 'scatter',
      mode: 'markers',
      name: verdict,
      x: of.map((row) => number(row, 'ratio')),
      y: own.map((one) => one.place),
      error_x: errors(of, 'ratio', 'ratio_low', 'ratio_high'),
      marker: { size: 9, color: colour([2, 1, 6, 3][place]), symbol: ['triangle-left', 'triangle-right', 'circle', 'circle-open'][place] },
      text: of.map((row) =>
        lines([
          row.job_id,
          `${row.new} by ${row.base}`,
          interval(number(row, 'ratio'), number(row, 'ratio_low'), number(row, 'ratio_high'), ''),
          verdict,
          row.circumstances,
          warning(panel, row),
        ]),
      ),
      hoverinfo: 'text',
    };
  }).filter((trace) => trace.x.length > 0);
  const same = panel.same_within ?? 0;
  const refused = rows.length - known.length;
  const band = { type: 'rect', yref: 'paper', y0: 0, y1: 1, layer: 'below', line: { width: 0 }, opacity: 0.4 };
  return {
    data,
    layout: layout({
      height: height(shown.length),
      xaxis: { title: title('new time by base time') },
      yaxis: places(shown.map(({ row }) => marked(panel, row))),
      shapes: [{ ...band, x0: 1 - same, x1: 1 + same, fillcolor: ink().line }],
      showlegend: true,
    }),
    drawn: shown.length,
    total: known.length,
    what: 'ratios, those furthest from 1',
    more: refused ? `${refused} ${refused === 1 ? 'pair has' : 'pairs have'} no ratio; the table says why.` : '',
  };
}
