"""D103."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import CLOSING, LOOKING, Connections, Opening, runs_for_itself
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.meaning.flow import FALLS, RAISES, RETURNS, Flow, Happening, Stretch, WayOut
from netra.guard.rule import rule
from netra.guard.values import Step

BEFORE, OPEN, CLOSED = "before", "open", "closed"
NEVER_FAILING = LOOKING | CLOSING | {"cursor", "set_session", "set_autocommit", "append"}
WORKING = frozenset("execute exec query get scalar scalars fetch fetchrow fetchval add commit cursor".split())


@rule("D103", "unclosed-connection", default=False)
def unclosed_connection(analysis: Analysis) -> Iterator[Sighting]:
    """A session or connection is opened, and on some way through the function nobody closes it.

    It goes back to its pool when the garbage collector finds it, which for asynchronous drivers is never. Until then others
    wait for it, and what it had locked stays locked.

    ```python
    def find(number: int) -> str | None:
        session = SessionLocal()
        person = session.get(Person, number)
        if person is None:
            return None  # D103: still open
        session.close()
        return person.name
    ```

    Open it in `with`, or close it in `finally`. What is returned, stored or handed to somebody who may close it is left alone,
    and so are commands, whose process ends.
    """
    connections = analysis.once(Connections)
    for opening in connections.openings:
        found = _left_open(connections, opening)
        if found is not None and not runs_for_itself(analysis, opening.scope):
            call = opening.call
            name = written(call.callee, opening.scope)
            how, line, certain = found
            message = f"what `{name}(…)` opens is not closed {how}"
            what = f"`{name}(…)` opens a `{opening.library}`"
            steps = [Step(opening.scope.module.path, call.line, what)]
            if line:
                steps.append(Step(opening.scope.module.path, line, f"`{opening.scope.name}` can be left here, and it is open"))
            mend = Mend("open it in `with`, or close it in `finally`")
            yield Sighting(
                opening.scope,
                call.line,
                call.column,
                call.end_line,
                message,
                tuple(steps),
                mend,
                *(() if certain else (LIKELY,)),
            )


def _left_open(connections: Connections, opening: Opening) -> tuple[str, int, bool] | None:
    """On which way out it is open: in words, at which line, and whether no error is needed for it."""
    match opening.where:
        case ("attribute", "__enter__" | "__aenter__"):
            # Somebody who enters by hand may leave by hand as well.
            leaves = any(last_name(call.callee) in ("__exit__", "__aexit__") for call in opening.scope.facts.calls)
            return None if leaves or opening.scope.owner is not None else ("by anybody: it is entered and never left", 0, True)
        case ("attribute", str(name)) if name in WORKING and not opening.library.startswith(("sqlite3", "redis")):
            return "by anybody: nothing holds it", 0, True
        case ("assign", ("name", str(name))):
            return _left_open_in_name(connections, opening, name)
    return None


def _left_open_in_name(connections: Connections, opening: Opening, name: str) -> tuple[str, int, bool] | None:
    scope = opening.scope
    if name in scope.parameters or name in scope.facts.globals or connections.is_kept(scope, name):
        return None
    for each in scope.assigned[name]:
        value = each.value[1] if each.value[0] == "await" else each.value
        if value != ("none",) and not (value[0] == "call" and connections.opened(value[1], scope)):
            return None
    calls = scope.facts.calls
    enters_to_close = not opening.library.startswith(("sqlite3", "psycopg2"))
    closing = {index for index, call in enumerate(calls) if _closes(connections, opening, index, call, name)}

    def move(event: Happening, state: str) -> Iterator[tuple[str, str]]:
        match event.what:
            case "call" if event.at == opening.index:
                yield FALLS, OPEN
                yield RAISES, state
            case "call" if event.at in closing:
                yield FALLS, CLOSED
            case "exit" if enters_to_close and event.expression == ("name", name):
                yield FALLS, CLOSED
            case "call" if last_name(calls[event.at].callee) in NEVER_FAILING:
                yield FALLS, state
            case "call" | "yield":
                yield FALLS, state
                yield RAISES, state
            case _:
                yield FALLS, state

    def skipped(stretch: Stretch, state: str) -> str:
        # `if session is not None: session.close()`: whoever asks first knows.
        closes = any(each.what == "call" and each.at in closing for each in stretch.events())
        return CLOSED if closes and state == OPEN else state

    ways = [way for way in Flow(scope.facts).ways(BEFORE, move, skipped) if way.state == OPEN]
    given_out = {each.line for each in scope.facts.returned if each.how == "yield"}
    return _worst(ways, given_out, scope.facts.end_line, ever=bool(closing))


def _worst(ways: list[WayOut[str]], given_out: set[int], last: int, *, ever: bool) -> tuple[str, int, bool] | None:
    plain = [min(way.line, last) for way in ways if way.how in (FALLS, RETURNS)]
    if plain:
        return (f"when the function ends at line {min(plain)}", min(plain), True) if ever else ("on any way", 0, True)
    if ways:
        lines = {way.line for way in ways}
        if used := lines & given_out:
            return f"when whoever it is given to at line {min(used)} fails", min(used), True
        return f"when line {min(lines)} fails", min(lines), False
    return None


def _closes(connections: Connections, opening: Opening, index: int, call: CallSite, name: str) -> bool:
    match call.callee:
        case ("attribute", ("name", receiver), method) if receiver == name and method in CLOSING:
            return True
    given: list[tuple[int | str, Expression]] = [*enumerate(call.arguments), *call.keywords]
    return any(
        value == ("name", name) and connections.taken(opening.scope, index, position) == "closed" for position, value in given
    )
