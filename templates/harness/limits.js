/**
 * @file What an adapter's limits rule out is found before anything is dispatched: the job is `unsupported`, with both
 * numbers, and no other shape runs in its place.
 */

import { Unsupported } from "gpujobs/failures.js";
import { byteLength } from "gpujobs/tensors.js";

/** @import { StagesJob } from "gpujobs/types.js" */

/**
 * @param {StagesJob} job
 * @param {GPUSupportedLimits} limits
 */
export function checkLimits(job, limits) {
  const [x, y, z] = job.stages[0].workgroup;
  const shape = `the workgroup ${x}x${y}x${z}`;
  demand(`${shape} has ${x * y * z} invocations`, x * y * z, limits, "maxComputeInvocationsPerWorkgroup");
  demand(`${shape} is ${x} wide in x`, x, limits, "maxComputeWorkgroupSizeX");
  demand(`${shape} is ${y} wide in y`, y, limits, "maxComputeWorkgroupSizeY");
  demand(`${shape} is ${z} wide in z`, z, limits, "maxComputeWorkgroupSizeZ");
  for (const stage of job.stages) {
    const bytes = stage.workgroupBytes;
    demand(`${stage.name} needs ${bytes} bytes of workgroup memory`, bytes, limits, "maxComputeWorkgroupStorageSize");
    const widest = Math.max(...stage.grid);
    demand(`${stage.name} dispatches ${widest} workgroups`, widest, limits, "maxComputeWorkgroupsPerDimension");
    const buffers = stage.bindings.length;
    demand(`${stage.name} binds ${buffers} buffers`, buffers, limits, "maxStorageBuffersPerShaderStage");
  }
  for (const tensor of job.tensors) {
    const bytes = byteLength(tensor);
    demand(`the tensor ${tensor.name} has ${bytes} bytes`, bytes, limits, "maxStorageBufferBindingSize");
    demand(`the tensor ${tensor.name} has ${bytes} bytes`, bytes, limits, "maxBufferSize");
  }
}

/**
 * @param {string} what
 * @param {number} needed
 * @param {GPUSupportedLimits} limits
 * @param {keyof Omit<GPUSupportedLimits, "__brand">} limit
 */
function demand(what, needed, limits, limit) {
  const most = Number(limits[limit]);
  if (needed > most) throw new Unsupported(`${what}, this adapter allows ${most} (${limit})`);
}
