"""T108."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.mocks import MOCKS, Mocked
from netra.guard.program import BUILTINS
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Foreign, Instance, Routine, Step, TypeOf

HARMLESS: Final = frozenset(
    "print len str int repr dict list set tuple sorted isinstance type range sleep raises call patch object".split()
)
BY_METHOD: Final = re.compile(r"assert[A-Z_]\w*")
MADE: Final = re.compile(r"_?[A-Z]\w*")


@rule("T108", "mock-only-test", hesitant=True)
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
    code itself to call. Guard is certain where the mock is told of which class of the program it is one (`spec=Billing`), and
    where a function or method of the program is replaced, nothing but that replacement is called from there on, and all that is
    asserted is what it answered.
    """
    for scope in collected(analysis):
        facts = scope.facts
        if (replaced := _only_replaced(analysis, scope)) is not None:
            yield replaced
            continue
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
        sure = CERTAIN if _stands_for_the_code(analysis, scope, facts.calls[number]) else LIKELY
        yield Sighting(scope, asserted, facts.column, asserted, message, (step,), mend, sure)


class Replacement(NamedTuple):
    """`owner.name` is something else in these lines."""

    owner: Expression
    name: str
    first: int
    last: int


def _only_replaced(analysis: Analysis, scope: FunctionSymbol) -> Sighting | None:
    """All that the test asserts is what the replacement of a function of the program has answered."""
    facts = scope.facts
    if not facts.asserts or facts.raises or any(not each.what.startswith("with") for each in facts.blocks):
        return None
    for each in _replacements(analysis, scope):
        real = _replaced_function(analysis, scope, each)
        calls = {number for number, call in enumerate(facts.calls) if real is not None and _is_of(analysis, scope, call, each)}
        if real is None or not calls or not all(_shows_only(scope, test, calls) for test, _ in facts.asserts):
            continue
        others = [
            call
            for number, call in enumerate(facts.calls)
            if number not in calls
            and call.line > each.first
            and last_name(call.callee) not in HARMLESS | MOCKS
            and not _makes_an_object(analysis, scope, call)
        ]
        if others or any(line <= each.first for _, line in facts.asserts):
            continue
        line = facts.asserts[0][1]
        message = f"`{scope.name}` asserts what stands in the place of `{real.facts.qualified}`, and runs nothing of it"
        step = Step(scope.module.path, each.first, f"`{real.name}` is replaced here")
        return Sighting(scope, line, facts.column, line, message, (step,), Mend("replace what it calls, and call it"))
    return None


def _makes_an_object(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """The object of which the replacement is called, or what that is given: nothing is asserted of either."""
    named = MADE.fullmatch(last_name(call.callee) or "") is not None
    return call.where != ("statement",) and (named or isinstance(analysis.receivers.value(call.callee, scope), TypeOf))


def _replacements(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Replacement]:
    """What the test puts something else in the place of: by assignment, `patch.object` or `monkeypatch.setattr`."""
    end = scope.facts.end_line
    for each in scope.facts.assignments:
        if each.target[0] == "attribute" and each.how == "=" and _is_made_here(analysis, each.value, scope):
            yield Replacement(each.target[1], each.target[2], each.line, end)
    for call in scope.facts.calls:
        match last_name(call.callee), call.arguments:
            case "setattr", (owner, ("string", str(name)), new) if call.where == ("statement",) and _is_made_here(
                analysis, new, scope
            ):
                yield Replacement(owner, name, call.end_line, end)
            case "object", (owner, ("string", str(name)), *new):
                new += [value for key, value in call.keywords if key == "new"]
                around = [each for each in scope.facts.blocks if each.what == "with" and each.head == call.end_line]
                if around and all(_is_made_here(analysis, each, scope) for each in new) and not _hands_on(call):
                    yield Replacement(owner, name, call.end_line, around[0].end_line)


def _is_made_here(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> bool:
    """A mock that hands nothing on, or a function that the test writes for it."""
    match value:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return last_name(call.callee) in MOCKS and not _hands_on(call)
        case ("lambda", _):
            return True
        case ("name", str(name)):
            inner = [each for each in scope.children if each.name == name]
            return len(inner) == 1 and all(_is_elsewhere(analysis, call, inner[0]) for call in inner[0].facts.calls)
    return False


def _is_elsewhere(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    """A builtin, or a function of a library."""
    return isinstance(analysis.receivers.value(call.callee, scope), Foreign)


def _hands_on(call: CallSite) -> bool:
    return not {name for name, _ in call.keywords}.isdisjoint({"wraps", "side_effect", "autospec"})


def _replaced_function(analysis: Analysis, scope: FunctionSymbol, each: Replacement) -> FunctionSymbol | None:
    """The function of the program that stands there otherwise."""
    match analysis.receivers.value(("attribute", each.owner, each.name), scope):
        case Routine(function=function) if not function.module.library and not function.module.in_tests:
            return function
    return None


def _is_of(analysis: Analysis, scope: FunctionSymbol, call: CallSite, each: Replacement) -> bool:
    """The call runs the replacement."""
    if not each.first < call.line <= each.last or call.callee[0] != "attribute" or call.callee[2] != each.name:
        return False
    if call.callee[1] == each.owner:
        return True
    match analysis.receivers.value(each.owner, scope), analysis.receivers.value(call.callee[1], scope):
        case TypeOf(kind=kind), Instance(kind=made):
            return kind in analysis.program.order(made)[0]
        case TypeOf(), None:
            return bool(call.callee[1][0] == "name")
    return False


def _shows_only(scope: FunctionSymbol, test: Expression, calls: set[int]) -> bool:
    """What is asserted is made of answers of these calls and of literals, and of one answer at least."""
    parts = [*_beside(scope, test, calls)]
    answers = [each for each in parts if each[0] == "call" or (each[0] == "name" and _is_answer(scope, each[1], calls))]
    others = [each for each in parts if each[0] == "name" and each not in answers and each[1] not in BUILTINS]
    return bool(answers) and not others


def _is_answer(scope: FunctionSymbol, name: str, calls: set[int]) -> bool:
    """A name that holds nothing but what one of these calls gives."""
    given = [each.value[1] if each.value[0] == "await" else each.value for each in scope.assigned.get(name, ())]
    return bool(given) and all(each[0] == "call" and each[1] in calls for each in given)


def _beside(scope: FunctionSymbol, expression: Expression, calls: set[int]) -> Iterator[Expression]:
    """These calls and the names that stand in an expression, without what the calls are given; any other call is a name."""
    if expression[0] == "call":
        call = scope.facts.calls[expression[1]]
        if expression[1] in calls:
            yield expression
        elif last_name(call.callee) in HARMLESS:
            for each in call.given:
                yield from _beside(scope, each, calls)
        else:
            yield ("name", "")
    elif expression[0] == "name":
        yield expression
    else:
        for part in expression[1:]:
            if isinstance(part, tuple) and part:
                for each in (part,) if isinstance(part[0], str) else part:
                    if isinstance(each, tuple) and each:
                        for one in (each,) if isinstance(each[0], str) else each:
                            yield from _beside(scope, one, calls)


def _asks(call: CallSite, mocked: Mocked) -> int:
    """The line of the mock that a call asks for its answer."""
    return 0 if _asserts(call) else mocked.ends_in(call)


def _asserts(call: CallSite) -> bool:
    return BY_METHOD.fullmatch(last_name(call.callee) or "") is not None


def _is_all_of_mocks(scope: FunctionSymbol, mocked: Mocked, ended: dict[int, int], tests: list[Expression]) -> bool:
    calls = scope.facts.calls
    for number, call in enumerate(calls):
        name = last_name(call.callee) or ""
        if number in ended or _asserts(call) or name in MOCKS or _is_answer_of_mock(call, mocked):
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


def _is_answer_of_mock(call: CallSite, mocked: Mocked) -> bool:
    """`service.find.return_value = make_order()`: it makes what the mock is told to answer."""
    match call.where:
        case ("assign", ("attribute", place, "return_value")):
            while place[0] == "attribute" and place not in mocked.made:
                place = place[1]
            return place in mocked.made
    return False


def _stands_for_the_code(analysis: Analysis, scope: FunctionSymbol, called: CallSite) -> bool:
    """The mock that is called is told of which class of the program it is one: `AsyncMock(spec=Service)`."""
    root = called.callee
    while root[0] in ("attribute", "subscript"):
        root = root[1]
    given = [each.value for each in scope.assigned.get(root[1], ())] if root[0] == "name" else []
    if len(given) != 1 or given[0][0] != "call":
        return False
    call = scope.facts.calls[given[0][1]]
    told = [value for name, value in call.keywords if name in ("spec", "spec_set")]
    told += call.arguments[:1]  # of a mock as of `create_autospec`
    match analysis.receivers.value(told[0], scope) if len(told) == 1 else None:
        case TypeOf(kind=kind):
            return not kind.module.library and not kind.module.in_tests
    return False


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
