/**
 * @file A sample is as many inferences in one submission as make it long against the clock that times it.
 */

/** @import { ClockFacts, Sample } from "gpujobs/types.js" */

/** A sample is at least this long, so that what a submission costs by itself is shared by many inferences. */
const SHORTEST_MS = 1;
/** And at least this many steps of the clock, so that a step is at most 1 % of it. */
const FEWEST_STEPS = 100;
/** Wall time of a tiny kernel on a fast GPU has been seen to be twelve times the GPU's; see `measure/clock.rs`. */
const MOST_OVERHEAD = 30;
/** A pass with more dispatches than this holds up the browser. */
const LARGEST_BATCH = 1024;

/**
 * How many inferences a sample takes, from the time of a single one.
 * @param {ClockFacts} clocks
 * @param {Sample} last The latest single inference.
 * @param {() => Promise<Sample>} again Runs one more.
 * @returns {Promise<number>}
 */
export async function pilotBatch(clocks, last, again) {
  const wantedMs = Math.max(SHORTEST_MS, (FEWEST_STEPS * clocks.clockStepUs) / 1000);
  // The first inference may hold a compilation, and any single one holds the latency of its submission.
  const pilot = last.kind === "first" ? await again() : last;
  const wallMs = Math.max(pilot.wallMs - clocks.emptySubmitMs, clocks.clockStepUs / 1000);
  // A GPU clock that says next to nothing for a long wait would ask for a batch that hangs the browser.
  const aloneMs = pilot.gpuMs === null ? wallMs : Math.max(pilot.gpuMs, wallMs / MOST_OVERHEAD);
  return Math.min(LARGEST_BATCH, Math.max(1, Math.ceil(wantedMs / aloneMs)));
}
