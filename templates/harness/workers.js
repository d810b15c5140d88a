/**
 * @file The workers that a document starts: threads of its WebAssembly, mostly.
 */

/** Counts the workers that this page starts. */
export function countWorkers() {
  let count = 0;
  const Original = globalThis.Worker;
  globalThis.Worker = class extends Original {
    /**
     * @param {string | URL} url
     * @param {WorkerOptions} [options]
     */
    constructor(url, options) {
      super(url, options);
      count += 1;
    }
  };
  return () => count;
}
