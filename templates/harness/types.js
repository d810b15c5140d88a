/**
 * @file What the page's engines and their host are to each other, and the jobs of each engine. What goes over the channel is
 * in `protocol.d.ts`, which is written from Rust's side.
 */

/** @import { AdapterFacts, ModuleJob, Ran, FileSpec, Kernel, OnnxPart, PartCost, Phases, PipelineSpec, Sample, StagesJob } from "gpujobs/protocol.js" */

/**
 * A job of the engine `transformers`.
 * @typedef {OnnxPart & PipelineSpec} PipelineJob
 */

/**
 * A job of the engine `onnxruntime`.
 * @typedef {OnnxPart & FileSpec} FileJob
 */

/**
 * A job that runs in onnxruntime-web.
 * @typedef {PipelineJob | FileJob} OnnxJob
 */

/**
 * A job as it was rendered.
 * @typedef {StagesJob | OnnxJob | ModuleJob} Job
 */

/**
 * What an engine asks of the page that it runs in.
 * @typedef {object} Host
 * @property {(message: string) => void} fail
 * @property {(level: string, text: string) => void} log What a document of its own wrote on its console.
 * @property {(message: string) => void} lose The GPU is gone, and with it everything that the page made.
 * @property {(data: (ArrayBufferView | Blob)[], from?: number) => Promise<Verdict>} verify Has what was computed checked, a piece
 *   at a time where it is large: `from` is where the piece begins in bytes, 0 unless given.
 * @property {(data: (ArrayBufferView | Blob)[], from: number) => Promise<Verdict>} verifyOutputs The same with the outputs of an inference
 *   that differ from the recorded run's.
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
 * @property {(rawWaitMs: number) => void} learn What a bare wait takes in this browser, measured once a session: a job in a
 *   frame of its own has modules of its own.
 * @property {(iterations: number, kind: Sample["kind"]) => Promise<Sample>} sample
 * @property {() => Promise<Kernel[]>} profile
 * @property {() => void} dispose
 */

/**
 * @typedef {(job: any, host: Host) => Promise<Prepared>} Prepare
 */

/**
 * The runner's verdict on the tensors that the page posted.
 * @typedef {object} Verdict
 * @property {"ok" | "incorrect" | "random" | "more" | "witness" | "record"} verdict `random`: no two outputs are alike, so that
 *   nothing can be right or wrong; `more`: the runner waits for another piece; `witness`: it waits for what another backend of
 *   this browser makes of the same; `record`: for a recorded run, and the outputs once more.
 * @property {boolean} compared Whether there was something to compare it with.
 */

export {};
