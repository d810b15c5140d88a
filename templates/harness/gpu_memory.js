/**
 * @file The memory of a job on its GPU: the bytes of the buffers and textures that were made on its device and that nobody has
 * let go of. What gpujobs makes itself, to check and to time a job, is left aside. What a browser and its driver take beside
 * that (staging for uploads, pipelines, padding) no page can see.
 */

import { textureBytes } from "gpujobs/texture_bytes.js";

/** @import { GpuMemory } from "gpujobs/protocol.js" */

/**
 * What is live on one device.
 * @typedef {object} Account
 * @property {(inferences: number) => void} ran Takes note of inferences.
 * @property {<T>(work: () => Promise<T>) => Promise<T>} aside What is made meanwhile is no part of the job, which does nothing
 *   of its own.
 * @property {() => GpuMemory | null} read What there is now, and what there was since the last reading; null where a texture
 *   has a format of unknown size.
 */

/**
 * @typedef {object} Ledger
 * @property {number} bytes Live now.
 * @property {number} peakBytes The most since the last reading.
 * @property {number} made Buffers and textures since then.
 * @property {number} inferences Since then.
 * @property {boolean} isKnown Whether all sizes are.
 * @property {number} aside Above 0 while what is made is gpujobs' own.
 */

/**
 * A buffer or texture of the job.
 * @typedef {object} Entry
 * @property {Ledger} ledger
 * @property {number} bytes
 * @property {boolean} live
 */

/**
 * Where a device has its ledger. Of the language's own registry of symbols, since a device that was made in a frame is also used
 * by the page around it, which has modules of its own.
 */
const LEDGER = Symbol.for("gpujobs: ledger");

/** @type {WeakMap<object, Entry>} */
const entries = new WeakMap();

/** What is collected without having been destroyed is let go of then, whenever that is. */
const collected = new FinalizationRegistry(release);

/** @param {Entry} entry */
function release(entry) {
  if (entry.live) entry.ledger.bytes -= entry.bytes;
  entry.live = false;
}

/** Whether this document's `destroy` is watched. */
let watchesDestroy = false;

function watchDestroy() {
  if (watchesDestroy) return;
  watchesDestroy = true;
  for (const prototype of [GPUBuffer.prototype, GPUTexture.prototype]) {
    const destroy = prototype.destroy;
    prototype.destroy = function () {
      const entry = entries.get(this);
      if (entry) release(entry);
      return destroy.call(this);
    };
  }
}

/**
 * Keeps an account of a device from now on.
 * @param {GPUDevice} device One that this document has just opened.
 * @param {GPUDevice | null} other One whose account it joins: a job may have several.
 */
export function openAccount(device, other = null) {
  /** @type {Ledger} */
  const ledger = other ? ledgerOf(other) : { bytes: 0, peakBytes: 0, made: 0, inferences: 0, isKnown: true, aside: 0 };
  watchDestroy();
  const enter = (/** @type {object} */ made, /** @type {number | null} */ bytes) => {
    if (ledger.aside > 0) return;
    ledger.isKnown &&= bytes !== null;
    const entry = { ledger, bytes: bytes ?? 0, live: true };
    ledger.bytes += entry.bytes;
    ledger.peakBytes = Math.max(ledger.peakBytes, ledger.bytes);
    ledger.made += 1;
    entries.set(made, entry);
    collected.register(made, entry);
  };
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    enter(buffer, buffer.size);
    return buffer;
  };
  const createTexture = device.createTexture.bind(device);
  device.createTexture = (descriptor) => {
    const texture = createTexture(descriptor);
    enter(texture, textureBytes(texture));
    return texture;
  };
  Object.defineProperty(device, LEDGER, { value: ledger });
}

/** @param {GPUDevice} device */
function ledgerOf(device) {
  return /** @type {Ledger} */ (/** @type {any} */ (device)[LEDGER]);
}

/**
 * The account of a device.
 * @param {GPUDevice} device
 * @returns {Account}
 */
export function accountOf(device) {
  const ledger = ledgerOf(device);
  return {
    ran: (inferences) => {
      ledger.inferences += inferences;
    },
    aside: async (work) => {
      ledger.aside += 1;
      try {
        return await work();
      } finally {
        ledger.aside -= 1;
      }
    },
    read: () => {
      const { bytes, peakBytes, made, inferences, isKnown } = ledger;
      Object.assign(ledger, { peakBytes: bytes, made: 0, inferences: 0 });
      return isKnown ? { bytes, peakBytes, made, inferences } : null;
    },
  };
}

/**
 * A buffer of gpujobs' own, which is no part of the job.
 * @param {GPUDevice} device
 * @param {GPUBufferDescriptor} descriptor
 */
export function createOwnBuffer(device, descriptor) {
  const ledger = ledgerOf(device);
  ledger.aside += 1;
  try {
    return device.createBuffer(descriptor);
  } finally {
    ledger.aside -= 1;
  }
}
