"""Where the names of modules begin, as a program's own imports say: below `backend/`, where files say `from app.db import …`.

Guard is mostly asked from where a program begins, or begins at the folder that it is told. But whoever runs it at the top of a
repository with several services, none of which has an `__init__.py`, looks at each from further out than Python does.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.facts import File, Import
from netra.guard.source.modelled import modelled_packages

INIT: Final = "__init__.py"
ANYTHING: Final = frozenset({"", "*"})


class Beginnings(NamedTuple):
    """Where names begin: in the roots, and above packages that lie in namespaces, which are packages without saying it."""

    roots: tuple[Path, ...]
    namespaces: frozenset[Path] = frozenset()


def beginnings(files: Mapping[Path, File], roots: Iterable[Path]) -> Beginnings:
    """The roots, and folders below them from which more imports of what lies in them lead to a file than from the root itself.

    An import leads to a file where the module lies there and has the name. Folders through which imports lead down to packages
    from the root are namespaces. A root that lies within the program, as its own name in its imports tells, gives way to the
    folder around it.
    """
    whole = _Files(files)
    given = whole.begun([root.resolve() for root in roots])
    tops = sorted({*given}, key=lambda each: -len(each.parts))
    inside: Counter[Path] = Counter()
    through: Counter[Path] = Counter()
    for path, file in files.items():
        folder = whole.folders[path]
        base = whole.base(folder)
        top = next((each for each in tops if base.is_relative_to(each)), None)
        if top is None or base == top:
            continue
        between = [each for each in (base, *base.parents) if each != top and each.is_relative_to(top)]
        for each in _imports(file):
            if each.module.partition(".")[0] == path.stem and "." not in each.module:
                continue  # `import redis` in a `redis.py` means another one
            if whole.leads(top, each):
                place = top.joinpath(*each.module.split("."), each.name)
                through.update(one for one in between if place.is_relative_to(one))
            elif (begun := next((one for one in reversed(between) if whole.leads(one, each)), None)) is not None:
                inside[begun] += 1
    found = sorted(each for each, count in inside.items() if count > through[each])
    return Beginnings((*given, *found), frozenset(each for each, count in through.items() if count > inside[each]))


def _imports(file: File) -> Iterator[Import]:
    """What may be of the program. A file that is called like a library is none of it where only its top name is imported."""
    known = modelled_packages()
    for function in file.functions:
        for each in function.imports:
            top = each.module.partition(".")[0]
            if not each.level and top not in sys.stdlib_module_names and (top not in known or "." in each.module):
                yield each


class _Files:
    """What lies where, and which names the modules have."""

    def __init__(self, files: Mapping[Path, File]) -> None:
        resolved = {folder: folder.resolve() for folder in {path.parent for path in files}}
        self.folders = {path: resolved[path.parent] for path in files}
        self._found = [(self.folders[path], file) for path, file in files.items()]
        self._files = {self.folders[path] / path.name: file for path, file in files.items()}
        self._packages = {path.parent for path in self._files if path.name == INIT}
        self._within = {above for folder in resolved.values() for above in (folder, *folder.parents)}
        self._bound: dict[Path, frozenset[str]] = {}

    def base(self, folder: Path) -> Path:
        """The folder in which the name of what lies in another one begins, as far as `__init__.py` files say it."""
        outermost = [each for each in (folder, *folder.parents) if each in self._packages]
        return outermost[-1].parent if outermost else folder

    def begun(self, roots: list[Path]) -> list[Path]:
        """The roots, and in the place of one that more imports lead through than into, the folder in which it lies."""
        through: Counter[Path] = Counter()
        for folder, file in self._found:
            around = [each for each in roots if folder.is_relative_to(each)]
            for root in sorted(around, key=lambda each: -len(each.parts))[:1]:
                for each in _imports(file):
                    if self.leads(root, each):
                        through[root] -= 1
                    elif each.module.partition(".")[0] == root.name and self.leads(root.parent, each):
                        through[root] += 1
        return [each.parent if through[each] > 0 else each for each in roots]

    def leads(self, top: Path, each: Import) -> bool:
        """An import leads to a file when names begin in this folder."""
        place = top.joinpath(*each.module.split("."))
        single = place.with_name(f"{place.name}.py")
        if single in self._files:
            return each.name in ANYTHING or each.name in self._names(single)
        if place not in self._within:
            return False
        if each.name in ANYTHING or place / each.name in self._within or place / f"{each.name}.py" in self._files:
            return True
        return place / INIT in self._files and each.name in self._names(place / INIT)

    def _names(self, path: Path) -> frozenset[str]:
        """What a module has at its top."""
        if path not in self._bound:
            file = self._files[path]
            top = file.functions[0]
            found = {each.target[1] for each in top.assignments if each.target[0] == "name"}
            found.update(each.bound for each in top.imports)
            found.update(each.name for each in file.functions if each.parent == 0)
            found.update(each.name for each in file.classes if each.scope == 0)
            self._bound[path] = frozenset(found)
        return self._bound[path]
