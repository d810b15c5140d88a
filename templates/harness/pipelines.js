/**
 * @file A pipeline is a compiled shader. It is made before the first inference or at its first use, as the job says.
 */

import { settled } from "gpujobs/device.js";
import { Faulty } from "gpujobs/failures.js";

/** @import { Shader, ShaderFault } from "gpujobs/protocol.js" */

/**
 * Compiles without holding up the page; several at once overlap.
 * @param {GPUDevice} device
 * @param {Shader} shader
 * @returns {Promise<GPUComputePipeline>}
 */
export async function compileAhead(device, shader) {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: shader.name, code: shader.code });
  const moduleError = device.popErrorScope();
  try {
    const pipeline = await settled(device, device.createComputePipelineAsync(descriptor(shader, module)));
    const error = await settled(device, moduleError);
    if (error) throw error;
    return pipeline;
  } catch (error) {
    throw await explained(device, shader, module, /** @type {Error} */ (error).message);
  }
}

/**
 * Compiles where it is first used, as a page does that never thought about it. The error scope is answered only when
 * the browser has handled the creation, so waiting for it measures the compilation.
 * @param {GPUDevice} device
 * @param {Shader} shader
 * @returns {Promise<GPUComputePipeline>}
 */
export async function compileAtUse(device, shader) {
  device.pushErrorScope("validation");
  device.pushErrorScope("internal");
  const module = device.createShaderModule({ label: shader.name, code: shader.code });
  const pipeline = device.createComputePipeline(descriptor(shader, module));
  const errors = await settled(device, Promise.all([device.popErrorScope(), device.popErrorScope()]));
  const error = errors.find((found) => found !== null);
  if (error) throw await explained(device, shader, module, error.message);
  return pipeline;
}

/**
 * @param {Shader} shader
 * @param {GPUShaderModule} module
 * @returns {GPUComputePipelineDescriptor}
 */
function descriptor(shader, module) {
  return { label: shader.name, layout: "auto", compute: { module, entryPoint: shader.entryPoint, constants: shader.constants } };
}

/**
 * The compiler's messages with their lines, or the pipeline's error where the shader itself is fine.
 * @param {GPUDevice} device
 * @param {Shader} shader
 * @param {GPUShaderModule} module
 * @param {string} otherwise
 */
async function explained(device, shader, module, otherwise) {
  const info = await settled(device, module.getCompilationInfo());
  const lines = shader.code.split("\n");
  const errors = info.messages.filter((message) => message.type === "error");
  const said = errors.map((message) => {
    const line = lines[message.lineNum - 1]?.trim() ?? "";
    return `${shader.name} line ${message.lineNum}:${message.linePos}: ${message.message}${line && ` in \`${line}\``}`;
  });
  /** @type {ShaderFault[]} */
  const faults = errors.map(({ lineNum, linePos, message }) => ({ shader: shader.name, line: lineNum, column: linePos, message }));
  return new Faulty(said.length > 0 ? said.join("; ") : `${shader.name}: ${otherwise}`, faults);
}
