/**
 * @file The options of a job's sessions, as onnxruntime-web takes them. What became of each is found out in
 * `session_effects.js`.
 */

/** @import { InferenceSession } from "onnxruntime-common" */
/** @import { SessionSpec } from "gpujobs/protocol.js" */
/** @import { OnnxJob } from "gpujobs/types.js" */

/**
 * Every option left to the runtime.
 * @type {SessionSpec}
 */
export const NO_OPTIONS = {
  graphOptimizationLevel: null,
  graphCapture: null,
  preferredLayout: null,
  preferredOutputLocation: null,
  storageBufferCacheMode: null,
  uniformBufferCacheMode: null,
  queryResolveBufferCacheMode: null,
  defaultBufferCacheMode: null,
  enableMemPattern: null,
  enableCpuMemArena: null,
  executionMode: null,
  fixDimensions: null,
  extra: {},
  dtype: {},
  device: {},
};

/** Those that are options of WebGPU's execution provider, not of a session. */
const OF_WEBGPU = /** @type {const} */ ([
  "preferredLayout",
  "storageBufferCacheMode",
  "uniformBufferCacheMode",
  "queryResolveBufferCacheMode",
  "defaultBufferCacheMode",
]);

/**
 * Those of WebGPU's execution provider that the job sets.
 * @param {OnnxJob} job
 * @returns { { [name: string]: string } }
 */
export function providerOptions({ session }) {
  return Object.fromEntries(OF_WEBGPU.flatMap((name) => (session[name] === null ? [] : [[name, session[name]]])));
}

/**
 * Those of every session of the job. What is WebGPU's alone stays out elsewhere, where the runtime would refuse it.
 * @param {OnnxJob} job
 * @returns {InferenceSession.SessionOptions}
 */
export function sessionOptions({ session, backend }) {
  /** @type {InferenceSession.SessionOptions} */
  const options = {};
  if (session.graphOptimizationLevel !== null) options.graphOptimizationLevel = session.graphOptimizationLevel;
  if (session.enableMemPattern !== null) options.enableMemPattern = session.enableMemPattern;
  if (session.enableCpuMemArena !== null) options.enableCpuMemArena = session.enableCpuMemArena;
  if (session.executionMode !== null) options.executionMode = session.executionMode;
  if (Object.keys(session.extra).length > 0) options.extra = { ...session.extra };
  if (backend !== "webgpu") return options;
  if (session.graphCapture !== null) options.enableGraphCapture = session.graphCapture;
  const location = session.graphCapture ? "gpu-buffer" : session.preferredOutputLocation;
  if (location !== null) options.preferredOutputLocation = location;
  return options;
}

/**
 * The options of a session without those that a job may set: a witness is to differ from the job in them.
 * @param {InferenceSession.SessionOptions} options
 * @returns {InferenceSession.SessionOptions}
 */
export function withoutOptions(options) {
  const {
    graphOptimizationLevel: _level,
    enableMemPattern: _pattern,
    enableCpuMemArena: _arena,
    executionMode: _mode,
    extra: _extra,
    enableGraphCapture: _capture,
    preferredOutputLocation: _location,
    ...rest
  } = options;
  return rest;
}
