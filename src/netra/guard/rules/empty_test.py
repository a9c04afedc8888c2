"""T101."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.symbols import ClassSymbol, FunctionSymbol

HARMLESS: Final = frozenset("print sleep Mock MagicMock AsyncMock len str repr dict list set range isinstance".split())
OF_MODULES: Final = frozenset(
    {("time", "sleep"), ("asyncio", "sleep"), ("mock", "Mock"), ("mock", "MagicMock"), ("mock", "AsyncMock")}
)
# Classes of test frameworks, which have no test of their own.
OF_FRAMEWORKS: Final = frozenset(
    "object TestCase IsolatedAsyncioTestCase SimpleTestCase TransactionTestCase LiveServerTestCase AsyncTestCase".split()
)
LOGGERS: Final = frozenset("logger log logging LOGGER LOG _logger".split())


@rule("T101", "empty-test", hesitant=True)
def empty_test(analysis: Analysis) -> Iterator[Sighting]:
    """A test calls nothing that could fail and asserts nothing, and passes whatever the code does.

    ```python
    def test_refund():
        user = {"name": "Alice"}
        print("refund works")  # T101
    ```

    A test that calls the code under test and asserts nothing still fails when that raises, and is left alone. So is one
    that says by its name that the imports of its file are what it is about. Guard is certain of a test that writes values down
    and shows them: one that is still to be written, or whose file is the test, may be meant as it is.
    """
    for scope in collected(analysis):
        facts = scope.facts
        if facts.asserts or facts.raises or facts.blocks or facts.decorators or _may_fail(scope) or scope.children:
            continue
        if "import" in scope.name or facts.examples or _overrides(analysis, scope) or _is_specimen(scope):
            continue
        message = f"`{scope.name}` calls nothing that could fail and asserts nothing"
        mend = Mend("call the code under test, or remove the test")
        sure = CERTAIN if _writes_down(scope) else LIKELY
        yield Sighting(scope, facts.line, facts.column, facts.line, message, mend=mend, confidence=sure)


def _writes_down(scope: FunctionSymbol) -> bool:
    """It keeps values under names of its own, and nothing in it belongs to anybody else: no logger, no fixture, no table that
    may lack what is asked for.
    """
    if any(_names_another(each.value, scope) for each in scope.facts.assignments):
        return False
    calls = (last_name(call.callee) or "" for call in scope.facts.calls)
    kept = [each.target[0] == "name" for each in scope.facts.assignments]
    return bool(kept) and all(kept) and all(each in HARMLESS for each in calls)


def _overrides(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """It may switch off a test of its class's base, which is not meant to hold here, or be what such a base calls."""
    if scope.owner is None:
        return False
    order, _ = analysis.program.order(scope.owner)
    if any(scope.name in each.methods for each in order[1:]):
        return True
    bases = [(base, analysis.program.evaluate(base, each.module.top)) for each in order for base in each.facts.bases]
    return any(not isinstance(symbol, ClassSymbol) and last_name(base) not in OF_FRAMEWORKS for base, symbol in bases)


def _is_specimen(scope: FunctionSymbol) -> bool:
    """Tests read its class by name: it is what they look at."""
    owner = scope.owner
    return owner is not None and any(owner.name in each.facts.loads for each in scope.module.functions)


def _may_fail(scope: FunctionSymbol) -> bool:
    others = any(not _is_harmless(call.callee) or _shows_another(call, scope) for call in scope.facts.calls)
    # What a test leaves in the module, another may assert.
    others = others or bool(scope.facts.globals)
    # A fixture that is asked for may be what the test is about, and a module that it imports runs.
    return (
        others
        or bool(scope.facts.awaits or scope.facts.imports)
        or any(each.name not in ("self", "cls") for each in scope.facts.parameters)
    )


def _shows_another(call: CallSite, scope: FunctionSymbol) -> bool:
    """`print(Manager)` runs what `Manager` has for it, and that may be what the test is about."""
    return any(_names_another(each, scope) for each in call.given)


def _names_another(value: Expression, scope: FunctionSymbol) -> bool:
    builtin = {*HARMLESS, "time", "asyncio", "mock"}
    return any(part[0] == "name" and part[1] not in scope.bound and part[1] not in builtin for part in within(value, scope))


def _is_harmless(callee: Expression) -> bool:
    """By its whole name: `set(…)` cannot fail, `config.set(…)` can."""
    match callee:
        case ("name", str(name)):
            return name in HARMLESS
        case ("attribute", ("name", str(of)), str(name)):
            return of in LOGGERS or (of, name) in OF_MODULES
    return False
