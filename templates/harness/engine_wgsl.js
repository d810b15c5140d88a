/**
 * @file The `wgsl` engine runs a job's stages on the GPU: buffers, pipelines and bind groups are made once, every
 * dispatch of an inference goes into one pass of one submission.
 */

import { accept } from "gpujobs/accepted.js";
import { countOf, keepAndProve, openComparer } from "gpujobs/comparer.js";
import { findAdapterFor, openDevice, readBuffers, scoped, settled } from "gpujobs/device.js";
import { Incorrect, orExhausted, Unsupported } from "gpujobs/failures.js";
import { BUSY_MS } from "gpujobs/sampling.js";
import { checkLimits } from "gpujobs/limits.js";
import { compileAhead, compileAtUse } from "gpujobs/pipelines.js";
import { record } from "gpujobs/recording.js";
import { openSentinel } from "gpujobs/sentinel.js";
import { begin, bind, encode, run as runStage } from "gpujobs/stages.js";
import { openStopwatch } from "gpujobs/stopwatch.js";
import { loadPart } from "gpujobs/tensors.js";

/** @import { Kernel, PartCost, Phases, Sample, StagesJob } from "gpujobs/protocol.js" */
/** @import { Host, Prepared } from "gpujobs/types.js" */
/** @import { Comparer } from "gpujobs/comparer.js" */
/** @import { Bound } from "gpujobs/stages.js" */
/** @import { Sentinel } from "gpujobs/sentinel.js" */
/** @import { Stopwatch } from "gpujobs/stopwatch.js" */

/** Each submission of that is at least this long, so that the waits between them are short against it. */
const BUSY_SUBMISSION_MS = 5;
/** It goes on until an inference is no slower than this, against the fastest that was seen, */
const SLOWER = 1.03;
/** but no longer than this. */
const LONGEST_BUSY_MS = 400;
/** And holds no more inferences than this. */
const MOST_BUSY_ITERATIONS = 4096;

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
    const accepted = [await verified(job, host, run, await readOutputs(job, run))];
    run.comparer = await openComparer(device, outputBuffers(job, run));
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
        gpuMemoryBytes: memoryBytes(job, run),
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
      },
      device,
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
 * @typedef {object} Run
 * @property {GPUDevice} device
 * @property {GPUBuffer[]} buffers Those of the job, in which its tensors lie.
 * @property {Sentinel} sentinel
 * @property {Bound[]} stages
 * @property {Stopwatch | null} stopwatch
 * @property {number} busyIterations Inferences in a submission that only keeps the GPU busy; 0 where there is no GPU.
 * @property {number} fastestMs An inference that kept the GPU busy, as fast as one was seen.
 * @property {Comparer | null} comparer Knows the outputs, once they are verified.
 * @property {number} lastedMs The latest sample, all of its inferences.
 * @property {PartCost[]} parts
 * @property {Omit<Phases, "deviceReadyMs" | "timeToFirstResultMs">} phases
 * @property {number | null} gpuMs GPU time of the first inference.
 */

/**
 * Loads, compiles and runs once, in the order that the job asks for.
 * @param {StagesJob} job
 * @param {GPUDevice} device
 * @param {boolean} isGpu
 * @param {number} began The job.
 * @returns {Promise<Run>}
 */
async function firstRun(job, device, isGpu, began) {
  const stopwatch = openStopwatch(device);
  const compiling = job.shaderPrecompilation ? compileAll(job, device) : null;
  // A failure to load must not leave this one unhandled.
  compiling?.catch(() => {});
  const loadBegan = performance.now();
  const { buffers, sentinel, parts } = await scoped(device, "loading the model", () => load(job, device, began));
  const modelLoadMs = performance.now() - loadBegan;
  const compiled = await compiling;
  const runBegan = performance.now();
  let shaderCompileMs = compiled?.ms ?? 0;
  /** @type {(GPUComputePipeline | undefined)[]} */
  const pipelines = compiled?.pipelines ?? [];
  /** @type {Bound[]} */
  const stages = [];
  for (const stage of job.stages) {
    let pipeline = pipelines[stage.shader];
    if (!pipeline) {
      const compileBegan = performance.now();
      pipeline = await compileAtUse(device, job.shaders[stage.shader]);
      pipelines[stage.shader] = pipeline;
      shaderCompileMs += performance.now() - compileBegan;
    }
    stages.push(await bind(device, job, stage, buffers, pipeline));
  }
  await scoped(device, "the first inference", async () => {
    dispatch(device, stages, stopwatch, 1);
    await settled(device, device.queue.onSubmittedWorkDone());
  });
  const firstInferenceMs = performance.now() - runBegan;
  const gpuMs = stopwatch && stopwatch.elapsedMs((await readBuffers(device, [stopwatch.stamps]))[0]);
  const phases = { modelLoadMs, shaderCompileMs, firstInferenceMs };
  return { device, buffers, sentinel, stages, stopwatch, busyIterations: isGpu ? 1 : 0, lastedMs: 0, fastestMs: Infinity, comparer: null, parts, phases, gpuMs };
}

/**
 * All pipelines at once, while the weights load.
 * @param {StagesJob} job
 * @param {GPUDevice} device
 */
async function compileAll(job, device) {
  const began = performance.now();
  const pipelines = await Promise.all(job.shaders.map((shader) => compileAhead(device, shader)));
  return { pipelines, ms: performance.now() - began };
}

/**
 * The job's buffers: loaded values for inputs and weights, the sentinel wherever results go.
 * @param {StagesJob} job
 * @param {GPUDevice} device
 * @param {number} began The job.
 */
async function load(job, device, began) {
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const uniform = new Set(job.stages.flatMap((stage) => stage.uniforms.map((at) => job.tensors[stage.bindings[at]].buffer)));
  const buffers = job.buffers.map((size, index) => {
    const usage = uniform.has(index) ? storage | GPUBufferUsage.UNIFORM : storage;
    return device.createBuffer({ label: `buffer ${index}`, size, usage });
  });
  const written = new Set(job.tensors.filter((tensor) => tensor.role === "computed").map((tensor) => tensor.buffer));
  const sentinel = openSentinel(device, Math.max(...[...written].map((index) => job.buffers[index])));
  const encoder = device.createCommandEncoder();
  for (const index of written) sentinel.fill(encoder, buffers[index], job.buffers[index]);
  device.queue.submit([encoder.finish()]);
  const upload = async (/** @type {StagesJob["parts"][number]} */ part) => {
    const asked = performance.now();
    const values = await loadPart(job, part);
    const fetched = performance.now();
    part.tensors.forEach((id, index) => device.queue.writeBuffer(buffers[job.tensors[id].buffer], 0, values[index]));
    /** @type {PartCost} */
    const cost = {
      name: part.name,
      bytes: values.reduce((sum, { byteLength }) => sum + byteLength, 0),
      fetchBeganMs: asked - began,
      fetchMs: fetched - asked,
      createMs: performance.now() - fetched,
      // Parts share their shaders, and their stages are dispatched together.
      compileMs: null,
      firstInferenceMs: null,
    };
    return cost;
  };
  /** @type {PartCost[]} */
  let parts = [];
  if (job.parallelLoading) parts = await Promise.all(job.parts.map(upload));
  else for (const part of job.parts) parts.push(await upload(part));
  await settled(device, device.queue.onSubmittedWorkDone());
  return { buffers, sentinel, parts };
}

/**
 * Submits inferences, in as few passes as there can be.
 * @param {GPUDevice} device
 * @param {Bound[]} stages
 * @param {Stopwatch | null} stopwatch
 * @param {number} iterations Inferences in each submission.
 * @param {number} submissions
 */
function dispatch(device, stages, stopwatch, iterations, submissions = 1) {
  for (let submission = 1; submission <= submissions; submission += 1) {
    const last = submission === submissions;
    const encoder = device.createCommandEncoder();
    encode(encoder, stages, iterations, (begins, ends) => stopwatch?.around(submission === 1 && begins, last && ends));
    if (last) stopwatch?.resolve(encoder);
    device.queue.submit([encoder.finish()]);
  }
}

/**
 * Runs the job without measuring it, so that the GPU's clock is up.
 * @param {Run} run
 */
async function keepBusy(run) {
  const { device, stages } = run;
  if (run.busyIterations === 0 || run.lastedMs >= BUSY_MS) return;
  const began = performance.now();
  let slow = false;
  for (let now = began; now - began < (slow ? LONGEST_BUSY_MS : BUSY_MS); ) {
    dispatch(device, stages, run.stopwatch, run.busyIterations);
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

/**
 * Overwrites the outputs with what no inference gives.
 * @param {StagesJob} job
 * @param {Run} run
 */
function spoil(job, run) {
  const encoder = run.device.createCommandEncoder();
  for (const buffer of outputBuffers(job, run)) run.sentinel.fill(encoder, buffer, buffer.size);
  run.device.queue.submit([encoder.finish()]);
}

/**
 * Several inferences, in one submission or, where the manifest says how many, queued one by one, and one wait. It
 * counts only if the outputs, filled with the sentinel before, hold what was
 * verified afterwards.
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
    await settled(device, device.queue.onSubmittedWorkDone());
    wallMs = performance.now() - began;
    // Read while the scopes are: each wait for a GPU process costs about a millisecond.
    const stamps = stopwatch ? [stopwatch.stamps] : [];
    comparer.compare();
    const reading = readBuffers(device, [...stamps, comparer.differing]);
    reading.catch(() => {});
    return { reading };
  });
  run.lastedMs = wallMs;
  const read = await results.reading;
  const differing = countOf(/** @type {Float32Array} */ (read.pop()));
  const gpuMs = stopwatch && stopwatch.elapsedMs(read[0]);
  if (differing > 0) {
    const outputs = await readOutputs(job, run);
    const same = (/** @type {Float32Array[]} */ known) => known.every((values, index) => sameBits(values, outputs[index]));
    await accept(accepted, same, () => verified(job, host, run, outputs));
    comparer.keep();
  }
  return {
    kind: how.kind,
    wallMs: wallMs / how.iterations,
    gpuMs: gpuMs === null ? null : gpuMs / how.iterations,
    atMs: performance.now() - how.began,
    iterations: how.iterations,
    hidden: document.hidden,
  };
}

/** How many inferences a kernel's time is the mean of. */
const PROFILED = 10;

/**
 * What each stage costs, each in a pass of its own: passes in a row have gaps, so the sum is more than an inference.
 * @param {StagesJob} job
 * @param {Run} run
 * @returns {Promise<Kernel[]>}
 */
async function profile(job, run) {
  const { device, stages } = run;
  if (!device.features.has("timestamp-query")) throw new Unsupported("this adapter has no GPU timestamps");
  const stopwatches = stages.map(() => /** @type {Stopwatch} */ (openStopwatch(device)));
  const totals = stages.map(() => 0);
  for (let inference = 0; inference < PROFILED; inference += 1) {
    await keepBusy(run);
    const encoder = device.createCommandEncoder();
    stages.forEach((stage, index) => {
      begin(encoder, stage);
      const pass = encoder.beginComputePass({ timestampWrites: stopwatches[index].around(true, true) });
      runStage(pass, stage);
      pass.end();
      stopwatches[index].resolve(encoder);
    });
    device.queue.submit([encoder.finish()]);
    const stamps = await readBuffers(device, stopwatches.map((stopwatch) => stopwatch.stamps));
    stamps.forEach((words, index) => {
      totals[index] += stopwatches[index].elapsedMs(words) ?? 0;
    });
  }
  return job.stages.map((stage, index) => ({
    name: stage.name,
    op: job.shaders[stage.shader].name,
    dispatches: 1,
    gpuMs: totals[index] / PROFILED,
  }));
}

/**
 * Those of the model's outputs, which hold nothing else.
 * @param {StagesJob} job
 * @param {Run} run
 */
function outputBuffers(job, run) {
  return job.outputs.map((id) => run.buffers[job.tensors[id].buffer]);
}

/**
 * @param {StagesJob} job
 * @param {Run} run
 */
function readOutputs(job, run) {
  return readBuffers(run.device, outputBuffers(job, run));
}

/**
 * The outputs of an inference, if they are right: a recorded run, every stage of which is checked, gives the same.
 * @param {StagesJob} job
 * @param {Host} host
 * @param {Run} run
 * @param {Float32Array[]} outputs
 */
async function verified(job, host, run, outputs) {
  await scoped(run.device, "the recorded run", () => record(job, host, run));
  const recorded = await readOutputs(job, run);
  const wrong = outputs.findIndex((values, index) => !sameBits(values, recorded[index]));
  if (wrong >= 0) {
    const { name } = job.tensors[job.outputs[wrong]];
    throw new Incorrect(`each stage by itself is right, but an inference made another ${name} than the stages in turn`);
  }
  return outputs;
}

/**
 * What the job takes on the GPU while it is sampled: its tensors' buffers, timestamps, what buffers are filled from, and
 * the buffer through which outputs are read.
 * @param {StagesJob} job
 * @param {Run} run
 */
function memoryBytes(job, run) {
  const sum = (/** @type {GPUBuffer[]} */ buffers) => buffers.reduce((total, buffer) => total + buffer.size, 0);
  const stamps = run.stopwatch?.stamps.size ?? 0;
  return sum(run.buffers) + run.sentinel.bytes + 2 * sum(outputBuffers(job, run)) + 2 * stamps;
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
