/**
 * @file What an adapter's limits and features rule out is found before anything is dispatched: the job is `unsupported`,
 * with both numbers or the feature, and no other shape runs in its place.
 */

import { Unsupported } from "gpujobs/failures.js";
import { strideOf } from "gpujobs/places.js";

/** @import { Stage, StagesJob, Tensor } from "gpujobs/protocol.js" */

/**
 * What brings a feature where a browser hides it.
 * @type {Record<string, string>}
 */
const REMEDIES = {
  "shader-f16":
    "Chromium hides it on NVIDIA unless it is started with --enable-dawn-features=vulkan_enable_f16_on_nvidia, which `args` of its [browser.NAME] can hold",
  subgroups: "Chromium and Edge have it, Firefox does not",
  "float32-filterable":
    "only with it does a sampler read a texture of 32-bit floats: read it by textureLoad, or take rgba16float",
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
    checkBindings(job, stage, limits);
  }
  job.tensors.forEach((tensor, id) => checkTensor(job, tensor, job.outputs.includes(id), limits));
}

/**
 * @param {StagesJob} job
 * @param {Tensor} tensor
 * @param {boolean} isOutput Of the model.
 * @param {GPUSupportedLimits} limits
 */
function checkTensor(job, { name, bytes, role, texture }, isOutput, limits) {
  if (texture === null) {
    demand(`the tensor ${name} has ${bytes} bytes`, bytes, limits, "maxStorageBufferBindingSize");
    demand(`the tensor ${name} has ${bytes} bytes`, bytes, limits, "maxBufferSize");
    return;
  }
  const { width, height } = job.textures[texture];
  const side = Math.max(width, height);
  demand(`the texture ${name} has ${width} x ${height} texels`, side, limits, "maxTextureDimension2D");
  // What is written is read by way of a buffer, and outputs are compared in it.
  const copied = strideOf(job.textures[texture]) * height;
  const what = `the texture ${name} takes ${copied} bytes in a buffer`;
  if (role === "computed") demand(what, copied, limits, "maxBufferSize");
  if (isOutput) demand(what, copied, limits, "maxStorageBufferBindingSize");
}

/**
 * @param {StagesJob} job
 * @param {Stage} stage
 * @param {GPUSupportedLimits} limits
 */
function checkBindings(job, stage, limits) {
  for (const at of stage.uniforms) {
    const { name, bytes } = job.tensors[stage.bindings[at]];
    demand(`the uniform buffer ${name} has ${bytes} bytes`, bytes, limits, "maxUniformBufferBindingSize");
  }
  const textures = stage.bindings.filter((id) => job.tensors[id].texture !== null).length;
  const written = stage.storageTextures.length;
  const sampled = textures - written;
  const buffers = stage.bindings.length - textures - stage.uniforms.length;
  const samplers = stage.samplers.length;
  demand(`${stage.name} binds ${buffers} buffers`, buffers, limits, "maxStorageBuffersPerShaderStage");
  demand(`${stage.name} binds ${sampled} textures`, sampled, limits, "maxSampledTexturesPerShaderStage");
  demand(`${stage.name} binds ${written} storage textures`, written, limits, "maxStorageTexturesPerShaderStage");
  demand(`${stage.name} binds ${samplers} samplers`, samplers, limits, "maxSamplersPerShaderStage");
}

/**
 * Bytes of the largest tensor in a buffer that an adapter takes.
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
