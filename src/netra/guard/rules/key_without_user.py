"""S102."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.apart import is_new_each_time, names_only_tenant, tells_apart
from netra.guard.requests.brought import Origin
from netra.guard.requests.decorated import Decorated
from netra.guard.requests.given_to_all import given_to_all, is_read
from netra.guard.requests.histories import kept_by_said_name
from netra.guard.requests.kept_by_key import KeptByKey
from netra.guard.requests.key_makers import leaves_out
from netra.guard.requests.keyed import Keyed
from netra.guard.requests.keys import unfolded
from netra.guard.requests.made_for_asker import kept_by_less
from netra.guard.requests.only_checked import is_only_let_in
from netra.guard.requests.origins import Origins
from netra.guard.requests.read_of import signed_in_for_one
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.slots import Slot
from netra.guard.requests.storing import Storing
from netra.guard.requests.told_each_time import is_told_each_time
from netra.guard.requests.whose import parts_of_key, said
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Objects that keep what they are told, by their names, and how they are asked and told.
CACHES: Final = ("cache", "redis", "memo", "kv", "memcache")
ASKING: Final = ("get", "aget", "lookup", "fetch", "get_json", "load", "read")
TELLING: Final = frozenset("set aset put setex store set_json put_json save write".split())

# What puts something into a collection of redis, and what looks at all of it without taking it out, as from a queue.
PUTTING: Final = frozenset("lpush rpush sadd hset zadd xadd set setex append".split())
TAKING_ALL: Final = ("lrange", "smembers", "hgetall", "zrange", "xrange", "get")
WHOSE: Final = re.compile(r"(?:user|account|tenant|owner|run|session|thread|conversation|chat)(?:_?(?:id|uuid|name))?$")


# How a count is held against a limit.
ORDERED: Final = frozenset("Gt GtE Lt LtE".split())

# What is one person's, and not of all in an organisation.
OF_ONE: Final = frozenset("user_id current_user_id user current_user".split())

# What a value is made by.
MADE: Final = frozenset("call await name comprehension list dict tuple".split())


@rule("S102", "key-without-user", hesitant=True)
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

    Put the user into the key: `answers[user.id, question]`. Reported is only a cache that is also read: by the same function,
    or by its callers, who ask with `get` and tell with `set` or `put`. A fixed key of redis is reported in a function that is
    given a user, a run or a session and makes no use of it. The organisation in a key is no user, where the lines that make the
    value name one; and a limit at which whoever comes is sent away is one for all in a function that is told the user, and
    leaves it out.

    Guard is certain where the lines that make the value name the user, or what that user signs in with, and where a function is
    told the user, makes no use of it, and keeps or counts something for all under its key. Who is asking is followed from where
    it is found out, under whatever name. So it is with what acts for one (`agent(tools_for(who))`, where `tools_for` reads
    `who.token`), and is kept for all of a workspace or a team (`who.workspace`). What keeps the value may be a dictionary, a
    store, a file that is there or not, a decorator that is told how to make the key, or the memory of a conversation. So it is
    with what is made with the ward, the rights or the language of who is asking (`rows(query, who.ward)`), and kept under a key
    that holds neither that nor who it is. What somebody begins for all, as a room or a game, is nobody's own, and neither is
    what is told with every call for whom (`client_of(url).rows(user)`). A function that makes keys and is told the user, and
    leaves the user out, is reported where it makes one. Under a key that is another one each time nobody else finds anything.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    kept = (each for each in sharing.writes if each.how == "item" and each.key is not None and each.value[0] in MADE)
    read = (each for each in kept if is_read(each.scope, sharing, each.slot.key))
    aside = (each for scope in sharing.served for each in _looked_aside(scope))
    seen: set[FunctionSymbol] = set()
    sure = _for_sure(analysis)
    direct = ((each, (each.scope, each.line, each.column, each.end_line)) for each in (*read, *aside))
    for write, place in (*direct, *_by_way_of_another(analysis)):
        assert write.key is not None
        if place[0] is not write.scope and place[0] in seen:
            continue  # it was said of the function that keeps it
        if is_new_each_time(write.key, write.scope):
            continue
        of_one = signed_in_for_one(analysis, write)
        apart = of_one is None and tells_apart(origins, write.key, write.scope, write.line)
        if apart and not _is_for_one_of_many(write, origins):
            continue
        origin = _beside_the_key(write, origins)
        named = of_one or (said(write, origins) if place[0] is write.scope else None)
        if named is None and place[0] in sure:
            continue
        if named is None and origin is not None and origin.personal and not _is_opened(analysis, write):
            confidence, (whose, steps) = LIKELY, (origin.name, origin.steps)
        elif named is not None:
            confidence, (whose, steps) = CERTAIN, named
        else:
            continue
        way = analysis.once(Serving).way(write.scope)
        if way:
            seen.add(place[0])
            message = f"`{write.slot.name}` is shared, and its key does not hold whose value it is (`{whose}`)"
            mend = Mend("put the user into the key")
            yield Sighting(*place, message, (*steps, write.slot.step), mend, confidence)
    for scope in sharing.served:
        yield from _under_one_key(analysis, scope)
    yield from (each for each in _left_out(analysis, sharing, origins) if each.scope not in seen)
    for given in given_to_all(analysis):
        message = f"`{given.place}` is shared, and its key does not hold the `{given.whose}` {given.what}"
        mend = Mend(f"put `{given.whose}` into the key")
        yield Sighting(given.scope, given.line, given.column, given.end_line, message, given.steps, mend, CERTAIN)
    for scope, sighting in sure.items():
        if scope not in seen:
            yield sighting
    for out in leaves_out(analysis):
        message = (
            f"`{out.function.name}` makes a key without the `{out.whose}` that it is told: whoever comes next has the same"
        )
        asked = f"`{out.scope.facts.qualified}` tells it for whom it needs one"
        way = analysis.once(Serving).way(out.scope)
        why = (Step(out.scope.module.path, out.call.line, asked), *way)
        mend = Mend(f"put `{out.whose}` into the key")
        yield Sighting(out.function, out.line, out.column, out.line, message, why, mend, CERTAIN)


def _is_opened(analysis: Analysis, write: Write) -> bool:
    """`games[name] = await create_game(name, user)`: what somebody begins for all."""
    value = write.value[1] if write.value[0] == "await" else write.value
    return value[0] == "call" and analysis.once(Keyed).opens(write.scope.facts.calls[value[1]], write.scope)


def _for_sure(analysis: Analysis) -> dict[FunctionSymbol, Sighting]:
    """What is kept by a function whose lines say who is asking, under a key that does not, whatever keeps it."""
    found: dict[FunctionSymbol, Sighting] = {}
    kept = (*analysis.once(Keyed).for_everybody(), *analysis.once(Decorated).for_everybody(), *kept_by_said_name(analysis))
    for each, whose, known in kept:
        message = f"`{each.name}` is shared, and its key does not hold whose value it is (`{whose}`)"
        why = (known, each.step, *_making_of_key(analysis, each), *analysis.once(Serving).way(each.scope))
        mend = Mend("put the user into the key")
        found.setdefault(each.scope, Sighting(each.scope, each.line, each.column, each.end_line, message, why, mend))
    for less in kept_by_less(analysis):
        at, why = less.kept, (*less.steps, *analysis.once(Serving).way(less.kept.scope))
        message = f"`{at.name}` is shared, and what is kept there is made with `{less.whose}`, which its key does not hold"
        mend = Mend(f"put `{less.whose}` into the key")
        found.setdefault(at.scope, Sighting(at.scope, at.line, at.column, at.end_line, message, why, mend))
    return found


def _making_of_key(analysis: Analysis, kept: KeptByKey) -> Iterator[Step]:
    """Where a function of the program puts the key together: `total_key(first, last)`."""
    key = unfolded(kept.key, kept.scope)
    if key[0] != "call":
        return
    match analysis.receivers.value(kept.scope.facts.calls[key[1]].callee, kept.scope):
        case Routine(function=function) if not function.module.library and len(function.facts.returned) == 1:
            yield Step(function.module.path, function.facts.returned[0].line, f"`{function.name}` puts the key together")


def _is_for_one_of_many(write: Write, origins: Origins) -> bool:
    """The key holds the organisation, and the lines that make the value name one of its users."""
    assert write.key is not None
    if not names_only_tenant(write.key, write.scope):
        return False
    named = said(write, origins)
    return named is not None and named[0] in OF_ONE


def _under_one_key(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Sighting]:
    """`redis.lpush("memory", text)` in a function that is given whose it is, and makes no use of that.

    Many a list of redis is one for all: a queue, a log. Whoever is told the run or the user and leaves it out has forgotten it.
    """
    for call in scope.facts.calls:
        if call.callee[0] != "attribute" or call.callee[2] not in PUTTING or len(call.arguments) < 2:
            continue
        place, key = call.callee[1], call.arguments[0]
        name = last_name(place) or ""
        if not any(word in name.lower() for word in ("redis", "valkey")):
            continue
        left_out = [each for each in scope.facts.parameters if WHOSE.search(each.name) and not _is_used(each.name, scope)]
        if left_out and key[0] != "string":
            yield from _asked_alike(analysis, scope, call, left_out[0].name)
            continue
        asked = None if not left_out else next((step for step in _asking_for(analysis, key) if step.line != call.line), None)
        if left_out and asked is not None:
            whose = left_out[0].name
            message = f"the key of `{name}` is one for all: it does not hold the `{whose}` that this function is given"
            why = (Step(scope.module.path, left_out[0].line, f"`{whose}` is given here, and not used"), asked)
            way = analysis.once(Serving).way(scope)
            mend = Mend(f"put `{whose}` into the key")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (*why, *way), mend, LIKELY)


def _asked_alike(analysis: Analysis, scope: FunctionSymbol, told: CallSite, whose: str) -> Iterator[Sighting]:
    """Another method of the same class is given whose it is as well, and asks under such a key, without making use of it."""
    key = written(told.arguments[0], scope)
    methods = (each for found in scope.owner.methods.values() for each in found) if scope.owner is not None else ()
    for other in methods:
        if other is scope or whose not in other.parameters or _is_used(whose, other):
            continue
        for call in other.facts.calls:
            asked = call.callee[0] == "attribute" and call.callee[1] == told.callee[1] and call.callee[2] in TAKING_ALL
            if asked and call.arguments and written(call.arguments[0], other) == key:
                message = f"the key of `{last_name(told.callee[1])}` does not hold the `{whose}` that this function is given"
                why = (
                    Step(other.module.path, call.line, f"`{other.facts.qualified}` gives it to whoever asks under such a key"),
                    *analysis.once(Serving).way(scope),
                )
                mend = Mend(f"put `{whose}` into the key")
                yield Sighting(scope, told.line, told.column, told.end_line, message, why, mend, CERTAIN)
                return


def _left_out(analysis: Analysis, sharing: Sharing, origins: Origins) -> Iterator[Sighting]:
    """A function is told whose it is, makes no use of that, and counts or keeps it for all under the same key."""
    for write in sharing.writes:
        scope = write.scope
        if not _is_limited(write, sharing) and (
            write.how != "item" or write.key is None or write.key[0] in ("string", "constant")
        ):
            continue
        whose = next((each.name for each in scope.facts.parameters if each.name in WHOM), None)
        if whose is None or _is_used(whose, scope) or _is_one_of_many(analysis, scope):
            continue
        if write.key is not None and (
            tells_apart(origins, write.key, scope, write.line) or not is_read(scope, sharing, write.slot.key)
        ):
            continue
        what = "its key does not hold" if write.key is not None else "who finds no room there is refused for others, not for"
        message = f"`{write.slot.name}` is shared, and {what} the `{whose}` that this function is given"
        line = scope.facts.line
        why = (Step(scope.module.path, line, f"`{whose}` is given here, and not used"), write.slot.step)
        mend = Mend(f"put `{whose}` into the key")
        yield Sighting(scope, write.line, write.column, write.end_line, message, why, mend, CERTAIN)


def _is_limited(write: Write, sharing: Sharing) -> bool:
    """What is counted has a limit, at which whoever comes is sent away: `if len(hits) >= limit: return False`."""
    scope = write.scope
    if write.key is not None or write.how not in ADDING | {"augmented"}:
        return False
    gone = [*scope.facts.raises, *(each.line for each in scope.facts.returned if each.how == "return")]
    return any(
        block.what == "if"
        and any(block.line <= line <= block.end_line for line in gone)
        and any(test[0] == "compare" and ORDERED & {*test[2]} and _names(test, write, sharing) for test in block.expressions)
        for block in scope.facts.blocks
    )


def _names(test: Expression, write: Write, sharing: Sharing) -> bool:
    parts = (each for each in within(test, write.scope) if each[0] in ("name", "attribute"))
    return any((slot := sharing.slot(each, write.scope)) is not None and slot.key == write.slot.key for each in parts)


def _is_one_of_many(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """A method that others override, or that overrides: its parameters are those of an interface."""
    if scope.owner is None:
        return False
    known = [*analysis.program.order(scope.owner)[0], *analysis.program.subclasses.get(scope.owner, ())]
    return bool(scope.owner.facts.bases) or any(each is not scope.owner and scope.name in each.methods for each in known)


def _is_used(name: str, scope: FunctionSymbol) -> bool:
    return name in scope.facts.loads or any(name in each.facts.loads for each in scope.children)


def _asking_for(analysis: Analysis, key: Expression) -> Iterator[Step]:
    """The places at which redis is asked for what lies under a key, by its text."""
    for caller, _, call in analysis.calls_of(*TAKING_ALL):
        if call.arguments[:1] == (key,):
            yield Step(caller.module.path, call.line, f"`{caller.facts.qualified}` gives out what lies there")


def _beside_the_key(write: Write, origins: Origins) -> Origin | None:
    """What of a request the value is made of, the key left aside: what depends on the key alone is the same for all."""
    scope, value, line = write.scope, write.value, write.line
    above = [each for each in scope.assigned.get(value[1], ()) if each.line < line] if value[0] == "name" else []
    if above:
        value, line = above[-1].value, above[-1].line
    if value[0] == "await":
        value = value[1]
    if value[0] == "lambda":
        return origins.held(value, scope, line)
    if value[0] != "call":
        return origins.of(value, scope, line)
    in_key = parts_of_key(write.key or value, scope, write.line)
    call = scope.facts.calls[value[1]]
    if not call.arguments and not call.keywords and call.callee[0] == "attribute" and call.callee[1][0] == "call":
        call = scope.facts.calls[call.callee[1][1]]  # `await Server(url, token).start()`
    given = [each for each in call.given if each not in in_key]
    found = [origin for each in given if (origin := origins.of(each, scope, line)) is not None]
    return next((each for each in found if each.personal), None)


def _by_way_of_another(analysis: Analysis) -> Iterator[tuple[Write, tuple[FunctionSymbol, int, int, int]]]:
    """What functions of the program keep under a key for those who call them, and where to show it.

    A function that also looks for it, and is given the user beside the key, has forgotten the user itself. Where it is given
    something to call, or only keeps what the caller has looked for before, the key is what the caller says.
    """
    storing = analysis.once(Storing)
    for write, keeping in storing.told:
        if write.how != "item" or write.key is None or is_told_each_time(write) or is_only_let_in(analysis, write):
            continue
        place = (write.scope, write.line, write.column, write.end_line)
        if storing.looks(keeping):
            calls_back = any(each[0] == "lambda" for each in within(write.value, write.scope))
            yield write, place if calls_back else (keeping.function, keeping.line, keeping.column, keeping.line)
        elif storing.asks(write.scope, write.slot, write.key):
            yield replace(write, key=unfolded(write.key, write.scope)), place


def _looked_aside(scope: FunctionSymbol) -> Iterator[Write]:
    """What a function puts into a cache under a key under which it has asked for it."""
    for call in scope.facts.calls:
        if call.callee[0] != "attribute" or call.callee[2] not in TELLING or len(call.arguments) < 2:
            continue
        place, key = call.callee[1], call.arguments[0]
        name = last_name(place) or ""
        if not any(word in name.lower() for word in CACHES):
            continue
        asked: list[Expression] = [("attribute", place, method) for method in ASKING]
        above = [each for each in scope.facts.calls if each.callee in asked and each.arguments[:1] and each.line < call.line]
        looked = next((each for each in above if unfolded(each.arguments[0], scope) == unfolded(key, scope)), None)
        if looked is not None:
            slot = Slot("", name, Step(scope.module.path, looked.line, f"`{name}` is asked for it here, by whoever comes"))
            told = unfolded(key, scope)
            yield Write(scope, slot, "item", told, call.arguments[-1], call.line, call.column, call.end_line)
