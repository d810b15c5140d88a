/**
 * @file Outputs are accepted once they were verified; later samples have to give the same, bit for bit, or are verified too.
 */

import { Incorrect } from "gpujobs/failures.js";

/** How many different outputs of one job are sent to be checked before it counts as wrong: real ones repeat. */
const MOST_OUTPUTS = 8;

/**
 * @template Outputs
 * @param {Outputs[]} accepted What was verified so far; grows.
 * @param {(known: Outputs) => boolean} same Whether a sample gave this.
 * @param {() => Promise<Outputs>} verify Has the sample's outputs checked, and gives them.
 */
export async function accept(accepted, same, verify) {
  if (accepted.some(same)) return;
  if (accepted.length === MOST_OUTPUTS) {
    throw new Incorrect(`more than ${MOST_OUTPUTS} different outputs from the same inputs`);
  }
  accepted.push(await verify());
}
