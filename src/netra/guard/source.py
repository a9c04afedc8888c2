"""Finding files, reading them, parsing them: whatever they hold, the outcome is facts and a list of what could not be read."""

import ast
import hashlib
import io
import os
import re
import subprocess
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.collector import collect
from netra.guard.facts import File, Ignore, Problem

# A larger file was not written by a person. The largest one in the packages that guard was tried on has 1.1 MB.
LARGEST: Final = 4 * 1024 * 1024

# Never somebody's own code, wherever git is not there to say so.
SKIPPED: Final = frozenset(
    ".git .hg .svn .venv venv .tox .nox __pycache__ node_modules site-packages .mypy_cache .ruff_cache .eggs".split()
)

# What a newer Python reads: how it looks, since when, and how to write it so that an older one sees the same names.
NEWER: Final = (
    (
        "a type statement",
        (3, 12),
        re.compile(r"^([ \t]*)type[ \t]+(\w+)(?:\[[^\]\n]*\])?[ \t]*=(?!=)", re.MULTILINE),
        r"\1\2 =",
    ),
    (
        "type parameters",
        (3, 12),
        re.compile(r"^([ \t]*(?:async[ \t]+def|def|class)[ \t]+\w+)\[[^\]\n]*\]", re.MULTILINE),
        r"\1",
    ),
    (
        "except without parentheses",
        (3, 14),
        re.compile(r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:", re.MULTILINE),
        r"\1(\2):",
    ),
    ("a template string", (3, 14), re.compile(r"""(?<![\w"'])[tT]([rR]?)(?=["'])"""), r"f\1"),
)
NESTED_QUOTES: Final = re.compile(r"f-string|unterminated string")

IGNORE: Final = re.compile(r"#\s*guard:\s*ignore\[([A-Z0-9, ]+)\][ \t]*([^#\n]*)")

# A line that goes on with the block before it, although it stands at the same depth.
CONTINUES: Final = re.compile(r"\s*(?:else|elif|except|finally|case)\b|\s*[)\]}]|\s*$|\s*#")


class Read(NamedTuple):
    """A file as it came from the disk: its bytes, or why there are none."""

    content: bytes
    refusal: str


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file of Python below the paths, each once, in order; what git ignores and what is no source is left out.

    A path that is itself a file is taken as it is.
    """
    seen: set[Path] = set()
    for path in paths:
        for each in [path] if path.is_file() else sorted(_tracked(path) or _walked(path)):
            real = each.resolve()
            if real not in seen and each.is_file():
                seen.add(real)
                yield each


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
        if (size := path.stat().st_size) > LARGEST:
            return _too_large(size)
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
    return Read(b"", f"the file has {size:,} bytes; guard reads source files of up to {LARGEST:,}")


def digest(content: bytes) -> bytes:
    """What a file's facts are stored under."""
    return hashlib.blake2b(content, digest_size=16).digest()


def decoded(content: bytes) -> str:
    """The text of a source file, by its declared encoding. Raises SyntaxError or UnicodeDecodeError when it has none."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def understand(each: Read) -> File:
    """The facts of a file. Never raises for what the file holds: what cannot be read is among its problems."""
    if each.refusal:
        return _unreadable(each.refusal)
    try:
        text = decoded(each.content)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        return _unreadable(f"the file cannot be decoded: {error}")
    body, problems = parsed(text)
    lines = text.count("\n") + 1
    try:
        file = collect(body, lines)
    except RecursionError:
        return _unreadable("an expression in the file is nested too deeply to be followed")
    return file._replace(ignores=ignores(text), problems=problems)


def _unreadable(why: str) -> File:
    return collect([], 0)._replace(problems=(Problem(1, 0, 1, why, ""),))


def parsed(text: str) -> tuple[list[ast.stmt], tuple[Problem, ...]]:
    """The statements of a file that can be read, and what cannot."""
    outcome = _tree(text)
    if isinstance(outcome, ast.Module):
        return outcome.body, ()
    older, problems = _rewritten(text)
    if problems:
        again = _tree(older)
        if isinstance(again, ast.Module):
            return again.body, problems
    body, rest = _by_blocks(older if problems else text)
    return body, (*problems, *rest)


def _tree(text: str) -> ast.Module | SyntaxError:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's string is not guard's to report
            return ast.parse(text)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:
        return SyntaxError(str(error) or type(error).__name__)


def _rewritten(text: str) -> tuple[str, tuple[Problem, ...]]:
    """The text with newer syntax written as an older Python can read it, on the same lines, and what was rewritten."""
    problems = []
    for what, since, pattern, older in NEWER:
        if sys.version_info >= since:
            continue
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            newer = f"Python {since[0]}.{since[1]}"
            problems.append(Problem(line, 0, line, f"{what}: syntax of {newer}, read here by {_running()}", newer))
        text = pattern.sub(older, text)
    return text, tuple(problems)


def _running() -> str:
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"


def _by_blocks(text: str) -> tuple[list[ast.stmt], list[Problem]]:
    body: list[ast.stmt] = []
    problems: list[Problem] = []
    lines = text.split("\n")
    for first, last in blocks(lines, 0, len(lines), 0):
        outcome = _tree("\n".join(lines[first:last]))
        if isinstance(outcome, ast.Module):
            body += [_moved(each, first) for each in outcome.body]
            continue
        if isinstance(whole := _methods(lines, first, last, problems), ast.stmt):
            body.append(whole)
        else:
            problems.append(_problem(outcome, first))
    return body, problems


def _methods(lines: list[str], first: int, last: int, problems: list[Problem]) -> ast.stmt | None:
    """A class of which some part cannot be read, with the parts that can. None when its head is the fault."""
    head = first
    while head < last and lines[head].startswith(("@", ")", " ", "#")):
        head += 1
    if head >= last or not lines[head].startswith("class ") or not lines[head].rstrip().endswith(":"):
        return None
    inner = next((line for line in lines[head + 1 : last] if line.strip() and not line.lstrip().startswith("#")), "")
    depth = len(inner) - len(inner.lstrip())
    whole = _tree("\n".join([*lines[first : head + 1], " pass"]))
    if not depth or not isinstance(whole, ast.Module) or not isinstance(whole.body[0], ast.ClassDef):
        return None
    found = whole.body[0]
    found.body.clear()
    for start, end in blocks(lines, head + 1, last, depth):
        outcome = _tree("\n".join(["if 1:", *lines[start:end]]))
        if isinstance(outcome, ast.Module) and isinstance(outcome.body[0], ast.If):
            found.body += [_moved(each, start - 1 - first) for each in outcome.body[0].body]
        elif isinstance(outcome, SyntaxError):
            problems.append(_problem(outcome, start - 1))
    found.end_lineno = last - first
    return _moved(found, first)


def blocks(lines: list[str], first: int, last: int, depth: int) -> Iterator[tuple[int, int]]:
    """Stretches of lines, each a statement at this depth with all that belongs to it, as far as indentation tells."""
    start = first
    decorated = False
    for number in range(first, last):
        line = lines[number]
        indent = len(line) - len(line.lstrip())
        if indent > depth or CONTINUES.match(line):
            continue
        if number > start and not decorated:
            yield start, number
            start = number
        decorated = line.lstrip().startswith("@")
    if start < last:
        yield start, last


def _moved(node: ast.stmt, lines: int) -> ast.stmt:
    return ast.increment_lineno(node, lines)


def _problem(error: SyntaxError, before: int) -> Problem:
    line = (error.lineno or 1) + before
    newer = ""
    message = error.msg.split(" (")[0]
    if sys.version_info < (3, 12) and NESTED_QUOTES.search(error.msg):
        newer = "Python 3.12"
        message = f"{message}: an f-string that only {newer} reads, or one that no Python does; read here by {_running()}"
    return Problem(line, max((error.offset or 1) - 1, 0), line, f"the syntax cannot be read: {message}", newer)


def ignores(text: str) -> tuple[Ignore, ...]:
    """Every `# guard: ignore[…]` with its codes and its reason."""
    if "guard:" not in text:
        return ()
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if match := IGNORE.search(line):
            codes = tuple(code for code in re.split(r"[ ,]+", match[1]) if code)
            found.append(Ignore(number, codes, match[2].strip(), not line[: match.start()].strip()))
    return tuple(found)
