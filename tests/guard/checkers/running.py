"""Each checker in an environment of its own, made from its lock, and run as by somebody who has configured nothing."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[3]
LOCKS: Final = Path(__file__).with_name("locks")
ENVIRONMENTS: Final = Path(sys.prefix) / ".checkers"

# The command of each, run in the folder of the package; {bin} is its own environment, {jobs} the number of processes, and what
# it is to look at comes last. No option here changes what is looked for; they only keep away configurations and caches. Pylint
# leaves out folders without an __init__.py even so, which is most of open-webui. Given every file by name it takes a package's
# own folders for the libraries of their names (`openai`), and fails altogether on a file of open-webui.
COMMANDS: Final = {
    "ruff": "{bin}/ruff check --isolated --no-cache --output-format json",
    "pylint": "{bin}/pylint --rcfile=/dev/null --recursive=y --jobs={jobs} --output-format=json2",
    "mypy": "{bin}/mypy --config-file= --no-incremental --cache-dir=/dev/null --output json",
    "basedpyright": "{bin}/basedpyright --outputjson",
    "ty": "{bin}/ty check --output-format gitlab --no-progress",
    "pyrefly": "{bin}/pyrefly check --output-format json",
    "guard": "{python} -m netra.guard --no-cache --jobs {jobs} --format json",
}


class Package(NamedTuple):
    """An installed package: the folder that it was installed into, with nothing else."""

    name: str
    version: str
    folder: Path
    tops: tuple[str, ...]
    """The folders and files of Python in it, without what installers leave beside them."""


class Timed(NamedTuple):
    """What a run printed and took, in seconds; `ended` is False when the time was up."""

    printed: str
    wall: float
    processor: float
    ended: bool


class CheckerFailed(Exception):
    """A checker could not run."""


def package(folder: Path) -> Package:
    """What `pip install --target FOLDER NAME --no-deps` made. Raises FileNotFoundError when there is no package in it."""
    records = sorted(folder.glob("*.dist-info"))
    if not records:
        raise FileNotFoundError(f"{folder} holds no installed package")
    version = records[0].name.removesuffix(".dist-info").partition("-")[2]
    tops = tuple(
        sorted(
            each.name
            for each in folder.iterdir()
            if (each.is_dir() and each.suffix != ".dist-info" and any(each.rglob("*.py"))) or each.suffix == ".py"
        )
    )
    return Package(folder.name, version, folder, tops)


def environment(checker: str) -> Path:
    """The folder with a checker's commands, made from its lock where it is missing or older than that."""
    where = ENVIRONMENTS / checker
    lock = LOCKS / f"{checker}.lock"
    stamp = where / "lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        uv = Path(sys.prefix, "bin", "uv")
        commands: list[list[str | Path]] = [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, where],
            [uv, "pip", "sync", "--quiet", "--python", where / "bin/python", "--require-hashes", lock],
        ]
        for command in commands:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                raise CheckerFailed(f"{checker}: {done.stderr}")
        stamp.write_bytes(lock.read_bytes())
    return where / "bin"


def run(checker: str, on: Package, *, jobs: int, limit: float) -> Timed:
    """Run a checker over a package for at most `limit` seconds. Raises CheckerFailed when it does not get to a report."""
    where = Path(sys.prefix, "bin") if checker == "guard" else environment(checker)
    command = COMMANDS[checker].format(bin=where, jobs=jobs, python=sys.executable).split()
    # Without PATH to somebody else's environment: a type checker that found one would see other libraries than the rest.
    seen = {"PATH": f"{where}:/usr/bin:/bin", "HOME": os.path.expanduser("~"), "PYTHONPATH": ""}  # noqa: PTH111 - a text for a child
    before, began, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), True
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*command, *on.tops], cwd=on.folder, env=seen, stdout=printed, stderr=said, start_new_session=True
        )
        try:
            status = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status, ended = process.wait(), False
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        printed.seek(0)
        said.seek(0)
        text = printed.read().decode("utf-8", "replace")
        if ended and not text.strip() and status != 0:
            raise CheckerFailed(f"{checker} on {on.name}: {said.read().decode('utf-8', 'replace')[-400:]}")
    return Timed(text, wall, processor, ended)
