"""S142."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, Step

SERVING: Final = ("create_server", "create_unix_server")
# What makes the object of a connection in a factory of Twisted.
OF_TWISTED: Final = "buildProtocol"

# What a loop, or Twisted, calls on the object of a connection.
CALLED: Final = (
    "connection_made",
    "data_received",
    "buffer_updated",
    "eof_received",
    "connectionMade",
    "dataReceived",
    "lineReceived",
)


@rule("S142", "protocol-for-all")
def protocol_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """What is to make a protocol for each connection gives the same object to all of them.

    A server asks its factory for an object each time somebody connects. Where that was made before, the second connection puts
    its transport, its buffer and whoever has signed in on the object of the first.

    ```python
    protocol = Chat(rooms)
    server = await loop.create_server(lambda: protocol, host, port)  # S142
    ```

    Make it in the factory: `lambda: Chat(rooms)`. So it is with `buildProtocol` of a factory of Twisted. Reported is an object
    of a class that keeps something of a connection in itself, as in `connection_made` or `data_received`.
    """
    for scope, _, call in analysis.calls_of(*SERVING):
        if scope.module.in_tests or call.callee[0] != "attribute":
            continue
        given = call.arguments[0] if call.arguments else dict(call.keywords).get("protocol_factory")
        making = None if given is None else _making_each(given, scope, analysis)
        if making is not None and (found := _the_same(making, analysis)) is not None:
            yield _told((scope, call.line, call.column, call.end_line), *found, "the factory")
    for making in analysis.scopes:
        if making.name != OF_TWISTED or making.owner is None or making.module.in_tests:
            continue
        if (found := _the_same(making, analysis)) is not None:
            line = making.facts.line
            yield _told((making, line, making.facts.column, line), *found, f"`{OF_TWISTED}`")


def _told(place: tuple[FunctionSymbol, int, int, int], kind: ClassSymbol, kept: Step, factory: str) -> Sighting:
    message = f"every connection gets the same `{kind.name}`, and what one leaves in it is there for the next"
    return Sighting(*place, message, (kept,), Mend(f"make a `{kind.name}` in {factory}"))


def _making_each(given: Expression, scope: FunctionSymbol, analysis: Analysis) -> FunctionSymbol | None:
    """What the server calls for each connection: a lambda, a function within this one, or any other of the program."""
    if given[0] == "lambda":
        return scope.module.function(given[1])
    match analysis.receivers.value(given, scope):
        case Routine(function=function) if not function.module.library:
            return function
    return None


def _the_same(making: FunctionSymbol, analysis: Analysis) -> tuple[ClassSymbol, Step] | None:
    """The class of the object that a factory has not made, but gives each time, and where that keeps something."""
    values = [each.value for each in making.facts.returned if each.how == "return"]
    if len(values) != 1 or not _was_there(values[0], making):
        return None
    match analysis.receivers.value(values[0], making):
        case Instance(kind=kind) if not kind.module.library and (kept := _keeps(kind, analysis)) is not None:
            return kind, kept
    return None


def _was_there(value: Expression, making: FunctionSymbol) -> bool:
    """A name of what is around the factory, or an attribute of its object that the factory itself does not set."""
    if value[0] == "attribute" and value[1] == SELF:
        return all(each.target != value for each in making.facts.assignments)
    return value[0] == "name" and value[1] not in making.bound and value[1] != "self"


def _keeps(kind: ClassSymbol, analysis: Analysis) -> Step | None:
    """Where the object of a connection keeps something of it in itself."""
    for each in analysis.program.order(kind)[0]:
        for name in CALLED if not each.module.library else ():
            for method in each.methods.get(name, ()):
                for one in method.facts.assignments:
                    if one.target[0] == "attribute" and one.target[1] == SELF and one.value[0] not in ("constant", "none"):
                        note = f"`{name}` keeps `self.{one.target[2]}` in it, for one connection"
                        return Step(method.module.path, one.line, note)
    return None
