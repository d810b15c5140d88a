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
 * @property {(device: GPUDevice) => void} add Watches this device too; its passes get timestamps where it has them.
 * @property {() => GPUDevice[]} computing The devices that have dispatched something.
 * @property {() => number} dispatches So far.
 * @property {() => number} waiting Dispatches that were recorded and not submitted, so far.
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
  const watch = watchGpus();
  watch.add(device);
  return watch;
}

/**
 * Watches whatever devices this page will have, from now on.
 * @returns {GpuWatch}
 */
export function watchGpus() {
  let [dispatches, bindings] = [0, 0];
  const passes = watchPasses();
  around(GPUDevice.prototype, "createBindGroup", (original, self, words) => {
    bindings += 1;
    return original.apply(self, words);
  });
  for (const name of /** @type {const} */ (["dispatchWorkgroups", "dispatchWorkgroupsIndirect"])) {
    around(GPUComputePassEncoder.prototype, name, (original, self, words) => {
      dispatches += 1;
      passes.compute(self);
      return original.apply(self, words);
    });
  }
  const compiling = watchCompiling();
  return {
    add: passes.add,
    computing: passes.computing,
    waiting: () => dispatches - passes.submitted(),
    dispatches: () => dispatches,
    bindings: () => bindings,
    compileMs: compiling,
    begin: passes.begin,
    end: passes.end,
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
 * Puts timestamps on the passes that have none of their own, and keeps whose they are.
 */
function watchPasses() {
  let active = false;
  /** Passes without timestamps since the beginning, whose time is not known. */
  let untimed = 0;
  /** @type {Map<GPUDevice, ReturnType<typeof stampsOf> | null>} Null for a device without timestamps. */
  const devices = new Map();
  /** @type {WeakMap<object, { device: GPUDevice, count: number }>} Of encoders, and the same of their passes and of what is submitted. */
  const recordings = new WeakMap();
  /** @type {Set<GPUDevice>} */
  const computing = new Set();
  let submitted = 0;
  around(GPUDevice.prototype, "createCommandEncoder", (original, self, words) => {
    const encoder = original.apply(self, words);
    recordings.set(encoder, { device: self, count: 0 });
    return encoder;
  });
  around(GPUCommandEncoder.prototype, "finish", (original, self, words) => {
    const commands = original.apply(self, words);
    const recording = recordings.get(self);
    if (recording) recordings.set(commands, recording);
    return commands;
  });
  around(GPUQueue.prototype, "submit", (original, self, [commands, ...words]) => {
    const all = [...commands];
    for (const one of all) submitted += recordings.get(one)?.count ?? 0;
    return original.call(self, all, ...words);
  });
  around(GPUCommandEncoder.prototype, "beginComputePass", (original, self, [descriptor = {}]) => {
    const recording = recordings.get(self);
    const stamps = recording && devices.get(recording.device);
    if (active && (!stamps || descriptor.timestampWrites)) untimed += 1;
    const stamped = active && stamps && !descriptor.timestampWrites ? { ...descriptor, timestampWrites: stamps.place() } : descriptor;
    const pass = original.call(self, stamped);
    if (recording) recordings.set(pass, recording);
    return pass;
  });
  return {
    add: (/** @type {GPUDevice} */ device) =>
      void devices.set(device, device.features.has("timestamp-query") ? stampsOf(device) : null),
    compute: (/** @type {object} */ pass) => {
      const recording = recordings.get(pass);
      if (!recording) return;
      recording.count += 1;
      computing.add(recording.device);
    },
    computing: () => [...computing],
    submitted: () => submitted,
    begin: () => {
      active = true;
      untimed = 0;
      for (const stamps of devices.values()) stamps?.begin();
    },
    end: async () => {
      active = false;
      let total = 0n;
      for (const stamps of devices.values()) total += (await stamps?.end()) ?? 0n;
      return total > 0n && untimed === 0 ? Number(total) / 1e6 : null;
    },
  };
}

/**
 * The timestamps of a device's passes.
 * @param {GPUDevice} device
 */
function stampsOf(device) {
  let passes = 0;
  /** @type { { querySet: GPUQuerySet, stamps: GPUBuffer }[] } */
  const sets = [];
  return {
    begin: () => {
      passes = 0;
    },
    /** Where the next pass writes its two. */
    place: () => {
      const [set, at] = [Math.floor((2 * passes) / STAMPS), (2 * passes) % STAMPS];
      passes += 1;
      sets[set] ??= {
        querySet: device.createQuerySet({ type: "timestamp", count: STAMPS }),
        stamps: createOwnBuffer(device, { size: 8 * STAMPS, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
      };
      return { querySet: sets[set].querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
    },
    /** Nanoseconds in all passes since the beginning. */
    end: async () => {
      const used = sets.slice(0, Math.ceil((2 * passes) / STAMPS));
      if (used.length === 0) return 0n;
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
      return total;
    },
  };
}
