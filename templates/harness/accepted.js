/**
 * @file Outputs are accepted once they were checked; later samples have to give the same, bit for bit, or are checked too.
 */

import { Incorrect } from "gpujobs/failures.js";

/** How many different outputs of one job are remembered, the latest; more are wrong where nothing says that they are right. */
const MOST_OUTPUTS = 8;

/**
 * @template Outputs
 * @param {Outputs[]} accepted What was checked, as far as it is remembered.
 * @param {(known: Outputs) => boolean} same Whether a sample gave this.
 * @param {() => Promise<{ outputs: Outputs, compared: boolean }>} check Has the sample's outputs checked, and gives them;
 *   whether there was something to compare them with.
 */
export async function accept(accepted, same, check) {
  if (accepted.some(same)) return;
  const { outputs, compared } = await check();
  if (accepted.length === MOST_OUTPUTS) {
    if (!compared) throw new Incorrect(`more than ${MOST_OUTPUTS} different outputs from the same inputs`);
    accepted.shift();
  }
  accepted.push(outputs);
}
