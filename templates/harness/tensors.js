/**
 * @file Tensors come from the runner in parts, or, in a page that was opened by hand, are made here.
 */

/** @import { Part, Source, StagesJob, Tensor } from "gpujobs/protocol.js" */

/** @param {Tensor} tensor */
function length(tensor) {
  return tensor.shape.reduce((product, extent) => product * extent, 1);
}

/**
 * The bytes of every tensor of a part, in the part's order.
 * @param {StagesJob} job
 * @param {Part} part
 * @returns {Promise<Uint8Array<ArrayBuffer>[]>}
 */
export async function loadPart(job, part) {
  const tensors = part.tensors.map((id) => job.tensors[id]);
  if (part.url === null) return tensors.map((tensor, index) => make(tensor, part.sources[index]));
  const response = await fetch(part.url);
  if (!response.ok) throw new Error(`${part.name} did not load: ${response.status} ${response.statusText}`);
  const bytes = await response.arrayBuffer();
  let offset = 0;
  return tensors.map((tensor) => {
    const values = new Uint8Array(bytes, offset, tensor.bytes);
    offset += tensor.bytes;
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
    return bytesOf(source.base64);
  }
  const { seed, mean, spread } = source.uniform;
  const values = new Float32Array(length(tensor));
  for (let index = 0; index < values.length; index += 1) {
    values[index] = mean + spread * uniform(seed, index);
  }
  if (tensor.element === "f32") return new Uint8Array(values.buffer);
  const stored = new Uint8Array(tensor.bytes);
  new Uint16Array(stored.buffer).set(halves(values));
  return stored;
}

/**
 * The bits of each value as f16, bit for bit what `src/graph/element.rs` makes: the nearest one, the even one of two, and
 * 0 for what a normal f16 can't hold. Not every browser has a Float16Array.
 * @param {Float32Array} values Within f16's range.
 */
export function halves(values) {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => {
    const size = word & 0x7fffffff;
    if (size < 0x38800000) return 0;
    // The exponents are 112 apart; half of the last place rounds, a bit less for an even one.
    return ((word >>> 16) & 0x8000) | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  });
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

/**
 * The arrays that onnxruntime-web takes, by the types of their tensors. Where the language has 16-bit floats the runtime
 * takes no other array for them.
 * @type { { [type: string]: { new (buffer: ArrayBuffer): ArrayBufferView, BYTES_PER_ELEMENT: number } } }
 */
export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: /** @type {any} */ (globalThis).Float16Array ?? Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};
