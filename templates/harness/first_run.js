/**
 * @file The first run of a job's stages: buffers are filled, pipelines and bind groups made, and all dispatched once.
 */

import { readBuffers, scoped, settled } from "gpujobs/device.js";
import { bind, dispatch } from "gpujobs/dispatch.js";
import { accountOf } from "gpujobs/gpu_memory.js";
import { compileAhead, compileAtUse } from "gpujobs/pipelines.js";
import { createPlaces, readable, sourceBytes, spoil, upload } from "gpujobs/places.js";
import { openSentinel } from "gpujobs/sentinel.js";
import { openStopwatch } from "gpujobs/stopwatch.js";
import { loadPart } from "gpujobs/tensors.js";

/** @import { PartCost, Phases, StagesJob } from "gpujobs/protocol.js" */
/** @import { Comparer } from "gpujobs/comparer.js" */
/** @import { Bound } from "gpujobs/dispatch.js" */
/** @import { Account } from "gpujobs/gpu_memory.js" */
/** @import { Place, Readable } from "gpujobs/places.js" */
/** @import { Sentinel } from "gpujobs/sentinel.js" */
/** @import { Stopwatch } from "gpujobs/stopwatch.js" */

/**
 * @typedef {object} Run
 * @property {GPUDevice} device
 * @property {Place[]} places Where each of the job's tensors lies.
 * @property {Readable[]} outputs Those of the model.
 * @property {Account} account Of the device's memory.
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
export async function firstRun(job, device, isGpu, began) {
  const stopwatch = openStopwatch(device);
  const compiling = job.shaderPrecompilation ? compileAll(job, device) : null;
  // A failure to load must not leave this one unhandled.
  compiling?.catch(() => {});
  const loadBegan = performance.now();
  const { places, outputs, sentinel, parts } = await scoped(device, "loading the model", () => load(job, device, began));
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
    stages.push(await bind(device, stage, places, pipeline));
  }
  await scoped(device, "the first inference", async () => {
    dispatch(device, stages, stopwatch, 1);
    await settled(device, device.queue.onSubmittedWorkDone());
  });
  const firstInferenceMs = performance.now() - runBegan;
  const gpuMs = stopwatch && stopwatch.elapsedMs((await readBuffers(device, [stopwatch.stamps]))[0]);
  const phases = { modelLoadMs, shaderCompileMs, firstInferenceMs };
  const busy = { busyIterations: isGpu ? 1 : 0, lastedMs: 0, fastestMs: Infinity };
  const account = accountOf(device);
  account.ran(1);
  const made = { places, outputs, account, sentinel };
  return { device, ...made, stages, stopwatch, ...busy, comparer: null, parts, phases, gpuMs };
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
 * The job's buffers and textures: loaded values for inputs and weights, the sentinel wherever results go.
 * @param {StagesJob} job
 * @param {GPUDevice} device
 * @param {number} began The job.
 */
async function load(job, device, began) {
  const places = createPlaces(job, device);
  const written = places.filter((_, id) => job.tensors[id].role === "computed");
  const sentinel = openSentinel(device, Math.max(...written.map(sourceBytes)));
  const encoder = device.createCommandEncoder();
  for (const place of written) spoil(encoder, sentinel, place);
  device.queue.submit([encoder.finish()]);
  const loadOne = async (/** @type {StagesJob["parts"][number]} */ part) => {
    const asked = performance.now();
    const values = await loadPart(job, part);
    const fetched = performance.now();
    part.tensors.forEach((id, index) => upload(device, places[id], values[index]));
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
  if (job.parallelLoading) parts = await Promise.all(job.parts.map(loadOne));
  else for (const part of job.parts) parts.push(await loadOne(part));
  await settled(device, device.queue.onSubmittedWorkDone());
  const outputs = job.outputs.map((id) => readable(device, places[id]));
  return { places, outputs, sentinel, parts };
}
