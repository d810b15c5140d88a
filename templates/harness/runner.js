/**
 * @file The runner's side of a page: it stays open for many jobs, takes one command at a time and pushes what happens.
 */

import { openChannel, postTensors } from "gpujobs/channel.js";
import { calibrate } from "gpujobs/clock.js";
import { adapterFacts, findAdapter } from "gpujobs/device.js";
import { forwardFailures, kindOf, messageOf } from "gpujobs/failures.js";
import { openFrame } from "gpujobs/frame.js";
import { pilot } from "gpujobs/sampling.js";

/** @import { ClockFacts, Command, PageEvent, PageFacts, Sample } from "gpujobs/protocol.js" */
/** @import { Host, Job, Prepare, Prepared } from "gpujobs/types.js" */

/** How long the loss of a device may trail the errors that it causes. */
const LOSS_WITHIN_MS = 100;

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
  /**
   * The clocks of this session by the adapter, as jobs may ask for another one; of jobs without a GPU under "".
   * @type {Map<string, ClockFacts>}
   */
  const known = new Map();
  const clocksOf = async (/** @type {Prepared} */ { device, adapter }) => {
    const key = device ? JSON.stringify(adapter) : "";
    const clocks = known.get(key) ?? (await calibrate(device));
    known.set(key, clocks);
    return clocks;
  };
  const push = (/** @type {PageEvent} */ event) => channel.push({ job: number, ...event });
  const fail = (/** @type {string} */ message) => push({ kind: "failed", message });
  /**
   * What closes each job that has begun and was not given up: one that was must not speak into another's turn.
   * @type {Map<number, () => void>}
   */
  const begun = new Map();
  const lose = (/** @type {string} */ message) => push({ kind: "lost", message });
  const log = (/** @type {string} */ level, /** @type {string} */ text) => push({ kind: "log", level, text });
  forwardFailures(fail, log);

  /** A job's turn: it is the one that runs now, and each sample that it takes is told. */
  const turn = (/** @type {number} */ job) => {
    number = job;
    const prepared = ready.get(job);
    if (!prepared) throw new Error("a job was to be measured that is not ready");
    const take = async (/** @type {number} */ iterations, /** @type {Sample["kind"]} */ kind) => {
      const sample = await prepared.sample(iterations, kind);
      push({ kind: "sample", sample });
      return sample;
    };
    return { take, prepared };
  };

  /**
   * A job, from a module of this page or, where it needs a page of its own, from a frame.
   * @param {string} module
   * @param {string | null} frame
   * @returns {Promise< { job: Job, prepare: Prepare, close: () => void } >}
   */
  const open = async (module, frame) => (frame ? openFrame(frame) : { ...(await import(module)), close: () => {} });

  /** @type { { [Name in Command["do"]]: (command: Extract<Command, { do: Name }>) => Promise<void> } } */
  const commands = {
    probe: async () => {
      const adapter = await findAdapter().catch(() => null);
      push({ kind: "probed", adapter: adapter && adapterFacts(adapter) });
    },
    prepare: async ({ job: own, module, frame, tensors }) => {
      number = own;
      begun.set(own, () => {});
      const { job, prepare, close } = await open(module, frame);
      if (!begun.has(own)) return close();
      begun.set(own, close);
      const unlessGone = (/** @type {(message: string) => void} */ say) => (/** @type {string} */ message) => {
        if (begun.has(own)) say(message);
      };
      /** @type {Host} */
      const host = {
        fail: unlessGone(fail),
        lose: unlessGone(lose),
        log,
        verify: (values, from = 0) => postTensors(`${tensors}/${from}`, values),
      };
      try {
        const prepared = await prepare(job, host);
        const clocks = await clocksOf(prepared);
        const dispose = () => {
          prepared.dispose();
          close();
        };
        if (!begun.has(own)) return dispose();
        ready.set(own, { ...prepared, dispose });
        const { adapter, ran, phases, parts, first } = prepared;
        push({ kind: "prepared", adapter, ran, phases, parts, first, clocks });
      } catch (error) {
        close();
        throw error;
      }
    },
    pilot: async ({ job }) => {
      const { take, prepared } = turn(job);
      const clocks = await clocksOf(prepared);
      push({ kind: "piloted", ...(await pilot(clocks, prepared.adapter, (iterations) => take(iterations, "warmup"))) });
    },
    measure: async ({ job, asks }) => {
      const { take } = turn(job);
      for (const { kind, count, iterations } of asks) {
        for (let taken = 0; taken < count; taken += 1) await take(iterations, kind);
      }
      push({ kind: "measured" });
    },
    profile: async ({ job }) => {
      const { prepared } = turn(job);
      push({ kind: "profiled", kernels: await prepared.profile() });
    },
    dispose: async ({ job }) => {
      const close = begun.get(job);
      begun.delete(job);
      const prepared = ready.get(job);
      ready.delete(job);
      if (prepared) prepared.dispose();
      else close?.();
    },
  };

  channel.onCommand(async (/** @type {Command} */ command) => {
    try {
      await /** @type {(command: Command) => Promise<void>} */ (commands[command.do])(command);
    } catch (error) {
      const message = messageOf(error);
      const tell = (/** @type {PageEvent} */ event) => channel.push({ job: "job" in command ? command.job : null, ...event });
      // An adapter that was there before is not missing: the browser's GPU process has died.
      const kind = kindOf(error);
      if (kind === "no adapter" && [...known.keys()].some((key) => key !== "")) lose(`the GPU is gone in the middle of a session: ${message}`);
      else if (kind === "no adapter" || kind === "unsupported") tell({ kind: "unsupported", message });
      else if (kind === "incorrect") tell({ kind: "incorrect", message });
      else if (kind === "exhausted") tell({ kind: "lost", message: `the browser has no memory left: ${message}` });
      else {
        // Losing the device also fails whatever waits for it, and is the better reason: it is heard first.
        await new Promise((resolve) => setTimeout(resolve, LOSS_WITHIN_MS));
        tell({ kind: "failed", message });
      }
    }
  });
  push({ kind: "hello", facts: await pageFacts() });
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
