/**
 * @file The outputs of a user's module: typed arrays, buffers on the GPU, or what reads them. They are read after the clock has
 * stopped, and overwritten before the next sample where they can be, so that an inference that writes nothing is seen.
 */

import { readBuffers } from "gpujobs/device.js";
import { Incorrect } from "gpujobs/failures.js";
import { openSentinel, SENTINEL } from "gpujobs/sentinel.js";
import { ARRAYS } from "gpujobs/tensors.js";

/** @import { Value } from "gpujobs/calls.js" */
/** @import { DescribedOutput, Outputs, Values } from "gpujobs/module.js" */
/** @import { Sentinel } from "gpujobs/sentinel.js" */

/** The types of typed arrays, by their names. @type { { [array: string]: string } } */
const TYPES = {
  Float64Array: "float64",
  Float32Array: "float32",
  Float16Array: "float16",
  BigInt64Array: "int64",
  BigUint64Array: "uint64",
  Int32Array: "int32",
  Uint32Array: "uint32",
  Int16Array: "int16",
  Uint16Array: "uint16",
  Int8Array: "int8",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
};

/**
 * Outputs of an inference, whatever form they came in.
 * @typedef { { name: string, output: DescribedOutput }[] } Described
 */

/**
 * @param {Outputs | undefined | null} returned
 * @param {string} program
 * @param {string[]} expected The outputs that something says the values of.
 * @returns {Described}
 */
export function describe(returned, program, expected) {
  const what = `${program}: \`infer\` returned`;
  const example = "it returns its outputs by their names, such as { y: new Float32Array(4) }";
  if (returned === undefined || returned === null) throw new Error(`${what} nothing: ${example}`);
  if (typeof returned !== "object" || isValues(returned) || isBuffer(returned)) {
    throw new Error(`${what} no outputs with names: ${example}`);
  }
  const described = Object.entries(returned).map(([name, output]) => ({ name, output: describeOne(output, `${what} \`${name}\` as`) }));
  if (described.length === 0) throw new Error(`${what} no output: ${example}`);
  const missing = expected.find((name) => !described.some((one) => one.name === name));
  if (missing !== undefined) {
    const found = described.map(({ name }) => `\`${name}\``).join(", ");
    throw new Error(`${what} ${found}, and no \`${missing}\`, which \`expect\` names`);
  }
  return described;
}

/**
 * @param {unknown} output
 * @param {string} what
 * @returns {DescribedOutput}
 */
function describeOne(output, what) {
  if (isValues(output)) return { data: output };
  if (isBuffer(output)) return { buffer: output };
  const one = /** @type {DescribedOutput | null} */ (typeof output === "object" ? output : null);
  const forms = one ? [one.data, one.buffer, one.read].filter((form) => form !== undefined) : [];
  const fits =
    one && forms.length === 1 && (isValues(one.data) || isBuffer(one.buffer) || typeof one.read === "function");
  if (!fits) {
    throw new Error(`${what} ${nameOf(output)}: an output is a typed array, a GPUBuffer, or one of { data }, { buffer }, { read }`);
  }
  const { shape, type } = one;
  if (shape !== undefined && !(Array.isArray(shape) && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0))) {
    throw new Error(`${what} one of shape ${String(shape)}: a shape is a list of whole numbers`);
  }
  if (type !== undefined && !(type in ARRAYS)) throw new Error(`${what} one of type ${String(type)}, which is none of ${Object.keys(ARRAYS).join(", ")}`);
  return one;
}

/** @param {unknown} output */
function nameOf(output) {
  return typeof output === "object" && output !== null ? (output.constructor?.name ?? "an object") : String(output);
}

/**
 * @param {unknown} output
 * @returns {output is Values}
 */
function isValues(output) {
  return ArrayBuffer.isView(output) && TYPES[output.constructor.name] !== undefined;
}

/**
 * @param {unknown} output
 * @returns {output is GPUBuffer}
 */
function isBuffer(output) {
  return typeof GPUBuffer !== "undefined" && output instanceof GPUBuffer;
}

/**
 * Downloads outputs.
 * @param {Described} described
 * @param {(buffer: GPUBuffer) => GPUDevice} deviceOf
 * @returns {Promise<Value[]>}
 */
export async function readOutputs(described, deviceOf) {
  const values = [];
  for (const { name, output } of described) {
    const { type, data } = output.buffer ? await readBuffer(name, output, deviceOf) : await readNear(name, output);
    const shape = output.shape ?? [data.length];
    const length = shape.reduce((product, extent) => product * extent, 1);
    if (length !== data.length) throw new Incorrect(`\`${name}\` has ${data.length} elements, and its shape is [${shape.join(", ")}]`);
    checkWritten(name, type, data);
    values.push({ name, type, shape: [...shape], location: "cpu", data });
  }
  return values;
}

/**
 * @param {string} name
 * @param {DescribedOutput} output
 */
async function readNear(name, { data, read }) {
  const values = data ?? (await read?.());
  if (!isValues(values)) throw new Error(`what \`read\` of \`${name}\` returned is no typed array, but ${nameOf(values)}`);
  const type = TYPES[values.constructor.name];
  // A copy, since the module may write into the same array again; and none of shared memory.
  const array = /** @type {any} */ (values.constructor);
  return { type, data: /** @type {Values} */ (new array(values)) };
}

/**
 * @param {string} name
 * @param {DescribedOutput} output
 * @param {(buffer: GPUBuffer) => GPUDevice} deviceOf
 */
async function readBuffer(name, output, deviceOf) {
  const buffer = /** @type {GPUBuffer} */ (output.buffer);
  if ((buffer.usage & GPUBufferUsage.COPY_SRC) === 0) {
    throw new Error(`the buffer of \`${name}\` can't be read: make it with GPUBufferUsage.COPY_SRC`);
  }
  const type = output.type ?? "float32";
  const array = ARRAYS[type];
  const [words] = await readBuffers(deviceOf(buffer), [buffer]);
  const held = Math.floor(buffer.size / array.BYTES_PER_ELEMENT);
  const length = output.shape?.reduce((product, extent) => product * extent, 1) ?? held;
  if (length > held) throw new Incorrect(`the buffer of \`${name}\` has room for ${held} elements, and its shape is [${output.shape}]`);
  const bytes = words.buffer.slice(words.byteOffset, words.byteOffset + length * array.BYTES_PER_ELEMENT);
  return { type, data: /** @type {Values} */ (/** @type {unknown} */ (new array(bytes))) };
}

/**
 * What `spoil` has left there was not overwritten.
 * @param {string} name
 * @param {string} type
 * @param {Values} data
 */
function checkWritten(name, type, data) {
  if (type !== "float32") return;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const left = words.reduce((count, word) => count + (word === SENTINEL ? 1 : 0), 0);
  if (left > 0) throw new Incorrect(`the inference did not write ${left} of ${data.length} elements of \`${name}\``);
}

/**
 * Overwrites outputs with what no inference gives, those that lie on the GPU or in an array of the module's.
 * @param {Described} described
 * @param {Map<GPUDevice, Sentinel>} sentinels
 * @param {(buffer: GPUBuffer) => GPUDevice} deviceOf
 */
export function spoil(described, sentinels, deviceOf) {
  for (const { output } of described) {
    const { data, buffer } = output;
    if (data instanceof Float32Array) new Uint32Array(data.buffer, data.byteOffset, data.length).fill(SENTINEL);
    if (!buffer || (buffer.usage & GPUBufferUsage.COPY_DST) === 0 || buffer.size % 4 !== 0) continue;
    if ((output.type ?? "float32") !== "float32") continue;
    const device = deviceOf(buffer);
    let sentinel = sentinels.get(device);
    if (!sentinel) {
      sentinel = openSentinel(device, buffer.size);
      sentinels.set(device, sentinel);
    }
    const encoder = device.createCommandEncoder();
    sentinel.fill(encoder, buffer, buffer.size);
    device.queue.submit([encoder.finish()]);
  }
}

/** @param {Described} described */
export function release(described) {
  for (const { output } of described) output.dispose?.();
}
