"""S107."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Block, Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import comparisons, within, written
from netra.guard.requests.changed_later import is_changed_later
from netra.guard.requests.copied_before import copied_before, loaded_where_missing
from netra.guard.requests.interleaving import Interleaving, Pause
from netra.guard.requests.origins import Origins
from netra.guard.requests.peeked import peeked
from netra.guard.requests.refreshed_twice import refreshed_twice
from netra.guard.requests.resources import is_resource, words_of
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.slots import Slot
from netra.guard.requests.spent_once import spent_once
from netra.guard.requests.starting import is_made_at_start
from netra.guard.requests.taken_already import TakenAlready
from netra.guard.requests.tool_contexts import counted_in_tools
from netra.guard.requests.two_steps import two_steps
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

DONE = frozenset("initialized initialised ready loaded connected started setup configured".split())
READYING = frozenset("connect open start initialize initialise init setup ready load login authenticate".split())
TELLING = ("send", "reply", "respond", "emit", "answer", "write")
# What nobody wants done twice.
DOING = frozenset("charge pay bill send deliver transfer refund buy purchase order book reserve notify submit withdraw".split())
# The keys of answers that refuse.
REFUSING = frozenset({"error", "errors", "detail", "reason"})
ORDERED = frozenset({"Gt", "GtE", "Lt", "LtE"})


@rule("S107", "check-then-act")
def check_then_act(analysis: Analysis) -> Iterator[Sighting]:
    """What is shared is looked at, then others get their turn, and then it is changed as if nothing had happened.

    At every `await` another request may run, and see what this one saw. Both then act on it: a count loses one, a limit lets
    two through, two clients are opened and one of them is never closed, or the second goes on before the first has made ready.

    ```python
    async def client():
        global _client
        if _client is None:
            _client = await connect()  # S107: two requests find None, and each connects
        return _client
    ```

    What lies outside of the process is changed by others at any time: a count in redis that is read, and set to what it makes,
    a row that is read, seen to be free, and written for one, and rows that are counted, or looked for, before one more is put
    in. Who loads what is not there, puts something into it and keeps it, drops what another has put into theirs. And a copy of
    what is kept, put back behind an `await`, takes with it what others have put there.

    The tools of an agent run side by side, and what they have in common is shared by them as well.

    What is chosen in a list and taken out of it only behind an `await`, is chosen by two.

    A client of a library is told of, whoever uses it, where its token is refreshed by whoever finds it expired.

    Hold an `asyncio.Lock` around both, and look again when you have it; or change the value before the `await`. A value that is
    merely loaded twice, such as an entry of a cache, is not reported, unless whoever asks for it puts something in.
    """
    sharing = analysis.once(Sharing)
    interleaving = analysis.once(Interleaving)
    for scope in sharing.served:
        yield from _outside(analysis, interleaving, scope)
        yield from _taken_later(analysis, interleaving, scope)
    yield from _of_tools(analysis)
    for twice in refreshed_twice(analysis):
        if interleaving.held_by_callers(twice.scope) or interleaving.locked(twice.scope, twice.call.line):
            continue
        at = twice.call
        message = f"the refresh token is spent by two who find it expired at once: `{written(at.callee, twice.scope)}(…)`"
        mend = Mend("hold one lock around both, and look again once it is held")
        yield Sighting(twice.scope, at.line, at.column, at.end_line, message, twice.why, mend, LIKELY)
    writes: dict[FunctionSymbol, list[Write]] = {}
    for write in sharing.writes:
        writes.setdefault(write.scope, []).append(write)
    for scope, written_here in writes.items():
        in_threads = not scope.facts.asynchronous
        if not (in_threads or interleaving.pauses(scope)) or interleaving.takes_lock(scope):
            continue
        for write in written_here:
            if interleaving.locked(scope, write.line):
                continue
            if _is_in_handler(scope, write.line):
                found = _where_missing(analysis, interleaving, write)
            elif in_threads:
                found = _past_a_limit(analysis, sharing, interleaving, write)
            else:
                found = _judged(analysis, sharing, interleaving, write)
            if found is not None and not interleaving.held_by_callers(scope):
                looked, pause, message = found
                why = (
                    write.slot.step,
                    *analysis.once(Serving).way(scope),
                    Step(scope.module.path, looked, f"`{write.slot.name}` is looked at here"),
                    Step(scope.module.path, pause.line, "others may run here"),
                )
                mend = Mend("hold one lock around both, and look again once it is held")
                yield Sighting(scope, write.line, write.column, write.end_line, message, why, mend, LIKELY)


def _outside(analysis: Analysis, interleaving: Interleaving, scope: FunctionSymbol) -> Iterator[Sighting]:
    """What another process may change, too, is looked at, and changed as if it had stayed."""
    for found in two_steps(scope, analysis):
        if not interleaving.locked(scope, found.line) and not interleaving.held_by_callers(scope):
            why = (*analysis.once(Serving).way(scope), Step(scope.module.path, found.looked, found.note))
            yield Sighting(scope, found.line, found.column, found.end_line, found.message, why, Mend(found.mend), LIKELY)


def _of_tools(analysis: Analysis) -> Iterator[Sighting]:
    """`if ctx.deps.searches >= 3: return`, and behind an `await` one more: the tools of one run see the same number."""
    for counted in counted_in_tools(analysis):
        scope, change, place = counted.scope, counted.change, written(counted.change.target, counted.scope)
        message = f"`{place}` is written from what it was before an `await`: what other tools of the run take meanwhile is lost"
        if counted.limit:
            message = f"`{place}` may go past its limit: two tools of one run that find room both get to this line"
        why = (
            Step(scope.module.path, counted.looked, f"`{place}` is looked at here"),
            Step(scope.module.path, counted.pause.line, "other tools of the run go on here"),
        )
        mend = Mend("take it before the `await`, and give it back where that fails")
        yield Sighting(scope, change.line, change.column, change.line, message, why, mend, LIKELY)


def _taken_later(analysis: Analysis, interleaving: Interleaving, scope: FunctionSymbol) -> Iterator[Sighting]:
    """`prize = prizes[-1]`, and behind an `await` `prizes.remove(prize)`: whoever comes between the two gets the same."""
    for found in peeked(scope, analysis):
        pause = interleaving.on_the_way(scope, found.looked, found.line)
        if pause is None or interleaving.locked(scope, found.line) or interleaving.held_by_callers(scope):
            continue
        name = found.slot.name
        message = f"two may choose the same of `{name}`: it is taken out only behind an `await`"
        why = (
            found.slot.step,
            *analysis.once(Serving).way(scope),
            Step(scope.module.path, found.looked, f"one of `{name}` is chosen here"),
            Step(scope.module.path, pause.line, "others may run here"),
        )
        yield Sighting(
            scope, found.line, found.column, found.end_line, message, why, Mend("take it out where it is chosen"), LIKELY
        )


def _judged(analysis: Analysis, sharing: Sharing, interleaving: Interleaving, write: Write) -> tuple[int, Pause, str] | None:
    """The line of the look, the pause behind it and what goes wrong."""
    scope = write.scope
    name = write.slot.name
    if write.how == "augmented":
        pause = next((each for each in interleaving.pauses(scope) if each.line <= write.line <= each.end_line), None)
        if pause is not None and any(part[0] == "await" for part in within(write.value, scope)):
            return write.line, pause, f"`{name}` is read before the `await` and written behind it: what others add is lost"
        return _past_a_limit(analysis, sharing, interleaving, write)
    read = _read_before(sharing, write) if write.value[0] == "operator" else None
    read = read or copied_before(analysis, write)
    if read is not None:
        pause = interleaving.on_the_way(scope, read, write.line)
        if pause is not None:
            return read, pause, f"`{name}` is written from what it was before an `await`: what others changed is lost"
    if (missed := loaded_where_missing(analysis, write)) is not None and not _keeps_the_first(write):
        pause = interleaving.on_the_way(scope, missed, write.line)
        if pause is not None:
            return missed, pause, f"two who find nothing in `{name}` load one each, and what was put into the first is lost"
    if (spending := spent_once(write, sharing)) is not None:
        pause = interleaving.on_the_way(scope, spending.line - 1, write.line)
        if pause is not None:
            return spending.line, pause, f"the refresh token in `{name}` is spent by two: both find that it is time to"
    tests = [each for each in scope.facts.blocks if each.what == "if" and each.line <= write.line]
    around = [each for each in tests if write.line <= each.end_line and _is_about(each, write.slot, sharing, scope, named=True)]
    if around:
        innermost = max(around, key=lambda each: each.line)
        looked = innermost.head
        pause = interleaving.on_the_way(scope, looked, write.line)
        if write.how == "slot" and _is_empty_test(innermost.expressions[0]):
            if pause is not None and is_resource(analysis, write, scope) and not is_made_at_start(analysis, write):
                return looked, pause, f"`{name}` may be made twice: two who find it empty both get to this line"
            later = interleaving.between(scope, write.line, innermost.end_line)
            if pause is None and later is not None:
                if _is_done_too_early(write, innermost, sharing):
                    return looked, later, f"`{name}` is set before the work is done: who comes in between goes on without it"
                if _is_made_ready_later(write, innermost, sharing) and not is_made_at_start(analysis, write):
                    return looked, later, f"`{name}` is there for others before it is ready: they use it while it is being made"
        if pause is not None and (done := _done_between(write, innermost)):
            return looked, pause, f"`{done}(…)` may be done twice: two who do not find it in `{name}` both get there"
        entered = write.how == "item" and _is_absent_test(innermost.expressions[0]) and not _keeps_the_first(write)
        harmful = entered and (is_resource(analysis, write, scope) or is_changed_later(analysis, write, scope))
        if harmful and pause is not None and not (write.key and write.key[0] == "string" and is_made_at_start(analysis, write)):
            return looked, pause, f"an entry of `{name}` may be made twice: two who do not find it both get to this line"
        return None
    return _past_a_limit(analysis, sharing, interleaving, write)


def _past_a_limit(
    analysis: Analysis, sharing: Sharing, interleaving: Interleaving, write: Write
) -> tuple[int, Pause, str] | None:
    """Who finds no room, or finds the same there, is sent away; behind an `await`, the others are entered or counted."""
    scope, name = write.scope, write.slot.name
    if any(each.what == "finally" and each.line <= write.line <= each.end_line for each in scope.facts.blocks):
        return None  # what was taken is given back
    for block in scope.facts.blocks:
        if block.what != "if" or block.end_line >= write.line:
            continue
        taken = write.how == "item" and "cache" not in name.lower() and _finds_taken(analysis, block, write)
        if not taken and not _is_about(block, write.slot, sharing, scope):
            continue
        pause = interleaving.on_the_way(scope, block.end_line, write.line)
        pause = pause or interleaving.between_threads(scope, block.end_line, write.line)
        if pause is None or not (_refuses(block, write.slot, sharing, scope) or _is_claim(block, write, sharing)):
            continue
        operators = _operators_about(block.expressions[0], write.slot, sharing, scope)
        if ORDERED & operators and write.how in ADDING | {"item", "augmented"}:
            return block.head, pause, f"`{name}` may go over its limit: two who find room both get to this line"
        # Who only goes away when it is there has a list of what is done already: doing that twice harms nobody.
        raising = any(block.line <= line <= block.end_line for line in scope.facts.raises)
        claimed_so = raising or _is_whose(analysis, write) or _is_claim(block, write, sharing)
        if (taken or "In" in operators) and claimed_so and write.how in ADDING | {"item"}:
            return block.head, pause, f"two may enter the same in `{name}`: both find it free, and both get to this line"
    return None


def _finds_taken(analysis: Analysis, block: Block, write: Write) -> bool:
    if not analysis.once(TakenAlready).found_by(block.expressions[0], write.slot, write.key, write.scope):
        return False
    # Who is given what lies there has asked a cache: to fill it twice harms nobody.
    got = {name for name, given in write.scope.assigned.items() if any(each.value[0] == "call" for each in given)}
    asked = {part for part in within(block.expressions[0], write.scope) if part[0] == "name" and part[1] in got}
    handed = (each.value for each in write.scope.facts.returned if block.line <= each.line <= block.end_line)
    return not any(part in asked for each in handed for part in within(each, write.scope))


def _is_claim(block: Block, write: Write, sharing: Sharing) -> bool:
    """Whoever finds it there is told so and tries again, and it is given back later: a name, a seat, that one has at a time."""
    scope = write.scope
    inside = range(block.line, block.end_line + 1)
    away = any(line in inside for _, line in scope.facts.jumps)
    told = any(call.line in inside and (last_name(call.callee) or "").startswith(TELLING) for call in scope.facts.calls)
    refused = any(each.line in inside and _says_no(each.value, scope) for each in scope.facts.returned)
    given_back = any(each.what.startswith("takes") for each in sharing.changes.get(write.slot.key, ()))
    return write.how == "add" and ((away and told) or refused) and given_back


def _says_no(answer: Expression, scope: FunctionSymbol) -> bool:
    """`return {"error": "busy"}`, `return JSONResponse({"detail": "busy"}, 409)`: an answer of its own for who is too late."""
    match answer:
        case ("dict", pairs):
            return any(key[0] == "string" and key[1] in REFUSING for key, _ in pairs)
        case ("tuple", (first, *_)):
            return _says_no(first, scope)
        case ("call", int(index)):
            # `jsonify(error="busy")` says what `jsonify({"error": "busy"})` does.
            call = scope.facts.calls[index]
            named = any(name in REFUSING for name, _ in call.keywords)
            return named or any(_says_no(each, scope) for each in call.given if each[0] == "dict")
    return False


def _where_missing(analysis: Analysis, interleaving: Interleaving, write: Write) -> tuple[int, Pause, str] | None:
    """`try: taken[seat]`, and behind an `await` in `except KeyError` it is taken, by whoever comes last."""
    scope, name = write.scope, write.slot.name
    for block in scope.facts.blocks:
        if (
            block.what != "try"
            or block.end_line >= write.line
            or not any(last_name(each) == "KeyError" for each in block.expressions)
        ):
            continue
        within_try = [call for call in scope.facts.calls if block.line <= call.line <= block.end_line]
        looked = any(use.name == f"self.{name}" and block.line <= use.line <= block.end_line for use in scope.facts.uses)
        looked = looked or (write.slot.owner == scope.module.name and name in scope.facts.loads and not within_try)
        pause = interleaving.on_the_way(scope, block.end_line, write.line) if looked and _is_whose(analysis, write) else None
        if pause is not None:
            return block.line, pause, f"two may enter the same in `{name}`: both find it free, and both get to this line"
    return None


def _is_whose(analysis: Analysis, write: Write) -> bool:
    """What is entered tells whose the entry is: the second who finds it free takes it from the first."""
    origin = analysis.once(Origins).of(write.value, write.scope, write.line) if write.how == "item" else None
    return origin is not None and origin.personal


def _is_in_handler(scope: FunctionSymbol, line: int) -> bool:
    """After an error something else is put in its place: whatever was seen before, it is meant for."""
    return any(each.what == "handler" and each.line <= line <= each.end_line for each in scope.facts.blocks)


def _is_about(block: Block, slot: Slot, sharing: Sharing, scope: FunctionSymbol, *, named: bool = False) -> bool:
    """The test looks at the place; with `named`, also at a local name for what was found there."""
    parts = [part for test in block.expressions for part in within(test, scope) if part[0] in ("name", "attribute")]
    for part in tuple(parts) if named else ():
        # `agent = agents.get(key)`, and then `if agent is None`.
        above = [each for each in scope.assigned.get(part[1], ()) if each.line < block.line] if part[0] == "name" else []
        if above and above[-1].how == "=":
            parts += [each for each in within(above[-1].value, scope) if each[0] in ("name", "attribute")]
    return any((found := sharing.slot(part, scope)) is not None and found.key == slot.key for part in parts)


def _is_empty_test(test: Expression) -> bool:
    """`not x`, `x is None`, alone or beside others."""
    match test:
        case ("not", ("name" | "attribute", *_)) | ("compare", (_, ("none",)), ("Is",) | ("Eq",)):
            return True
        case ("choice", parts):
            return any(_is_empty_test(part) for part in parts)
    return False


def _is_absent_test(test: Expression) -> bool:
    """`key not in entries`, or `entry is None`."""
    return "NotIn" in _operators(test) or _is_empty_test(test)


def _done_between(write: Write, block: Block) -> str:
    """`if user not in paid: await charge(user); paid.add(user)`: what is done to the world before it is noted that it was."""
    if write.how not in ("item", "add") or not _is_absent_test(block.expressions[0]) or write.value[0] in ("await", "call"):
        return ""
    for call in write.scope.facts.calls:
        name = last_name(call.callee) or ""
        done = call.where == ("await", ("statement",)) and block.head < call.line <= write.line
        if done and words_of(name) & DOING:
            return name
    return ""


def _keeps_the_first(write: Write) -> bool:
    """`entries.setdefault(key, made)` leaves what another has put there meanwhile."""
    return any(last_name(call.callee) == "setdefault" and call.line == write.line for call in write.scope.facts.calls)


def _operators(test: Expression) -> frozenset[str]:
    return frozenset(one for _, operators in comparisons(test) for one in operators)


def _operators_about(test: Expression, slot: Slot, sharing: Sharing, scope: FunctionSymbol) -> frozenset[str]:
    """The operators of the comparisons that look at the place: in `number <= 0 or number in closed`, it is no limit."""
    return frozenset(
        one
        for sides, operators in comparisons(test)
        if any(
            part[0] in ("name", "attribute") and (found := sharing.slot(part, scope)) is not None and found.key == slot.key
            for side in sides
            for part in within(side, scope)
        )
        for one in operators
    )


def _read_before(sharing: Sharing, write: Write) -> int | None:
    """The line on which a local name, of which the new value is made, got its value out of the same place."""
    scope = write.scope
    for part in within(write.value, scope):
        if part[0] != "name":
            continue
        above = [each for each in scope.assigned.get(part[1], ()) if each.line < write.line]
        if not above or above[-1].how != "=":
            continue
        for source in within(above[-1].value, scope):
            place, key = (source[1], source[2]) if source[0] == "subscript" else (source, None)
            if source[0] == "call" and last_name(scope.facts.calls[source[1]].callee) == "get":
                call = scope.facts.calls[source[1]]
                place, key = call.callee[1] if call.callee[0] == "attribute" else source, next(iter(call.arguments), None)
            if place[0] in ("name", "attribute") and key == write.key:
                found = sharing.slot(place, scope)
                if found is not None and found.key == write.slot.key:
                    return above[-1].line
    return None


def _is_done_too_early(write: Write, block: Block, sharing: Sharing) -> bool:
    scope = write.scope
    again = [each for each in sharing.writes if each.scope is scope and each.slot.key == write.slot.key and each is not write]
    return (
        write.value == ("constant", "bool", True)
        and bool(words_of(write.slot.name) & DONE)
        and all(each.line in range(write.line) for each in again)
        and scope.facts.end_line > block.end_line
    )


def _is_made_ready_later(write: Write, block: Block, sharing: Sharing) -> bool:
    """What is stored is awaited to connect or start only afterwards, by the place in which it is stored."""
    scope = write.scope
    if write.value[0] != "call":
        return False
    for awaited, line, _, _ in scope.facts.awaits:
        if write.line < line <= block.end_line and awaited[0] == "call" and not _are_alternatives(scope, write.line, line):
            callee = scope.facts.calls[awaited[1]].callee
            if callee[0] == "attribute" and words_of(callee[2]) & READYING:
                found = sharing.slot(callee[1], scope)
                if found is not None and found.key == write.slot.key:
                    return True
    return False


def _are_alternatives(scope: FunctionSymbol, one: int, other: int) -> bool:
    """One line stands under an `if`, and the other under its `else`."""
    return any(
        each.what == "if" and against.what == "else" and each.expressions == against.expressions
        and each.line <= one <= each.end_line and against.line <= other <= against.end_line
        for each in scope.facts.blocks
        for against in scope.facts.blocks
    )  # fmt: skip


def _refuses(block: Block, slot: Slot, sharing: Sharing, scope: FunctionSymbol) -> bool:
    """Who fails the test goes away, and not with what is kept there."""
    if any(block.line <= line <= block.end_line for line in scope.facts.raises):
        return True
    if any(how != "continue" and block.line <= line <= block.end_line for how, line in scope.facts.jumps):
        return True
    gone = [each for each in scope.facts.returned if each.how == "return" and block.line <= each.line <= block.end_line]
    return bool(gone) and not any(
        (found := sharing.slot(part, scope)) is not None and found.key == slot.key
        for each in gone
        for part in within(each.value, scope)
        if part[0] in ("name", "attribute")
    )
