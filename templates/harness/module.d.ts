// The types of a user's module: what it exports, what it is given and what it returns. For an editor, name this file in a
// comment: /** @import { Context, Outputs } from "gpujobs/module.js" */, with "gpujobs/*" in the `paths` of a tsconfig.json.

/** What the module of a model with `engine = "module"` exports. */
export interface UserModule<State> {
  /** Makes everything ready: pipelines, weights, a library's model. Its time is `model_load_ms`. */
  load(context: Context): Promise<State> | State;
  /** One inference. It need not wait for the GPU: gpujobs waits for what was submitted before it stops the clock. */
  infer(state: State): Promise<Outputs> | Outputs;
  /** Lets go of everything. The document goes at once, so what it waits for may never come. */
  dispose(state: State): Promise<void> | void;
}

/** What `load` is given. */
export interface Context {
  /**
   * What must compute, in each inference. A job on `webgpu` that dispatches nothing there is `unsupported`; one on `wasm` that
   * does, or that uses WebNN or WebGL, has failed.
   */
  backend: "webgpu" | "webnn" | "wasm";
  /** On `webgpu` a device with all limits and features that the adapter has and gpujobs uses; else null. */
  device: GPUDevice | null;
  /** What the model is given, by the names of its `[[input]]`s. */
  inputs: { [name: string]: Input };
  /** Parameters and dims of the model, and the manifest's custom axes. */
  params: { [name: string]: number | string | boolean };
  /** The axis `batch`. */
  batch: number;
  /** The axis `dtype`, such as `fp32`. */
  dtype: string;
  /** The axis `workgroup_size`: x, y and z, or null for `tuned`. */
  workgroup: [number, number, number] | null;
  /** The axis `threads`, of wasm; null where the module chooses. */
  threads: number | null;
  /** The axis `webnn_device`. */
  webnnDevice: "cpu" | "gpu" | "npu";
  /** The axis `shader_precompilation`. Where it is true, `infer` is called once before the first inference that counts. */
  shaderPrecompilation: boolean;
  /** The axis `power_preference`; null where the browser chooses. */
  powerPreference: GPUPowerPreference | null;
  /** The bytes of a file that the model's `files` name. What lies beside the module, `new URL("x.bin", import.meta.url)` has. */
  file(name: string): Promise<ArrayBuffer>;
  /** The addresses of the packages that `libraries` names, each with a slash at its end: for a library that loads files itself. */
  packages: { [name: string]: string };
  /** Writes a line into the browser's log. */
  log(text: string): void;
  /** An error to be thrown where this browser or adapter lacks something: the job is then `unsupported`, and not `failed`. */
  unsupported(reason: string): Error;
}

/** An input. */
export interface Input {
  /** As the manifest's `type` says: f32 is float32. A float16 is 16 bits in a Float16Array where the browser has one. */
  type: "float32" | "float16" | "int32" | "uint32";
  shape: number[];
  data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
}

export type Values =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;

/** What an inference returns, by the names of the outputs. Until the next one they are gpujobs', which may overwrite them. */
export interface Outputs {
  [name: string]: Output;
}

/** Values on the CPU, a buffer of 32-bit floats on the GPU, or either with what there is to say of it. */
export type Output = Values | GPUBuffer | DescribedOutput;

/** Exactly one of `data`, `buffer` and `read` is there. */
export interface DescribedOutput {
  data?: Values;
  /** It needs COPY_SRC among its usages; with COPY_DST it is overwritten before each sample, so that what is not written shows. */
  buffer?: GPUBuffer;
  /** Downloads the values; called after the clock has stopped, so what it computes is not timed and belongs in `infer`. */
  read?: () => Promise<Values> | Values;
  /** Its extents. Without them it has one, or those of what it is compared with. */
  shape?: readonly number[];
  /** Of a `buffer`: float32 unless given. */
  type?: "float32" | "float16" | "int32" | "uint32";
  /** Called when gpujobs is done with it. */
  dispose?: () => void;
}
