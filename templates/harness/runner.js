/**
 * @file The runner's side of a page: it stays open for many jobs, takes one command at a time and pushes what happens.
 */

import { openChannel, postTensors } from "gpujobs/channel.js";
import { calibrate } from "gpujobs/clock.js";
import { adapterFacts, findAdapter } from "gpujobs/device.js";
import { forwardFailures, Incorrect, messageOf, NoAdapter, Unsupported } from "gpujobs/failures.js";
import { pilot } from "gpujobs/sampling.js";

/** @import { ClockFacts, Job, PageFacts, Sample } from "gpujobs/types.js" */
/** @import { Host, Prepared } from "gpujobs/engine_wgsl.js" */
/** @typedef {(job: Job, host: Host) => Promise<Prepared>} Prepare */

/** How long the loss of a device may trail the errors that it causes. */
const LOSS_WITHIN_MS = 100;

/**
 * Samples that the runner asks for.
 * @typedef {object} Ask
 * @property {Sample["kind"]} kind
 * @property {number} count
 * @property {number} iterations Inferences in each.
 */

/**
 * @typedef { { do: "probe" }
 *   | { do: "prepare", module: string, tensors: string }
 *   | { do: "pilot", job: number }
 *   | { do: "measure", job: number, asks: Ask[] }
 *   | { do: "dispose", job: number } } Command
 */

/**
 * @param {string} channelUrl
 */
export async function serve(channelUrl) {
  const channel = await openChannel(channelUrl);
  /**
   * The jobs that are ready, by their numbers.
   * @type {Map<number, Prepared>}
   */
  const ready = new Map();
  /**
   * The job that runs now; what happens meanwhile is its doing.
   * @type {number | null}
   */
  let number = null;
  /** @type {ClockFacts | null} */
  let clocks = null;
  const push = (/** @type {Record<string, unknown>} */ event) => channel.push({ job: number, ...event });
  const fail = (/** @type {string} */ message) => push({ kind: "failed", message });
  const lose = (/** @type {string} */ message) => push({ kind: "lost", message });
  forwardFailures(fail, (level, text) => push({ kind: "log", level, text }));

  /** A job's turn: it is the one that runs now, and each sample that it takes is told. */
  const turn = (/** @type {number} */ job) => {
    number = job;
    const prepared = ready.get(job);
    if (!prepared || !clocks) throw new Error("a job was to be measured that is not ready");
    const take = async (/** @type {number} */ iterations, /** @type {Sample["kind"]} */ kind) => {
      const sample = await prepared.sample(iterations, kind);
      push({ kind: "sample", sample });
      return sample;
    };
    return { take, clocks };
  };

  /** @type { { [Name in Command["do"]]: (command: any) => Promise<void> } } */
  const commands = {
    probe: async () => {
      const adapter = await findAdapter().catch(() => null);
      push({ kind: "probed", adapter: adapter && adapterFacts(adapter) });
    },
    prepare: async ({ module, tensors }) => {
      const { job, prepare } = /** @type { { job: Job, prepare: Prepare } } */ (await import(module));
      number = job.number;
      /** @type {Host} */
      const host = { fail, lose, verify: (values) => postTensors(tensors, values) };
      const prepared = await prepare(job, host);
      clocks ??= await calibrate(prepared.device);
      ready.set(job.number, prepared);
      const { adapter, phases, first } = prepared;
      push({ kind: "prepared", adapter, phases, first, clocks });
    },
    pilot: async ({ job }) => {
      const { take, clocks } = turn(job);
      push({ kind: "piloted", ...(await pilot(clocks, (iterations) => take(iterations, "warmup"))) });
    },
    measure: async ({ job, asks }) => {
      const { take } = turn(job);
      for (const { kind, count, iterations } of /** @type {Ask[]} */ (asks)) {
        for (let taken = 0; taken < count; taken += 1) await take(iterations, kind);
      }
      push({ kind: "measured" });
    },
    dispose: async ({ job }) => {
      ready.get(job)?.dispose();
      ready.delete(job);
    },
  };

  channel.onCommand(async (/** @type {Command} */ command) => {
    try {
      await commands[command.do](command);
    } catch (error) {
      const message = messageOf(error);
      // An adapter that was there before is not missing: the browser's GPU process has died.
      if (error instanceof NoAdapter && clocks) lose(`the GPU is gone in the middle of a session: ${message}`);
      else if (error instanceof Unsupported) push({ kind: "unsupported", message: error.message });
      else if (error instanceof Incorrect) push({ kind: "incorrect", message: error.message });
      else {
        // Losing the device also fails whatever waits for it, and is the better reason: it is heard first.
        await new Promise((resolve) => setTimeout(resolve, LOSS_WITHIN_MS));
        fail(message);
      }
    }
  });
  channel.push({ kind: "hello", facts: await pageFacts() });
}

/** @returns {Promise<PageFacts>} */
export async function pageFacts() {
  const webnnRefusal = await refusalOfWebnn();
  return {
    userAgent: navigator.userAgent,
    crossOriginIsolated: globalThis.crossOriginIsolated === true,
    // WebKitGTK says crossOriginIsolated and has no SharedArrayBuffer: only this tells.
    sharedMemory: typeof SharedArrayBuffer !== "undefined",
    cores: navigator.hardwareConcurrency ?? 1,
    webgpu: "gpu" in navigator && navigator.gpu !== undefined,
    webnn: webnnRefusal === null,
    webnnRefusal: webnnRefusal ?? "",
  };
}

/**
 * Why WebNN can't be used, in the browser's words; null where a context was made. `navigator.ml` alone says nothing:
 * builds of Chromium without a WebNN backend have it too.
 * @returns {Promise<string | null>}
 */
async function refusalOfWebnn() {
  const ml = /** @type { { ml?: { createContext: () => Promise<unknown> } } } */ (/** @type {unknown} */ (navigator)).ml;
  if (!ml) return "navigator.ml is undefined";
  try {
    await ml.createContext();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
