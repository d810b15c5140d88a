/**
 * @file A comparer tells on the GPU whether outputs are still those that were verified. Reading large ones back after each
 * sample would take longer than the sample, and the GPU's clock would fall meanwhile.
 */

import { readBuffers } from "gpujobs/device.js";
import { createOwnBuffer } from "gpujobs/gpu_memory.js";

/** @import { Readable } from "gpujobs/places.js" */

const THREADS = 256;
/** Workgroups along x; more go along y. */
const ROW = 32768;

/** The number of words that differ. */
const CODE = `
@group(0) @binding(0) var<storage, read> known: array<u32>;
@group(0) @binding(1) var<storage, read> found: array<u32>;
@group(0) @binding(2) var<storage, read_write> differing: atomic<u32>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let i = (group.y * ${ROW}u + group.x) * ${THREADS}u + thread;
    if (i < arrayLength(&known)) {
        if (known[i] != found[i]) {
            atomicAdd(&differing, 1u);
        }
    }
}
`;

/**
 * @typedef {object} Comparer
 * @property {GPUBuffer} differing The number of words that differ, once compared: a u32.
 * @property {() => void} keep What the buffers hold now is known.
 * @property {() => void} compare Counts the words that differ from what is known.
 */

/**
 * @param {GPUDevice} device
 * @param {Readable[]} outputs
 * @returns {Promise<Comparer>}
 */
export async function openComparer(device, outputs) {
  const buffers = outputs.map(({ buffer }) => buffer);
  const module = device.createShaderModule({ label: "comparer", code: CODE });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const known = buffers.map((buffer) => createOwnBuffer(device, { label: "known", size: buffer.size, usage }));
  const differing = createOwnBuffer(device, { label: "differing", size: 4, usage });
  const groups = buffers.map((buffer, index) => {
    const entries = [known[index], buffer, differing].map((one, binding) => ({ binding, resource: { buffer: one } }));
    return device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  });
  return {
    differing,
    keep: () => {
      const encoder = device.createCommandEncoder();
      for (const output of outputs) output.gather(encoder);
      buffers.forEach((buffer, index) => encoder.copyBufferToBuffer(buffer, 0, known[index], 0, buffer.size));
      device.queue.submit([encoder.finish()]);
    },
    compare: () => {
      const encoder = device.createCommandEncoder();
      for (const output of outputs) output.gather(encoder);
      encoder.clearBuffer(differing);
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      buffers.forEach((buffer, index) => {
        const count = Math.ceil(buffer.size / 4 / THREADS);
        pass.setBindGroup(0, groups[index]);
        pass.dispatchWorkgroups(Math.min(count, ROW), Math.ceil(count / ROW));
      });
      pass.end();
      device.queue.submit([encoder.finish()]);
    },
  };
}

/**
 * Makes what the buffers hold known, and has the comparer show that it sees both: that they hold it, and that they do not.
 * @param {GPUDevice} device
 * @param {Comparer} comparer
 * @param {() => void} spoil Overwrites the buffers.
 */
export async function keepAndProve(device, comparer, spoil) {
  comparer.keep();
  comparer.compare();
  const same = await differences(device, comparer);
  spoil();
  comparer.compare();
  const spoilt = await differences(device, comparer);
  if (same !== 0 || spoilt === 0) {
    throw new Error(`outputs can't be compared on this GPU: ${same} words of equal ones differ, ${spoilt} of spoilt ones`);
  }
}

/**
 * @param {GPUDevice} device
 * @param {Comparer} comparer
 */
async function differences(device, comparer) {
  const [words] = await readBuffers(device, [comparer.differing]);
  return countOf(words);
}

/**
 * What was read of `differing`.
 * @param {Float32Array} words
 */
export function countOf(words) {
  return new Uint32Array(words.buffer, words.byteOffset, 1)[0];
}
