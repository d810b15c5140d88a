// y = relu(x w1 + b1) w2 + b2, in TensorFlow.js, on the WebGPU device that the library makes for itself.
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { readTensors } from "./safetensors.js";

export async function load({ backend, inputs, file, unsupported }) {
  if (!(await tf.setBackend(backend))) throw unsupported(`TensorFlow.js has no backend ${backend} here`);
  await tf.ready();
  const { w1, b1, w2, b2 } = readTensors(await file("mlp.safetensors"));
  const { data, shape } = inputs.x;
  const layer = (weight, bias) => [tf.tensor2d(weight, [weight.length / bias.length, bias.length]), tf.tensor1d(bias)];
  return { x: tf.tensor2d(data, shape), layers: [layer(w1, b1), layer(w2, b2)] };
}

export function infer({ x, layers: [[w1, b1], [w2, b2]] }) {
  const y = tf.tidy(() => {
    const hidden = tf.fused.matMul({ a: x, b: w1, bias: b1, activation: "relu" });
    return tf.fused.matMul({ a: hidden, b: w2, bias: b2 });
  });
  // The library records commands until somebody reads; without this nothing would have been computed when the clock stops.
  tf.backend().endComputePassEncoder();
  tf.backend().submitQueue();
  return { y: { read: () => y.data(), shape: y.shape, dispose: () => y.dispose() } };
}

export function dispose() {
  tf.removeBackend(tf.getBackend());
}
