"""What Python calls each file: from `__init__.py` files, and above those from where the program begins."""

import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.source.modelled import modelled_packages

# Folders of stubs: on the path of type checkers, never on Python's. What lies in them goes by the name of somebody's library,
# which is what an import means.
OF_STUBS: Final = re.compile(r"(\w|-)*[-_]stubs|stubs|typings")


class ModuleName(NamedTuple):
    """The dotted name of a file, and whether it is a package.

    `apart_by`: the folder with which the name begins, where another folder has a package of the name by which its program
    calls it.
    """

    name: str
    package: bool
    apart_by: str = ""


def module_names(
    paths: Iterable[Path], roots: Iterable[Path], namespaces: Container[Path] = frozenset()
) -> dict[Path, ModuleName]:
    """The name of each file, from `__init__.py` files and, above those, from the roots.

    `namespaces` are folders that are packages without an `__init__.py`, though others that have one lie in them.

    Where several folders have a package of one name, as each of several services has an `app`, the names of those behind the
    first begin with the folder: `orders.app.db`.
    """
    files = list(paths)
    packages = {path.parent for path in files if path.name == "__init__.py"}
    tops = [root.resolve() for root in roots]
    above: dict[Path, list[str]] = {}
    begun: dict[str, Path] = {}
    before: dict[Path, str] = {}
    named = {}
    for path in files:
        folder = path.parent
        if folder not in above:
            above[folder] = _parts_above(folder, packages, tops, namespaces)
            before[folder] = _told_apart(folder.resolve(), above[folder], begun, tops) if above[folder] else ""
        package = path.name == "__init__.py"
        parts = above[folder] if package else [path.stem, *above[folder]]
        name = ".".join(reversed([*parts, before[folder]] if before[folder] else parts))
        named[path] = ModuleName(name or folder.name, package, before[folder])
    return named


def _told_apart(folder: Path, above: list[str], begun: dict[str, Path], tops: list[Path]) -> str:
    """The folder in which the package of a folder lies, where another one has a package of its name; nothing for the first.

    `begun`: where the packages lie that have their names already.
    """
    root = folder.parents[len(above) - 1]
    if begun.setdefault(above[-1], root) == root:
        return ""
    shown = root.relative_to(tops[0]) if tops and root.is_relative_to(tops[0]) else root
    return shown.as_posix().replace(".", "_")


def _parts_above(folder: Path, packages: Container[Path], tops: list[Path], namespaces: Container[Path]) -> list[str]:
    """What stands before the names of the files of a folder, the nearest first."""
    parts: list[str] = []
    top = folder
    # The outermost package counts: a folder between two packages is one as well, whether it has an __init__.py or not.
    if outermost := [each for each in (folder, *folder.parents) if each in packages]:
        top = outermost[-1].parent
        parts += reversed(folder.relative_to(top).parts)
        if not outermost[-1].name:  # guard runs within the package
            package = outermost[-1].resolve()
            return [*parts, package.name] if package.parent in tops else parts
        if OF_STUBS.fullmatch(top.name):
            parts.append(top.name)
        elif top.resolve() in namespaces or (parts and parts[-1] in modelled_packages()):
            # `llama_index/llms/openai`: what imports `openai` there means the library, and not itself.
            parts += _namespaces(top, tops)
    if top == folder:
        # A folder without __init__.py can be a package, too, below a folder that somebody names or that is `src`.
        resolved = folder.resolve()
        for root in sorted(tops, key=lambda each: -len(each.parts)):
            if resolved.is_relative_to(root):
                between = resolved.relative_to(root).parts
                stubs = [each for each in between if OF_STUBS.fullmatch(each) and not each.isidentifier()]
                parts += [*reversed(_importable(between)), *stubs[:1]]
                break
    return parts


def _namespaces(top: Path, tops: list[Path]) -> list[str]:
    """The folders above a package that are packages of Python themselves, without an `__init__.py`, the nearest first."""
    resolved = top.resolve()
    root = max((each for each in tops if resolved.is_relative_to(each)), key=lambda each: len(each.parts), default=resolved)
    return [*reversed(_importable(resolved.relative_to(root).parts))]


def _importable(between: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that an import can name, behind the last one that it cannot: `app` of `services/mail-out/src/app`."""
    others = [number for number, each in enumerate(between, 1) if not each.isidentifier()]
    between = between[others[-1] :] if others else between
    while between and between[0] in {"src", "lib"}:
        between = between[1:]
    return between
