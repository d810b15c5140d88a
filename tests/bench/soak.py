#!/usr/bin/env python3
"""Does a long run stay right? 500 jobs in Chromium and Firefox with a fault planted in each tenth, and nothing left of them.

    cargo build --locked --release
    python3 tests/bench/soak.py             # some minutes, on Linux; GPUJOBS names another program
    python3 tests/bench/soak.py --jobs 50   # in each browser; default: 250

Each row must be what its job was planted to be, gpujobs may take no more memory from the first fifty rows to the end than 20 KiB a
row (which it keeps for its closing table) and the tables that it then reads, and no process, with its sockets, and no temporary
folder of it may be left; else the exit status is 1.
Python 3.11 or later, nothing else.
"""

import argparse
import csv
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from left import processes

ROOT = Path(__file__).resolve().parents[2]

# What comes of each kind of fault, as `soak/shaders/soak.wgsl` numbers them: the row's status, and what its reason says.
FAULTS = [
    ("unsupported", "it is planted"),
    ("unsupported", "workgroup memory"),
    ("incorrect", "expected"),
    ("incorrect", "never written"),
    ("incorrect", "NaN"),
    ("incorrect", "writes beyond the end"),
    ("timed_out", ""),
]


# What a row may take of gpujobs's memory, and what an allocator may.
ROW_KIB, SLACK_MIB = 20, 2


def planted(job):
    """What the row of a job must say."""
    return FAULTS[job // 10 % len(FAULTS)] if job % 10 == 0 else ("ok", "")


def rows(out):
    tables = list(out.glob("*/jobs.csv"))
    if not tables:
        return []
    with tables[0].open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def use(pid):
    """Resident memory in MiB, open files and threads of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")

    def field(name):
        return int(status.split(f"{name}:")[1].split()[0])

    return {"mib": field("VmRSS") / 1024, "files": len(os.listdir(f"/proc/{pid}/fd")), "threads": field("Threads")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=250, help="in each browser")
    asked = parser.parse_args()
    gpujobs = os.environ.get("GPUJOBS", ROOT / "target/release/gpujobs")
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        shutil.copytree(ROOT / "tests/bench/soak", work / "soak")
        (work / "soak/expected.f32").write_bytes(struct.pack("<1000f", *range(1000)))
        (work / "tmp").mkdir()
        command = [gpujobs, "run", work / "soak/soak.toml", "--out", work / "out", "--quiet"]
        command += ["--set", f"axes.job={json.dumps(list(range(asked.jobs)))}"]
        began = time.monotonic()
        environment = {**os.environ, "TMPDIR": f"{work}/tmp"}
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        uses = {}
        while run.poll() is None:
            done = len(rows(work / "out"))
            try:
                # Of each fifty rows the last look.
                uses[done // 50] = (done, use(run.pid))
            except (OSError, IndexError):
                break
            time.sleep(0.5)
        told = run.communicate()[1].decode(errors="replace")
        lasted = time.monotonic() - began
        table = rows(work / "out")
        faults = []
        for row in table:
            status, reason = planted(int(row["axis_job"]))
            # Mesa's lavapipe ends every loop after 65,535 turns, so there it is a wrong result.
            if status == "timed_out" and row["browser"] == "firefox" and row["status"] == "incorrect":
                status = "incorrect"
            verified = {"ok": "true", "incorrect": "false"}.get(status, "")
            if (row["status"], row["verified"]) != (status, verified) or reason not in row["reason"]:
                faults.append(f"{row['job_id']} is {row['status']} {row['verified']}, not {status}: {row['reason'][:200]}")
        if len(table) != 2 * asked.jobs:
            faults.append(f"{len(table)} rows, not {2 * asked.jobs}")
        # The first twenty jobs of a browser have no fault that is more than `unsupported`.
        if run.returncode != (asked.jobs > 20):
            faults.append(f"exit code {run.returncode}: {told[-500:]}")
        # The watchdog ends once it has seen that nothing is left.
        end = time.monotonic() + 10
        while processes(work / "tmp") and time.monotonic() < end:
            time.sleep(0.1)
        left = processes(work / "tmp")
        faults += [f"left: {line}" for line in left]
        faults += [f"left: {path}" for path in (work / "tmp").iterdir()]
        counts = Counter(row["status"] for row in table)
        print(f"{len(table)} jobs in {lasted:.0f} s: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
        for done, used in uses.values():
            print(f"after {done} rows {used['mib']:.1f} MiB, {used['files']} open files, {used['threads']} threads")
        # The last look may be after the tables were read.
        looks = [*uses.values()][:-1] or [*uses.values()]
        early, late = looks[0], looks[-1]
        if late[1]["mib"] - early[1]["mib"] > (late[0] - early[0]) * ROW_KIB / 1024 + SLACK_MIB:
            faults.append(f"memory grew from {early[1]['mib']:.1f} MiB to {late[1]['mib']:.1f}")
        print("\n".join(faults) or "all as planted, nothing left")
        sys.exit(1 if faults else 0)


main()
