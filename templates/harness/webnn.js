/**
 * @file WebNN by itself, without a library: whether a context computes, on which devices there is one, and what it supports.
 */

import { handled, messageOf } from "gpujobs/failures.js";

/** @import { WebNnCheck } from "gpujobs/protocol.js" */

/**
 * The part of WebNN that is used here; TypeScript knows nothing of it.
 * @typedef {object} Context
 * @property {boolean} [accelerated]
 * @property {() => OpSupport} [opSupportLimits]
 * @property {(descriptor: object) => Promise<object>} createTensor
 * @property {(tensor: object, data: ArrayBufferView) => void} writeTensor
 * @property {(graph: object, inputs: object, outputs: object) => void} dispatch
 * @property {(tensor: object) => Promise<ArrayBuffer>} readTensor
 * @property {() => void} [destroy]
 */

/**
 * @typedef {object} OpSupport
 * @property {string} [preferredInputLayout]
 * @property {number} [maxTensorByteLength]
 * @property { { dataTypes: string[] } } [input]
 */

/** The devices that a context can be asked for. */
const DEVICES = ["cpu", "gpu", "npu"];
/** How many numbers are computed. */
const COUNT = 16;
/** Whole numbers below this, whose products and sums are exact in any float. */
const BELOW = 32;

/**
 * Why WebNN can't be used, in the browser's words, or what came of a small computation. `navigator.ml` alone says nothing: builds
 * of Chromium without a WebNN backend have it too.
 * @returns {Promise<{ refusal: string, check: WebNnCheck | null }>}
 */
export async function checkWebnn() {
  const { ml } = /** @type { { ml?: { createContext: (options?: object) => Promise<Context> } } } */ (
    /** @type {unknown} */ (navigator)
  );
  if (!ml) return { refusal: "navigator.ml is undefined", check: null };
  try {
    const context = await ml.createContext();
    const check = await computed(context);
    context.destroy?.();
    for (const deviceType of DEVICES) {
      const made = await ml.createContext({ deviceType }).catch(() => null);
      if (made) check.devices.push(deviceType);
      made?.destroy?.();
    }
    return { refusal: "", check };
  } catch (error) {
    return { refusal: messageOf(error), check: null };
  }
}

/**
 * y = relu(w x + b) of numbers that nobody could have prepared.
 * @param {Context} context
 * @returns {Promise<WebNnCheck>}
 */
async function computed(context) {
  const limits = context.opSupportLimits?.() ?? {};
  /** @type {WebNnCheck} */
  const check = {
    devices: [],
    accelerated: context.accelerated ?? null,
    layout: limits.preferredInputLayout ?? "",
    maxTensorBytes: limits.maxTensorByteLength ?? null,
    dataTypes: [...(limits.input?.dataTypes ?? [])],
    x: drawn(),
    w: drawn(),
    b: drawn(),
    y: [],
    failure: "",
  };
  try {
    const Builder = /** @type {any} */ (globalThis).MLGraphBuilder;
    const builder = new Builder(context);
    const descriptor = { dataType: "float32", shape: [COUNT] };
    const [x, w, b] = ["x", "w", "b"].map((name) => builder.input(name, descriptor));
    const graph = await builder.build({ y: builder.relu(builder.add(builder.mul(w, x), b)) });
    const tensor = async (/** @type {number[]} */ values) => {
      const made = await context.createTensor({ ...descriptor, writable: true });
      context.writeTensor(made, Float32Array.from(values));
      return made;
    };
    const inputs = { x: await tensor(check.x), w: await tensor(check.w), b: await tensor(check.b) };
    const y = await context.createTensor({ ...descriptor, readable: true });
    context.dispatch(graph, inputs, { y });
    check.y = [...new Float32Array(await context.readTensor(y))].map((value) => Math.trunc(value));
  } catch (error) {
    check.failure = messageOf(error);
  }
  return check;
}

/** Whole numbers on both sides of zero. */
function drawn() {
  return [...crypto.getRandomValues(new Uint8Array(COUNT))].map((byte) => (byte % (2 * BELOW)) - BELOW);
}

/**
 * Watches the graphs that a library builds. What it does with a refusal is not to be relied on: onnxruntime-web leaves it unhandled.
 * @returns { { refused: () => Promise<never> } } Rejects with the browser's reason as soon as it refuses a graph, from now on.
 */
export function watchBuilds() {
  /** @type {((reason: unknown) => void)[]} */
  let waiting = [];
  const { prototype } = /** @type {any} */ (globalThis).MLGraphBuilder ?? { prototype: {} };
  const { build } = prototype;
  prototype.build = function (/** @type {object} */ outputs) {
    const building = build.call(this, outputs);
    building.catch((/** @type {unknown} */ reason) => {
      handled(reason);
      for (const tell of waiting) tell(reason);
      waiting = [];
    });
    return building;
  };
  const refused = () => new Promise((_, reject) => waiting.push(reject));
  return { refused: /** @type {() => Promise<never>} */ (refused) };
}
