// Colours that colour-blind readers tell apart (M. Okabe & K. Ito, "Color Universal Design", 2008), each with a symbol of
// its own, on light and on dark ground.
import { plain, short } from './plain.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
let printing = false;

/** @param {boolean} value */
export function setPrinting(value) {
  printing = value;
}

/** @param {() => void} redraw */
export function onTheme(redraw) {
  dark.addEventListener('change', redraw);
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
    autosize: true,
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
 * An axis whose places are named; hostile names too. Narrow screens get shorter ones.
 * @param {string[]} names
 */
export function places(names) {
  const longest = innerWidth < 600 ? 18 : 48;
  return {
    tickmode: 'array',
    tickvals: names.map((_, place) => place),
    ticktext: names.map((name) => short(name, longest)),
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
