/**
 * @file The memory of a document's WebAssembly: what the page makes and hands to a module, and what modules export. It only
 * grows, so that what there is, is the most that there was.
 */

/**
 * @typedef {object} WasmWatch
 * @property {() => number | null} bytes Of all memories that still are there; null where there was none.
 * @property {<T>(work: () => Promise<T>) => Promise<T>} aside Memories that are made meanwhile are not the job's.
 */

/**
 * Watches this document from now on.
 * @returns {WasmWatch}
 */
export function watchWasm() {
  /** @type {WeakRef<WebAssembly.Memory>[]} */
  const memories = [];
  let isAside = false;
  const enter = (/** @type {WebAssembly.Memory} */ memory) => {
    if (!isAside && !memories.some((known) => known.deref() === memory)) memories.push(new WeakRef(memory));
  };
  const Original = WebAssembly.Memory;
  WebAssembly.Memory = class extends Original {
    /** @param {WebAssembly.MemoryDescriptor} descriptor */
    constructor(descriptor) {
      super(descriptor);
      enter(this);
    }
  };
  const enterExports = (/** @type {WebAssembly.Instance} */ { exports }) => {
    for (const value of Object.values(exports)) if (value instanceof Original) enter(value);
  };
  for (const name of /** @type {const} */ (["instantiate", "instantiateStreaming"])) {
    const original = /** @type {(...words: any[]) => Promise<any>} */ (WebAssembly[name]);
    /** @type {any} */ (WebAssembly)[name] = async (/** @type {any[]} */ ...words) => {
      const made = await original(...words);
      enterExports(made.instance ?? made);
      return made;
    };
  }
  return {
    bytes: () => {
      if (memories.length === 0) return null;
      return memories.reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0);
    },
    aside: async (work) => {
      isAside = true;
      try {
        return await work();
      } finally {
        isAside = false;
      }
    },
  };
}
