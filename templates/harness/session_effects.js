/**
 * @file What became of the options that a job's sessions were given. An option that was passed on is not one that took
 * effect: each is seen in what the runtime does, or in its own account of a session, or it is not claimed.
 */

import { messageOf } from "gpujobs/failures.js";
import { placementOf } from "gpujobs/onnx_placement.js";

/** @import { OptionEffect } from "gpujobs/protocol.js" */
/** @import { OnnxJob } from "gpujobs/types.js" */
/** @import { Call } from "gpujobs/calls.js" */
/** @import { Loaded } from "gpujobs/onnx_job.js" */
/** @import { Placed } from "gpujobs/onnx_placement.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/**
 * What is found out of one option: what became of it, and how that is known.
 * @typedef {[OptionEffect["effect"], string]} Finding
 */

/** The options that the runtime's account of a session has among its settings, with its words for their values. */
const SETTINGS = /** @type {const} */ ([
  [
    "graph_optimization_level",
    "graphOptimizationLevel",
    { disabled: ["0"], basic: ["1"], extended: ["2"], layout: ["3"], all: ["3", "4", "99"] },
  ],
  ["enable_mem_pattern", "enableMemPattern", { true: ["1"], false: ["0"] }],
  ["enable_cpu_mem_arena", "enableCpuMemArena", { true: ["1"], false: ["0"] }],
  ["execution_mode", "executionMode", { sequential: ["0"], parallel: ["1"] }],
]);

/** The options that it has among the entries of WebGPU's execution provider. */
const ENTRIES = /** @type {const} */ ([
  ["storage_buffer_cache_mode", "storageBufferCacheMode"],
  ["uniform_buffer_cache_mode", "uniformBufferCacheMode"],
  ["query_resolve_buffer_cache_mode", "queryResolveBufferCacheMode"],
  ["default_buffer_cache_mode", "defaultBufferCacheMode"],
]);

/** Before the entries of WebGPU's execution provider. */
const WEBGPU = "ep.webgpuexecutionprovider.";

/**
 * Whether the job's sessions were given anything.
 * @param {OnnxJob} job
 */
export function hasOptions({ session }) {
  const isGiven = (/** @type {unknown} */ option) =>
    option !== null && (typeof option !== "object" || Object.keys(/** @type {object} */ (option)).length > 0);
  return Object.values(session).some(isGiven);
}

/**
 * What became of each option. Called once the job's output was verified, since some are seen in another inference.
 * @param {OnnxJob} job
 * @param {Runtime} runtime
 * @param {Loaded} loaded
 * @param {Call[]} calls Those of the first inference.
 * @param {Placed[]} placed Its sessions, as the runtime tells of them.
 * @returns {Promise<OptionEffect[]>}
 */
export async function effectsOf(job, runtime, loaded, calls, placed) {
  const { session } = job;
  /** @type {OptionEffect[]} */
  const effects = [];
  const add = (/** @type {string} */ option, /** @type {unknown} */ value, /** @type {Finding} */ [effect, why]) =>
    void effects.push({ option, value: String(value), effect, why });
  /** @type {(option: string, value: unknown, find: () => Finding | Promise<Finding>) => Promise<void>} */
  const onWebGpu = async (option, value, find) => {
    if (value === null) return;
    add(option, value, runtime.gpu ? await find() : ["ignored", `it is one of webgpu, and ${job.backend} ran`]);
  };

  await onWebGpu("graph_capture", session.graphCapture, () => captured(runtime, loaded, session.graphCapture === true));
  const location = session.preferredOutputLocation;
  if (location !== null) add("preferred_output_location", location, located(calls, location));
  await onWebGpu("preferred_layout", session.preferredLayout, () => laidOut(runtime, loaded, placed));
  for (const [option, name, values] of SETTINGS) {
    const asked = session[name];
    if (asked === null) continue;
    const words = /** @type { { [value: string]: readonly string[] } } */ (values)[String(asked)];
    add(option, asked, inAccounts(placed, (account) => settingOf(account, option, words)));
  }
  for (const [option, name] of ENTRIES) {
    await onWebGpu(option, session[name], () =>
      inAccounts(placed, (account) => entryOf(account, WEBGPU + name, String(session[name]))),
    );
  }
  if (session.fixDimensions !== null) add("fix_dimensions", session.fixDimensions, fixed(loaded, session.fixDimensions));
  for (const [key, value] of Object.entries(session.extra)) add(`extra.${key}`, value, passedOn(placed, key, value));
  for (const [part, dtype] of Object.entries(session.dtype)) {
    add(`dtype.${part}`, dtype, ofPart(job, loaded, part, () => ["taken", ""]));
  }
  for (const [part, device] of Object.entries(session.device)) {
    add(`device.${part}`, device, ofPart(job, loaded, part, (index) => computedBy(placed[index], device)));
  }
  return effects;
}

/**
 * An inference that is replayed dispatches what was captured and binds no buffer anew; any other binds them for each
 * dispatch.
 * @param {Runtime} runtime
 * @param {Loaded} loaded
 * @param {boolean} asked
 * @returns {Promise<Finding>}
 */
async function captured({ gpu, dispatches, settled }, loaded, asked) {
  const bindings = () => gpu?.watch.bindings() ?? 0;
  // The first after the verified one may still capture.
  await settled(loaded.infer(1, false));
  const before = [dispatches(), bindings()];
  await settled(loaded.infer(1, false));
  const [dispatched, bound] = [dispatches() - before[0], bindings() - before[1]];
  const found = dispatched > 0 && bound === 0;
  const seen = `an inference bound buffers ${bound} times for ${dispatched} dispatches`;
  return [found === asked ? "taken" : "ignored", seen];
}

/**
 * @param {Call[]} calls
 * @param {string} asked
 * @returns {Finding}
 */
function located(calls, asked) {
  const values = calls.flatMap(({ fetches }) => fetches);
  // Texts and what has no element lie on the CPU in any case.
  const movable = values.filter(({ type, shape }) => type !== "string" && !shape.includes(0));
  const found = [...new Set(movable.map(({ location }) => location))];
  if (found.length === 0) return ["unknown", "there was no output"];
  return [found.every((location) => location === asked) ? "taken" : "ignored", `outputs were on ${found.join(" and ")}`];
}

/**
 * A layout is seen in a graph that is another one with the other layout: the runtime puts transpositions around what it lays
 * out anew.
 * @param {Runtime} runtime
 * @param {Loaded} loaded
 * @param {Placed[]} placed
 * @returns {Promise<Finding>}
 */
async function laidOut(runtime, loaded, placed) {
  try {
    for (const [index, { model, options }] of loaded.sessions().entries()) {
      const provider = /** @type {any} */ (options.executionProviders?.[0]);
      if (!provider?.preferredLayout) continue;
      const preferredLayout = provider.preferredLayout === "NHWC" ? "NCHW" : "NHWC";
      const executionProviders = [{ ...provider, preferredLayout }];
      const trial = () => placementOf(runtime, model, { ...options, executionProviders });
      // Its weights, too, stay in the runtime's pools on the GPU.
      const other = await (runtime.gpu ? runtime.gpu.account.aside(trial) : trial());
      const nodes = placed[index]?.nodes ?? null;
      if (nodes === null || other.nodes === null) return ["unknown", "the runtime does not tell of its graph"];
      if (other.nodes !== nodes) return ["taken", `${nodes} nodes, ${other.nodes} with ${preferredLayout}`];
    }
  } catch (error) {
    return ["unknown", `no session with the other layout: ${messageOf(error)}`];
  }
  return ["ignored", "the graph has as many nodes with the other layout"];
}

/**
 * @param {Loaded} loaded
 * @param {boolean} asked
 * @returns {Finding}
 */
function fixed(loaded, asked) {
  const sessions = loaded.sessions();
  const isFixed = sessions.map(({ options }) => Object.keys(options.freeDimensionOverrides ?? {}).length > 0);
  if (!asked) return isFixed.includes(true) ? ["ignored", "the model's own settings fix some"] : ["taken", ""];
  const refused = sessions.flatMap(({ refusal }) => (refusal ? [refusal] : []));
  if (refused.length > 0) return ["ignored", refused[0]];
  return isFixed.includes(true) ? ["taken", ""] : ["ignored", "no dimension of it is open"];
}

/**
 * What is found in the accounts of all sessions.
 * @param {Placed[]} placed
 * @param {(account: string) => string | null} differs What an account has instead; null where it has what was asked for.
 * @returns {Finding}
 */
function inAccounts(placed, differs) {
  if (placed.length === 0 || placed.some(({ account }) => account === "")) {
    return ["unknown", "the runtime tells nothing of its sessions' options"];
  }
  const other = placed.map(({ account }) => differs(account)).find((found) => found !== null);
  return other === undefined ? ["taken", ""] : ["ignored", `the runtime has ${other}`];
}

/**
 * @param {string} account
 * @param {string} name
 * @param {readonly string[]} words
 */
function settingOf(account, name, words) {
  const found = new RegExp(`\\b${name}:(\\S*)`).exec(account)?.[1];
  return found !== undefined && words.includes(found) ? null : `${name}:${found ?? " nothing"}`;
}

/**
 * @param {string} account
 * @param {string} key
 * @param {string} value
 */
function entryOf(account, key, value) {
  return `${account} `.includes(` ${key}: ${value} `) ? null : `no entry ${key}: ${value}`;
}

/**
 * The runtime keeps every entry, and reads only those that it knows.
 * @param {Placed[]} placed
 * @param {string} key
 * @param {string} value
 * @returns {Finding}
 */
function passedOn(placed, key, value) {
  if (key.startsWith("ep.")) return ["ignored", "an execution provider is made before these entries are read"];
  const [effect, why] = inAccounts(placed, (account) => entryOf(account, key, value));
  if (effect !== "taken") return [effect, why];
  return ["unknown", "the runtime has the entry, and does not tell whether it reads it"];
}

/**
 * What is found of a part of a model of transformers.js.
 * @param {OnnxJob} job
 * @param {Loaded} loaded
 * @param {string} part
 * @param {(index: number) => Finding} find
 * @returns {Finding}
 */
function ofPart(job, loaded, part, find) {
  if (!("weights" in job)) return ["ignored", "only models of transformers.js have parts"];
  const weights = job.weights[part];
  if (!weights) return ["ignored", `this model has ${Object.keys(job.weights).join(" and ")}`];
  const index = loaded.sessions().findIndex(({ file }) => file === weights.file);
  return index < 0 ? ["ignored", `no session was made of ${weights.file}`] : find(index);
}

/**
 * @param {Placed | undefined} placed
 * @param {string} device
 * @returns {Finding}
 */
function computedBy(placed, device) {
  if (!placed || placed.nodes === null) return ["unknown", "the runtime does not tell where its nodes are"];
  const near = placed.onCpu.some(({ op }) => op === "every node");
  if (near === (device === "wasm")) return ["taken", ""];
  return ["ignored", near ? "it is on the CPU" : "it is not on the CPU alone"];
}
