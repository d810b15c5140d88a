/**
 * @file A call is one run of a session, with what went in and what came out: the evidence that a reference is computed
 * from.
 */

/** @import { InferenceSession, Tensor } from "onnxruntime-common" */

/**
 * A tensor's values as they were, whatever becomes of the tensor.
 * @typedef {object} Value
 * @property {string} name
 * @property {string} type
 * @property {readonly number[]} shape
 * @property {string} location Where they lay.
 * @property {ArrayBufferView | null} data Null where they lie on the GPU, or are texts.
 */

/**
 * @typedef {object} Call
 * @property {string} file The ONNX file.
 * @property {Value[]} feeds
 * @property {Value[]} fetches
 */

/**
 * @param {Readonly<Record<string, Tensor>>} tensors
 * @param {boolean} download Also what lies on the GPU.
 * @returns {Promise<Value[]>}
 */
export async function valuesOf(tensors, download) {
  const values = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const near = tensor.location === "cpu" || tensor.location === "cpu-pinned";
    const data = near ? tensor.data : download ? await tensor.getData() : null;
    const { type, dims: shape, location } = tensor;
    values.push({ name, type, shape, location, data: ArrayBuffer.isView(data) ? data : null });
  }
  return values;
}

/**
 * Runs a session and keeps the call.
 * @param {InferenceSession} session
 * @param {string} file
 * @param {any} feeds
 * @param {boolean} download
 * @param {(feeds: any) => Promise<any>} run
 */
export async function record(session, file, feeds, download, run) {
  // A feed that the model does not take is ignored by the runtime too.
  const taken = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)));
  const given = await valuesOf(/** @type {any} */ (taken), download);
  const fetches = await run(feeds);
  /** @type {Call} */
  const call = { file, feeds: given, fetches: await valuesOf(fetches, download) };
  return { fetches, call };
}

/**
 * The calls as the runner reads them (`src/harness/calls.rs`): the length of a JSON header, the header, and the bytes that
 * it names, each beginning at a multiple of 8.
 * @param {Call[]} calls
 * @param { { backend: string, onCpu: { op: string, count: number }[] } | null } witness The witness that made them, with what
 *   the GPU's side of witness and job left to the CPU; null where it was the job.
 * @param {number[][]} chosen The tokens that generated texts went on with.
 * @returns {ArrayBufferView[]}
 */
export function encode(calls, witness = null, chosen = []) {
  /** @type {ArrayBufferView[]} */
  const data = [];
  let offset = 0;
  const place = (/** @type {Value} */ value) => {
    const { name, type, shape } = value;
    if (value.data === null) return { name, type, shape, offset: null, bytes: 0 };
    const bytes = value.data.byteLength;
    const at = offset;
    const padding = (8 - (bytes % 8)) % 8;
    data.push(value.data, new Uint8Array(padding));
    offset += bytes + padding;
    return { name, type, shape, offset: at, bytes };
  };
  const placed = calls.map(({ file, feeds, fetches }) => ({ file, feeds: feeds.map(place), fetches: fetches.map(place) }));
  const text = new TextEncoder().encode(JSON.stringify({ witness, calls: placed, chosen }));
  const padding = (8 - ((4 + text.byteLength) % 8)) % 8;
  return [new Uint32Array([text.byteLength + padding]), text, new Uint8Array(padding).fill(0x20), ...data];
}

/**
 * Whether two inferences gave the same, bit for bit, as far as it lies near.
 * @param {Call[]} a
 * @param {Call[]} b
 */
export function sameResults(a, b) {
  return (
    a.length === b.length &&
    a.every((call, index) => {
      const other = b[index];
      return (
        call.file === other.file &&
        call.fetches.length === other.fetches.length &&
        call.fetches.every((value, at) => sameBytes(value.data, other.fetches[at].data))
      );
    })
  );
}

/**
 * @param {ArrayBufferView | null} a
 * @param {ArrayBufferView | null} b
 */
function sameBytes(a, b) {
  if (a === null || b === null) return true;
  if (a.byteLength !== b.byteLength) return false;
  const [left, right] = [a, b].map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return left.every((byte, index) => byte === right[index]);
}
