/**
 * @file Watched sessions are those that transformers.js makes: they run on the job's backend, one at a time, and what goes
 * into them and comes out is kept.
 */

import { record } from "gpujobs/calls.js";
import { kindOf, messageOf } from "gpujobs/failures.js";
import { fixedFeeds } from "gpujobs/graph_capture.js";
import { placementOf, together } from "gpujobs/onnx_placement.js";
import { profileSession } from "gpujobs/onnx_profile.js";

/** @import { InferenceSession, Tensor } from "onnxruntime-common" */
/** @import { Kernel, PartCost } from "gpujobs/protocol.js" */
/** @import { Call } from "gpujobs/calls.js" */
/** @import { Generating } from "gpujobs/generation.js" */
/** @import { ModelFiles } from "gpujobs/model_files.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */
/** @import { Extents } from "gpujobs/shapes.js" */

/** What onnxruntime says where a feed has another extent than the session was told. */
const OTHER_EXTENTS = /invalid dimensions/i;

/**
 * A part that is ready: a pipeline, or a model with its processor.
 * @typedef {object} Part
 * @property {string} name
 * @property {string} file Its ONNX file; empty where there may be several.
 * @property {() => Promise<unknown>} infer
 * @property {() => Promise<unknown>} dispose
 */

/**
 * A session that the library has made.
 * @typedef {object} Watched
 * @property {string} file
 * @property {Uint8Array} model
 * @property {InferenceSession.SessionOptions} options
 * @property {number} createMs
 * @property {number} compileMs
 * @property {string} refusal Why its dimensions could not be fixed, in the browser's words; empty where they are.
 */

/**
 * @typedef {object} Watch
 * @property {Runtime} runtime
 * @property {ModelFiles} files
 * @property {Map<string, Extents>} fixed The extents of open dimensions, by file.
 * @property {Set<string>} near Those that wasm computes whatever the job's backend.
 * @property {Watched[]} sessions
 * @property {Call[]} calls Those of the latest inference.
 * @property {Generating | null} generating What follows a text that goes on.
 * @property {boolean} download Whether what lies on the GPU is downloaded for them.
 * @property { { file: string, session: InferenceSession } | null } standIn While a profile is taken: the session that runs
 *   in place of the one of that file.
 */

/**
 * Sees to it that the library's sessions run on this runtime's backend, one at a time, and keeps their calls.
 * @param {Runtime} runtime
 * @param {ModelFiles} files
 * @param {Map<string, Extents>} fixed The extents of open dimensions, by file.
 * @param {Set<string>} near The files that wasm computes whatever the job's backend.
 * @param {Generating | null} generating What follows a text that goes on; null of other tasks.
 */
export function watchSessions(runtime, files, fixed, near, generating) {
  /** @type {Watch} */
  const watch = { runtime, files, fixed, near, sessions: [], calls: [], generating, download: false, standIn: null };
  runtime.ort.InferenceSession.create = /** @type {any} */ (
    (/** @type {Uint8Array} */ model, /** @type {InferenceSession.SessionOptions} */ options) =>
      runtime.alone(() => createSession(watch, model, options))
  );
  return {
    begin: (/** @type {boolean} */ download) => {
      watch.calls = [];
      watch.download = download;
    },
    calls: () => watch.calls,
    made: () => watch.sessions,
    parts: (/** @type {Part[]} */ parts, /** @type {(number | null)[]} */ firsts) => costs(watch, parts, firsts),
    placement: async () => {
      const placements = [];
      for (const { model, options, refusal } of watch.sessions) {
        const placement = await placementOf(runtime, model, options);
        // Better than that dimensions are open: why they had to be left so.
        placements.push(refusal === "" ? placement : { ...placement, whyOnCpu: [refusal, ...placement.whyOnCpu] });
      }
      return together(placements);
    },
    profile: (/** @type {() => Promise<unknown>} */ infer) => profile(watch, infer),
  };
}

/**
 * @param {Watch} watch
 * @param {Uint8Array} model
 * @param {InferenceSession.SessionOptions} libraryOptions Those that the library passes.
 */
async function createSession(watch, model, libraryOptions) {
  const { runtime, files } = watch;
  const file = files.nameOf(model.buffer);
  // The library's own small models, with which it sorts or resizes: no part of the job's.
  if (file === "") return runtime.create(model, { ...libraryOptions, executionProviders: ["wasm"] });
  const freeDimensionOverrides = { ...libraryOptions.freeDimensionOverrides, ...watch.fixed.get(file) };
  const options = { ...libraryOptions, ...runtime.options, freeDimensionOverrides };
  if (watch.near.has(file)) {
    options.executionProviders = ["wasm"];
    delete options.preferredOutputLocation;
    delete options.enableGraphCapture;
  }
  const began = performance.now();
  const ofLibrary = libraryOptions.freeDimensionOverrides ?? {};
  const { session, refusal } = await createFixed(watch, file, model, options, ofLibrary);
  /** @type {Watched} */
  const watched = { file, model, options, createMs: performance.now() - began, compileMs: 0, refusal };
  watch.sessions.push(watched);
  watchRuns(watch, watched, session, libraryOptions.preferredOutputLocation);
  return session;
}

/**
 * A session whose open dimensions are fixed, or are not where a backend can't have them so: `options` then says so.
 * @param {Watch} watch
 * @param {string} file
 * @param {Uint8Array} model
 * @param {InferenceSession.SessionOptions} options
 * @param {NonNullable<InferenceSession.SessionOptions["freeDimensionOverrides"]>} ofLibrary Those that the model's own settings name.
 */
async function createFixed({ runtime, fixed }, file, model, options, ofLibrary) {
  try {
    return { session: await runtime.create(model, options), refusal: "" };
  } catch (error) {
    if (!fixed.has(file) || kindOf(error) === "exhausted") throw error;
    options.freeDimensionOverrides = ofLibrary;
    fixed.delete(file);
    return { session: await runtime.create(model, options), refusal: `with fixed dimensions: ${messageOf(error)}` };
  }
}

/**
 * Keeps the calls of a session, and the time in which they make pipelines.
 * @param {Watch} watch
 * @param {Watched} watched
 * @param {InferenceSession} session
 * @param {InferenceSession.SessionOptions["preferredOutputLocation"]} expected Where the library expects its outputs.
 */
function watchRuns(watch, watched, session, expected) {
  const { runtime } = watch;
  const { options } = watched;
  const fix = options.enableGraphCapture ? fixedFeeds(runtime) : null;
  const compileMs = () => runtime.gpu?.watch.compileMs() ?? 0;
  let original = session.run.bind(session);
  const release = session.release.bind(session);
  const infer = async (/** @type {any} */ feeds) => {
    try {
      return await original(feeds);
    } catch (error) {
      if (!watch.fixed.has(watched.file) || !OTHER_EXTENTS.test(messageOf(error))) throw error;
    }
    // A call whose extents depend on what an earlier one computed, which the search for shapes could not know.
    watch.fixed.delete(watched.file);
    watched.refusal = "calls of other shapes than the first";
    delete watched.options.freeDimensionOverrides;
    await release();
    const open = await runtime.create(watched.model, watched.options);
    original = open.run.bind(open);
    session.release = open.release.bind(open);
    return original(feeds);
  };
  const run = (/** @type {any} */ feeds) =>
    runtime.alone(async () => {
      const before = compileMs();
      const { standIn } = watch;
      const given = fix ? fix(feeds) : feeds;
      const fetches = await (standIn?.file === watched.file ? standIn.session.run(given) : infer(given));
      watched.compileMs += compileMs() - before;
      return fetches;
    });
  session.run = async (/** @type {any} */ feeds) => {
    const { fetches, call } = await record(session, watched.file, feeds, watch.download, run);
    const given = options.preferredOutputLocation === expected ? fetches : await broughtNear(runtime, fetches, expected);
    watch.generating?.ran();
    watch.calls.push(watch.generating?.keep(call) ?? call);
    return given;
  };
}

/**
 * Outputs as the library expects them: it reads those near that it has not asked to be left on the GPU.
 * @param {Runtime} runtime
 * @param {Readonly<Record<string, Tensor>>} fetches
 * @param {InferenceSession.SessionOptions["preferredOutputLocation"]} expected
 */
async function broughtNear({ ort }, fetches, expected) {
  /** @type {Record<string, Tensor>} */
  const near = {};
  for (const [name, tensor] of Object.entries(fetches)) {
    const wanted = (typeof expected === "string" ? expected : expected?.[name]) ?? "cpu";
    if (tensor.location !== "gpu-buffer" || wanted === "gpu-buffer") {
      near[name] = tensor;
      continue;
    }
    const data = await tensor.getData();
    tensor.dispose();
    near[name] = new ort.Tensor(/** @type {any} */ (tensor.type), /** @type {any} */ (data), tensor.dims);
  }
  return near;
}

/**
 * What each session cost, under the name of its part.
 * @param {Watch} watch
 * @param {Part[]} parts
 * @param {(number | null)[]} firsts How long the first inference of each part took.
 * @returns {PartCost[]}
 */
function costs({ runtime, files, sessions }, parts, firsts) {
  return sessions.map(({ file, createMs, compileMs }) => {
    const index = parts.findIndex((part) => part.file === file);
    return {
      name: index < 0 ? file : parts[index].name,
      ...files.cost([file]),
      createMs,
      compileMs: runtime.gpu ? compileMs : null,
      firstInferenceMs: index < 0 ? null : firsts[index],
    };
  });
}

/**
 * The kernels of all sessions, each session profiled in an inference of its own.
 * @param {Watch} watch
 * @param {() => Promise<unknown>} infer
 * @returns {Promise<Kernel[]>}
 */
async function profile(watch, infer) {
  const all = [];
  const several = watch.sessions.length > 1;
  for (const { file, model, options } of watch.sessions) {
    const run = (/** @type {InferenceSession} */ session) => {
      watch.standIn = { file, session };
      return infer().finally(() => {
        watch.standIn = null;
      });
    };
    const kernels = await profileSession(watch.runtime, model, options, run);
    all.push(...(several ? kernels.map((kernel) => ({ ...kernel, name: `${file}: ${kernel.name}` })) : kernels));
  }
  return all;
}
