"""What is made for one connection, call or stream and waits for what others say: its queue, its event, its socket.

Nobody but the function that has made it can name it, or knows when it has ended. What a request says may be kept on purpose;
an ear of somebody who has left is of use to nobody.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import SELF, Assignment, Expression, Parameter, last_name
from netra.guard.meaning.makers import maker
from netra.guard.requests.serving import Serving
from netra.guard.requests.singletons import Singletons
from netra.guard.requests.transports import OF_MCP
from netra.guard.requests.words import SOCKETS
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step

# What somebody waits on, or is spoken to by.
EARS: Final = frozenset(
    """Queue LifoQueue PriorityQueue SimpleQueue Event Future create_future WebSocketResponse EventSourceResponse StreamResponse
    create_task ensure_future create_memory_object_stream open_memory_channel""".split()
)
CONNECTION: Final = re.compile(r"[Ww]eb[Ss]ocket|Connection$")
SELVES: Final = frozenset({"self", "cls"})
MAKING: Final = frozenset({"__init__", "__post_init__"})

# What is called when the program begins, though it looks like any other listener.
BEGINNING: Final = frozenset("on_ready ready setup_hook on_startup startup on_connected on_load setup".split())

# Names and objects that are looked through.
FURTHEST: Final = 4


def living(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> tuple[Step, ...]:
    """The way to a function that makes such a thing anew for whoever is served; nothing where a value is none."""
    if not answers_each(analysis, scope) or not _is_ear(analysis, value, scope, 0):
        return ()
    return analysis.once(Serving).way(scope)


def answers_each(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """It surely runs once for each request, connection or call of somebody."""
    serving = analysis.once(Serving)
    if not serving.surely(scope):
        return False
    entry = serving.entry(scope)
    return entry.sort in (ROUTE, SOCKET, LISTENER) and entry.function.name not in BEGINNING


def is_of_connection(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """The object whose method it is was made by a framework for one connection: a handler, a consumer."""
    if scope.owner is None:
        return False
    entries = analysis.reach.entries
    above = analysis.program.order(scope.owner)[0]
    methods = (method for kind in above for found in kind.methods.values() for method in found)
    return (
        any((entry := entries.get(each)) is not None and entry.sort == SOCKET and not each.facts.decorators for each in methods)
        and analysis.once(Singletons).made(scope.owner) is None
    )


def _is_ear(analysis: Analysis, value: Expression, scope: FunctionSymbol, depth: int) -> bool:
    if depth > FURTHEST:
        return False
    match value:
        case ("name", "self"):
            return is_of_connection(analysis, scope)
        case ("name", str(name)):
            functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
            if name in functions:
                return _closes_over_some(scope.module.function(functions[name][0]), scope)
            if name in scope.parameters:
                parameter = scope.facts.parameters[scope.parameters[name]]
                return _is_connection(analysis, parameter, scope) or _is_handed_ear(analysis, parameter, scope, depth + 1)
            return any(_is_ear(analysis, each.value, scope, depth + 1) for each in _assigned(name, scope))
        case ("lambda", int(index)):
            return _closes_over_some(scope.module.function(index), scope)
        case ("attribute", ("name", str(name)), "session") if name in scope.parameters:
            # Of the context of a tool, by which its client is spoken to.
            return maker(value[1], scope, analysis.program) in OF_MCP
        case ("attribute", inner, _) if inner != SELF or scope.owner is None:
            return _is_ear(analysis, inner, scope, depth + 1)
        case ("attribute", _, str(name)) if scope.owner is not None:
            # A method holds its object; `self.connections` of a consumer may be anything.
            known = any(name in kind.set_on_self for kind in analysis.program.order(scope.owner)[0])
            return not known and is_of_connection(analysis, scope)
        case ("tuple" | "list", parts):
            return any(_is_ear(analysis, each, scope, depth + 1) for each in parts)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            name = last_name(call.callee) or ""
            if name in EARS:
                return True
            match analysis.receivers.value(value, scope):
                case Instance(kind=kind) if not kind.module.library:
                    return _holds_ear(analysis, kind) or any(_is_ear(analysis, each, scope, depth + 1) for each in call.given)
            return (name[:1].isupper() or name == "partial") and any(
                each[0] in ("name", "attribute") and _is_ear(analysis, each, scope, depth + 1) for each in call.given
            )
    return False


def _is_connection(analysis: Analysis, parameter: Parameter, scope: FunctionSymbol) -> bool:
    """What who answers a connection is given is one: `async def handle(reader, writer)`, `async def chat(request, ws)`."""
    entry = analysis.reach.entries.get(scope)
    if entry is None or entry.sort != SOCKET or scope.owner is not None:
        return False
    said = "" if parameter.annotation is None else last_name(parameter.annotation) or ""
    return entry.label.startswith("connection") or parameter.name in SOCKETS or bool(CONNECTION.search(said))


def _is_handed_ear(analysis: Analysis, parameter: Parameter, scope: FunctionSymbol, depth: int) -> bool:
    """Whoever calls the function gives it one: `lobby.watch(match, websocket)`. A function that is made there is seen there."""
    if scope in analysis.reach.entries or scope.assigned.get(parameter.name) or parameter.name in SELVES:
        return False
    given = analysis.receivers.parameters.given(scope, parameter, scope.parameters[parameter.name])
    passed = [(caller, each) for caller, each in given if not caller.module.in_tests]
    serving = analysis.once(Serving)
    return bool(passed) and all(
        each is not None and each[0] == "name" and caller in serving
        and each[1] not in caller.module.nested.get(caller.facts.number, ({}, {}))[0]
        and _is_ear(analysis, each, caller, depth)
        for caller, each in passed
    )  # fmt: skip


def _assigned(name: str, scope: FunctionSymbol) -> Iterator[Assignment]:
    """What a local name was given, where all of it is made by calls."""
    given = scope.assigned.get(name, ()) if name not in scope.parameters else ()
    if all(each.how in ("=", "annotated", "unpack") and each.value[0] == "call" for each in given):
        yield from given


def _holds_ear(analysis: Analysis, kind: ClassSymbol) -> bool:
    """Each object of the class has one of its own: `self.queue = asyncio.Queue()`."""
    for each in analysis.program.order(kind)[0]:
        for method, one in (pair for given in each.set_on_self.values() for pair in given):
            made = method.name in MAKING and one.value[0] == "call"
            if made and last_name(method.facts.calls[one.value[1]].callee) in EARS:
                return True
    return False


def _closes_over_some(function: FunctionSymbol, scope: FunctionSymbol) -> bool:
    """A function that is made for each, and holds something of each: another one each time."""
    return any(name in scope.bound and name not in function.bound and name not in SELVES for name in function.facts.loads)
