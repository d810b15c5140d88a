/**
 * A WebNN that computes in plain JavaScript, for browsers that have none: what a test needs to run a model on the
 * backend `webnn` for true. Loaded as a classic script before anything else, it replaces `navigator.ml`.
 *
 * It has the operators that small dense networks come down to, in float32. What it lacks is missing from
 * `opSupportLimits()`, so that a runtime keeps those nodes elsewhere, as it would on a true but limited device.
 *
 * `navigator.ml.calls` counts what was asked of it: `createContext`, `build`, `createTensor`, `writeTensor`,
 * `readTensor`, `dispatch`; `operators` (by name, as built) and `computed` (operators computed by dispatches).
 *
 * https://www.w3.org/TR/webnn/
 */
(() => {
  "use strict";

  const counted = ["createContext", "build", "createTensor", "writeTensor", "readTensor", "dispatch", "computed"];
  const calls = { ...Object.fromEntries(counted.map((name) => [name, 0])), operators: {} };

  const DATA_TYPES = ["float32"];
  const MAX_RANK = 5;

  const size = (shape) => shape.reduce((product, extent) => product * extent, 1);
  const sameShape = (a, b) => a.length === b.length && a.every((extent, axis) => extent === b[axis]);

  function require(condition, message) {
    if (!condition) throw new TypeError(`WebNN stand-in: ${message}`);
  }

  /** Checks a descriptor; older callers say `dimensions` where the standard says `shape`. */
  function describe({ dataType, shape, dimensions }) {
    require(DATA_TYPES.includes(dataType), `data type ${dataType} is not supported`);
    return { dataType, shape: [...(shape ?? dimensions ?? [])] };
  }

  /** The bytes of any buffer or view. */
  const bytesOf = (source) =>
    ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);

  /** A copy: the caller's buffer may be shared, or change later. */
  const floatsOf = (source) => new Float32Array(bytesOf(source).slice().buffer);

  // Shapes and strides

  function broadcast(a, b) {
    const rank = Math.max(a.length, b.length);
    return Array.from({ length: rank }, (_, axis) => {
      const x = a[axis - rank + a.length] ?? 1;
      const y = b[axis - rank + b.length] ?? 1;
      require(x === y || x === 1 || y === 1, `shapes [${a}] and [${b}] do not broadcast`);
      return x === 1 ? y : x;
    });
  }

  /** Element strides of `shape` seen as `target`: 0 along the axes that are repeated. */
  function strides(shape, target) {
    const result = new Array(target.length).fill(0);
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (shape[axis] !== 1) result[axis + target.length - shape.length] = stride;
      stride *= shape[axis];
    }
    return result;
  }

  /** Calls `visit(index, offset…)` for every element of `shape`, with an offset for each list of strides. */
  function forEachElement(shape, stridesOfEach, visit) {
    const position = new Array(shape.length).fill(0);
    const offsets = stridesOfEach.map(() => 0);
    for (let index = 0; index < size(shape); index++) {
      visit(index, ...offsets);
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const wraps = ++position[axis] === shape[axis];
        const steps = wraps ? 1 - shape[axis] : 1;
        stridesOfEach.forEach((stride, i) => (offsets[i] += stride[axis] * steps));
        if (!wraps) break;
        position[axis] = 0;
      }
    }
  }

  // Operators: each takes shapes and options, and returns the output's shape and how its data is computed.

  function elementwise(combine) {
    return ([a, b]) => {
      const shape = broadcast(a, b);
      const compute = (output, x, y) =>
        forEachElement(shape, [strides(a, shape), strides(b, shape)], (index, i, j) => {
          output[index] = combine(x[i], y[j]);
        });
      return { shape, compute };
    };
  }

  function unary(apply) {
    return ([shape]) => ({
      shape,
      compute: (output, x) => x.forEach((value, index) => (output[index] = apply(value))),
    });
  }

  function matmul([a, b]) {
    require(a.length >= 2 && b.length >= 2, "matmul needs two dimensions");
    const [rows, inner] = a.slice(-2);
    const [innerB, columns] = b.slice(-2);
    require(inner === innerB, `matmul of [${a}] and [${b}]`);
    const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
    const product = gemm([[rows, inner], [inner, columns]], {}).compute;
    const compute = (output, x, y) =>
      forEachElement(batch, [strides(a.slice(0, -2), batch), strides(b.slice(0, -2), batch)], (index, i, j) => {
        product(output.subarray(index * rows * columns), x.subarray(i * rows * inner), y.subarray(j * inner * columns));
      });
    return { shape: [...batch, rows, columns], compute };
  }

  function gemm([a, b, c], { alpha = 1, beta = 1, aTranspose = false, bTranspose = false }) {
    const [rows, inner] = aTranspose ? [a[1], a[0]] : a;
    const [innerB, columns] = bTranspose ? [b[1], b[0]] : b;
    require(a.length === 2 && b.length === 2 && inner === innerB, `gemm of [${a}] and [${b}]`);
    const shape = [rows, columns];
    if (c) require(sameShape(broadcast(c, shape), shape), `gemm adds [${c}] to [${shape}]`);
    const [cRow, cColumn] = c ? strides(c, shape) : [0, 0];
    const compute = (output, x, y, z) => {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let k = 0; k < inner; k++) {
            sum += x[aTranspose ? k * rows + row : row * inner + k] * y[bTranspose ? column * inner + k : k * columns + column];
          }
          output[row * columns + column] = alpha * sum + (z ? beta * z[row * cRow + column * cColumn] : 0);
        }
      }
    };
    return { shape, compute };
  }

  function softmax([shape], axis) {
    require(axis === shape.length - 1, "softmax is along the last axis only");
    const length = shape[axis];
    const compute = (output, x) => {
      for (let start = 0; start < x.length; start += length) {
        const row = x.subarray(start, start + length);
        const highest = row.reduce((a, b) => Math.max(a, b));
        const powers = Array.from(row, (value) => Math.exp(value - highest));
        const sum = powers.reduce((a, b) => a + b, 0);
        powers.forEach((power, i) => (output[start + i] = power / sum));
      }
    };
    return { shape, compute };
  }

  function reshape([shape], newShape) {
    require(size(shape) === size(newShape), `reshape of [${shape}] to [${newShape}]`);
    return { shape: [...newShape], compute: (output, x) => output.set(x) };
  }

  /** Operators by name: the names of their operands (for the limits), and the function that plans them. */
  const OPERATORS = {
    add: [["a", "b"], elementwise((x, y) => x + y)],
    sub: [["a", "b"], elementwise((x, y) => x - y)],
    mul: [["a", "b"], elementwise((x, y) => x * y)],
    div: [["a", "b"], elementwise((x, y) => x / y)],
    relu: [["input"], unary((x) => Math.max(x, 0))],
    sigmoid: [["input"], unary((x) => 1 / (1 + Math.exp(-x)))],
    tanh: [["input"], unary(Math.tanh)],
    softmax: [["input"], softmax],
    reshape: [["input"], reshape],
    matmul: [["a", "b"], matmul],
    gemm: [["a", "b", "c"], gemm],
  };

  // The interfaces

  class MLOperand {
    /** `producer` computes it; an input has a `name`, a constant has `data`. */
    constructor(descriptor, { name, data, producer } = {}) {
      Object.assign(this, descriptor, { name, data, producer });
    }
  }

  class MLTensor {
    constructor(descriptor, { readable = false, writable = false }) {
      Object.assign(this, descriptor, { readable, writable, constant: false });
      this.data = new Float32Array(size(this.shape));
    }
    destroy() {
      this.data = null;
    }
  }

  class MLGraph {
    constructor(outputs) {
      this.outputs = outputs;
    }
    destroy() {}
  }

  class MLGraphBuilder {
    constructor(context) {
      require(context instanceof MLContext, "MLGraphBuilder needs a context of this stand-in");
    }
    input(name, descriptor) {
      return new MLOperand(describe(descriptor), { name });
    }
    constant(descriptor, buffer) {
      return new MLOperand(describe(descriptor), { data: floatsOf(buffer) });
    }
    async build(outputs) {
      calls.build++;
      return new MLGraph({ ...outputs });
    }
  }
  for (const [name, [, plan]] of Object.entries(OPERATORS)) {
    MLGraphBuilder.prototype[name] = function (...values) {
      const operands = values.filter((value) => value instanceof MLOperand);
      const options = values[operands.length] ?? {};
      if (options.c instanceof MLOperand) operands.push(options.c);
      const { shape, compute } = plan(operands.map((operand) => operand.shape), options);
      calls.operators[name] = (calls.operators[name] ?? 0) + 1;
      return new MLOperand({ dataType: "float32", shape }, { producer: { operands, compute } });
    };
  }

  class MLContext {
    accelerated = false;
    lost = new Promise(() => {});

    opSupportLimits() {
      const limits = { dataTypes: DATA_TYPES, rankRange: { min: 0, max: MAX_RANK } };
      const all = { preferredInputLayout: "nchw", maxTensorByteLength: 2 ** 31 - 1 };
      for (const role of ["input", "constant", "output"]) all[role] = limits;
      for (const [name, [operands]] of Object.entries(OPERATORS)) {
        all[name] = Object.fromEntries([...operands, "output"].map((operand) => [operand, limits]));
      }
      return all;
    }

    async createTensor(descriptor) {
      calls.createTensor++;
      return new MLTensor(describe(descriptor), descriptor);
    }

    writeTensor(tensor, source) {
      calls.writeTensor++;
      require(tensor.writable && tensor.data, "this tensor cannot be written");
      tensor.data.set(floatsOf(source));
    }

    async readTensor(tensor, destination) {
      calls.readTensor++;
      require(tensor.readable && tensor.data, "this tensor cannot be read");
      const copy = tensor.data.slice().buffer;
      if (destination === undefined) return copy;
      bytesOf(destination).set(new Uint8Array(copy));
      return undefined;
    }

    dispatch(graph, inputs, outputs) {
      calls.dispatch++;
      const values = new Map();
      const valueOf = (operand) => {
        if (operand.data) return operand.data;
        if (!values.has(operand)) values.set(operand, operand.producer ? computed(operand) : given(operand));
        return values.get(operand);
      };
      const given = ({ name, shape }) => {
        require(inputs[name] && sameShape(inputs[name].shape, shape), `input ${name} is not [${shape}]`);
        return inputs[name].data;
      };
      const computed = ({ shape, producer }) => {
        const output = new Float32Array(size(shape));
        producer.compute(output, ...producer.operands.map(valueOf));
        calls.computed++;
        return output;
      };
      for (const [name, operand] of Object.entries(graph.outputs)) outputs[name].data.set(valueOf(operand));
    }

    destroy() {}
  }

  class ML {
    calls = calls;
    async createContext() {
      calls.createContext++;
      return new MLContext();
    }
  }

  Object.defineProperty(navigator, "ml", { value: new ML(), configurable: true });
  for (const type of [ML, MLContext, MLGraph, MLGraphBuilder, MLOperand, MLTensor]) {
    Object.defineProperty(globalThis, type.name, { value: type, configurable: true, writable: true });
  }
})();
