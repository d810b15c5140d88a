/**
 * @file A page that was opened by hand: it runs its one job and shows what it found. Nothing checks the output here
 * but the sentinel and the error scopes, and nothing at all that of an ONNX model; only a run by gpujobs compares it with
 * the reference.
 */

import { calibrate } from "gpujobs/clock.js";
import { messageOf } from "gpujobs/failures.js";
import { pilot } from "gpujobs/sampling.js";

/** @import { Job, Prepare } from "gpujobs/types.js" */

const SAMPLES = 10;

/**
 * @param {Job} job
 * @param {Prepare} prepare
 */
export async function showJob(job, prepare) {
  const screen = /** @type {HTMLElement} */ (document.getElementById("screen"));
  const say = (/** @type {string} */ line) => {
    screen.textContent += `${line}\n`;
  };
  say(job.id);
  try {
    const unwritten = (/** @type {ArrayBufferView | Blob} */ values) =>
      values instanceof Float32Array && values.some((value) => !Number.isFinite(value));
    const prepared = await prepare(job, {
      fail: say,
      lose: say,
      log: () => {},
      verify: async (tensors) => ({ verdict: tensors.some(unwritten) ? "incorrect" : "ok", compared: false }),
      verifyOutputs: async () => ({ verdict: "ok", compared: false }),
    });
    if (prepared.adapter) {
      const { kind, ...names } = prepared.adapter;
      say(`adapter: ${kind} ${Object.values(names).filter(Boolean).join(" ")}`);
    }
    const { runtime, threads } = prepared.ran;
    if (runtime) say(`runtime: ${runtime}`);
    if (threads !== null) say(`threads: ${threads}${crossOriginIsolated ? "" : ", since the page is not cross-origin isolated"}`);
    for (const [phase, ms] of Object.entries(prepared.phases)) say(`${phase}: ${ms.toFixed(3)}`);
    const clocks = await calibrate(prepared.device);
    for (const [fact, value] of Object.entries(clocks)) say(`${fact}: ${value}`);
    const { iterations } = await pilot(clocks, prepared.adapter, (count) => prepared.sample(count, "warmup"));
    for (let taken = 0; taken < SAMPLES; taken += 1) {
      const sample = await prepared.sample(iterations, "steady");
      say(`sample ${taken}: wall ${sample.wallMs.toFixed(4)} ms, gpu ${sample.gpuMs?.toFixed(4) ?? "-"} ms`);
    }
    prepared.dispose();
    say("done");
  } catch (error) {
    say(`failed: ${messageOf(error)}`);
  }
}
