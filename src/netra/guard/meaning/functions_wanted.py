"""Calls that want a function and call it themselves: a thread, a pool, a callback of the loop, a task behind the answer."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.callbacks import CALLING, callback_given
from netra.guard.meaning.latecalls import is_called
from netra.guard.meaning.makers import made_by, root
from netra.guard.meaning.parameters import parameter_given
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.threads import KEYWORDS, POSITIONS, given_to_thread
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, TypeOf


class _Wanting(NamedTuple):
    """Which argument is the function, by its position or name, and the libraries of which this is said."""

    position: int
    keyword: str
    libraries: tuple[str, ...]


# Of libraries without a model.
OF_LIBRARIES: Final = {
    "submit": _Wanting(0, "fn", ("concurrent.futures",)),
    "map": _Wanting(0, "fn", ("concurrent.futures", "builtins.map")),
    "apply": _Wanting(0, "func", ("multiprocessing",)),
    "apply_async": _Wanting(0, "func", ("multiprocessing",)),
    "add_job": _Wanting(0, "func", ("apscheduler",)),
    "Depends": _Wanting(0, "dependency", ("fastapi",)),
    "add_event_handler": _Wanting(1, "func", ("fastapi", "starlette")),
    "partial": _Wanting(0, "func", ("functools.partial",)),
    "reduce": _Wanting(0, "function", ("functools.reduce",)),
    "field": _Wanting(-1, "default_factory", ("dataclasses", "attrs", "attr")),
    "Field": _Wanting(-1, "default_factory", ("pydantic",)),
}


class FunctionWanted(NamedTuple):
    """What a call is given where it wants a function."""

    scope: FunctionSymbol
    call: CallSite
    given: Expression
    known: bool
    """Whoever gives a coroutine there is told so already: it is a thread, a callback, or declared to be called."""


def functions_wanted(program: Program, receivers: Receivers) -> Iterator[FunctionWanted]:
    """All such calls of a program that are given what another call gives."""
    names = frozenset((*POSITIONS, *CALLING, *OF_LIBRARIES)) | program.once(_calling)
    for scope, _, call in program.calls_of(names):
        name = last_name(call.callee) or ""
        if not any(_is_made(each, scope) for each in call.given):
            continue
        if name in POSITIONS and (given := given_to_thread(scope, call, receivers)) is not None:
            yield FunctionWanted(scope, call, given, name not in KEYWORDS)
        elif name in CALLING and (given := callback_given(scope, call, receivers)) is not None:
            yield FunctionWanted(scope, call, given, True)
        elif name in OF_LIBRARIES and (given := _given_to_library(scope, call, OF_LIBRARIES[name], program)) is not None:
            yield FunctionWanted(scope, call, given, False)
        else:
            yield from (FunctionWanted(scope, call, each, True) for each in _declared(scope, call, receivers))


def _is_made(given: Expression, scope: FunctionSymbol) -> bool:
    """It is a call, or a name that is given one."""
    return given[0] == "call" or (given[0] == "name" and given[1] in scope.assigned)


def _given_to_library(scope: FunctionSymbol, call: CallSite, wanting: _Wanting, program: Program) -> Expression | None:
    given = dict(call.keywords).get(wanting.keyword)
    if given is None and 0 <= wanting.position < len(call.arguments):
        before = call.arguments[: wanting.position + 1]
        given = before[-1] if all(each[0] != "star" for each in before) else None
    if given is None:
        return None
    library = made_by(root(call.callee, scope), scope, program) or ""
    return given if library.startswith(wanting.libraries) else None


def _calling(program: Program) -> frozenset[str]:
    """The names of functions that call a parameter which is declared as something to be called, those of models included."""
    found = set()
    for module in program.modules.values():
        for each in module.file.functions if not module.installed else ():
            if any(is_called(one.annotation) for one in each.parameters):
                found.add(each.name)
                if each.owner >= 0 and each.name == "__init__":
                    found.add(module.file.classes[each.owner].name)
    return frozenset(found)


def _declared(scope: FunctionSymbol, call: CallSite, receivers: Receivers) -> Iterator[Expression]:
    match receivers.value(call.callee, scope):
        case Routine(function=function, bound=bound):
            pass
        case TypeOf(kind=kind) if len(kind.methods.get("__init__", ())) == 1:
            function, bound = kind.methods["__init__"][0], True
        case _:
            return
    if any(each[0] == "star" for each in call.arguments):
        return
    for position, given in call.placed:
        taken = parameter_given(function, position, bound=bound)
        if taken is None or not is_called(function.facts.parameters[function.parameters[taken]].annotation):
            continue
        uses = [each.where for each in function.facts.uses if each.name == taken]
        if function.module.model or (("called",) in uses and taken not in function.assigned):
            yield given
