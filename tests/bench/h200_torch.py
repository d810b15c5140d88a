#!/usr/bin/env python3
"""What a GPU does natively: cuBLAS, CUDA copies and PyTorch models of the geometries that gpujobs runs in browsers.

    python3 h200_torch.py                # all, as JSON on stdout
    python3 h200_torch.py whisper copy   # those whose names begin so

Times are in ms, medians of seven rounds; fp32 without TF32. `gpu` is by CUDA events, `wall20` the wall time of a call of 20
that are queued before one wait, `wall1` of one that is waited for; `eager` and `graph` say whether the host launches each
kernel or a CUDA graph does. Needs PyTorch with CUDA.
"""

import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

ROUNDS = 7
DEVICE = "cuda"


def median(times):
    return sorted(times)[len(times) // 2]


def gpu_ms(call, calls=20):
    """By CUDA events, after 0.3 s that bring the clocks up."""
    until = time.time() + 0.3
    while time.time() < until:
        call()
        torch.cuda.synchronize()
    times = []
    for _ in range(ROUNDS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(calls):
            call()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / calls)
    return median(times)


def wall_ms(call, calls):
    for _ in range(5):
        call()
    torch.cuda.synchronize()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - began) * 1e3 / calls)
    return median(times)


def graph_of(call, calls=1):
    """A CUDA graph of so many calls."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            call()
    return graph


def product(m, n, k, dtype=torch.float32):
    a, b = (torch.randn(*shape, device=DEVICE, dtype=dtype) for shape in ((m, k), (k, n)))
    c = torch.empty(m, n, device=DEVICE, dtype=dtype)
    graph = graph_of(lambda: torch.mm(a, b, out=c), 20)
    ms = gpu_ms(graph.replay, 5) / 20
    return {"ms": ms, "tflops": 2 * m * n * k / ms / 1e9}


def traffic(bytes_moved, call):
    ms = gpu_ms(call)
    return {"ms": ms, "gbs": bytes_moved / ms / 1e6}


def copy(mib):
    x = torch.randn(mib << 18, device=DEVICE)
    y = torch.empty_like(x)
    return traffic(2 * 4 * x.numel(), lambda: y.copy_(x))


def rows(function):
    x = torch.randn(4096, 4096, device=DEVICE)
    return traffic(2 * 4 * x.numel(), lambda: function(x))


class Layer(nn.Module):
    """A transformer's layer, norms before (`pre`) or after."""

    def __init__(self, width, heads, hidden, pre):
        super().__init__()
        self.heads, self.pre = heads, pre
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def attention(self, x):
        batch, tokens, _ = x.shape
        split = lambda y: y.view(batch, tokens, self.heads, -1).transpose(1, 2)
        context = F.scaled_dot_product_attention(split(self.query(x)), split(self.key(x)), split(self.value(x)))
        return self.out(context.transpose(1, 2).reshape(batch, tokens, -1))

    def feed_forward(self, x):
        return self.down(F.gelu(self.up(x)))

    def forward(self, x):
        if self.pre:
            x = x + self.attention(self.first_norm(x))
            return x + self.feed_forward(self.second_norm(x))
        x = self.first_norm(x + self.attention(x))
        return self.second_norm(x + self.feed_forward(x))


def layers(count, *geometry):
    return nn.Sequential(*(Layer(*geometry) for _ in range(count))).to(DEVICE).eval()


def bert(count, width, heads, batch, tokens, vocabulary=30522):
    """Token ids to a normalised mean embedding."""
    body = layers(count, width, heads, 4 * width, False)
    words, places = (nn.Embedding(size, width).to(DEVICE) for size in (vocabulary, 512))
    norm = nn.LayerNorm(width).to(DEVICE)
    ids = torch.randint(0, vocabulary, (batch, tokens), device=DEVICE)
    positions = torch.arange(tokens, device=DEVICE)
    return lambda: F.normalize(body(norm(words(ids) + places(positions))).mean(1), dim=-1)


def whisper(from_sound, tokens=1500, width=384, mels=80):
    """The tiny encoder of 30 s, from the log-mel spectrogram on or from the sound."""
    body = layers(4, width, 6, 4 * width, True)
    first = nn.Conv1d(mels, width, 3, padding=1).to(DEVICE)
    second = nn.Conv1d(width, width, 3, stride=2, padding=1).to(DEVICE)
    norm = nn.LayerNorm(width).to(DEVICE)
    position = torch.randn(tokens, width, device=DEVICE)
    mel = torch.randn(1, mels, 2 * tokens, device=DEVICE)
    audio = torch.randn(1, tokens * 320, device=DEVICE)
    window = torch.hann_window(400, device=DEVICE)
    filters = torch.rand(mels, 201, device=DEVICE)

    def log_mel():
        power = torch.stft(audio, 400, 160, window=window, return_complex=True)[..., :-1].abs() ** 2
        log = (filters @ power).clamp(min=1e-10).log10()
        return (torch.maximum(log, log.amax() - 8) + 4) / 4

    def encoder():
        x = F.gelu(second(F.gelu(first(log_mel() if from_sound else mel)))).transpose(1, 2) + position
        return norm(body(x))

    return encoder


def model(call):
    times = {"eager_gpu": gpu_ms(call), "eager_wall20": wall_ms(call, 20), "eager_wall1": wall_ms(call, 1)}
    replay = graph_of(call).replay
    times |= {"graph_gpu": gpu_ms(replay), "graph_wall20": wall_ms(replay, 20), "graph_wall1": wall_ms(replay, 1)}
    return times


MEASURED = {
    "mm 4096x4096x4096": lambda: product(4096, 4096, 4096),
    "mm 2048x2048x2048": lambda: product(2048, 2048, 2048),
    "mm 512x384x1536": lambda: product(512, 384, 1536),
    "mm 128x384x384": lambda: product(128, 384, 384),
    "mm f16 4096": lambda: product(4096, 4096, 4096, torch.half),
    "copy 256MiB": lambda: copy(256),
    "copy 512MiB": lambda: copy(512),
    "softmax 4096x4096": lambda: rows(lambda x: F.softmax(x, -1)),
    "layernorm 4096x4096": lambda: rows(lambda x: F.layer_norm(x, (4096,))),
    "minilm 1x128": lambda: model(bert(6, 384, 12, 1, 128)),
    "minilm 32x128": lambda: model(bert(6, 384, 12, 32, 128)),
    "bert-base 8x512": lambda: model(bert(12, 768, 12, 8, 512)),
    "whisper-tiny 30s (from mel)": lambda: model(whisper(False)),
    "whisper-tiny 30s (from the sound)": lambda: model(whisper(True)),
}


@torch.no_grad()
def main(wanted):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    chosen = {name: call for name, call in MEASURED.items() if not wanted or name.startswith(tuple(wanted))}
    out = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    for name, call in chosen.items():
        out[name] = call()
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
