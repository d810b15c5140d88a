/**
 * @file The JS heap, as the browser takes stock of it: after a garbage collection, document by document.
 */

/** Some browsers wait for a collection that comes within half a minute; what takes this long is not known. */
const WITHIN_MS = 15_000;

/**
 * A part of what the browser found.
 * @typedef {object} HeapEntry
 * @property {number} bytes
 * @property { { url: string }[] } attribution The documents whose it is.
 * @property {string[]} types
 */

/** Whether this browser answered in time, so far as it was asked. */
let answers = true;

/**
 * Takes stock; null where this browser can't, or not soon.
 * @returns {Promise<HeapEntry[] | null>}
 */
export async function takeStock() {
  const { measureUserAgentSpecificMemory } = /** @type { { measureUserAgentSpecificMemory?: () => Promise<any> } } */ (
    /** @type {unknown} */ (performance)
  );
  if (!answers || !crossOriginIsolated || !measureUserAgentSpecificMemory) return null;
  const late = new Promise((resolve) => setTimeout(resolve, WITHIN_MS, null));
  const found = await Promise.race([measureUserAgentSpecificMemory.call(performance).catch(() => undefined), late]);
  if (found === null) answers = false;
  return found?.breakdown ?? null;
}

/**
 * What belongs to one document alone.
 * @param {HeapEntry[]} stock
 * @param {string} url
 */
export function heapOf(stock, url) {
  const own = stock.filter(({ attribution, types }) => attribution.length === 1 && attribution[0].url === url && types.includes("JavaScript"));
  return own.length === 0 ? null : own.reduce((sum, { bytes }) => sum + bytes, 0);
}
