"""Objects that a program keeps under their names, and tells before each call for whom it is:

    for name in ("message", "cron"):
        self.tools.get(name).set_context(chat_id)

and `execute` of the tool reads, when it has its turn, what was set last.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import MOST_CALLERS
from netra.guard.facts import ASYNC, SELF, CallSite, Expression, Parameter, last_name
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, Step

TELLING: Final = re.compile(r"(?:set|bind|switch|use)_\w+|bind")
# What says for whom a call is, as parameters are called.
FOR_WHOM: Final = re.compile(
    r"(?:user|chat|channel|session|thread|conversation|message|sender|tenant|account|room|guild|peer|request)_?(?:id|key|uuid)"
    r"|user|sender|session_key"
)
# By these a call goes on beside others.
BESIDE: Final = frozenset({"create_task", "ensure_future", "start_soon", "run_coroutine_threadsafe"})


class ToldBefore(NamedTuple):
    """A call that tells an object of everybody for whom the next one is."""

    scope: FunctionSymbol
    call: CallSite
    name: str
    """The attribute that is set."""
    whose: str
    """The parameter that it is set to."""
    why: tuple[Step, ...]


class _Teller(NamedTuple):
    method: FunctionSymbol
    attribute: str
    whose: str
    line: int
    reader: FunctionSymbol


def told_before(analysis: Analysis) -> Iterator[ToldBefore]:
    """Every such call, where two of them may be under way at once."""
    telling: dict[str, list[_Teller]] = {}
    for module in analysis.modules:
        for kind in module.classes if not module.in_tests else ():
            for each in _tellings(kind):
                telling.setdefault(each.method.name, []).append(each)
    for name, found in telling.items():
        for scope, _, call in analysis.calls_of(name):
            if scope.module.in_tests or call.callee[0] != "attribute" or not _is_kept_under_a_name(call.callee[1], scope):
                continue
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) if function not in {each.method for each in found}:
                    continue
            if (beside := _goes_on_beside_others(analysis, scope)) is not None:
                one = found[0]
                yield ToldBefore(scope, call, one.attribute, one.whose, (*_steps(one), beside))


def _steps(one: _Teller) -> Iterator[Step]:
    path = one.method.module.path
    yield Step(path, one.line, f"`{one.method.facts.qualified}` keeps `{one.whose}` in `self.{one.attribute}`")
    yield Step(path, one.reader.facts.line, f"`{one.reader.facts.qualified}` reads it when it has its turn")


def _tellings(kind: ClassSymbol) -> Iterator[_Teller]:
    """The methods that only keep for whom something is, for an asynchronous one that reads it."""
    methods = [each for several in kind.methods.values() for each in several]
    for method in methods:
        if not TELLING.fullmatch(method.name) or method.facts.sort == ASYNC or method.facts.decorators:
            continue
        for each in method.facts.assignments:
            if each.target[:2] != ("attribute", SELF) or not _is_told(each.value, method):
                continue
            readers = (other for other in methods if other.facts.sort == ASYNC and _reads(each.target, other))
            if (reader := next(readers, None)) is not None:
                yield _Teller(method, each.target[2], each.value[1], each.line, reader)
                break


def _is_told(value: Expression, method: FunctionSymbol) -> bool:
    if value[0] != "name" or value[1] not in method.parameters or not FOR_WHOM.fullmatch(value[1]):
        return False
    return not _is_changeable(method.facts.parameters[method.parameters[value[1]]])


def _is_changeable(parameter: Parameter) -> bool:
    """It has a default that says something: a setting, and nobody in particular."""
    return parameter.default is not None and parameter.default != ("none",)


def _reads(place: Expression, method: FunctionSymbol) -> bool:
    """It reads what is kept, and does not set it by itself."""
    if any(each.target == place for each in method.facts.assignments):
        return False
    return any(each.expression == place for each in method.facts.reads)


def _is_kept_under_a_name(value: Expression, scope: FunctionSymbol) -> bool:
    """`self.tools.get(name)`, `TOOLS[name]`, or a name for it: it was there before, and stays."""
    if value[0] == "name":
        given = scope.assigned.get(value[1]) or []
        return len(given) == 1 and value[1] not in scope.parameters and _is_kept_under_a_name(given[0].value, scope)
    match value:
        case ("subscript", inner, _):
            return inner[0] in ("attribute", "name") and (inner[0] == "attribute" or inner[1].isupper())
        case ("call", int(index)):
            call = scope.facts.calls[index]
            match call.callee:
                case ("attribute", inner, "get" | "get_tool" | "values"):
                    return bool(inner[0] == "attribute" or (inner[0] == "name" and inner[1].isupper()))
    return False


def _goes_on_beside_others(analysis: Analysis, scope: FunctionSymbol) -> Step | None:
    """A route leads there, or a loop that starts a task for each and waits for none: the first such place above."""
    seen, waiting = {scope}, deque([scope])
    while waiting and len(seen) < MOST_CALLERS:
        at = waiting.popleft()
        entry = analysis.reach.entries.get(at)
        if entry is not None and entry.serves and not at.module.in_tests:
            return Step(at.module.path, at.facts.line, f"{entry.label} leads there")
        for caller, index in analysis.program.calls_named.get(at.name, ()):
            call = caller.facts.calls[index]
            if call.where[0] == "argument" and last_name(caller.facts.calls[call.where[1]].callee) in BESIDE:
                loops = (each for each in caller.facts.blocks if each.what == "loop")
                if any(each.line <= call.line <= each.end_line for each in loops) and not caller.module.in_tests:
                    return Step(caller.module.path, call.line, f"`{at.facts.qualified}` runs for several at once")
        for caller, _ in analysis.reach.callers(at):
            if caller not in seen and not caller.module.in_tests:
                seen.add(caller)
                waiting.append(caller)
    return None
