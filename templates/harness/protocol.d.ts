// Written from `src/protocol/` by its test.

/**
 * What every job has.
 */
export type Common = { 
/**
 * Position in the run; names the job in messages.
 */
number: number, 
/**
 * The stable readable key.
 */
id: string, 
/**
 * What runs it.
 */
engine: "wgsl" | "onnxruntime" | "transformers" | "module", 
/**
 * What computes.
 */
backend: "webgpu" | "webnn" | "wasm", 
/**
 * All pipelines before the first inference, or each at its first use.
 */
shaderPrecompilation: boolean, 
/**
 * Parts fetched at the same time, or in turn.
 */
parallelLoading: boolean, 
/**
 * Whether a software adapter is a failure.
 */
requireHardware: boolean, 
/**
 * Which of several GPUs; null where the browser chooses.
 */
powerPreference: "high-performance" | "low-power" | null, 
/**
 * Inferences after the first one that are not counted, at least.
 */
warmup: number, 
/**
 * Whether each inference of a sample is submitted by itself.
 */
queued: boolean, };

/**
 * A job of the engine `wgsl`.
 */
export type StagesJob = { 
/**
 * Sizes in bytes of the GPU buffers in which the tensors lie.
 */
buffers: Array<number>, 
/**
 * The textures in which tensors lie.
 */
textures: Array<Texture>, 
/**
 * Inputs, weights and results.
 */
tensors: Array<Tensor>, 
/**
 * What is loaded, in the order in which it is asked for.
 */
parts: Array<Part>, 
/**
 * Each once.
 */
shaders: Array<Shader>, 
/**
 * In the order in which they are dispatched.
 */
stages: Array<Stage>, 
/**
 * Tensors that are the model's result.
 */
outputs: Array<number>, 
/**
 * Position in the run; names the job in messages.
 */
number: number, 
/**
 * The stable readable key.
 */
id: string, 
/**
 * What runs it.
 */
engine: "wgsl" | "onnxruntime" | "transformers" | "module", 
/**
 * What computes.
 */
backend: "webgpu" | "webnn" | "wasm", 
/**
 * All pipelines before the first inference, or each at its first use.
 */
shaderPrecompilation: boolean, 
/**
 * Parts fetched at the same time, or in turn.
 */
parallelLoading: boolean, 
/**
 * Whether a software adapter is a failure.
 */
requireHardware: boolean, 
/**
 * Which of several GPUs; null where the browser chooses.
 */
powerPreference: "high-performance" | "low-power" | null, 
/**
 * Inferences after the first one that are not counted, at least.
 */
warmup: number, 
/**
 * Whether each inference of a sample is submitted by itself.
 */
queued: boolean, };

/**
 * A dense row-major array.
 */
export type Tensor = { 
/**
 * Unique in the job.
 */
name: string, 
/**
 * Extents, outermost first.
 */
shape: Array<number>, 
/**
 * Where its values come from.
 */
role: "input" | "weight" | "computed", 
/**
 * How it is stored.
 */
element: "f32" | "f16" | "i32" | "u32", 
/**
 * Bytes of its values as they are stored, one after the other: a multiple of 4.
 */
bytes: number, 
/**
 * Where it lies, from the buffer's beginning on; results that are not needed at the same time share one. Null for a
 * texture.
 */
buffer: number | null, 
/**
 * The texture that it fills; null for a buffer.
 */
texture: number | null, };

/**
 * A texture.
 */
export type Texture = { 
/**
 * In texels.
 */
width: number, 
/**
 * In texels.
 */
height: number, 
/**
 * As WebGPU names it.
 */
format: GPUTextureFormat, 
/**
 * Bytes of a texel.
 */
texelBytes: number, };

/**
 * A sampler.
 */
export type Sampler = { 
/**
 * Between texels.
 */
filter: GPUFilterMode, 
/**
 * Beyond the edges, across and down.
 */
address: [GPUAddressMode, GPUAddressMode], };

/**
 * Tensors that are loaded together.
 */
export type Part = { 
/**
 * For messages.
 */
name: string, 
/**
 * Where the bytes are: each tensor's values as it is stored, one tensor after the other, each from a multiple of 4 bytes on.
 */
url: string | null, 
/**
 * In that order.
 */
tensors: Array<number>, 
/**
 * For a page without a runner: how to make each tensor.
 */
sources: Array<Source | null>, };

/**
 * How a page without a runner makes a tensor: by the hash that `reference/fill.rs` uses, or from base64.
 */
export type Source = { "uniform": { 
/**
 * Picks the sequence.
 */
seed: number, 
/**
 * The middle of the range.
 */
mean: number, 
/**
 * Half the width of the range.
 */
spread: number, } } | { "base64": string };

/**
 * A shader.
 */
export type Shader = { 
/**
 * For messages.
 */
name: string, 
/**
 * WGSL.
 */
code: string, 
/**
 * The function of it that runs.
 */
entryPoint: string, 
/**
 * Constants that are overridden, by name.
 */
constants: Record<string, number>, };

/**
 * A dispatch.
 */
export type Stage = { 
/**
 * Unique in the job.
 */
name: string, 
/**
 * Position among the shaders.
 */
shader: number, 
/**
 * Tensors bound in group 0 from binding 0 on.
 */
bindings: Array<number>, 
/**
 * Those bindings that are uniform buffers.
 */
uniforms: Array<number>, 
/**
 * Those bindings that are storage textures.
 */
storageTextures: Array<number>, 
/**
 * Bound after the tensors.
 */
samplers: Array<Sampler>, 
/**
 * Whether its shader asks how long its buffers are.
 */
asksLengths: boolean, 
/**
 * Those of the tensors that it writes.
 */
outputs: Array<number>, 
/**
 * Outputs that must hold something before the stage runs.
 */
starts: Array<Start>, 
/**
 * Workgroups dispatched.
 */
grid: [number, number, number], 
/**
 * Its shape.
 */
workgroup: [number, number, number], 
/**
 * Workgroup memory that the shader declares.
 */
workgroupBytes: number, 
/**
 * That its shader needs of the device.
 */
features: Array<string>, };

/**
 * What all jobs have that run in onnxruntime-web.
 */
export type OnnxPart = { 
/**
 * The folder of onnxruntime-web's files, relative to the page.
 */
libraries: string, 
/**
 * The folder of the model's files, relative to the page.
 */
root: string, 
/**
 * The model's files that are loaded; no others exist.
 */
files: Array<ModelFile>, 
/**
 * Of wasm; null where the engine chooses.
 */
threads: number | null, 
/**
 * Which device a `WebNN` context is asked for.
 */
webnnDevice: "cpu" | "gpu" | "npu", 
/**
 * Extents that the model leaves open, by name.
 */
freeDimensions: { [name: string]: number }, 
/**
 * Options of its sessions.
 */
session: SessionSpec, 
/**
 * Position in the run; names the job in messages.
 */
number: number, 
/**
 * The stable readable key.
 */
id: string, 
/**
 * What runs it.
 */
engine: "wgsl" | "onnxruntime" | "transformers" | "module", 
/**
 * What computes.
 */
backend: "webgpu" | "webnn" | "wasm", 
/**
 * All pipelines before the first inference, or each at its first use.
 */
shaderPrecompilation: boolean, 
/**
 * Parts fetched at the same time, or in turn.
 */
parallelLoading: boolean, 
/**
 * Whether a software adapter is a failure.
 */
requireHardware: boolean, 
/**
 * Which of several GPUs; null where the browser chooses.
 */
powerPreference: "high-performance" | "low-power" | null, 
/**
 * Inferences after the first one that are not counted, at least.
 */
warmup: number, 
/**
 * Whether each inference of a sample is submitted by itself.
 */
queued: boolean, };

/**
 * A file of a model.
 */
export type ModelFile = { 
/**
 * Below the root.
 */
path: string, 
/**
 * Its size.
 */
bytes: number, };

/**
 * The options of a job's sessions; null or empty leaves one to the runtime.
 */
export type SessionSpec = { 
/**
 * How far the graph is optimised.
 */
graphOptimizationLevel: "disabled" | "basic" | "extended" | "layout" | "all" | null, 
/**
 * Whether the GPU's commands are captured once and replayed.
 */
graphCapture: boolean | null, 
/**
 * Of images, on WebGPU.
 */
preferredLayout: "NCHW" | "NHWC" | null, 
/**
 * Where outputs stay, on WebGPU.
 */
preferredOutputLocation: "cpu" | "gpu-buffer" | null, 
/**
 * How buffers of tensors are kept for reuse.
 */
storageBufferCacheMode: "disabled" | "lazyRelease" | "simple" | "bucket" | null, 
/**
 * The same of uniforms.
 */
uniformBufferCacheMode: "disabled" | "lazyRelease" | "simple" | "bucket" | null, 
/**
 * The same of the profiler's timestamps.
 */
queryResolveBufferCacheMode: "disabled" | "lazyRelease" | "simple" | "bucket" | null, 
/**
 * The same of all others.
 */
defaultBufferCacheMode: "disabled" | "lazyRelease" | "simple" | "bucket" | null, 
/**
 * Whether memory of earlier runs plans that of later ones.
 */
enableMemPattern: boolean | null, 
/**
 * Whether memory is taken from an arena.
 */
enableCpuMemArena: boolean | null, 
/**
 * How nodes that don't need each other run.
 */
executionMode: "sequential" | "parallel" | null, 
/**
 * Whether open dimensions are fixed from the job's shapes; null: they are.
 */
fixDimensions: boolean | null, 
/**
 * Session config entries by their whole keys.
 */
extra: { [key: string]: string }, 
/**
 * Number formats of parts of a model of transformers.js, by the names of their files.
 */
dtype: { [part: string]: string }, 
/**
 * Backends of such parts.
 */
device: { [part: string]: "webgpu" | "webnn" | "wasm" }, };

/**
 * What a job of the engine `transformers` has beside.
 */
export type PipelineSpec = { 
/**
 * The id of the model.
 */
model: string, 
/**
 * What is loaded of each part, by the name of its ONNX file without dtype and ending.
 */
weights: { [part: string]: PartWeights }, 
/**
 * As transformers.js names it.
 */
task: string, 
/**
 * The name of its ONNX file, without dtype and ending; null where it has the usual one.
 */
modelFileName: string | null, 
/**
 * The folder of its ONNX files below the model's; empty for that itself.
 */
subfolder: string, 
/**
 * Its ONNX models, with what they take and give.
 */
models: Array<OnnxModel>, 
/**
 * Models that are loaded by themselves; null for a pipeline.
 */
parts: Array<TaskPart> | null, 
/**
 * In the order of the task's inputs.
 */
arguments: Array<Argument>, 
/**
 * Passed to each call.
 */
options: { [name: string]: unknown }, 
/**
 * Texts are cut to so many tokens.
 */
tokens: number | null, 
/**
 * How a text goes on; null of tasks that generate none.
 */
generation: GenerationSpec | null, };

/**
 * How a text is generated. `options` says all that the library is told.
 */
export type GenerationSpec = { 
/**
 * Tokens of each prompt; null where the texts are taken as they are.
 */
promptTokens: number | null, 
/**
 * Tokens that are generated; null where the library decides.
 */
newTokens: number | null, };

/**
 * What an ONNX file declares.
 */
export type OnnxModel = { 
/**
 * One of `files`.
 */
file: string, 
/**
 * What it takes.
 */
inputs: Array<Port>, 
/**
 * What it gives.
 */
outputs: Array<Port>, };

/**
 * An input or an output of an ONNX file.
 */
export type Port = { 
/**
 * As the file names it.
 */
name: string, 
/**
 * As onnxruntime-web names it.
 */
type: string, 
/**
 * Each extent: fixed, open under a name, or not declared; null where not even the rank is.
 */
dims: (number | string | null)[] | null, };

/**
 * A model of several that belong together.
 */
export type TaskPart = { 
/**
 * As in `parts.csv`.
 */
name: string, 
/**
 * The class of transformers.js that loads it.
 */
model: string, 
/**
 * The class that prepares its input.
 */
processor: string, 
/**
 * The position of its input among the arguments.
 */
argument: number, 
/**
 * Its ONNX file, one of `files`.
 */
file: string, };

/**
 * What is loaded of a part of a model.
 */
export type PartWeights = { 
/**
 * Its ONNX file, one of `files`.
 */
file: string, 
/**
 * Number format.
 */
dtype: string, 
/**
 * What computes it.
 */
device: "webgpu" | "webnn" | "wasm", };

/**
 * An argument of a task: as many as the job's batch, one by itself where that is 1.
 */
export type Argument = { "texts": Array<string> } | { "labels": Array<string> } | { "sounds": Array<string> } | { "images": Array<Picture> };

/**
 * An image.
 */
export type Picture = { 
/**
 * In pixels.
 */
width: number, 
/**
 * In pixels.
 */
height: number, 
/**
 * Base64 of 8-bit red, green, blue.
 */
rgb: string, };

/**
 * What a job of the engine `onnxruntime` has beside.
 */
export type FileSpec = { 
/**
 * The ONNX file, one of `files`.
 */
file: string, 
/**
 * What it is given.
 */
feeds: Array<FeedSpec>, };

/**
 * An input of an ONNX file.
 */
export type FeedSpec = { 
/**
 * As the file names it.
 */
name: string, 
/**
 * As onnxruntime-web names it: `float32`, `int64`.
 */
type: string, 
/**
 * Extents.
 */
shape: Array<number>, 
/**
 * Little-endian.
 */
base64: string, };

/**
 * A job of the engine `module`.
 */
export type ModuleJob = { 
/**
 * The program's folder, relative to the page.
 */
folder: string, 
/**
 * The program, below it.
 */
program: string, 
/**
 * The libraries that it names, each with its version, for people.
 */
libraries: Array<string>, 
/**
 * Where their folders are, relative to the page, by their names.
 */
packages: { [name: string]: string }, 
/**
 * Where its files are, relative to the page.
 */
root: string, 
/**
 * The files that it loads; no others exist there.
 */
files: Array<ModelFile>, 
/**
 * What it is given.
 */
inputs: Array<FeedSpec>, 
/**
 * The outputs that something says the values of.
 */
expected: Array<string>, 
/**
 * Parameters, dims and custom axes.
 */
params: { [name: string]: number | string | boolean }, 
/**
 * Inputs computed together.
 */
batch: number, 
/**
 * Number format.
 */
dtype: string, 
/**
 * x, y and z of the axis `workgroup_size`; null for `tuned`.
 */
workgroup: [number, number, number] | null, 
/**
 * Of wasm; null where the module chooses.
 */
threads: number | null, 
/**
 * Which device a `WebNN` context is asked for.
 */
webnnDevice: "cpu" | "gpu" | "npu", 
/**
 * Position in the run; names the job in messages.
 */
number: number, 
/**
 * The stable readable key.
 */
id: string, 
/**
 * What runs it.
 */
engine: "wgsl" | "onnxruntime" | "transformers" | "module", 
/**
 * What computes.
 */
backend: "webgpu" | "webnn" | "wasm", 
/**
 * All pipelines before the first inference, or each at its first use.
 */
shaderPrecompilation: boolean, 
/**
 * Parts fetched at the same time, or in turn.
 */
parallelLoading: boolean, 
/**
 * Whether a software adapter is a failure.
 */
requireHardware: boolean, 
/**
 * Which of several GPUs; null where the browser chooses.
 */
powerPreference: "high-performance" | "low-power" | null, 
/**
 * Inferences after the first one that are not counted, at least.
 */
warmup: number, 
/**
 * Whether each inference of a sample is submitted by itself.
 */
queued: boolean, };

/**
 * A command; it is about the job of that number.
 */
export type Command = { "do": "probe", 
/**
 * The job's `power_preference`; null where it has none.
 */
powerPreference: "high-performance" | "low-power" | null, } | { "do": "prepare", 
/**
 * The job.
 */
job: number, 
/**
 * Its module.
 */
module: string, 
/**
 * The document that it runs in; null for the page itself.
 */
frame: string | null, 
/**
 * Where what it computed is posted.
 */
tensors: string, 
/**
 * Where the outputs of an inference are posted that differ from what was checked.
 */
outputs: string, 
/**
 * What it shows when it posts.
 */
key: string, } | { "do": "pilot", 
/**
 * The job.
 */
job: number, } | { "do": "measure", 
/**
 * The job.
 */
job: number, 
/**
 * How many of which.
 */
asks: Array<Ask>, } | { "do": "profile", 
/**
 * The job.
 */
job: number, } | { "do": "weigh", 
/**
 * The job.
 */
job: number, } | { "do": "dispose", 
/**
 * The job.
 */
job: number, };

/**
 * Samples to take.
 */
export type Ask = { 
/**
 * What they count for.
 */
kind: SampleKind, 
/**
 * How many samples.
 */
count: number, 
/**
 * Inferences in each, in one submission.
 */
iterations: number, };

/**
 * One message from a page.
 */
export type PageEvent = { "kind": "hello", 
/**
 * What it has.
 */
facts: PageFacts, } | { "kind": "probed", 
/**
 * `None` where there is none.
 */
adapter: AdapterFacts | null, 
/**
 * Bytes of the largest buffer that its shaders can be given.
 */
largestBuffer: number | null, } | { "kind": "prepared" } & RawPrepared | { "kind": "sample", 
/**
 * The sample.
 */
sample: Sample, } | { "kind": "piloted", 
/**
 * In one submission, at least 1.
 */
iterations: number, 
/**
 * About how long one of them takes.
 */
inferenceMs: number, } | { "kind": "measured", } | { "kind": "profiled", 
/**
 * The costliest first.
 */
kernels: Array<Kernel>, } | { "kind": "weighed", 
/**
 * In bytes; `None` where the browser does not say.
 */
heapBytes: number | null, } | { "kind": "unsupported", 
/**
 * The browser's words.
 */
message: string, } | { "kind": "incorrect", 
/**
 * How the page saw it.
 */
message: string, } | { "kind": "failed", 
/**
 * What was thrown or reported.
 */
message: string, 
/**
 * What is wrong with a shader, where that is why.
 */
faults?: Array<ShaderFault>, } | { "kind": "lost", 
/**
 * What the browser said.
 */
message: string, } | { "kind": "log", 
/**
 * `log`, `info`, `warn` or `error`.
 */
level: string, 
/**
 * What it wrote.
 */
text: string, };

/**
 * What a browser's compiler says of a shader.
 */
export type ShaderFault = { 
/**
 * The shader, as the job names it.
 */
shader: string, 
/**
 * Of its text, from 1.
 */
line: number, 
/**
 * In units of UTF-16, from 1; 0 where the compiler does not say.
 */
column: number, 
/**
 * The compiler's words.
 */
message: string, };

/**
 * A job's first result.
 */
export type RawPrepared = { 
/**
 * The adapter that it got; `None` where no GPU computes.
 */
adapter: AdapterFacts | null, 
/**
 * What really ran, beside the adapter.
 */
ran: Ran, 
/**
 * What the start cost.
 */
phases: Phases, 
/**
 * What each part of the model cost, where there are parts.
 */
parts: Array<PartCost>, 
/**
 * The first inference as a sample.
 */
first: Sample, 
/**
 * The session's clocks.
 */
clocks: ClockFacts, };

/**
 * What the page's browser has.
 */
export type PageFacts = { 
/**
 * `navigator.userAgent`.
 */
userAgent: string, 
/**
 * `isSecureContext`, which WebGPU needs; absent in what older versions recorded.
 */
secureContext: boolean | null, 
/**
 * `crossOriginIsolated`, which fine clocks and threads need.
 */
crossOriginIsolated: boolean, 
/**
 * Whether `SharedArrayBuffer` is there.
 */
sharedMemory: boolean, 
/**
 * `navigator.hardwareConcurrency`.
 */
cores: number, 
/**
 * Whether `navigator.gpu` is there.
 */
webgpu: boolean, 
/**
 * Whether `navigator.ml` is there and makes a context.
 */
webnn: boolean, 
/**
 * Why it does not, in the browser's words.
 */
webnnRefusal: string, 
/**
 * What a context computed and supports, where there is one; absent in what older versions recorded.
 */
webnnCheck: WebNnCheck | null, };

/**
 * What came of a small computation in a `WebNN` context, `y = relu(w x + b)` of random whole numbers, and what it supports.
 */
export type WebNnCheck = { 
/**
 * The devices for which there is a context, of `cpu`, `gpu` and `npu`.
 */
devices: Array<string>, 
/**
 * `context.accelerated`; `None` where the browser does not say.
 */
accelerated: boolean | null, 
/**
 * `opSupportLimits().preferredInputLayout`; empty where it does not say.
 */
layout: string, 
/**
 * `opSupportLimits().maxTensorByteLength`.
 */
maxTensorBytes: number | null, 
/**
 * The data types of inputs, from `opSupportLimits()`.
 */
dataTypes: Array<string>, 
/**
 * What was given.
 */
x: Array<number>, 
/**
 * See `x`.
 */
w: Array<number>, 
/**
 * See `x`.
 */
b: Array<number>, 
/**
 * What came out, without fractions; empty where it failed.
 */
y: Array<number>, 
/**
 * Why it failed, in the browser's words.
 */
failure: string, };

/**
 * What computes.
 */
export type AdapterKind = "hardware" | "software" | "unknown";

/**
 * `GPUAdapterInfo`, and what it makes of the adapter.
 */
export type AdapterFacts = { 
/**
 * `info.vendor`; empty where the browser hides it.
 */
vendor: string, 
/**
 * `info.architecture`.
 */
architecture: string, 
/**
 * `info.device`.
 */
device: string, 
/**
 * `info.description`.
 */
description: string, 
/**
 * `info.backend`, which is not in the specification; empty in runs of older versions too.
 */
backend: string, 
/**
 * `info.driver`: the same holds.
 */
driver: string, 
/**
 * From `info.isFallbackAdapter`.
 */
kind: AdapterKind, };

/**
 * How good a session's clocks are.
 */
export type ClockFacts = { 
/**
 * Smallest step of `performance.now`, in µs.
 */
clockStepUs: number, 
/**
 * Step of GPU timestamps in ns; `None` without timestamps.
 */
timestampStepNs: number | null, 
/**
 * How much faster GPU timestamps advance than `performance.now`, in percent, known to about one; `None` without
 * timestamps.
 */
timestampDriftPercent: number | null, 
/**
 * Median latency of an empty submission as the harness waits, in ms; `None` where no GPU computes.
 */
emptySubmitMs: number | null, 
/**
 * The same where the page just waits, in ms: 100 in Firefox.
 */
emptySubmitRawMs: number | null, };

/**
 * What really ran, beyond what the adapter says.
 */
export type Ran = { 
/**
 * The libraries with their versions; empty for the engine `wgsl`.
 */
runtime: string, 
/**
 * Threads of wasm; `None` where none ran.
 */
threads: number | null, 
/**
 * Dispatches of one inference on the GPU or in `WebNN`; `None` where neither ran.
 */
dispatches: number | null, 
/**
 * The `WebNN` context; empty where none ran.
 */
context: string, 
/**
 * Nodes of an ONNX model's graph, as the runtime made it; `None` where they are not known.
 */
nodes: number | null, 
/**
 * Those of them that the runtime left to the CPU though another backend was asked for, by operator.
 */
onCpu: Array<OnCpu>, 
/**
 * Why it left them there, in its own words, each once; absent in what older versions recorded.
 */
whyOnCpu: Array<string>, 
/**
 * What became of each option that its sessions were given; empty where they were given none.
 */
session: Array<OptionEffect>, };

/**
 * Nodes of one operator that ran on the CPU.
 */
export type OnCpu = { 
/**
 * The operator, for instance `Conv`.
 */
op: string, 
/**
 * How many of them.
 */
count: number, };

/**
 * What became of an option that a session was given.
 */
export type OptionEffect = { 
/**
 * As the manifest names it, for instance `graph_capture`.
 */
option: string, 
/**
 * What was asked for.
 */
value: string, 
/**
 * What became of it.
 */
effect: Effect, 
/**
 * How it is known, or why not.
 */
why: string, };

/**
 * What became of an option.
 */
export type Effect = "taken" | "ignored" | "unknown";

/**
 * What a part of a model cost until the first result.
 */
export type PartCost = { 
/**
 * The part's name.
 */
name: string, 
/**
 * What was fetched.
 */
bytes: number, 
/**
 * The request of its first file, from when the job began.
 */
fetchBeganMs: number, 
/**
 * From the request of its first file to the end of its last.
 */
fetchMs: number, 
/**
 * Making its session; of a part of the engine `wgsl`, handing its values to the GPU.
 */
createMs: number, 
/**
 * Shaders and pipelines that were being made; null where it can't be measured by itself.
 */
compileMs: number | null, 
/**
 * Its first inference; null where it can't be measured by itself.
 */
firstInferenceMs: number | null, };

/**
 * What a kernel cost.
 */
export type Kernel = { 
/**
 * A node, a shader or a stage.
 */
name: string, 
/**
 * What it computes, in the engine's words.
 */
op: string, 
/**
 * In an inference.
 */
dispatches: number, 
/**
 * All of them, in an inference.
 */
gpuMs: number, };

/**
 * [`Phases`](crate::measure::Phases) as the page says them, in ms.
 */
export type Phases = { 
/**
 * `requestAdapter` and `requestDevice`.
 */
deviceReadyMs: number, 
/**
 * Fetching and uploading inputs and weights.
 */
modelLoadMs: number, 
/**
 * Making all pipelines.
 */
shaderCompileMs: number, 
/**
 * From the preparation of the first dispatch to its completion.
 */
firstInferenceMs: number, 
/**
 * From the job's start to its first output.
 */
timeToFirstResultMs: number, };

/**
 * [`Sample`](crate::measure::Sample) as the page says it, in ms.
 */
export type Sample = { 
/**
 * What it counts for.
 */
kind: SampleKind, 
/**
 * Wall time of one inference.
 */
wallMs: number, 
/**
 * GPU time of one inference.
 */
gpuMs: number | null, 
/**
 * Since the job began.
 */
atMs: number, 
/**
 * Inferences in the submission, at least 1.
 */
iterations: number, 
/**
 * Whether the page was hidden meanwhile.
 */
hidden: boolean, 
/**
 * What the job holds on the GPU after it; `None` where no GPU computes.
 */
gpuMemory: GpuMemory | null, 
/**
 * Bytes of its `WebAssembly.Memory`; `None` where it has none.
 */
wasmBytes: number | null, 
/**
 * Of inferences that generate texts: when their tokens were there; empty for others.
 */
generations: Array<Generation>, };

/**
 * What a sample counts for.
 */
export type SampleKind = "first" | "warmup" | "steady" | "latency" | "latency_raw";

/**
 * Buffers and textures of a job on its GPU.
 */
export type GpuMemory = { 
/**
 * Those that are neither destroyed nor collected.
 */
bytes: number, 
/**
 * The most that there were since the last reading.
 */
peakBytes: number, 
/**
 * How many were made since then.
 */
made: number, 
/**
 * Inferences since then, also those that only kept the GPU busy.
 */
inferences: number, };

/**
 * One inference that generated a text, or as many as the job's batch at once.
 */
export type Generation = { 
/**
 * Texts at once, at least 1.
 */
texts: number, 
/**
 * Tokens of each prompt, padding included, at least 1.
 */
prompt: number, 
/**
 * From the call to the first token, whose logits the page can then read.
 */
firstMs: number, 
/**
 * From each token to the next.
 */
stepsMs: number[], };
