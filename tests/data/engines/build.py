#!/usr/bin/env python3
"""Writes the files of one small network for each engine of manifests/engines.toml: y = relu(x w1 + b1) w2 + b2.

    pip install -r ../models/requirements.txt flatbuffers
    python3 build.py

`mlp.safetensors`  the weights
`mlp.onnx`         the network for onnxruntime
`mlp.tflite`       the network for LiteRT: two FULLY_CONNECTED, the first with RELU, written field by field after the schema
                   (tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3)
`y.npy`            what it must give for the seeded input `x`, computed in f64
"""

import json
import struct
import sys
from pathlib import Path

import flatbuffers
import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
OUT = HERE.parents[2] / "manifests/engines/models"
sys.path.insert(0, str(HERE.parent / "models"))

from graph import OPSET, save_model  # noqa: E402

ROWS, WIDTH, HIDDEN, CLASSES = 30, 20, 50, 10


def seeded(name, shape, spread):
    """Values in ±spread by the hash of `src/reference/fill.rs`, with the hash of the name for a seed."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    index = np.arange(np.prod(shape), dtype=np.uint64)
    x = seed ^ (index * 0x9E3779B9 & 0xFFFFFFFF)
    x = (x ^ x >> 16) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ x >> 15) * 0x846CA68B & 0xFFFFFFFF
    x ^= x >> 16
    unit = (x >> 8).astype(np.float32) / np.float32(8388608) - np.float32(1)
    return (np.float32(spread) * unit).reshape(shape)


X = seeded("x", (ROWS, WIDTH), 1)
W1, B1 = seeded("w1", (WIDTH, HIDDEN), (3 / WIDTH) ** 0.5), seeded("b1", (HIDDEN,), 0.1)
W2, B2 = seeded("w2", (HIDDEN, CLASSES), (3 / HIDDEN) ** 0.5), seeded("b2", (CLASSES,), 0.1)


def safetensors(path):
    header, data = {}, b""
    for name, values in [("w1", W1), ("b1", B1), ("w2", W2), ("b2", B2)]:
        end = len(data) + values.nbytes
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), end]}
        data += values.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def onnx(path):
    floats = TensorProto.FLOAT
    weights = [("w1", W1), ("b1", B1), ("w2", W2), ("b2", B2)]
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["sum"], "first"),
        helper.make_node("Relu", ["sum"], ["hidden"], "relu"),
        helper.make_node("Gemm", ["hidden", "w2", "b2"], ["y"], "second"),
    ]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", floats, [ROWS, WIDTH])],
        [helper.make_tensor_value_info("y", floats, [ROWS, CLASSES])],
        [numpy_helper.from_array(values, name) for name, values in weights],
    )
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), path)


def table(builder, fields):
    """A table of (slot, kind, value) with kind a method of the builder's `PrependXSlot`, or `Offset`."""
    builder.StartObject(max((slot for slot, _, _ in fields), default=-1) + 1)
    for slot, kind, value in fields:
        if kind == "Offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        else:
            getattr(builder, f"Prepend{kind}Slot")(slot, value, None)
    return builder.EndObject()


def offsets(builder, items):
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def tflite(path):
    builder = flatbuffers.Builder(0)
    ints = lambda values: builder.CreateNumpyVector(np.array(values, np.int32))  # noqa: E731
    # Tensors with their buffers; the first buffer is empty, and stands for what is computed.
    tensors = [
        ("x", (ROWS, WIDTH), None),
        ("w1", (HIDDEN, WIDTH), W1.T),
        ("b1", (HIDDEN,), B1),
        ("hidden", (ROWS, HIDDEN), None),
        ("w2", (CLASSES, HIDDEN), W2.T),
        ("b2", (CLASSES,), B2),
        ("y", (ROWS, CLASSES), None),
    ]
    buffers, described = [table(builder, [])], []
    for name, shape, values in tensors:
        number = 0
        if values is not None:
            data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            builder.StartVector(1, len(data), 16)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data.tobytes()
            number = len(buffers)
            buffers.append(table(builder, [(0, "Offset", builder.EndVector())]))
        text, extents = builder.CreateString(name), ints(shape)
        # shape, type (FLOAT32 is 0), buffer, name
        described.append(table(builder, [(0, "Offset", extents), (2, "Uint32", number), (3, "Offset", text)]))
    operators = []
    for inputs, output, activation in [((0, 1, 2), 3, 1), ((3, 4, 5), 6, 0)]:
        # fused_activation_function: NONE is 0, RELU 1
        options = table(builder, [(0, "Int8", activation)] if activation else [])
        taken, given = ints(inputs), ints((output,))
        # opcode_index, inputs, outputs, builtin_options_type (FullyConnectedOptions is 8), builtin_options
        fields = [(1, "Offset", taken), (2, "Offset", given), (3, "Uint8", 8), (4, "Offset", options)]
        operators.append(table(builder, fields))
    parts = [offsets(builder, described), ints((0,)), ints((6,)), offsets(builder, operators), builder.CreateString("main")]
    subgraph = table(builder, [(slot, "Offset", part) for slot, part in enumerate(parts)])
    # deprecated_builtin_code, version, builtin_code: FULLY_CONNECTED is 9
    code = table(builder, [(0, "Int8", 9), (2, "Int32", 1), (3, "Int32", 9)])
    codes, subgraphs = offsets(builder, [code]), offsets(builder, [subgraph])
    description, all_buffers = builder.CreateString("gpujobs"), offsets(builder, buffers)
    slots = [(1, codes), (2, subgraphs), (3, description), (4, all_buffers)]
    model = table(builder, [(0, "Uint32", 3), *((slot, "Offset", part) for slot, part in slots)])
    builder.Finish(model, b"TFL3")
    path.write_bytes(builder.Output())


if __name__ == "__main__":
    safetensors(OUT / "mlp.safetensors")
    onnx(OUT / "mlp.onnx")
    tflite(OUT / "mlp.tflite")
    hidden = np.maximum(X.astype(np.float64) @ W1 + B1, 0)
    np.save(OUT / "y.npy", (hidden @ W2 + B2).astype(np.float32))
