/**
 * @file Tensors come from the runner in parts, or, in a page that was opened by hand, are made here.
 */

/** @import { Part, Source, StagesJob, Tensor } from "gpujobs/types.js" */

/** @param {Tensor} tensor */
export function byteLength(tensor) {
  return tensor.shape.reduce((product, extent) => product * extent, 4);
}

/**
 * The values of every tensor of a part, in the part's order.
 * @param {StagesJob} job
 * @param {Part} part
 * @returns {Promise<Float32Array<ArrayBuffer>[]>}
 */
export async function loadPart(job, part) {
  const tensors = part.tensors.map((id) => job.tensors[id]);
  if (part.url === null) return tensors.map((tensor, index) => make(tensor, part.sources[index]));
  const response = await fetch(part.url);
  if (!response.ok) throw new Error(`${part.name} did not load: ${response.status} ${response.statusText}`);
  const bytes = await response.arrayBuffer();
  let offset = 0;
  return tensors.map((tensor) => {
    const values = new Float32Array(bytes, offset, byteLength(tensor) / 4);
    offset += byteLength(tensor);
    return values;
  });
}

/**
 * @param {Tensor} tensor
 * @param {Source | null} source
 */
function make(tensor, source) {
  if (source === null) throw new Error(`nothing says how to make ${tensor.name}`);
  if ("base64" in source) {
    return new Float32Array(bytesOf(source.base64).buffer);
  }
  const { seed, mean, spread } = source.uniform;
  const values = new Float32Array(byteLength(tensor) / 4);
  for (let index = 0; index < values.length; index += 1) {
    values[index] = mean + spread * uniform(seed, index);
  }
  return values;
}

/**
 * What base64 stands for.
 * @param {string} base64
 */
export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/**
 * A value in [-1, 1) from the hash of (seed, index); bit for bit what `reference/fill.rs` makes.
 * @param {number} seed
 * @param {number} index
 */
function uniform(seed, index) {
  let x = (seed ^ Math.imul(index, 0x9e3779b9)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  x = (x ^ (x >>> 16)) >>> 0;
  return (x >>> 8) / 8388608 - 1;
}
