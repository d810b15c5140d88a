/**
 * @file A clock's quality is measured before anything is timed with it, once a session.
 */

import { settled } from "gpujobs/device.js";

/** @import { ClockFacts } from "gpujobs/types.js" */

/** Steps seen before the smallest is believed. */
const STEPS = 20;
/** Empty submissions whose median is the latency. */
const SUBMITS = 9;
/** Waits without a nudge: 100 ms each in Firefox. */
const RAW_SUBMITS = 3;

/**
 * @param {GPUDevice} device
 * @returns {Promise<ClockFacts>}
 */
export async function calibrate(device) {
  return {
    clockStepUs: clockStepMs() * 1000,
    timestampStepNs: await timestampStepNs(device),
    emptySubmitMs: await median(SUBMITS, () => emptySubmit(device, true)),
    emptySubmitRawMs: await median(RAW_SUBMITS, () => emptySubmit(device, false)),
  };
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
  if (!device.features.has("timestamp-query")) return null;
  const count = 32;
  const querySet = device.createQuerySet({ type: "timestamp", count });
  const resolved = device.createBuffer({ size: count * 8, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = device.createBuffer({ size: count * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
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
 * @param {bigint} a
 * @param {bigint} b
 * @returns {bigint}
 */
function divisor(a, b) {
  return b === 0n ? (a < 0n ? -a : a) : divisor(b, a % b);
}
