/**
 * @file A frame is a document of its own for one job: a library that fails leaves its page useless (a session that can't
 * be loaded fails every later one), so such a job gets a page that goes with it.
 */

/** @import { Job, Prepare } from "gpujobs/types.js" */

/**
 * @typedef {object} Frame
 * @property {Job} job
 * @property {Prepare} prepare
 * @property {() => void} close
 */

/**
 * What the frame's document tells the one around it: its job, or why it has none.
 * @typedef { { job: Job, prepare: Prepare } | { message: string } } Word
 */

/**
 * @param {string} url
 * @returns {Promise<Frame>}
 */
export function openFrame(url) {
  const element = document.createElement("iframe");
  const close = () => element.remove();
  return new Promise((resolve, reject) => {
    element.addEventListener("gpujobs", (event) => {
      const word = /** @type {CustomEvent<Word>} */ (event).detail;
      if ("job" in word) return resolve({ job: word.job, prepare: word.prepare, close });
      close();
      reject(new Error(word.message));
    });
    element.src = url;
    document.body.append(element);
  });
}

/**
 * The frame's side.
 * @param {Word} word
 */
export function tell(word) {
  window.frameElement?.dispatchEvent(new CustomEvent("gpujobs", { detail: word }));
}
