// y = relu(x w1 + b1) w2 + b2, in WebGPU without any library.
/** @import { Context, Outputs } from "gpujobs/module.js" */
import { readTensors } from "./safetensors.js";

/** A layer; a thread computes one element. */
const CODE = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
override width: u32;
override columns: u32;
override relu: bool;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= arrayLength(&y)) {
        return;
    }
    let row = id.x / columns;
    let column = id.x % columns;
    var sum = bias[column];
    for (var k = 0u; k < width; k += 1u) {
        sum += x[row * width + k] * weight[k * columns + column];
    }
    y[id.x] = select(sum, max(sum, 0.0), relu);
}
`;

/** @param {Context} context */
export async function load({ device, inputs, file, unsupported }) {
  if (!device) throw unsupported("this program computes on webgpu only");
  const { w1, b1, w2, b2 } = readTensors(await file("mlp.safetensors"));
  const { data, shape: [rows, width] } = inputs.x;
  const module = device.createShaderModule({ code: CODE });
  const x = filled(device, data);
  const hidden = empty(device, rows * b1.length);
  const y = empty(device, rows * b2.length);
  const layers = await Promise.all([
    layer(device, module, [x, filled(device, w1), filled(device, b1), hidden], width, b1.length, true),
    layer(device, module, [hidden, filled(device, w2), filled(device, b2), y], b1.length, b2.length, false),
  ]);
  return { device, layers, y, shape: [rows, b2.length] };
}

/**
 * @param {Awaited<ReturnType<typeof load>>} state
 * @returns {Outputs}
 */
export function infer({ device, layers, y, shape }) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const { pipeline, group, workgroups } of layers) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(workgroups);
  }
  pass.end();
  device.queue.submit([encoder.finish()]);
  return { y: { buffer: y, shape } };
}

/** @param {Awaited<ReturnType<typeof load>>} state */
export function dispose({ device }) {
  device.destroy();
}

/**
 * @param {GPUDevice} device
 * @param {GPUShaderModule} module
 * @param {GPUBuffer[]} buffers What the shader reads, and last what it writes.
 * @param {number} width
 * @param {number} columns
 * @param {boolean} relu
 */
async function layer(device, module, buffers, width, columns, relu) {
  const constants = { width, columns, relu: relu ? 1 : 0 };
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, constants } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return { pipeline, group, workgroups: Math.ceil(buffers[3].size / 4 / 64) };
}

/**
 * @param {GPUDevice} device
 * @param {ArrayBufferView<ArrayBuffer>} values
 */
function filled(device, values) {
  const buffer = device.createBuffer({ size: values.byteLength, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}

/**
 * COPY_SRC lets gpujobs read it, and COPY_DST overwrite it between inferences.
 * @param {GPUDevice} device
 * @param {number} length
 */
function empty(device, length) {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return device.createBuffer({ size: 4 * length, usage });
}
