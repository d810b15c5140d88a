// Which function draws which chart.
import { forest } from './forest.js';
import { kernels } from './kernels.js';
import { parts } from './parts.js';
import { samples } from './samples.js';
import { startUp } from './start_up.js';
import { sweep } from './sweep.js';
import { bestSoFar } from './tuning.js';

/**
 * @typedef {object} Chart
 * @property {(panel: import('./rows.js').Panel, rows: import('./rows.js').Row[]) => import('./rows.js').Figure} draw
 * @property {string} [choose] The column whose values are looked at one at a time.
 */

/** @type {Record<string, Chart>} */
export const CHARTS = {
  best_so_far: { draw: bestSoFar },
  forest: { draw: forest },
  kernels: { draw: kernels, choose: 'job_id' },
  parts: { draw: parts },
  samples: { draw: samples, choose: 'job_id' },
  start_up: { draw: startUp },
  sweep: { draw: sweep },
};
