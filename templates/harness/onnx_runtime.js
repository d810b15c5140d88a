/**
 * @file onnxruntime-web on the backend of a job, and nothing else: the device, context or threads are made or counted here,
 * so that what ran is known and not assumed. One runtime a page.
 */

import * as onnxruntime from "onnxruntime-web/webgpu";
import { findAdapterFor, openDevice, settled } from "gpujobs/device.js";
import { Exhausted, forwardFailures, messageOf, Unsupported } from "gpujobs/failures.js";
import { accountOf } from "gpujobs/gpu_memory.js";
import { watchGpu } from "gpujobs/gpu_watch.js";
import { providerOptions, sessionOptions, withoutOptions } from "gpujobs/session_options.js";
import { bytesOf } from "gpujobs/tensors.js";
import { watchWasm } from "gpujobs/wasm_memory.js";
import { watchBuilds } from "gpujobs/webnn.js";
import { countWorkers } from "gpujobs/workers.js";

/** @import { AdapterFacts } from "gpujobs/protocol.js" */
/** @import { Host, OnnxJob } from "gpujobs/types.js" */
/** @import { Account } from "gpujobs/gpu_memory.js" */
/** @import { GpuWatch } from "gpujobs/gpu_watch.js" */
/** @import { WasmWatch } from "gpujobs/wasm_memory.js" */

/**
 * @typedef {object} Runtime
 * @property {typeof onnxruntime} ort
 * @property {onnxruntime.InferenceSession.SessionOptions} options Those of every session.
 * @property {(model: Uint8Array, options: onnxruntime.InferenceSession.SessionOptions) => Promise<onnxruntime.InferenceSession>} create
 *   A session; where there can be none, the reason is the runtime's or the browser's own.
 * @property {Gpu | null} gpu
 * @property {WebNn | null} webnn
 * @property {WasmWatch} wasm
 * @property {() => number | null} threads Of wasm, as far as they were started.
 * @property {() => number} dispatches On the GPU or in the WebNN context, so far.
 * @property {<T>(work: () => Promise<T>) => Promise<T>} alone One at a time: its wasm can't do two things at once.
 * @property {<T>(work: Promise<T>) => Promise<T>} settled
 */

/**
 * @typedef {object} Gpu
 * @property {GPUDevice} device
 * @property {AdapterFacts} adapter
 * @property {GpuWatch} watch
 * @property {Account} account Of the device's memory.
 */

/**
 * @typedef {object} WebNn
 * @property {unknown} context
 * @property {string} name
 * @property {() => number} dispatches
 */

/** y = x, for one float: the smallest model, which shows whether the backend starts at all. */
const IDENTITY = "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0=";

/** What onnxruntime-web takes by itself: half the cores, at most four. */
const MOST_THREADS = 4;

/**
 * Starts it; the error says in the browser's words why it can't be.
 * @param {OnnxJob} job
 * @param {Host} host
 */
export function openRuntime(job, host) {
  forwardFailures(host.fail, host.log);
  return startRuntime(onnxruntime, job, host, watchWasm());
}

/**
 * Starts one instance of the library, which has one backend for as long as it lives.
 * @param {typeof onnxruntime} ort
 * @param {OnnxJob} job
 * @param {Host} host
 * @param {WasmWatch} wasm Of this document.
 * @returns {Promise<Runtime>}
 */
export async function startRuntime(ort, job, host, wasm) {
  const workers = countWorkers();
  const gpu = job.backend === "webgpu" ? await openGpu(job, host) : null;
  const webnn = job.backend === "webnn" ? await openWebNn(job) : null;
  const threads = threadsToAskFor(job);
  // The plain build runs faster and loads sooner; WebGPU and WebNN are in the other one.
  const build = job.backend === "wasm" ? "ort-wasm-simd-threaded" : "ort-wasm-simd-threaded.asyncify";
  const at = (/** @type {string} */ file) => new URL(job.libraries + file, document.baseURI).href;
  ort.env.wasm.wasmPaths = { mjs: at(`${build}.mjs`), wasm: at(`${build}.wasm`) };
  ort.env.wasm.numThreads = threads;
  /** @type {onnxruntime.InferenceSession.SessionOptions} */
  const options = { executionProviders: [provider(job, gpu, webnn)], logSeverityLevel: 3, ...sessionOptions(job) };
  const free = job.session.fixDimensions === false ? {} : job.freeDimensions;
  if (Object.keys(free).length > 0) options.freeDimensionOverrides = free;

  // The library's own, whatever stands in its place later.
  const create = ort.InferenceSession.create.bind(ort.InferenceSession);
  const unlessRefused = webnn ? watchBuilds() : null;
  const settles = (/** @type {Promise<any>} */ work) => {
    if (gpu) return settled(gpu.device, work);
    return unlessRefused ? unlessRefused(work) : work;
  };
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  /** @type {Runtime} */
  const runtime = {
    ort,
    options,
    create: async (model, sessionOptions) => {
      try {
        return await settles(create(model, sessionOptions));
      } catch (error) {
        const message = messageOf(error);
        throw /out of memory/i.test(message) ? new Exhausted(message) : new Unsupported(message);
      }
    },
    gpu,
    webnn,
    wasm,
    // Every worker of onnxruntime is a thread of its pool, and the page's own is one more.
    threads: () => workers() + 1,
    dispatches: () => gpu?.watch.dispatches() ?? webnn?.dispatches() ?? 0,
    alone: (work) => {
      const turn = last.then(work);
      last = turn.catch(() => {});
      return turn;
    },
    settled: settles,
  };
  const plain = { ...withoutOptions(options), freeDimensionOverrides: {} };
  const trial = await runtime.alone(() => runtime.create(bytesOf(IDENTITY), plain));
  await trial.release();
  return runtime;
}

/**
 * @param {OnnxJob} job
 * @param {Host} host
 * @returns {Promise<Gpu>}
 */
async function openGpu(job, host) {
  const { adapter: found, facts: adapter } = await findAdapterFor(job);
  const device = await openDevice(found, host);
  return { device, adapter, watch: watchGpu(device), account: accountOf(device) };
}

/**
 * @param {OnnxJob} job
 * @returns {Promise<WebNn>}
 */
async function openWebNn(job) {
  const { ml } = /** @type { { ml?: { createContext: (options: object) => Promise<any> } } } */ (
    /** @type {unknown} */ (navigator)
  );
  if (!ml) throw new Unsupported("this browser has no WebNN: navigator.ml is undefined");
  try {
    const context = await ml.createContext({ deviceType: job.webnnDevice });
    let dispatches = 0;
    const dispatch = context.dispatch.bind(context);
    context.dispatch = (/** @type {unknown[]} */ ...words) => {
      dispatches += 1;
      return dispatch(...words);
    };
    const accelerated = context.accelerated === undefined ? "" : `, accelerated: ${context.accelerated}`;
    const name = `${context.constructor?.name ?? "MLContext"} (${job.webnnDevice}${accelerated})`;
    return { context, name, dispatches: () => dispatches };
  } catch (error) {
    throw new Unsupported(messageOf(error));
  }
}

/**
 * @param {OnnxJob} job
 * @param {Gpu | null} gpu
 * @param {WebNn | null} webnn
 * @returns {onnxruntime.InferenceSession.ExecutionProviderConfig}
 */
function provider(job, gpu, webnn) {
  if (gpu) return /** @type {any} */ ({ name: "webgpu", device: gpu.device, ...providerOptions(job) });
  if (webnn) return /** @type {any} */ ({ name: "webnn", deviceType: job.webnnDevice, context: webnn.context });
  return "wasm";
}

/**
 * The threads of wasm to ask for. Beside a GPU it only carries the graph.
 * @param {OnnxJob} job
 */
function threadsToAskFor(job) {
  const shared = typeof SharedArrayBuffer !== "undefined";
  if (job.threads !== null && job.threads > 1 && !shared) {
    throw new Unsupported(`this browser has no SharedArrayBuffer, so wasm has one thread, not ${job.threads}`);
  }
  if (job.threads !== null) return job.threads;
  if (job.backend !== "wasm" || !shared) return 1;
  return Math.min(MOST_THREADS, Math.ceil((navigator.hardwareConcurrency ?? 1) / 2));
}
