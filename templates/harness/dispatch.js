/**
 * @file Dispatches a job's stages: an inference is one pass through all of them, or several where outputs have to hold
 * something before a stage runs.
 */

import { begin as beginWith, resourceOf, startOf } from "gpujobs/places.js";

/** @import { Sampler, Stage } from "gpujobs/protocol.js" */
/** @import { Place, Start } from "gpujobs/places.js" */
/** @import { Stopwatch } from "gpujobs/stopwatch.js" */

/**
 * @typedef {object} Bound
 * @property {GPUComputePipeline} pipeline
 * @property {GPUBindGroup} group
 * @property {GPUBindGroup} guarded The same, with the guards of its results; of a shader that asks how long buffers are, the
 *   same.
 * @property {[number, number, number]} grid
 * @property {Start[]} starts What outputs hold before each run; empty for most stages.
 */

/**
 * @param {GPUDevice} device
 * @param {Stage} stage
 * @param {Place[]} places
 * @param {GPUComputePipeline} pipeline
 * @returns {Promise<Bound>}
 */
export async function bind(device, stage, places, pipeline) {
  const layout = pipeline.getBindGroupLayout(0);
  const tensors = (/** @type {boolean} */ guarded) =>
    stage.bindings.map((id) => resourceOf(places[id], guarded && stage.outputs.includes(id)));
  const samplers = stage.samplers.map((sampler) => device.createSampler(descriptorOf(sampler)));
  const entries = (/** @type {boolean} */ guarded) =>
    [...tensors(guarded), ...samplers].map((resource, binding) => ({ binding, resource }));
  // The scope of the first inference would catch this as well, without the stage's name.
  device.pushErrorScope("validation");
  const group = device.createBindGroup({ layout, entries: entries(false) });
  const guarded = stage.asksLengths ? group : device.createBindGroup({ layout, entries: entries(true) });
  const error = await device.popErrorScope();
  if (error) throw new Error(`what stage ${stage.name} binds does not fit its shader: ${error.message}`);
  const starts = stage.starts.map(({ output, copy }) => startOf(device, places[output], copy === null ? null : places[copy]));
  return { pipeline, group, guarded, grid: stage.grid, starts };
}

/**
 * @param {Sampler} sampler
 * @returns {GPUSamplerDescriptor}
 */
function descriptorOf({ filter, address: [addressModeU, addressModeV] }) {
  return { magFilter: filter, minFilter: filter, addressModeU, addressModeV };
}

/**
 * Gives outputs what they hold before the stage runs.
 * @param {GPUCommandEncoder} encoder
 * @param {Bound} stage
 */
export function begin(encoder, { starts }) {
  for (const start of starts) beginWith(encoder, start);
}

/**
 * @param {GPUComputePassEncoder} pass
 * @param {Pick<Bound, "pipeline" | "group" | "grid">} stage
 */
export function run(pass, { pipeline, group, grid }) {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...grid);
}

/**
 * Puts inferences into as few passes as there can be: one, unless outputs have to be cleared or copied in between. The first
 * pass then is an empty one, so that this is within the time of the GPU.
 * @param {GPUCommandEncoder} encoder
 * @param {Bound[]} stages
 * @param {number} inferences
 * @param {(first: boolean, last: boolean) => GPUComputePassTimestampWrites | undefined} stamps
 */
function encode(encoder, stages, inferences, stamps) {
  const inAll = stages.filter(({ starts }) => starts.length > 0).length;
  const passes = 1 + inferences * inAll;
  let begun = 0;
  const pass = () => {
    begun += 1;
    const timestampWrites = stamps(begun === 1, begun === passes);
    return encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
  };
  let open = pass();
  for (let inference = 0; inference < inferences; inference += 1) {
    for (const stage of stages) {
      if (stage.starts.length > 0) {
        open.end();
        begin(encoder, stage);
        open = pass();
      }
      run(open, stage);
    }
  }
  open.end();
}

/**
 * Submits inferences, in as few passes as there can be.
 * @param {GPUDevice} device
 * @param {Bound[]} stages
 * @param {Stopwatch | null} stopwatch
 * @param {number} iterations Inferences in each submission.
 * @param {number} submissions
 */
export function dispatch(device, stages, stopwatch, iterations, submissions = 1) {
  for (let submission = 1; submission <= submissions; submission += 1) {
    const last = submission === submissions;
    const encoder = device.createCommandEncoder();
    encode(encoder, stages, iterations, (begins, ends) => stopwatch?.around(submission === 1 && begins, last && ends));
    if (last) stopwatch?.resolve(encoder);
    device.queue.submit([encoder.finish()]);
  }
}
