"""M107."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import PurePath
from typing import Final, TypeAlias

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, Import, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_for_other_version, is_told_apart
from netra.guard.members.modules import ModuleNames, handed_by_name
from netra.guard.reading import attributes_of, hands_over_its_module, is_waived, names_for
from netra.guard.rule import rule
from netra.guard.source.waivers import MEMBER
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# A module that lacks as many names is mostly given them by something that guard does not see.
MANY: Final = 5
OF_TESTS: Final = frozenset({"tests", "test", "testing"})
# So many of the other places in a file of tests are shown.
SHOWN: Final = 3

Missing: TypeAlias = tuple[ModuleSymbol, str, Sighting]


@rule("M107", "missing-name", hesitant=True)
def missing_name(analysis: Analysis) -> Iterator[Sighting]:
    """A name is imported or read from a module of the program that has no such name.

    The import raises `ImportError`, the read `AttributeError`: at once where it stands at the top of a module that somebody
    imports, and when the function runs where it stands in one.

    ```python
    def bill(order: Order) -> Bill:
        from shop.prices import net_price  # M107, when it is called `net` there

        return Bill(net_price(order))
    ```

    A module whose `__getattr__` answers for the names of a table has those. Modules with another `__getattr__`, with
    `from … import *` out of what guard does not know, and those that write into `globals()` are left alone, and so are
    imports that are tried and caught, that only type checkers run, or that stand under a test of a version or of the module
    itself. Guard is not certain of a module that lacks five names or more: something gives it names that guard does not see.
    A file of tests that asks for the same name again and again is told of it once.
    """
    lacking: dict[ModuleSymbol, set[str]] = {}
    found = [*_missing(analysis)]
    for source, name, _ in found:
        lacking.setdefault(source, set()).add(name)
    for source, name, sighting in _once_a_test_file(found):
        # Tests are often left out of what is installed.
        doubtful = len(lacking[source]) >= MANY or name in OF_TESTS
        yield sighting._replace(confidence=LIKELY) if doubtful else sighting


def _once_a_test_file(found: list[Missing]) -> Iterator[Missing]:
    """What is missing, and of a file of tests once for each name, with how often."""
    places: dict[tuple[ModuleSymbol, ModuleSymbol, str], list[Sighting]] = {}
    for source, name, sighting in found:
        if sighting.scope.module.in_tests:
            places.setdefault((sighting.scope.module, source, name), []).append(sighting)
        else:
            yield source, name, sighting
    for (module, source, name), sightings in places.items():
        first, *others = sorted(sightings, key=lambda each: (each.line, each.column))
        if others:
            steps = tuple(Step(module.path, each.line, "here, too") for each in others[:SHOWN])
            more = f", and in {len(others)} more place{'s' if len(others) > 1 else ''} of this file"
            first = first._replace(message=first.message + more, why=(*first.why, *steps))
        yield source, name, first


def _missing(analysis: Analysis) -> Iterator[Missing]:
    """Each name that a module lacks: the module, the name, and where it is asked for."""
    held = analysis.once(ModuleNames)
    unclear = analysis.once(_named_twice) | analysis.once(_named_short) | analysis.once(_put_elsewhere)
    modules = analysis.once(_module_names)
    for scope in analysis.scopes:
        for each in scope.facts.imports:
            source = analysis.program.source_of(each, scope.module) if each.name not in ("", "*") else None
            if source is None or source is scope.module or source.name in unclear or not held.lacks(source, each.name):
                continue
            if source.in_tests and not scope.module.in_tests:
                continue  # what a program imports is none of its tests, but the library that they have called a folder after
            if not is_caught(each.line, scope, *EXPECTED) and not _is_excused(source, each.line, scope):
                yield source, each.name, _sighting(held, source, each.name, _written(each), each.line, 0, scope)
    for scope, expression, line, column in attributes_of(modules, analysis):
        _, inner, name = expression
        root = inner
        while root[0] == "attribute":
            root = root[1]
        if root[0] == "name" and _is_given_anew(root[1], scope):
            continue  # `logger = logger.get_logger()` gives the name another meaning as well
        match analysis.program.evaluate(inner, scope):
            case ModuleSymbol() as source if source.name not in unclear and held.lacks(source, name):
                excused = is_caught(line, scope, "AttributeError") or is_told_apart(inner, name, scope)
                if not excused and not _is_excused(source, line, scope):
                    yield source, name, _sighting(held, source, name, written(expression, scope), line, column, scope)


def _is_given_anew(name: str, scope: FunctionSymbol) -> bool:
    """The function, or whatever around it binds the name, gives it a value."""
    at: FunctionSymbol | None = scope
    while at is not None and name not in at.bound:
        at = at.parent
    return at is not None and name in at.assigned


EXPECTED = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException", "AttributeError")


def _module_names(analysis: Analysis) -> frozenset[str]:
    """Every name by which a module of the program may be reached."""
    return names_for({part for module in analysis.modules for part in module.name.split(".")}, analysis)


def _written(each: Import) -> str:
    return f"from {'.' * each.level}{each.module} import {each.name}"


def _sighting(
    held: ModuleNames, source: ModuleSymbol, name: str, text: str, line: int, column: int, scope: FunctionSymbol
) -> Sighting:
    close = get_close_matches(name, held.named_in(source), 1)
    message = f"`{text}`: `{source.name}` has no `{name}`"
    step = Step(source.path, 1, f"nothing in `{source.name}` binds `{name}`")
    mend = Mend(f"`{close[0]}` is meant, or it has to be added" if close else "name what is meant, or add it")
    return Sighting(scope, line, column, line, message, (step,), mend)


def _is_excused(source: ModuleSymbol, line: int, scope: FunctionSymbol) -> bool:
    """Only checkers or another release run the line, somebody asks for the module before, or the line says that it is meant."""
    if is_for_other_version(line, scope) or is_waived(scope, MEMBER, line):
        return True
    for block in scope.facts.blocks:
        if block.what == "if" and block.line <= line <= block.end_line:
            for test in block.expressions:
                # `if find_spec("shop.extra"):`
                asked = scope.facts.calls[test[1]].arguments if test[0] == "call" else ()
                if last_name(test) == "TYPE_CHECKING" or any(_names_part(each, source) for each in asked):
                    return True
    return False


def _names_part(asked: Expression, source: ModuleSymbol) -> bool:
    return bool(asked[0] == "string" and asked[1].startswith(source.name))


def _put_elsewhere(analysis: Analysis) -> frozenset[str]:
    """Modules of which somebody may make something else: they are handed over, by their name or as an object."""
    return handed_by_name(analysis) | {module.name for module in analysis.modules if _is_extended(module)}


def _is_extended(module: ModuleSymbol) -> bool:
    """It hands itself to somebody as an object, or its package goes on in other folders."""
    path = ("name", "__path__")
    calls = [call for function in module.file.functions if "__path__" in function.loads for call in function.calls]
    return (
        any(hands_over_its_module(function) for function in module.file.functions if "sys" in function.loads)
        or any(path in call.arguments or (call.callee[0] == "attribute" and call.callee[1] == path) for call in calls)
        or bool(module.top.assigned.get("__path__"))
    )


def _named_short(analysis: Analysis) -> frozenset[str]:
    """Names of modules that lie in folders without an `__init__.py` that the program imports from: `shop/celery.py` is
    `shop.celery` there, and `import celery` means the library.
    """
    imported: set[str] = set()
    for target in {each.module for scope in analysis.scopes for each in scope.facts.imports if not each.level}:
        parts = target.split(".")
        imported.update(".".join(parts[:number]) for number in range(1, len(parts) + 1))
    short: set[str] = set()
    for module in analysis.modules:
        name = module.name.split(".")
        above = PurePath(module.path).parts[: -(len(name) + module.package)]
        longer = (".".join((*above[-number:], name[0])) for number in range(1, len(above) + 1))
        if any(each in imported for each in longer) or (above and above[-1] in imported):
            short.add(module.name)
    return frozenset(short)


def _named_twice(analysis: Analysis) -> frozenset[str]:
    """Names that two files have as modules: which of them an import means is not known."""
    seen: set[str] = set()
    twice: set[str] = set()
    for module in analysis.modules:
        (twice if module.name in seen else seen).add(module.name)
    return frozenset(twice)
