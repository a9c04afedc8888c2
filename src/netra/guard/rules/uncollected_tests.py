"""T106."""

import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, SELF, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import collected, imported_names, is_of_case, is_suite
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# Fixtures that pytest and its commonest plugins bring.
OF_PYTEST: Final = frozenset(
    """request tmp_path tmp_path_factory tmpdir monkeypatch capsys capfd caplog recwarn pytestconfig testdir pytester
    record_property mocker event_loop db client admin_client rf settings benchmark httpx_mock aiohttp_client subtests""".split()
)

# By these a class may run its tests in a way of its own, and so may one with a metaclass.
RUNNING: Final = frozenset(
    {"run", "__call__", "_callTestMethod", "__init_subclass__", "__getattribute__", "__init__", "__new__"}
)


# What runners call by these names; and words by which somebody says that it is no test, or none any more.
OF_RUNNERS: Final = re.compile(
    r"^_|^[A-Z]|(?i:test|setup|teardown|set_up|tear_down|asyncset|asynctear|skip|todo|disabled?|broken|ignored?|assert|check|verify|run|main)"
)

# By these a file finds functions without naming them.
LISTING: Final = frozenset({"globals", "vars", "dir", "getmembers"})

PROPERTIES: Final = frozenset("property cached_property setter".split())

# As many classes that are called alike are called so on purpose.
USUAL: Final = 5

# So many suites in a folder say how files are called there.
MANY: Final = 2


@rule("T106", "uncollected-tests")
def uncollected_tests(analysis: Analysis) -> Iterator[Sighting]:
    """A test file asserts things in functions of which pytest collects none.

    pytest collects functions called `test…` and classes called `Test…`, those without a constructor. A file in which nothing
    is called like that passes, and no report names it. The same is true of a class `Test…` that has an `__init__`, of a test
    that is parametrised with an empty list, of the one file of a folder whose name is not that of a suite, and of an
    `async def` in a `unittest.TestCase`, whose coroutine nobody awaits, and of a function or method beside the tests that
    asserts something, wants nothing that a caller would have to give, and that nothing mentions. A file that another one
    imports holds helpers, and is left alone.

    ```python
    # tests/test_refund.py
    class RefundTests:  # T106: `TestRefund` would be collected
        def test_whole(self):
            assert refund(42) == 42
    ```
    """
    for scope in collected(analysis):
        for each in scope.facts.decorators:
            if last_name(each.callee) == "parametrize" and each.arguments[1:2] == (("list", ()),):
                message = f"`{scope.facts.qualified}` is parametrised with an empty list, and skipped"
                mend = Mend("give it at least one case")
                yield Sighting(scope, each.line, scope.facts.column, each.line, message, mend=mend)
    usual = _usual_ending(analysis)
    yield from _misnamed(analysis)
    yield from _passed_over(analysis, usual)
    yield from _constructed(analysis)
    yield from _unawaited(analysis)
    yield from _called_by_nobody(analysis)
    imported = analysis.once(imported_names)
    fixtures = analysis.once(_fixtures)
    for module in analysis.modules:
        name = module.path.rpartition("/")[2]
        if not name.startswith("test_"):
            continue
        top = module.top
        named = any(scope.name.startswith("test") and scope.facts.parent == 0 for scope in module.functions)
        classes = [each for each in module.classes if each.facts.scope == 0]
        named = named or any(each.name.startswith("Test") or each.facts.bases or _is_usual(each, usual) for each in classes)
        asserting = [
            scope
            for scope in module.functions
            if scope.facts.asserts
            and scope.facts.sort in ("plain", "async")
            and _may_be_run(scope, fixtures)
            # What gives something is for others to call, and what the file itself mentions at its top it runs.
            and not scope.facts.returned
            and scope.name not in top.facts.loads
        ]
        if asserting and not named and module.name not in imported and "__main__" not in str(top.facts.blocks):
            scope = asserting[0]
            message = f"pytest collects nothing of this file, although `{scope.facts.qualified}` asserts something"
            mend = Mend("call functions `test_…` and classes `Test…`")
            yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, mend=mend)


def _fixtures(analysis: Analysis) -> AbstractSet[str]:
    return {scope.name for scope in analysis.scopes if "fixture" in scope.decorator_names} | OF_PYTEST


def _passed_over(analysis: Analysis, usual: str) -> Iterator[Sighting]:
    """The one class with tests, beside what pytest collects, of a name that it passes over, and that nothing else mentions.

    Where there are several, somebody may tell pytest in its settings how such classes are called.
    """
    found = [each for module in analysis.modules for each in _left_aside(analysis, module, usual)]
    for kind, scope in found if len(found) == 1 else ():
        message = f"pytest collects nothing of `{kind.name}`, although `{scope.facts.qualified}` is called like a test"
        mend = Mend(f"call it `Test{kind.name.removesuffix('Tests').removesuffix('Test').removesuffix('Suite')}`")
        line, step = kind.facts.line, Step(kind.module.path, scope.facts.line, f"`{scope.name}` is never run")
        yield Sighting(scope, line, 0, line, message, (step,), mend)


def _left_aside(analysis: Analysis, module: ModuleSymbol, usual: str) -> Iterator[tuple[ClassSymbol, FunctionSymbol]]:
    """The classes of a file that pytest looks into, with a test of each that is never run."""
    if not is_suite(module) or module.name in analysis.once(imported_names) or _is_run(module):
        return
    outer = [each for each in module.classes if each.facts.scope == 0]
    others = any(scope.name.startswith("test") and scope.facts.parent == 0 for scope in module.functions)
    others = others or any(each.name.startswith("Test") and any(map(_is_named, each.methods)) for each in outer)
    for kind in outer if others else ():
        facts = kind.facts
        if kind.name.startswith("Test") or facts.bases or facts.decorators or facts.keywords or _is_usual(kind, usual):
            continue
        if kind.name in analysis.once(_mentioned) or "__init__" in kind.methods or kind.body.assigned.get("__test__"):
            continue
        tests = [methods[0] for name, methods in kind.methods.items() if _is_named(name)]
        asserting = any(each.facts.asserts and not each.facts.returned for each in tests)
        if asserting and all(_may_be_run(each, analysis.once(_fixtures)) for each in tests):
            yield kind, tests[0]


def _is_named(method: str) -> bool:
    return method.startswith("test_")


def _mentioned(analysis: Analysis) -> frozenset[str]:
    """Names that anything in the tests reads, derives from or imports: what is mentioned, somebody may run or build on."""
    found: set[str] = set()
    for module in analysis.modules:
        if module.in_tests:
            for scope in module.functions:
                found.update(scope.facts.loads)
                found.update(each.name for each in scope.facts.imports)
                found.update(each.expression[2] for each in scope.facts.reads)
            found.update(last_name(base) or "" for kind in module.classes for base in kind.facts.bases)
    return frozenset(found)


def _called_by_nobody(analysis: Analysis) -> Iterator[Sighting]:
    """What is no test by its name, and nothing but a test by all else: it asserts, and only a runner could call it."""
    known = analysis.once(_named_in_tests)
    fixtures = analysis.once(_fixtures)
    for module in analysis.modules:
        if not is_suite(module) or any(LISTING & each.called for each in module.functions):
            continue
        for scope in module.functions:
            facts = scope.facts
            if scope.name in known or facts.decorators or facts.returned or facts.yields or not _is_outermost(scope):
                continue
            if not _asserts(scope) or OF_RUNNERS.search(scope.name) or not _may_be_run(scope, fixtures):
                continue
            if _stands_beside_tests(analysis, scope):
                message = (
                    f"`{facts.qualified}` asserts something and never runs: no runner collects that name, and nothing calls it"
                )
                mend = Mend(f"call it `test_{scope.name}`")
                yield Sighting(scope, facts.line, facts.column, facts.line, message, mend=mend)


def _asserts(scope: FunctionSymbol) -> bool:
    """Something is asserted, by a statement or by a method of `unittest`."""
    by_method = (each.callee for each in scope.facts.calls if each.callee[0] == "attribute" and each.callee[1] == SELF)
    return bool(scope.facts.asserts) or any(each[2].startswith("assert") for each in by_method)


def _stands_beside_tests(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """In a class of which the runner collects something, and which is all that it could mean; or in a file with such tests."""
    if scope.owner is None:
        return any(each.name.startswith("test_") and each.facts.parent == 0 for each in scope.module.functions)
    order, closed = analysis.program.order(scope.owner)
    if any(scope.name in each.methods for each in order[1:]) or analysis.program.subclasses.get(scope.owner):
        return False
    if not is_of_case(analysis, scope) and not (closed and scope.owner.name.startswith("Test")):
        return False
    return any(name.startswith("test") for name in scope.owner.methods) and not scope.owner.facts.decorators


def _named_in_tests(analysis: Analysis) -> frozenset[str]:
    """Every name that the tests read, call, import or write down as a text."""
    found: set[str] = set(analysis.once(_mentioned))
    for module in analysis.modules:
        if module.in_tests:
            for scope in module.functions:
                for call in scope.facts.calls:
                    found.add(last_name(call.callee) or "")
                    found.update(each[1] for each in call.given if each[0] == "string")
    return frozenset(found)


def _misnamed(analysis: Analysis) -> Iterator[Sighting]:
    """The one file of a folder of suites that is called otherwise, and asserts something in what is called like tests."""
    imported = analysis.once(imported_names)
    suites: Counter[str] = Counter()
    others: dict[str, list[FunctionSymbol]] = {}
    for module in analysis.modules:
        folder = module.path.rpartition("/")[0]
        suites[folder] += is_suite(module)
        if module.in_tests and not is_suite(module) and module.name not in imported and not _is_run(module):
            named = [each for each in module.functions if each.name.startswith("test_") and _is_outermost(each)]
            if any(each.facts.asserts for each in named) and not any(is_of_case(analysis, each) for each in named):
                others.setdefault(folder, []).append(named[0])
    for folder, found in others.items():
        if len(found) == 1 and suites[folder] >= MANY:
            (scope,) = found
            message = f"pytest does not look into this file, although `{scope.facts.qualified}` is called like a test"
            step = Step(scope.module.path, scope.facts.line, f"{suites[folder]} others beside it are called `test_….py`")
            mend = Mend("call the file `test_….py`")
            line = scope.facts.line if scope.owner is None else scope.owner.facts.line
            yield Sighting(scope, line, 0, line, message, (step,), mend)


def _is_outermost(scope: FunctionSymbol) -> bool:
    return scope.facts.parent == 0 if scope.owner is None else scope.owner.facts.scope == 0


def _is_run(module: ModuleSymbol) -> bool:
    """It is a script, or holds what pytest reads in another way."""
    return "__main__" in str(module.top.facts.blocks) or module.path.endswith(("conftest.py", "__init__.py", "__main__.py"))


def _usual_ending(analysis: Analysis) -> str:
    """`Test`, where most classes with tests are called `RefundTest`: somebody tells pytest so, in settings elsewhere."""
    holding = [
        kind.name
        for module in analysis.modules
        if is_suite(module)
        for kind in module.classes
        if kind.facts.scope == 0 and not kind.facts.bases and any(name.startswith("test_") for name in kind.methods)
    ]
    ending = max(("Test", "Tests"), key=lambda each: sum(name.endswith(each) for name in holding))
    number = sum(name.endswith(ending) and not name.startswith("Test") for name in holding)
    return ending if number >= USUAL and number > len(holding) // 2 else ""


def _is_usual(kind: ClassSymbol, ending: str) -> bool:
    return bool(ending) and kind.name.endswith(ending)


def _may_be_run(scope: FunctionSymbol, fixtures: AbstractSet[str]) -> bool:
    """Pytest could call it: all that it takes are fixtures. What takes anything else is there for others to call."""
    parameters = scope.facts.parameters[1:] if scope.owner is not None else scope.facts.parameters
    return all(each.name in fixtures or each.default is not None for each in parameters)


def _constructed(analysis: Analysis) -> Iterator[Sighting]:
    """Classes that pytest passes over, with a warning, because it cannot make them."""
    for module in analysis.modules:
        if not is_suite(module):
            continue
        for kind in module.classes:
            made = kind.methods.get("__init__")
            tests = [
                name
                for name, found in kind.methods.items()
                if name.startswith("test_") and found[0].decorator_names.isdisjoint(PROPERTIES)
            ]
            plain = not kind.facts.bases or (analysis.program.order(kind)[1] and not kind.facts.keywords)
            if made and tests and kind.name.startswith("Test") and plain and kind.facts.scope == 0:
                scope = made[0]
                message = f"pytest collects nothing of `{kind.name}`, because it has an `__init__`"
                mend = Mend("prepare the tests in `setup_method` or in a fixture")
                step = Step(module.path, kind.methods[tests[0]][0].facts.line, f"`{tests[0]}` is never run")
                yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (step,), mend)


def _unawaited(analysis: Analysis) -> Iterator[Sighting]:
    """Coroutine functions in classes whose runner calls them and drops what it gets."""
    for scope in collected(analysis):
        if scope.owner is None or scope.facts.sort != ASYNC or scope.facts.yields or scope.facts.decorators:
            continue
        order, _ = analysis.program.order(scope.owner)
        if any(each.facts.keywords or each.methods.keys() & RUNNING for each in order if not each.module.library):
            continue
        bases = [analysis.program.evaluate(base, each.module.top) for each in order for base in each.facts.bases]
        plain = [each for each in bases if not isinstance(each, ClassSymbol)]
        if plain and not scope.owner.facts.decorators and all(each == External("unittest.TestCase") for each in plain):
            message = f"`{scope.facts.qualified}` never runs: `unittest.TestCase` calls it and awaits nothing"
            step = Step(scope.owner.module.path, scope.owner.facts.line, f"`{scope.owner.name}` is a plain `TestCase`")
            mend = Mend("derive the class from `unittest.IsolatedAsyncioTestCase`")
            yield Sighting(scope, scope.facts.line, scope.facts.column, scope.facts.line, message, (step,), mend)
