/**
 * @file The program of a user's module: it is imported, its exports are looked at, and whatever it throws is told with its place
 * in the user's file.
 */

import { messageOf, takingErrors, Unsupported } from "gpujobs/failures.js";

/** @import { ModuleJob } from "gpujobs/protocol.js" */
/** @import { UserModule } from "gpujobs/module.js" */

/** What a program must export. */
const EXPORTS = /** @type {const} */ (["load", "infer", "dispose"]);

/** Letters of a message that are kept. */
const LONGEST = 2000;

/** How long the browser may take to say where an error is. */
const PLACED_WITHIN_MS = 5000;

/**
 * A program that was loaded.
 * @typedef {object} Program
 * @property {UserModule<any>} exports
 * @property {<T>(what: string, work: () => T | Promise<T>) => Promise<T>} call Calls something of it; what that throws has its
 *   place in the user's file.
 * @property {string} name Its file.
 */

/**
 * @param {ModuleJob} job
 * @returns {Promise<Program>}
 */
export async function openProgram(job) {
  const folder = new URL(job.folder, document.baseURI).href;
  const url = folder + job.program;
  const exports = await import(url).catch(async (error) => {
    throw new Error(await whyNot(url, folder, job.program, error));
  });
  for (const name of EXPORTS) {
    if (typeof exports[name] === "function") continue;
    const found = Object.keys(exports);
    const has = found.length === 0 ? "it exports nothing" : `its exports are ${found.join(", ")}`;
    throw new Error(`${job.program} exports no function \`${name}\`: ${has}, and a module needs ${EXPORTS.join(", ")}`);
  }
  const call = async (/** @type {string} */ what, /** @type {() => any} */ work) => {
    try {
      return await work();
    } catch (error) {
      throw placed(error, folder, `${job.program}: \`${what}\``);
    }
  };
  return { exports, call, name: job.program };
}

/**
 * What was thrown, with its place in the user's file.
 * @param {unknown} thrown
 * @param {string} folder Of the user's files.
 * @param {string} otherwise Says where, if nothing tells the line.
 */
function placed(thrown, folder, otherwise) {
  const said = `${placeOf(thrown, folder) ?? otherwise}: ${wordsOf(thrown, folder)}`;
  const kind = kindIn(thrown);
  const error = kind === "unsupported" ? new Unsupported(said) : new Error(said);
  // Such as that memory is exhausted, which gpujobs itself has found.
  return kind && kind !== "unsupported" ? Object.assign(error, { kind }) : error;
}

/** @param {unknown} thrown */
function kindIn(thrown) {
  try {
    const { kind } = /** @type { { kind?: unknown } } */ (thrown);
    return ["unsupported", "exhausted", "incorrect", "no adapter"].find((known) => known === kind);
  } catch {
    return undefined;
  }
}

/**
 * The first place of the user's own in the stack of an error, as `program.js:12`.
 * @param {unknown} thrown
 * @param {string} folder
 */
function placeOf(thrown, folder) {
  let stack;
  try {
    ({ stack } = /** @type { { stack?: unknown } } */ (thrown));
  } catch {
    return null;
  }
  if (typeof stack !== "string") return null;
  const at = stack.indexOf(folder);
  const found = at < 0 ? null : /^([^\s:()?#]+):(\d+)/.exec(stack.slice(at + folder.length));
  return found && `${found[1]}:${found[2]}`;
}

/**
 * @param {unknown} thrown
 * @param {string} folder
 */
function wordsOf(thrown, folder) {
  let words;
  try {
    words = messageOf(thrown);
  } catch {
    words = "it threw something that has no text";
  }
  words = words.replaceAll(folder, "");
  return words.length > LONGEST ? `${words.slice(0, LONGEST)}…` : words;
}

/**
 * Why a program could not be imported. An `import()` says what is wrong and not where; a script that the document loads is
 * reported with its line.
 * @param {string} url
 * @param {string} folder
 * @param {string} name
 * @param {unknown} error
 */
async function whyNot(url, folder, name, error) {
  const words = wordsOf(error, folder);
  const known = placeOf(error, folder);
  if (known) return `${known}: ${words}`;
  const script = document.createElement("script");
  /** @type {string | null} */
  let place = null;
  /** @type {(value?: unknown) => void} */
  let ended = () => {};
  const takes = (/** @type {ErrorEvent} */ { filename, lineno }) => {
    const isOwn = filename.startsWith(folder);
    if (isOwn) place ??= `${filename.slice(folder.length)}:${lineno}`;
    if (isOwn) ended();
    return isOwn;
  };
  await takingErrors(takes, () => {
    return new Promise((resolve) => {
      ended = resolve;
      script.onload = script.onerror = resolve;
      setTimeout(resolve, PLACED_WITHIN_MS);
      script.type = "module";
      script.src = url;
      document.body.append(script);
    });
  });
  return `${place ?? name}: ${words}`;
}
