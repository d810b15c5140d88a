/**
 * @file The words that the page and its runner exchange. Rust's side of them is `src/harness/wire.rs`
 * (page to runner) and `src/render/page.rs` (the job).
 */

/**
 * A job as it was rendered: everything that the page needs, and nothing that it has to decide.
 * @typedef {StagesJob | OnnxJob} Job
 */

/**
 * What every job has.
 * @typedef {object} Common
 * @property {number} number Position in the run; names the job in messages.
 * @property {string} id The stable readable key.
 * @property {"webgpu" | "webnn" | "wasm"} backend
 * @property {boolean} shaderPrecompilation All pipelines before the first inference, or each at its first use.
 * @property {boolean} parallelLoading Parts fetched at the same time, or in turn.
 * @property {boolean} requireHardware
 * @property {"high-performance" | "low-power" | null} powerPreference Which of several GPUs; null where the browser chooses.
 * @property {number} warmup Inferences after the first one that are not counted, at least.
 * @property {boolean} queued Whether each inference of a sample is submitted by itself.
 */

/**
 * A job of the engine `wgsl`.
 * @typedef {Common & StagesPart} StagesJob
 */

/**
 * @typedef {object} StagesPart
 * @property {"wgsl"} engine
 * @property {number[]} buffers Sizes in bytes of the GPU buffers in which the tensors lie.
 * @property {Tensor[]} tensors
 * @property {Part[]} parts What is loaded, in the order in which it is asked for.
 * @property {Shader[]} shaders
 * @property {Stage[]} stages In the order in which they are dispatched.
 * @property {number[]} outputs Tensors that are the model's result.
 */

/**
 * A job that runs in onnxruntime-web.
 * @typedef {PipelineJob | FileJob} OnnxJob
 */

/**
 * A job of the engine `transformers`.
 * @typedef {Common & OnnxPart & PipelinePart} PipelineJob
 */

/**
 * A job of the engine `onnxruntime`.
 * @typedef {Common & OnnxPart & FilePart} FileJob
 */

/**
 * What all jobs have that run in onnxruntime-web.
 * @typedef {object} OnnxPart
 * @property {string} libraries The folder of onnxruntime-web's files, relative to the page.
 * @property {string} root The folder of the model's files, relative to the page.
 * @property {ModelFile[]} files The model's files that are loaded; no others exist.
 * @property {number | null} threads Of wasm; null where the engine chooses.
 * @property {"cpu" | "gpu" | "npu"} webnnDevice
 * @property { { [name: string]: number } } freeDimensions Extents that the model leaves open, by name.
 */

/**
 * @typedef {object} ModelFile
 * @property {string} path Below the root.
 * @property {number} bytes
 */

/**
 * @typedef {object} PipelinePart
 * @property {"transformers"} engine
 * @property {string} model The id of the model.
 * @property {string} dtype
 * @property {string} task
 * @property {TaskPart[] | null} parts Models that are loaded by themselves; null for a pipeline.
 * @property {Argument[]} arguments
 * @property { { [name: string]: unknown } } options Passed to each call.
 * @property {number | null} tokens Texts are cut to so many tokens.
 */

/**
 * @typedef {object} TaskPart
 * @property {string} name
 * @property {string} model The class of transformers.js that loads it.
 * @property {string} processor The class that prepares its input.
 * @property {number} argument The position of its input among the arguments.
 * @property {string} file Its ONNX file, one of `files`.
 */

/**
 * An argument of a task: as many as the job's batch, one by itself where that is 1.
 * @typedef { { texts: string[] } | { labels: string[] } | { sounds: string[] } | { images: Picture[] } } Argument
 * Sounds are base64 of f32, 16,000 samples a second.
 */

/**
 * @typedef {object} Picture
 * @property {number} width
 * @property {number} height
 * @property {string} rgb Base64 of 8-bit red, green, blue.
 */

/**
 * @typedef {object} FilePart
 * @property {"onnxruntime"} engine
 * @property {string} file The ONNX file, one of `files`.
 * @property {FeedSpec[]} feeds
 */

/**
 * @typedef {object} FeedSpec
 * @property {string} name
 * @property {string} type As onnxruntime-web names it: `float32`, `int64`.
 * @property {number[]} shape
 * @property {string} base64 Little-endian.
 */

/**
 * A dense row-major array of f32.
 * @typedef {object} Tensor
 * @property {string} name
 * @property {number[]} shape
 * @property {"input" | "weight" | "computed"} role
 * @property {"f32" | "f16"} element How it is stored; what stages compute is f32.
 * @property {number} buffer Where it lies, from the buffer's beginning on; results that are not needed at the same time
 *   share one.
 */

/**
 * Tensors that are loaded together.
 * @typedef {object} Part
 * @property {string} name
 * @property {string | null} url Where the bytes are: each tensor's values as it is stored, one tensor after the other,
 *   each from a multiple of 4 bytes on.
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
 * @property {number[]} outputs Those of them that it writes.
 * @property {[number, number, number]} grid Workgroups dispatched.
 * @property {[number, number, number]} workgroup Its shape.
 * @property {number} workgroupBytes Workgroup memory that the shader declares.
 * @property {string[]} features That its shader needs of the device.
 */

/**
 * What `requestAdapter` found.
 * @typedef {object} AdapterFacts
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} device
 * @property {string} description
 * @property {string} backend
 * @property {"hardware" | "software"} kind
 */

/**
 * How good the clocks of this session are.
 * @typedef {object} ClockFacts
 * @property {number} clockStepUs Smallest step of `performance.now`.
 * @property {number | null} timestampStepNs Greatest common divisor of GPU timestamp differences; null without timestamps.
 * @property {number | null} timestampDriftPercent How much faster GPU timestamps advance than `performance.now`, to about
 *   a percent; null without timestamps.
 * @property {number | null} emptySubmitMs Median time of an empty submission, as this harness waits for it; null where no
 *   GPU computes.
 * @property {number | null} emptySubmitRawMs The same when the page just waits.
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
 * One sample: several inferences and one wait, times divided by their number.
 * @typedef {object} Sample
 * @property {"first" | "warmup" | "steady" | "latency"} kind
 * @property {number} wallMs
 * @property {number | null} gpuMs
 * @property {number} atMs Since the job began.
 * @property {number} iterations Inferences in it.
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
 * What really ran, as far as the adapter does not tell.
 * @typedef {object} Ran
 * @property {string} runtime The libraries with their versions; empty for the engine `wgsl`.
 * @property {number | null} threads Threads of wasm, its own one included; null where none ran.
 * @property {number | null} dispatches Of one inference on the GPU or in WebNN; null where neither ran.
 * @property {string} context The WebNN context; empty where none ran.
 * @property {number | null} nodes Of an ONNX model's graph, as the runtime made it; null where they can't be told.
 * @property { { op: string, count: number }[] } onCpu Nodes that the runtime left to the CPU though another backend was
 *   asked for.
 * @property {number | null} gpuMemoryBytes What the job takes on the GPU while it is sampled, in buffers that its engine
 *   made; null where a runtime makes them.
 */

/**
 * What a part of a model cost until the first result, in ms; null where it can't be told apart.
 * @typedef {object} PartCost
 * @property {string} name
 * @property {number} bytes
 * @property {number} fetchBeganMs The request of its first file, from when the job began.
 * @property {number} fetchMs From the request of its first file to the end of its last.
 * @property {number} createMs Making its session; of a part of the engine `wgsl`, handing its values to the GPU.
 * @property {number | null} compileMs Shaders and pipelines that were being made.
 * @property {number | null} firstInferenceMs
 */

/**
 * What a kernel cost.
 * @typedef {object} Kernel
 * @property {string} name
 * @property {string} op What it computes, in the engine's words.
 * @property {number} dispatches In an inference.
 * @property {number} gpuMs All of them, in an inference.
 */

/**
 * What an engine asks of the page that it runs in.
 * @typedef {object} Host
 * @property {(message: string) => void} fail
 * @property {(level: string, text: string) => void} log What a document of its own wrote on its console.
 * @property {(message: string) => void} lose The GPU is gone, and with it everything that the page made.
 * @property {(data: ArrayBufferView[], from?: number) => Promise<Verdict>} verify Has what was computed checked, a piece
 *   at a time where it is large: `from` is where the piece begins in bytes, 0 unless given.
 */

/**
 * A job that has given its first, verified result.
 * @typedef {object} Prepared
 * @property {AdapterFacts | null} adapter Null where no GPU computes.
 * @property {Ran} ran
 * @property {Phases} phases
 * @property {PartCost[]} parts
 * @property {Sample} first
 * @property {GPUDevice | null} device
 * @property {(iterations: number, kind: Sample["kind"]) => Promise<Sample>} sample
 * @property {() => Promise<Kernel[]>} profile
 * @property {() => void} dispose
 */

/**
 * @typedef {(job: any, host: Host) => Promise<Prepared>} Prepare
 */

/**
 * What became of the tensors that the page posted.
 * @typedef {object} Verdict
 * @property {"ok" | "incorrect" | "more"} verdict The last one waits for another piece.
 */

export {};
