#!/usr/bin/env python3
"""Writes the seeds: what each fuzzer begins with, a few small inputs of its kind. Needs nothing but Python."""
import json
import struct
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
MANIFESTS = HERE.parent.parent / "manifests"


def npy(descr: str, shape: str, data: bytes) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npz(array: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("x.npy"), array)
    return out.getvalue()


def wav(kind: int, bits: int, channels: int, data: bytes) -> bytes:
    frame = bits // 8 * channels
    form = struct.pack("<HHIIHH", kind, channels, 16000, 16000 * frame, frame, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(at, at + 6)) for at in (0, 100))
    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SAMPLE = {"kind": "first", "wallMs": 1.5, "gpuMs": 0.5, "atMs": 2, "iterations": 1, "hidden": False,
          "gpuMemory": {"bytes": 1024, "peakBytes": 2048, "made": 3, "inferences": 1}}
ADAPTER = {"vendor": "v", "architecture": "a", "device": "=1", "description": "d", "backend": "", "kind": "hardware"}
PHASES = ["deviceReadyMs", "modelLoadMs", "shaderCompileMs", "firstInferenceMs", "timeToFirstResultMs"]
RAN = {
    "runtime": "ort 1", "threads": 4, "dispatches": 3, "context": "", "nodes": 9,
    "onCpu": [{"op": "Conv", "count": 2}, {"op": "Add", "count": 1}],
}
PART = {
    "name": "p", "bytes": 9, "fetchBeganMs": 0, "fetchMs": 1, "createMs": 1, "compileMs": None,
    "firstInferenceMs": None,
}
CLOCKS = {
    "clockStepUs": 5, "timestampStepNs": 1, "timestampDriftPercent": -1, "emptySubmitMs": 0.1,
    "emptySubmitRawMs": 100,
}
FACTS = {
    "userAgent": "Mozilla/5.0", "secureContext": True, "crossOriginIsolated": True, "sharedMemory": True, "cores": 2, "webgpu": True,
    "webnn": False, "webnnRefusal": "no\u202e",
}
FAULT = {"shader": "axpy.wgsl (axpy)", "line": 3, "column": 1, "message": "no such type"}
MESSAGES = [
    {"kind": "hello", "facts": FACTS},
    {"kind": "profiled", "job": 1, "kernels": [{"name": "k", "op": "linear", "dispatches": -0.0, "gpuMs": 1}]},
    {"kind": "probed", "adapter": ADAPTER, "largestBuffer": 2147483644},
    {
        "kind": "prepared", "job": 1, "adapter": ADAPTER, "ran": RAN, "phases": {key: 1 for key in PHASES},
        "parts": [PART], "first": SAMPLE, "clocks": CLOCKS,
    },
    {"kind": "sample", "job": 1, "sample": SAMPLE},
    {"kind": "piloted", "iterations": 8, "inferenceMs": 0.25},
    {"kind": "profiled", "kernels": [{"name": "k", "op": "linear", "dispatches": 2, "gpuMs": 1}]},
    {"kind": "failed", "message": "\u001b[2J", "faults": [FAULT]},
    {"kind": "log", "level": "warn", "text": "a\nb"},
]

TENSORS = [
    {"name": "x", "type": "float32", "shape": [2], "offset": 0, "bytes": 8},
    {"name": "y", "type": "int64", "shape": [1], "offset": 8, "bytes": 8},
    {"name": "z", "type": "bool", "shape": [3], "offset": 16, "bytes": 3},
    {"name": "t", "type": "string", "shape": [3], "offset": None, "bytes": 0},
]
CALLS = {
    "witness": {"backend": "wasm", "onCpu": [{"op": "Conv", "count": 2}]},
    "calls": [{"file": "m.onnx", "feeds": TENSORS[:1], "fetches": TENSORS[1:]}],
}

WEIGHTS = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "F16", "shape": [2, 3], "data_offsets": [24, 36]},
    "c": {"dtype": "BF16", "shape": [4], "data_offsets": [36, 44]},
    "d": {"dtype": "F32", "shape": [1, 2, 2], "data_offsets": [44, 60]},
    "e": {"dtype": "F32", "shape": [0], "data_offsets": [60, 60]},
}

JOBS = "job_id,status,verified,browser,model,workgroup_x,workgroup_y,workgroup_z,axis_u,adapter,group\r\n"
JOBS += "a,ok,true,chrome,axpy,64,1,1,1,x,1\r\nb,ok,true,firefox,axpy,64,1,1,1,x,1\r\nc,skipped,,chrome,axpy,,,,'=2,x,\r\n"
SAMPLES = "job_id,round,kind,wall_ms,gpu_ms,time_to_first_result_ms\r\na,0,first,9,,12\r\nb,0,first,8,,11\r\n"
for number in range(12):
    SAMPLES += f"a,{number % 6},steady,{1 + number / 100},0.5,\r\nb,{number % 6},steady,{2 + number / 100},0.{number},\r\n"
RUN = """format = 1
run_id = "r"
started_at = "2026-11-22T17:52:00Z"
gpujobs_version = "0.1.0"
command = ["gpujobs", "run"]
manifest_path = "m.toml"
manifest = "[matrix]\\n"

[host]
os = "Linux"
cpu = "2"

[browser.chrome]
browser_version = "156"
driver_version = "156"
headless = true
"""
RECORD = 'id = "a/b"\nendpoint = "https://hub.example"\nrevision = "main"\n[[file]]\npath = "config.json"\nbytes = 2\n'
FILES = [
    {"type": "file", "path": "config.json", "size": 2, "oid": "0" * 40},
    {"type": "file", "path": "onnx/model.onnx", "size": 9, "oid": "", "lfs": {"oid": "sha256:" + "a" * 64, "size": 9}},
    {"type": "directory", "path": "onnx", "size": 0, "oid": ""},
]
EXPRESSIONS = ["seconds * 16000", "n // 2 + 1", "[n, batch]|max", "'ab' * n", "n if n > 3 else 2 ** 9", "4*[1]*2444445"]
MODEL_FILES = ["axpy", "attention", "copy"]
OTHER_MODELS = [
    "family = 'text'\nengine = 'transformers'\ntask = 'feature-extraction'\n[source]\nid = 'a/b'\n",
    "family = 'text'\nengine = 'onnxruntime'\nfile = 'm.onnx'\n[dims]\nn = 3\n[[input]]\nname = 'x'\nshape = ['n']\n",
    "family = 'text'\n[dims]\nd = 'batch * 2'\n[[input]]\nname = 'x'\nshape = ['d', 3]\n[[block]]\ntimes = 2\n"
    "[[block.stage]]\nname = 's{i}'\nop = 'linear'\nin = ['x']\nweights = { weight = [3, 3] }\nout = { x = ['d', 3] }\n",
]
BAD_MANIFESTS = ["exclude_unknown_value", "list_for_a_text", "include_twice", "bom_and_a_typo", "duplicate_shape"]


def seeds() -> dict[str, list[bytes | str]]:
    json_line = lambda value: json.dumps(value, separators=(",", ":"))
    bad = [(DATA / "manifests" / "bad" / f"{name}.toml").read_bytes() for name in BAD_MANIFESTS]
    smoke = (MANIFESTS / "smoke.toml").read_text()
    floats = struct.pack("<6f", *range(6))
    halves = struct.pack("<6e", *range(6))
    weights = json_line(WEIGHTS).encode() + b"\n" + floats + halves + b"\x80\x3f" * 4 + floats[:16]
    return {
        "manifest": [smoke, smoke + "\n#--set measure.samples=20\n#--set matrix.batch=[1,2]\n", *bad],
        "model": [(MANIFESTS / "models" / f"{name}.toml").read_text() for name in MODEL_FILES] + OTHER_MODELS,
        "expression": [text + "\nn = 4\nseconds = 0.3\nbatch = 2\n" for text in EXPRESSIONS],
        "page_message": [json_line(message) for message in MESSAGES],
        "posted_calls": [json_line(CALLS).encode() + b"\n" + bytes(19), json_line({**CALLS, "witness": None})],
        "posted_stages": [bytes([choice, 4, 8, 12, 20, 60]) + 3 * floats for choice in (0, 1, 130, 3, 132)],
        "posted_outputs": [bytes([choice, cut]) + 6 * floats for choice, cut in ((0, 9), (1, 20), (2, 16), (3, 24), (4, 0))] + [bytes([0, 9]) + 9 * floats]
        # What a fuzzer found: outputs after a run that was judged wanting, whose first piece is answered.
        + [bytes.fromhex("0318000000000318000000000000803f2b000000400000404003")],
        "input_file": [
            b"\0" + wav(1, 16, 2, bytes(16)), b"\0" + wav(3, 32, 1, floats), b"\x01" + png(), b"\x03" + npy("<f4", "(2, 3)", floats),
            b"\x04" + npz(npy("|i1", "(3,)", b"abc")), b"\x05" + halves, b"\x06" + floats, b"\x07text\n",
        ],
        "run_tables": [JOBS + "\n--- samples.csv\n" + SAMPLES, JOBS + "\n--- s\n" + SAMPLES + "\n--- p\njob_id,part\r\na,x\r\n"],
        "run_toml": [RUN, RECORD],
        "safetensors": [bytes([choice]) + weights for choice in (0, 3, 132, 6)],
        "onnx": [(DATA / "onnx" / f"{name}.onnx").read_bytes() for name in ("branch", "cache", "loop", "half", "cpu_only")],
        "hub": [json_line(FILES) + '\n--- l\n<https://hub.example/b>; rel="next"\n--- r\nbytes 5-9/10\n--- i\norg/name\n'],
    }


def main() -> None:
    for name, inputs in seeds().items():
        folder = HERE / "seeds" / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (folder / str(number)).write_bytes(data if isinstance(data, bytes) else data.encode())
    print(f"{sum(path.stat().st_size for path in HERE.glob('seeds/*/*'))} bytes", file=sys.stderr)


main()
