/**
 * @file What an adapter's limits and features rule out is found before anything is dispatched: the job is `unsupported`,
 * with both numbers or the feature, and no other shape runs in its place.
 */

import { Unsupported } from "gpujobs/failures.js";
import { byteLength } from "gpujobs/tensors.js";

/** @import { Stage, StagesJob } from "gpujobs/protocol.js" */

/**
 * What brings a feature where a browser hides it.
 * @type {Record<string, string>}
 */
const REMEDIES = {
  "shader-f16":
    "Chromium hides it on NVIDIA unless it is started with --enable-dawn-features=vulkan_enable_f16_on_nvidia, which `args` of its [browser.NAME] can hold",
  subgroups: "Chromium and Edge have it, Firefox does not",
  "chromium-experimental-subgroup-matrix":
    "Chromium has it if it is started with --enable-unsafe-webgpu, which `args` of its [browser.NAME] can hold, and on NVIDIA also with --enable-dawn-features=vulkan_enable_f16_on_nvidia",
};

/**
 * @param {StagesJob} job
 * @param { { limits: GPUSupportedLimits, features: ReadonlySet<string> } } adapter
 */
export function checkLimits(job, { limits, features }) {
  for (const stage of job.stages) {
    for (const feature of stage.features) {
      if (features.has(feature)) continue;
      const remedy = REMEDIES[feature];
      throw new Unsupported(
        `${stage.name} needs the WebGPU feature ${feature}, this adapter does not offer it${remedy ? `: ${remedy}` : ""}`,
      );
    }
    checkWorkgroup(stage, limits);
    const widest = Math.max(...stage.grid);
    demand(`${stage.name} dispatches ${widest} workgroups`, widest, limits, "maxComputeWorkgroupsPerDimension");
    for (const at of stage.uniforms) {
      const tensor = job.tensors[stage.bindings[at]];
      const bytes = byteLength(tensor);
      demand(`the uniform buffer ${tensor.name} has ${bytes} bytes`, bytes, limits, "maxUniformBufferBindingSize");
    }
    const buffers = stage.bindings.length - stage.uniforms.length;
    demand(`${stage.name} binds ${buffers} buffers`, buffers, limits, "maxStorageBuffersPerShaderStage");
  }
  for (const tensor of job.tensors) {
    const bytes = byteLength(tensor);
    demand(`the tensor ${tensor.name} has ${bytes} bytes`, bytes, limits, "maxStorageBufferBindingSize");
    demand(`the tensor ${tensor.name} has ${bytes} bytes`, bytes, limits, "maxBufferSize");
  }
}

/**
 * Bytes of the largest tensor that an adapter takes.
 * @param { { limits: GPUSupportedLimits } } adapter
 */
export function largestBuffer({ limits }) {
  return Math.min(Number(limits.maxStorageBufferBindingSize), Number(limits.maxBufferSize));
}

/**
 * @param {Stage} stage
 * @param {GPUSupportedLimits} limits
 */
function checkWorkgroup({ name, workgroup, workgroupBytes }, limits) {
  const [x, y, z] = workgroup;
  const shape = `the workgroup ${x}x${y}x${z} of ${name}`;
  demand(`${shape} has ${x * y * z} invocations`, x * y * z, limits, "maxComputeInvocationsPerWorkgroup");
  demand(`${shape} is ${x} wide in x`, x, limits, "maxComputeWorkgroupSizeX");
  demand(`${shape} is ${y} wide in y`, y, limits, "maxComputeWorkgroupSizeY");
  demand(`${shape} is ${z} wide in z`, z, limits, "maxComputeWorkgroupSizeZ");
  const memory = `${name} needs ${workgroupBytes} bytes of workgroup memory`;
  demand(memory, workgroupBytes, limits, "maxComputeWorkgroupStorageSize");
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
