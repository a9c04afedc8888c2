"""Where the parts of a repository begin: `backend`, when a file below it imports `app.db` and `backend/app/db.py` is there.

A folder without an `__init__.py` can be a package, and what is above it may be one as well, or the place from which the program
is run. Only imports tell. A folder is where a program begins when files below it import each other by what stands in it, and
nothing imports the folder itself.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from netra.guard.facts import File
from netra.guard.source.modelled import modelled_packages

Names: TypeAlias = tuple[str, ...]
"""What an import names, or a folder below the working directory."""


def beginnings(read: Mapping[Path, File], here: Path) -> list[Path]:
    """The folders below the working directory from which a program is run, as its imports tell."""
    below = {path: path.relative_to(here) if path.is_absolute() else path for path in read if _is_below(path, here)}
    folders = _Folders(each.parts for each in below.values())
    loose = {path: folder for path, each in below.items() if (folder := each.parts[:-1]) and folders.is_loose(folder)}
    strange = modelled_packages() | sys.stdlib_module_names
    found: dict[str, set[Names]] = defaultdict(set)
    relative: set[Names] = set()
    for path, folder in loose.items():
        for scope in read[path].functions:
            for each in scope.imports:
                if each.level:
                    relative.update(folder[: len(folder) - up] for up in range(each.level))
                    continue
                names = (*each.module.split("."), each.name) if each.name else (*each.module.split("."),)
                if names[0] not in strange and not folders.has((), names[0]):
                    found[names[0]].update(folders.root(names, folder))
    # Two services that both have an `app` are two programs, of which nobody can say which is meant by that name.
    roots = {next(iter(each)) for each in found.values() if len(each) == 1}
    roots -= {root for each in found.values() if len(each) > 1 for root in each} | relative
    within = _within(read) if roots else frozenset()
    return [
        here.joinpath(*root)
        for root in sorted(roots)
        if not any((root[-1], name) in within for name in folders.inside.get(root, ()))
    ]


def _is_below(path: Path, here: Path) -> bool:
    return path.is_relative_to(here) if path.is_absolute() else ".." not in path.parts


def _within(read: Mapping[Path, File]) -> frozenset[Names]:
    """Each two names that follow one another in an import."""
    found: set[Names] = set()
    for file in read.values():
        for scope in file.functions:
            for each in scope.imports:
                names = (*each.module.split("."), each.name)
                found.update(names[at : at + 2] for at in range(len(names) - 1))
    return frozenset(found)


class _Folders:
    """What lies where, by the names that an import has for it."""

    def __init__(self, paths: Iterable[Names]) -> None:
        self.inside: dict[Names, set[str]] = defaultdict(set)
        """The modules and folders in each folder."""
        packages: set[Names] = set()
        for path in paths:
            if path[-1] == "__init__.py":
                packages.add(path[:-1])
            self.inside[path[:-1]].add(path[-1].removesuffix(".py"))
        for folder in tuple(self.inside):
            for length in range(len(folder), 0, -1):
                self.inside[folder[: length - 1]].add(folder[length - 1])
        self._packages = packages

    def is_loose(self, folder: Names) -> bool:
        """Neither it nor what is above it has an `__init__.py`."""
        return self._packages.isdisjoint([folder[:length] for length in range(len(folder) + 1)])

    def has(self, folder: Names, name: str) -> bool:
        return name in self.inside.get(folder, ())

    def root(self, names: Names, folder: Names) -> Iterator[Names]:
        """The folder in which an import finds its module: the outermost that has it, or the one of the file itself."""
        for length in range(1, len(folder) + 1):
            root = folder[:length]
            if self.has(root, names[0]):
                first = (*root, names[0])
                if (len(names) > 1 and self.has(first, names[1])) or (root == folder and first not in self.inside):
                    yield root
                    return
