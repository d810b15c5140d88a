/**
 * @file Shapes: the extents that a task gives to the dimensions which its ONNX models leave open. They are found before
 * anything is measured, by one inference on sessions that compute nothing, so that each real session can be told: onnxruntime
 * then folds constants, and WebNN takes whole models.
 */

import * as ort from "onnxruntime-web/webgpu";
import { messageOf } from "gpujobs/failures.js";
import { ARRAYS } from "gpujobs/tensors.js";

/** @import { InferenceSession, Tensor } from "onnxruntime-common" */
/** @import { OnnxModel, Port } from "gpujobs/protocol.js" */

/**
 * The extents of a model's open dimensions, by their names.
 * @typedef { { [dimension: string]: number } } Extents
 */

/**
 * A search under way.
 * @typedef {object} Search
 * @property {boolean} guessed Whether an output had an extent that is not known, so that what is made of it says nothing.
 * @property {string} failure The first thing that went wrong.
 */

/**
 * What comes of the search: the extents by file. A dimension is among them where each call gives it the same.
 * @typedef {object} Shapes
 * @property {Map<string, Extents>} fixed
 * @property {string} failure Why there was no whole inference, so that a later call may give other extents; empty where there was.
 */

/**
 * @param {readonly OnnxModel[]} models
 * @param {string} root Where their files lie.
 * @param {(fetchFile: (url: string | URL) => Promise<Response>) => Promise<void>} infer One inference as it is measured later, with
 *   files that come this way.
 * @returns {Promise<Shapes>}
 */
export async function findShapes(models, root, infer) {
  const open = models.filter(opens);
  /** @type {Map<string, Extents>} */
  const fixed = new Map();
  if (open.length === 0) return { fixed, failure: "" };
  /** @type {WeakMap<ArrayBufferLike, OnnxModel>} */
  const stood = new WeakMap();
  /** @type {Map<string, Map<string, Set<number>>>} */
  const seen = new Map(open.map(({ file }) => [file, new Map()]));

  const fetchFile = async (/** @type {string | URL} */ url) => {
    const path = new URL(url, document.baseURI).pathname;
    const model = models.find(({ file }) => decodeURIComponent(path).endsWith(`/${file}`));
    const isWeights = decodeURIComponent(path).includes(".onnx");
    if (!isWeights) return path.startsWith(root) ? fetch(path) : new Response(null, { status: 404 });
    const bytes = new ArrayBuffer(8);
    if (model) stood.set(bytes, model);
    const response = new Response(null, { status: 200, headers: { "content-length": String(bytes.byteLength) } });
    response.arrayBuffer = async () => bytes;
    return response;
  };

  /** @type {Search} */
  const search = { guessed: false, failure: "" };
  const { create } = ort.InferenceSession;
  ort.InferenceSession.create = /** @type {any} */ (
    async (/** @type {Uint8Array} */ bytes, /** @type {InferenceSession.SessionOptions} */ options) => {
      const model = stood.get(bytes.buffer);
      if (!model) return later(bytes, options);
      return standIn(model, (feeds) => note(search, seen.get(model.file), model, feeds), search);
    }
  );
  try {
    await infer(fetchFile);
  } catch (error) {
    search.failure ||= messageOf(error);
  } finally {
    ort.InferenceSession.create = create;
  }
  for (const [file, dimensions] of seen) {
    const same = [...dimensions].filter(([, extents]) => extents.size === 1).map(([name, [extent]]) => [name, extent]);
    if (same.length > 0) fixed.set(file, Object.fromEntries(same));
  }
  return { fixed, failure: search.failure };
}

/**
 * Whether a model leaves an extent of its inputs open that can be given by name.
 * @param {OnnxModel} model
 */
function opens({ inputs }) {
  return inputs.some(({ dims }) => dims?.some((dim) => typeof dim === "string"));
}

/**
 * One of the library's own small models, with which it sorts or resizes. The library keeps its session for good, and to run it
 * now would start the runtime before that is measured: it is made when it is run later, and now gives what it is given. It must
 * not fail: the library would run nothing after it.
 * @param {Uint8Array} bytes
 * @param {InferenceSession.SessionOptions} options
 */
function later(bytes, options) {
  /** @type {Promise<InferenceSession> | null} */
  let made = null;
  const standing = ort.InferenceSession.create;
  return {
    run: async (/** @type {any} */ feeds) => {
      if (ort.InferenceSession.create === standing) {
        const { type, data, dims } = /** @type {any} */ (Object.values(feeds)[0]);
        const same = new ort.Tensor(type, data, dims);
        return new Proxy({}, { get: () => same });
      }
      made ??= ort.InferenceSession.create(bytes, options);
      return (await made).run(feeds);
    },
  };
}

/**
 * A session as the library sees it, whose outputs are zeros. It must not fail either.
 * @param {OnnxModel} model
 * @param {(feeds: { [name: string]: Tensor }) => Extents} given
 * @param {Search} search
 */
function standIn(model, given, search) {
  const metadata = (/** @type {Port[]} */ ports) =>
    ports.map(({ name, type, dims }) => ({ name, isTensor: true, type, shape: dims ?? [] }));
  return {
    inputNames: model.inputs.map(({ name }) => name),
    outputNames: model.outputs.map(({ name }) => name),
    inputMetadata: metadata(model.inputs),
    outputMetadata: metadata(model.outputs),
    run: async (/** @type { { [name: string]: Tensor } } */ feeds) => {
      try {
        const extents = given(feeds);
        return Object.fromEntries(model.outputs.map((port) => [port.name, zeros(port, extents, search)]));
      } catch (error) {
        search.guessed = true;
        search.failure ||= messageOf(error);
        return new Proxy({}, { get: () => new ort.Tensor("float32", new Float32Array(1), [1]) });
      }
    },
    release: async () => {},
  };
}

/**
 * Keeps what the feeds of a call give to the open dimensions.
 * @param {Search} search
 * @param {Map<string, Set<number>> | undefined} seen
 * @param {OnnxModel} model
 * @param { { [name: string]: Tensor } } feeds
 * @returns {Extents}
 */
function note(search, seen, { inputs }, feeds) {
  /** @type {Extents} */
  const extents = {};
  for (const { name, dims } of inputs) {
    for (const [axis, dim] of (dims ?? []).entries()) {
      const extent = feeds[name]?.dims[axis];
      if (typeof dim !== "string" || extent === undefined) continue;
      extents[dim] = extent;
      const known = seen?.get(dim) ?? new Set();
      seen?.set(dim, known.add(extent));
      if (search.guessed) known.add(NaN);
    }
  }
  return extents;
}

/**
 * @param {Port} port
 * @param {Extents} extents
 * @param {Search} search
 */
function zeros({ type, dims }, extents, search) {
  const array = ARRAYS[type] ?? Float32Array;
  const known = (dims ?? [null]).map((dim) => (typeof dim === "number" ? dim : dim === null ? undefined : extents[dim]));
  if (known.includes(undefined)) search.guessed = true;
  const shape = known.map((extent) => extent ?? 1);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const bytes = new ArrayBuffer(count * array.BYTES_PER_ELEMENT);
  return new ort.Tensor(/** @type {any} */ (ARRAYS[type] ? type : "float32"), /** @type {any} */ (new array(bytes)), shape);
}
