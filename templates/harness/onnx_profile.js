/**
 * @file What each kernel of an ONNX model costs: onnxruntime's own profile, which it writes as a trace on the console.
 */

import { overhear, Unsupported } from "gpujobs/failures.js";

/** @import { InferenceSession } from "onnxruntime-common" */
/** @import { Kernel } from "gpujobs/protocol.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/** How many inferences a kernel's time is the mean of, after one that compiles. */
const PROFILED = 5;

/**
 * An event of the trace.
 * @typedef {object} TraceEvent
 * @property {string} cat `Session`, `Node`, or `Api`: a dispatch with the GPU's time.
 * @property {string} name
 * @property {number} dur In µs.
 * @property { { [name: string]: string } } args
 */

/**
 * Runs a session of its own with the profiler on.
 * @param {Runtime} runtime
 * @param {Uint8Array} model
 * @param {InferenceSession.SessionOptions} options
 * @param {(session: InferenceSession) => Promise<unknown>} run
 * @returns {Promise<Kernel[]>}
 */
export async function profileSession(runtime, model, options, run) {
  const session = await runtime.alone(() => runtime.create(model, { ...options, enableProfiling: true }));
  try {
    for (let inference = 0; inference <= PROFILED; inference += 1) await runtime.settled(run(session));
    return kernels(await traceOf(session));
  } finally {
    await session.release();
  }
}

/**
 * Ends the profile and reads what comes on the console meanwhile.
 * @param {InferenceSession} session
 * @returns {Promise<TraceEvent[]>}
 */
async function traceOf(session) {
  const lines = await overhear("log", async () => {
    session.endProfiling();
    // Some builds write later than they return.
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  /** @type {TraceEvent[]} */
  const events = [];
  for (const line of lines) {
    const text = line.trim().replace(/,$/, "");
    if (!text.startsWith("{")) continue;
    try {
      events.push(JSON.parse(text));
    } catch {
      // A line that the runtime cut off is of no use.
    }
  }
  if (events.length === 0) throw new Unsupported("this runtime wrote no profile");
  return events;
}

/**
 * Dispatches of the GPU where there are any, else nodes by their own times.
 * @param {TraceEvent[]} events
 * @returns {Kernel[]}
 */
function kernels(events) {
  const dispatches = events.filter(({ cat }) => cat === "Api");
  const nodes = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
  const counted = dispatches.length > 0 ? dispatches : nodes;
  /** @type {Map<string, Kernel>} */
  const found = new Map();
  for (const { name: label, dur, args } of counted) {
    // A dispatch is labelled `NODE&OPERATOR&PROGRAM`.
    const [node, operator = args?.op_name ?? "", program = ""] = label.replace(/_kernel_time$/, "").split("&");
    const name = program && program !== operator ? `${node} ${program}` : node;
    const kernel = found.get(name) ?? { name, op: operator, dispatches: 0, gpuMs: 0 };
    kernel.dispatches += 1 / (PROFILED + 1);
    kernel.gpuMs += dur / 1e3 / (PROFILED + 1);
    found.set(name, kernel);
  }
  return [...found.values()].sort((a, b) => b.gpuMs - a.gpuMs);
}
