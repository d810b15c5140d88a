/**
 * @file The `onnxruntime` engine runs an ONNX file in onnxruntime-web with inputs that gpujobs made.
 */

import { record } from "gpujobs/calls.js";
import { openFiles } from "gpujobs/model_files.js";
import { firstResult } from "gpujobs/onnx_job.js";
import { placementOf } from "gpujobs/onnx_placement.js";
import { profileSession } from "gpujobs/onnx_profile.js";
import { openRuntime } from "gpujobs/onnx_runtime.js";
import { bytesOf } from "gpujobs/tensors.js";

/** @import { FeedSpec, FileJob, Host, PartCost } from "gpujobs/types.js" */
/** @import { Loaded } from "gpujobs/onnx_job.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/**
 * @param {FileJob} job
 * @param {Host} host
 */
export async function prepare(job, host) {
  const began = performance.now();
  const files = openFiles(job, "");
  const runtime = await openRuntime(job, host);
  const deviceReadyMs = performance.now() - began;
  return firstResult(job, host, runtime, { began, deviceReadyMs, load: () => load(job, runtime, files) });
}

/**
 * @param {FileJob} job
 * @param {Runtime} runtime
 * @param {import("gpujobs/model_files.js").ModelFiles} files
 * @returns {Promise<Loaded>}
 */
async function load(job, runtime, files) {
  const model = new Uint8Array(await files.load(job.file));
  // What lies beside the model file holds its weights; the model names it relative to itself.
  const folder = job.file.slice(0, job.file.lastIndexOf("/") + 1);
  const beside = job.files.filter(({ path }) => path !== job.file);
  const externalData = await Promise.all(
    beside.map(async ({ path }) => ({ path: path.slice(folder.length), data: new Uint8Array(await files.load(path)) })),
  );
  const options = { ...runtime.options, ...(externalData.length > 0 ? { externalData } : {}) };
  // Results stay on the GPU until they are wanted, so that inferences in a row need not wait for each other's.
  const far = runtime.gpu ? { preferredOutputLocation: /** @type {const} */ ("gpu-buffer") } : {};
  const createBegan = performance.now();
  const session = await runtime.alone(() => runtime.create(model, { ...options, ...far }));
  const createMs = performance.now() - createBegan;
  const feeds = feedsOf(job.feeds, runtime);
  const run = () => runtime.alone(() => session.run(feeds));
  if (runtime.gpu && job.shaderPrecompilation) free(await runtime.settled(run()));
  /** @type {PartCost} */
  const part = { name: job.file, bytes: 0, fetchMs: 0, createMs, compileMs: null, firstInferenceMs: null };
  return {
    library: "",
    infer: async (iterations) => {
      for (let inference = 1; inference < iterations; inference += 1) free(await run());
      const { fetches, call } = await record(session, job.file, feeds, true, run);
      free(fetches);
      return [call];
    },
    parts: () => {
      const { bytes, ms } = files.cost(job.files.map(({ path }) => path));
      return [{ ...part, bytes, fetchMs: ms }];
    },
    placement: () => placementOf(runtime, model, options),
    profile: () => profileSession(runtime, model, options, (profiled) => runtime.alone(() => profiled.run(feeds))),
    dispose: () => void session.release(),
  };
}

/**
 * @param {FeedSpec[]} specs
 * @param {Runtime} runtime
 */
function feedsOf(specs, { ort }) {
  return Object.fromEntries(
    specs.map(({ name, type, shape, base64 }) => {
      const { buffer } = bytesOf(base64);
      return [name, new ort.Tensor(/** @type {any} */ (type), /** @type {any} */ (typed(type, buffer)), shape)];
    }),
  );
}

/**
 * The array that onnxruntime-web takes for a tensor of this type.
 * @param {string} type
 * @param {ArrayBuffer} buffer
 */
function typed(type, buffer) {
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "float16":
      // Where the language has 16-bit floats the runtime takes no other array for them.
      return "Float16Array" in globalThis ? new /** @type {any} */ (globalThis).Float16Array(buffer) : new Uint16Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "uint64":
      return new BigUint64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "uint32":
      return new Uint32Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "uint16":
      return new Uint16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
    default:
      throw new Error(`gpujobs makes no input of type ${type}`);
  }
}

/** @param {Readonly<Record<string, import("onnxruntime-common").Tensor>>} fetches */
function free(fetches) {
  for (const tensor of Object.values(fetches)) tensor.dispose();
}
