"""T111."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, LAMBDA, CallSite, Expression, Where, dotted, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.clients_of_tests import MAKING, asked_of_clients, is_let_go
from netra.guard.meaning.expressions import within, written
from netra.guard.mocks import MOCKS
from netra.guard.rule import rule
from netra.guard.suites import TELLING, asserts_by_call, collected, inside
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Builtins and methods that look at what there is, and never raise for want of it.
LOOKING: Final = frozenset("len sum sorted list tuple set dict str bool get values items keys copy any all".split())

# What a test is called that asks for nothing but to get through.
OF_NOTHING: Final = re.compile("smoke|rais|crash|no_error|without_error")

TASKS: Final = frozenset({"create_task", "ensure_future"})

MADE: Final = re.compile(r"_?[A-Z]\w*")


@rule("T111", "unseen-result")
def unseen_result(analysis: Analysis) -> Iterator[Sighting]:
    """A test keeps what the code under test gives, prints or logs it, and asserts nothing.

    ```python
    async def test_listing(client):
        response = await client.get("/documents")
        print(response.status_code)  # T111: 500 is as good as 200
    ```

    Reported is a test that asserts nothing at all, and of whose results nothing is done but to print, log or name them. One
    that calls something and keeps nothing may be content that it does not raise, and one that hands its result on may leave
    the assertion to somebody else; both are left alone. Where the last thing that a test calls can only give a value, which
    nobody looks at, that is no such thing: a method that counts what an object has does not raise.

    So is a test that asks a server by a test client, and looks at none of its answers: 404 and 422 are answers, too.

    What a task asserts is lost as well, where the test does not wait for it:

    ```python
    async def test_bell(bell, socket):
        ears = asyncio.create_task(hears(socket, "ding"))  # T111: `hears` asserts that it does
        await bell.ring()
        ears.cancel()
    ```
    """
    for scope in collected(analysis):
        facts = scope.facts
        yield from _lost_tasks(analysis, scope)
        if (unread := _unread_answer(analysis, scope)) is not None:
            yield unread
            continue
        if (dropped := _dropped_answer(analysis, scope)) is not None:
            yield dropped
            continue
        if facts.asserts or facts.raises or facts.returned or scope.children or _is_called_by_its_file(scope):
            continue
        if any(not each.what.startswith("with") for each in facts.blocks):
            continue
        results = {number: name for number, name in _results(scope) if not _may_assert(analysis, scope, facts.calls[number])}
        # What goes into the next call of the code is not shown yet.
        inner = [("argument", number) for number in results]
        shown = [each for each in _shown(scope, frozenset(results.values())) if each[:2] not in inner]
        if not results or not shown or not all(_is_told(scope, each) for each in shown):
            continue
        if any(number not in results and not _is_idle(call) for number, call in enumerate(facts.calls)):
            continue
        number, name = list(results.items())[-1]
        message = f"`{scope.name}` asserts nothing of `{name}`, which it only shows"
        step = Step(scope.module.path, facts.calls[number].line, f"`{name}` is what the code gives")
        yield Sighting(scope, facts.line, facts.column, facts.line, message, (step,), Mend(f"assert what `{name}` has to be"))


def _lost_tasks(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Sighting]:
    """Tasks of functions of the tests that assert something, of which nobody learns how they ended."""
    for call in scope.facts.calls:
        match call.callee, call.arguments:
            case ("attribute", ("name", "asyncio"), str(made)) | ("name", str(made)), (("call", int(index)), *_) if (
                made in TASKS
            ):
                asserting = scope.facts.calls[index]
            case _:
                continue
        match analysis.receivers.value(asserting.callee, scope):
            case Routine(function=function) if function.module.in_tests and function.facts.sort == ASYNC:
                asserts = [line for _, line in function.facts.asserts]
            case _:
                continue
        match call.where:
            case ("statement",):
                lost = bool(asserts)
            case ("assign", ("name", str(name))):
                lost = bool(asserts) and _is_let_go(scope, name)
            case _:
                continue
        if lost:
            message = (
                f"`{scope.name}` never learns whether `{written(asserting.callee, scope)}(…)` holds: nobody awaits its task"
            )
            steps = [Step(function.module.path, asserts[0], "when this fails, only the task does")]
            cancelled = ("attribute", call.where[1], "cancel") if call.where[0] == "assign" else None
            ended = [each.line for each in scope.facts.calls if each.callee == cancelled]
            steps += [Step(scope.module.path, line, "it ends here, and nobody asks how") for line in ended]
            mend = Mend("await the task")
            yield Sighting(scope, call.line, call.column, call.end_line, message, tuple(steps), mend)


def _unread_answer(analysis: Analysis, scope: FunctionSymbol) -> Sighting | None:
    """All that the test does is to ask a server by a test client, and it looks at no answer."""
    facts = scope.facts
    if facts.asserts or facts.raises or facts.returned or facts.blocks or scope.children or facts.globals:
        return None
    if any(not (dotted(each.callee) or "").startswith("pytest.mark.") for each in facts.decorators):
        return None
    if OF_NOTHING.search(scope.name) or any(asserts_by_call(each) or "mock" in each for each in scope.parameters):
        return None  # that nothing is raised is all that it asks; or a fixture looks at what became of it
    asked = list(asked_of_clients(scope, analysis.program))
    if not asked or not all(is_let_go(call) for _, call in asked):
        return None
    numbers = {number for number, _ in asked} | {
        number for number, call in enumerate(facts.calls) if last_name(call.callee) in MAKING and call.where[0] == "assign"
    }
    given = {part for _, call in asked for each in call.given for part in within(each, scope)}
    if any(number not in numbers and ("call", number) not in given for number in range(len(facts.calls))):
        return None
    call = asked[-1][1]
    message = f"`{scope.name}` looks at no answer of `{written(call.callee[1], scope)}`: 404 is as good as 200"
    step = Step(scope.module.path, call.line, "the answer is let go")
    mend = Mend("assert what the status has to be")
    return Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)


def _is_let_go(scope: FunctionSymbol, name: str) -> bool:
    """Nothing is done with the task of that name, but to cancel it."""
    if len(scope.assigned[name]) != 1 or any(name in child.facts.loads for child in inside(scope)):
        return False
    return all(use.where == ("attribute", "cancel") for use in scope.facts.uses if use.name == name)


def _dropped_answer(analysis: Analysis, scope: FunctionSymbol) -> Sighting | None:
    """The test ends with a call of a function that does nothing but give a value, and asserts nothing at all."""
    facts = scope.facts
    if facts.asserts or facts.raises or facts.returned or facts.blocks or not facts.calls:
        return None
    if any(each.facts.sort != LAMBDA for each in scope.children):
        return None
    if any(asserts_by_call(last_name(call.callee)) for call in facts.calls) or facts.globals:
        return None
    last = max(facts.calls, key=lambda each: (each.line, each.column))
    if last.where not in (("statement",), ("await", ("statement",))) or any(
        each.line > last.line for each in facts.assignments
    ):
        return None
    match analysis.receivers.value(last.callee, scope):
        case Routine(function=function) if not function.module.in_tests and not function.module.library:
            if _only_gives(function):
                message = f"`{scope.name}` asserts nothing of what `{written(last.callee, scope)}(…)` gives"
                step = Step(function.module.path, function.facts.line, f"`{function.name}` only gives a value")
                return Sighting(
                    scope, last.line, last.column, last.end_line, message, (step,), Mend("assert what it has to be")
                )
    return None


def _only_gives(function: FunctionSymbol) -> bool:
    """It returns one expression, sets and raises nothing, and calls nothing but what counts or looks something up."""
    facts = function.facts
    if facts.falls or facts.raises or facts.assignments or facts.decorators or facts.blocks or facts.awaits or facts.abstract:
        return False
    if not any(each.how == "return" and each.value[0] != "none" for each in facts.returned):
        return False
    return all(last_name(call.callee) in LOOKING for call in facts.calls)


def _is_called_by_its_file(scope: FunctionSymbol) -> bool:
    """A script that runs its own functions, and shows what they do, is no suite."""
    called = (call.callee for function in scope.module.functions for call in function.facts.calls)
    return scope.owner is None and ("name", scope.name) in called


def _results(scope: FunctionSymbol) -> Iterator[tuple[int, str]]:
    """The calls whose answers are kept, each with the name that keeps it."""
    for each in scope.facts.assignments:
        value = each.value[1] if each.value[0] == "await" else each.value
        if each.target[0] != "name" or each.how != "=" or value[0] != "call":
            continue
        if not _is_idle(scope.facts.calls[value[1]]):
            yield value[1], each.target[1]


def _may_assert(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> bool:
    """It says so by its name, or it is a helper of the tests."""
    if asserts_by_call(last_name(call.callee)):
        return True
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return function.module.in_tests
    return False


def _is_idle(call: CallSite) -> bool:
    """It makes an object or a mock, or tells somebody something: the test is not about it."""
    name = last_name(call.callee) or ""
    return name in TELLING or name in MOCKS or MADE.fullmatch(name) is not None


def _shown(scope: FunctionSymbol, names: frozenset[str]) -> list[Where]:
    """Where the results, and what is read of them, stand."""
    found = [use.where for use in scope.facts.uses if use.name in names and use.where[0] != "attribute"]
    found += [read.where for read in scope.facts.reads if _root(read.expression) in names]
    return found + [("called",) for call in scope.facts.calls if call.callee[0] == "attribute" and _root(call.callee) in names]


def _root(expression: Expression) -> str:
    while expression[0] in ("attribute", "subscript"):
        expression = expression[1]
    return str(expression[1]) if expression[0] == "name" else ""


def _is_told(scope: FunctionSymbol, where: Where) -> bool:
    """Nobody gets it but the reader of the log."""
    match where:
        case ("statement",) | ("format",):
            return True
        case ("argument", int(index), _):
            call = scope.facts.calls[index]
            return last_name(call.callee) in TELLING and _is_told(scope, call.where)
    return False
