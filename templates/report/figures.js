// Which function draws which chart.
import { forest } from './forest.js';
import { kernels } from './kernels.js';
import { memory, tokens } from './memory.js';
import { overRuns } from './over_runs.js';
import { heatMap, parallel } from './parameters.js';
import { parts } from './parts.js';
import { roofline } from './roofline.js';
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
  heat_map: { draw: heatMap, choose: 'browser' },
  kernels: { draw: kernels, choose: 'job_id' },
  memory: { draw: memory },
  over_runs: { draw: overRuns },
  parallel: { draw: parallel, choose: 'browser' },
  parts: { draw: parts },
  roofline: { draw: roofline },
  samples: { draw: samples, choose: 'job_id' },
  start_up: { draw: startUp },
  sweep: { draw: sweep },
  tokens: { draw: tokens },
};
