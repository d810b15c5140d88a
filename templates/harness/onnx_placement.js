/**
 * @file Where the nodes of an ONNX model run: a runtime that is asked for a GPU leaves to the CPU what it can't do there, and
 * says so only in its log.
 */

import { overhear } from "gpujobs/failures.js";

/** @import { InferenceSession } from "onnxruntime-common" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */

/**
 * @typedef {object} Placement
 * @property {number | null} nodes All of them; null where the runtime does not say.
 * @property { { op: string, count: number }[] } onCpu
 * @property {string[]} whyOnCpu What the runtime says of them, each once.
 * @property {Placed[]} sessions One by one.
 */

/**
 * The same of one session.
 * @typedef {object} Placed
 * @property {number | null} nodes
 * @property { { op: string, count: number }[] } onCpu
 * @property {string[]} whyOnCpu
 * @property {string} account Its options, in the runtime's words; empty where it does not say.
 */

/** `Node(s) placed on [X]. Number of nodes: 2`, `All nodes placed on [X]. Number of nodes: 5`. */
const PLACED = /(?:All nodes|Node\(s\)) placed on \[(\w+)\]\. Number of nodes: (\d+)/;
/** What a session's options are, all in one line. */
const ACCOUNT = /Session Options \{/;
/** A node below that: `   Unsqueeze (Unsqueeze_1)`. */
const NODE = /VerifyEachNodeIsAssignedToAnEp\]\s+(\w+) \(/;

/**
 * Why the provider does not take a node: `IsTensorShapeSupported] Dynamic shape is not supported, use …: Add_78`, the node's own name
 * last.
 */
const REFUSAL = /\] ([^\]]*?\bnot support(?:ed)?\b[^\]]*?)(?:: [\w./]+)?$/i;
/** How many of them are told. */
const MOST_REASONS = 3;

/**
 * Makes a session with the log on, which is not used further.
 * @param {Runtime} runtime
 * @param {Uint8Array} model
 * @param {InferenceSession.SessionOptions} options
 * @returns {Promise<Placement>}
 */
export async function placementOf(runtime, model, options) {
  const lines = await overhear("error", async () => {
    const session = await runtime.alone(() => runtime.create(model, { ...options, logSeverityLevel: 0 }));
    await session.release();
  });
  const placed = read(lines);
  return { nodes: placed.nodes, onCpu: placed.onCpu, whyOnCpu: placed.whyOnCpu, sessions: [placed] };
}

/**
 * @param {string[]} lines
 * @returns {Placed}
 */
function read(lines) {
  const account = lines.find((line) => ACCOUNT.test(line)) ?? "";
  let nodes = 0;
  let provider = "";
  /** @type {Map<string, number>} */
  const onCpu = new Map();
  /** @type {Set<string>} */
  const reasons = new Set();
  for (const line of lines) {
    const refusal = REFUSAL.exec(line);
    if (refusal) reasons.add(refusal[1].trim());
    const placed = PLACED.exec(line);
    if (placed) {
      provider = placed[1];
      nodes += Number(placed[2]);
      // Where all nodes are in one place they are not listed.
      if (line.includes("All nodes") && provider === "CPUExecutionProvider") onCpu.set("every node", Number(placed[2]));
      continue;
    }
    const node = NODE.exec(line);
    if (node && provider === "CPUExecutionProvider") onCpu.set(node[1], (onCpu.get(node[1]) ?? 0) + 1);
  }
  const whyOnCpu = onCpu.size === 0 ? [] : [...reasons].slice(0, MOST_REASONS);
  const listed = [...onCpu].map(([op, count]) => ({ op, count }));
  return { nodes: nodes === 0 ? null : nodes, onCpu: listed, whyOnCpu, account };
}

/**
 * That of several models.
 * @param {Placement[]} placements
 * @returns {Placement}
 */
export function together(placements) {
  /** @type {Map<string, number>} */
  const onCpu = new Map();
  let nodes = /** @type {number | null} */ (0);
  const whyOnCpu = [...new Set(placements.flatMap((placement) => placement.whyOnCpu))].slice(0, MOST_REASONS);
  for (const placement of placements) {
    nodes = nodes === null || placement.nodes === null ? null : nodes + placement.nodes;
    for (const { op, count } of placement.onCpu) onCpu.set(op, (onCpu.get(op) ?? 0) + count);
  }
  const sessions = placements.flatMap((placement) => placement.sessions);
  return { nodes, onCpu: [...onCpu].map(([op, count]) => ({ op, count })), whyOnCpu, sessions };
}
