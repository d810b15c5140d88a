// Samples of a job in their order.
import { figure, lines, plain } from './plain.js';
import { grouped, number, word } from './rows.js';
import { colour, layout, symbol, title } from './theme.js';

const MOST_SAMPLES = 2000;

/**
 * @param {import('./rows.js').Panel} _
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function samples(_, rows) {
  const shown = rows.slice(0, MOST_SAMPLES).map((row, place) => ({ row, place }));
  const byGpu = rows.some((row) => number(row, 'gpu_ms') !== null);
  const column = byGpu ? 'gpu_ms' : 'wall_ms';
  const groups = [...grouped(shown, ({ row }) => (row.kind === 'steady' ? `round ${row.round}` : word(row, 'kind')))];
  const data = groups.map(([name, own], group) => ({
    type: 'scatter',
    mode: 'markers',
    name: plain(name),
    x: own.map(({ row, place }) => number(row, 'sample') ?? place),
    y: own.map(({ row }) => number(row, column)),
    marker: { color: colour(group), symbol: symbol(group), size: 7 },
    text: own.map(({ row }) => lines([`${name}, sample ${row.sample ?? ''}`, `${figure(number(row, column))} ms`])),
    hoverinfo: 'text',
  }));
  return {
    data,
    layout: layout({
      height: 380,
      xaxis: { title: title('sample') },
      yaxis: { title: title(byGpu ? 'GPU ms' : 'wall ms') },
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'samples, the first',
  };
}
