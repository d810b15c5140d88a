// Parameters of a tuning: each configuration as a line over all of them, and the best time by two of them.
import { figure, lines, plain, short } from './plain.js';
import { grouped, number, warning, word } from './rows.js';
import { colour, ink, layout, title } from './theme.js';

const MOST_LINES = 300;

/**
 * What a configuration consists of: its parameters that take several values, those of most values first.
 * @param {import('./rows.js').Row[]} rows
 */
function varying(rows) {
  const names = Object.keys(rows[0] ?? {}).filter((name) => name === 'workgroup' || name.startsWith('param_'));
  const values = (/** @type {string} */ name) => [...new Set(rows.map((row) => word(row, name)))];
  const numeric = new Intl.Collator('en', { numeric: true });
  const found = names.map((name) => ({ name, title: name.replace(/^param_/, ''), values: values(name).sort(numeric.compare) }));
  return found.filter((one) => one.values.length > 1).sort((a, b) => b.values.length - a.values.length);
}

/** @param {import('./rows.js').Row[]} rows */
function timed(rows) {
  const right = rows.filter((row) => number(row, 'median_ms') !== null && row.verified !== 'false');
  return right.sort((a, b) => (number(a, 'median_ms') ?? 0) - (number(b, 'median_ms') ?? 0));
}

/**
 * Lines rather than a plot of its own kind: that one makes functions of texts, which the page forbids.
 * @param {import('./rows.js').Panel} panel
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function parallel(panel, rows) {
  const right = timed(rows);
  const axes = varying(right);
  const shown = axes.length > 1 ? right.slice(0, MOST_LINES) : [];
  const height = (/** @type {typeof axes[0]} */ axis, /** @type {import('./rows.js').Row} */ row) =>
    axis.values.indexOf(word(row, axis.name)) / (axis.values.length - 1);
  const data = shown.map((row, place) => ({
    type: 'scatter',
    mode: 'lines+markers',
    name: place === 0 ? 'the fastest' : place === 1 ? 'others, the faster the darker' : '',
    showlegend: place < 2,
    x: axes.map((_, at) => at),
    y: axes.map((axis) => height(axis, row) + 0.006 * ((place % 9) - 4)),
    line: { color: place === 0 ? colour(1) : colour(0), width: place === 0 ? 4 : 1.5 },
    marker: { size: place === 0 ? 9 : 4 },
    opacity: place === 0 ? 1 : Math.max(0.12, 0.8 - (0.7 * place) / shown.length),
    text: axes.map((axis) =>
      lines([
        `${axis.title} = ${word(row, axis.name)}`,
        `${figure(number(row, 'median_ms'))} ms, place ${place + 1} of ${right.length}`,
        `${word(row, 'browser')} ${word(row, 'model')} ${word(row, 'kernel')}`,
        warning(panel, row),
      ]),
    ),
    hoverinfo: 'text',
  })).reverse();
  const few = axes.map((axis, at) => ({ axis, at })).filter(({ axis }) => axis.values.length <= 12);
  const labels = few.flatMap(({ axis, at }) =>
    axis.values.map((value, place) => ({
      x: at,
      y: place / (axis.values.length - 1),
      text: short(value, 14),
      showarrow: false,
      xanchor: 'left',
      xshift: 8,
      bgcolor: ink().ground,
      opacity: 0.85,
    })),
  );
  return {
    data,
    layout: layout({
      height: 420,
      xaxis: { tickmode: 'array', tickvals: axes.map((_, at) => at), ticktext: axes.map((axis) => plain(axis.title)), range: [-0.2, axes.length - 0.4] },
      yaxis: { visible: false, range: [-0.08, 1.08] },
      annotations: labels,
      showlegend: true,
    }),
    drawn: shown.length,
    total: right.length,
    what: 'configurations, the fastest',
  };
}

/**
 * @param {import('./rows.js').Panel} _
 * @param {import('./rows.js').Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function heatMap(_, rows) {
  const right = timed(rows);
  const [across, up] = varying(right);
  const nothing = { data: [], layout: {}, drawn: 0, total: right.length, what: '' };
  if (!across || !up) return nothing;
  const cells = grouped(right, (row) => `${word(row, up.name)}\n${word(row, across.name)}`);
  const best = (/** @type {string} */ y, /** @type {string} */ x) => cells.get(`${y}\n${x}`)?.[0];
  const time = (/** @type {string} */ y, /** @type {string} */ x) => number(best(y, x) ?? {}, 'median_ms');
  const ticks = (/** @type {string[]} */ values) => ({ tickmode: 'array', tickvals: values.map((_value, at) => at), ticktext: values.map((value) => short(value, 16)) });
  return {
    data: [
      {
        type: 'heatmap',
        z: up.values.map((y) => across.values.map((x) => Math.log10(time(y, x) ?? NaN))),
        colorscale: 'Viridis',
        reversescale: true,
        showscale: false,
        xgap: 2,
        ygap: 2,
        text: up.values.map((y) => across.values.map((x) => (time(y, x) === null ? '' : `${figure(time(y, x))} ms`))),
        texttemplate: '%{text}',
        hovertext: up.values.map((y) =>
          across.values.map((x) => lines([`${across.title} = ${x}`, `${up.title} = ${y}`, time(y, x) === null ? 'not tried' : `${figure(time(y, x))} ms at best`])),
        ),
        hoverinfo: 'text',
      },
    ],
    layout: layout({
      height: Math.max(260, 120 + 32 * up.values.length),
      xaxis: { title: title(across.title), ...ticks(across.values), showgrid: false },
      yaxis: { title: title(up.title), ...ticks(up.values), showgrid: false },
    }),
    drawn: right.length,
    total: right.length,
    what: '',
    more: `The best of all configurations with these values of ${up.title} and ${across.title}, the two that take most values; lighter is faster.`,
  };
}
