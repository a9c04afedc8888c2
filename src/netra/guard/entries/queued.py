"""Jobs that a worker of arq or saq is given where it is made, or by a dictionary: they stand in a list, and nothing calls them.

    settings = {"queue": queue, "functions": [send_mail], "cron_jobs": [CronJob(tidy, cron="0 3 * * *")]}
    Worker(functions=[send_mail]).run()

The classes that arq reads its settings from are in `workers.py`.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import BODY, TOP, Expression, last_name
from netra.guard.meaning.makers import maker
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import FunctionSymbol, VariableSymbol

LIBRARIES: Final = frozenset({"arq", "saq"})
LISTS: Final = frozenset({"functions", "cron_jobs"})
# What else the settings of a worker have; a dictionary with a list of functions alone may be anything.
SETTINGS: Final = frozenset("queue startup shutdown before_process after_process concurrency".split())
MAKERS: Final = frozenset({"Worker", "create_worker", "run_worker"})
# What makes a job of a function, with settings of its own.
WRAPPERS: Final = frozenset("func cron CronJob Function".split())
WRAPPED: Final = frozenset("coroutine function".split())

# Names of lists that are followed: `functions = [*JOBS, *others.JOBS]`.
FURTHEST: Final = 4


def jobs(program: Program) -> Iterator[tuple[Expression, FunctionSymbol]]:
    """Each expression that stands for a job, with the scope in which it stands."""
    if not LIBRARIES & program.once(imported_packages):
        return
    for listed, scope in _lists(program):
        yield from _elements(listed, scope, program, FURTHEST)


def _lists(program: Program) -> Iterator[tuple[Expression, FunctionSymbol]]:
    for module in program.own:
        for each in module.top.facts.assignments if not module.in_tests else ():
            if each.value[0] == "dict":
                # The settings of saq are a dictionary.
                named = {key[1]: value for key, value in each.value[1] if key[0] == "string"}
                if LISTS & named.keys() and SETTINGS & named.keys():
                    yield from ((value, module.top) for name, value in named.items() if name in LISTS)
    for scope, _, call in program.calls_of(MAKERS):
        given_here = [value for name, value in call.keywords if name in LISTS]
        if given_here and not scope.module.in_tests and maker(call.callee, scope, program) in LIBRARIES:
            yield from ((each, scope) for each in given_here)


def _elements(
    listed: Expression, scope: FunctionSymbol, program: Program, depth: int
) -> Iterator[tuple[Expression, FunctionSymbol]]:
    if depth == 0:
        return
    match listed:
        case ("list" | "tuple", parts):
            for part in parts:
                match part:
                    case ("star", inner):
                        yield from _elements(inner, scope, program, depth - 1)
                    case ("call", int(index)) if last_name(scope.facts.calls[index].callee) in WRAPPERS:
                        call = scope.facts.calls[index]
                        named = (value for name, value in call.keywords if name in WRAPPED)
                        yield from ((each, scope) for each in (*call.arguments[:1], *named))
                    case ("name" | "attribute", *_):
                        yield part, scope
        case ("operator", "+", left, right):
            yield from _elements(left, scope, program, depth)
            yield from _elements(right, scope, program, depth)
        case ("name" | "attribute", *_):
            match program.evaluate(listed, scope):
                case VariableSymbol(scope=at, name=name) if at.facts.sort in (TOP, BODY):
                    for each in at.assigned.get(name, ()):
                        if each.value != listed:
                            yield from _elements(each.value, at, program, depth - 1)
