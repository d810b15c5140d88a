/**
 * @file A sample is as many inferences in one submission as make it long against the clocks that time it.
 */

/** @import { AdapterFacts, ClockFacts, Sample } from "gpujobs/protocol.js" */

/**
 * A GPU that waits most of the time lowers its clock: an H200 sampled every 30 ms came down to a fifth of it within ten
 * seconds. The same kernel runs for this long before each sample, which kept its times within 0.1 %. Longer samples need none.
 */
export const BUSY_MS = 20;

/**
 * A sample is at least this long, so that what a submission costs by itself is shared by many inferences. That shows in the
 * GPU's own time as well: Chromium's copy of 256 MiB on an H200 took 0.1326 ms with 8 in a submission and 0.1299 with 16, so
 * 44 µs go to the submission.
 */
const SHORTEST_MS = { hardware: 10, software: 1, unknown: 10 };
/** And at least this many steps of each clock, so that a step is at most 1 % of it. */
const FEWEST_STEPS = 100;
/** Wall time of a tiny kernel on a fast GPU has been seen to be twelve times the GPU's; see `measure/clock.rs`. */
const MOST_OVERHEAD = 30;
/** A pass with more inferences than this holds up the browser. */
const MOST_ITERATIONS = 1024;
/** A short pilot says little about a long sample, so the count grows in steps. */
const FASTEST_GROWTH = 16;
/** What is aimed at beyond the least length: the next run may be a little faster. */
const MARGIN = 1.2;

/**
 * How many inferences a sample takes: grown until one is long enough.
 * @param {ClockFacts} clocks
 * @param {AdapterFacts | null} adapter What computes; null where no GPU does.
 * @param {(iterations: number) => Promise<Sample>} run Runs so many in one submission.
 * @returns {Promise<{ iterations: number, inferenceMs: number }>} And about how long one of them takes.
 */
export async function pilot(clocks, adapter, run) {
  const stepMs = Math.max(clocks.clockStepUs / 1e3, (clocks.timestampStepNs ?? 0) / 1e6);
  const wantedMs = Math.max(SHORTEST_MS[adapter?.kind ?? "software"], FEWEST_STEPS * stepMs);
  for (let iterations = 1; ; ) {
    const sample = await run(iterations);
    const wallMs = sample.wallMs * iterations;
    // Any submission holds its own latency. And a GPU clock that says next to nothing for a long wait would ask for so
    // many inferences that the browser hangs.
    const aloneMs = Math.max(wallMs - (clocks.emptySubmitMs ?? 0), clocks.clockStepUs / 1e3);
    const lastedMs = sample.gpuMs === null ? aloneMs : Math.max(sample.gpuMs * iterations, wallMs / MOST_OVERHEAD);
    if (lastedMs >= wantedMs || iterations === MOST_ITERATIONS) return { iterations, inferenceMs: sample.wallMs };
    const growth = Math.min(FASTEST_GROWTH, (MARGIN * wantedMs) / lastedMs);
    iterations = Math.min(MOST_ITERATIONS, Math.ceil(iterations * growth));
  }
}
