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
 * What the frame's document sends to the one around it: its job, or why it has none.
 * @typedef { { job: Job, prepare: Prepare } | { message: string } } Announcement
 */

/**
 * @param {string} url
 * @returns {Promise<Frame>}
 */
export function openFrame(url) {
  const element = document.createElement("iframe");
  const close = () => element.remove();
  let isOpen = false;
  return new Promise((resolve, reject) => {
    element.addEventListener("gpujobs", (event) => {
      // What happens later the job's engine reports.
      if (isOpen) return;
      isOpen = true;
      const announcement = /** @type {CustomEvent<Announcement>} */ (event).detail;
      if ("job" in announcement) return resolve({ job: announcement.job, prepare: announcement.prepare, close });
      close();
      reject(new Error(announcement.message));
    });
    element.src = url;
    document.body.append(element);
  });
}

/**
 * The frame's side.
 * @param {Announcement} announcement
 */
export function announce(announcement) {
  window.frameElement?.dispatchEvent(new CustomEvent("gpujobs", { detail: announcement }));
}
