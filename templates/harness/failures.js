/**
 * @file A failure is anything that goes wrong without being awaited. Each one is pushed to the runner at once, so that
 * a time-out only ever means a dead page.
 */

/** @import { ShaderFault } from "gpujobs/protocol.js" */

/** A backend, feature or limit that this browser does not have: the job is `unsupported`, not `failed`. */
export class Unsupported extends Error {
  kind = "unsupported";
}

/** `requestAdapter` answered null: there is none, or the browser's GPU process has just died. */
export class NoAdapter extends Unsupported {
  kind = "no adapter";
}

/**
 * The browser has no memory left, for instance because it has not yet let go of earlier jobs' documents: a fresh one may
 * do better.
 */
export class Exhausted extends Error {
  kind = "exhausted";
}

/**
 * A failure as it is reported: where the browser says that devices are lost, each later one would be too.
 * @param {unknown} thrown
 */
export function orExhausted(thrown) {
  const message = messageOf(thrown);
  return /device is lost/i.test(message) ? new Exhausted(message) : thrown;
}

/** A shader that the browser's compiler refuses. */
export class Faulty extends Error {
  /**
   * @param {string} message
   * @param {ShaderFault[]} faults Where, in the text as it was rendered.
   */
  constructor(message, faults) {
    super(message);
    this.faults = faults;
  }
}

/**
 * What is wrong with which lines of a shader, where that was thrown.
 * @param {unknown} thrown
 */
export function faultsOf(thrown) {
  return /** @type { { faults?: ShaderFault[] } | null | undefined } */ (thrown)?.faults ?? [];
}

/** The output is wrong: the job is `incorrect`. */
export class Incorrect extends Error {
  kind = "incorrect";
}

/**
 * Which of these failures was thrown. By a field, since a job in a frame of its own has classes of its own.
 * @param {unknown} thrown
 * @returns {string | undefined}
 */
export function kindOf(thrown) {
  return /** @type { { kind?: string } | null | undefined } */ (thrown)?.kind;
}

/**
 * The message of whatever was thrown, with its stack where that adds something.
 * @param {unknown} thrown
 * @returns {string}
 */
export function messageOf(thrown) {
  // Not `instanceof`: what is thrown in a frame is an Error of that frame.
  const error = /** @type { { name?: unknown, message?: unknown } | null } */ (typeof thrown === "object" ? thrown : null);
  if (typeof error?.message === "string") {
    return `${!error.name || error.name === "Error" ? "" : `${error.name}: `}${error.message}`;
  }
  return String(thrown);
}

/** @type {WeakSet<object>} */
const known = new WeakSet();

/**
 * Has a rejection that a library leaves unhandled not count as one: whoever calls this handles it.
 * @param {unknown} reason
 */
export function handled(reason) {
  if (typeof reason === "object" && reason !== null) known.add(reason);
}

/**
 * Passes on uncaught errors, unhandled rejections and what the page writes on its console.
 * @param {(message: string) => void} fail
 * @param {(level: string, text: string) => void} log
 */
export function forwardFailures(fail, log) {
  addEventListener("error", (event) => {
    if (!takesError?.(event)) fail(`uncaught: ${event.message} (${event.filename}:${event.lineno})`);
  });
  addEventListener("unhandledrejection", (event) => {
    if (!known.has(event.reason)) fail(`unhandled rejection: ${messageOf(event.reason)}`);
  });
  for (const level of /** @type {const} */ (["log", "info", "warn", "error"])) {
    const original = console[level].bind(console);
    console[level] = (...words) => {
      const text = words.map((word) => (typeof word === "string" ? word : messageOf(word))).join(" ");
      const listener = listeners[level];
      if (listener) return listener(text);
      original(...words);
      log(level, text);
    };
  }
}

/**
 * What takes uncaught errors now that it has asked for, instead of the runner.
 * @type {((event: ErrorEvent) => boolean) | null}
 */
let takesError = null;

/**
 * Has uncaught errors that come while `work` goes on not count where `takes` says so.
 * @template T
 * @param {(event: ErrorEvent) => boolean} takes
 * @param {() => Promise<T>} work
 */
export async function takingErrors(takes, work) {
  takesError = takes;
  try {
    return await work();
  } finally {
    takesError = null;
  }
}

/**
 * What receives the lines of the console now, instead of the runner.
 * @type { { [level: string]: ((text: string) => void) | undefined } }
 */
const listeners = {};

/**
 * The lines that `work` has written on the console: what a library says there and nowhere else. A library may keep the
 * console's functions from its start on, so `forwardFailures` has to come before it.
 * @param {"log" | "error"} level
 * @param {() => Promise<unknown>} work
 * @returns {Promise<string[]>}
 */
export async function overhear(level, work) {
  /** @type {string[]} */
  const lines = [];
  listeners[level] = (text) => void lines.push(...text.split("\n"));
  try {
    await work();
  } finally {
    delete listeners[level];
  }
  return lines;
}
