/**
 * @file The device is the GPU as WebGPU gives it to one job: an adapter, its facts, and the ways to wait for it.
 */

import { NoAdapter, Unsupported } from "gpujobs/failures.js";
import { createOwnBuffer, openAccount } from "gpujobs/gpu_memory.js";

/** @import { AdapterFacts } from "gpujobs/protocol.js" */

/** Asked for up to what the adapter has, since WebGPU's defaults (256 invocations, 16 KiB) hide what hardware can do. */
const RAISED_LIMITS = /** @type {const} */ ([
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxBufferSize",
  "maxTextureDimension2D",
  "maxSampledTexturesPerShaderStage",
  "maxStorageTexturesPerShaderStage",
  "maxSamplersPerShaderStage",
]);

/** Asked for where the adapter offers them. The last one is not in the specification, nor in the types. */
const WANTED_FEATURES = /** @type {GPUFeatureName[]} */ ([
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "float32-filterable",
  "chromium-experimental-subgroup-matrix",
]);

/**
 * The adapter that a job gets, or why there is none, in the browser's terms.
 * @param {GPUPowerPreference | null} powerPreference
 * @returns {Promise<GPUAdapter>}
 */
export async function findAdapter(powerPreference = null) {
  if (!navigator.gpu) throw new Unsupported("this browser has no WebGPU: navigator.gpu is undefined");
  const adapter = await navigator.gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter) throw new NoAdapter("this browser has WebGPU but no adapter: requestAdapter() answered null");
  return adapter;
}

/**
 * The adapter of a job with its facts; one of software is an error where the job requires hardware.
 * @param { { requireHardware: boolean, powerPreference: GPUPowerPreference | null } } job
 */
export async function findAdapterFor(job) {
  const adapter = await findAdapter(job.powerPreference);
  const facts = adapterFacts(adapter);
  if (job.requireHardware && facts.kind !== "hardware") {
    const found =
      facts.kind === "software" ? "the adapter is a software one" : "the browser does not say whether its adapter is a GPU";
    throw new Error(`require_hardware is set and ${found}`);
  }
  return { adapter, facts };
}

/**
 * `isFallbackAdapter` alone tells software from hardware: SwiftShader, lavapipe and WARP set it, names may be empty.
 * It moved from the adapter to its info in Chrome 140, so both places are read. A browser that has it in neither has not
 * said that it is a GPU.
 * @param {GPUAdapter} adapter
 * @returns {AdapterFacts}
 */
export function adapterFacts(adapter) {
  const info = adapter.info;
  const own = /** @type { { backend?: string, driver?: string } } */ (info);
  const fallback = info.isFallbackAdapter ?? /** @type { { isFallbackAdapter?: boolean } } */ (adapter).isFallbackAdapter;
  return {
    vendor: info.vendor ?? "",
    architecture: info.architecture ?? "",
    device: info.device ?? "",
    description: info.description ?? "",
    // Chromium's own, with its developer features on; not in the types.
    backend: own.backend ?? "",
    driver: own.driver ?? "",
    kind: typeof fallback !== "boolean" ? "unknown" : fallback ? "software" : "hardware",
  };
}

/**
 * A new device with everything that the adapter has. An error that nobody scoped goes to `fail`, losing it to `lose`.
 * @param {GPUAdapter} adapter
 * @param { { fail: (message: string) => void, lose: (message: string) => void } } host
 * @returns {Promise<GPUDevice>}
 */
export async function openDevice(adapter, { fail, lose }) {
  /** @type {Record<string, number>} */
  const requiredLimits = {};
  for (const limit of RAISED_LIMITS) requiredLimits[limit] = adapter.limits[limit];
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  openAccount(device);
  // One that may compute on processors is spared as one that does.
  if (adapterFacts(adapter).kind !== "hardware") computesOnProcessors(device);
  device.addEventListener("uncapturederror", (event) => fail(`WebGPU error: ${event.error.message}`));
  void device.lost.then((info) => {
    if (info.reason !== "destroyed") lose(`the GPU device was lost: ${info.message || "no reason given"}`);
  });
  return device;
}

/**
 * Runs `work` with error scopes around it and throws the first error that WebGPU reports: an invalid dispatch throws
 * nothing by itself, and the whole submission is dropped.
 * @template T
 * @param {GPUDevice} device
 * @param {string} what Names the work in the message.
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function scoped(device, what, work) {
  const filters = /** @type {const} */ (["validation", "out-of-memory", "internal"]);
  for (const filter of filters) device.pushErrorScope(filter);
  let result;
  let thrown;
  try {
    result = await work();
  } catch (error) {
    thrown = error;
  }
  const errors = await settled(device, Promise.all(filters.map(() => device.popErrorScope())));
  const error = errors.find((found) => found !== null);
  if (error) throw new Error(`${what}: ${error.message}`);
  if (thrown) throw thrown;
  return /** @type {T} */ (result);
}

/** A bare wait for an empty submission that takes this long waits for a timer, and not for the GPU. */
const TIMER_MS = 30;

/**
 * What a bare wait for an empty submission takes in this browser. Gecko looks on a timer of 100 ms (POLL_TIME_MS in its
 * WebGPUParent.cpp), and until it is measured that is what it is known for, whatever the browser calls itself.
 */
let rawWaitMs = "mozInnerScreenX" in globalThis ? 100 : 0;

/**
 * Takes note of what a bare wait for an empty submission took.
 * @param {number} rawMs
 */
export function measuredRawWait(rawMs) {
  rawWaitMs = rawMs;
}

/** The devices on whose adapter pages must not spend processors: one of software computes there. @type {WeakSet<GPUDevice>} */
const onProcessors = new WeakSet();

/**
 * Takes note that a device computes on processors; one that was opened in a frame is not known here otherwise.
 * @param {GPUDevice} device
 */
export function computesOnProcessors(device) {
  onProcessors.add(device);
}

/**
 * Milliseconds between two nudges. On hardware every 0.2 ms pays in each browser: an awaited MiniLM on an H100 was seen to be
 * done after 1.26 instead of 3.0 ms (Chromium) and 1.1 instead of 2.2 (Firefox). On a processor finer ones take it from what
 * computes.
 */
const NUDGE_EVERY_MS = { hardware: 0.2, software: 1 };

/**
 * A long wait need not be looked at as often: the next nudge comes after this share of what was waited so far. Waits are late by
 * as much at most, so it stays below what times may differ by and be called the same.
 */
const NUDGE_AGAIN_AFTER = 1 / 200;

/**
 * Submits nothing, so that the browser looks for finished work, and waits until it has done so: the answer to an error scope
 * comes back without waiting for the GPU. Nudges that come faster than they are handled would queue up before whatever
 * is submitted next: with twelve jobs ready, Firefox's slowest samples of a product took 1.1 ms, and take 0.43 without.
 * @param {GPUDevice} device
 */
async function nudge(device) {
  device.pushErrorScope("internal");
  device.queue.submit([]);
  // A lost device is found by whoever waits for the work.
  await device.popErrorScope().catch(() => null);
}

/**
 * Waits for GPU work. Browsers look late for what is finished; any later submission makes them look, so waiting means
 * submitting nothing now and then.
 * @template T
 * @param {GPUDevice} device
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export async function settled(device, work) {
  const onTimer = rawWaitMs >= TIMER_MS;
  const software = onProcessors.has(device);
  if (software && !onTimer) return work;
  const everyMs = software ? NUDGE_EVERY_MS.software : NUDGE_EVERY_MS.hardware;
  let done = false;
  const finished = work.finally(() => {
    done = true;
  });
  finished.catch(() => {});
  const began = performance.now();
  let last = began;
  let heard = true;
  while (!done) {
    await (software ? sleepBriefly(finished) : nextTask());
    const now = performance.now();
    const pause = Math.max(everyMs, (now - began) * NUDGE_AGAIN_AFTER);
    if (!heard || done || now - last < pause) continue;
    last = now;
    heard = false;
    nudge(device).then(() => {
      heard = true;
    });
  }
  return finished;
}

/** What `sleepBriefly` sleeps on; nothing ever changes it. */
const sleepCell = typeof SharedArrayBuffer === "undefined" ? null : new Int32Array(new SharedArrayBuffer(4));

/**
 * About a millisecond, or less if the work is done. `setTimeout` would wait 4 ms once nested. A page that takes turn after
 * turn of the event loop meanwhile keeps a processor busy, which on a software adapter is one that computes, so that is
 * only for browsers that can't sleep otherwise.
 * @param {Promise<unknown>} work
 */
function sleepBriefly(work) {
  if (sleepCell === null || !("waitAsync" in Atomics)) return nextTask();
  const { value } = Atomics.waitAsync(sleepCell, 0, 0, NUDGE_EVERY_MS.software);
  return Promise.race([work.catch(() => {}), value]);
}

const ticks = new MessageChannel();
/** @type {(() => void)[]} */
const waiting = [];
ticks.port1.onmessage = () => waiting.shift()?.();

/** A turn of the event loop. */
function nextTask() {
  return new Promise((resolve) => {
    waiting.push(() => resolve(undefined));
    ticks.port2.postMessage(0);
  });
}

/**
 * Copies buffers out of the GPU.
 * @param {GPUDevice} device
 * @param {GPUBuffer[]} buffers
 * @returns {Promise<Float32Array<ArrayBuffer>[]>}
 */
export async function readBuffers(device, buffers) {
  const total = buffers.reduce((sum, buffer) => sum + buffer.size, 0);
  const staging = createOwnBuffer(device, { size: total, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  let offset = 0;
  for (const buffer of buffers) {
    encoder.copyBufferToBuffer(buffer, 0, staging, offset, buffer.size);
    offset += buffer.size;
  }
  device.queue.submit([encoder.finish()]);
  await settled(device, staging.mapAsync(GPUMapMode.READ));
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  offset = 0;
  return buffers.map((buffer) => {
    const values = new Float32Array(bytes, offset, buffer.size / 4);
    offset += buffer.size;
    return values;
  });
}
