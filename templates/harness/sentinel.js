/**
 * @file The sentinel is what buffers hold before a stage writes them: an element that nothing wrote is seen as such.
 */

import { createOwnBuffer } from "gpujobs/gpu_memory.js";

/** A quiet NaN with a pattern that no arithmetic makes. */
export const SENTINEL = 0x7fc05e17;

/** Buffers are filled from one that is not larger than this, in bytes. */
const LARGEST_SOURCE = 2 ** 24;

/**
 * @typedef {object} Sentinel
 * @property {GPUBuffer} source Full of it.
 * @property {(encoder: GPUCommandEncoder, buffer: GPUBuffer, bytes: number) => void} fill Fills the beginning of a buffer,
 *   when the encoder's commands run.
 */

/**
 * @param {GPUDevice} device
 * @param {number} largest Bytes of the largest buffer or texture that is to be filled.
 * @returns {Sentinel}
 */
export function openSentinel(device, largest) {
  const size = Math.max(4, Math.min(LARGEST_SOURCE, largest));
  const source = createOwnBuffer(device, { label: "sentinel", size, usage: GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
  new Uint32Array(source.getMappedRange()).fill(SENTINEL);
  source.unmap();
  return {
    source,
    fill: (encoder, buffer, bytes) => {
      for (let from = 0; from < bytes; from += size) {
        encoder.copyBufferToBuffer(source, 0, buffer, from, Math.min(size, bytes - from));
      }
    },
  };
}
