/**
 * @file A clock's quality is measured before anything is timed with it, once a session.
 */

import { measuredRawWait, settled } from "gpujobs/device.js";
import { createOwnBuffer } from "gpujobs/gpu_memory.js";

/** @import { ClockFacts } from "gpujobs/protocol.js" */

/** Steps seen before the smallest is trusted. */
const STEPS = 20;
/** Empty submissions whose median is the latency. */
const SUBMITS = 9;
/** Waits without a nudge: 100 ms each in Firefox. */
const RAW_SUBMITS = 3;
/** Readings of both clocks at either end of a span, of which the quickest is kept. */
const READINGS = 5;
/** The span over which the two clocks are compared is at least this long … */
const SHORTEST_SPAN_MS = 100;
/** … and so many times what the readings at its ends leave open, … */
const SPAN_IN_SLACKS = 100;
/** … as long as it is not longer than this. */
const LONGEST_SPAN_MS = 500;

/**
 * @param {GPUDevice | null} device Null where no GPU computes: then only the wall's clock is looked at.
 * @returns {Promise<ClockFacts>}
 */
export async function calibrate(device) {
  if (device === null) {
    const clockStepUs = clockStepMs() * 1000;
    return { clockStepUs, timestampStepNs: null, timestampDriftPercent: null, emptySubmitMs: null, emptySubmitRawMs: null };
  }
  const stamped = device.features.has("timestamp-query");
  const began = stamped ? await readBothClocks(device) : null;
  const emptySubmitRawMs = await median(RAW_SUBMITS, () => emptySubmit(device, false));
  measuredRawWait(emptySubmitRawMs);
  const facts = {
    clockStepUs: clockStepMs() * 1000,
    timestampStepNs: stamped ? await timestampStepNs(device) : null,
    emptySubmitMs: await median(SUBMITS, () => emptySubmit(device, true)),
    emptySubmitRawMs,
  };
  return { ...facts, timestampDriftPercent: began && (await timestampDriftPercent(device, began)) };
}

/** The smallest difference between two readings of `performance.now` that differ. */
export function clockStepMs() {
  let smallest = Infinity;
  for (let seen = 0; seen < STEPS; seen += 1) {
    const before = performance.now();
    let after = before;
    while (after === before) after = performance.now();
    smallest = Math.min(smallest, after - before);
  }
  return smallest;
}

/**
 * @param {number} count
 * @param {() => Promise<number>} measure
 */
async function median(count, measure) {
  const values = [];
  for (let taken = 0; taken < count; taken += 1) values.push(await measure());
  return values.sort((a, b) => a - b)[count >> 1];
}

/**
 * @param {GPUDevice} device
 * @param {boolean} nudged
 */
async function emptySubmit(device, nudged) {
  const start = performance.now();
  device.queue.submit([device.createCommandEncoder().finish()]);
  const done = device.queue.onSubmittedWorkDone();
  await (nudged ? settled(device, done) : done);
  return performance.now() - start;
}

/**
 * The greatest common divisor of the differences between timestamps of empty passes: 65,536 where Chrome masks them.
 * @param {GPUDevice} device
 * @returns {Promise<number | null>}
 */
async function timestampStepNs(device) {
  const count = 32;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const resolved = createOwnBuffer(device, { size: count * 8, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = createOwnBuffer(device, { size: count * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  for (let index = 0; index < count; index += 2) {
    encoder
      .beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: index, endOfPassWriteIndex: index + 1 },
      })
      .end();
  }
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * 8);
  device.queue.submit([encoder.finish()]);
  await settled(device, staging.mapAsync(GPUMapMode.READ));
  const stamps = new BigInt64Array(staging.getMappedRange().slice(0));
  for (const resource of [querySet, resolved, staging]) resource.destroy();
  let step = 0n;
  for (let index = 1; index < count; index += 1) step = divisor(step, stamps[index] - stamps[index - 1]);
  return step === 0n ? null : Number(step);
}

/**
 * The same moment on both clocks; `slackMs` is how long the reading took, so the wall clock's is half of that off at most.
 * @typedef {object} Moment
 * @property {number} wallMs
 * @property {number} gpuMs
 * @property {number} slackMs
 */

/**
 * @param {GPUDevice} device
 * @returns {Promise<Moment>}
 */
async function readBothClocks(device) {
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = createOwnBuffer(device, { size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = createOwnBuffer(device, { size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  /** @type {Moment | null} */
  let best = null;
  for (let reading = 0; reading < READINGS; reading += 1) {
    const encoder = device.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    encoder.beginComputePass({ timestampWrites }).end();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
    const before = performance.now();
    device.queue.submit([encoder.finish()]);
    await settled(device, staging.mapAsync(GPUMapMode.READ));
    const after = performance.now();
    const [, end] = new BigInt64Array(staging.getMappedRange());
    const moment = { wallMs: (before + after) / 2, gpuMs: Number(end) / 1e6, slackMs: after - before };
    staging.unmap();
    if (best === null || moment.slackMs < best.slackMs) best = moment;
  }
  for (const resource of [querySet, resolved, staging]) resource.destroy();
  return /** @type {Moment} */ (best);
}

/**
 * How much faster GPU timestamps advance than the wall clock, over a span that makes it known to about a percent.
 * @param {GPUDevice} device
 * @param {Moment} began
 */
async function timestampDriftPercent(device, began) {
  const span = Math.min(LONGEST_SPAN_MS, Math.max(SHORTEST_SPAN_MS, SPAN_IN_SLACKS * began.slackMs));
  const left = span - (performance.now() - began.wallMs);
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  const ended = await readBothClocks(device);
  return ((ended.gpuMs - began.gpuMs) / (ended.wallMs - began.wallMs) - 1) * 100;
}

/**
 * @param {bigint} a
 * @param {bigint} b
 * @returns {bigint}
 */
function divisor(a, b) {
  return b === 0n ? (a < 0n ? -a : a) : divisor(b, a % b);
}
