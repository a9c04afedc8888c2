"""Rows that a route fetches by an id that the client names, and who is asked on the way whether it may have them."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.hanging import HangingTables
from netra.guard.database.owned import OF_ROWS, Owned, OwnedTables
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.requests.passing import pairs
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Plain, Routine, Step

GETTING: Final = frozenset({"get", "get_one"})
OF_DJANGO: Final = frozenset({"get_object_or_404", "aget_object_or_404"})
CONVERTING: Final = frozenset({"int", "str", "UUID"})

# Where a statement names one row, and how what is filled in is written there.
BY_ID: Final = re.compile(
    r"^\s*(?:set\b.*?)?where\s+(?:\w+\.)?(?:id|pk|uuid)\s*=\s*(\?|%s|\$\d+|:\w+|%\(\w+\)s)(?:::\w+)?\s*(?:returning\b.*|limit\s+1|;)?\s*$",
    re.IGNORECASE | re.DOTALL,
)
FILLING: Final = frozenset({"params", "values", "parameters"})
FILLED: Final = re.compile(r"\?|%s")

FURTHEST: Final = 2
MOST_SITES: Final = 12


class Fetched(NamedTuple):
    """A row that is fetched, changed or deleted by its id alone."""

    scope: FunctionSymbol
    call: CallSite
    owned: Owned
    id: Expression
    below: str = ""
    """The table whose rows hang on the one that is named by its id; "" for the row itself."""


class WayOfId(NamedTuple):
    """How an id gets from a route to where it is used: the functions between them, the route first."""

    entry: EntryPoint
    name: str
    """The parameter of the route that brings the id."""
    scopes: tuple[FunctionSymbol, ...]
    steps: tuple[Step, ...]


def fetched(analysis: Analysis) -> Iterator[Fetched]:
    """Every place where a row of a table that tells its rows apart is asked for by its id alone."""
    tables = analysis.once(OwnedTables)
    for scope, _, call in analysis.calls_of("where", "filter", "filter_by", "aget", *GETTING, *OF_DJANGO):
        found = None if scope.module.in_tests else _of_model(tables, call, scope)
        owned = None if found is None else tables.of_class(found[0])
        if found is not None and owned is not None:
            yield Fetched(scope, call, owned, found[1])
    yield from _hanging(analysis, tables)
    yield from _out_of_dictionaries(analysis, tables)
    for scope, call, table, condition in tables.statements:
        found_id = None if scope.module.in_tests else _filled_in(condition, call)
        if found_id is not None and (owned := tables.of_table(table)) is not None:
            yield Fetched(scope, call, owned, found_id)


def _hanging(analysis: Analysis, tables: OwnedTables) -> Iterator[Fetched]:
    """`select(Message).where(Message.thread_id == thread_id)`, where threads belong to somebody."""
    hanging = analysis.once(HangingTables)
    for scope, _, call in analysis.calls_of("where", "filter", "filter_by") if hanging.there_are else ():
        if scope.module.in_tests:
            continue
        match call.arguments, call.keywords:
            case (("compare", (("attribute", model, str(column)), given), ("Eq",)),), ():
                kind = hanging.model(model, scope)
            case (), ((str(column), given),):
                kind = hanging.asked_of(call, scope)
            case _:
                continue
        above = None if kind is None else hanging.above(kind, column)
        if kind is not None and above is not None and hanging.asked_of(call, scope) is kind:
            owned = tables.of_class(above)
            if owned is not None:
                yield Fetched(scope, call, owned, given, kind.name)


def _out_of_dictionaries(analysis: Analysis, tables: OwnedTables) -> Iterator[Fetched]:
    """`notes.get(note_id)`, `notes.pop(note_id)`, where `notes` keeps the objects of everybody."""
    for scope, index, call in analysis.calls_of("get", "pop") if tables.classes else ():
        if scope.module.in_tests or call.callee[0] != "attribute" or not call.arguments or call.keywords:
            continue
        if call.arguments[0][-1] not in scope.parameters and call.arguments[0][0] != "attribute":
            continue
        match analysis.receivers.value(call.callee[1], scope), analysis.receivers.value(("call", index), scope):
            case Plain(name="dict" | "defaultdict"), Instance(kind=kind) if (owned := tables.of_class(kind)) is not None:
                yield Fetched(scope, call, owned, call.arguments[0])


def _of_model(tables: OwnedTables, call: CallSite, scope: FunctionSymbol) -> tuple[ClassSymbol, Expression] | None:
    name = last_name(call.callee)
    keywords = [(key, value) for key, value in call.keywords if key not in ("options", "with_for_update", "populate_existing")]
    match call.arguments, keywords:
        case (model, given), [] if name in GETTING and (kind := tables.model(model, scope)) is not None:
            return kind, given  # `session.get(Note, note_id)`
        case (model,), [(key, given)] if name in OF_DJANGO and key in OF_ROWS:
            kind = tables.model(model, scope)
            return None if kind is None else (kind, given)
        case (), [(key, given)] if key in OF_ROWS and (kind := tables.asked_of(call, scope)) is not None:
            return kind, given  # `filter_by(id=note_id)`, `Note.objects.get(pk=note_id)`
        case (("compare", (("attribute", model, str(column)), given), ("Eq",)),), [] if name in ("where", "filter"):
            kind = tables.model(model, scope)
            return (kind, given) if kind is not None and column in OF_ROWS and tables.asked_of(call, scope) is kind else None
    return None


def _filled_in(condition: str, call: CallSite) -> Expression | None:
    """What stands for the id of `… WHERE id = $1`, where the statement asks for nothing else."""
    match = BY_ID.match(condition)
    if match is None:
        return None
    mark, given = match[1], call.arguments[1:]
    if mark.startswith("$"):
        number = int(mark[1:]) - 1
        return given[number] if number < len(given) else None
    listed = given[0] if given else next((value for key, value in call.keywords if key in FILLING), None)
    if listed is None:
        return None
    if mark in ("?", "%s") and listed[0] in ("tuple", "list"):
        number = len(FILLED.findall(condition)) - 1
        return listed[1][-1] if len(listed[1]) == number + 1 else None
    if listed[0] == "dict":
        key = mark.strip("%:()s") if mark.startswith("%") else mark[1:]
        return next((value for name, value in listed[1] if name == ("string", key)), None)
    return None


def ways(analysis: Analysis, of: Fetched) -> Iterator[WayOfId]:
    """The routes whose clients name the id."""
    yield from _ways(analysis, of.id, of.scope, (of.scope,), (), FURTHEST)


def _ways(
    analysis: Analysis,
    given: Expression,
    scope: FunctionSymbol,
    scopes: tuple[FunctionSymbol, ...],
    steps: tuple[Step, ...],
    depth: int,
) -> Iterator[WayOfId]:
    while given[0] == "call" and last_name(scope.facts.calls[given[1]].callee) in CONVERTING:
        arguments = scope.facts.calls[given[1]].arguments
        if len(arguments) != 1:
            return
        given = arguments[0]
    name = given[1][1] if given[0] == "attribute" and given[1][0] == "name" else given[1] if given[0] == "name" else None
    if name is None or name not in scope.parameters or scope.assigned.get(name):
        return
    entry = analysis.reach.entries.get(scope)
    parameter = scope.facts.parameters[scope.parameters[name]]
    if entry is not None:
        if entry.sort in (ROUTE, SOCKET) and not analysis.receivers.parameters.is_injected(parameter, scope):
            note = f"{entry.label} takes `{name}` from the client"
            yield WayOfId(entry, name, scopes, (Step(scope.module.path, scope.facts.line, note), *steps))
        return
    sites = analysis.program.calls_named.get(scope.name, ())
    for caller, index in sites if given[0] == "name" and depth and len(sites) <= MOST_SITES else ():
        call = caller.facts.calls[index]
        match None if caller.module.in_tests else analysis.receivers.value(call.callee, caller):
            case Routine(function=function, bound=bound) if function is scope:
                handed = dict(pairs(call, scope, 1 if bound and scope.owner is not None else 0)).get(name)
                if handed is not None:
                    step = Step(caller.module.path, call.line, f"which hands it on to `{scope.facts.qualified}`")
                    yield from _ways(analysis, handed, caller, (caller, *scopes), (step, *steps), depth - 1)
