"""Calls that hand a function of the program to a queue, which calls it later with what they are given:

report.delay(team, title="March")                       # Celery
report.apply_async(args=[team], kwargs={"title": …})
report.send(team)                                       # Dramatiq
await report.kiq(team)                                  # Taskiq
await redis.enqueue_job("report", team)                 # arq, where a worker has `functions = [report]`
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Decorator, Expression, last_name
from netra.guard.members.parameters import KEEPING, Signature, of_parameters
from netra.guard.program import imported_packages
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

# How the methods are called that send, by what makes a task of a function.
SENDING: Final[dict[str, frozenset[str]]] = {
    "celery": frozenset({"delay", "apply_async", "s", "si"}),
    "dramatiq": frozenset({"send"}),
    "taskiq": frozenset({"kiq"}),
}
# arq calls functions by their names, and keeps what begins with `_` for itself.
BY_NAME: Final = "enqueue_job"
OF_ARQ: Final = "arq"
NAMES: Final = frozenset({BY_NAME, *(name for names in SENDING.values() for name in names)})
MAKING: Final[dict[str, frozenset[str]]] = {
    "celery": frozenset({"task", "shared_task"}),
    "dramatiq": frozenset({"actor"}),
    "taskiq": frozenset({"task"}),
}


def sent(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[Signature, CallSite] | None:
    """What the function takes that a call sends, and what it is given; None where that is no such call, or not known."""
    if call.callee[0] != "attribute":
        return None
    if call.callee[2] == BY_NAME:
        return _sent_by_name(analysis, call)
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


def _sent_by_name(analysis: Analysis, call: CallSite) -> tuple[Signature, CallSite] | None:
    match call.arguments:
        case (("string", str(name)), *given) if (function := analysis.once(_functions_of_workers).get(name)) is not None:
            keywords = tuple(each for each in call.keywords if each[0] == "**" or not each[0].startswith("_"))
            taken = of_parameters(function.facts.parameters[1:], function.module.path, function.facts.line)
            return taken, replace(call, callee=("name", name), arguments=tuple(given), keywords=keywords)
    return None


def _functions_of_workers(analysis: Analysis) -> dict[str, FunctionSymbol]:
    """What the workers of arq run, by name: the functions in their lists, where no two have one name and none is decorated."""
    if OF_ARQ not in analysis.program.once(imported_packages):
        return {}
    found: dict[str, FunctionSymbol | None] = {}
    for module in analysis.modules:
        if module.in_tests:
            continue
        for scope, value in _lists_of_functions(module):
            for each in value[1] if value[0] in ("list", "tuple") else ():
                name, given = last_name(each) or "", each
                if each[0] == "call" and last_name(scope.facts.calls[each[1]].callee) == "func":
                    made = scope.facts.calls[each[1]]
                    told = dict(made.keywords).get("name", ("none",))
                    given = made.arguments[0] if made.arguments else each
                    name = told[1] if told[0] == "string" else last_name(given) or ""
                match analysis.program.evaluate(given, scope):
                    case FunctionSymbol(module=home) as function if not home.library and not function.facts.decorators:
                        found[name] = function if found.get(name, function) is function and function.owner is None else None
                    case _:
                        found[name] = None
    return {name: each for name, each in found.items() if each is not None}


def _lists_of_functions(module: ModuleSymbol) -> Iterator[tuple[FunctionSymbol, Expression]]:
    """`functions = […]` in a class, and `Worker(functions=[…])`."""
    for kind in module.classes:
        yield from ((kind.body, each.value) for each in kind.body.assigned.get("functions", ()))
    for scope in module.functions:
        for call in scope.facts.calls:
            if last_name(call.callee) in ("Worker", "run_worker", "create_worker"):
                yield from ((scope, value) for name, value in call.keywords if name == "functions")


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
