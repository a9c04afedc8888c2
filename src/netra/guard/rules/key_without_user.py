"""S102."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.program import FunctionSymbol
from netra.guard.requests.origins import Origin, Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.rule import rule


@rule("S102", "key-without-user")
def key_without_user(analysis: Analysis) -> Iterator[Sighting]:
    """A value that was made for one user is cached under a key that does not name the user, and handed to the next.

    ```python
    answers = {}


    @app.get("/answer")
    async def answer(question: str, user: User = Depends(current_user)):
        if question not in answers:
            answers[question] = await ask(user, question)  # S102
        return answers[question]
    ```

    Put the user into the key: `answers[user.id, question]`. Reported is only a cache that the same function also reads.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    for write in sharing.writes:
        if write.how != "item" or write.key is None or write.value[0] not in ("call", "await", "name"):
            continue
        if not _is_read(write.scope, sharing, write.slot.key):
            continue
        if _names_anybody(write.key, write.scope, origins, write.line):
            continue
        origin = _beside_the_key(write, origins)
        if origin is None or not origin.personal:
            continue
        way = analysis.once(Serving).way(write.scope)
        if way:
            message = f"`{write.slot.name}` is shared, and its key does not hold whose value it is (`{origin.name}`)"
            mend = Mend("put the user into the key")
            why = (*origin.steps, write.slot.step)
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, mend, LIKELY)


def _beside_the_key(write: Write, origins: Origins) -> Origin | None:
    """What of a request the value is made of, the key left aside: what depends on the key alone is the same for all."""
    scope, value, line = write.scope, write.value, write.line
    above = [each for each in scope.assigned.get(value[1], ()) if each.line < line] if value[0] == "name" else []
    if above:
        value, line = above[-1].value, above[-1].line
    if value[0] == "await":
        value = value[1]
    if value[0] != "call":
        return origins.of(value, scope, line)
    in_key = [*within(write.key or value, scope)]
    call = scope.facts.calls[value[1]]
    given = [each for each in (*call.arguments, *(each for _, each in call.keywords)) if each not in in_key]
    found = [origin for each in given if (origin := origins.of(each, scope, line)) is not None]
    return next((each for each in found if each.personal), None)


def _is_read(scope: FunctionSymbol, sharing: Sharing, key: tuple[str, str]) -> bool:
    """The function also looks the value up: `slot.get(k)`, `k in slot`, `slot[k]` in a return."""
    expressions: list[Expression] = [
        call.callee[1] for call in scope.facts.calls if call.callee[0] == "attribute" and call.callee[2] == "get"
    ]
    for block in scope.facts.blocks:
        for test in block.expressions:
            match test:
                case ("compare", parts, operators) if {"In", "NotIn"} & {*operators}:
                    expressions += parts
    for returned in scope.facts.returned:
        match returned.value:
            case ("subscript", inner, _):
                expressions.append(inner)
    return any((slot := sharing.slot(each, scope)) is not None and slot.key == key for each in expressions)


def _names_anybody(key: Expression, scope: FunctionSymbol, origins: Origins, line: int) -> bool:
    """The key may well tell users apart: it names one, or an id that only one user has."""
    of_key = origins.of(key, scope, line)
    if of_key is not None and of_key.personal:
        return True
    match key:
        case ("attribute", inner, "id") if "user" in (last_name(inner) or "").lower():
            return True  # `discord_user.id`: whatever kind of user it is, the id is theirs
    text = str(key) + "".join(str(each.value) for each in scope.assigned.get(key[1] if key[0] == "name" else "", ()))
    return any(
        word in text.lower() for word in ("_id", "uuid", "session", "token", "key", "hash", "thread", "run", "conn", "sid")
    )
