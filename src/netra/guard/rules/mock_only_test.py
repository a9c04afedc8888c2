"""T108."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.mocks import MOCKS, Mocked
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.values import Step

HARMLESS: Final = frozenset(
    "print len str int repr dict list set tuple sorted isinstance type range sleep raises call patch object".split()
)
BY_METHOD: Final = re.compile(r"assert[A-Z_]\w*")
MADE: Final = re.compile(r"_?[A-Z]\w*")


@rule("T108", "mock-only-test", default=False)
def mock_only_test(analysis: Analysis) -> Iterator[Sighting]:
    """A test calls nothing but mocks that it made itself, and asserts what it told them to answer.

    ```python
    async def test_refund():
        billing = AsyncMock()
        billing.refund.return_value = {"status": "done"}
        result = await billing.refund(42)
        assert result["status"] == "done"  # T108: the mock is tested


    async def test_charge():
        with patch.object(billing, "charge", AsyncMock(return_value=True)):
            assert await billing.charge(42)  # T108: the function under test is the mock
    ```

    A test is left alone as soon as it calls anything else but a class, hands one of its mocks to somebody, or gives a mock the
    code itself to call.
    """
    for scope in collected(analysis):
        facts = scope.facts
        if scope.children or facts.raises or scope.decorator_names & {"patch", "object", "multiple"}:
            continue
        if not any(each.value[0] == "call" or each.how != "=" for each in facts.assignments) and not facts.blocks:
            continue
        mocked = Mocked(analysis, scope)
        if not mocked or mocked.calls_real:
            continue
        ended = {number: line for number, each in enumerate(facts.calls) if (line := _asks(each, mocked))}
        asserting = [(test, line) for test, line in facts.asserts]
        asserting += [(("call", number), each.line) for number, each in enumerate(facts.calls) if _asserts(each)]
        if not ended or not asserting or not _is_all_of_mocks(scope, mocked, ended, [test for test, _ in asserting]):
            continue
        number, line = next(iter(ended.items()))
        name = written(facts.calls[number].callee, scope)
        message = f"`{scope.name}` tests nothing but mocks that it made itself"
        step = Step(scope.module.path, line, f"`{name}` is a mock from here on")
        asserted = min(each for _, each in asserting)
        mend = Mend("call the code under test with the mock")
        yield Sighting(scope, asserted, facts.column, asserted, message, (step,), mend)


def _asks(call: CallSite, mocked: Mocked) -> int:
    """The line of the mock that a call asks for its answer."""
    return 0 if _asserts(call) else mocked.ends_in(call)


def _asserts(call: CallSite) -> bool:
    return BY_METHOD.fullmatch(last_name(call.callee) or "") is not None


def _is_all_of_mocks(scope: FunctionSymbol, mocked: Mocked, ended: dict[int, int], tests: list[Expression]) -> bool:
    calls = scope.facts.calls
    for number, call in enumerate(calls):
        name = last_name(call.callee) or ""
        if number in ended or _asserts(call) or name in MOCKS:
            continue
        if name not in HARMLESS and not MADE.fullmatch(name):
            return False
        if MADE.fullmatch(name) and any(str(each) in str((call.arguments, call.keywords)) for each in mocked.made):
            return False  # somebody has it
    if any(_is_of_real(each.expression, mocked) for each in scope.facts.reads) or _sets_an_item(scope, mocked):
        return False
    known = {("call", number) for number in ended} | set(mocked.made)
    for each in scope.facts.assignments:
        if each.target[0] == "name" and any(str(one) in str(each.value) for one in known):
            known.add(each.target)
    shown = [str((test, _parts(calls[test[1]]) if test[0] == "call" else ())) for test in tests]
    return all(any(str(one) in text for one in known) for text in shown) and not _uses_others(scope, mocked, ended)


def _is_of_real(expression: Expression, mocked: Mocked) -> bool:
    """An attribute of an object of which only another one is a mock: a property may run the code."""
    owners = {each[1] for each in mocked.made if each[0] == "attribute"} - mocked.made.keys()
    while expression[0] == "attribute":
        if expression in mocked.made:
            return False
        if expression[1] in owners:
            return True
        expression = expression[1]
    return False


def _sets_an_item(scope: FunctionSymbol, mocked: Mocked) -> bool:
    """`table["a"] = 1`, `del table["a"]` of what is neither a mock nor written down here run the code of its class."""
    for each in scope.facts.assignments:
        if each.target[0] == "subscript" and each.target[1] not in mocked.made:
            name = each.target[1][1] if each.target[1][0] == "name" else ""
            given = scope.assigned.get(name, ())
            if not given or any(one.value[0] not in ("dict", "list") for one in given if one.target[0] == "name"):
                return True
    return False


def _parts(call: CallSite) -> tuple[object, ...]:
    return call.callee, call.arguments, call.keywords


def _uses_others(scope: FunctionSymbol, mocked: Mocked, ended: dict[int, int]) -> bool:
    """Something that it was given may be what it is about, unless only mocks get it, or what is asked of it is one."""
    given = {each.name for each in scope.facts.parameters} - {"self", "cls"}
    for use in scope.facts.uses:
        if use.name not in given or use.where == ("store",):
            continue
        match use.where:
            case ("argument", int(index), _) if index in ended or _asserts(scope.facts.calls[index]):
                continue
            case ("attribute", str(name)) if ("attribute", ("name", use.name), name) in mocked.made:
                continue
        return True
    return False
