#!/usr/bin/env python3
"""Is a broken shader ever called right? Fifty small mutants of ten shipped shaders, each run in a real browser.

    cargo build --locked --release
    python3 tests/bench/mutants.py                    # some minutes; GPUJOBS names another program
    python3 tests/bench/mutants.py --browser firefox  # default: chrome
    python3 tests/bench/mutants.py --only life        # the mutants of one shader
    python3 tests/bench/mutants.py --beside other.md  # what another adapter or browser printed

Each mutant is one change of one template: a constant, an index, a bound, a barrier or a type. It must be `incorrect`, or
refused by the compiler. One that is verified must change nothing that can be seen, and MUTANTS says why; any other is a fault
of verification, and the exit status is 1.

A removed barrier is a race, which an adapter may never lose: then every output is right, and nothing that looks at outputs
can tell. Such a mutant is `forgiven` where the table given with --beside shows that it is `incorrect` elsewhere, so that the
check sees the race where it happens. Without that it is VERIFIED like any other. Python 3.11 or later, nothing else.
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "manifests/gallery"
OPS = ROOT / "tests/bench/mutants/mutants.toml"

TILED = ["--set", f'compiler.{{compiler}}.product.form="tiled"']

# Shader: its file, the model that runs it, what else its run is told, and its mutants: kind, text, what stands in its place
# (of the text's first occurrence, or of the one that a number names), and for one that changes nothing, why.
MUTANTS = {
    "softmax": ("shaders/softmax.wgsl", "softmax", [], [
        ("constant", "T(-3.4e38);", "T(0.0);", 1,
         "a row's exponents may be shifted by any number that is not below its largest element"),
        ("constant", 'total", "dot(sum, T(1.0))" if wide == 4 else "sum", "sum"', 'total", "dot(sum, T(1.0))" if wide == 4 else "sum", "max"'),
        ("index", "y[base + c]", "y[base + c + 1u]"),
        ("barrier", "    workgroupBarrier();\n", ""),
        ("type", "exp(VALUE - peak) / total", "f32(i32(exp(VALUE - peak))) / total"),
    ]),
    "layer_norm": ("shaders/layer_norm.wgsl", "layer-norm", [], [
        ("constant", "let variance = spread * {{ (1 / d)", "let variance = spread * {{ (1 / (d - 1))"),
        ("constant", "inverseSqrt(variance + {{ eps | f32 }})", "inverseSqrt(variance + 10.0 * {{ eps | f32 }})"),
        ("index", '"weight[c]"', '"weight[c + 1u]"'),
        ("barrier", "    workgroupBarrier();\n", ""),
        ("type", 'else "centred * centred"', 'else "f32(i32(centred * centred))"'),
    ]),
    "product_direct": ("shaders/lib/product_direct.wgsl", "matmul", [], [
        ("constant", "min(row + \" ~ i ~ \"u, \" ~ (m - 1)", "min(row + \" ~ i ~ \"u, \" ~ (m - 2)"),
        ("index", "let at = k * {{ tk * columns }}u + column;", "let at = k * {{ tk * columns }}u + column + 1u;"),
        ("bound", "|| row >= {{ m }}u", "", 1,
         "rows past the last one are computed as the last one is, and left out where they are stored"),
        ("bound", "step < {{ steps }}u", "step < {{ steps - 1 }}u"),
        ("type", "{{ row_type }}(x[a{{ i }} + k])", "{{ row_type }}(i32(x[a{{ i }} + k]))"),
    ]),
    "product_tiled": ("shaders/lib/product_tiled.wgsl", "matmul", TILED, [
        ("constant", "{% for k in range(bk) %}\n        {", "{% for k in range(1, bk) %}\n        {"),
        ("index", "let row = row0 + ty * {{ tm }}u + {{ i }}u;", "let row = row0 + tx * {{ tm }}u + {{ i }}u;"),
        ("bound", "if (row < {{ m }}u) {", "if (row <= {{ m }}u) {"),
        ("barrier", "{{ keep() }}\n        workgroupBarrier();", "{{ keep() }}"),
        ("barrier", "{% endfor %}\n        workgroupBarrier();\n    }\n", "{% endfor %}\n    }\n"),
    ]),
    "attention_direct": ("shaders/lib/attention_direct.wgsl", "attention", [], [
        ("constant", "(1 / width ** 0.5)", "(1 / width)"),
        ("constant", "var peak = -3.4e38;", "var peak = 0.0;", 1,
         "exponents may be shifted by any number that is not below the largest score"),
        ("index", "apart // 4 }}u + head * {{ parts }}u;\n{%", "apart // 4 }}u;\n{%"),
        ("bound", "query >= {{ t }}u", "query > {{ t }}u"),
        ("type", "let fade = exp(peak - high);", "let fade = f32(i32(exp(peak - high)));"),
    ]),
    "prefix_blocks": ("gallery/prefix_blocks.wgsl", "prefix-sum", [], [
        ("constant", "distance *= 2u", "distance *= 4u"),
        ("index", "partial[lane - distance]", "partial[lane - 1u]"),
        ("bound", "lane >= distance", "lane > distance"),
        ("barrier", "        workgroupBarrier();\n        if (lane", "        if (lane", 1,
         "a race that is never lost where lanes run in order, as on a software adapter: each reads what a lower one wrote"),
        ("barrier", "        }\n        workgroupBarrier();\n", "        }\n"),
    ]),
    "life": ("gallery/life.wgsl", "life", [], [
        ("constant", "neighbours == 3u", "neighbours == 4u"),
        ("index", "u + {{ width }}u;", "u + {{ width - 1 }}u;"),
        ("index", "% {{ height }}u * {{ width }}u", "% {{ height }}u * {{ height }}u"),
        ("bound", "if (i >= {{ height * width }}u)", "if (i > {{ height * width - 2 }}u)"),
        ("type", "var neighbours = 0u;", "var neighbours = 0.0;"),
    ]),
    "reduction": ("gallery/reduction.wgsl", "reduction", [], [
        ("constant", "override scale: f32 = 1.0;", "override scale: f32 = 2.0;", 1,
         "the one stage that scales gives its own value, as `params`"),
        ("index", "partial[lane + half]", "partial[lane + half - 1u]"),
        ("bound", "i < {{ n }}u; i += {{ grid[0] * lanes }}u", "i < {{ n - 1 }}u; i += {{ grid[0] * lanes }}u"),
        ("barrier", "        workgroupBarrier();\n", ""),
        ("type", "sum += x[i] * x[i];", "sum += f32(i32(x[i] * x[i]));"),
    ]),
    "n_body": ("gallery/n_body.wgsl", "n-body", [], [
        ("constant", "vec4f(pull, 0.0)", "vec4f(pull, 1.0)"),
        ("index", "old[min(first + lane,", "old[min(first,"),
        ("bound", "first + lane < {{ n }}u", "true"),
        ("barrier", "        workgroupBarrier();\n        for", "        for"),
        ("barrier", "        }\n        workgroupBarrier();\n", "        }\n"),
    ]),
    "blur": ("gallery/blur.wgsl", "gaussian-blur", [], [
        ("constant", "vec2f(id.xy) + 0.5;", "vec2f(id.xy);"),
        ("index", "(tap - 3)", "(tap - 2)"),
        ("bound", "id.x >= {{ width }}u", "id.x > {{ width }}u", 1, "a texture keeps nothing that is written beyond its edges"),
        ("bound", "id.y >= {{ height }}u", "id.y >= {{ height - 1 }}u"),
        ("type", "texture_2d<f32>", "texture_2d<u32>"),
    ]),
}


def mutated(source, mutant):
    """The text with one change; the text that is changed must be there."""
    _, old, new, *rest = mutant
    place = rest[0] if rest else 1
    parts = source.split(old)
    if len(parts) <= place:
        sys.exit(f"mutants.py: the shader no longer holds {old!r}")
    return old.join(parts[:place]) + new + old.join(parts[place:])


def run(gpujobs, browser, file, model, more, text, work):
    """The row of the model whose shader is `text`, or what gpujobs refuses before a browser opens."""
    folder, name = file.split("/", 1)
    shaders = work / "shaders"
    if folder == "gallery":
        shutil.copytree(GALLERY / "shaders", shaders)
    path = shaders / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    manifest = GALLERY / "gallery.toml" if folder == "gallery" else OPS
    compiler = "naga" if browser == "firefox" else "tint"
    command = [gpujobs, "run", manifest, "--out", work / "out", "--quiet", "--shaders", shaders]
    command += ["--set", f'matrix.browser="{browser}"', "--set", f'matrix.model="{model}"', "--set", "measure.retries=0"]
    command += [word.replace("{compiler}", compiler) for word in more]
    ended = subprocess.run(command, capture_output=True, text=True)
    tables = list((work / "out").glob("*/jobs.csv"))
    if not tables:
        return {"status": "refused", "verified": "", "reason": " ".join(ended.stderr.split())}
    with tables[0].open(newline="", encoding="utf-8") as table:
        [row] = csv.DictReader(table)
    return row


def verdict(row, kind, why, elsewhere):
    """What came of a mutant, and whether that is as it should be; `elsewhere` is what came of it there, if that is known."""
    if row["status"] == "ok" and row["verified"] == "true":
        if why:
            return ("equivalent", True)
        return ("forgiven", True) if kind == "barrier" and elsewhere == "incorrect" else ("VERIFIED", False)
    if row["status"] in ("incorrect", "refused") or (row["status"] == "failed" and "wgsl" in row["reason"]):
        found = "incorrect" if row["status"] == "incorrect" else "refused"
        # A race that is never lost on one adapter may be on another.
        return (found, not why or kind == "barrier")
    return (f"{row['status']} {row['verified']}".strip(), False)


def cells(line):
    """Those of a line of a table that this script printed."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def table(path):
    """The verdicts of a table that this script printed, by shader, kind and change."""
    rows = [cells(line) for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    if not rows or rows[0][:4] != ["shader", "kind", "change", "verdict"]:
        sys.exit(f"mutants.py: {path} is no table of this script")
    return {tuple(row[:3]): row[3] for row in rows[1:]}


def summary(counts):
    """How many came out how, and of those that passed for right, what they were."""
    total = Counter()
    for (found, _), count in counts.items():
        total[found] += count
    lines = [f"{total.total()} mutants: " + ", ".join(f"{count} {found}" for found, count in total.most_common())]
    verified = {kind: count for (found, kind), count in counts.items() if found == "VERIFIED"}
    barriers = verified.pop("barrier", 0)
    if verified or barriers:
        others = ", ".join(f"{count} {kind}" for kind, count in sorted(verified.items())) or "none"
        lines.append(f"VERIFIED: barriers removed {barriers}, others {others}")
    if barriers or total["forgiven"]:
        lines.append("A race that did not happen leaves every output right: no check of outputs can see it.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--browser", default="chrome", choices=["chrome", "firefox"])
    parser.add_argument("--only", help="a shader")
    parser.add_argument("--beside", type=Path, help="what this script printed with another adapter or browser")
    asked = parser.parse_args()
    gpujobs = os.environ.get("GPUJOBS", ROOT / "target/release/gpujobs")
    elsewhere = table(asked.beside) if asked.beside else {}
    counts, faults = Counter(), 0
    print("| shader | kind | change | verdict | |\n|---|---|---|---|---|")
    for shader, (file, model, more, mutants) in MUTANTS.items():
        if asked.only not in (None, shader):
            continue
        folder, name = file.split("/", 1)
        source = (GALLERY / "shaders" / name if folder == "gallery" else ROOT / file).read_text(encoding="utf-8")
        for mutant in [None, *mutants]:
            with tempfile.TemporaryDirectory() as work:
                text = mutated(source, mutant) if mutant else source
                row = run(gpujobs, asked.browser, file, model, more, text, Path(work))
            if mutant is None:
                # What says nothing wrong of the shader itself can say nothing of its mutants.
                if (row["status"], row["verified"]) != ("ok", "true"):
                    sys.exit(f"mutants.py: {shader} itself is {row['status']}: {row['reason']}")
                continue
            kind, old, new, *rest = mutant
            why = rest[1] if len(rest) > 1 else ""
            change = " -> ".join(f"`{' '.join(text.split())}`".replace("|", "\\|") for text in (old, new))
            found, right = verdict(row, kind, why, elsewhere.get((shader, kind, change)))
            counts[found, kind] += 1
            faults += not right
            passed = found in ("VERIFIED", "forgiven")
            said = why if found == "equivalent" else f"largest relative error {row['max_rel_error']}" if passed else row["reason"]
            print(f"| {shader} | {kind} | {change} | {found} | {said[:160].replace('|', chr(92) + '|')} |", flush=True)
    print("\n" + summary(counts))
    sys.exit(1 if faults else 0)


main()
