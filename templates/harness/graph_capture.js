/**
 * @file What a captured graph needs: the GPU's commands of its first inference are replayed by later ones, so what it reads
 * lies in the same buffers each time.
 */

import { Unsupported } from "gpujobs/failures.js";

/** @import { Tensor } from "onnxruntime-common" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/** What onnxruntime makes buffers a multiple of. */
const ALIGNMENT = 16;

/**
 * Copies what a session is given into buffers of its own, the same ones at each call.
 * @param {Runtime} runtime
 * @returns {(feeds: Readonly<Record<string, Tensor>>) => Record<string, Tensor>}
 */
export function fixedFeeds({ ort, gpu }) {
  /** @type {Map<string, Tensor>} */
  const fixed = new Map();
  return (feeds) => {
    if (!gpu) throw new Unsupported("only webgpu captures graphs");
    const { device } = gpu;
    return Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => {
        const values = tensor.location === "cpu" ? tensor.data : null;
        if (!ArrayBuffer.isView(values)) {
          const what = `\`${name}\` (${tensor.type}, ${tensor.location})`;
          throw new Unsupported(`a captured graph reads the same buffers each time, and ${what} can't be written there`);
        }
        let kept = fixed.get(name);
        if (kept && String(kept.dims) !== String(tensor.dims)) {
          const shapes = `[${kept.dims}], then [${tensor.dims}]`;
          throw new Unsupported(`a captured graph replays the shapes of its first inference, and \`${name}\` had ${shapes}`);
        }
        if (!kept) {
          const size = Math.max(ALIGNMENT, Math.ceil(values.byteLength / ALIGNMENT) * ALIGNMENT);
          const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
          const buffer = device.createBuffer({ label: name, size, usage });
          const options = { dataType: /** @type {any} */ (tensor.type), dims: tensor.dims };
          kept = /** @type {Tensor} */ (ort.Tensor.fromGpuBuffer(buffer, options));
          fixed.set(name, kept);
        }
        // What is written is a multiple of four bytes.
        const bytes = new Uint8Array(Math.ceil(values.byteLength / 4) * 4);
        bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
        device.queue.writeBuffer(kept.gpuBuffer, 0, bytes);
        return [name, kept];
      }),
    );
  };
}
