"""Edits of Netra's code as it is imported: a defect reads like the change that somebody might have made by mistake.

An edit names a text that has to stand exactly once where it is made. Whatever a refactoring does to that text makes the edit
impossible, loudly: a defect that nobody makes any more would otherwise count as caught, or as never there. A function that
is replaced by name would still be found after nobody calls it.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.resources import files
from types import CodeType, ModuleType


class EditImpossible(Exception):
    """The code is not what the edit was written for: mend the edit, or the defect is not made any more."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A text of one module, or of a query of its `QUERIES`, and what is to stand in its place."""

    module: str
    old: str
    new: str
    query: str | None = None
    """None: it is the module's own text."""

    def of(self, text: str) -> str:
        """The text with the edit in it. Raises `EditImpossible`."""
        if (found := text.count(self.old)) != 1:
            where = self.module if self.query is None else f"the query {self.query} of {self.module}"
            raise EditImpossible(f"{where} has this {found} times, not once: {self.old}")
        return text.replace(self.old, self.new)


class EditedLoader(SourceFileLoader):
    """Loads a module with its edits in it. No compiled file is read or written: another start is to find the true one."""

    def __init__(self, name: str, path: str, edits: Sequence[Edit]) -> None:
        super().__init__(name, path)
        self._edits = edits

    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        for edit in self._edits:
            text = edit.of(text)
        code: CodeType = self.source_to_code(text.encode(), self.path)
        return code


class EditedFinder(MetaPathFinder):
    """Finds the modules that are to be edited, before anybody else does."""

    def __init__(self, edits: Mapping[str, Sequence[Edit]]) -> None:
        self._edits = edits

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        edits = self._edits.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if edits else None
        if spec is not None and spec.origin is not None and edits:
            spec.loader = EditedLoader(fullname, spec.origin, edits)
        return spec


def install(edits: Sequence[Edit]) -> None:
    """Edit Netra from here on, in this process. Raises `EditImpossible`, also for what was imported already."""
    by_module = _by_module(edit for edit in edits if edit.query is None)
    if early := sys.modules.keys() & by_module.keys():
        raise EditImpossible(f"{min(early)} was imported before it could be edited")
    sys.meta_path.insert(0, EditedFinder(by_module))
    # At once: what cannot be edited is to stop the start, and not to wait until somebody needs it.
    for name in by_module:
        import_module(name)
    for edit in edits:
        if edit.query is not None:
            known = import_module(edit.module).QUERIES._queries
            known[edit.query] = edit.of(known[edit.query])


def check(edits: Iterable[Edit]) -> None:
    """Raise `EditImpossible` or `SyntaxError` unless all these edits can be made. Nothing is edited."""
    for module, of_it in _by_module(edits).items():
        package, _, name = module.rpartition(".")
        text = files(package).joinpath(f"{name}.py").read_text("utf-8")
        queries = dict(import_module(module).QUERIES) if any(edit.query is not None for edit in of_it) else {}
        for edit in of_it:
            if edit.query is None:
                text = edit.of(text)
            else:
                queries[edit.query] = edit.of(queries[edit.query])
        compile(text, module, "exec")


def _by_module(edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.module, []).append(edit)
    return found
