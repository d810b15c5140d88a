// Which function draws which chart.
import { sweep } from './sweep.js';

/**
 * @typedef {object} Chart
 * @property {(panel: import('./rows.js').Panel, rows: import('./rows.js').Row[]) => import('./rows.js').Figure} draw
 * @property {string} [choose] The column whose values are looked at one at a time.
 */

/** @type {Record<string, Chart>} */
export const CHARTS = {
  sweep: { draw: sweep },
};
