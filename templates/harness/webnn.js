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
/** No product and sum of those is larger. */
const MOST = BELOW * BELOW + BELOW;
/** What a context may take to answer: a page says what its browser has before it does anything else. */
const WITHIN_MS = 5000;

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
  /** @type {Context} */
  let context;
  try {
    context = await ml.createContext();
  } catch (error) {
    return { refusal: messageOf(error), check: null };
  }
  const check = emptyCheck();
  const asked = ask(ml, context, check).catch((error) => void (check.failure ||= messageOf(error)));
  const late = new Promise((resolve) => setTimeout(resolve, WITHIN_MS, true));
  // What comes later must not change what is said now.
  if (await Promise.race([asked, late])) {
    return { refusal: "", check: { ...check, y: [], failure: `no answer within ${WITHIN_MS / 1000} s` } };
  }
  return { refusal: "", check };
}

/**
 * Fills in what a context answers, and on which devices there is one.
 * @param { { createContext: (options?: object) => Promise<Context> } } ml
 * @param {Context} context
 * @param {WebNnCheck} check
 */
async function ask(ml, context, check) {
  try {
    await compute(context, check);
  } finally {
    context.destroy?.();
  }
  for (const deviceType of DEVICES) {
    const made = await ml.createContext({ deviceType }).catch(() => null);
    if (made) check.devices.push(deviceType);
    made?.destroy?.();
  }
}

/** @returns {WebNnCheck} */
function emptyCheck() {
  return {
    devices: [],
    accelerated: null,
    layout: "",
    maxTensorBytes: null,
    dataTypes: [],
    x: drawn(),
    w: drawn(),
    b: drawn(),
    y: [],
    failure: "",
  };
}

/**
 * y = relu(w x + b) of numbers that nobody could have prepared.
 * @param {Context} context
 * @param {WebNnCheck} check
 */
async function compute(context, check) {
  const limits = context.opSupportLimits?.() ?? {};
  check.accelerated = context.accelerated ?? null;
  check.layout = limits.preferredInputLayout ?? "";
  check.maxTensorBytes = limits.maxTensorByteLength ?? null;
  check.dataTypes = [...(limits.input?.dataTypes ?? [])];
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
    const found = [...new Float32Array(await context.readTensor(y))];
    if (found.every((value) => Number.isInteger(value) && Math.abs(value) <= MOST)) check.y = found;
    else check.failure = `it computed ${found.join(", ")}`;
  } catch (error) {
    check.failure = messageOf(error);
  }
}

/** Whole numbers on both sides of zero. */
function drawn() {
  return [...crypto.getRandomValues(new Uint8Array(COUNT))].map((byte) => (byte % (2 * BELOW)) - BELOW);
}

/**
 * Watches the graphs that a library builds. What it does with a refusal is not to be relied on: onnxruntime-web leaves it unhandled.
 * @returns {<T>(work: Promise<T>) => Promise<T>} The same work, which fails with the browser's reason as soon as that refuses a graph.
 */
export function watchBuilds() {
  /** @type {Set<(reason: unknown) => void>} */
  const waiting = new Set();
  const { prototype } = /** @type {any} */ (globalThis).MLGraphBuilder ?? { prototype: {} };
  const { build } = prototype;
  prototype.build = function (/** @type {object} */ outputs) {
    const building = build.call(this, outputs);
    building.catch((/** @type {unknown} */ reason) => {
      handled(reason);
      for (const refuse of waiting) refuse(reason);
    });
    return building;
  };
  return (work) =>
    new Promise((resolve, reject) => {
      waiting.add(reject);
      work.then(resolve, reject).finally(() => waiting.delete(reject));
    });
}
