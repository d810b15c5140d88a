/**
 * @file The channel is the page's WebSocket to its runner: events go out, commands come in. Tensors go by POST.
 */

/** @import { Verdict } from "gpujobs/types.js" */

/**
 * @typedef {object} Channel
 * @property {(event: Record<string, unknown>) => void} push
 * @property {(handler: (command: any) => Promise<void>) => void} onCommand
 */

/** Bytes that may wait to be sent before what the page logs is left out: it may log faster than anyone reads. */
const LARGEST_BACKLOG = 4 * 2 ** 20;

/**
 * Opens the channel. When it closes the page has no one to report to and stops what it does.
 * @param {string} url
 * @returns {Promise<Channel>}
 */
export function openChannel(url) {
  const socket = new WebSocket(url);
  /** @type {Channel} */
  const channel = {
    push: (event) => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (event.kind === "log" && socket.bufferedAmount > LARGEST_BACKLOG) return;
      socket.send(JSON.stringify(event));
    },
    onCommand: (handler) => {
      socket.onmessage = (message) => void handler(JSON.parse(message.data));
    },
  };
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(channel);
    socket.onerror = () => reject(new Error(`no WebSocket to ${url}`));
  });
}

/**
 * Sends tensors to be checked, one after the other.
 * @param {string} url
 * @param {string} key What the runner gave this page for it.
 * @param {(ArrayBufferView | Blob)[]} tensors
 * @returns {Promise<Verdict>}
 */
export async function postTensors(url, key, tensors) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", "x-gpujobs-key": key },
    body: new Blob(/** @type {BlobPart[]} */ (tensors)),
  });
  if (!response.ok) throw new Error(`the runner answered ${response.status}: ${await response.text()}`);
  return response.json();
}
