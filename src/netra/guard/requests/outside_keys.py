"""Keys of a store outside of the process, which other processes change as well: looked at in one step, and set in another.

Between the two lies a way to the store, even where the function itself never gives way.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import Block, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.makers import maker
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol

# How such a store, or the name that has it, is called.
STORES: Final = ("redis", "valkey", "memcache")
COUNTING_STORES: Final = (*STORES, "cache")

CLAIMING: Final = frozenset("set setex".split())
SETTING: Final = frozenset("set setex aset hset".split())
ASKING: Final = frozenset("get aget hget".split())

COUNTING: Final = frozenset("incr incrby decr decrby incrbyfloat zadd rpush lpush sadd hincrby".split())
MEASURING: Final = frozenset("get llen scard zcard zcount hget hlen".split())
ORDERED: Final = frozenset({"Gt", "GtE", "Lt", "LtE"})
LIBRARIES: Final = frozenset("redis aioredis coredis valkey fakeredis glide aiocache aiomcache pymemcache".split())

# Who does one of these has the store see to it that nobody comes in between.
AT_ONCE: Final = frozenset("watch lock acquire transaction register_script eval evalsha".split())


class TwoSteps(NamedTuple):
    """A key is looked at, and set later by a call."""

    call: CallSite
    store: str
    looked: CallSite


def claimed(scope: FunctionSymbol, program: Program) -> Iterator[TwoSteps]:
    """A key is taken to be free because it was: `if await redis.get(key): return`, and then `await redis.set(key, 1)`."""
    for index, call in enumerate(scope.facts.calls):
        if (
            call.callee[0] != "attribute"
            or call.callee[2] not in CLAIMING
            or call.where[0] != "await"
            or len(call.arguments) < 2
        ):
            continue
        name = last_name(call.callee[1]) or ""
        if (
            not is_store(call.callee[1], scope, program, ("redis",))
            or call.arguments[-1][0] != "constant"
            or "nx" in dict(call.keywords)
        ):
            continue
        for before, asked in enumerate(scope.facts.calls[:index]):
            if asked.callee[0] != "attribute" or asked.callee[1] != call.callee[1] or asked.callee[2] not in ("get", "exists"):
                continue
            if asked.arguments[:1] == call.arguments[:1] and _sends_away(scope, before, call.line):
                yield TwoSteps(call, name, asked)


def counted(scope: FunctionSymbol, program: Program) -> Iterator[TwoSteps]:
    """What lies under a key is made larger or smaller: `await redis.set(key, int(await redis.get(key)) + 1)`."""
    calls = scope.facts.calls
    for call in calls:
        if call.callee[0] != "attribute" or call.callee[2] not in SETTING or len(call.arguments) < 2:
            continue
        place, hashed = call.callee[1], call.callee[2] == "hset"
        name = (last_name(calls[place[1]].callee) if place[0] == "call" else last_name(place)) or ""
        if not _is_sum(call, scope) or not is_store(place, scope, program, COUNTING_STORES):
            continue
        if any(last_name(each.callee) in AT_ONCE for each in calls):
            continue
        key = call.arguments[:2] if hashed else call.arguments[:1]
        for asked in _calls_within(_value(call), scope, call.line):
            same = asked.callee[0] == "attribute" and asked.callee[2] in ASKING and _is_same(asked.callee[1], place, scope)
            if same and asked.arguments[: len(key)] == key:
                yield TwoSteps(call, name, asked)
                break


def limited(scope: FunctionSymbol, program: Program) -> Iterator[TwoSteps]:
    """What lies under a key is added to after a test of how much there was: `if int(await r.get(key)) < 5: r.incr(key)`."""
    calls = scope.facts.calls
    adding = [call for call in calls if call.callee[0] == "attribute" and call.callee[2] in COUNTING and call.arguments]
    if not adding or any(last_name(each.callee) in AT_ONCE for each in calls):
        return
    for call in adding:
        place, key = call.callee[1], call.arguments[0]
        for asked in calls:
            same = asked.callee[0] == "attribute" and asked.callee[2] in MEASURING and asked.callee[1] == place
            if not same or asked.line > call.line or asked.arguments[:1] != (key,) or asked is call:
                continue
            if is_store(place, scope, program, STORES) and _is_tested(asked, call.line, scope):
                yield TwoSteps(call, last_name(place) or "", asked)
                break


def _is_tested(asked: CallSite, before: int, scope: FunctionSymbol) -> bool:
    """Who finds too much does not go on, or only who finds little enough gets to the line."""
    for block in scope.facts.blocks:
        if block.what != "if" or not asked.line <= block.head <= before:
            continue
        for part in (part for test in block.expressions for part in within(test, scope)):
            measured = part[1] if part[0] == "compare" and ORDERED & {*part[2]} else ()
            if any(each is asked for side in measured for each in _calls_within(side, scope, block.head)):
                return block.line <= before <= block.end_line or sends_away_at(scope, block)
    return False


def is_store(place: Expression, scope: FunctionSymbol, program: Program, words: tuple[str, ...]) -> bool:
    """By its name, or because a library of one has made it: `r = aioredis.Redis()`."""
    name = (last_name(scope.facts.calls[place[1]].callee) if place[0] == "call" else last_name(place)) or ""
    return any(word in name.lower() for word in words) or maker(place, scope, program) in LIBRARIES


def sends_away_at(scope: FunctionSymbol, block: Block) -> bool:
    """Who gets into the block does not go on behind it."""
    gone = [*scope.facts.raises, *(each.line for each in scope.facts.returned if each.how == "return")]
    gone += [line for how, line in scope.facts.jumps]
    return any(block.line <= line <= block.end_line for line in gone)


def _is_same(one: Expression, other: Expression, scope: FunctionSymbol) -> bool:
    """The same store: by one name, or given by the same function."""
    if one[0] == other[0] == "call":
        return scope.facts.calls[one[1]].callee == scope.facts.calls[other[1]].callee
    return one == other


def _value(call: CallSite) -> Expression:
    return call.arguments[2 if call.callee[2] in ("setex", "hset") and len(call.arguments) > 2 else 1]


def _is_sum(call: CallSite, scope: FunctionSymbol) -> bool:
    """`used + amount`, also by a local name that has got it."""
    value = _value(call)
    if value[0] == "name":
        above = [each for each in scope.assigned.get(value[1], ()) if each.line <= call.line]
        if above and above[-1].how == "augmented":
            return bool(above[-1].value[0] in ("constant", "name", "attribute"))
        value = above[-1].value if above and above[-1].how == "=" else value
    return bool(value[0] == "operator")


def _calls_within(value: Expression, scope: FunctionSymbol, line: int) -> Iterator[CallSite]:
    """The calls of which a value is made, also by way of local names that were given it above."""
    seen: set[str] = set()
    waiting = [value]
    while waiting:
        for part in within(waiting.pop(), scope):
            if part[0] == "call":
                yield scope.facts.calls[part[1]]
            elif part[0] == "name" and part[1] not in seen:
                seen.add(part[1])
                waiting += [each.value for each in scope.assigned.get(part[1], ()) if each.line <= line]


def _sends_away(scope: FunctionSymbol, asked: int, before: int) -> bool:
    """Who finds the key does not go on: `if taken: return False`."""
    found: list[Expression] = [("await", ("call", asked))]
    found += [each.target for each in scope.facts.assignments if each.value in found]
    gone = [*scope.facts.raises, *(each.line for each in scope.facts.returned if each.how == "return")]
    gone += [line for how, line in scope.facts.jumps]
    return any(
        each.what == "if" and each.end_line < before and any(test in found for test in each.expressions)
        and any(each.line <= line <= each.end_line for line in gone)
        for each in scope.facts.blocks
    )  # fmt: skip
