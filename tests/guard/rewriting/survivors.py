"""Which findings are still told when a program is written in another way that says the same."""

import ast
import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from netra.guard.command import main
from tests.guard.excerpts import excerpts
from tests.guard.planted import planted
from tests.guard.rewriting.rewrites import Rewrite

Findings: TypeAlias = Counter[tuple[str, str, str]]
"""Of what was told: its code, its file and the function it stands in."""


class Survivors(NamedTuple):
    """What a rewriting has made of what guard tells."""

    before: int
    gone: Counter[str]
    """How many of each code are told no more."""
    fresh: Counter[str]
    """How many of each code are told now, and were not."""


def programs(into: Path) -> Iterator[Path]:
    """The programs with planted faults that those who mend guard have read, each in a folder of its own."""
    for name in planted.names():
        if name != "eta":
            planted.unpack(name, into / name)
            yield into / name
    for name in excerpts.names():
        with zipfile.ZipFile(excerpts.EXCERPTS / f"{name}.zip") as archive:
            archive.extractall(into / name)
        for folder in sorted(each for each in (into / name).iterdir() if each.is_dir()):
            if not excerpts.is_held_back(name, folder.name):
                yield folder


def survivors(rewrite: Rewrite) -> Survivors:
    """What becomes of the findings in all those programs when every module of them is rewritten."""
    before, gone, fresh = 0, Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for program in programs(Path(folder)):
            rewritten(program, as_it_is)
            was = findings(program)
            rewritten(program, rewrite)
            now = findings(program)
            before += was.total()
            gone += Counter(code for code, *_ in (was - now).elements())
            fresh += Counter(code for code, *_ in (now - was).elements())
    return Survivors(before, gone, fresh)


def as_it_is(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """The module itself, so that what is compared has the same layout and no comments."""
    return module


def rewritten(program: Path, rewrite: Rewrite) -> None:
    """Write every module of a program anew. One that does not parse is left as it is."""
    modules: dict[Path, ast.Module] = {}
    for path in sorted(program.rglob("*.py")):
        with suppress(SyntaxError, UnicodeDecodeError, ValueError):
            modules[path] = ast.parse(path.read_text("utf-8"))
    asked: dict[str, set[str]] = {}
    for node in (each for module in modules.values() for each in ast.walk(module)):
        match node:
            case ast.ImportFrom(module=source, names=names):
                asked.setdefault((source or "").rpartition(".")[2], set()).update(each.name for each in names)
            case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr=attribute):
                asked.setdefault(name, set()).add(attribute)
    # `from shop import carts` brings the module `carts`, which `import shop` does not.
    inside = {path.parent.name if path.name == "__init__.py" else path.stem for path in modules}
    for path, module in modules.items():
        name = path.parent.name if path.name == "__init__.py" else path.stem
        others = asked.get(name, set()) | (asked.get("", set()) if path.name == "__init__.py" else set())
        path.write_text(ast.unparse(rewrite(module, frozenset(others | inside))) + "\n", "utf-8")


def findings(program: Path) -> Findings:
    """What guard tells of a program by default."""
    report = program.with_name(f"{program.name}.json")
    options = ("--format", "json", "--no-cache", "--quiet", "--jobs", "1", "--output", str(report))
    assert main([str(program), *options]) in (0, 1)
    told = json.loads(report.read_text("utf-8"))["findings"]
    trees: dict[str, ast.Module] = {}
    for path in {each["path"] for each in told}:
        try:
            trees[path] = ast.parse(Path(path).read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            trees[path] = ast.Module([], [])
    return Counter((each["code"], each["path"], _function_at(trees[each["path"]], each["line"])) for each in told)


def _function_at(module: ast.Module, line: int) -> str:
    """The qualified name of the innermost function or class around a line."""
    found = ""
    waiting: list[tuple[str, ast.AST]] = [("", module)]
    while waiting:
        around, node = waiting.pop()
        for each in ast.iter_child_nodes(node):
            if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                waiting.append((around, each))
                continue
            first = min(each.lineno, *(one.lineno for one in each.decorator_list), each.lineno)
            if first <= line <= (each.end_lineno or first):
                found = f"{around}.{each.name}".strip(".")
                waiting = [(found, each)]
                break
    return found
