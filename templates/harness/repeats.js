/**
 * @file A repeat is an inference that made other outputs, bit for bit, than were checked: sums that atomics make in any order,
 * or what is wrong. The runner holds them against the same references.
 */

import { scoped } from "gpujobs/device.js";
import { Incorrect } from "gpujobs/failures.js";
import { runsOf } from "gpujobs/places.js";
import { PIECE, record } from "gpujobs/recording.js";

/** @import { StagesJob } from "gpujobs/protocol.js" */
/** @import { Host, Verdict } from "gpujobs/types.js" */
/** @import { Run } from "gpujobs/first_run.js" */

/**
 * Has the outputs of an inference checked. The runner says when it has to see a recorded run first.
 * @param {StagesJob} job
 * @param {Host} host
 * @param {Run} run
 * @param {Float32Array[]} outputs As they were read.
 */
export async function checkRepeat(job, host, run, outputs) {
  const parts = outputs.flatMap(({ buffer, byteOffset }, index) => {
    const runs = runsOf(run.places[job.outputs[index]]);
    return runs.map(({ from, bytes }) => new Uint8Array(/** @type {ArrayBuffer} */ (buffer), byteOffset + from, bytes));
  });
  const whole = new Blob(parts);
  for (;;) {
    const verdict = await post(host, whole);
    if (verdict === "ok") return;
    if (verdict === "incorrect") throw new Incorrect("an inference made other outputs than the stages in turn");
    if (verdict !== "record") throw new Error("the runner did not say whether the outputs that it was given are right");
    await scoped(run.device, "the recorded run", () => record(job, host, run));
  }
}

/**
 * @param {Host} host
 * @param {Blob} whole
 */
async function post(host, whole) {
  let verdict = /** @type {Verdict["verdict"]} */ ("more");
  for (let from = 0; from < whole.size && verdict === "more"; from += PIECE) {
    ({ verdict } = await host.verifyOutputs([whole.slice(from, from + PIECE)], from));
  }
  return verdict;
}
