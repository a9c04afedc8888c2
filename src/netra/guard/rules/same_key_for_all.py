"""S131."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.askers import speaks_of_rights
from netra.guard.requests.brought import Origin
from netra.guard.requests.fixed_paths import is_fixed
from netra.guard.requests.living import answers_each
from netra.guard.requests.meeting import OF_ALL
from netra.guard.requests.origins import Origins
from netra.guard.requests.outside_keys import is_store
from netra.guard.requests.serving import Serving
from netra.guard.requests.signed import acts_for_somebody
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# How a store is told something under a key, and at which place that stands; how it is asked.
TELLING: Final = {"set": 1, "aset": 1, "setex": 2, "psetex": 2, "rpush": 1, "lpush": 1, "append": 1, "hset": 1}
ASKING: Final = frozenset("get aget getex lrange lindex lpop rpop hgetall hget hvals smembers getdel".split())
STORES: Final = ("redis", "valkey", "memcache", "cache")

WRITING: Final = frozenset({"write_text", "write_bytes"})
READING: Final = frozenset({"read_text", "read_bytes"})

# What a key is called under which things lie that are meant for all, or that the server works off.
FOR_ALL: Final = (
    *OF_ALL,
    *"""global shared public common announce motd news notice banner leader stat count metric total feature flag queue job
    task event channel online status version lock index catalog room feed board schema template""".split(),
)


class _KeptOutside(NamedTuple):
    """What a request has brought is put outside of the process, under a key that is the same for all."""

    scope: FunctionSymbol
    call: CallSite
    key: str
    origin: Origin


@rule("S131", "same-key-for-all")
def same_key_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """What one user sends is kept under a key of a store, or in a file, that is the same for all, and shown to the next.

    ```python
    @app.post("/drafts")
    async def save(draft: Draft, user: User = Depends(current_user)):
        await redis.set("draft", draft.text)  # S131: whose?


    @app.get("/drafts")
    async def show(user: User = Depends(current_user)):
        return await redis.get("draft")
    ```

    Put the user into the key (`f"draft:{user.id}"`). Told of are routes that know who is signed in and make no use of it, where
    such a route writes and one reads, and answers with it. What is called after something that is meant for all, as news,
    settings or a count, is left alone, and so is what says whose each part is.
    """
    told = [*_kept(analysis)]
    shown = dict(_shown(analysis)) if told else {}
    for kept in told:
        if kept.key not in shown:
            continue
        reader, line = shown[kept.key]
        if not all(_knows_and_ignores(analysis, each) for each in (kept.scope, reader)):
            continue
        at = kept.call
        message = f"what `{kept.origin.name}` brings is kept under `{kept.key}`, which is the same for all who are signed in"
        step = Step(reader.module.path, line, f"`{reader.facts.qualified}` answers with it, whoever asks")
        mend = Mend("put the user into the key")
        yield Sighting(kept.scope, at.line, at.column, at.end_line, message, (*kept.origin.steps, step), mend)


def _kept(analysis: Analysis) -> Iterator[_KeptOutside]:
    origins = analysis.once(Origins)
    for scope, _, call in analysis.calls_of(*TELLING, *WRITING):
        name = last_name(call.callee) or ""
        if name in TELLING and len(call.arguments) <= TELLING[name]:
            continue  # `rows.append(row)`
        key = _key(analysis, call, scope, WRITING)
        if not key or not answers_each(analysis, scope):
            continue
        given = call.arguments[TELLING[name] :] if name in TELLING else call.given
        brought = (origins.of(each, scope, call.line) for each in (*given, *[value for _, value in call.keywords]))
        origin = next((each for each in brought if each is not None), None)
        if origin is not None:
            yield _KeptOutside(scope, call, key, origin)


def _shown(analysis: Analysis) -> Iterator[tuple[str, tuple[FunctionSymbol, int]]]:
    """The keys that somebody who is served is answered with."""
    for scope, index, call in analysis.calls_of(*ASKING, *READING):
        key = _key(analysis, call, scope, READING)
        if key and answers_each(analysis, scope) and _is_answered(("call", index), scope):
            yield key, (scope, call.line)


def _key(analysis: Analysis, call: CallSite, scope: FunctionSymbol, of_files: frozenset[str]) -> str:
    """The key as it stands, where it is the same for all and speaks of nothing that is meant for all; empty otherwise."""
    if scope.module.in_tests or scope.facts.sort in (TOP, BODY) or call.callee[0] != "attribute":
        return ""
    if call.callee[2] in of_files:
        path: Expression = call.callee[1]
    elif call.arguments and is_store(call.callee[1], scope, analysis.program, STORES):
        path = call.arguments[0]
    else:
        return ""
    if not is_fixed(path, scope, analysis.program):
        return ""
    shown = written(path, scope)
    texts = [str(part[1]) for part in within(path, scope) if part[0] == "string"]
    said = " ".join((shown, written(call.callee, scope), *texts)).lower()
    return "" if any(word in said for word in FOR_ALL) else "/".join(texts) or shown


def _is_answered(asked: Expression, scope: FunctionSymbol) -> bool:
    """What lies there is what the function gives back, or a part of it."""
    names = {each.target for each in scope.facts.assignments if asked in within(each.value, scope)}
    given = [part for each in scope.facts.returned for part in within(each.value, scope)]
    return asked in given or any(each in names for each in given)


def _knows_and_ignores(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """It is told who is signed in, makes no use of that, and is for no one in particular."""
    entry = analysis.once(Serving).entry(scope)
    if speaks_of_rights(scope) or any(word in f"{entry.label} {scope.name}".lower() for word in FOR_ALL):
        return False
    return analysis.once(Origins).knows_user(scope) and not acts_for_somebody(analysis, scope)
