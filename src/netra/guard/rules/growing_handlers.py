"""S104."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.apart import tells_apart
from netra.guard.requests.each_time import is_once
from netra.guard.requests.held_in_tables import held_in_tables
from netra.guard.requests.hooked import hooked
from netra.guard.requests.kept_outside import given_for_ever, made_here
from netra.guard.requests.limits import is_limited
from netra.guard.requests.living import answers_each, living
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.slots import OF_BOT
from netra.guard.requests.undoing import Undoing
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# How identifiers are called.
OF_IDENTIFIERS: Final = re.compile(r"(^|_)(id|uid|uuid|hash|key|token|name|email|url|path|tx)s?$", re.IGNORECASE)

# What an identifier is still one after.
OF_TEXT: Final = frozenset("lower upper casefold strip removeprefix removesuffix hex".split())

MEND: Final = Mend("take it out in a `finally`")


@rule("S104", "growing-handlers", hesitant=True)
def growing_handlers(analysis: Analysis) -> Iterator[Sighting]:
    """Something of one connection or request is added to a shared list, and nothing ever takes it out.

    The list grows with every connection. Whoever walks through it later speaks to people who have left, and for them.

    ```python
    listeners = []


    @app.websocket("/live")
    async def live(websocket: WebSocket):
        listeners.append(websocket)  # S104: nothing removes it
    ```

    A method of the connection holds it just as well, and so does a function that is made here and uses it.

    Where others take out what they have added, it is the call that adds and does not:

    ```python
    @app.websocket("/events")
    async def events(websocket: WebSocket):
        bus.subscribe(websocket.send_json)  # S104: others call `bus.unsubscribe`
    ```

    A list of an object that lies in a shared table is shared as well: `rooms[name].listeners.append(tell)`.

    So it is with the history that is kept in the `bot_data` of a bot, which is one for all of its users, and with what a
    library keeps for the whole process: a receiver of a signal that is held on to (`weak=False`), a
    handler of a logger, a function that is registered with `atexit`, a listener to a class of SQLAlchemy. A decorator that adds
    to a list does so with each request in which a function is made and decorated.

    What runs once for the process is left alone (`if _bus is None:`), and so is a way that a literal ends
    (`start(disabled=True)`).

    Take it out in a `finally`. Guard is not certain of a set of identifiers: what has been seen once may be remembered for ever
    on purpose.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    undoing = analysis.once(Undoing)
    for write in sharing.writes:
        if is_once(write.scope, write.line):
            continue
        if write.how not in ADDING and not _is_extended(write):
            if _is_made_longer(write, sharing) and answers_each(analysis, write.scope):
                message = f"`{write.slot.name}` is shared and grows with every call: nothing takes out what is added here"
                why = (*analysis.once(Serving).way(write.scope), write.slot.step)
                yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, MEND, CERTAIN)
            continue
        apart = write.key is not None and tells_apart(origins, write.key, write.scope, write.line)
        origin = None if apart else origins.held(write.value, write.scope, write.line)
        if origin is not None and origin.personal:
            steps = origin.steps
        elif not (steps := living(analysis, write.value, write.scope)):
            # Under whatever key it lies, and though the place itself says nothing: those who call it may.
            seen = [*_out_of_hand(analysis, write)]
            yield from seen if seen and sharing.is_container(write.slot) else ()
            continue
        if not sharing.is_container(write.slot) or is_limited(write, sharing):
            continue
        if not undoing.is_taken_from(write):
            message = f"`{write.slot.name}` is shared and grows with every call: nothing takes out what is added here"
            why = (*steps, write.slot.step)
            sure = LIKELY if _is_identifier(write) else CERTAIN
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, MEND, sure)
            continue
        forgotten = undoing.forgotten(write)
        if forgotten == []:
            message = f"`{write.slot.name}` is shared and grows: who adds to it by `{write.scope.name}` can take nothing out"
            why = (*steps, write.slot.step)
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, MEND, CERTAIN)
            continue
        told: set[CallSite] = set()
        for caller, call in forgotten or ():
            if steps := next((found for each in call.given if (found := _brought(analysis, each, caller, call))), ()):
                message = f"`{write.slot.name}` is shared and grows: others take out what they have added, and this does not"
                step = Step(write.scope.module.path, write.line, f"`{write.scope.name}` adds it here")
                why = (*steps, step, write.slot.step)
                told.add(call)
                yield Sighting(caller, call.line, call.column, call.end_line, message, why, MEND, CERTAIN)
        yield from _out_of_hand(analysis, write, told)
    for held in held_in_tables(analysis):
        call = held.call
        message = f"`{held.name}` of what all share grows with every call: nothing takes out what is added here"
        yield Sighting(held.scope, call.line, call.column, call.end_line, message, held.why, MEND, CERTAIN)
    for hook in hooked(analysis):
        message = (
            f"`{hook.slot.name}` is shared and grows: `{hook.function.name}` is another one each time, and nothing takes it out"
        )
        step = Step(hook.register.module.path, hook.added, f"`{hook.register.name}` adds it here")
        why = (*analysis.once(Serving).way(hook.scope), step, hook.slot.step)
        yield Sighting(hook.scope, hook.line, 0, hook.line, message, why, MEND, CERTAIN)
    for scope, line, column, what, back in given_for_ever(analysis):
        kept = f"`{what}` keeps something of this request for the whole process"
        message = f"{kept}: nothing here calls `{back}`" if back else f"{kept}, and one more with every call"
        way = analysis.once(Serving).way(scope)
        later = "register it once, where the module is loaded, and hand on what is of this request"
        mend = Mend(f"call `{back}` in a `finally`, or where the connection ends" if back else later)
        yield Sighting(scope, line, column, line, message, way, mend, CERTAIN)


def _out_of_hand(analysis: Analysis, write: Write, told: Collection[CallSite] = ()) -> Iterator[Sighting]:
    for caller, call, given in analysis.once(Undoing).out_of_hand(write):
        if call in told:
            continue
        steps = _brought(analysis, given, caller, call)
        if not steps and _is_made_for_each(analysis, given, caller):
            steps = analysis.once(Serving).way(caller)
        if steps:
            message = (
                f"`{write.slot.name}` is shared and grows: what is added here is named nowhere else, so nothing can take it out"
            )
            step = Step(write.scope.module.path, write.line, f"`{write.scope.name}` adds it here")
            why = (*steps, step, write.slot.step)
            yield Sighting(caller, call.line, call.column, call.end_line, message, why, MEND, CERTAIN)


def _brought(analysis: Analysis, given: Expression, scope: FunctionSymbol, call: CallSite) -> tuple[Step, ...]:
    """The way by which something of somebody got there: it is theirs, or is made for them and waits."""
    origin = analysis.once(Origins).held(given, scope, call.line)
    return origin.steps if origin is not None and origin.personal else living(analysis, given, scope)


def _is_made_for_each(analysis: Analysis, given: Expression, scope: FunctionSymbol) -> bool:
    """A function that is made for each connection or request, with something in it that is made for that one, too."""
    if not answers_each(analysis, scope):
        return False
    made = made_here(given, scope)
    return made is not None and any(
        each.value[0] == "call" for name in made.facts.loads if name not in made.bound for each in scope.assigned.get(name, ())
    )


def _is_extended(write: Write) -> bool:
    """`listeners += [listener]`."""
    return write.how == "augmented" and write.key is None and write.value[0] in ("list", "set")


def _is_made_longer(write: Write, sharing: Sharing) -> bool:
    """`llm.callbacks = [*llm.callbacks, meter]`: one more, that is made here, and nothing puts back what there was before."""
    scope, value = write.scope, write.value
    match value:
        case ("list", parts):
            before, added = [each[1] for each in parts if each[0] == "star"], [each for each in parts if each[0] != "star"]
        case ("operator", "+", one, ("list", parts)):
            before, added = [one], list(parts)
        case _:
            return False
    if write.how != "slot" or sum(each.target[-1] == write.slot.name for each in scope.facts.assignments) != 1:
        return False
    places = (part for each in before for part in within(each, scope) if part[0] in ("name", "attribute"))
    again = any((slot := sharing.slot(part, scope)) is not None and slot.key == write.slot.key for part in places)
    made = [one.value for each in added if each[0] == "name" for one in scope.assigned.get(each[1], ())]
    made += [each for each in added if each[0] in ("call", "lambda")]
    return again and any(each[0] in ("call", "lambda") for each in made)


def _is_identifier(write: Write) -> bool:
    """`seen.add(thread_id)`, `paid.add(request.tx_hash)`, and `lowered = tx_hash.lower()`, `paid.add(lowered)`."""
    value, scope = write.value, write.scope
    if value[0] == "name" and value[1] not in scope.parameters and len(scope.assigned.get(value[1], ())) == 1:
        value = scope.assigned[value[1]][0].value if not OF_IDENTIFIERS.search(value[1]) else value
    if value[0] == "call":
        callee = scope.facts.calls[value[1]].callee
        value = callee[1] if callee[0] == "attribute" and callee[2] in OF_TEXT else value
    return (write.how == "add" or write.slot.owner == OF_BOT) and bool(OF_IDENTIFIERS.search(last_name(value) or ""))
