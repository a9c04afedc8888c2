"""What a program imports from an environment, read like its own files: signatures, bases, what calls give. Nothing is run.

Reading starts at the names that the program imports and goes on only to what they mean: where a name is exported from, the
bases of a class, what a function promises to return, and the same once more for what that names. A module is read for a name
that is wanted of it, never because it is there, so of a package of ten thousand files a few dozen are read. Where a package has
stubs (`x.pyi` beside `x.py`, or `x-stubs`), they are read in its stead.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.facts import Expression, File, Function, Import
from netra.guard.symbols import ModuleSymbol

# How often reading goes on from a class or function to what it promises to return, and how many files of one package are read.
DEEPEST: Final = 1
MOST_OF_A_PACKAGE: Final = 30
MOST_FILES: Final = 300

ReadFiles = Callable[[Sequence[Path]], Iterable[tuple[Path, File]]]


class NoEnvironment(Exception):
    """There are no installed packages where `--python` says."""


class Wanted(NamedTuple):
    """A name of a module that has to be understood; an empty name stands for what the program uses of the whole module."""

    module: str
    name: str
    depth: int


def folders(python: Path) -> tuple[Path, ...]:
    """The folders of packages of an environment, given as its interpreter or its own folder. Raises NoEnvironment."""
    home = python.parent.parent if python.is_file() else python
    found = [
        *sorted(home.glob("lib/python3*/site-packages")),
        *sorted(home.glob("Lib/site-packages")),
        *sorted(home.glob("lib/python3/dist-packages")),
    ]
    if home.name == "site-packages":
        found.append(home)
    if not found:
        raise NoEnvironment(f"{python} is no Python and no environment with packages in it")
    return tuple(found)


def beside(paths: Iterable[Path]) -> Path | None:
    """The `.venv` beside the code: in its folder, in the one around that, or in the working directory above it."""
    here = Path.cwd()
    for path in paths:
        folder = path.absolute() if path.is_dir() else path.absolute().parent
        for each in (folder, folder.parent, *([here] if folder.is_relative_to(here) else [])):
            if (each / ".venv" / "pyvenv.cfg").is_file():
                return each / ".venv"
    return None


class Installed:
    """The modules of an environment that a program needs."""

    def __init__(self, where: Sequence[Path], read: ReadFiles) -> None:
        self._where = where
        self._read = read
        self._modules: dict[str, ModuleSymbol | None] = {}
        self._count: dict[str, int] = {}
        self._used: frozenset[str] = frozenset()

    def needed(self, known: Sequence[ModuleSymbol]) -> list[ModuleSymbol]:
        """What modules that are known already, the program's own and the models, need of the environment."""
        own = [module for module in known if not module.library]
        names = {module.name for module in known}
        self._used = frozenset(_attributes(own))
        waiting = list(dict.fromkeys(_imported(own)))
        seen = set(waiting)
        while waiting:
            # Round by round, so that the files of one can be read by several processes.
            self._load([each for each in waiting if each.module not in names])
            following: list[Wanted] = []
            for each in waiting:
                following += self._follow(each, names)
            waiting = [each for each in dict.fromkeys(following) if each not in seen]
            seen.update(waiting)
        return [module for module in self._modules.values() if module is not None]

    # --- files -----------------------------------------------------------------------------------------------------------

    def _load(self, wanted: Iterable[Wanted]) -> None:
        found: dict[Path, tuple[str, bool]] = {}
        for name in dict.fromkeys(each.module for each in wanted):
            if name in self._modules:
                continue
            self._modules[name] = None
            top = name.partition(".")[0]
            file = self._file(name)
            if file is None or self._count.get(top, 0) >= MOST_OF_A_PACKAGE or sum(self._count.values()) >= MOST_FILES:
                continue
            self._count[top] = self._count.get(top, 0) + 1
            found[file] = (name, file.stem == "__init__")
        for path, file_of in self._read(list(found)):
            name, package = found[path]
            self._modules[name] = ModuleSymbol(name, path.as_posix(), file_of, package, library=True, installed=True)

    def _file(self, name: str) -> Path | None:
        top, _, rest = name.partition(".")
        for folder in self._where:
            for start in (f"{top}-stubs", top):
                place = folder.joinpath(start, *rest.split(".")) if rest else folder / start
                for each in (place / "__init__.pyi", place.with_name(f"{place.name}.pyi"), place / "__init__.py"):
                    if each.is_file():
                        return each
                if (plain := place.with_name(f"{place.name}.py")).is_file():
                    return plain
        return None

    # --- names -----------------------------------------------------------------------------------------------------------

    def _follow(self, wanted: Wanted, known: set[str]) -> Iterator[Wanted]:
        module = self._modules.get(wanted.module)
        if module is None:
            if wanted.name and wanted.module not in known:
                return
            if wanted.name:
                # A model may lack what the package has beside it.
                yield Wanted(f"{wanted.module}.{wanted.name}", "", wanted.depth)
            return
        top = module.file.functions[0]
        if not wanted.name:
            bound = {each.bound for each in top.imports} & self._used
            for name in sorted(bound):
                yield Wanted(wanted.module, name, wanted.depth)
            for function in module.file.functions:
                if function.parent == 0 and function.name in self._used:
                    yield Wanted(wanted.module, function.name, wanted.depth)
            return
        bindings = [each for each in top.imports if each.bound == wanted.name]
        defined = list(self._defined(module, wanted))
        yield from defined
        for each in bindings or ([] if defined else [star for star in top.imports if star.bound == "*"]):
            target = _absolute(each, module)
            if target is not None:
                yield Wanted(target, wanted.name if each.bound == "*" else each.name, wanted.depth)
        if not bindings and not defined and module.package:
            yield Wanted(f"{wanted.module}.{wanted.name}", "", wanted.depth)

    def _defined(self, module: ModuleSymbol, wanted: Wanted) -> Iterator[Wanted]:
        """What a class or function of the module needs: its bases, and what its signatures promise."""
        file = module.file
        for one in file.classes:
            if one.scope == 0 and one.name == wanted.name:
                yield from (Wanted(module.name, name, wanted.depth) for base in one.bases for name in _names(base))
                methods = [each for each in file.functions if each.owner == one.number and each.parent == one.body]
                yield from _promised(module, (file.functions[one.body], *methods), wanted.depth)
        for each in file.functions:
            if each.parent == 0 and each.name == wanted.name:
                yield from _promised(module, (each,), wanted.depth)
        for assignment in file.functions[0].assignments:
            if assignment.target == ("name", wanted.name):
                yield from (Wanted(module.name, name, wanted.depth) for name in _names(assignment.value))


def _promised(module: ModuleSymbol, functions: Iterable[Function], depth: int) -> Iterator[Wanted]:
    if depth >= DEEPEST:
        return
    for each in functions:
        promises = [each.returns, *(field.annotation for field in each.assignments)]
        for promise in promises:
            for name in _names(promise or ("none",)):
                yield Wanted(module.name, name, depth + 1)


def _imported(modules: Iterable[ModuleSymbol]) -> Iterator[Wanted]:
    for module in modules:
        for scope in module.file.functions:
            for each in scope.imports:
                if not each.level:
                    yield Wanted(each.module, "" if each.name == "*" else each.name, 0)


def _attributes(modules: Iterable[ModuleSymbol]) -> Iterator[str]:
    """Every name that the program calls as an attribute of something."""
    for module in modules:
        for scope in module.file.functions:
            for call in scope.calls:
                if call.callee[0] == "attribute":
                    yield call.callee[2]


def _absolute(each: Import, module: ModuleSymbol) -> str | None:
    if not each.level:
        return each.module
    parts = module.name.split(".")
    keep = len(parts) - each.level + (1 if module.package else 0)
    return ".".join([*parts[:keep], *([each.module] if each.module else [])]) if keep > 0 else None


def _names(expression: Expression) -> Iterator[str]:
    """The first names of what an annotation or a base mentions."""
    match expression:
        case ("name", str(name)):
            yield name
        case ("attribute", inner, _):
            yield from _names(inner)
        case ("subscript", head, key):
            yield from _names(head)
            yield from _names(key)
        case ("tuple" | "list", parts):
            for part in parts:
                yield from _names(part)
        case ("operator", "|", left, right):
            yield from _names(left)
            yield from _names(right)
