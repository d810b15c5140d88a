/**
 * @file The devices of a user's module: gpujobs' own, and those that its libraries make for themselves. All are watched, counted
 * and waited for alike.
 */

import { adapterFacts, computesOnProcessors, findAdapterFor, openDevice, scoped, settled } from "gpujobs/device.js";
import { accountOf, openAccount } from "gpujobs/gpu_memory.js";
import { watchGpus } from "gpujobs/gpu_watch.js";
import { Unsupported } from "gpujobs/failures.js";

/** @import { AdapterFacts, GpuMemory, ModuleJob } from "gpujobs/protocol.js" */
/** @import { GpuWatch } from "gpujobs/gpu_watch.js" */
/** @import { Host } from "gpujobs/types.js" */

/**
 * @typedef {object} Devices
 * @property {GPUDevice | null} own What the module is given; null on a backend without a GPU.
 * @property {GpuWatch | null} watch Null in a browser without WebGPU.
 * @property {() => { device: GPUDevice, adapter: AdapterFacts } | null} computing The one that has computed, else the own one.
 * @property {(buffer: GPUBuffer) => GPUDevice} of The device of a buffer.
 * @property {<T>(work: Promise<T>) => Promise<T>} settled Waits for work, and sees to it that the browser looks for its end.
 * @property {() => Promise<unknown>} done The end of what was submitted so far.
 * @property {<T>(what: string, work: () => Promise<T>) => Promise<T>} scoped With error scopes of all devices around it.
 * @property {(inferences: number) => void} ran
 * @property {() => GpuMemory | null} memory
 * @property {() => void} destroy
 */

/**
 * Watches this document from now on, and opens the device that the job's backend asks for.
 * @param {ModuleJob} job
 * @param {Host} host
 * @returns {Promise<Devices>}
 */
export async function openDevices(job, host) {
  if (typeof GPUDevice === "undefined" || !navigator.gpu) {
    if (job.backend === "webgpu") throw new Unsupported("this browser has no WebGPU: navigator.gpu is undefined");
    return withoutGpu();
  }
  /** @type {Map<GPUDevice, AdapterFacts>} */
  const all = new Map();
  /** @type {WeakMap<GPUBuffer, GPUDevice>} */
  const owners = new WeakMap();
  watchBuffers(owners);
  const watch = watchGpus();
  const first = () => /** @type {GPUDevice | undefined} */ (all.keys().next().value) ?? null;
  /** @type {GPUDevice | null} */
  let own = null;
  if (job.backend === "webgpu") {
    const { adapter, facts } = await findAdapterFor(job);
    own = await openDevice(adapter, host);
    all.set(own, facts);
    watch.add(own);
  }
  watchRequests((device, adapter) => {
    const facts = adapterFacts(adapter);
    openAccount(device, first());
    all.set(device, facts);
    watch.add(device);
    if (facts.kind !== "hardware") computesOnProcessors(device);
    device.addEventListener("uncapturederror", (event) => host.fail(`WebGPU error: ${event.error.message}`));
    void device.lost.then((info) => {
      all.delete(device);
      if (info.reason !== "destroyed") host.lose(`a GPU device was lost: ${info.message || "no reason given"}`);
    });
  });
  const list = () => [...all.keys()];
  // One that has nothing to do would only cost its answer.
  const used = () => {
    const computing = watch.computing().filter((device) => all.has(device));
    return computing.length > 0 ? computing : list();
  };
  const account = () => {
    const device = first();
    return device && accountOf(device);
  };
  return {
    own,
    watch,
    computing: () => computingOf(job, watch.computing(), all, own),
    of: (buffer) => {
      const device = owners.get(buffer);
      if (!device) throw new Error("an output is a buffer of another document");
      return device;
    },
    settled: (work) => used().reduce((waited, device) => settled(device, waited), work),
    done: () => Promise.all(used().map((device) => device.queue.onSubmittedWorkDone())),
    scoped: (what, work) => list().reduce((inner, device) => () => scoped(device, what, inner), work)(),
    ran: (inferences) => account()?.ran(inferences),
    memory: () => account()?.read() ?? null,
    destroy: () => list().forEach((device) => device.destroy()),
  };
}

/** @returns {Devices} */
function withoutGpu() {
  return {
    own: null,
    watch: null,
    computing: () => null,
    of: () => {
      throw new Error("this browser has no WebGPU");
    },
    settled: (work) => work,
    done: async () => {},
    scoped: (_, work) => work(),
    ran: () => {},
    memory: () => null,
    destroy: () => {},
  };
}

/**
 * Which device computed, with its adapter; an error where that is not one that the job allows.
 * @param {ModuleJob} job
 * @param {GPUDevice[]} computed
 * @param {Map<GPUDevice, AdapterFacts>} all
 * @param {GPUDevice | null} own
 */
function computingOf(job, computed, all, own) {
  const used = computed.filter((device) => all.has(device));
  const adapters = new Set(used.map((device) => JSON.stringify(all.get(device))));
  if (adapters.size > 1) throw new Unsupported(`the module computes on several adapters: ${[...adapters].join(" and ")}`);
  const device = used[0] ?? own;
  const adapter = device && all.get(device);
  if (!device || !adapter) return null;
  if (job.requireHardware && adapter.kind !== "hardware") {
    throw new Error(`require_hardware is set, and a library of the module computes on an adapter of kind ${adapter.kind}`);
  }
  return { device, adapter };
}

/** @param {WeakMap<GPUBuffer, GPUDevice>} owners */
function watchBuffers(owners) {
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (/** @type {GPUBufferDescriptor} */ descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    owners.set(buffer, this);
    return buffer;
  };
}

/**
 * Hears of each device that is made from now on. Each is asked for timestamps as well, where its adapter has them.
 * @param {(device: GPUDevice, adapter: GPUAdapter) => void} made
 */
function watchRequests(made) {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (/** @type {GPUDeviceDescriptor | undefined} */ descriptor) {
    const features = new Set(descriptor?.requiredFeatures ?? []);
    if (this.features.has("timestamp-query")) features.add("timestamp-query");
    const device = await requestDevice.call(this, { ...descriptor, requiredFeatures: features });
    made(device, this);
    return device;
  };
}
