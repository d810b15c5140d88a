/**
 * @file A place is where a tensor lies on the GPU: in a buffer from its beginning on, or in a texture that it fills.
 */

import { createOwnBuffer } from "gpujobs/gpu_memory.js";

/** @import { StagesJob, Texture } from "gpujobs/protocol.js" */
/** @import { Sentinel } from "gpujobs/sentinel.js" */

/**
 * Bytes behind each result that no stage may write: WebGPU puts what is written beyond the end of a buffer anywhere in it, or
 * nowhere. A recorded run binds them too, full of the sentinel.
 */
export const GUARD = 256;

/** Rows of a texture are copied from and to buffers in steps of so many bytes. */
const ROW_STEP = 256;

/**
 * A texture with its size.
 * @typedef {object} Image
 * @property {GPUTexture} texture
 * @property {number} rowBytes What a row of texels has.
 * @property {number} stride What it takes in a buffer.
 * @property {number} height
 */

/**
 * Exactly one of `buffer` and `image` is there.
 * @typedef {object} Place
 * @property {number} bytes The tensor's values, one after the other.
 * @property {number} guard Bytes behind them that nothing may write.
 * @property {GPUBuffer | null} buffer
 * @property {Image | null} image
 */

/**
 * What a place holds, as it can be read: a buffer's own beginning, or the rows of a texture once they are gathered.
 * @typedef {object} Readable
 * @property {GPUBuffer} buffer
 * @property {boolean} made Whether the buffer was made for it.
 * @property {(encoder: GPUCommandEncoder) => void} gather Copies what the texture holds into the buffer.
 */

/**
 * The job's buffers and textures, and where each tensor lies in them.
 * @param {StagesJob} job
 * @param {GPUDevice} device
 * @returns {Place[]}
 */
export function createPlaces(job, device) {
  const buffers = createBuffers(job, device);
  const images = createImages(job, device);
  return job.tensors.map(({ bytes, role, buffer, texture }) => ({
    bytes,
    guard: buffer === null || role !== "computed" ? 0 : Math.min(GUARD, buffers[buffer].size - bytes),
    buffer: buffer === null ? null : buffers[buffer],
    image: texture === null ? null : images[texture],
  }));
}

/**
 * @param {StagesJob} job
 * @param {GPUDevice} device
 */
function createBuffers(job, device) {
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const uniform = new Set(job.stages.flatMap((stage) => stage.uniforms.map((at) => job.tensors[stage.bindings[at]].buffer)));
  const written = new Set(job.tensors.filter(({ role }) => role === "computed").map(({ buffer }) => buffer));
  return job.buffers.map((needed, index) => {
    const size = written.has(index) ? needed + guardOf(device, needed) : needed;
    const usage = uniform.has(index) ? storage | GPUBufferUsage.UNIFORM : storage;
    return device.createBuffer({ label: `buffer ${index}`, size, usage });
  });
}

/**
 * None where a buffer is as large as the device takes.
 * @param {GPUDevice} device
 * @param {number} bytes
 */
function guardOf({ limits }, bytes) {
  return bytes + GUARD <= Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize) ? GUARD : 0;
}

/**
 * A texture that no shader writes is not made for writing, which may cost it its compression.
 * @param {StagesJob} job
 * @param {GPUDevice} device
 * @returns {Image[]}
 */
function createImages(job, device) {
  const bound = GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC | GPUTextureUsage.COPY_DST;
  const storage = new Set(
    job.stages.flatMap((stage) => stage.storageTextures.map((at) => job.tensors[stage.bindings[at]].texture)),
  );
  return job.textures.map((spec, index) => {
    const usage = storage.has(index) ? bound | GPUTextureUsage.STORAGE_BINDING : bound;
    const size = { width: spec.width, height: spec.height };
    const texture = device.createTexture({ label: `texture ${index}`, size, format: spec.format, usage });
    return { texture, rowBytes: rowBytes(spec), stride: strideOf(spec), height: spec.height };
  });
}

/** @param {Texture} texture */
function rowBytes({ width, texelBytes }) {
  return width * texelBytes;
}

/**
 * Bytes that a row takes in a buffer.
 * @param {Texture} texture
 */
export function strideOf(texture) {
  return Math.ceil(rowBytes(texture) / ROW_STEP) * ROW_STEP;
}

/**
 * @param {Place} place
 * @param {boolean} guarded Whether its guard is bound too.
 * @returns {GPUBindingResource}
 */
export function resourceOf({ buffer, image, bytes, guard }, guarded) {
  if (image) return image.texture.createView();
  return { buffer: /** @type {GPUBuffer} */ (buffer), size: guarded ? bytes + guard : bytes };
}

/**
 * Gives a place the values of its tensor.
 * @param {GPUDevice} device
 * @param {Place} place
 * @param {Uint8Array<ArrayBuffer>} values
 */
export function upload(device, { buffer, image }, values) {
  if (!image) return device.queue.writeBuffer(/** @type {GPUBuffer} */ (buffer), 0, values);
  const { texture, rowBytes: bytesPerRow, height } = image;
  device.queue.writeTexture({ texture }, values, { bytesPerRow, rowsPerImage: height }, [texture.width, height]);
}

/**
 * What a source has that fills it in one copy.
 * @param {Place} place
 */
export function sourceBytes({ bytes, guard, image }) {
  return image ? image.stride * image.height : bytes + guard;
}

/**
 * Fills a place and its guard with the sentinel, when the encoder's commands run.
 * @param {GPUCommandEncoder} encoder
 * @param {Sentinel} sentinel
 * @param {Place} place
 */
export function spoil(encoder, sentinel, { buffer, image, bytes, guard }) {
  if (!image) return sentinel.fill(encoder, /** @type {GPUBuffer} */ (buffer), bytes + guard);
  const { texture, stride, height } = image;
  const rows = Math.floor(sentinel.source.size / stride);
  for (let y = 0; y < height; y += rows) {
    const from = { buffer: sentinel.source, bytesPerRow: stride };
    encoder.copyBufferToTexture(from, { texture, origin: [0, y] }, [texture.width, Math.min(rows, height - y)]);
  }
}

/**
 * What a place is cleared from or copied from before a stage.
 * @typedef {object} Start
 * @property {Place} to
 * @property {Place | null} from Null for zeros in a buffer.
 */

/**
 * @param {GPUDevice} device
 * @param {Place} to
 * @param {Place | null} from Null for zeros.
 * @returns {Start}
 */
export function startOf(device, to, from) {
  if (from || !to.image) return { to, from };
  const { width, height, format } = to.image.texture;
  // WebGPU makes it full of zeros.
  const texture = device.createTexture({ label: "zeros", size: [width, height], format, usage: GPUTextureUsage.COPY_SRC });
  return { to, from: { ...to, image: { ...to.image, texture } } };
}

/**
 * @param {GPUCommandEncoder} encoder
 * @param {Start} start
 */
export function begin(encoder, { to, from }) {
  if (to.image) {
    const { texture } = /** @type {Image} */ (from?.image);
    encoder.copyTextureToTexture({ texture }, { texture: to.image.texture }, [texture.width, texture.height]);
  } else if (from) {
    encoder.copyBufferToBuffer(/** @type {GPUBuffer} */ (from.buffer), 0, /** @type {GPUBuffer} */ (to.buffer), 0, to.bytes);
  } else {
    encoder.clearBuffer(/** @type {GPUBuffer} */ (to.buffer), 0, to.bytes);
  }
}

/**
 * @param {GPUDevice} device
 * @param {Place} place
 * @returns {Readable}
 */
export function readable(device, { buffer, image }) {
  if (buffer) return { buffer, made: false, gather: () => {} };
  const { texture, stride, height } = /** @type {Image} */ (image);
  const size = stride * height;
  // Beyond the rows nothing is ever written: there zeros are equal to zeros.
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const rows = createOwnBuffer(device, { label: "rows", size, usage });
  const gather = (/** @type {GPUCommandEncoder} */ encoder) =>
    encoder.copyTextureToBuffer({ texture }, { buffer: rows, bytesPerRow: stride }, [texture.width, height]);
  return { buffer: rows, made: true, gather };
}

/**
 * The runs of bytes of a tensor's values in what was gathered of its place, in their order.
 * @param {Place} place
 * @returns { { from: number, bytes: number }[] }
 */
export function runsOf({ bytes, image }) {
  if (!image) return [{ from: 0, bytes }];
  return Array.from({ length: image.height }, (_, row) => ({ from: row * image.stride, bytes: image.rowBytes }));
}
