// Colours that colour-blind readers tell apart (M. Okabe & K. Ito, "Color Universal Design", 2008), each with a symbol of
// its own, on light and on dark ground.
import { plain, short } from './plain.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
const narrow = matchMedia('(max-width: 600px)');
/** Pixels of a chart on paper: both A4 and Letter have as many between the margins of all browsers. */
const PAPER = 640;
let printing = false;

/** @param {boolean} value */
export function setPrinting(value) {
  printing = value;
}

/** @param {() => void} redraw */
export function onLook(redraw) {
  dark.addEventListener('change', redraw);
  narrow.addEventListener('change', redraw);
}

/** Whether there is little room beside a chart's own things. */
export function isNarrow() {
  return narrow.matches && !printing;
}

export function ink() {
  return dark.matches && !printing
    ? { text: '#e8e8e6', soft: '#a9a9a6', line: '#3d4044', ground: '#17181a' }
    : { text: '#1b1b1b', soft: '#595959', line: '#d0d0cc', ground: '#ffffff' };
}

/** @param {number} place */
export function colour(place) {
  const onLight = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#595959'];
  const onDark = ['#56b4e9', '#e69f00', '#33c79a', '#cc79a7', '#f0e442', '#d55e00', '#b0b0b0'];
  const colours = dark.matches && !printing ? onDark : onLight;
  return colours[place % colours.length];
}

/** @param {number} place */
export function symbol(place) {
  const symbols = ['circle', 'square', 'diamond', 'triangle-up', 'star', 'hexagon', 'cross'];
  return symbols[place % symbols.length];
}

/** @param {number} place */
export function pattern(place) {
  return ['', '/', 'x', '.', '+', '-', '|'][place % 7];
}

/**
 * What all charts have in common.
 * @param {Record<string, any>} own
 * @returns {Record<string, any>}
 */
export function layout(own) {
  const { text, line, ground } = ink();
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  const { xaxis, yaxis, ...rest } = own;
  return {
    // A page that is printed is not laid out anew by itself.
    ...(printing ? { autosize: false, width: PAPER } : { autosize: true }),
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { color: text, size: 12, family: 'system-ui, sans-serif' },
    margin: { l: 10, r: 15, t: 30, b: 40 },
    hovermode: 'closest',
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: line, activecolor: text },
    hoverlabel: { bgcolor: ground, bordercolor: line, font: { color: text }, align: 'left', namelength: 0 },
    legend: { orientation: 'h', y: 1, yanchor: 'bottom', x: 0 },
    ...rest,
    xaxis: { ...axis, ...xaxis },
    yaxis: { ...axis, ...yaxis },
  };
}

/**
 * How many of the first parts, or of the last ones, all names have in common; each keeps one.
 * @param {string[][]} names
 * @param {(name: string[], place: number) => string | undefined} part
 */
function common(names, part) {
  const least = Math.min(...names.map((name) => name.length)) - 1;
  let count = 0;
  while (count < least && names.every((name) => part(name, count) === part(names[0], count))) count += 1;
  return count;
}

/**
 * Names without the parts of ids that all of them begin or end with.
 * @param {string[]} names
 */
export function telling(names) {
  if (names.length < 2) return names;
  const sign = (/** @type {string} */ name) => (name.startsWith('⚠ ') ? '⚠ ' : '');
  const parts = names.map((name) => name.slice(sign(name).length).split('/'));
  const end = common(parts, (name, place) => name[name.length - 1 - place]);
  const rest = parts.map((name) => name.slice(0, name.length - end));
  const begin = common(rest, (name, place) => name[place]);
  const shown = (/** @type {string[]} */ name) => `${begin > 0 ? '…/' : ''}${name.slice(begin).join('/')}${end > 0 ? '/…' : ''}`;
  return rest.map((name, place) => sign(names[place]) + shown(name));
}

/**
 * An axis whose places are named; hostile names too. Narrow screens get shorter ones.
 * @param {string[]} names
 */
export function places(names) {
  const longest = isNarrow() ? 20 : 48;
  return {
    tickmode: 'array',
    tickvals: names.map((_, place) => place),
    ticktext: telling(names).map((name) => short(name, longest)),
    range: [names.length - 0.4, -0.6],
    zeroline: false,
    fixedrange: true,
  };
}

/** @param {string} text */
export function title(text) {
  return { text: plain(text) };
}

/** @param {number} rows */
export function height(rows, each = 22) {
  return Math.max(220, 110 + each * rows);
}
