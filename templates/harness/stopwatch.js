/**
 * @file A stopwatch takes the GPU's own time of compute passes.
 */

import { createOwnBuffer } from "gpujobs/gpu_memory.js";

/**
 * A pair of GPU timestamps around a pass or several.
 * @typedef {object} Stopwatch
 * @property {(first: boolean, last: boolean) => GPUComputePassTimestampWrites | undefined} around What a pass notes that is
 *   the first or the last of them.
 * @property {(encoder: GPUCommandEncoder) => void} resolve
 * @property {GPUBuffer} stamps Both, once resolved.
 * @property {(stamps: Float32Array) => number | null} elapsedMs The time between the two that were read; null where it
 *   is not positive.
 */

/**
 * @param {GPUDevice} device
 * @returns {Stopwatch | null}
 */
export function openStopwatch(device) {
  if (!device.features.has("timestamp-query")) return null;
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const stamps = createOwnBuffer(device, { size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  return {
    around: (first, last) => {
      if (first && last) return { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
      if (first) return { querySet, beginningOfPassWriteIndex: 0 };
      return last ? { querySet, endOfPassWriteIndex: 1 } : undefined;
    },
    stamps,
    resolve: (encoder) => encoder.resolveQuerySet(querySet, 0, 2, stamps, 0),
    elapsedMs: (words) => {
      const [begin, end] = new BigInt64Array(words.buffer, words.byteOffset, 2);
      return end > begin ? Number(end - begin) / 1e6 : null;
    },
  };
}

