/**
 * @file The runner's side of a page: it stays open for many jobs, takes one command at a time and pushes what happens.
 */

import { openChannel, postTensors } from "gpujobs/channel.js";
import { calibrate } from "gpujobs/clock.js";
import { adapterFacts, computesOnProcessors, findAdapter } from "gpujobs/device.js";
import { faultsOf, forwardFailures, kindOf, messageOf } from "gpujobs/failures.js";
import { openFrame } from "gpujobs/frame.js";
import { heapOf, takeStock } from "gpujobs/heap.js";
import { largestBuffer } from "gpujobs/limits.js";
import { pilot } from "gpujobs/sampling.js";
import { checkWebnn } from "gpujobs/webnn.js";

/** @import { ClockFacts, Command, PageEvent, PageFacts, Sample } from "gpujobs/protocol.js" */
/** @import { Host, Job, Prepare, Prepared } from "gpujobs/types.js" */
/** @import { Channel } from "gpujobs/channel.js" */

/** How long the loss of a device may trail the errors that it causes. */
const LOSS_WITHIN_MS = 100;

/**
 * What a page knows of its jobs.
 * @typedef {object} Page
 * @property {Channel} channel
 * @property {Map<number, Prepared>} ready The jobs that are ready, by their numbers.
 * @property {Map<number, () => void>} begun What closes each job that has begun and was not disposed of: one that was must
 *   not report anything while another job runs.
 * @property {Map<string, ClockFacts>} clocks Those of this session by the adapter, as jobs may ask for another one; of jobs
 *   without a GPU under "".
 * @property {Map<number, string>} documents Where each job runs that has begun.
 * @property {ReturnType<typeof takeStock> | null} stock Of the heap, since anything ran.
 * @property {number | null} current The job that runs now, which causes whatever happens meanwhile.
 */

/** @typedef { { [Name in Command["do"]]: (command: Extract<Command, { do: Name }>) => Promise<void> } } Commands */

/**
 * Answers the runner's commands for as long as the channel is open.
 * @param {string} channelUrl
 */
export async function serve(channelUrl) {
  const channel = await openChannel(channelUrl);
  /** @type {Page} */
  const page = { channel, ready: new Map(), begun: new Map(), clocks: new Map(), documents: new Map(), stock: null, current: null };
  forwardFailures(
    (message) => push(page, { kind: "failed", message }),
    (level, text) => push(page, { kind: "log", level, text }),
  );
  const commands = commandsOf(page);
  channel.onCommand(async (/** @type {Command} */ command) => {
    try {
      await /** @type {(command: Command) => Promise<void>} */ (commands[command.do])(command);
    } catch (error) {
      await pushError(page, command, error);
    }
  });
  push(page, { kind: "hello", facts: await pageFacts() });
}

/**
 * Sends an event about the job that runs now.
 * @param {Page} page
 * @param {PageEvent} event
 */
function push(page, event) {
  page.channel.push({ job: page.current, ...event });
}

/**
 * @param {Page} page
 * @returns {Commands}
 */
function commandsOf(page) {
  return {
    probe: async ({ powerPreference }) => {
      const adapter = await findAdapter(powerPreference).catch(() => null);
      push(page, {
        kind: "probed",
        adapter: adapter && adapterFacts(adapter),
        largestBuffer: adapter && largestBuffer(adapter),
      });
    },
    prepare: (command) => prepareJob(page, command),
    pilot: async ({ job }) => {
      const prepared = makeCurrent(page, job);
      const clocks = await clocksOf(page, prepared);
      const found = await pilot(clocks, prepared.adapter, (iterations) => takeSample(page, prepared, iterations, "warmup"));
      push(page, { kind: "piloted", ...found });
    },
    measure: async ({ job, asks }) => {
      const prepared = makeCurrent(page, job);
      for (const { kind, count, iterations } of asks) {
        for (let taken = 0; taken < count; taken += 1) await takeSample(page, prepared, iterations, kind);
      }
      push(page, { kind: "measured" });
    },
    profile: async ({ job }) => {
      const prepared = makeCurrent(page, job);
      push(page, { kind: "profiled", kernels: await prepared.profile() });
    },
    weigh: async ({ job }) => {
      makeCurrent(page, job);
      page.stock ??= takeStock();
      const stock = await page.stock;
      push(page, { kind: "weighed", heapBytes: stock && heapOf(stock, page.documents.get(job) ?? location.href) });
    },
    dispose: async ({ job }) => {
      page.documents.delete(job);
      const close = page.begun.get(job);
      page.begun.delete(job);
      const prepared = page.ready.get(job);
      page.ready.delete(job);
      if (prepared) prepared.dispose();
      else close?.();
    },
  };
}

/**
 * Loads a job and runs it once.
 * @param {Page} page
 * @param {Extract<Command, { do: "prepare" }>} command
 */
async function prepareJob(page, { job: number, module, frame, key, ...to }) {
  const { ready, begun } = page;
  page.current = number;
  begun.set(number, () => {});
  page.stock = null;
  if (frame) page.documents.set(number, frame);
  const { job, prepare, close } = await openJob(module, frame);
  if (!begun.has(number)) return close();
  begun.set(number, close);
  try {
    const prepared = await prepare(job, hostOf(page, number, key, to));
    const clocks = await clocksOf(page, prepared);
    const dispose = () => {
      prepared.dispose();
      close();
    };
    if (!begun.has(number)) return dispose();
    ready.set(number, { ...prepared, dispose });
    const { adapter, ran, phases, parts, first } = prepared;
    push(page, { kind: "prepared", adapter, ran, phases, parts, first, clocks });
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * A job, from a module of this page or, where it needs a page of its own, from a frame.
 * @param {string} module
 * @param {string | null} frame
 * @returns {Promise< { job: Job, prepare: Prepare, close: () => void } >}
 */
async function openJob(module, frame) {
  return frame ? openFrame(frame) : { ...(await import(module)), close: () => {} };
}

/**
 * The page as a job's engine sees it.
 * @param {Page} page
 * @param {number} job
 * @param {string} key What is shown where something is posted.
 * @param { { tensors: string, outputs: string } } to Where what it computed is posted.
 * @returns {Host}
 */
function hostOf(page, job, key, { tensors, outputs }) {
  const report = (/** @type {"failed" | "lost"} */ kind) => (/** @type {string} */ message) => {
    if (page.begun.has(job)) push(page, { kind, message });
  };
  return {
    fail: report("failed"),
    lose: report("lost"),
    log: (level, text) => push(page, { kind: "log", level, text }),
    verify: (values, from = 0) => postTensors(`${tensors}/${from}`, key, values),
    verifyOutputs: (values, from) => postTensors(`${outputs}/${from}`, key, values),
  };
}

/**
 * A job that is ready, which runs from now on.
 * @param {Page} page
 * @param {number} job
 */
function makeCurrent(page, job) {
  page.current = job;
  const prepared = page.ready.get(job);
  if (!prepared) throw new Error("a job was to be measured that is not ready");
  return prepared;
}

/**
 * Takes a sample and pushes it.
 * @param {Page} page
 * @param {Prepared} prepared
 * @param {number} iterations
 * @param {Sample["kind"]} kind
 */
async function takeSample(page, prepared, iterations, kind) {
  page.stock = null;
  const sample = await prepared.sample(iterations, kind);
  push(page, { kind: "sample", sample });
  return sample;
}

/**
 * The clocks of a job, calibrated once for each adapter.
 * @param {Page} page
 * @param {Prepared} prepared
 */
async function clocksOf({ clocks }, { device, adapter, learn }) {
  if (device && adapter && adapter.kind !== "hardware") computesOnProcessors(device);
  const key = device ? JSON.stringify(adapter) : "";
  const known = clocks.get(key) ?? (await calibrate(device));
  clocks.set(key, known);
  if (known.emptySubmitRawMs !== null) learn(known.emptySubmitRawMs);
  return known;
}

/**
 * Says what a command has thrown.
 * @param {Page} page
 * @param {Command} command
 * @param {unknown} error
 */
async function pushError(page, command, error) {
  const message = messageOf(error);
  const ofCommand = (/** @type {PageEvent} */ event) =>
    page.channel.push({ job: "job" in command ? command.job : null, ...event });
  const kind = kindOf(error);
  // An adapter that was there before is not missing: the browser's GPU process has died.
  const hadAdapter = [...page.clocks.keys()].some((key) => key !== "");
  if (kind === "no adapter" && hadAdapter) {
    push(page, { kind: "lost", message: `the GPU is gone in the middle of a session: ${message}` });
  } else if (kind === "no adapter" || kind === "unsupported") {
    ofCommand({ kind: "unsupported", message });
  } else if (kind === "incorrect") {
    ofCommand({ kind: "incorrect", message });
  } else if (kind === "exhausted") {
    ofCommand({ kind: "lost", message: `the browser has no memory left: ${message}` });
  } else {
    // Losing the device also fails whatever waits for it, and is the better reason: it is sent first.
    await new Promise((resolve) => setTimeout(resolve, LOSS_WITHIN_MS));
    ofCommand({ kind: "failed", message, faults: faultsOf(error) });
  }
}

/** @returns {Promise<PageFacts>} */
export async function pageFacts() {
  const webnn = await checkWebnn();
  return {
    userAgent: navigator.userAgent,
    secureContext: globalThis.isSecureContext === true,
    crossOriginIsolated: globalThis.crossOriginIsolated === true,
    // WebKitGTK says crossOriginIsolated and has no SharedArrayBuffer: only this tells.
    sharedMemory: typeof SharedArrayBuffer !== "undefined",
    cores: navigator.hardwareConcurrency ?? 1,
    webgpu: "gpu" in navigator && navigator.gpu !== undefined,
    webnn: webnn.refusal === "",
    webnnRefusal: webnn.refusal,
    webnnCheck: webnn.check,
  };
}
