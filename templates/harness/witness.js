/**
 * @file A witness computes the calls of a job once more, on another backend of the same browser: it is heard where the
 * reference contradicts the job, or where there is none.
 */

import { valuesOf } from "gpujobs/calls.js";
import { startRuntime } from "gpujobs/onnx_runtime.js";

/** @import { InferenceSession } from "onnxruntime-common" */
/** @import { Host, OnnxJob } from "gpujobs/types.js" */
/** @import { Call, Value } from "gpujobs/calls.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/**
 * A session as it was made.
 * @typedef {object} Made
 * @property {string} file
 * @property {Uint8Array} model
 * @property {InferenceSession.SessionOptions} options
 */

/**
 * What the calls give elsewhere, and on which backend; no calls where this browser has no other backend, or that one can't
 * run them.
 * @param {OnnxJob} job
 * @param {Host} host
 * @param {Made[]} sessions
 * @param {Call[]} calls
 * @returns {Promise< { backend: string, calls: Call[] } >}
 */
export async function hear(job, host, sessions, calls) {
  const backend = job.backend === "wasm" ? "webgpu" : "wasm";
  try {
    // An instance of its own: the job's has its backend for as long as it lives.
    const library = await import(`${import.meta.resolve("onnxruntime-web/webgpu")}?witness`);
    // What befalls the witness does not befall the job.
    const deaf = { ...host, fail: () => {}, lose: () => {} };
    const runtime = await startRuntime(library, /** @type {OnnxJob} */ ({ ...job, backend, threads: 1 }), deaf);
    try {
      return { backend, calls: await replay(runtime, sessions, calls) };
    } finally {
      runtime.gpu?.device.destroy();
    }
  } catch (error) {
    host.log("info", `no witness on ${backend}: ${error}`);
    return { backend, calls: [] };
  }
}

/**
 * @param {Runtime} runtime
 * @param {Made[]} made
 * @param {Call[]} calls
 */
async function replay(runtime, made, calls) {
  /** @type {Map<string, InferenceSession>} */
  const sessions = new Map();
  const heard = [];
  for (const { file, feeds } of calls) {
    const session = sessions.get(file) ?? (await open(runtime, made, file));
    sessions.set(file, session);
    const fetches = await runtime.settled(session.run(/** @type {any} */ (tensorsOf(runtime, feeds))));
    heard.push({ file, feeds: [], fetches: await valuesOf(fetches, true) });
  }
  for (const session of sessions.values()) await session.release();
  return heard;
}

/**
 * @param {Runtime} runtime
 * @param {Made[]} made
 * @param {string} file
 */
function open(runtime, made, file) {
  const one = made.find((session) => session.file === file);
  if (!one) throw new Error(`there is no session of ${file}`);
  const { executionProviders } = runtime.options;
  const { preferredOutputLocation: _, ...options } = one.options;
  return runtime.create(one.model, { ...options, executionProviders });
}

/**
 * @param {Runtime} runtime
 * @param {Value[]} values
 */
function tensorsOf({ ort }, values) {
  return Object.fromEntries(
    values.map(({ name, type, shape, data }) => {
      if (data === null) throw new Error(`${name} could not be read`);
      return [name, new ort.Tensor(/** @type {any} */ (type), /** @type {any} */ (data), [...shape])];
    }),
  );
}
