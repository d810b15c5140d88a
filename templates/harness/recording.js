/**
 * @file A recorded run is an inference of which every stage is checked: the same pipelines, bind groups and buffers, but
 * what a stage wrote is copied out before a later one takes its buffer.
 */

import { readBuffers, settled } from "gpujobs/device.js";
import { Incorrect } from "gpujobs/failures.js";
import { begin, run as runStage } from "gpujobs/dispatch.js";
import { createOwnBuffer } from "gpujobs/gpu_memory.js";
import { GUARD, readable, runsOf, spoil } from "gpujobs/places.js";
import { SENTINEL } from "gpujobs/sentinel.js";

/** @import { StagesJob } from "gpujobs/protocol.js" */
/** @import { Place } from "gpujobs/places.js" */
/** @import { Host, Verdict } from "gpujobs/types.js" */
/** @import { Run } from "gpujobs/first_run.js" */

/** Bytes that are copied out, read and posted at a time. The runner takes no more: `LARGEST_PIECE` in `serve/mod.rs`. */
export const PIECE = 64 * 2 ** 20;

/**
 * Runs the stages in turn, each into buffers full of the sentinel, and has all that they wrote checked.
 * @param {StagesJob} job
 * @param {Host} host
 * @param {Run} run
 */
export async function record(job, host, run) {
  const { device, sentinel } = run;
  const total = job.stages.flatMap((stage) => stage.outputs).reduce((sum, id) => sum + job.tensors[id].bytes, 0);
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const staging = createOwnBuffer(device, { label: "recording", size: Math.min(PIECE, total), usage });
  let encoder = device.createCommandEncoder();
  const guards = openGuards(device, job);
  /** @type {GPUBuffer[]} */
  let gathered = [];
  let filled = 0;
  let posted = 0;
  let verdict = /** @type {Verdict["verdict"]} */ ("more");
  const post = async () => {
    device.queue.submit([encoder.finish()]);
    await settled(device, staging.mapAsync(GPUMapMode.READ, 0, filled));
    const piece = new Float32Array(staging.getMappedRange(0, filled).slice(0));
    staging.unmap();
    for (const buffer of gathered) buffer.destroy();
    gathered = [];
    ({ verdict } = await host.verify([piece], posted));
    if (verdict === "incorrect") throw new Incorrect("the output differs from the reference");
    posted += filled;
    filled = 0;
    encoder = device.createCommandEncoder();
  };
  try {
    for (const [index, stage] of run.stages.entries()) {
      const outputs = job.stages[index].outputs.map((id) => run.places[id]);
      for (const place of outputs) spoil(encoder, sentinel, place);
      begin(encoder, stage);
      const pass = encoder.beginComputePass();
      runStage(pass, { ...stage, group: stage.guarded });
      pass.end();
      for (const [at, place] of outputs.entries()) {
        guards.keep(encoder, job.stages[index].outputs[at], place);
        const { buffer, gather, made } = readable(device, place);
        gather(encoder);
        for (const part of runsOf(place)) {
          for (let { from, bytes } = part; bytes > 0; ) {
            const count = Math.min(bytes, staging.size - filled);
            encoder.copyBufferToBuffer(buffer, from, staging, filled, count);
            from += count;
            bytes -= count;
            filled += count;
            if (filled === staging.size) await post();
          }
        }
        if (made) gathered.push(buffer);
      }
    }
    if (filled > 0) await post();
    const crossed = await guards.crossed();
    if (crossed !== null) throw new Incorrect(crossed);
  } finally {
    staging.destroy();
    guards.buffer.destroy();
    for (const buffer of gathered) buffer.destroy();
  }
  if (verdict !== "ok") throw new Error("the runner did not say whether what it was given is right");
}

/**
 * What the guards of results held after their stages.
 * @param {GPUDevice} device
 * @param {StagesJob} job
 */
function openGuards(device, job) {
  /** @type { { id: number, at: number, bytes: number }[] } */
  const kept = [];
  const results = job.stages.flatMap((stage) => stage.outputs).length;
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = createOwnBuffer(device, { label: "guards", size: results * GUARD, usage });
  return {
    buffer,
    keep: (/** @type {GPUCommandEncoder} */ encoder, /** @type {number} */ id, /** @type {Place} */ place) => {
      if (place.buffer === null || place.guard === 0) return;
      const at = kept.length * GUARD;
      encoder.copyBufferToBuffer(place.buffer, place.bytes, buffer, at, place.guard);
      kept.push({ id, at, bytes: place.guard });
    },
    /** What was written beyond its end, in words; null where nothing was. */
    crossed: async () => {
      if (kept.length === 0) return null;
      const [words] = await readBuffers(device, [buffer]);
      const bits = new Uint32Array(words.buffer, words.byteOffset, words.length);
      const wrong = kept.find(({ at, bytes }) => bits.subarray(at / 4, (at + bytes) / 4).some((word) => word !== SENTINEL));
      if (!wrong) return null;
      const stage = job.stages.find(({ outputs }) => outputs.includes(wrong.id));
      const { name } = job.tensors[wrong.id];
      return `stage \`${stage?.name}\` writes beyond the end of \`${name}\`: WebGPU puts that anywhere in the buffer, or nowhere`;
    },
  };
}
