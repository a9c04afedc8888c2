"""What Python calls each file: from `__init__.py` files, and above those from where the program begins."""

import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

from netra.guard.source.modelled import modelled_packages

# Folders of stubs: on the path of type checkers, never on Python's. What lies in them goes by the name of somebody's library,
# which is what an import means.
OF_STUBS: Final = re.compile(r"(\w|-)*[-_]stubs|stubs|typings")


def module_names(paths: Iterable[Path], roots: Iterable[Path]) -> dict[Path, tuple[str, bool]]:
    """The dotted name of each file and whether it is a package, from `__init__.py` files and, above those, from the roots."""
    files = list(paths)
    packages = {path.parent for path in files if path.name == "__init__.py"}
    tops = [root.resolve() for root in roots]
    above: dict[Path, list[str]] = {}
    named = {}
    for path in files:
        folder = path.parent
        if folder not in above:
            above[folder] = _parts_above(folder, packages, tops)
        package = path.name == "__init__.py"
        parts = above[folder] if package else [path.stem, *above[folder]]
        named[path] = (".".join(reversed(parts)) or folder.name, package)
    return named


def _parts_above(folder: Path, packages: Container[Path], tops: list[Path]) -> list[str]:
    """What stands before the names of the files of a folder, the nearest first."""
    parts: list[str] = []
    top = folder
    # The outermost package counts: a folder between two packages is one as well, whether it has an __init__.py or not.
    if outermost := [each for each in (folder, *folder.parents) if each in packages]:
        top = outermost[-1].parent
        parts += reversed(folder.relative_to(top).parts)
        if OF_STUBS.fullmatch(top.name):
            parts.append(top.name)
        elif parts and parts[-1] in modelled_packages():
            # `llama_index/llms/openai`: what imports `openai` there means the library, and not itself.
            parts += _namespaces(top, tops)
    if top == folder:
        # A folder without __init__.py can be a package, too, below a folder that somebody names or that is `src`.
        resolved = folder.resolve()
        for root in sorted(tops, key=lambda each: -len(each.parts)):
            if resolved != root and resolved.is_relative_to(root):
                between = resolved.relative_to(root).parts
                stubs = [each for each in between if OF_STUBS.fullmatch(each) and not each.isidentifier()]
                while between and (between[0] in {"src", "lib"} or not between[0].isidentifier()):
                    between = between[1:]
                if all(each.isidentifier() for each in between):
                    parts += [*reversed(between), *stubs[:1]]
                break
    return parts


def _namespaces(top: Path, tops: list[Path]) -> list[str]:
    """The folders above a package that are packages of Python themselves, without an `__init__.py`, the nearest first."""
    resolved = top.resolve()
    root = max((each for each in tops if resolved.is_relative_to(each)), key=lambda each: len(each.parts), default=resolved)
    between = resolved.relative_to(root).parts
    while between and (between[0] in {"src", "lib"} or not between[0].isidentifier()):
        between = between[1:]
    return [*reversed(between)] if all(each.isidentifier() for each in between) else []
