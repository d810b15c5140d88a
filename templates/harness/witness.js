/**
 * @file A witness computes the calls of a job once more, on another backend of the same browser: it is heard where the
 * reference contradicts the job, or where there is none.
 */

import { valuesOf } from "gpujobs/calls.js";
import { cacheOf, logitsOf } from "gpujobs/generation.js";
import { placementOf, together } from "gpujobs/onnx_placement.js";
import { startRuntime } from "gpujobs/onnx_runtime.js";
import { NO_OPTIONS, withoutOptions } from "gpujobs/session_options.js";

/** @import { InferenceSession, Tensor } from "onnxruntime-common" */
/** @import { Host, OnnxJob } from "gpujobs/types.js" */
/** @import { Call, Value } from "gpujobs/calls.js" */
/** @import { Placement } from "gpujobs/onnx_placement.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */
/** @import { WasmWatch } from "gpujobs/wasm_memory.js" */

/**
 * A session as it was made.
 * @typedef {object} Made
 * @property {string} file
 * @property {Uint8Array} model
 * @property {InferenceSession.SessionOptions} options
 * @property {string} [refusal] Why its dimensions could not be fixed; empty where they are.
 */

/**
 * What another backend made of the calls.
 * @typedef {object} Heard
 * @property {string} backend
 * @property {Placement["onCpu"]} onCpu What the GPU's side of the two left to the CPU, where the same kernels computed it twice.
 * @property {Call[]} calls None where this browser has no other backend, or that one can't run them.
 */

/**
 * What the calls give elsewhere.
 * @param {OnnxJob} job
 * @param {Host} host
 * @param {Made[]} sessions
 * @param {() => Promise<Placement>} placement Of the job.
 * @param {Call[]} calls
 * @param {WasmWatch} wasm
 * @returns {Promise<Heard>}
 */
export async function hear(job, host, sessions, placement, calls, wasm) {
  const backend = job.backend === "wasm" ? "webgpu" : "wasm";
  try {
    // An instance of its own: the job's has its backend for as long as it lives.
    const library = await import(`${import.meta.resolve("onnxruntime-web/webgpu")}?witness`);
    // What befalls the witness does not befall the job.
    const deaf = { ...host, fail: () => {}, lose: () => {} };
    const plain = /** @type {OnnxJob} */ ({ ...job, backend, threads: 1, session: NO_OPTIONS });
    const runtime = await startRuntime(library, plain, deaf, wasm);
    try {
      const generates = "generation" in job && job.generation !== null;
      const replayed = await replay(runtime, sessions, calls, generates);
      if (runtime.gpu && runtime.dispatches() === 0) throw new Error("the runtime left the whole model to the CPU");
      const { onCpu } = runtime.gpu ? await placementOfAll(runtime, sessions) : await placement();
      return { backend, onCpu, calls: replayed };
    } finally {
      runtime.gpu?.device.destroy();
    }
  } catch (error) {
    host.log("info", `no witness on ${backend}: ${error}`);
    return { backend, onCpu: [], calls: [] };
  }
}

/**
 * @param {Runtime} runtime
 * @param {Made[]} made
 * @param {Call[]} calls
 * @param {boolean} generates Whether they are those of a text that goes on.
 */
async function replay(runtime, made, calls, generates) {
  /** @type {Map<string, InferenceSession>} */
  const sessions = new Map();
  const heard = [];
  /** @type {Readonly<Record<string, Tensor>>} */
  let latest = {};
  for (const { file, feeds } of calls) {
    const session = sessions.get(file) ?? (await open(runtime, made, file));
    sessions.set(file, session);
    // Of a text that goes on the page kept no cache: it is that of this backend's own call before.
    const given = { ...tensorsOf(runtime, feeds), ...(generates ? cacheOf(session, latest) : {}) };
    latest = await runtime.settled(session.run(/** @type {any} */ (given)));
    const values = { file, feeds: [], fetches: await valuesOf(latest, true) };
    heard.push(generates ? { ...values, fetches: logitsOf(values.fetches) } : values);
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
  return runtime.create(one.model, optionsOf(runtime, one));
}

/**
 * The options of a session, on the witness's backend.
 * @param {Runtime} runtime
 * @param {Made} made
 */
function optionsOf(runtime, made) {
  return { ...withoutOptions(made.options), executionProviders: runtime.options.executionProviders };
}

/**
 * @param {Runtime} runtime
 * @param {Made[]} made
 */
async function placementOfAll(runtime, made) {
  const placements = [];
  for (const one of made) placements.push(await placementOf(runtime, one.model, optionsOf(runtime, one)));
  return together(placements);
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
