"""Modules that nothing imports, in a program that imports nearly all of its own."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from netra.guard.facts import Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.program import Program, imported_parts
from netra.guard.symbols import ModuleSymbol
from netra.guard.values import Step

# A program with as many modules, of which it imports as large a part, is no heap of scripts and plugins.
MANY: Final = 20
NEARLY_ALL: Final = 0.6

# Modules that something outside runs or finds by these names: interpreters, servers, frameworks, runners of tests.
RUN_BY_NAME: Final = frozenset(
    """main __main__ app application server cli run manage wsgi asgi setup conftest noxfile fabfile tasks celery worker settings
    urls admin apps models signals forms views checks receivers translation search_indexes cms_plugins sitemaps""".split()
)

# The same of the folders that they lie in.
RUN_BY_FOLDER: Final = frozenset(
    "commands templatetags migrations versions alembic plugins scripts bin tools examples docs benchmarks recipes".split()
)

# By these a module is imported whose name the text does not show.
LOADING: Final = frozenset(
    """import_module __import__ iter_modules walk_packages load_module exec_module spec_from_file_location find_modules
    import_string load_object autodiscover_tasks load_source locate""".split()
)

# A longer text is no name of a module.
LONGEST: Final = 200


class Unimported:
    """Answers about modules; use `program.once(Unimported)`."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def step(self, module: ModuleSymbol) -> Step | None:
        """What says that nothing imports the module, as far as names and texts tell; None where something may."""
        if module.in_tests or module.package or not self._imports_its_own or self._is_found(module):
            return None
        return Step(module.path, 1, "nothing in the program imports this module: it goes wrong as soon as somebody does")

    def _is_found(self, module: ModuleSymbol) -> bool:
        name = module.name.rpartition(".")[2]
        if name in self._program.once(imported_parts) or name in RUN_BY_NAME or name.startswith("test"):
            return True
        if not RUN_BY_FOLDER.isdisjoint(PurePath(module.path).parts[:-1]) or module.folder in self._loading:
            return True
        return _is_a_script(module) or any(name in text for text in self._texts)

    @lazily
    def _imports_its_own(self) -> bool:
        plain = [each for each in self._program.own if not (each.library or each.in_tests or each.package)]
        imported = self._program.once(imported_parts)
        named = sum(each.name.rpartition(".")[2] in imported for each in plain)
        return len(plain) >= MANY and named >= len(plain) * NEARLY_ALL

    @lazily
    def _loading(self) -> frozenset[str]:
        """The folders of modules that import others by a name which is worked out: it may be any beside them."""
        return frozenset(scope.module.folder for scope, _, _ in self._program.calls_of(LOADING))

    @lazily
    def _texts(self) -> frozenset[str]:
        """What may name a module: texts that are given to calls, and those at the top of a file."""
        found = [
            text for scope in self._program.scopes for call in scope.facts.calls for each in call.given for text in _of(each)
        ]
        for module in self._program.own:
            found += [text for each in module.top.facts.assignments for text in _of(each.value)]
        return frozenset(text for text in found if len(text) <= LONGEST)


def _of(value: Expression) -> Iterator[str]:
    """The texts that are written down in a value, one container deep or two."""
    match value:
        case ("string", str(text)):
            yield text
        case ("list" | "tuple" | "set", parts):
            for part in parts:
                yield from _of(part)
        case ("dict", pairs):
            for pair in pairs:
                for part in pair:
                    yield from _of(part)


def _is_a_script(module: ModuleSymbol) -> bool:
    """`if __name__ == "__main__":`"""
    tests = (each for block in module.top.facts.blocks if block.what == "if" for each in block.expressions)
    return any(each[0] == "compare" and any(last_name(part) == "__name__" for part in each[1]) for each in tests)
