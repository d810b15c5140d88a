/**
 * @file The `transformers` engine runs a task of transformers.js: a pipeline, or models that are loaded by themselves. An
 * inference is the whole call, with what it does to its input and to its output.
 */

import * as library from "@huggingface/transformers";
import { promptOf, watchGeneration } from "gpujobs/generation.js";
import { openFiles, rootOf } from "gpujobs/model_files.js";
import { firstResult } from "gpujobs/onnx_job.js";
import { findShapes } from "gpujobs/shapes.js";
import { bytesOf } from "gpujobs/tensors.js";
import { watchSessions } from "gpujobs/watched_sessions.js";

/** @import { Argument, TaskPart } from "gpujobs/protocol.js" */
/** @import { Host, PipelineJob } from "gpujobs/types.js" */
/** @import { Generating } from "gpujobs/generation.js" */
/** @import { ModelFiles } from "gpujobs/model_files.js" */
/** @import { Loaded } from "gpujobs/onnx_job.js" */
/** @import { Runtime } from "gpujobs/onnx_runtime.js" */
/** @import { Extents } from "gpujobs/shapes.js" */
/** @import { Part } from "gpujobs/watched_sessions.js" */

/**
 * @param {PipelineJob} job
 * @param {Host} host
 */
export async function prepare(job, host) {
  const prompts = await promptsOf(job);
  const open = job.session.fixDimensions === false;
  const shapes = await findShapes(open ? [] : job.models, `${rootOf(job)}${job.model}/`, async (fetchFile) => {
    setUp(job, fetchFile);
    const given = prompts ?? job.arguments.map(valueOf);
    for (const make of makersOf(searched(job), "wasm", given, null)) {
      const part = await make();
      await part.infer();
    }
  });
  for (const [file, extents] of shapes.fixed) host.log("debug", `dimensions of ${file}: ${JSON.stringify(extents)}`);
  if (shapes.failure !== "") host.log("debug", `the search for the shapes of ${job.model} ended early: ${shapes.failure}`);
  return firstResult(job, host, `${job.model}/`, (_, runtime, files) => load(job, runtime, files, shapes.fixed, prompts));
}

/**
 * The prompts of so many tokens that a job asks for; null where its task takes what it is given. To make them is no part of loading.
 * @param {PipelineJob} job
 */
async function promptsOf(job) {
  const { generation } = job;
  if (!generation || generation.promptTokens === null) return null;
  // Each file when it is asked for: the weights are loaded later.
  setUp(job, openFiles({ ...job, parallelLoading: false }, `${job.model}/`).fetch);
  const tokenizer = await library.AutoTokenizer.from_pretrained(job.model);
  return job.arguments.map((argument) => promptOf(generation, tokenizer, valueOf(argument)));
}

/**
 * The job as the search for shapes has it. Zeros choose token 0, which may be the end of the text, and what only the first call
 * has would seem to be the same in all: a text goes on for a second call, which has all that varies.
 * @param {PipelineJob} job
 * @returns {PipelineJob}
 */
function searched(job) {
  if (job.task !== "text-generation") return job;
  const asked = Number(job.options.max_new_tokens ?? 2);
  return { ...job, options: { ...job.options, eos_token_id: null, max_new_tokens: Math.min(asked, 2) } };
}

/**
 * @param {PipelineJob} job
 * @param {Runtime} runtime
 * @param {ModelFiles} files
 * @param {Map<string, Extents>} fixed
 * @param {unknown[] | null} prompts
 * @returns {Promise<Loaded>}
 */
async function load(job, runtime, files, fixed, prompts) {
  setUp(job, files.fetch);
  const generating = job.generation ? watchGeneration() : null;
  const near = Object.values(job.weights).filter(({ device }) => device === "wasm" && job.backend !== "wasm");
  const sessions = watchSessions(runtime, files, fixed, new Set(near.map(({ file }) => file)), generating);
  const warm = runtime.gpu !== null && job.shaderPrecompilation;
  const given = prompts ?? job.arguments.map(valueOf);
  const ready = async (/** @type {() => Promise<Part>} */ make) => {
    const part = await make();
    if (warm) await runtime.settled(part.infer());
    return part;
  };
  const makers = makersOf(job, null, given, generating);
  /** @type {Part[]} */
  let parts = [];
  if (job.parallelLoading) parts = await Promise.all(makers.map(ready));
  else for (const make of makers) parts.push(await ready(make));
  /** @type {(number | null)[]} */
  const firsts = parts.map(() => null);
  return {
    library: `transformers.js ${library.env.version}`,
    infer: async (iterations, download) => {
      generating?.forget();
      for (let inference = 0; inference < iterations; inference += 1) {
        sessions.begin(download);
        generating?.begin();
        for (const [index, part] of parts.entries()) {
          const began = performance.now();
          await part.infer();
          firsts[index] ??= performance.now() - began;
        }
      }
      return sessions.calls();
    },
    generations: () => generating?.times() ?? [],
    chosen: () => generating?.chosen() ?? [],
    parts: () => sessions.parts(parts, firsts),
    sessions: () => sessions.made(),
    placement: () => sessions.placement(),
    profile: () => sessions.profile(() => Promise.all(parts.map((part) => part.infer()))),
    dispose: () => void Promise.all(parts.map((part) => part.dispose())),
  };
}

/**
 * Has the library take its files from here and nowhere else.
 * @param {PipelineJob} job
 * @param {(url: string | URL) => Promise<Response>} fetchFile
 */
function setUp(job, fetchFile) {
  const { env } = library;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = rootOf(job);
  env.useBrowserCache = false;
  env.useWasmCache = false;
  env.fetch = /** @type {any} */ (fetchFile);
}

/**
 * What loads each part.
 * @param {PipelineJob} job
 * @param {string | null} device That of all parts; null for each its own.
 * @param {unknown[]} given
 * @param {Generating | null} generating
 */
function makersOf(job, device, given, generating) {
  if (!job.parts) return [() => loadPipeline(job, device, given, generating)];
  return job.parts.map((part) => () => loadPart(job, device, part, given[part.argument]));
}

/**
 * @param {PipelineJob} job
 * @param {string | null} device That of all parts; null for each its own.
 * @param {unknown[]} given
 * @param {Generating | null} generating
 * @returns {Promise<Part>}
 */
async function loadPipeline(job, device, given, generating) {
  const pipe = /** @type {any} */ (
    await library.pipeline(/** @type {any} */ (job.task), job.model, /** @type {any} */ (pretrained(job, device)))
  );
  shorten(pipe.tokenizer, job.generation?.promptTokens ?? job.tokens);
  generating?.watch(pipe.model);
  return { name: "model", file: "", infer: () => pipe(...given, { ...job.options }), dispose: () => pipe.dispose() };
}

/**
 * @param {PipelineJob} job
 * @param {string | null} device That of all parts; null for each its own.
 * @param {TaskPart} part
 * @param {unknown} given
 * @returns {Promise<Part>}
 */
async function loadPart(job, device, part, given) {
  const classes = /** @type {any} */ (library);
  const makers = [
    () => classes[part.model].from_pretrained(job.model, pretrained(job, device)),
    () => classes[part.processor].from_pretrained(job.model, pretrained(job, device)),
  ];
  /** @type {any[]} */
  let made = [];
  if (job.parallelLoading) made = await Promise.all(makers.map((make) => make()));
  else for (const make of makers) made.push(await make());
  const [model, processor] = made;
  const isTokenizer = part.processor.endsWith("Tokenizer");
  if (isTokenizer) shorten(processor, job.tokens);
  const inputs = async () => (isTokenizer ? processor(given, { padding: true, truncation: true }) : processor(given));
  return { name: part.name, file: part.file, infer: async () => model(await inputs()), dispose: () => model.dispose() };
}

/**
 * @param {PipelineJob} job
 * @param {string | null} everywhere The device of all parts; null for each its own.
 */
function pretrained(job, everywhere) {
  const named = (/** @type {string} */ device) => (device === "webnn" ? `webnn-${job.webnnDevice}` : device);
  const parts = Object.entries(job.weights);
  const device = Object.fromEntries(parts.map(([part, weights]) => [part, everywhere ?? named(weights.device)]));
  const dtype = Object.fromEntries(parts.map(([part, weights]) => [part, weights.dtype]));
  return { device, dtype, subfolder: job.subfolder, ...(job.modelFileName === null ? {} : { model_file_name: job.modelFileName }) };
}

/**
 * @param {any} tokenizer
 * @param {number | null} tokens The most of a text; null leaves it to the tokenizer.
 */
function shorten(tokenizer, tokens) {
  // A getter of its class reads it from the tokenizer's settings.
  if (tokens !== null && tokenizer) Object.defineProperty(tokenizer, "model_max_length", { value: tokens });
}

/**
 * An argument as a task takes it: a list, or what is in it where that is one.
 * @param {Argument} argument
 * @returns {unknown}
 */
function valueOf(argument) {
  if ("labels" in argument) return argument.labels;
  const values =
    "texts" in argument
      ? argument.texts
      : "sounds" in argument
        ? argument.sounds.map((sound) => new Float32Array(bytesOf(sound).buffer))
        : argument.images.map(
            ({ width, height, rgb }) => new library.RawImage(new Uint8ClampedArray(bytesOf(rgb)), width, height, 3),
          );
  return values.length === 1 ? values[0] : values;
}
