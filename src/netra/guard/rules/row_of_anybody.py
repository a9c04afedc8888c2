"""S119."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.asked_one_way import asked_one_way
from netra.guard.database.by_id import WayOfId, fetched, ways
from netra.guard.database.owned import CHOOSING, OwnedTables
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.places import LOGGING
from netra.guard.requests.askers import is_of_rights, signed_in, speaks_of_rights
from netra.guard.requests.compared_owners import uncompared
from netra.guard.requests.words import CARRIERS
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Words by which a function may ask, or be told, whose something is.
WHOSE: Final = frozenset(
    """user users userid username owner owned owns tenant account customer member members membership author principal identity
    actor org organization organisation who whose mine own visible shared collaborator participant""".split()
)
WORD: Final = re.compile(r"[a-z]+|[A-Z][a-z]*")
# Routes that are for some only, or for everybody.
FOR_OTHERS: Final = frozenset(
    "admin internal public share webhook callback staff system login register invite moderat operator".split()
)
# Decorators that let only those in who are signed in.
SIGNED_IN: Final = frozenset("login_required auth_required jwt_required requires_auth token_required".split())
CHANGING: Final = ("DELETE", "PUT", "PATCH")


@rule("S119", "row-of-anybody", hesitant=True)
def row_of_anybody(analysis: Analysis) -> Iterator[Sighting]:
    """A route finds a row by the id that its client names, and nobody asks whose it is, though who is signed in is known.

    Whoever tries other ids reads, changes or deletes what belongs to others.

    ```python
    @app.delete("/notes/{note_id}")
    async def delete(note_id: int, user: User = Depends(current_user), session: Session = Depends(database)):
        note = await session.get(Note, note_id)  # S119: elsewhere `select(Note).where(Note.user_id == user.id)`
        await session.delete(note)
    ```

    Ask for the row and its owner in one statement: `select(Note).where(Note.id == note_id, Note.user_id == user.id)`.
    Reported are rows of models and tables with a column for their owner, by which the program tells them apart elsewhere, that
    are asked for by their id alone on a way from a route that wants to know who is signed in and never looks at it, where
    nothing speaks of whose the row is: not the functions between, and not those that they call. Of a route that only reads
    guard is certain where all else that asks for rows of that table speaks of whose they are. Routes for administrators, and
    what is public or shared, are left alone. What hangs on such rows, the messages of a conversation that is somebody's, is had
    by the id of the conversation in the same way; and so are all rows, which a route asks for without any condition.

    So are rows that a function has by their id on one way, and on another by whom it is told they should be of; and whatever a
    function fetches by an id that its client sends, where at least two others that do so compare its owner with who is asking,
    twice as many as do not, and this one neither compares it, nor calls what may, nor hands it on.
    """
    found = list(fetched(analysis))
    alone = {each.scope for each in found}
    for each in found:
        for way in ways(analysis, each):
            known = _known(analysis, way)
            if known is None or _is_asked(analysis, way, known):
                continue
            at, told = each.call, written(each.id, each.scope)
            message = f"any row of `{each.owned.table}` is had by its id, `{told}`: nobody asks whose it is"
            if each.below:
                message = f"what hangs on any row of `{each.owned.table}` is had by `{told}`: nobody asks whose that is"
            why = (*way.steps, each.owned.told_apart)
            mend = Mend(f"ask for `{each.owned.column}` in the same statement, or compare it with who is signed in")
            others = analysis.once(OwnedTables).askers(each.owned) - alone
            changes = way.entry.label.startswith(CHANGING)
            sure = CERTAIN if changes or all(_speaks_of_whose(one, "") for one in others) else LIKELY
            yield Sighting(each.scope, at.line, at.column, at.end_line, message, why, mend, sure)
            break
    yield from _given_whole(analysis)
    for once, name, asked in asked_one_way(analysis):
        at, told = once.call, written(once.id, once.scope)
        message = f"any row of `{once.owned.table}` is had by its id, `{told}`, though `{name}` says whose it should be"
        mend = Mend(f"ask for `{once.owned.column}` in the same statement, or compare it")
        yield Sighting(once.scope, at.line, at.column, at.end_line, message, (asked,), mend, CERTAIN)
    for other in uncompared(analysis):
        at = other.call
        message = f"what `{written(at.callee, other.scope)}(…)` gives may be anybody's: all others ask for its `{other.owner}`"
        mend = Mend(f"compare its `{other.owner}` with who is signed in")
        yield Sighting(other.scope, at.line, at.column, at.end_line, message, other.why, mend, CERTAIN)


def _given_whole(analysis: Analysis) -> Iterator[Sighting]:
    """`select(Note)` with no condition in a route that knows who is asking, where all others ask whose the rows are."""
    tables, entries = analysis.once(OwnedTables), analysis.reach.entries
    for scope, _, call in analysis.calls_of("select", "query"):
        entry = entries.get(scope)
        kind = tables.model(call.arguments[0], scope) if len(call.arguments) == 1 and entry is not None else None
        owned = None if kind is None else tables.of_class(kind)
        if owned is None or entry is None or entry.sort != ROUTE or not CHOOSING.isdisjoint(scope.called):
            continue
        way = WayOfId(entry, "", (scope,), (Step(scope.module.path, scope.facts.line, f"{entry.label} is answered here"),))
        known = _known(analysis, way)
        if known is None or _is_asked(analysis, way, known):
            continue
        others = tables.askers(owned) - {scope}
        sure = CERTAIN if others and all(_speaks_of_whose(one, "") for one in others) else LIKELY
        message = f"all rows of `{owned.table}` are given to whoever asks: nobody says whose they should be"
        mend = Mend(f"ask for those whose `{owned.column}` is who is signed in")
        why = (*way.steps, owned.told_apart)
        yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend, sure)


def _known(analysis: Analysis, way: WayOfId) -> str | None:
    """Who is signed in, as the route is told: the parameter that it never looks at, or "" where a decorator lets people in."""
    route = way.scopes[0]
    name = signed_in(analysis, route)
    if name is not None:
        return None if _is_looked_at(name, route) or is_of_rights(analysis, route, name) else name
    return "" if any(last_name(each.callee) in SIGNED_IN for each in route.facts.decorators) else None


def _is_looked_at(name: str, route: FunctionSymbol) -> bool:
    """A route makes use of who is signed in, besides writing it to a log."""
    if name not in route.facts.loads:
        return False
    noted = (each for call in _notes(route) for given in call.given for each in within(given, route))
    return sum(each == ("name", name) for each in noted) < sum(each.name == name for each in route.facts.uses)


def _notes(scope: FunctionSymbol) -> list[CallSite]:
    """The calls by which a function says in a log what it does."""
    return [call for call in scope.facts.calls if last_name(call.callee) in LOGGING | {"print"}]


def _is_asked(analysis: Analysis, way: WayOfId, known: str) -> bool:
    """Somebody on the way asks, or may ask, whose the row is."""
    route = way.scopes[0]
    said = f"{way.entry.label} {route.facts.qualified}".lower()
    if any(word in said for word in FOR_OTHERS) or _others_ask(analysis, route, known):
        return True
    for scope in way.scopes:
        if speaks_of_rights(scope) or _speaks_of_whose(scope, known if scope is route else ""):
            return True
        for call in scope.facts.calls:
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) if not function.module.library and function not in way.scopes:
                    if speaks_of_rights(function) or _speaks_of_whose(function, ""):
                        return True
    return False


def _others_ask(analysis: Analysis, route: FunctionSymbol, known: str) -> bool:
    """A dependency of the route is told the id as well, or another one may ask by itself: `Depends(note_of_mine)`."""
    around = route.parent
    if around is None:
        return True
    parameters = analysis.receivers.parameters
    brought = {each.name for each in route.facts.parameters if not parameters.is_injected(each, route)}
    for each in route.facts.parameters:
        match parameters.dependency(each, around):
            case Routine(function=function) if not function.module.library:
                if brought.intersection(function.parameters) - CARRIERS:
                    return True
                if each.name != known and (speaks_of_rights(function) or _speaks_of_whose(function, "")):
                    return True
    return False


def _speaks_of_whose(scope: FunctionSymbol, known: str) -> bool:
    """A name, an attribute, a keyword or a text of a function has a word for whose something is, besides who is `known`."""
    facts, notes = scope.facts, _notes(scope)
    said = {*facts.loads, *scope.bound} - {known}
    for call in facts.calls:
        if call not in notes:
            said.update(key for key, _ in call.keywords)
            said.update(text for part in (call.callee, *call.given) for one in within(part, scope) for text in _texts(one))
    for each in facts.reads:
        if not any(note.line <= each.line <= note.end_line for note in notes):
            said.update(_texts(each.expression))
    return any(not WHOSE.isdisjoint(word.lower() for word in WORD.findall(each)) for each in said if each)


def _texts(expression: Expression) -> Iterator[str]:
    while expression[0] == "attribute":
        yield expression[2]
        expression = expression[1]
    if expression[0] == "string":
        yield expression[1]
