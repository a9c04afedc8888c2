"""What a worker of arq runs: the jobs, and the functions of its start, that a class of settings names.

    class WorkerSettings:
        functions = [send_mail, func(tidy, timeout=60)]
        cron_jobs = [cron(expire, hour=3)]
        on_startup = startup

Nothing else in a program leads to them.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.entries.sorts import LISTENER, START, TASK
from netra.guard.facts import BODY, Expression, last_name
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import FunctionSymbol, VariableSymbol

LIBRARY: Final = "arq"
SETTINGS: Final = "WorkerSettings"
JOBS: Final = frozenset({"functions", "cron_jobs"})
MAKING: Final = frozenset({"func", "cron"})
"""What makes a job of a function."""
CONTEXT: Final = frozenset({"ctx", "_ctx"})
AT_THE_ENDS: Final = frozenset({"on_startup", "on_shutdown"})
AROUND: Final = frozenset({"on_job_start", "on_job_end", "after_job_end"})


def run_by_workers(program: Program) -> Iterator[tuple[FunctionSymbol, str, str]]:
    """Each function that a worker runs: with its sort and its label."""
    imported = LIBRARY in program.once(imported_packages)
    for module in program.own:
        for kind in () if module.in_tests else module.classes:
            if kind.name.endswith(SETTINGS):
                for name in sorted(JOBS & kind.body.assigned.keys()):
                    for each in kind.body.assigned[name]:
                        for function in _listed(each.value, kind.body, program):
                            if imported or _takes_context(function):
                                yield function, TASK, f"job {function.name}"
                for name in sorted((AT_THE_ENDS | AROUND) & kind.body.assigned.keys()):
                    for each in kind.body.assigned[name]:
                        match program.evaluate(each.value, kind.body):
                            case FunctionSymbol() as function if imported or _takes_context(function):
                                at_an_end = name in AT_THE_ENDS
                                yield function, START if at_an_end else LISTENER, "start" if at_an_end else "every job"


def _takes_context(function: FunctionSymbol) -> bool:
    """`async def send(ctx, …)`: a job need not import anything of the library that runs it."""
    return bool(function.facts.parameters) and function.facts.parameters[0].name in CONTEXT


def _listed(value: Expression, scope: FunctionSymbol, program: Program) -> Iterator[FunctionSymbol]:
    """The functions of `[send, func(tidy)]`, also under the name of a list, and of lists that are put together."""
    match value:
        case ("list" | "tuple", parts):
            for part in parts:
                inner = part[1] if part[0] == "star" else part
                yield from _listed(inner, scope, program)
        case ("operator", "+", left, right):
            yield from _listed(left, scope, program)
            yield from _listed(right, scope, program)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if last_name(call.callee) in MAKING and call.arguments:
                yield from _listed(call.arguments[0], scope, program)
        case ("name" | "attribute", *_):
            found = program.evaluate(value, scope)
            if found is None and scope.parent is not None and scope.facts.sort == BODY:
                # `functions = [functions.send]`: the class has no such name yet, and so it is the module's.
                found = program.evaluate(value, scope.parent)
            match found:
                case FunctionSymbol() as function:
                    yield function
                case VariableSymbol(scope=at, name=name) if at is at.module.top:
                    for each in at.assigned.get(name, ()):
                        if each.value[0] in ("list", "tuple"):
                            yield from _listed(each.value, at, program)
