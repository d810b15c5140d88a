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
`uncovered`    ReverseSequence, which onnxruntime has and the reference lacks
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


def write(name, nodes, inputs, outputs, constants, domains=()):
    """`nodes`: (operator, inputs, outputs, attributes); `constants`: name to array."""
    graph = helper.make_graph(
        [helper.make_node(op, ins, outs, name=f"{op}_{i}", **attributes) for i, (op, ins, outs, attributes) in enumerate(nodes)],
        name,
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(np.array(array, order="C"), key) for key, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)] + [helper.make_opsetid(domain, 1) for domain in domains]
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


def uncovered():
    write(
        "uncovered",
        [
            ("MatMul", ["input", "weight"], ["projected"], {}),
            ("ReverseSequence", ["projected", "lengths"], ["reversed"], {"batch_axis": 0, "time_axis": 1}),
            ("Relu", ["reversed"], ["output"], {}),
        ],
        [("input", FLOAT, [4, 8])],
        [("output", FLOAT, [4, 16])],
        {"weight": seeded("uncovered.weight", (16, 8)).T, "lengths": np.array([16, 3, 1, 9])},
    )


def corrupt():
    whole = (HERE / "static.onnx").read_bytes()
    (HERE / "corrupt.onnx").write_bytes(whole[: len(whole) // 2])


def main():
    for build in (static, dynamic, unsupported, conv, half, mlp, uncovered, corrupt):
        build()
    for path in sorted(HERE.glob("*.onnx")):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
