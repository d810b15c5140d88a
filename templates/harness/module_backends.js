/**
 * @file What a user's module may compute with besides WebGPU: WebNN and WebGL, which are watched in the job's document from before
 * the module is loaded.
 */

import { Unsupported } from "gpujobs/failures.js";

/** @import { ModuleJob } from "gpujobs/protocol.js" */

/** What a canvas calls its contexts of WebGL. */
const WEBGL = new Set(["webgl", "webgl2", "experimental-webgl"]);

/**
 * @typedef {object} WebnnWatch
 * @property {() => number} dispatches
 * @property {() => string} name The contexts that computed, by the options that they were made with.
 */

/**
 * Counts what contexts of WebNN dispatch, where the job is to compute there, or on wasm and so must not.
 * @param {ModuleJob} job
 * @returns {WebnnWatch | null}
 */
export function watchWebnn({ backend }) {
  if (backend === "webgpu") return null;
  const { MLContext } = /** @type { { MLContext?: { prototype: any } } } */ (/** @type {unknown} */ (globalThis));
  if (!("ml" in navigator) || !MLContext) {
    if (backend === "webnn") throw new Unsupported("this browser has no WebNN: navigator.ml is undefined");
    return null;
  }
  /** @type {WeakMap<object, string>} */
  const made = new WeakMap();
  const ml = Object.getPrototypeOf(navigator.ml);
  const { createContext } = ml;
  ml.createContext = async function (/** @type {unknown[]} */ ...words) {
    const context = await createContext.apply(this, words);
    made.set(context, contextName(words[0]));
    return context;
  };
  let dispatches = 0;
  /** @type {Set<string>} */
  const computing = new Set();
  const { dispatch } = MLContext.prototype;
  MLContext.prototype.dispatch = function (/** @type {unknown[]} */ ...words) {
    dispatches += 1;
    computing.add(made.get(this) ?? "MLContext");
    return dispatch.apply(this, words);
  };
  return { dispatches: () => dispatches, name: () => [...computing].join(", ") };
}

/**
 * A context of WebNN by the options that it was made with, such as `MLContext (cpu)`.
 * @param {unknown} options
 */
function contextName(options) {
  if (typeof options !== "object" || options === null) return "MLContext";
  if (typeof GPUDevice !== "undefined" && options instanceof GPUDevice) return "MLContext (a GPUDevice)";
  const said = Object.entries(options).map(([key, value]) => (key === "deviceType" ? String(value) : `${key}: ${String(value)}`));
  return said.length > 0 ? `MLContext (${said.join(", ")})` : "MLContext";
}

/**
 * Counts the WebGL contexts that are made in this document, where the job is to compute on wasm.
 * @param {ModuleJob} job
 */
export function watchWebgl({ backend }) {
  let contexts = 0;
  const { HTMLCanvasElement, OffscreenCanvas } = /** @type {any} */ (globalThis);
  for (const { prototype } of backend === "wasm" ? [HTMLCanvasElement, OffscreenCanvas].filter(Boolean) : []) {
    const { getContext } = prototype;
    prototype.getContext = function (/** @type {unknown[]} */ ...words) {
      const context = getContext.apply(this, words);
      if (context && WEBGL.has(String(words[0]))) contexts += 1;
      return context;
    };
  }
  return () => contexts;
}
