"""What a run of gpujobs leaves behind."""

from pathlib import Path


def processes(temporary):
    """The command lines of processes whose environment names this temporary folder, as all of a run do."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={temporary}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120])
        except OSError:
            # It has ended meanwhile.
            pass
    return found
