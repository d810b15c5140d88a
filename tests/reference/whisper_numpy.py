"""Expected values for `reference`, made independently of it: an FFT instead of tables, numpy instead of loops.

Follows openai/whisper (`whisper/audio.py`, `whisper/model.py`) and librosa (`filters.mel`). Run from the repository's
root with numpy installed; it writes tests/data/reference/*.f32 (little-endian, row-major), which are committed.
"""

import math
from pathlib import Path

import numpy as np

OUT = Path("tests/data/reference")


def unit(seed, n):
    """The hash of `reference::fill`: uniform in [-1, 1)."""
    with np.errstate(over="ignore"):
        x = np.uint32(seed) ^ (np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B9))
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def weight(name, *shape):
    """A weight as the model manifest fills it by default."""
    n = math.prod(shape)
    if len(shape) == 1:
        mean, spread = (1.0 if name.endswith(".weight") else 0.0), np.float64(np.float32(0.1))
    else:
        mean, spread = 0.0, np.float64(np.float32(math.sqrt(3 / math.prod(shape[:-1]))))
    return (mean + spread * unit(fnv1a(name), n)).astype(np.float32).astype(np.float64).reshape(shape)


def speech(samples):
    t = np.arange(samples) / 16000
    phase = 2 * np.pi * 110 * t + 10 * (1 - np.cos(4 * np.pi * t))
    voice = sum(np.sin(h * phase) / h for h in range(1, 9))
    sound = 0.25 * np.sin(4 * np.pi * t) ** 2 * voice + 0.005 * unit(0x5EED, samples)
    return sound.astype(np.float32).astype(np.float64)


def mel_filters(n_mels=80, n_fft=400, rate=16000):
    def to_mel(f):
        return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1e-9) / 1000) / np.log(6.4))

    def to_hz(m):
        return np.where(m < 15, 200 * m / 3, 1000 * np.exp(np.log(6.4) * (m - 15) / 27))

    edges = to_hz(np.linspace(0, to_mel(np.array(rate / 2.0)), n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / rate)
    rows = [np.interp(bins, edges[i : i + 3], [0, 1, 0]) * 2 / (edges[i + 2] - edges[i]) for i in range(n_mels)]
    return np.array(rows)


def log_mel(audio):
    padded = np.pad(audio, 200, mode="reflect")
    window = np.hanning(401)[:-1]
    frames = np.stack([padded[i * 160 : i * 160 + 400] * window for i in range(len(audio) // 160)])
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    spec = np.log10(np.maximum(power @ mel_filters().T, 1e-10))
    return (np.maximum(spec, spec.max() - 8) + 4) / 4


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def conv(x, name, width, stride):
    w, b = weight(f"{name}.weight", 3, x.shape[1], width), weight(f"{name}.bias", width)
    padded = np.pad(x, ((1, 1), (0, 0)))
    steps = (len(x) - 1) // stride + 1
    return gelu(np.stack([np.einsum("tc,tcn->n", padded[i * stride : i * stride + 3], w) for i in range(steps)]) + b)


def norm(x, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * weight(f"{name}.weight", x.shape[1]) + weight(f"{name}.bias", x.shape[1])


def linear(x, name, width, bias=True):
    y = x @ weight(f"{name}.weight", x.shape[1], width)
    return y + weight(f"{name}.bias", width) if bias else y


def sinusoids(length, channels):
    scale = np.exp(-np.log(10000) / (channels // 2 - 1) * np.arange(channels // 2))
    angle = np.arange(length)[:, None] * scale[None, :]
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def encoder(mel, d=384, heads=6):
    x = conv(conv(mel, "conv1", d, 1), "conv2", d, 2)
    x = x + sinusoids(len(x), d)
    for i in range(4):
        a = norm(x, f"blocks.{i}.attn_ln")
        parts = [linear(a, f"blocks.{i}.{n}", d, n != "key") for n in ("query", "key", "value")]
        q, k, v = (p.reshape(len(x), heads, -1).transpose(1, 0, 2) for p in parts)
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(d // heads)
        e = np.exp(scores - scores.max(-1, keepdims=True))
        context = (e / e.sum(-1, keepdims=True)) @ v
        x = x + linear(context.transpose(1, 0, 2).reshape(len(x), d), f"blocks.{i}.attn_out", d)
        h = gelu(linear(norm(x, f"blocks.{i}.mlp_ln"), f"blocks.{i}.mlp_in", 4 * d))
        x = x + linear(h, f"blocks.{i}.mlp_out", d)
    return norm(x, "ln_post")


def save(name, values):
    values.astype("<f4").tofile(OUT / f"{name}.f32")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    save("log_mel_0.2s", log_mel(speech(3200)))
    save("whisper_tiny_encoder_0.12s", encoder(log_mel(speech(1920))))
