/**
 * @file What both engines on onnxruntime-web have in common: from a loaded model to a first, verified result, and its
 * samples.
 */

import { accept } from "gpujobs/accepted.js";
import { encode, sameResults } from "gpujobs/calls.js";
import { measuredRawWait } from "gpujobs/device.js";
import { Incorrect, kindOf, messageOf, Unsupported } from "gpujobs/failures.js";
import { openFiles } from "gpujobs/model_files.js";
import { openRuntime } from "gpujobs/onnx_runtime.js";
import { BUSY_MS } from "gpujobs/sampling.js";
import { effectsOf, hasOptions } from "gpujobs/session_effects.js";
import { hear } from "gpujobs/witness.js";

/** @import { Generation, Kernel, PartCost, Sample } from "gpujobs/protocol.js" */
/** @import { Host, OnnxJob, Prepared } from "gpujobs/types.js" */
/** @import { Call } from "gpujobs/calls.js" */
/** @import { ModelFiles } from "gpujobs/model_files.js" */
/** @import { Placement } from "gpujobs/onnx_placement.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */
/** @import { Made } from "gpujobs/witness.js" */

/** What onnxruntime says where a kernel needs more than the device has. */
const LACKING = /device(?: \(\w+\))? does not support|not supported by (?:the|this) device/;

/** The placement on wasm. @type {Placement} */
const NOWHERE_ELSE = { nodes: null, onCpu: [], whyOnCpu: [], sessions: [] };

/**
 * A model that is ready to run.
 * @typedef {object} Loaded
 * @property {string} library Its name and version; empty where it is onnxruntime-web alone.
 * @property {(iterations: number, download: boolean) => Promise<Call[]>} infer So many in a row; the calls of the last one,
 *   with what lies on the GPU where that is to be downloaded.
 * @property {() => Generation[]} [generations] Of a model that generates texts: each of the inferences that ran last.
 * @property {() => number[][]} [chosen] The tokens that the latest of them chose.
 * @property {() => PartCost[]} parts
 * @property {() => Made[]} sessions
 * @property {() => Promise<Placement>} placement
 * @property {() => Promise<Kernel[]>} profile
 * @property {() => void} dispose
 */

/**
 * @template {OnnxJob} Job
 * @param {Job} job
 * @param {Host} host
 * @param {string} prefix What the engine puts before the paths of the model's files.
 * @param {(job: Job, runtime: Runtime, files: ModelFiles) => Promise<Loaded>} load
 * @returns {Promise<Prepared>}
 */
export async function firstResult(job, host, prefix, load) {
  const began = performance.now();
  const files = openFiles(job, prefix);
  const runtime = await openRuntime(job, host);
  const deviceReadyMs = performance.now() - began;
  const { gpu, webnn } = runtime;
  const dispose = () => gpu?.device.destroy();
  try {
    const loadBegan = performance.now();
    const { placement, ...engine } = await load(job, runtime, files);
    // It makes a second session, whose weights stay in the runtime's pools on the GPU.
    /** @type {Loaded} */
    const loaded = { ...engine, placement: () => (gpu ? gpu.account.aside(placement) : placement()) };
    const modelLoadMs = performance.now() - loadBegan;
    const { calls, dispatches, firstInferenceMs, gpuMs, ended } = await firstInference(job, runtime, loaded);
    gpu?.account.ran(1);
    const gpuMemory = gpu?.account.read() ?? null;
    const shaderCompileMs = gpu?.watch.compileMs() ?? 0;
    const verify = (/** @type {Call[]} */ found) => verified(job, host, runtime, loaded, found);
    const checked = await verify(calls);
    const asked = hasOptions(job);
    const placed = gpu || webnn || asked ? await loaded.placement() : NOWHERE_ELSE;
    const { nodes, onCpu, whyOnCpu } = gpu || webnn ? placed : NOWHERE_ELSE;
    const session = asked ? await effectsOf(job, runtime, loaded, calls, placed.sessions) : [];
    const libraries = [`onnxruntime-web ${runtime.ort.env.versions.web}`, loaded.library].filter(Boolean);
    const timeToFirstResultMs = ended - began;
    // What the check took is not the job's.
    gpu?.account.read();
    const kept = { accepted: [checked.outputs], random: checked.random };
    const run = { verify, runtime, loaded, ...kept, began, busy: gpu?.adapter.kind === "hardware", lastedMs: 0 };
    return {
      adapter: gpu?.adapter ?? null,
      ran: {
        runtime: libraries.join(", "),
        threads: job.backend === "wasm" ? runtime.threads() : null,
        dispatches,
        context: webnn?.name ?? "",
        nodes,
        onCpu,
        whyOnCpu,
        session,
      },
      phases: { deviceReadyMs, modelLoadMs, shaderCompileMs, firstInferenceMs, timeToFirstResultMs },
      parts: loaded.parts(),
      first: {
        kind: "first",
        wallMs: firstInferenceMs,
        gpuMs,
        atMs: timeToFirstResultMs,
        iterations: 1,
        hidden: document.hidden,
        gpuMemory,
        wasmBytes: runtime.wasm.bytes(),
        generations: [],
      },
      device: gpu?.device ?? null,
      learn: measuredRawWait,
      sample: (iterations, kind) => sample(run, iterations, kind),
      profile: () => loaded.profile(),
      dispose: () => {
        loaded.dispose();
        dispose();
      },
    };
  } catch (error) {
    dispose();
    const message = messageOf(error);
    // Some things that a device lacks are found out by a kernel, when it is made for its first run.
    throw kindOf(error) === undefined && LACKING.test(message) ? new Unsupported(message) : error;
  }
}

/**
 * Runs the model once, and counts and times what that does on its backend.
 * @param {OnnxJob} job
 * @param {Runtime} runtime
 * @param {Loaded} loaded
 */
async function firstInference(job, runtime, loaded) {
  const { gpu, webnn } = runtime;
  const before = runtime.dispatches();
  gpu?.watch.begin();
  const began = performance.now();
  const calls = await runtime.settled(loaded.infer(1, false));
  const ended = performance.now();
  const gpuMs = gpu ? await gpu.watch.end() : null;
  const dispatches = gpu || webnn ? runtime.dispatches() - before : null;
  if (dispatches === 0) {
    const { whyOnCpu } = await loaded.placement();
    const why = whyOnCpu.length > 0 ? ` (${whyOnCpu.join("; ")})` : "";
    throw new Unsupported(`nothing was computed by ${job.backend}: the runtime left the whole model to the CPU${why}`);
  }
  return { calls, dispatches, firstInferenceMs: ended - began, gpuMs, ended };
}

/**
 * The calls, checked. Where some of their values lie on the GPU an inference that downloads them stands in.
 * @param {OnnxJob} job
 * @param {Host} host
 * @param {Runtime} runtime
 * @param {Loaded} loaded
 * @param {Call[]} calls
 */
async function verified(job, host, runtime, loaded, calls) {
  const near = calls.every(({ feeds, fetches }) => [...feeds, ...fetches].every(({ data }) => data !== null));
  const whole = near ? calls : await runtime.settled(loaded.infer(1, true));
  if (!near) runtime.gpu?.account.ran(1);
  const posted = encode(whole, null, loaded.chosen?.() ?? []);
  let { verdict, compared } = await host.verify(posted);
  if (verdict === "witness") {
    const { calls: heard, ...witness } = await runtime.wasm.aside(() =>
      hear(job, host, loaded.sessions(), loaded.placement, whole, runtime.wasm),
    );
    ({ verdict, compared } = await host.verify(encode(heard, witness)));
  }
  if (verdict === "incorrect") throw new Incorrect("the output differs from the reference");
  return { outputs: whole, random: verdict === "random", compared };
}

/**
 * @typedef {object} Run
 * @property {(calls: Call[]) => Promise<{ outputs: Call[], random: boolean, compared: boolean }>} verify
 * @property {Runtime} runtime
 * @property {Loaded} loaded
 * @property {Call[][]} accepted Outputs that were verified.
 * @property {boolean} random Whether no two outputs are alike, as the model is meant.
 * @property {number} began
 * @property {boolean} busy Whether a GPU computes, whose clock falls when it waits.
 * @property {number} lastedMs The latest sample, all of its inferences.
 */

/**
 * Several inferences. It counts only if the last one's outputs are what was verified.
 * @param {Run} run
 * @param {number} iterations
 * @param {Sample["kind"]} kind
 * @returns {Promise<Sample>}
 */
async function sample(run, iterations, kind) {
  const { runtime, loaded, accepted, random } = run;
  const { gpu } = runtime;
  if (run.busy && run.lastedMs < BUSY_MS) {
    const began = performance.now();
    while (performance.now() - began < BUSY_MS) {
      await runtime.settled(loaded.infer(1, false));
      gpu?.account.ran(1);
    }
  }
  gpu?.watch.begin();
  const began = performance.now();
  const inferring = loaded.infer(iterations, false);
  const calls = await (kind === "latency_raw" ? inferring : runtime.settled(inferring));
  const wallMs = performance.now() - began;
  const generations = loaded.generations?.() ?? [];
  const gpuMs = gpu ? await gpu.watch.end() : null;
  gpu?.account.ran(iterations);
  const gpuMemory = gpu?.account.read() ?? null;
  // A GPU whose page only waits idles, up to a tenth of a second.
  run.lastedMs = kind === "latency_raw" ? 0 : wallMs;
  const same = (/** @type {Call[]} */ known) => sameResults(known, calls);
  if (!random) await accept(accepted, same, () => run.verify(calls));
  return {
    kind,
    wallMs: wallMs / iterations,
    gpuMs: gpuMs === null ? null : gpuMs / iterations,
    atMs: performance.now() - run.began,
    iterations,
    hidden: document.hidden,
    gpuMemory,
    wasmBytes: runtime.wasm.bytes(),
    generations,
  };
}
