/**
 * @file Dispatches a job's stages: an inference is one pass through all of them.
 */

/** @import { Stopwatch } from "gpujobs/stopwatch.js" */

/**
 * A stage that is ready to be dispatched.
 * @typedef {object} Bound
 * @property {GPUComputePipeline} pipeline
 * @property {GPUBindGroup} group
 * @property {[number, number, number]} grid
 */

/**
 * Submits inferences, all in one pass unless it is said how many have a submission of their own.
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
    const timestampWrites = stopwatch?.around(submission === 1, last);
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    for (let inference = 0; inference < iterations; inference += 1) {
      for (const stage of stages) {
        pass.setPipeline(stage.pipeline);
        pass.setBindGroup(0, stage.group);
        pass.dispatchWorkgroups(...stage.grid);
      }
    }
    pass.end();
    if (last) stopwatch?.resolve(encoder);
    device.queue.submit([encoder.finish()]);
  }
}
