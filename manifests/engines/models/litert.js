// y = relu(x w1 + b1) w2 + b2, from a .tflite in LiteRT.js, on the WebGPU device that gpujobs gives.
import { loadAndCompile, loadLiteRt, setWebGpuDevice, Tensor } from "@litertjs/core";

export async function load({ backend, device, inputs, file, packages }) {
  await loadLiteRt(`${packages["@litertjs/core"]}wasm/`);
  if (device) setWebGpuDevice(device);
  const model = await loadAndCompile(new Uint8Array(await file("mlp.tflite")), { accelerator: backend });
  const { data, shape } = inputs.x;
  const near = new Tensor(data, shape);
  return { model, x: backend === "webgpu" ? await near.moveTo(backend) : near };
}

export async function infer({ model, x }) {
  const [y] = await model.run([x]);
  return { y: { read: () => y.data(), shape: [...y.type.layout.dimensions], dispose: () => y.delete() } };
}

export function dispose({ model, x }) {
  x.delete();
  model.delete();
}
