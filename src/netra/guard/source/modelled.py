"""Which models of libraries a program needs: those of the packages that it imports, and of what these import in their turn.

A model that nobody imports answers no question, and reading all of them would take longer than reading a small program. A
class that the program imports from a module of its own that was not read may come from any library: its name tells which.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from netra.guard.facts import ASYNC, File
from netra.guard.symbols import ModuleSymbol

MODELS: Final = Path(__file__).parents[1] / "libraries"

ReadModels = Callable[[Sequence[Path]], Mapping[Path, File]]

# Names of classes that say which one is meant: `AsyncSession`, not `Session` or `Message`, which every other program has.
TELLING: Final = re.compile(r"[A-Z][A-Za-z]*[a-z][A-Z]\w*")
# Libraries whose methods were ordinary functions in older releases: their models hold for files with coroutine functions.
ONCE_SYNCHRONOUS: Final = frozenset({"telegram"})
# Of a package that two libraries bring, the models that hold for the one, and names that only the other has: py-cord answers
# to `discord`, too, and loads its extensions without waiting.
OF_ANOTHER: Final = {
    "discord.ext.commands.bot": frozenset(
        """ApplicationContext AutocompleteContext Option OptionChoice SlashCommandGroup slash_command user_command
        message_command application_command""".split()
    )
}
CLASSES: Final = re.compile(r"^class (\w+)", re.MULTILINE)


@cache
def modelled_packages() -> frozenset[str]:
    """The top names of the libraries of which guard has models."""
    return frozenset(path.stem.partition(".")[0] for path in MODELS.glob("*.model"))


def needed_models(own: Sequence[ModuleSymbol], read: ReadModels) -> dict[Path, File]:
    """The models of the packages that the modules of a program import, in the order of their names."""
    by_package: dict[str, list[Path]] = {}
    for path in sorted(MODELS.glob("*.model")):
        by_package.setdefault(path.stem.partition(".")[0], []).append(path)
    imported = _imported(module.file for module in own)
    late = [module.file for module in own if any(each.sort == ASYNC for each in module.file.functions)]
    imported -= ONCE_SYNCHRONOUS - _imported(late)
    if lost := _lost(own):
        for package in by_package.keys() - imported:
            if any(not lost.isdisjoint(CLASSES.findall(path.read_text("utf-8"))) for path in by_package[package]):
                imported.add(package)
    strange = {model for model, names in OF_ANOTHER.items() if model.partition(".")[0] in imported and _has(own, model, names)}
    found: dict[Path, File] = {}
    waiting = imported & by_package.keys()
    while waiting:
        files = read([path for each in sorted(waiting) for path in by_package.pop(each) if path.stem not in strange])
        found.update(files)
        waiting = _imported(files.values()) & by_package.keys()
    return dict(sorted(found.items()))


def _imported(files: Iterable[File]) -> set[str]:
    """The top packages of all that these files import."""
    return {
        each.module.partition(".")[0] for file in files for scope in file.functions for each in scope.imports if not each.level
    }


def _has(own: Iterable[ModuleSymbol], model: str, names: frozenset[str]) -> bool:
    """The program takes one of these names from the package: by an import, or as `discord.Option`."""
    package = ("name", model.partition(".")[0])
    for scope in (scope for module in own for scope in module.file.functions):
        if any(each.name in names and each.module.partition(".")[0] == package[1] for each in scope.imports):
            return True
        taken = [each.callee for each in scope.calls] + [each.callee for each in scope.decorators]
        taken += [each.annotation for each in scope.parameters if each.annotation is not None]
        if any(each[0] == "attribute" and each[1] == package and each[2] in names for each in taken):
            return True
    return False


def _lost(own: Sequence[ModuleSymbol]) -> set[str]:
    """Telling names of classes that the program imports from itself, and that none of its files has."""
    tops = {module.name.partition(".")[0] for module in own}
    imported = {
        each.name
        for module in own
        for each in module.file.functions[0].imports
        if (each.level or each.module.partition(".")[0] in tops) and TELLING.fullmatch(each.name)
    }
    return imported.difference(kind.name for module in own for kind in module.file.classes) if imported else imported
