#!/usr/bin/env python3
"""Is anything lost where gpujobs is killed while it makes its files safe? A run is killed at its first sync, at its second, and
so on until one ends by itself; each is taken up again.

    cargo build --locked
    python3 tests/bench/killed_at_sync.py    # a minute, on Linux, with a C compiler and Chromium; GPUJOBS names another program

After each kill the run folder must hold whole rows only, each job once at most, and none of the processes and temporary folders
of the run; after `--resume` each job once, with all of its samples. Else the exit status is 1. Python 3.11 or later.
"""

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from left import processes

ROOT = Path(__file__).resolve().parents[2]

JOBS, SAMPLES = 4, 3
MANIFEST = f"""
name = "killed"
[matrix]
browser = "chrome"
model = ["axpy", "copy"]
workgroup_size = [[64, 1, 1], [32, 1, 1]]
[model.axpy]
params = {{ n = 1000 }}
[model.copy]
params = {{ n = 1000 }}
[measure]
samples = {SAMPLES}
rounds = 1
warmup = 1
instances = 1
"""

# Loaded into gpujobs: kills it in place of the sync with this number. Browsers and the watchdog have the variables too.
SHIM = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void count(void) {
    static atomic_int syncs;
    char name[16] = {0};
    int file = open("/proc/self/cmdline", O_RDONLY);
    char line[4096] = {0};
    if (file >= 0) { read(file, line, sizeof line - 1); close(file); }
    const char *base = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;
    strncpy(name, base, sizeof name - 1);
    // The first argument follows the program's name.
    if (strcmp(name, "gpujobs") || strcmp(line + strlen(line) + 1, "run")) return;
    const char *at = getenv("KILLED_AT");
    if (at && atomic_fetch_add(&syncs, 1) + 1 == atoi(at)) kill(getpid(), SIGKILL);
}
int fdatasync(int file) { count(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file); }
int fsync(int file) { count(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
"""


def table(folder, name):
    """The rows of a table, which must be whole."""
    path = folder / name
    if not path.exists() or not path.stat().st_size:
        return []
    text = path.read_text(encoding="utf-8")
    if not text.endswith("\n"):
        # A row that was cut is one that `--resume` removes.
        text = text[: text.rfind("\n") + 1]
    return [row for row in csv.DictReader(text.splitlines(keepends=True)) if None not in row.values()]


def left(work):
    """What of a run is left."""
    return [*processes(work / "tmp"), *(path.name for path in (work / "tmp").iterdir())]


def killed_at(gpujobs, shim, sync):
    """What was wrong with a run that was killed at this sync, and whether it was killed at all."""
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "tmp").mkdir()
        (work / "m.toml").write_text(MANIFEST, encoding="utf-8")
        environment = {**os.environ, "TMPDIR": f"{work}/tmp"}
        run = [gpujobs, "run", work / "m.toml", "--out", work / "out", "--quiet"]
        killing = {**environment, "LD_PRELOAD": str(shim), "KILLED_AT": str(sync)}
        ended = subprocess.run(run, env=killing, capture_output=True)
        if ended.returncode == 0:
            return [], False
        faults = []
        if ended.returncode != -signal.SIGKILL:
            faults.append(f"it ended with {ended.returncode}: {ended.stderr[-400:]}")
        # The watchdog ends once it has seen that nothing is left.
        end = time.monotonic() + 20
        while left(work) and time.monotonic() < end:
            time.sleep(0.1)
        faults += [f"left: {what}" for what in left(work)]
        folder = next(iter((work / "out").glob("*")), None)
        more = []
        if folder and (folder / "run.toml").exists():
            jobs = Counter(row["job_id"] for row in table(folder, "jobs.csv"))
            faults += [f"{job} is there {count} times" for job, count in jobs.items() if count > 1]
            more = ["--resume", folder]
        again = subprocess.run(run + more, env=environment, capture_output=True, text=True)
        if again.returncode != 0:
            return [*faults, f"run again it ended with {again.returncode}: {again.stderr[-400:]}"], True
        if not more:
            folder = next(path for path in (work / "out").glob("*") if path != folder)
        rows = table(folder, "jobs.csv")
        samples = Counter(row["job_id"] for row in table(folder, "samples.csv") if row["kind"] == "steady")
        if len(rows) != JOBS or len({row["job_id"] for row in rows}) != JOBS or any(row["status"] != "ok" for row in rows):
            faults.append(f"{[(row['job_id'], row['status']) for row in rows]}")
        if dict(samples) != {row["job_id"]: SAMPLES for row in rows}:
            faults.append(f"samples: {dict(samples)}")
        return faults, True


def main():
    gpujobs = os.environ.get("GPUJOBS", ROOT / "target/debug/gpujobs")
    sync, bad = 1, 0
    with tempfile.TemporaryDirectory() as folder:
        source, shim = Path(folder) / "shim.c", Path(folder) / "shim.so"
        source.write_text(SHIM, encoding="utf-8")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
        while True:
            faults, killed = killed_at(gpujobs, shim, sync)
            if not killed:
                break
            print(f"sync {sync}: " + ("; ".join(faults) or "nothing lost, nothing left"), flush=True)
            bad += bool(faults)
            sync += 1
    print(f"{sync - 1} syncs, {bad} with faults")
    sys.exit(1 if bad or sync == 1 else 0)


main()
