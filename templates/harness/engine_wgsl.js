/**
 * @file The `wgsl` engine runs a job's stages on the GPU: buffers, pipelines and bind groups are made once, every
 * dispatch of an inference goes into one pass of one submission.
 */

import { accept } from "gpujobs/accepted.js";
import { countOf, keepAndProve, openComparer } from "gpujobs/comparer.js";
import { findAdapterFor, measuredRawWait, openDevice, readBuffers, scoped, settled } from "gpujobs/device.js";
import { dispatch } from "gpujobs/dispatch.js";
import { orExhausted } from "gpujobs/failures.js";
import { firstRun } from "gpujobs/first_run.js";
import { keepBusy } from "gpujobs/keep_busy.js";
import { profile } from "gpujobs/kernel_profile.js";
import { checkLimits } from "gpujobs/limits.js";
import { spoil as spoilPlace } from "gpujobs/places.js";
import { record } from "gpujobs/recording.js";
import { checkRepeat } from "gpujobs/repeats.js";

/** @import { Sample, StagesJob } from "gpujobs/protocol.js" */
/** @import { Host, Prepared } from "gpujobs/types.js" */
/** @import { Comparer } from "gpujobs/comparer.js" */
/** @import { Run } from "gpujobs/first_run.js" */

/**
 * @param {StagesJob} job
 * @param {Host} host
 * @returns {Promise<Prepared>}
 */
export async function prepare(job, host) {
  const began = performance.now();
  const { adapter, facts } = await findAdapterFor(job);
  checkLimits(job, adapter);
  const device = await openDevice(adapter, host).catch((error) => {
    throw orExhausted(error);
  });
  const deviceReadyMs = performance.now() - began;
  try {
    const run = await firstRun(job, device, facts.kind === "hardware", began);
    const timeToFirstResultMs = performance.now() - began;
    const gpuMemory = run.account.read();
    const accepted = [await verified(job, host, run, await readOutputs(run))];
    run.comparer = await openComparer(device, run.outputs);
    await keepAndProve(device, run.comparer, () => spoil(job, run));
    return {
      adapter: facts,
      ran: {
        runtime: "",
        threads: null,
        dispatches: job.stages.length,
        context: "",
        nodes: null,
        onCpu: [],
        whyOnCpu: [],
        session: [],
      },
      parts: run.parts,
      phases: { deviceReadyMs, ...run.phases, timeToFirstResultMs },
      first: {
        kind: "first",
        wallMs: run.phases.firstInferenceMs,
        gpuMs: run.gpuMs,
        atMs: timeToFirstResultMs,
        iterations: 1,
        hidden: document.hidden,
        gpuMemory,
        wasmBytes: null,
        generations: [],
      },
      device,
      learn: measuredRawWait,
      sample: (iterations, kind) => sample(job, host, run, accepted, { iterations, kind, began }),
      profile: () => profile(job, run),
      dispose: () => device.destroy(),
    };
  } catch (error) {
    device.destroy();
    throw orExhausted(error);
  }
}

/**
 * Overwrites the outputs with what no inference gives.
 * @param {StagesJob} job
 * @param {Run} run
 */
function spoil(job, run) {
  const encoder = run.device.createCommandEncoder();
  for (const id of job.outputs) spoilPlace(encoder, run.sentinel, run.places[id]);
  run.device.queue.submit([encoder.finish()]);
}

/**
 * Several inferences, in one submission or, where the manifest says how many, queued one by one, and one wait. It
 * counts only if the outputs, filled with the sentinel before, hold what was verified, or is as right.
 * @param {StagesJob} job
 * @param {Host} host
 * @param {Run} run
 * @param {Float32Array[][]} accepted
 * @param { { iterations: number, kind: Sample["kind"], began: number } } how
 * @returns {Promise<Sample>}
 */
async function sample(job, host, run, accepted, how) {
  const { device, stages, stopwatch } = run;
  await keepBusy(run);
  spoil(job, run);
  await settled(device, device.queue.onSubmittedWorkDone());
  const comparer = /** @type {Comparer} */ (run.comparer);
  let wallMs = 0;
  const results = await scoped(device, "an inference", async () => {
    const began = performance.now();
    if (job.queued) dispatch(device, stages, stopwatch, 1, how.iterations);
    else dispatch(device, stages, stopwatch, how.iterations);
    const finished = device.queue.onSubmittedWorkDone();
    await (how.kind === "latency_raw" ? finished : settled(device, finished));
    wallMs = performance.now() - began;
    // Read while the scopes are: each wait for a GPU process costs about a millisecond.
    const stamps = stopwatch ? [stopwatch.stamps] : [];
    comparer.compare();
    const reading = readBuffers(device, [...stamps, comparer.differing]);
    reading.catch(() => {});
    return { reading };
  });
  run.account.ran(how.iterations);
  const gpuMemory = run.account.read();
  // A GPU whose page only waits idles, up to a tenth of a second.
  run.lastedMs = how.kind === "latency_raw" ? 0 : wallMs;
  const read = await results.reading;
  const differing = countOf(/** @type {Float32Array} */ (read.pop()));
  const gpuMs = stopwatch && stopwatch.elapsedMs(read[0]);
  if (differing > 0) {
    const outputs = await readOutputs(run);
    const same = (/** @type {Float32Array[]} */ known) => known.every((values, index) => sameBits(values, outputs[index]));
    await accept(accepted, same, async () => {
      await checkRepeat(job, host, run, outputs);
      // Held against the recorded run's where nothing else says what is right.
      return { outputs, compared: true };
    });
    comparer.keep();
  }
  return {
    kind: how.kind,
    wallMs: wallMs / how.iterations,
    gpuMs: gpuMs === null ? null : gpuMs / how.iterations,
    atMs: performance.now() - how.began,
    iterations: how.iterations,
    hidden: document.hidden,
    gpuMemory,
    wasmBytes: null,
    generations: [],
  };
}

/**
 * What the model's outputs hold.
 * @param {Run} run
 */
function readOutputs({ device, outputs }) {
  const encoder = device.createCommandEncoder();
  for (const output of outputs) output.gather(encoder);
  device.queue.submit([encoder.finish()]);
  return readBuffers(device, outputs.map(({ buffer }) => buffer));
}

/**
 * The outputs of the first inference, if they are right: a recorded run, every stage of which is checked, gives the same, or
 * they are right by the same references.
 * @param {StagesJob} job
 * @param {Host} host
 * @param {Run} run
 * @param {Float32Array[]} outputs
 */
async function verified(job, host, run, outputs) {
  await scoped(run.device, "the recorded run", () => record(job, host, run));
  const recorded = await readOutputs(run);
  if (!outputs.every((values, index) => sameBits(values, recorded[index]))) await checkRepeat(job, host, run, outputs);
  return outputs;
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
function sameBits(a, b) {
  const left = new Uint32Array(a.buffer, a.byteOffset, a.length);
  const right = new Uint32Array(b.buffer, b.byteOffset, b.length);
  return left.every((word, index) => word === right[index]);
}
