/**
 * @file Watches what a library does with WebGPU: how often it dispatches, how long it makes pipelines, how long the GPU
 * works. The library is not asked; the methods that it has to call are.
 */

import { readBuffers } from "gpujobs/device.js";
import { createOwnBuffer } from "gpujobs/gpu_memory.js";

/** Timestamps in a query set, two for each pass: WebGPU's largest. */
const STAMPS = 4096;

/**
 * @typedef {object} GpuWatch
 * @property {() => number} dispatches So far.
 * @property {() => number} bindings Bind groups that were made, so far.
 * @property {() => number} compileMs With a shader or a pipeline in the making, so far.
 * @property {() => void} begin Timestamps are taken from now on.
 * @property {() => Promise<number | null>} end The GPU's time in passes since then; null without timestamps.
 */

/**
 * Watches the one device of this page.
 * @param {GPUDevice} device
 * @returns {GpuWatch}
 */
export function watchGpu(device) {
  let [dispatches, bindings] = [0, 0];
  around(GPUDevice.prototype, "createBindGroup", (original, self, words) => {
    bindings += 1;
    return original.apply(self, words);
  });
  for (const name of /** @type {const} */ (["dispatchWorkgroups", "dispatchWorkgroupsIndirect"])) {
    around(GPUComputePassEncoder.prototype, name, (original, self, words) => {
      dispatches += 1;
      return original.apply(self, words);
    });
  }
  const compiling = watchCompiling();
  const stamps = device.features.has("timestamp-query") ? watchPasses(device) : null;
  return {
    dispatches: () => dispatches,
    bindings: () => bindings,
    compileMs: compiling,
    begin: () => stamps?.begin(),
    end: async () => (stamps ? stamps.end() : null),
  };
}

/**
 * Calls `instead` in place of a method.
 * @param {any} prototype
 * @param {string} name
 * @param {(original: Function, self: any, words: any[]) => unknown} instead
 */
function around(prototype, name, instead) {
  const original = prototype[name];
  prototype[name] = function (/** @type {any[]} */ ...words) {
    return instead(original, this, words);
  };
}

/** The time in which at least one shader or pipeline is being made. */
function watchCompiling() {
  let totalMs = 0;
  let open = 0;
  let since = 0;
  const enter = () => {
    if (open === 0) since = performance.now();
    open += 1;
  };
  const leave = () => {
    open -= 1;
    if (open === 0) totalMs += performance.now() - since;
  };
  for (const name of /** @type {const} */ (["createShaderModule", "createComputePipeline", "createComputePipelineAsync"])) {
    around(GPUDevice.prototype, name, (original, self, words) => {
      enter();
      const made = original.apply(self, words);
      if (made instanceof Promise) return made.finally(leave);
      leave();
      return made;
    });
  }
  return () => totalMs;
}

/**
 * Puts timestamps on the passes that have none of their own.
 * @param {GPUDevice} device
 */
function watchPasses(device) {
  let active = false;
  let passes = 0;
  /** @type { { querySet: GPUQuerySet, stamps: GPUBuffer }[] } */
  const sets = [];
  const place = () => {
    const [set, at] = [Math.floor((2 * passes) / STAMPS), (2 * passes) % STAMPS];
    passes += 1;
    sets[set] ??= {
      querySet: device.createQuerySet({ type: "timestamp", count: STAMPS }),
      stamps: createOwnBuffer(device, { size: 8 * STAMPS, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
    };
    return { querySet: sets[set].querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  };
  around(GPUCommandEncoder.prototype, "beginComputePass", (original, self, [descriptor = {}]) => {
    const stamped = active && !descriptor.timestampWrites ? { ...descriptor, timestampWrites: place() } : descriptor;
    return original.call(self, stamped);
  });
  return {
    begin: () => {
      active = true;
      passes = 0;
    },
    end: async () => {
      active = false;
      const used = sets.slice(0, Math.ceil((2 * passes) / STAMPS));
      if (used.length === 0) return null;
      const encoder = device.createCommandEncoder();
      used.forEach(({ querySet, stamps }, index) => {
        encoder.resolveQuerySet(querySet, 0, Math.min(STAMPS, 2 * passes - index * STAMPS), stamps, 0);
      });
      device.queue.submit([encoder.finish()]);
      const read = await readBuffers(device, used.map(({ stamps }) => stamps));
      let total = 0n;
      for (let pass = 0; pass < passes; pass += 1) {
        const words = read[Math.floor((2 * pass) / STAMPS)];
        const [begin, end] = new BigInt64Array(words.buffer, words.byteOffset + 8 * ((2 * pass) % STAMPS), 2);
        if (end > begin) total += end - begin;
      }
      return total > 0n ? Number(total) / 1e6 : null;
    },
  };
}
