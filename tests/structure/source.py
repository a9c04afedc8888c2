"""Netra's own source as the gates read it: parsed once, never imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"

# Alembic finds its revisions by folder; their names begin with a number, so that no import could name them.
REVISIONS = "netra.db.migrations.versions."


@dataclass(frozen=True, slots=True)
class Module:
    """One file of Python: its dotted name, where it is, what it says."""

    name: str
    path: Path
    tree: ast.Module

    @classmethod
    def of(cls, text: str, name: str = "netra.example") -> "Module":
        """A module that only an example needs."""
        return cls(name, SRC / (name.replace(".", "/") + ".py"), ast.parse(text))

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


@cache
def modules() -> tuple[Module, ...]:
    """Every module under src/."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path, ast.parse(path.read_text("utf-8"), str(path))))
    return tuple(found)


@cache
def imports() -> dict[str, frozenset[str]]:
    """What each module imports of Netra, imports inside functions and under TYPE_CHECKING counted."""
    graph = grimp.build_graph("netra", cache_dir=None)
    return {name: frozenset(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


def inside(node: ast.AST, where: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node below `node` with the name of the function or class around it: `Worker.run`, or "" for the module."""
    for child in ast.iter_child_nodes(node):
        yield where, child
        match child:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from inside(child, f"{where}.{name}".strip("."))
            case _:
                yield from inside(child, where)
