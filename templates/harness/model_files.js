/**
 * @file The files of a model: fetched from this server only, all at the same time or one after the other, each once.
 */

/** @import { ModelFile } from "gpujobs/protocol.js" */

/**
 * The files of a job, and how they are loaded.
 * @typedef { { root: string, files: ModelFile[], parallelLoading: boolean } } Files
 */

/**
 * @typedef {object} ModelFiles
 * @property {(path: string) => Promise<ArrayBuffer>} load
 * @property {(url: string | URL, init?: RequestInit) => Promise<Response>} fetch For a library that fetches by itself.
 * @property {(data: ArrayBufferLike) => string} nameOf The file that these bytes came from; empty where from none.
 * @property {(paths: string[]) => { bytes: number, fetchBeganMs: number, fetchMs: number }} cost When the first request
 *   was made, from when these files were opened, and how long it was to the last byte.
 */

/**
 * @param {Files} job
 * @param {string} prefix What a library puts before the paths of this model.
 * @returns {ModelFiles}
 */
export function openFiles(job, prefix) {
  const opened = performance.now();
  const root = rootOf(job) + prefix;
  const known = new Map(job.files.map(({ path, bytes }) => [path, bytes]));
  /** @type {Map<string, Promise<ArrayBuffer>>} */
  const loads = new Map();
  /** @type {Map<string, { began: number, ended: number }>} */
  const times = new Map();
  /** @type {WeakMap<ArrayBufferLike, string>} */
  const names = new WeakMap();
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();

  const request = async (/** @type {string} */ path) => {
    const began = performance.now();
    const response = await fetch(root + path);
    if (!response.ok) throw new Error(`${path} of the model: the server answered ${response.status}`);
    const data = await response.arrayBuffer();
    if (data.byteLength !== known.get(path)) {
      throw new Error(`${path} of the model has ${data.byteLength} bytes, not ${known.get(path)}`);
    }
    times.set(path, { began, ended: performance.now() });
    names.set(data, path);
    return data;
  };
  const load = (/** @type {string} */ path) => {
    let loading = loads.get(path);
    if (!loading) {
      loading = job.parallelLoading ? request(path) : last.then(() => request(path));
      // The caller that asked for it sees the failure; the next in line continues.
      last = loading.catch(() => {});
      loads.set(path, loading);
    }
    return loading;
  };
  if (job.parallelLoading) for (const { path } of job.files) load(path).catch(() => {});

  return {
    load,
    fetch: async (url) => {
      const path = decodeURIComponent(new URL(url, document.baseURI).pathname.slice(root.length));
      const bytes = known.get(path);
      if (bytes === undefined) return new Response(null, { status: 404 });
      const response = new Response(null, { status: 200, headers: { "content-length": String(bytes) } });
      // Without a copy, so that what is made of these bytes can be recognised as this file.
      response.arrayBuffer = () => load(path);
      return response;
    },
    nameOf: (data) => names.get(data) ?? "",
    cost: (paths) => {
      const spans = paths.map((path) => times.get(path)).filter((span) => span !== undefined);
      if (spans.length === 0) return { bytes: 0, fetchBeganMs: 0, fetchMs: 0 };
      const bytes = paths.reduce((sum, path) => sum + (times.has(path) ? (known.get(path) ?? 0) : 0), 0);
      const began = Math.min(...spans.map((span) => span.began));
      const ended = Math.max(...spans.map((span) => span.ended));
      return { bytes, fetchBeganMs: began - opened, fetchMs: ended - began };
    },
  };
}

/**
 * The folder of the model's files, as a path on this server.
 * @param {Files} job
 */
export function rootOf(job) {
  return new URL(job.root, document.baseURI).pathname;
}
