"""What a program keeps on the application of a framework, or in what the framework hands to every function of it.

`app.state.pool`, `app.ctx.pool` and `request.app["pool"]` of web frameworks, `state.pool` where Litestar hands that out,
`bot.pool` of a bot, `ctx["db"]` of a worker, `context.bot_data["db"]`, and `request.state.pool`, which a lifespan has given by
`yield {"pool": pool}`.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import BODY, OTHER, PLAIN, TOP, Assignment, Expression, last_name
from netra.guard.meaning.questions import Questions
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Instance, Value, agreed

# How the application of a web framework is called.
APPLICATIONS: Final = frozenset({"app", "application", "_app", "current_app"})
# By this a request of aiohttp leads to its application, and to those above.
_OF_ALL_ABOVE: Final = "config_dict"
# And what else has attributes that a program puts there: bots, and the client of an interaction.
BOTS: Final = frozenset({"bot", "_bot", "client"})
# What is handed to every function of a worker or a bot, a dictionary of the program's own things.
HANDED: Final = frozenset({"ctx", "bot_data", "worker_ctx"})
REQUESTS: Final = frozenset({"request", "req", "websocket", "ws", "socket", "connection", "conn"})
HAVING: Final = APPLICATIONS | BOTS | HANDED | REQUESTS | {"self", "context", "interaction", "g"}

# What the last name is of what such an attribute is read of.
OWNERS: Final = APPLICATIONS | BOTS | {"state", "ctx", "g"}

# What a library calls its application, and what it keeps for a request: only the program knows what it has put there.
OF_LIBRARIES: Final = (("name", "current_app"), ("name", "g"))

# Litestar's own class of what an application keeps, and the one of former releases.
OF_LITESTAR: Final = ("litestar.datastructures.", "starlite.datastructures.")

# Places are told apart by the kind of place and the name or key.
_STATE: Final = "state"
_OF_REQUEST: Final = "request"


class KeptOnApplications:
    """Answers what stands in one of these places; the applications of one program count as one."""

    def __init__(self, receivers: Questions) -> None:
        self._receivers = receivers
        self._known: dict[Expression, Value | None] = {}

    def of(self, expression: Expression) -> Value | None:
        """What an expression is, by what the program puts there; None when it is no such place."""
        if (key := _place(expression)) is None:
            return None
        if key not in self._known:
            self._known[key] = None  # what is put there out of itself finds
            value = agreed(self._receivers.assigned(self.put(expression)))
            self._known[key] = value if isinstance(value, Instance) else None
        return self._known[key]

    def put(self, expression: Expression) -> list[tuple[FunctionSymbol, Assignment]]:
        """What the program puts where an expression reads."""
        key = _place(expression)
        return [] if key is None else self._receivers.program.once(put_on_applications).get(key, [])


def put_on_applications(program: Program) -> dict[Expression, list[tuple[FunctionSymbol, Assignment]]]:
    """What a program outside its tests puts on its applications, by the place. It is asked with `program.once`."""
    found: dict[Expression, list[tuple[FunctionSymbol, Assignment]]] = {}
    for scope in program.scopes:
        if scope.module.in_tests:
            continue
        if not HAVING.isdisjoint(scope.facts.loads):
            for each in scope.facts.assignments:
                if each.target[0] in ("attribute", "subscript") and (key := _place(each.target)) is not None:
                    found.setdefault(key, []).append((scope, each))
        if scope.facts.sort not in (TOP, BODY, PLAIN) and "asynccontextmanager" in scope.decorator_names:
            for key, each in _given_to_requests(scope):
                found.setdefault(key, []).append((scope, each))
    return found


def _given_to_requests(scope: FunctionSymbol) -> Iterator[tuple[Expression, Assignment]]:
    """`yield {"pool": pool}` of a lifespan: each request has it as `request.state.pool`."""
    if len(scope.facts.parameters) != 1:
        return
    for each in scope.facts.returned:
        if each.how == "yield" and each.value[0] == "dict":
            for key, value in each.value[1]:
                if key[0] == "string":
                    yield (_OF_REQUEST, key[1]), Assignment(key, value, None, "=", each.line, each.column)


def is_state(expression: Expression) -> bool:
    """`app.state`, `request.state`: what a framework has for the program to put things on, and no object of a class of its."""
    return expression[0] == "attribute" and expression[2] == _STATE and last_name(expression[1]) in APPLICATIONS | REQUESTS


def meant_by_state(expression: Expression, scope: FunctionSymbol, program: Program) -> Expression:
    """`app.state.pool`, where Litestar hands the state of the application to a function that asks for it as its `state`."""
    if expression[1] != ("name", _STATE):
        return expression
    at: FunctionSymbol | None = scope
    while at is not None and _STATE not in at.bound:
        at = at.parent
    if at is None or _STATE not in at.parameters or at.assigned.get(_STATE):
        return expression
    annotation = at.facts.parameters[at.parameters[_STATE]].annotation
    match None if annotation is None else program.evaluate(annotation, at.parent or at):
        case External(dotted=dotted) if dotted.startswith(OF_LITESTAR):
            return ("attribute", ("attribute", ("name", "app"), _STATE), expression[2])
    return expression


def leads_to_all_above(expression: Expression) -> bool:
    """`request.config_dict`, and no dictionary of the program that is called so."""
    return expression[0] == "attribute" and expression[2] == _OF_ALL_ABOVE and last_name(expression[1]) in REQUESTS


def _place(expression: Expression) -> Expression | None:
    """`("state", "pool")` of `app.state.pool`, the key of `request.app["pool"]`; None where it is no such place."""
    match expression:
        case ("attribute", ("attribute", application, "state" | "ctx"), str(name)):
            owner = last_name(application)
            return (_STATE, name) if owner in APPLICATIONS else (_OF_REQUEST, name) if owner in REQUESTS else None
        case ("attribute", ("name", "g"), str(name)):
            return ("g", name)  # what Flask and Quart keep things on while a request is served
        case ("attribute", application, str(name)) if last_name(application) in APPLICATIONS | BOTS:
            return ("own", name)
        case ("subscript", ("attribute", application, str(name)), key) if (
            key != OTHER and last_name(application) in APPLICATIONS
        ):
            return ("own", name, key)
        case ("subscript", application, key) if key != OTHER:
            owner = last_name(application)
            if owner in APPLICATIONS or leads_to_all_above(application):
                # `app[keys.DB]` here is `app[DB]` there.
                return ("item", ("name", last_name(key)) if key[0] == "attribute" else key)
            return ("handed", owner, key) if owner in HANDED and key[0] == "string" else None
    return None
