"""Calls that hand a function of the program to a queue, which calls it later with what they are given:

report.delay(team, title="March")                       # Celery
report.apply_async(args=[team], kwargs={"title": …})
report.send(team)                                       # Dramatiq
await report.kiq(team)                                  # Taskiq
"""

from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Decorator, last_name
from netra.guard.members.parameters import KEEPING, Signature, of_parameters
from netra.guard.program import imported_packages
from netra.guard.symbols import FunctionSymbol

# How the methods are called that send, by what makes a task of a function.
SENDING: Final[dict[str, frozenset[str]]] = {
    "celery": frozenset({"delay", "apply_async", "s", "si"}),
    "dramatiq": frozenset({"send"}),
    "taskiq": frozenset({"kiq"}),
}
NAMES: Final = frozenset(name for names in SENDING.values() for name in names)
MAKING: Final[dict[str, frozenset[str]]] = {
    "celery": frozenset({"task", "shared_task"}),
    "dramatiq": frozenset({"actor"}),
    "taskiq": frozenset({"task"}),
}


def sent(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[Signature, CallSite] | None:
    """What the function takes that a call sends, and what it is given; None where that is no such call, or not known."""
    if call.callee[0] != "attribute":
        return None
    match analysis.program.evaluate(call.callee[1], scope):
        case FunctionSymbol() as function if not function.module.library and function.facts.decorators:
            pass
        case _:
            return None
    library = _library(analysis, function, call.callee[2])
    if library is None:
        return None
    made = [each for each in function.facts.decorators if last_name(each.callee) in MAKING[library]]
    others = [each for each in function.facts.decorators if each not in made and last_name(each.callee) not in KEEPING]
    if len(made) != 1 or others:
        return None
    given = call if call.callee[2] != "apply_async" else _spread(call)
    if given is None or (call.callee[2] in ("s", "si") and not given.keywords):
        return None  # a signature may be given the rest by what runs before it
    parameters = function.facts.parameters[1 if _is_bound(made[0]) or function.owner is not None else 0 :]
    taken = of_parameters(parameters, function.module.path, function.facts.line)
    if call.callee[2] in ("s", "si") or library == "taskiq":
        # Dependencies are filled in by the queue, and what a signature lacks by whoever runs it.
        taken = taken.begun
    return taken, given


def _library(analysis: Analysis, function: FunctionSymbol, name: str) -> str | None:
    used = analysis.program.once(imported_packages)
    for library, names in SENDING.items():
        if name in names and library in used and function.parent is not None:
            return library
    return None


def _is_bound(made: Decorator) -> bool:
    return dict(made.keywords).get("bind") == ("constant", "bool", True)


def _spread(call: CallSite) -> CallSite | None:
    """`apply_async(args=[…], kwargs={…})` as a call with these arguments; None where they are not written down."""
    given = dict(call.keywords)
    if "**" in given or len(call.arguments) > 2:
        return None
    first = call.arguments[0] if call.arguments else given.get("args", ("tuple", ()))
    second = call.arguments[1] if len(call.arguments) > 1 else given.get("kwargs", ("dict", ()))
    if first[0] not in ("list", "tuple") or second[0] != "dict" or any(key[0] != "string" for key, _ in second[1]):
        return None
    return replace(call, arguments=tuple(first[1]), keywords=tuple((key[1], value) for key, value in second[1]))
