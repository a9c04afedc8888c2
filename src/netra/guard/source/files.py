"""Finding files and reading them: whatever they hold, the outcome is facts and a list of what could not be read."""

import errno
import hashlib
import io
import os
import re
import stat
import subprocess
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.facts import File, Ignore, Problem
from netra.guard.source.collector import collect
from netra.guard.source.parsing import parsed
from netra.guard.source.waivers import waivers

# A larger file was not written by a person. The largest one in the packages that guard was tried on has 1.1 MB.
LARGEST: Final = 4 * 1024 * 1024

LIMIT: Final = f"guard reads source files of up to {LARGEST:,} bytes"
"""How what is said of a larger file ends."""

# Never somebody's own code, wherever git is not there to say so.
SKIPPED: Final = frozenset(
    ".git .hg .svn .venv venv .tox .nox __pycache__ node_modules site-packages .mypy_cache .ruff_cache .eggs".split()
)

# `{{cookiecutter.package}}/main.py`: what a template makes a program of is none yet.
TEMPLATED: Final = "{{"

IGNORE: Final = re.compile(r"#\s*guard:\s*ignore\[([A-Z0-9, ]+)\][ \t]*([^#\n]*)")

# Another checker's word for the same fault: whoever has excused it there has looked at it.
KNOWN_ELSEWHERE: Final = {"RUF006": "A112", "asyncio-dangling-task": "A112"}
EXCUSED_ELSEWHERE: Final = re.compile(
    r"#\s*(?:noqa:[ \t]*(?:[A-Z0-9]+[, ]+)*|ruff:[ \t]*ignore\[(?:[\w-]+[, ]+)*)(RUF006|asyncio-dangling-task)\b"
)


class Read(NamedTuple):
    """A file as it came from the disk: its bytes, or why there are none."""

    content: bytes
    refusal: str


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file of Python below the paths, each once, in order; what git ignores and what is no source is left out.

    A path that is no folder is taken as it is, whatever it is called.
    """
    seen: set[str] = set()
    for path in paths:
        for each in sorted(_tracked(path) or _walked(path)) if path.is_dir() else [path]:
            real = os.path.realpath(each)  # Path.resolve raises for a link that leads to itself
            if real not in seen and (each is path or (TEMPLATED not in str(each) and _may_be_read(each))):
                seen.add(real)
                yield each


def _may_be_read(path: Path) -> bool:
    """A file, or something that nobody may look at, of which `read` says why; no pipe, device, or link to nowhere."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def _tracked(folder: Path) -> list[Path]:
    """What git has or would take; nothing where there is no git, or where git ignores the whole folder."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout  # noqa: S603 - a constant command; the folder is one argument
    except (OSError, subprocess.SubprocessError):
        return []
    names = [folder / os.fsdecode(name) for name in listed.split(b"\0") if name]
    return [name for name in names if SKIPPED.isdisjoint(name.relative_to(folder).parts)]


def _walked(folder: Path) -> list[Path]:
    # os.walk follows no symbolic link to a folder, so a loop of them ends where it begins.
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        found += [Path(where, name) for name in files if name.endswith(".py")]
    return found


def read(path: Path) -> Read:
    """The bytes of a file. One that is too large, cannot be read or is no text comes with the reason instead."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Read(b"", "this is no file but a pipe, a socket or a device: nothing is read from it")
        if status.st_size > LARGEST:
            return _too_large(status.st_size)
        content = path.read_bytes()
    except OSError as error:
        return Read(b"", f"the file cannot be read: {error.strerror}")
    return taken(content)


def taken(content: bytes) -> Read:
    """Bytes that came from elsewhere than the disk, held to what a file is held to."""
    if len(content) > LARGEST:
        return _too_large(len(content))
    if b"\0" in content:
        return Read(b"", "the file holds null bytes: it is not source code")
    return Read(content, "")


def _too_large(size: int) -> Read:
    return Read(b"", f"the file has {size:,} bytes; {LIMIT}")


def digest(content: bytes) -> bytes:
    """What a file's facts are stored under."""
    return hashlib.blake2b(content, digest_size=16).digest()


def encoding(content: bytes) -> str:
    """The encoding that a source file declares, `utf-8-sig` when it begins with a byte order mark. Raises SyntaxError."""
    declared, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return declared


def decoded(content: bytes) -> str:
    """The text of a source file, by its declared encoding. Raises SyntaxError, UnicodeError or LookupError when it has none."""
    return content.decode(encoding(content)).replace("\r\n", "\n").replace("\r", "\n")


def understand(each: Read) -> File:
    """The facts of a file. Never raises for what the file holds: what cannot be read is among its problems."""
    if each.refusal:
        return _unreadable(each.refusal)
    try:
        text = decoded(each.content)
    except (SyntaxError, UnicodeError, LookupError) as error:
        return _unreadable(f"the file cannot be decoded: {error}")
    body, problems = parsed(text)
    file = collect(body, text.count("\n") + (not text.endswith("\n")), text)
    return file._replace(ignores=ignores(text), problems=(*problems, *file.problems), waived=waivers(text))


def _unreadable(why: str) -> File:
    return collect([], 0)._replace(problems=(Problem(1, 0, 1, why, ""),))


def ignores(text: str) -> tuple[Ignore, ...]:
    """Every `# guard: ignore[…]` with its codes and its reason, and every `# noqa` of a rule that has a twin here."""
    if "guard:" not in text and not any(code in text for code in KNOWN_ELSEWHERE):
        return ()
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if match := EXCUSED_ELSEWHERE.search(line):
            found.append(Ignore(number, (KNOWN_ELSEWHERE[match[1]],), f"excused as {match[1]}", False))
        if match := IGNORE.search(line):
            codes = tuple(code for code in re.split(r"[ ,]+", match[1]) if code)
            found.append(Ignore(number, codes, match[2].strip(), not line[: match.start()].strip()))
    return tuple(found)
