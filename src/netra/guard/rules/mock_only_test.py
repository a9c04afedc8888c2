"""T108."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, dotted, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.mocks import MOCKS, PATCHES_OF_OBJECTS, Mocked
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.suites import collected
from netra.guard.values import Instance, ModuleValue, Routine, Step, TypeOf

HARMLESS: Final = frozenset(
    "print len str int repr dict list set tuple sorted isinstance type range sleep raises call patch object".split()
)
BY_METHOD: Final = re.compile(r"assert[A-Z_]\w*")
SHOWING: Final = frozenset("len str int repr dict list set tuple sorted bool isinstance type".split())
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

    Certain is a test of which every assertion is about what it put in the place of a function or method of the program, and
    that calls nothing else but what makes objects. Of the others, a test is left alone as soon as it calls anything else but a
    class, hands one of its mocks to somebody, or gives a mock the code itself to call.
    """
    for scope in collected(analysis):
        facts = scope.facts
        if (sure := _replaced(analysis, scope)) is not None:
            yield sure
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
        yield Sighting(scope, asserted, facts.column, asserted, message, (step,), mend, LIKELY)


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


# --- what stands in the place of the code under test ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Replacement:
    """From one line to another, something of the test stands in the place of a function of the program."""

    function: FunctionSymbol
    target: Expression
    answer: Expression
    """What a mock was told to answer, where that is a text; nothing where it is not known."""
    line: int
    first: int
    last: int


def _replaced(analysis: Analysis, scope: FunctionSymbol) -> Sighting | None:
    """A test whose every assertion is about what it put in the place of a function, and that asks nothing else."""
    facts = scope.facts
    replacements = list(_replacements(analysis, scope))
    if not replacements or facts.raises or scope.decorator_names & {"patch", "object", "multiple"}:
        return None
    asserting = [(test, line) for test, line in facts.asserts]
    asserting += [(("tuple", each.arguments), each.line) for each in facts.calls if _is_compared(each)]
    asserted = str([test for test, _ in asserting])
    ended = {}
    for number, call in enumerate(facts.calls):
        for each in replacements:
            if each.first <= call.line <= each.last and _ends_at(analysis, scope, call, each, asserted):
                ended[number] = each
    if (
        not ended
        or not asserting
        or any(_asks_else(analysis, scope, each) for n, each in enumerate(facts.calls) if n not in ended)
    ):
        return None
    known = _Known(scope, frozenset(ended))
    if not all(known.holds(test) for test, _ in asserting) or not known.asked:
        return None
    first = next(iter(ended.values()))
    line = min(each for _, each in asserting)
    message = f"`{scope.name}` asserts nothing but what it put in the place of `{first.function.facts.qualified}`"
    step = Step(scope.module.path, first.line, f"from here on, `{written(first.target, scope)}` is not the code under test")
    mend = Mend("put something in the place of what it calls, and leave the function itself alone")
    return Sighting(scope, line, facts.column, line, message, (step,), mend)


def _replacements(analysis: Analysis, scope: FunctionSymbol) -> Iterator[_Replacement]:
    facts = scope.facts
    placed: list[tuple[Expression, Expression, int, int, int]] = [
        (each.target, each.value, each.line, each.line + 1, facts.end_line)
        for each in facts.assignments
        if each.target[0] == "attribute" and each.how == "="
    ]
    for call in facts.calls:
        name = dotted(call.callee) or ""
        match call.arguments:
            case (of, ("string", str(attribute)), new) if name.endswith("monkeypatch.setattr"):
                placed.append((("attribute", of, attribute), new, call.line, call.line + 1, facts.end_line))
    for block in facts.blocks:
        if block.what == "with" and block.expressions[0][0] == "call":
            call = facts.calls[block.expressions[0][1]]
            given = dict(call.keywords)
            match call.arguments:
                case (of, ("string", str(attribute)), *more) if dotted(call.callee) in PATCHES_OF_OBJECTS:
                    value = more[0] if more else given.get("new")
                    if value is None and "return_value" in given:
                        value = block.expressions[0]
                    if value is not None and not given.keys() & {"wraps", "side_effect"}:
                        placed.append((("attribute", of, attribute), value, call.line, block.line, block.end_line))
    for target, value, line, first, last in placed:
        function = _real(analysis, scope, target)
        if function is not None and _stands_alone(analysis, scope, value):
            yield _Replacement(function, target, _answer(scope, value), line, first, last)


def _real(analysis: Analysis, scope: FunctionSymbol, target: Expression) -> FunctionSymbol | None:
    """The function of the program that a target is, as long as nothing is put in its place."""
    match analysis.receivers.value(target[1], scope):
        case Instance(kind=kind) | TypeOf(kind=kind):
            order, closed = analysis.program.order(kind)
            if not closed or any(each.methods.keys() & {"__setattr__", "__getattr__", "__getattribute__"} for each in order):
                return None
            found = next((each.methods[target[2]][-1] for each in order if target[2] in each.methods), None)
        case ModuleValue(module=module):
            member = analysis.program.member(module, target[2])
            found = member if isinstance(member, FunctionSymbol) else None
        case _:
            return None
    return None if found is None or found.module.library or found.module.in_tests else found


def _stands_alone(analysis: Analysis, scope: FunctionSymbol, value: Expression) -> bool:
    """A mock that answers by itself, or a function of the test that calls nothing of the program."""
    match value:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            given = dict(call.keywords)
            answers = given.get("return_value", ("none",))
            return (
                (last_name(call.callee) in MOCKS or dotted(call.callee) in PATCHES_OF_OBJECTS)
                and not given.keys() & {"wraps", "side_effect", "**"}
                and answers[0] not in ("call", "name", "attribute")
            )
        case ("name", str(name)):
            inner = [each for each in scope.children if each.name == name and each.facts.sort in (PLAIN, ASYNC)]
            return (
                len(inner) == 1
                and not any(
                    isinstance(found := analysis.receivers.value(call.callee, inner[0]), Routine | TypeOf)
                    and not (found.function if isinstance(found, Routine) else found.kind).module.library
                    for call in inner[0].facts.calls
                )
                and not inner[0].facts.globals
                and not inner[0].facts.assignments
            )
    return False


def _answer(scope: FunctionSymbol, value: Expression) -> Expression:
    if value[0] != "call":
        return ()
    given: Expression = dict(scope.facts.calls[value[1]].keywords).get("return_value", ())
    return given if given[:1] == ("string",) else ()


def _ends_at(analysis: Analysis, scope: FunctionSymbol, call: CallSite, replacement: _Replacement, asserted: str) -> bool:
    if call.callee[0] != "attribute" or call.callee[2] != replacement.target[2]:
        return False
    if call.callee == replacement.target:
        return True
    if replacement.target[1][0] == "name" and isinstance(analysis.receivers.value(replacement.target[1], scope), Instance):
        return False  # another object
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return function is replacement.function
        case None:
            # Whose method it is cannot be seen, and yet the test waits for what the mock was told to answer.
            return replacement.answer != () and str(replacement.answer) in asserted
    return False


def _is_compared(call: CallSite) -> bool:
    return call.callee[0] == "attribute" and call.callee[1] == ("name", "self") and _asserts(call)


def _asks_else(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """It calls something else than what prepares the test."""
    name = last_name(call.callee) or ""
    if name in ("raises", "warns"):
        return True
    if name in HARMLESS | MOCKS or _is_compared(call) or MADE.fullmatch(name) or dotted(call.callee) == "monkeypatch.setattr":
        return False
    if call.callee[0] == "attribute" and _asserts(call):
        return False
    if call.callee[0] == "name" and name in scope.parameters:
        return False  # a fixture that makes something
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return not function.module.in_tests
    return True


class _Known:
    """What a test knows only from what it put there itself."""

    def __init__(self, scope: FunctionSymbol, ended: frozenset[int]) -> None:
        self._scope = scope
        self._ended = ended
        self._asking: set[str] = set()
        self.asked = False

    def holds(self, value: Expression) -> bool:
        match value:
            case ("call", int(index)):
                if index in self._ended:
                    self.asked = True
                    return True
                call = self._scope.facts.calls[index]
                return call.callee[0] == "name" and call.callee[1] in SHOWING and all(map(self.holds, call.arguments))
            case ("string" | "constant" | "none", *_):
                return True
            case ("await" | "not", inner) | ("attribute", inner, _):
                return bool(self.holds(inner))
            case ("subscript", inner, key):
                return self.holds(inner) and self.holds(key)
            case ("compare", parts, _) | ("list" | "tuple" | "set", parts):
                return all(map(self.holds, parts))
            case ("dict", pairs):
                return all(self.holds(key) and self.holds(one) for key, one in pairs)
            case ("comprehension", _, element):
                return self.holds(element)
            case ("name", str(name)):
                given = self._scope.assigned.get(name, ())
                if name in self._asking or name in self._scope.parameters or not given:
                    return False
                self._asking.add(name)
                found = all(each.how in ("=", "for", "for async") and self.holds(each.value) for each in given)
                self._asking.discard(name)
                return found
        return False
