// Samples of a job in their order.
import { figure, lines, plain } from './plain.js';
import { grouped, number, warning, word } from './rows.js';
import { colour, ink, layout, symbol, title } from './theme.js';

const MOST_SAMPLES = 2000;

/**
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function samples(panel, rows) {
  const shown = rows.slice(0, MOST_SAMPLES).map((row, place) => ({ row, place }));
  const clock = word(rows[0] ?? {}, 'clock') || 'wall';
  const time = (/** @type {import('./rows.js').Row} */ row) => number(row, `${clock}_ms`);
  const groups = [...grouped(shown, ({ row }) => (row.kind === 'steady' ? `round ${row.round}` : word(row, 'kind')))];
  /** @type {object[]} */
  const data = groups.map(([name, own], group) => ({
    type: 'scatter',
    mode: 'markers',
    name: plain(name),
    x: own.map(({ place }) => place + 1),
    y: own.map(({ row }) => time(row)),
    marker: { color: colour(group), symbol: symbol(group), size: 7 },
    text: own.map(({ row }) =>
      lines([
        `${name}, sample ${row.sample ?? ''}, made ready in round ${row.instance ?? '?'}`,
        `${figure(time(row))} ms by the ${clock === 'gpu' ? "GPU's" : "wall's"} clock`,
        row.outlier ? `outlier: ${row.outlier}` : '',
        warning(panel, row),
      ]),
    ),
    hoverinfo: 'text',
  }));
  const outliers = shown.filter(({ row }) => row.outlier);
  if (outliers.length > 0) {
    data.push({
      type: 'scatter',
      mode: 'markers',
      name: 'outlier',
      x: outliers.map(({ place }) => place + 1),
      y: outliers.map(({ row }) => time(row)),
      marker: { color: ink().text, symbol: 'circle-open', size: 15, line: { width: 1.5 } },
      hoverinfo: 'skip',
    });
  }
  // What is counted decides what is seen first: a warm-up may take many times as long.
  const steady = shown.filter(({ row }) => row.kind === 'steady').map(({ row }) => time(row) ?? 0);
  const [low, high] = [Math.min(...steady), Math.max(...steady)];
  const margin = 0.5 * (high - low) || 0.1 * high;
  const hidden = shown.filter(({ row }) => (time(row) ?? low) > high + margin || (time(row) ?? high) < low - margin).length;
  const range = steady.length > 0 && hidden > 0 ? [low - margin, high + margin] : undefined;
  // Where the job was made ready anew.
  const anew = shown.filter(({ row, place }) => place > 0 && row.instance !== rows[place - 1].instance);
  const line = { type: 'line', yref: 'paper', y0: 0, y1: 1, line: { color: ink().soft, width: 1, dash: 'dot' } };
  return {
    data,
    layout: layout({
      height: 380,
      xaxis: { title: title('sample of the job') },
      yaxis: { title: title(clock === 'gpu' ? 'GPU ms' : 'wall ms'), ...(range ? { range } : {}) },
      shapes: anew.map(({ place }) => ({ ...line, x0: place + 0.5, x1: place + 0.5 })),
      showlegend: true,
    }),
    drawn: shown.length,
    total: rows.length,
    what: 'samples, the first',
    more: [
      range ? `Not shown: ${hidden} that do not count; a double click shows all.` : '',
      outliers.length > 0 ? `Outliers: ${outliers.length} of ${steady.length} that count.` : '',
    ].filter(Boolean).join(' '),
  };
}
