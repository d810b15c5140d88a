/**
 * @file The `module` engine runs a JS module of the user's, on whatever libraries it imports, under the same clocks, counts and
 * checks as the other engines.
 */

import { accept } from "gpujobs/accepted.js";
import { encode, sameResults } from "gpujobs/calls.js";
import { measuredRawWait } from "gpujobs/device.js";
import { forwardFailures, Incorrect, messageOf, Unsupported } from "gpujobs/failures.js";
import { openFiles } from "gpujobs/model_files.js";
import { watchWebgl, watchWebnn } from "gpujobs/module_backends.js";
import { openDevices } from "gpujobs/module_devices.js";
import { describe, readOutputs, release, spoil } from "gpujobs/module_outputs.js";
import { openProgram } from "gpujobs/module_program.js";
import { BUSY_MS } from "gpujobs/sampling.js";
import { ARRAYS, bytesOf } from "gpujobs/tensors.js";
import { watchWasm } from "gpujobs/wasm_memory.js";
import { countWorkers } from "gpujobs/workers.js";

/** @import { ModuleJob, PartCost, Sample } from "gpujobs/protocol.js" */
/** @import { Call, Value } from "gpujobs/calls.js" */
/** @import { Context } from "gpujobs/module.js" */
/** @import { ModelFiles } from "gpujobs/model_files.js" */
/** @import { WebnnWatch } from "gpujobs/module_backends.js" */
/** @import { Devices } from "gpujobs/module_devices.js" */
/** @import { Described } from "gpujobs/module_outputs.js" */
/** @import { Program } from "gpujobs/module_program.js" */
/** @import { Sentinel } from "gpujobs/sentinel.js" */
/** @import { Host, Prepared } from "gpujobs/types.js" */
/** @import { WasmWatch } from "gpujobs/wasm_memory.js" */

/**
 * @typedef {object} Run
 * @property {ModuleJob} job
 * @property {Host} host
 * @property {Program} program
 * @property {any} state What its `load` returned.
 * @property {Devices} devices
 * @property {WasmWatch} wasm
 * @property {WebnnWatch | null} webnn Null where there is no WebNN, and on webgpu.
 * @property {() => number} webgl How many WebGL contexts were made; counted on wasm only.
 * @property {Map<GPUDevice, Sentinel>} sentinels
 * @property {Described} outputs Those of the latest inference.
 * @property {Value[] | null} read The same, where they were read before the clock stopped.
 * @property {Call[][]} accepted Outputs that were verified.
 * @property {number} began
 * @property {boolean} busy Whether a GPU computes, whose clock falls when it waits.
 * @property {number} lastedMs The latest sample, all of its inferences.
 */

/**
 * @param {ModuleJob} job
 * @param {Host} host
 * @returns {Promise<Prepared>}
 */
export async function prepare(job, host) {
  const began = performance.now();
  forwardFailures(host.fail, host.log);
  const files = openFiles(job, "");
  const workers = countWorkers();
  const wasm = watchWasm();
  const webnn = watchWebnn(job);
  const webgl = watchWebgl(job);
  const devices = await openDevices(job, host);
  const deviceReadyMs = performance.now() - began;
  try {
    const loadBegan = performance.now();
    const program = await openProgram(job);
    const context = contextOf(job, host, devices, files);
    const state = await devices.settled(program.call("load", () => program.exports.load(context)));
    const watched = { devices, wasm, webnn, webgl };
    const base = { job, host, program, state, ...watched, sentinels: new Map(), outputs: [], read: null, accepted: [] };
    /** @type {Run} */
    const run = { ...base, began, busy: false, lastedMs: 0 };
    // As a model of ONNX has its pipelines made before the first inference that counts.
    const inferOnce = () => devices.scoped("the first inference", () => devices.settled(inferences(run, 1)));
    if (job.shaderPrecompilation && devices.own) await inferOnce();
    const modelLoadMs = performance.now() - loadBegan;

    // The first inference must write its outputs itself; to overwrite what an earlier one left is no part of its time.
    await overwrite(run);
    const overwrittenMs = performance.now() - loadBegan - modelLoadMs;

    const before = counted(run);
    devices.watch?.begin();
    const inferBegan = performance.now();
    await inferOnce();
    const firstInferenceMs = performance.now() - inferBegan;
    const timeToFirstResultMs = performance.now() - began - overwrittenMs;
    const gpuMs = (await devices.watch?.end()) ?? null;
    devices.ran(1);
    const gpuMemory = devices.memory();
    const dispatches = counted(run) - before;
    checkBackend(run, dispatches, 1);
    const computing = job.backend === "webgpu" ? devices.computing() : null;
    run.busy = computing?.adapter.kind === "hardware";
    await accept(run.accepted, () => false, await checkOf(run));
    // What the check took is not the job's.
    devices.memory();
    /** @type {Sample} */
    const first = {
      kind: "first",
      wallMs: firstInferenceMs,
      gpuMs,
      atMs: timeToFirstResultMs,
      iterations: 1,
      hidden: document.hidden,
      gpuMemory,
      wasmBytes: wasm.bytes(),
      generations: [],
    };
    return {
      adapter: computing?.adapter ?? null,
      ran: {
        runtime: job.libraries.join(", "),
        threads: job.backend === "wasm" && (workers() > 0 || wasm.bytes() !== null) ? workers() + 1 : null,
        dispatches: job.backend === "wasm" ? null : dispatches,
        context: webnn?.name() ?? "",
        nodes: null,
        onCpu: [],
        whyOnCpu: [],
        session: [],
      },
      phases: {
        deviceReadyMs,
        modelLoadMs,
        shaderCompileMs: devices.watch?.compileMs() ?? 0,
        firstInferenceMs,
        timeToFirstResultMs,
      },
      parts: partsOf(job, files, modelLoadMs),
      first,
      device: computing?.device ?? null,
      learn: measuredRawWait,
      sample: (iterations, kind) => sample(run, iterations, kind),
      profile: async () => [],
      dispose: () => {
        try {
          release(run.outputs);
          // The document goes at once, and with it whatever this still waits for.
          void Promise.resolve(program.exports.dispose(state)).catch(() => {});
        } catch (error) {
          host.log("error", `${program.name}: \`dispose\`: ${messageOf(error)}`);
        }
        devices.destroy();
      },
    };
  } catch (error) {
    devices.destroy();
    throw error;
  }
}

/**
 * So many inferences in a row, with the end of what they submitted.
 * @param {Run} run
 * @param {number} iterations
 */
async function inferences(run, iterations) {
  const { program, state, job } = run;
  const waited = run.devices.watch?.waiting() ?? 0;
  for (let inference = 0; inference < iterations; inference += 1) {
    release(run.outputs);
    run.outputs = [];
    const returned = await program.call("infer", () => program.exports.infer(state));
    run.outputs = describe(returned, program.name, job.expected);
  }
  const waiting = (run.devices.watch?.waiting() ?? 0) - waited;
  if (waiting > 0) {
    throw new Error(
      `${program.name}: \`infer\` returned before ${waiting} of its dispatches were submitted, so that nothing would time them: ` +
        "submit them before it returns",
    );
  }
  await run.devices.done();
  // WebNN says of nothing but a reading that it is done.
  run.read = job.backend === "webnn" ? await readAll(run) : null;
}

/** @param {Run} run */
function readAll({ program, outputs, devices }) {
  return program.call("read", () => devices.settled(readOutputs(outputs, devices.of)));
}

/**
 * Reads what the latest inference gave; what then has it checked comes back.
 * @param {Run} run
 */
async function checkOf(run) {
  const { job, host } = run;
  /** @type {Call[]} */
  const calls = [{ file: job.program, feeds: [], fetches: run.read ?? (await readAll(run)) }];
  const check = async () => {
    const { verdict, compared } = await host.verify(encode(calls));
    if (verdict === "incorrect") throw new Incorrect("the output differs from what it must be");
    return { outputs: calls, compared };
  };
  return Object.assign(check, { calls });
}

/**
 * Several inferences. They count only if the outputs of the last one, which were overwritten before, are what was verified.
 * @param {Run} run
 * @param {number} iterations
 * @param {Sample["kind"]} kind
 * @returns {Promise<Sample>}
 */
async function sample(run, iterations, kind) {
  const { devices, accepted } = run;
  if (run.busy && run.lastedMs < BUSY_MS) {
    const began = performance.now();
    while (performance.now() - began < BUSY_MS) {
      await devices.settled(inferences(run, 1));
      devices.ran(1);
    }
  }
  await overwrite(run);
  let wallMs = 0;
  const before = counted(run);
  devices.watch?.begin();
  await devices.scoped("an inference", async () => {
    const began = performance.now();
    const inferring = inferences(run, iterations);
    await (kind === "latency_raw" ? inferring : devices.settled(inferring));
    wallMs = performance.now() - began;
  });
  const dispatches = counted(run) - before;
  const gpuMs = (await devices.watch?.end()) ?? null;
  devices.ran(iterations);
  const gpuMemory = devices.memory();
  // A GPU whose page only waits idles, up to a tenth of a second.
  run.lastedMs = kind === "latency_raw" ? 0 : wallMs;
  const check = await checkOf(run);
  await accept(accepted, (known) => sameResults(known, check.calls), check);
  // After the check, which says more of an inference that wrote nothing.
  checkBackend(run, dispatches, iterations);
  // What reading took is not the inference's.
  devices.memory();
  return {
    kind,
    wallMs: wallMs / iterations,
    gpuMs: gpuMs === null ? null : gpuMs / iterations,
    atMs: performance.now() - run.began,
    iterations,
    hidden: document.hidden,
    gpuMemory,
    wasmBytes: run.wasm.bytes(),
    generations: [],
  };
}

/**
 * Overwrites what an inference has left, so that the next one must write it anew.
 * @param {Run} run
 */
async function overwrite({ outputs, sentinels, devices }) {
  if (outputs.length === 0) return;
  spoil(outputs, sentinels, devices.of);
  await devices.settled(devices.done());
}

/**
 * What the job's backend has dispatched so far.
 * @param {Run} run
 */
function counted({ job, devices, webnn }) {
  return (job.backend === "webnn" ? webnn?.dispatches() : devices.watch?.dispatches()) ?? 0;
}

/**
 * Whether what computed is what the job's backend says.
 * @param {Run} run
 * @param {number} dispatches Those of so many inferences.
 * @param {number} iterations
 */
function checkBackend({ job: { backend, program }, devices, webnn, webgl }, dispatches, iterations) {
  if (backend !== "wasm" && dispatches < iterations) {
    throw new Unsupported(`nothing was computed by ${backend}: an inference of ${program} dispatched nothing there`);
  }
  const elsewhere = [
    { by: "on a GPU by WebGPU", count: backend === "webgpu" ? 0 : (devices.watch?.dispatches() ?? 0) },
    { by: "on a GPU by WebGL", count: webgl() },
    { by: "by WebNN", count: backend === "webnn" ? 0 : (webnn?.dispatches() ?? 0) },
  ].find(({ count }) => count > 0);
  if (elsewhere) throw new Error(`the job's backend is ${backend}, and ${program} computes ${elsewhere.by}`);
}

/**
 * What the module is given.
 * @param {ModuleJob} job
 * @param {Host} host
 * @param {Devices} devices
 * @param {ModelFiles} files
 * @returns {Context}
 */
function contextOf(job, host, devices, files) {
  const inputs = job.inputs.map(({ name, type, shape, base64 }) => {
    const data = new ARRAYS[type](bytesOf(base64).buffer);
    return [name, { type, shape, data }];
  });
  const packages = Object.entries(job.packages).map(([name, path]) => [name, new URL(path, document.baseURI).href]);
  const { backend, params, batch, dtype, workgroup, threads, webnnDevice, shaderPrecompilation, powerPreference } = job;
  return {
    backend,
    device: devices.own,
    inputs: Object.fromEntries(inputs),
    params,
    batch,
    dtype,
    workgroup: /** @type {[number, number, number] | null} */ (workgroup),
    threads,
    webnnDevice,
    shaderPrecompilation,
    powerPreference,
    file: async (name) => {
      if (!job.files.some(({ path }) => path === name)) {
        const known = job.files.map(({ path }) => path).join(", ") || "none";
        throw new Error(`\`files\` of the model does not name ${name}; it names ${known}`);
      }
      return files.load(name);
    },
    packages: Object.fromEntries(packages),
    log: (text) => host.log("log", String(text)),
    unsupported: (reason) => new Unsupported(String(reason)),
  };
}

/**
 * What loading cost, where the model names files.
 * @param {ModuleJob} job
 * @param {ModelFiles} files
 * @param {number} modelLoadMs
 * @returns {PartCost[]}
 */
function partsOf(job, files, modelLoadMs) {
  if (job.files.length === 0) return [];
  const cost = files.cost(job.files.map(({ path }) => path));
  const createMs = Math.max(0, modelLoadMs - cost.fetchMs);
  return [{ name: job.program, ...cost, createMs, compileMs: null, firstInferenceMs: null }];
}
