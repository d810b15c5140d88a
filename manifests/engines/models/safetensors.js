/**
 * The tensors of a .safetensors file by their names: the length of a header, the header in JSON, and the values.
 * @param {ArrayBuffer} bytes
 * @returns {Record<string, Float32Array<ArrayBuffer>>}
 */
export function readTensors(bytes) {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const entries = Object.entries(header).map(([name, { data_offsets: [begin, end] }]) => {
    return [name, new Float32Array(bytes, 8 + length + begin, (end - begin) / 4)];
  });
  return Object.fromEntries(entries);
}
