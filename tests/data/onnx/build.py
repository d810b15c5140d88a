#!/usr/bin/env python3
"""Writes the small ONNX files of this folder: one for each thing that a reader or a runtime of them can meet.

    pip install -r ../models/requirements.txt
    python3 build.py

`static`       fixed shapes; two float inputs of different rank, two outputs
`dynamic`      symbolic `batch` and `length`; int64 ids, an int64 mask and a float input; a float and an int64 output
`unsupported`  an operator that no runtime has: example.com.Frobnicate
`conv`         an image network: Conv, BatchNormalization, Relu, GlobalAveragePool, Gemm
`half`         float16 in, inside and out
`mlp`          MatMul, Add, Relu, MatMul at [4, 8]: what the WebNN stand-in computes
`cpu_only`     ReverseSequence, which WebGPU leaves to the CPU
`nbits`        MatMulNBits of com.microsoft: weights of 4 bits in blocks of 32
`grid_sample`  GridSample, bilinear, with points beyond the image
`lstm`         a bidirectional LSTM
`loop`         a Loop whose number of turns is an input, and whose outputs grow by each
`branch`       an If on what was computed, with branches of different shapes
`nonzero`      NonZero, whose output's shape follows from values, and Gather by it
`qdq`          QuantizeLinear and DequantizeLinear around a MatMul, as quantisers write them
`qdq_blocks`   DequantizeLinear of one axis in blocks of 4: onnxruntime-web 1.31-dev is wrong on WebGPU
`nan_row`      a Softmax of a row that is wholly masked: NaN
`noise`        RandomNormalLike: no two outputs are alike
`cache`        a Concat of what was and what is new, where `past` may be 0; and how long the two are together
`corrupt`      the first half of `static`
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models"))

from graph import OPSET, save_model, seeded  # noqa: E402

FLOAT, HALF, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64
INT8, BOOL = TensorProto.INT8, TensorProto.BOOL


def write(name, nodes, inputs, outputs, constants, domains=(), opset=OPSET):
    """`nodes`: (operator, inputs, outputs, attributes); `constants`: name to array."""
    graph = helper.make_graph(
        [helper.make_node(op, ins, outs, name=f"{op}_{i}", **attributes) for i, (op, ins, outs, attributes) in enumerate(nodes)],
        name,
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(np.array(array, order="C"), key) for key, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    save_model(helper.make_model(graph, opset_imports=opsets), HERE / f"{name}.onnx")


def static():
    write(
        "static",
        [
            ("MatMul", ["sequence", "weight"], ["projected"], {}),
            ("Add", ["projected", "shift"], ["shifted"], {}),
            ("Relu", ["shifted"], ["hidden"], {}),
            ("Softmax", ["shifted"], ["probabilities"], {"axis": -1}),
        ],
        [("sequence", FLOAT, [2, 5, 16]), ("shift", FLOAT, [12])],
        [("hidden", FLOAT, [2, 5, 12]), ("probabilities", FLOAT, [2, 5, 12])],
        {"weight": seeded("static.weight", (12, 16)).T},
    )


def dynamic():
    tokens = ["batch", "length"]
    write(
        "dynamic",
        [
            ("Gather", ["table", "input_ids"], ["embedded"], {}),
            ("Unsqueeze", ["attention_mask", "last_axis"], ["column"], {}),
            ("Cast", ["column"], ["kept"], {"to": FLOAT}),
            ("Mul", ["embedded", "kept"], ["masked"], {}),
            ("Unsqueeze", ["style", "middle_axis"], ["styles"], {}),
            ("Add", ["masked", "styles"], ["styled"], {}),
            ("MatMul", ["styled", "weight"], ["logits"], {}),
            ("ArgMax", ["logits"], ["best"], {"axis": -1, "keepdims": 0}),
        ],
        [("input_ids", INT64, tokens), ("attention_mask", INT64, tokens), ("style", FLOAT, ["batch", 8])],
        [("logits", FLOAT, [*tokens, 10]), ("best", INT64, tokens)],
        {
            "table": seeded("dynamic.embeddings", (32, 8)),
            "weight": seeded("dynamic.weight", (10, 8)).T,
            "last_axis": np.array([2]),
            "middle_axis": np.array([1]),
        },
    )


def unsupported():
    write(
        "unsupported",
        [
            ("Relu", ["input"], ["positive"], {}),
            ("Frobnicate", ["positive"], ["output"], {"domain": "example.com"}),
        ],
        [("input", FLOAT, [1, 4])],
        [("output", FLOAT, [1, 4])],
        {},
        domains=["example.com"],
    )


def conv():
    normal = {key: seeded(f"conv.norm.{key}", (8,)) for key in ("gain", "variance")}
    normal |= {key: seeded(f"conv.norm.{key}.bias", (8,)) for key in ("shift", "mean")}
    write(
        "conv",
        [
            ("Conv", ["image", "kernel", "bias"], ["filtered"], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}),
            ("BatchNormalization", ["filtered", "gain", "shift", "mean", "variance"], ["normal"], {}),
            ("Relu", ["normal"], ["active"], {}),
            ("GlobalAveragePool", ["active"], ["pooled"], {}),
            ("Flatten", ["pooled"], ["features"], {}),
            ("Gemm", ["features", "head", "head_bias"], ["logits"], {"transB": 1}),
        ],
        [("image", FLOAT, [1, 3, 32, 32])],
        [("logits", FLOAT, [1, 10])],
        {
            "kernel": seeded("conv.kernel", (8, 3, 3, 3)),
            "bias": seeded("conv.bias", (8,)),
            **normal,
            "head": seeded("conv.head", (10, 8)),
            "head_bias": seeded("conv.head.bias", (10,)),
        },
    )


def half():
    write(
        "half",
        [("MatMul", ["input", "weight"], ["projected"], {}), ("Add", ["projected", "bias"], ["output"], {})],
        [("input", HALF, [2, 8])],
        [("output", HALF, [2, 6])],
        {
            "weight": seeded("half.weight", (6, 8)).T.astype(np.float16),
            "bias": seeded("half.bias", (6,)).astype(np.float16),
        },
    )


def mlp():
    write(
        "mlp",
        [
            ("MatMul", ["input", "weight_1"], ["projected"], {}),
            ("Add", ["projected", "bias_1"], ["shifted"], {}),
            ("Relu", ["shifted"], ["hidden"], {}),
            ("MatMul", ["hidden", "weight_2"], ["output"], {}),
        ],
        [("input", FLOAT, [4, 8])],
        [("output", FLOAT, [4, 5])],
        {
            "weight_1": seeded("mlp.weight_1", (16, 8)).T,
            "bias_1": seeded("mlp.bias", (16,)),
            "weight_2": seeded("mlp.weight_2", (5, 16)).T,
        },
    )


def cpu_only():
    write(
        "cpu_only",
        [
            ("MatMul", ["input", "weight"], ["projected"], {}),
            ("ReverseSequence", ["projected", "lengths"], ["reversed"], {"batch_axis": 0, "time_axis": 1}),
            ("Relu", ["reversed"], ["output"], {}),
        ],
        [("input", FLOAT, [4, 8])],
        [("output", FLOAT, [4, 16])],
        {"weight": seeded("cpu_only.weight", (16, 8)).T, "lengths": np.array([16, 3, 1, 9])},
    )


def nbits():
    quantised = (np.arange(24 * 2 * 16) * 37 % 256).astype(np.uint8).reshape(24, 2, 16)
    write(
        "nbits",
        [("MatMulNBits", ["input", "weight", "scales"], ["output"],
          {"domain": "com.microsoft", "K": 64, "N": 24, "bits": 4, "block_size": 32})],
        [("input", FLOAT, [1, 5, 64])],
        [("output", FLOAT, [1, 5, 24])],
        # Scales that no f16 holds: a reference that rounds them is off by 1e-4.
        {"weight": quantised, "scales": np.abs(seeded("nbits.scales", (48,))) + np.float32(0.0123)},
        domains=["com.microsoft"],
    )


def grid_sample():
    write(
        "grid_sample",
        [("GridSample", ["image", "grid"], ["output"], {"mode": "bilinear", "padding_mode": "zeros"})],
        [("image", FLOAT, [1, 2, 5, 7]), ("grid", FLOAT, [1, 3, 4, 2])],
        [("output", FLOAT, [1, 2, 3, 4])],
        {},
    )


def lstm():
    hidden = 6
    write(
        "lstm",
        [("LSTM", ["input", "weight", "recurrence", "bias"], ["states", "last"], {"direction": "bidirectional", "hidden_size": hidden})],
        [("input", FLOAT, ["length", 2, 4])],
        [("states", FLOAT, ["length", 2, 2, hidden]), ("last", FLOAT, [2, 2, hidden])],
        {
            "weight": seeded("lstm.weight", (2, 4 * hidden, 4)),
            "recurrence": seeded("lstm.recurrence", (2, 4 * hidden, hidden)),
            "bias": seeded("lstm.bias", (2, 8 * hidden)),
        },
    )


def body(nodes, inputs, outputs):
    value = helper.make_tensor_value_info
    nodes = [helper.make_node(op, ins, outs, name=f"inner_{op}_{i}") for i, (op, ins, outs) in enumerate(nodes)]
    return helper.make_graph(nodes, "body", [value(*it) for it in inputs], [value(*it) for it in outputs])


def loop():
    turn = body(
        [("MatMul", ["state", "weight"], ["product"]), ("Tanh", ["product"], ["next"]), ("Identity", ["go"], ["on"]),
         ("Identity", ["next"], ["seen"])],
        [("turn", INT64, []), ("go", BOOL, []), ("state", FLOAT, [2, 8])],
        [("on", BOOL, []), ("next", FLOAT, [2, 8]), ("seen", FLOAT, [2, 8])],
    )
    write(
        "loop",
        [("Squeeze", ["turns"], ["trips"], {}), ("Loop", ["trips", "true", "input"], ["output", "all"], {"body": turn})],
        [("turns", INT64, [1]), ("input", FLOAT, [2, 8])],
        [("output", FLOAT, [2, 8]), ("all", FLOAT, ["turns", 2, 8])],
        {"weight": seeded("loop.weight", (8, 8)).T, "true": np.array(True)},
    )


def branch():
    plain = body([("Relu", ["input"], ["then_output"])], [], [("then_output", FLOAT, ["rows", 8])])
    twice = body([("Concat2", ["input", "input"], ["else_output"])], [], [("else_output", FLOAT, ["rows", 8])])
    twice.node[0].op_type = "Concat"
    twice.node[0].attribute.append(helper.make_attribute("axis", 0))
    write(
        "branch",
        [
            ("ReduceSum", ["input"], ["sum"], {"keepdims": 0}),
            ("Greater", ["sum", "limit"], ["large"], {}),
            ("If", ["large"], ["output"], {"then_branch": plain, "else_branch": twice}),
        ],
        [("input", FLOAT, [3, 8])],
        [("output", FLOAT, ["rows", 8])],
        {"limit": np.array(1e6, np.float32)},
    )


def nonzero():
    write(
        "nonzero",
        [
            ("Relu", ["input"], ["positive"], {}),
            ("NonZero", ["positive"], ["places"], {}),
            ("Transpose", ["places"], ["points"], {"perm": [1, 0]}),
            ("GatherND", ["input", "points"], ["values"], {}),
        ],
        [("input", FLOAT, [4, 8])],
        [("places", INT64, [2, "found"]), ("values", FLOAT, ["found"])],
        {},
    )


def qdq():
    write(
        "qdq",
        [
            ("QuantizeLinear", ["input", "input_scale", "zero"], ["input_q"], {}),
            ("DequantizeLinear", ["input_q", "input_scale", "zero"], ["input_d"], {}),
            ("DequantizeLinear", ["weight", "weight_scale", "zeros"], ["weight_d"], {"axis": 1}),
            ("MatMul", ["input_d", "weight_d"], ["output"], {}),
        ],
        [("input", FLOAT, [4, 16])],
        [("output", FLOAT, [4, 6])],
        {
            "input_scale": np.array(1 / 64, np.float32),
            "zero": np.array(3, np.int8),
            "weight": np.round(seeded("qdq.weight", (16, 6)) * 100).astype(np.int8),
            "weight_scale": np.abs(seeded("qdq.scale", (6,))) + np.float32(0.01),
            "zeros": np.zeros(6, np.int8),
        },
    )


def qdq_blocks():
    write(
        "qdq_blocks",
        [("DequantizeLinear", ["input", "scale", "zero"], ["output"], {"axis": 0, "block_size": 4})],
        [("input", INT8, [8])],
        [("output", FLOAT, [8])],
        {"scale": np.array([0.5, 2], np.float32), "zero": np.array([0, 10], np.int8)},
        opset=21,
    )


def cache():
    write(
        "cache",
        [
            ("Concat", ["past", "new"], ["present"], {"axis": 1}),
            ("Shape", ["present"], ["shape"], {}),
            ("Gather", ["shape", "axis"], ["length"], {}),
        ],
        [("past", FLOAT, ["batch", "past", 4]), ("new", FLOAT, ["batch", 2, 4])],
        [("present", FLOAT, ["batch", "total", 4]), ("length", INT64, [1])],
        {"axis": np.array([1])},
    )


def nan_row():
    write(
        "nan_row",
        [("Where", ["keep", "x", "ninf"], ["m"], {}), ("Softmax", ["m"], ["y"], {"axis": -1})],
        [("x", FLOAT, [2, 3])],
        [("y", FLOAT, [2, 3])],
        {"ninf": np.array(-np.inf, np.float32), "keep": np.array([[1, 0, 1], [0, 0, 0]], bool)},
    )


def noise():
    write(
        "noise",
        [("RandomNormalLike", ["x"], ["n"], {}), ("Add", ["x", "n"], ["y"], {})],
        [("x", FLOAT, [2, 8])],
        [("y", FLOAT, [2, 8])],
        {},
    )


def corrupt():
    whole = (HERE / "static.onnx").read_bytes()
    (HERE / "corrupt.onnx").write_bytes(whole[: len(whole) // 2])


def main():
    for build in (static, dynamic, unsupported, conv, half, mlp, cpu_only, nbits, grid_sample, lstm, loop, branch, nonzero, qdq, qdq_blocks, nan_row, noise, cache, corrupt):
        build()
    for path in sorted(HERE.glob("*.onnx")):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
