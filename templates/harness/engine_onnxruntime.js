/**
 * @file The `onnxruntime` engine runs an ONNX file in onnxruntime-web with inputs that gpujobs made.
 */

import { record } from "gpujobs/calls.js";
import { fixedFeeds } from "gpujobs/graph_capture.js";
import { firstResult } from "gpujobs/onnx_job.js";
import { placementOf } from "gpujobs/onnx_placement.js";
import { profileSession } from "gpujobs/onnx_profile.js";
import { ARRAYS, bytesOf } from "gpujobs/tensors.js";

/** @import { FeedSpec } from "gpujobs/protocol.js" */
/** @import { FileJob, Host } from "gpujobs/types.js" */
/** @import { Loaded } from "gpujobs/onnx_job.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/**
 * @param {FileJob} job
 * @param {Host} host
 */
export function prepare(job, host) {
  return firstResult(job, host, "", load);
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
  // Results stay on the GPU until they are read, so that inferences in a row need not wait for each other's.
  const far = { preferredOutputLocation: options.preferredOutputLocation ?? "gpu-buffer" };
  const createBegan = performance.now();
  const session = await runtime.alone(() => runtime.create(model, runtime.gpu ? { ...options, ...far } : options));
  const createMs = performance.now() - createBegan;
  const feeds = feedsOf(job.feeds, runtime);
  const given = runtime.options.enableGraphCapture ? fixedFeeds(runtime)(feeds) : feeds;
  const run = () => runtime.alone(() => session.run(given));
  if (runtime.gpu && job.shaderPrecompilation) free(await runtime.settled(run()));
  return {
    library: "",
    infer: async (iterations) => {
      for (let inference = 1; inference < iterations; inference += 1) free(await run());
      const { fetches, call } = await record(session, job.file, feeds, true, run);
      free(fetches);
      return [call];
    },
    parts: () => {
      const cost = files.cost(job.files.map(({ path }) => path));
      return [{ name: job.file, ...cost, createMs, compileMs: null, firstInferenceMs: null }];
    },
    sessions: () => [{ file: job.file, model, options }],
    placement: () => placementOf(runtime, model, options),
    profile: () => profileSession(runtime, model, options, (profiled) => runtime.alone(() => profiled.run(given))),
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
      const array = ARRAYS[type];
      if (!array) throw new Error(`gpujobs makes no input of type ${type}`);
      return [name, new ort.Tensor(/** @type {any} */ (type), new array(bytesOf(base64).buffer), shape)];
    }),
  );
}

/** @param {Readonly<Record<string, import("onnxruntime-common").Tensor>>} fetches */
function free(fetches) {
  for (const tensor of Object.values(fetches)) tensor.dispose();
}
