/**
 * @file A failure is anything that goes wrong without being awaited. Each one is pushed to the runner at once, so that
 * a time-out only ever means a dead page.
 */

/** A backend, feature or limit that this browser does not have: the job is `unsupported`, not `failed`. */
export class Unsupported extends Error {}

/** `requestAdapter` answered null: there is none, or the browser's GPU process has just died. */
export class NoAdapter extends Unsupported {}

/** The output is wrong: the job is `incorrect`. */
export class Incorrect extends Error {}

/**
 * The message of whatever was thrown, with its stack where that adds something.
 * @param {unknown} thrown
 * @returns {string}
 */
export function messageOf(thrown) {
  if (thrown instanceof Error) {
    return `${thrown.name === "Error" ? "" : `${thrown.name}: `}${thrown.message}`;
  }
  return String(thrown);
}

/**
 * Passes on uncaught errors, unhandled rejections and what the page writes on its console.
 * @param {(message: string) => void} fail
 * @param {(level: string, text: string) => void} log
 */
export function forwardFailures(fail, log) {
  addEventListener("error", (event) => fail(`uncaught: ${event.message} (${event.filename}:${event.lineno})`));
  addEventListener("unhandledrejection", (event) => fail(`unhandled rejection: ${messageOf(event.reason)}`));
  for (const level of /** @type {const} */ (["log", "info", "warn", "error"])) {
    const original = console[level].bind(console);
    console[level] = (...words) => {
      original(...words);
      log(level, words.map((word) => (typeof word === "string" ? word : messageOf(word))).join(" "));
    };
  }
}
