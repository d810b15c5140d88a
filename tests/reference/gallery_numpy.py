"""Expected values for the models of `manifests/gallery`, made independently of their shaders: by numpy, in float64 where there
are fractions, by the definition rather than by the shader's algorithm (np.cumsum, np.histogram, np.sort, np.fft.fft, …).

Run from the repository's root with numpy installed; it reads the sizes from the models and writes
manifests/gallery/expected/*, which are committed. Python 3.11 or later.
"""

import tomllib
from pathlib import Path

import numpy as np

from whisper_numpy import fnv1a, unit

GALLERY = Path("manifests/gallery")
OUT = GALLERY / "expected"


def params(model):
    return tomllib.loads((GALLERY / "models" / f"{model}.toml").read_text(encoding="utf-8"))["params"]


def values(model, name):
    """The `values` that a model's file gives an input."""
    inputs = tomllib.loads((GALLERY / "models" / f"{model}.toml").read_text(encoding="utf-8"))["input"]
    return np.array(next(entry["values"] for entry in inputs if entry["name"] == name), dtype=np.float32)


def uniform(name, *shape):
    """An input of f32 without a `fill`: each value is one of f32 already."""
    return unit(fnv1a(name), int(np.prod(shape))).reshape(shape)


def tokens(name, below, *shape):
    """An input of whole numbers with `below`."""
    return np.floor((unit(fnv1a(name), int(np.prod(shape))) * 0.5 + 0.5) * below).astype(np.uint32).reshape(shape)


def texels(name, *shape):
    """An input of rgba8unorm without a `fill`: from 0 to 1, in steps of 1/255."""
    return np.round((uniform(name, *shape) * 0.5 + 0.5) * 255) / 255


def prefix_sum(n):
    return np.cumsum(tokens("x", 100, n), dtype=np.uint32)


def histogram(n, bins):
    counts, _ = np.histogram(uniform("x", n), bins=bins, range=(-1, 1))
    return counts.astype(np.uint32)


def bitonic_sort(log2n):
    return np.sort(tokens("keys", 65536, 2**log2n))


def n_body(n, steps, dt, softening):
    bodies = uniform("bodies", n, 8).copy()
    mass = np.abs(bodies[:, 3])
    for _ in range(steps):
        way = bodies[None, :, :3] - bodies[:, None, :3]
        squared = np.sum(way**2, axis=-1) + softening**2
        bodies[:, 4:7] += dt / n * np.einsum("ijk,ij->ik", way, mass[None, :] * squared**-1.5)
        bodies[:, :3] += dt * bodies[:, 4:7]
    return bodies.astype(np.float32)


def life(width, height, generations):
    cells = tokens("cells", 2, height, width)
    around = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    for _ in range(generations):
        neighbours = sum(np.roll(cells, way, axis=(0, 1)) for way in around)
        cells = ((neighbours == 3) | ((neighbours == 2) & (cells == 1))).astype(np.uint32)
    return cells.astype(np.uint8)


def gaussian_blur(width, height):
    taps = values("gaussian-blur", "taps")[:7].astype(np.float64)
    image = texels("image", height, width, 4)
    padded = np.pad(image, [(3, 3), (3, 3), (0, 0)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(0, 1))
    return np.einsum("rckij,i,j->rck", windows, taps, taps).astype(np.float32)


def fft(log2n):
    n = 2**log2n
    x = uniform("x", n, 2)
    pairs = lambda z: np.stack([z.real, z.imag], axis=-1).astype(np.float32)
    return {"twiddles": pairs(np.exp(-2j * np.pi * np.arange(n // 2) / n)), "y": pairs(np.fft.fft(x[:, 0] + 1j * x[:, 1]))}


def reduction(n, groups):
    return np.array([np.mean(uniform("x", n) ** 2)], dtype=np.float32)


def main():
    OUT.mkdir(exist_ok=True)
    for make in [prefix_sum, histogram, bitonic_sort, n_body, life, gaussian_blur, fft, reduction]:
        model = make.__name__.replace("_", "-")
        made = make(**params(model))
        if isinstance(made, dict):
            np.savez(OUT / f"{model}.npz", **made)
        else:
            np.save(OUT / f"{model}.npy", made)


main()
