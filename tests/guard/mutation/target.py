"""One file into which faults are put: its text, its tree, and edits of the text that leave everything else as it is."""

import ast
import warnings
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from netra.guard.faults import Edit
from netra.guard.fixing import edited

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Site(NamedTuple):
    """One place where an operator can put its fault, and how."""

    edits: tuple[Edit, ...]
    symbol: str = ""
    """A finding that names it is about this fault, wherever it stands; empty when only the place counts."""
    kind: str = ""
    """What the operator tells apart: the context of an await, the spelling of a read."""
    known: bool = True
    """An independent witness knows all that is needed to see the fault; see `witness.py`."""
    line: int = 0
    """Where the fault stands in the file as it is now."""


class Target:
    """A parsed file of a package. `name` is the dotted name of its module."""

    def __init__(self, path: str, name: str, text: str, *, package: bool = False) -> None:
        self.path = path
        self.name = name
        self.text = text
        self.package = package
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in somebody's string
            self.tree = ast.parse(text)
        self._lines = text.split("\n")

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> tuple[AnyFunction, ...]:
        return tuple(node for node in self.nodes if isinstance(node, AnyFunction))

    @cached_property
    def classes(self) -> tuple[ast.ClassDef, ...]:
        return tuple(node for node in self.nodes if isinstance(node, ast.ClassDef))

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def in_tests(self) -> bool:
        """A test, or what only tests use: faults of a running server do not belong there."""
        parts = self.path.replace("\\", "/").split("/")
        return (
            bool({"tests", "test"} & {*parts[:-1]})
            or parts[-1].startswith(("test_", "conftest"))
            or parts[-1].endswith("_test.py")
        )

    @cached_property
    def is_migration(self) -> bool:
        """It changes a database: somebody runs it by hand, alone, and it serves nobody."""
        return not {"migrations", "alembic"}.isdisjoint(self.name.split("."))

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, the nearest first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def function_of(self, node: ast.AST) -> AnyFunction | None:
        """The function whose code a node is; None at the top of a module, in a class body and in a lambda."""
        for each in self.above(node):
            if isinstance(each, AnyFunction):
                return each
            if isinstance(each, (ast.ClassDef, ast.Lambda)):
                return None
        return None

    def class_of(self, function: AnyFunction) -> ast.ClassDef | None:
        """The class whose method a function is."""
        parent = self.parents.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None

    def written(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node as it stands in the file."""
        assert node.end_lineno is not None
        lines = [line.encode() for line in self._lines[node.lineno - 1 : node.end_lineno]]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode()

    # --- edits -----------------------------------------------------------------------------------------------------------

    def replaced(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Edit(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, text)

    def before(self, statement: ast.stmt, *lines: str) -> Edit | None:
        """The lines in front of a statement, at its depth; None when something else stands on its line."""
        decorators = getattr(statement, "decorator_list", [])
        line = min([statement.lineno, *(each.lineno for each in decorators)])
        column = len(self._lines[line - 1]) - len(self._lines[line - 1].lstrip())
        if not decorators and self._lines[line - 1].encode()[: statement.col_offset].strip():
            return None
        indent = self._lines[line - 1][:column]
        return Edit(line, column, line, column, "".join(f"{each}\n{indent}" for each in lines))

    def after(self, statement: ast.stmt, *lines: str) -> Edit | None:
        """The lines behind a statement, at its depth; None when something else stands on one of its lines."""
        assert statement.end_lineno is not None
        assert statement.end_col_offset is not None
        begin = self._lines[statement.lineno - 1]
        rest = self._lines[statement.end_lineno - 1].encode()[statement.end_col_offset :].strip()
        indent = begin[: len(begin) - len(begin.lstrip())]
        if rest or begin.encode()[: statement.col_offset].strip():
            return None
        at = statement.end_lineno, statement.end_col_offset
        return Edit(*at, *at, "".join(f"\n{indent}{each}" for each in lines))

    def first(self, function: AnyFunction) -> ast.stmt | None:
        """The first statement of a function that is no docstring."""
        body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
        return body[0] if body else None

    def at_top(self, *lines: str) -> Edit | None:
        """The lines behind the docstring and the imports of `__future__`, in front of everything else."""
        for statement in self.tree.body:
            text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not text and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
                return self.before(statement, *lines)
        return None


def mutated(text: str, site: Site) -> str:
    """The text with the fault in it."""
    return edited(text.encode(), [site.edits])[0].decode()


def touched(site: Site) -> frozenset[int]:
    """The lines of the mutated text on which something of the fault stands."""
    lines: set[int] = set()
    shift = 0
    for each in sorted(site.edits):
        added = each.text.count("\n")
        lines.update(range(each.line + shift, each.line + shift + added + 1))
        shift += added - (each.end_line - each.line)
    return frozenset(lines)


def last(node: ast.AST | None) -> str:
    """`c` of `a.b.c`, of `a.b.c()` and of `c`; empty for anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return last(function)
    return ""
