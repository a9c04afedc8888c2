"""Guard on a large program, and beside it, in the same run, other checkers of Python: time, processor time, memory."""

import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import tree
from bench.measures import Figure
from netra.env import for_subprocess
from tests.guard.checkers.running import environment

# A thousand files are nothing for them to complain of; how fast they are is the same with or without a complaint.
FINE = (0, 1)

EDIT = """

async def netra_bench_saved() -> None:
    pass


async def netra_bench_edited() -> None:
    netra_bench_saved()
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command. Seconds of the clock, seconds of all processors together, bytes at the peak."""

    wall: float
    processor: float
    memory: int


def run(command: list[str | Path], folder: Path, *, weigh: bool = False) -> Run:
    """Run a command in a folder. `weigh`: look at its memory ten times a second, which costs it some time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    popen = subprocess.Popen(
        command, cwd=folder, env=for_subprocess({}), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peak = [0]
    watch = threading.Thread(target=_weigh, args=(popen.pid, peak), daemon=True)
    if weigh:
        watch.start()
    _, said = popen.communicate()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if popen.returncode not in FINE:
        raise RuntimeError(f"{Path(command[0]).name} ended with status {popen.returncode}: {said.strip()[-500:]}")
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0])


def _weigh(pid: int, peak: list[int]) -> None:
    try:
        parent = psutil.Process(pid)
        while parent.is_running():
            peak[0] = max(peak[0], sum(_size(each) for each in [parent, *parent.children(recursive=True)]))
            time.sleep(0.1)
    except psutil.NoSuchProcess:
        return


def _size(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    # A page that several processes share counts once: Linux says so, others do not.
    return int(getattr(memory, "pss", memory.rss))


def measure(quick: bool, say: Callable[[str], None]) -> list[Figure]:
    """Guard cold, warm, after an edit, with one and two processes; then the others, cold, on the same tree."""
    times = 1 if quick else 5
    say("fetching packages to check, and checkers (once) …")
    others = {name: environment(name) / name for name in ("ruff", "mypy", "basedpyright")}
    with tempfile.TemporaryDirectory(prefix="netra-bench-tree-") as name:
        folder = tree.copied(Path(name))
        files = sorted(folder.rglob("*.py"))
        packages = sorted(path.name for path in folder.iterdir() if path.is_dir())
        lines = sum(path.read_bytes().count(b"\n") for path in files)
        guard: list[str | Path] = [sys.executable, "-m", "netra.guard", *packages]
        cache = folder / ".guard_cache"
        warm = [*guard, "--cache-dir", cache]

        say("measuring guard, cold …")
        run([*guard, "--no-cache"], folder)  # the first run of all fills the caches of the disk
        cold = _median([run([*guard, "--no-cache"], folder) for _ in range(times)])
        single = _median([run([*guard, "--no-cache", "--jobs", "1"], folder) for _ in range(times)])
        weighed = run([*guard, "--no-cache"], folder, weigh=True)
        say("measuring guard, warm and after an edit …")
        run(warm, folder)
        again = _median([run(warm, folder) for _ in range(times)])
        edited = _median([_edited(warm, folder, files[len(files) // 2], number) for number in range(times)])
        figures = [
            Figure("lines of Python that are checked", lines, "lines", 325_000, at_least=True),
            Figure("guard, cold", cold.wall, "s", 6),
            Figure("guard, cold, processor time", cold.processor, "s"),
            Figure("guard, cold, with --jobs 1", single.wall, "s"),
            Figure("guard, cold, with --jobs 1, processor time", single.processor, "s"),
            Figure("guard, cold, lines checked", lines / cold.wall, "lines/s"),
            Figure("guard, cold, memory of all its processes at the peak", weighed.memory / 2**20, "MiB", 1024),
            Figure("guard, nothing changed", again.wall, "s", 1),
            Figure("guard, one file changed", edited.wall, "s", 1),
            Figure("guard, one file changed, processor time", edited.processor, "s"),
        ]
        peers: dict[str, list[str | Path]] = {
            "ruff check": [others["ruff"], "check", "--no-cache", "--isolated", *packages],
            "mypy": [others["mypy"], "--no-incremental", "--cache-dir=/dev/null", "--ignore-missing-imports", *packages],
            "basedpyright": [others["basedpyright"], *packages],
        }
        for name, command in list(peers.items())[: 1 if quick else None]:
            say(f"measuring {name} …")
            peer = run(command, folder, weigh=True)
            figures += [
                Figure(f"{name}, cold", peer.wall, "s"),
                Figure(f"{name}, cold, processor time", peer.processor, "s"),
                Figure(f"{name}, cold, memory at the peak", peer.memory / 2**20, "MiB"),
                Figure(f"guard, as a multiple of {name}", cold.wall / peer.wall, "×"),
                Figure(f"guard, as a multiple of {name}, processor time", cold.processor / peer.processor, "×"),
            ]
    return figures


def _edited(command: list[str | Path], folder: Path, file: Path, number: int) -> Run:
    before = file.read_bytes()
    file.write_bytes(before + EDIT.replace("edited", f"edited_{number}").encode())
    try:
        return run(command, folder)
    finally:
        file.write_bytes(before)
        run(command, folder)


def _median(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda each: each.wall)[len(runs) // 2]
