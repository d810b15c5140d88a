/**
 * @file The words that the page and its runner exchange. Rust's side of them is `src/browser/wire.rs`
 * (page to runner) and `src/render/page.rs` (the job).
 */

/**
 * A job as it was rendered: everything that the page needs, and nothing that it has to decide.
 * @typedef {object} Job
 * @property {number} number Position in the run; names the job in messages.
 * @property {string} id The stable readable key.
 * @property {"wgsl"} engine
 * @property {"webgpu" | "webnn" | "wasm"} backend
 * @property {boolean} shaderPrecompilation All pipelines before the first inference, or each at its first use.
 * @property {boolean} parallelLoading Parts fetched at the same time, or in turn.
 * @property {boolean} requireHardware
 * @property {[number, number, number]} workgroupSize
 * @property {number} warmup Inferences after the first one that are not counted, at least.
 * @property {Tensor[]} tensors
 * @property {Part[]} parts What is loaded, in the order in which it is asked for.
 * @property {Shader[]} shaders
 * @property {Stage[]} stages In the order in which they are dispatched.
 * @property {number[]} outputs Tensors that are the model's result.
 */

/**
 * A dense row-major array of f32.
 * @typedef {object} Tensor
 * @property {string} name
 * @property {number[]} shape
 * @property {"input" | "weight" | "computed"} role
 */

/**
 * Tensors that are loaded together.
 * @typedef {object} Part
 * @property {string} name
 * @property {string | null} url Where the bytes are: each tensor's f32 values, one tensor after the other.
 * @property {number[]} tensors
 * @property {(Source | null)[]} sources For a page without a runner: how to make each tensor.
 */

/**
 * How a page without a runner makes a tensor: by the hash that `reference/fill.rs` uses, or from base64.
 * @typedef { { uniform: { seed: number, mean: number, spread: number } } | { base64: string } } Source
 */

/**
 * @typedef {object} Shader
 * @property {string} name For messages.
 * @property {string} code WGSL.
 */

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {number} shader
 * @property {number[]} bindings Tensors bound in group 0 from binding 0 on.
 * @property {[number, number, number]} grid Workgroups dispatched.
 * @property {number} workgroupBytes Workgroup memory that the shader declares.
 */

/**
 * What `requestAdapter` found.
 * @typedef {object} AdapterFacts
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} device
 * @property {string} description
 * @property {"hardware" | "software"} kind
 */

/**
 * How good the clocks of this session are.
 * @typedef {object} ClockFacts
 * @property {number} clockStepUs Smallest step of `performance.now`.
 * @property {number | null} timestampStepNs Greatest common divisor of GPU timestamp differences; null without timestamps.
 * @property {number | null} timestampDriftPercent How much faster GPU timestamps advance than `performance.now`, to about
 *   a percent; null without timestamps.
 * @property {number} emptySubmitMs Median time of an empty submission, as this harness waits for it.
 * @property {number} emptySubmitRawMs The same when the page just waits.
 */

/**
 * What a prepared job cost until its first result, in ms.
 * @typedef {object} Phases
 * @property {number} deviceReadyMs
 * @property {number} modelLoadMs
 * @property {number} shaderCompileMs
 * @property {number} firstInferenceMs
 * @property {number} timeToFirstResultMs
 */

/**
 * One sample: several inferences in one submission, times divided by their number.
 * @typedef {object} Sample
 * @property {"first" | "warmup" | "steady" | "latency"} kind
 * @property {number} wallMs
 * @property {number | null} gpuMs
 * @property {number} atMs Since the job began.
 * @property {number} iterations Inferences in the submission.
 * @property {boolean} hidden Whether the page was hidden: a browser may slow it down then.
 */

/**
 * What this page and its browser have.
 * @typedef {object} PageFacts
 * @property {string} userAgent
 * @property {boolean} crossOriginIsolated
 * @property {boolean} sharedMemory Whether wasm threads can exist: `SharedArrayBuffer` is there.
 * @property {number} cores
 * @property {boolean} webgpu Whether `navigator.gpu` is there.
 * @property {boolean} webnn Whether `navigator.ml` is there and makes a context.
 * @property {string} webnnRefusal Why it does not, in the browser's words.
 */

/**
 * What became of the tensors that the page posted.
 * @typedef {object} Verdict
 * @property {"ok" | "incorrect"} verdict
 */

export {};
