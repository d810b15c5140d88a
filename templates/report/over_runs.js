// Jobs over runs, one below the other: medians with intervals, where each became slower or faster, and what was new.
import { figure, interval, lines, plain, short } from './plain.js';
import { errors, grouped, marked, number, software, warning, word } from './rows.js';
import { colour, ink, isNarrow, layout, telling } from './theme.js';

/** @typedef {import('./rows.js').Panel} Panel */
/** @typedef {import('./rows.js').Row} Row */

const MOST_COURSES = 12;
const MOST_POINTS = 2400;
/** Pixels of a job, and those of them that its name has. */
const COURSE = 170;
const COURSE_NAME = 26;
/** The share of a job's height that a line of marks has. */
const LANE = 0.12;

/** Marks of what was new in a run, by its column; their shapes alone tell them apart. */
const NEWS = [
  ['browser', 'new browser', 'square-open'],
  ['gpu_driver', 'new GPU driver', 'diamond-open'],
  ['library', 'new library', 'bowtie-open'],
  ['gpujobs', 'new gpujobs', 'star-open'],
  ['manifest', 'new manifest', 'hash-open'],
  ['other', 'something else new', 'asterisk-open'],
];
const REFUSED = ['no number', 'circle-x-open'];

/** What is said of a job that has no change. */
const UNCHANGED = new Map([
  ['no-change', 'no change found'],
  ['too-few', 'too few runs count'],
]);

/**
 * @param {Panel} panel
 * @param {Row[]} rows
 * @returns {import('./rows.js').Figure}
 */
export function overRuns(panel, rows) {
  const all = [...grouped(rows, (row) => JSON.stringify([row.job_id, row.adapter_kind, row.adapter])).values()];
  const known = all.filter((own) => own.some((row) => number(row, 'median_ms') !== null));
  const longest = Math.max(1, ...known.map((own) => own.length));
  const shown = known.slice(0, Math.max(1, Math.min(MOST_COURSES, Math.floor(MOST_POINTS / longest))));
  const courses = shown.map((own, place) => course(panel, own, axisName('y', place)));
  const data = courses.flatMap((one) => one.data).sort((a, b) => a.legendrank - b.legendrank);
  const without = rows.filter((row) => number(row, 'median_ms') === null).length;
  const common = layout({
    height: 90 + COURSE * shown.length,
    xaxis: { ...runs(shown.flat()), anchor: axisName('y', shown.length - 1) },
    showlegend: true,
    shapes: courses.flatMap((one) => one.borders),
    annotations: [...headings(panel, shown, all), ...courses.flatMap((one) => one.labels)],
  });
  courses.forEach(({ range }, place) => {
    const axis = { domain: domain(place, shown.length), range, ticksuffix: ' ms', nticks: 4, zeroline: false, fixedrange: true };
    common[axisName('yaxis', place)] = { ...common.yaxis, ...axis };
  });
  return {
    // Each name stands in the legend once.
    data: data.map((trace, place) => ({ ...trace, showlegend: trace.name !== data[place - 1]?.name })),
    layout: common,
    drawn: shown.length,
    total: known.length,
    what: 'jobs, those that changed most first',
    more: without ? `${without} of ${rows.length} rows have no number; the table says why.` : '',
  };
}

/**
 * `y`, `y2`, `y3`, …
 * @param {string} begin
 * @param {number} place
 */
function axisName(begin, place) {
  return place > 0 ? `${begin}${place + 1}` : begin;
}

/**
 * From where to where a job is drawn, upwards, in a chart whose height is 1; its name stands above.
 * @param {number} place
 * @param {number} count
 */
function domain(place, count) {
  return [1 - (place + 1) / count, 1 - (place + COURSE_NAME / COURSE) / count];
}

/** @param {Row} row */
function runNumber(row) {
  return number(row, 'run_number') ?? 0;
}

/**
 * The axis of runs, which all jobs share; of many only some are named, the newest among them.
 * @param {Row[]} rows
 */
function runs(rows) {
  const names = new Map(rows.map((row) => [runNumber(row), word(row, 'run')]));
  const numbers = [...names.keys()].sort((a, b) => a - b);
  const step = Math.ceil(numbers.length / (isNarrow() ? 12 : 40));
  const ticks = numbers.filter((_, place) => (numbers.length - 1 - place) % step === 0);
  const begin = commonBegin([...names.values()]);
  const name = (/** @type {number} */ tick) => `${begin ? '…' : ''}${(names.get(tick) ?? '').slice(begin)}`;
  return {
    tickmode: 'array',
    tickvals: ticks,
    ticktext: ticks.map((tick) => short(name(tick), isNarrow() ? 17 : 24)),
    tickangle: isNarrow() ? -90 : -35,
    range: [(numbers[0] ?? 0) - 0.5, (numbers.at(-1) ?? 0) + 0.5],
    zeroline: false,
    fixedrange: true,
  };
}

/**
 * How many letters all names begin with, up to a hyphen: folders of runs are named after manifest and time.
 * @param {string[]} names
 */
function commonBegin(names) {
  const ends = [...(names[0] ?? '').matchAll(/-/g)].map((hyphen) => hyphen.index + 1);
  const common = ends.filter((end) => names.every((name) => name.startsWith(names[0].slice(0, end))));
  // A sign takes the place of what is left out.
  return names.length > 1 && (common.at(-1) ?? 0) > 4 ? (common.at(-1) ?? 0) : 0;
}

/**
 * The name of each job, and what may be said of it.
 * @param {Panel} panel
 * @param {Row[][]} shown
 * @param {Row[][]} all
 */
function headings(panel, shown, all) {
  const names = shown.map(([row]) => marked(panel, row));
  const labels = isNarrow() ? telling(names) : names;
  return shown.map((own, place) => {
    const [row] = own;
    const several = all.filter(([other]) => other.job_id === row.job_id).length > 1;
    const missing = (number(row, 'runs') ?? 0) - new Set(own.map(runNumber)).size;
    // Where there is little room, the label at a change says it.
    const said = [
      UNCHANGED.get(word(row, 'verdict')) ?? (isNarrow() ? '' : `last change: ${row.verdict}`),
      missing > 0 ? `runs that this page leaves out: ${missing}` : '',
    ];
    return {
      xref: 'paper',
      yref: 'paper',
      x: 0,
      y: domain(place, shown.length)[1],
      xanchor: 'left',
      yanchor: 'bottom',
      showarrow: false,
      text: `${short(labels[place] + (several ? ` on ${row.adapter}` : ''), isNarrow() ? 28 : 110)} <i>${plain(said.filter(Boolean).join(', '))}</i>`,
    };
  });
}

/**
 * A change in words: `1.05x slower (1.04–1.06)`; of one that is faster, how many times.
 * @param {Row} row
 */
function inWords(row) {
  const faster = row.change === 'faster';
  const ends = ['ratio', faster ? 'ratio_high' : 'ratio_low', faster ? 'ratio_low' : 'ratio_high'].map((column) => number(row, column));
  const [ratio, low, high] = ends.map((end) => figure(end !== null && faster ? 1 / end : end));
  return `${ratio}x ${row.change} (${low}–${high})`;
}

/**
 * What a pointer on a dot or a mark says.
 * @param {Panel} panel
 * @param {Row} row
 */
function told(panel, row) {
  const median = number(row, 'median_ms');
  const status = row.status === 'ok' ? '' : row.status;
  return lines([
    row.job_id,
    `${row.run}, ${row.started_at}`,
    median === null
      ? `no number: ${[status, row.reason === status ? 'no reason is recorded' : row.reason].filter(Boolean).join(': ')}`
      : interval(median, number(row, 'low_ms'), number(row, 'high_ms'), `ms ${row.clock}`),
    ...(row.change
      ? [
          `${inWords(row)} from here on`,
          row.change_with ? `with ${row.change_with}` : 'nothing else that is watched was new',
          row.circumstances ? `but ${row.circumstances}` : '',
        ]
      : []),
    ...NEWS.map(([kind, name]) => (row[`new_${kind}`] ? `${name}: ${row[`new_${kind}`]}` : '')),
    warning(panel, row) || row.adapter,
  ]);
}

/**
 * A job's traces, the range of its axis, and the lines at its changes with their labels.
 * @param {Panel} panel
 * @param {Row[]} own
 * @param {string} yaxis
 */
function course(panel, own, yaxis) {
  // Marks stand in lines below the dots, one for each thing that was new in a run.
  const marks = own.flatMap((row) => {
    const of = NEWS.filter(([kind]) => row[`new_${kind}`]).map(([, name, shape]) => [name, shape]);
    if (number(row, 'median_ms') === null) of.push(REFUSED);
    return of.map(([name, shape], lane) => ({ row, name, shape, lane }));
  });
  const lanes = 0.5 + Math.max(0, ...marks.map((mark) => mark.lane + 1));
  const medians = own.filter((row) => number(row, 'median_ms') !== null);
  const low = Math.min(...medians.map((row) => number(row, 'low_ms') ?? number(row, 'median_ms') ?? 0));
  const high = Math.max(...medians.map((row) => number(row, 'high_ms') ?? number(row, 'median_ms') ?? 0));
  // Above the dots there is room for the label of a change.
  // Whatever was new at once, dots have two fifths of the height.
  const lane = Math.min(LANE, 0.6 / (lanes + 1.5));
  const whole = (high - low || 0.02 * high) / (1 - lane * (lanes + 1.5));
  const floor = low - whole * lane * lanes;
  const trace = (/** @type {Row[]} */ rows, /** @type {string} */ name, /** @type {object} */ rest) => ({
    type: 'scatter',
    mode: 'markers',
    name,
    legendgroup: name,
    legendrank: rank(name),
    x: rows.map(runNumber),
    y: rows.map((row) => number(row, 'median_ms')),
    yaxis,
    text: rows.map((row) => told(panel, row)),
    hoverinfo: 'text',
    cliponaxis: false,
    ...rest,
  });
  const [kind, shape] = looks(panel, own[0]);
  const changes = own.filter((row) => row.change);
  const from = (/** @type {string} */ direction) => changes.filter((row) => row.change === direction);
  const line = { type: 'line', yref: `${yaxis} domain`, y0: 0, y1: 0.86, line: { color: ink().soft, width: 1, dash: 'dot' } };
  const data = [
    trace(own, kind, {
      mode: 'lines+markers',
      error_y: errors(own, 'median_ms', 'low_ms', 'high_ms'),
      line: { color: colour(0), width: 1 },
      marker: { color: colour(0), size: 8, symbol: shape },
    }),
    trace(from('slower'), 'slower from here on', { marker: { color: colour(1), size: 14, symbol: 'triangle-up' } }),
    trace(from('faster'), 'faster from here on', { marker: { color: colour(2), size: 14, symbol: 'triangle-down' } }),
    ...[...grouped(marks, (mark) => mark.name)].map(([name, of]) =>
      trace(of.map((mark) => mark.row), name, {
        y: of.map((mark) => floor + whole * lane * (mark.lane + 0.5)),
        marker: { color: ink().text, size: 9, symbol: of[0].shape },
      }),
    ),
  ];
  return {
    data: data.filter((one) => one.x.length > 0),
    range: [floor, floor + whole],
    borders: changes.map((row) => ({ ...line, x0: runNumber(row) - 0.5, x1: runNumber(row) - 0.5 })),
    labels: changeLabels(own, changes).map((label) => ({ ...label, yref: `${yaxis} domain`, y: 1, yanchor: 'top', showarrow: false })),
  };
}

/**
 * What a job's dots are called, and their shape.
 * @param {Panel} panel
 * @param {Row} row
 */
function looks(panel, row) {
  if (!software(panel, row)) return row.clock === 'wall' ? ['wall time', 'circle-open'] : ['GPU time', 'circle'];
  return row.adapter_kind === 'unknown' ? ['perhaps computed in software', 'x-open'] : ['computed in software', 'x'];
}

/**
 * The labels of changes, as long as the narrowest gap between them allows.
 * @param {Row[]} own
 * @param {Row[]} changes
 */
function changeLabels(own, changes) {
  const all = own.map(runNumber);
  const [first, last] = [Math.min(...all), Math.max(...all)];
  const borders = changes.map((row) => runNumber(row) - 0.5);
  // Half of a label stands on each side.
  const gaps = borders.map((border, place) => Math.min(border - (borders[place - 1] ?? border - 2 * (border - first)), 2 * (last - border)));
  const room = (Math.min(...gaps) / (last - first || 1)) * (isNarrow() ? 280 : 560);
  const said = (/** @type {Row} */ row) => {
    const words = inWords(row);
    if (room > 200) return words;
    return words.split(room > 100 ? ' (' : ' ')[0];
  };
  return changes.map((row, place) => ({ x: borders[place], text: `${row.change === 'slower' ? '▲' : '▼'} ${plain(said(row))}` }));
}

/**
 * The place in the legend: dots, changes, news, and what has no number. Whatever is drawn later lies above.
 * @param {string} name
 */
function rank(name) {
  const names = ['GPU time', 'wall time', 'computed in software', 'perhaps computed in software', 'slower from here on', 'faster from here on', ...NEWS.map(([, new_]) => new_), REFUSED[0]];
  return 1 + names.indexOf(name);
}
