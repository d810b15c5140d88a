/**
 * @file Keeps the GPU busy before a sample: its clock falls while it waits.
 */

import { readBuffers, settled } from "gpujobs/device.js";
import { dispatch } from "gpujobs/dispatch.js";
import { BUSY_MS } from "gpujobs/sampling.js";

/** @import { Run } from "gpujobs/first_run.js" */

/** Each submission that keeps the GPU busy is at least this long, so that the waits between them are short against it. */
const BUSY_SUBMISSION_MS = 5;
/** They go on until an inference is no slower than this, against the fastest that was seen, */
const SLOWER = 1.03;
/** but no longer than this. */
const LONGEST_BUSY_MS = 400;
/** A submission holds no more inferences than this. */
const MOST_BUSY_ITERATIONS = 4096;

/**
 * Runs the job without measuring it, so that the GPU's clock is up.
 * @param {Run} run
 */
export async function keepBusy(run) {
  const { device, stages } = run;
  if (run.busyIterations === 0 || run.lastedMs >= BUSY_MS) return;
  const began = performance.now();
  let slow = false;
  for (let now = began; now - began < (slow ? LONGEST_BUSY_MS : BUSY_MS); ) {
    dispatch(device, stages, run.stopwatch, run.busyIterations);
    run.account.ran(run.busyIterations);
    const took = await busyMs(run);
    const before = now;
    now = performance.now();
    slow = took !== null && took > SLOWER * run.fastestMs;
    run.fastestMs = Math.min(run.fastestMs, took ?? Infinity);
    if (now - before < BUSY_SUBMISSION_MS && run.busyIterations < MOST_BUSY_ITERATIONS) run.busyIterations *= 2;
    // It does not come back: the GPU is held at a lower clock now.
    if (slow && now - began >= LONGEST_BUSY_MS) run.fastestMs = /** @type {number} */ (took);
  }
}

/**
 * Waits for what was submitted last.
 * @param {Run} run
 * @returns {Promise<number | null>} GPU time of one of its inferences; null without timestamps.
 */
async function busyMs({ device, stopwatch, busyIterations }) {
  if (!stopwatch) {
    await settled(device, device.queue.onSubmittedWorkDone());
    return null;
  }
  const ms = stopwatch.elapsedMs((await readBuffers(device, [stopwatch.stamps]))[0]);
  return ms && ms / busyIterations;
}
