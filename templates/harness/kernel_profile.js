/**
 * @file A profile of a job's stages: the GPU time of each by itself.
 */

import { readBuffers } from "gpujobs/device.js";
import { begin, run as runStage } from "gpujobs/dispatch.js";
import { Unsupported } from "gpujobs/failures.js";
import { keepBusy } from "gpujobs/keep_busy.js";
import { openStopwatch } from "gpujobs/stopwatch.js";

/** @import { Kernel, StagesJob } from "gpujobs/protocol.js" */
/** @import { Run } from "gpujobs/first_run.js" */
/** @import { Stopwatch } from "gpujobs/stopwatch.js" */

/** How many inferences a kernel's time is the mean of. */
const PROFILED = 10;

/**
 * What each stage costs, each in a pass of its own: passes in a row have gaps, so the sum is more than an inference.
 * @param {StagesJob} job
 * @param {Run} run
 * @returns {Promise<Kernel[]>}
 */
export async function profile(job, run) {
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
