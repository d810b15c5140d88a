#!/usr/bin/env python3
"""Writes Whisper-tiny's encoder with seeded weights into a model store, 33 MB. It is not committed.

    pip install -r requirements.txt
    python3 whisper.py OUT                    # OUT/whisper-tiny-encoder/onnx/model.onnx

Geometry: openai/whisper, `whisper/model.py` (tiny: 4 blocks, 6 heads, 384 channels). Input: `mel` [batch, 80, 3000], the
log-mel spectrogram of 30 s; output: `features` [batch, 1500, 384].
"""

import sys
from pathlib import Path

from onnx import TensorProto

import architectures
from graph import Graph

MELS, FRAMES, CHANNELS = 80, 3000, 384
NAMES = dict(
    norms=("self_attn_layer_norm", "final_layer_norm"),
    attention=[f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")],
    feed_forward=("fc1", "fc2"),
)
CONFIG = {
    "hidden_size": CHANNELS,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "intermediate_size": 4 * CHANNELS,
    "layer_norm_eps": 1e-5,
}


def convolution(g, x, name, inputs, stride):
    weight, bias = g.weight(f"{name}.weight", (CHANNELS, inputs, 3)), g.weight(f"{name}.bias", (CHANNELS,))
    return g.gelu(g.op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride]))


def main():
    g = Graph()
    x = convolution(g, convolution(g, "mel", "conv1", MELS, 1), "conv2", CHANNELS, 2)
    x = g.op("Transpose", x, perm=[0, 2, 1])
    x = g.op("Add", x, g.weight("embed_positions.embedding", (FRAMES // 2, CHANNELS)))
    x = architectures.pre_norm_layers(g, x, "layers", CONFIG, NAMES, g.gelu)
    g.output(g.layer_norm(x, "layer_norm", CHANNELS, CONFIG["layer_norm_eps"]), "features")
    path = Path(sys.argv[1]) / "whisper-tiny-encoder" / "onnx" / "model.onnx"
    inputs = [("mel", TensorProto.FLOAT, ["batch_size", MELS, FRAMES])]
    g.save(path, inputs, [("features", TensorProto.FLOAT, ["batch_size", FRAMES // 2, CHANNELS])])
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
