"""What is kept under a key that says less of who is asking than what the value is made of:

async def rows(query, who):
    if (found := cache.get(query.text)) is None:
        found = cache[query.text] = await select(query.text, who.ward)  # of the ward of whoever comes first

So it is where the key has the organisation, and the value depends on what one of its members may do.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import NAMED, SELF, CallSite, Expression, Where, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.holders import TELLING
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.kept_by_key import KeptByKey, PlacesByKey
from netra.guard.requests.keyed import ALONG, Keyed
from netra.guard.requests.keys import leaves
from netra.guard.requests.proofs import speaks_of_proof
from netra.guard.requests.sharing import Sharing
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What is the same for all of an organisation, and what else depends on it alone.
OF_MANY: Final = re.compile(
    r"(?:tenant|org|organi[sz]ation|company|workspace|team|group|shop|school|clinic|site|region)(?:_?(?:id|slug|key|name))?"
)
# What two of an organisation differ in.
RIGHTS: Final = re.compile(
    r"(?:may|can|is|has)_\w+|\w*(?:role|scope|permission|right|privilege|grant|clearance|entitlement|admin)s?|access(?:_level)?"
    r"|groups|locale|lang(?:uage)?|currency|time_?zone|tz"
)
# By these nothing of whoever asks gets into a value: what it is logged or counted by, and what it is loaded through.
TOLD: Final = frozenset(
    "debug info warning error exception critical log print incr increment observe inc emit add_event".split()
)
# What an answer is asked that somebody gave, and no person.
OF_ANSWERS: Final = re.compile(
    r"status(?:_code)?|errors?|message|reason|detail|ok|success|headers|body|text|expires?(?:_\w+)?|ttl"
)
THROUGH: Final = re.compile(r"_?(?:db|session|client|conn|connection|pool|request|app|state|logger|log|cache|redis)")


class KeptByLess(NamedTuple):
    """What is kept, what of whoever asks it was made with, and where that was read."""

    kept: KeptByKey
    whose: str
    steps: tuple[Step, ...]


def kept_by_less(analysis: Analysis) -> Iterator[KeptByLess]:
    """Every such place."""
    sharing, identities = analysis.once(Sharing), analysis.once(SignedIn)
    places = PlacesByKey(sharing)
    for scope in sharing.served:
        keeps = tuple(places.all_of(scope)) if scope.facts.reads else ()
        for who in dict.fromkeys(each.expression[1] for each in scope.facts.reads if keeps):
            if who[0] not in NAMED or who == SELF or (known := identities.of(who, scope)) is None:
                continue
            for kept in keeps:
                if (used := _left_out(kept, who, analysis)) is not None:
                    whose = f"{written(who, scope)}.{used[0]}"
                    here = Step(scope.module.path, used[1], f"what is kept depends on `{whose}`")
                    yield KeptByLess(kept, whose, (known, here, kept.step))


def _left_out(kept: KeptByKey, who: Expression, analysis: Analysis) -> tuple[str, int] | None:
    """An attribute of whoever asks that the value is made with, and that two may differ in who have the same key."""
    scope = kept.scope
    if _is_taken_out(kept, who):
        return None
    said = _attributes(kept.key, who, scope)
    if said is None or not all(OF_MANY.fullmatch(each) or RIGHTS.fullmatch(each) for each in said):
        return None
    keyed = analysis.once(Keyed)
    parts = (each for each in leaves(kept.key, scope) if each not in (who, who[1]) and each[:2] != ("attribute", who))
    if any(keyed.tells(each, scope) for each in parts) or _has_proof(kept.key, scope):
        return None
    of_many = any(OF_MANY.fullmatch(each) for each in said)
    for name, line, where in _read(kept, who):
        # Who it is, is told by the lines that find out whose a value is.
        if (
            name in said
            or name in TELLING
            or THROUGH.fullmatch(name)
            or OF_ANSWERS.fullmatch(name)
            or (of_many and not RIGHTS.fullmatch(name))
        ):
            continue
        if (call := _told(where, scope)) is None or not keyed.opens(call, scope):
            return name, line
    return None


def _has_proof(key: Expression, scope: FunctionSymbol) -> bool:
    """What somebody signs in with is in a key: `key = (api_key, region)`."""
    named = [each.value for each in scope.assigned.get(key[1], ())] if key[0] == "name" else []
    return any(speaks_of_proof(last_name(part) or "") for each in (key, *named) for part in within(each, scope))


def _is_taken_out(kept: KeptByKey, who: Expression) -> bool:
    """`entry = cache.get(key)`: what was kept there before says no more of who is asking than its key."""
    given = [each.value for each in kept.scope.assigned.get(who[1], ())] if who[0] == "name" else []
    return any(kept.place in within(each, kept.scope) for each in given)


def _attributes(key: Expression, who: Expression, scope: FunctionSymbol) -> frozenset[str] | None:
    """The attributes of somebody that are in a key; None where all of that one may be."""
    found: set[str] = set()
    waiting, seen = [key], set[Expression]()
    while waiting:
        for part in _parts(waiting.pop(), who, scope):
            if part in seen:
                continue
            seen.add(part)
            match part:
                case ("attribute", inner, str(attribute)) if inner == who:
                    found.add(attribute)
                case whole if whole == who:
                    return None
                case ("name", str(name)) if name not in scope.parameters:
                    waiting += [each.value for each in scope.assigned.get(name, ())]
                case ("other",) | ("lambda", _) | ("comprehension", *_):
                    return None
    return frozenset(found)


def _parts(expression: Expression, who: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What an expression is made of; `who` of `who.role` is no part of its own, and that of `who.digest()` is."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        yield part
        match part:
            case ("call", int(index)):
                call = scope.facts.calls[index]
                waiting += call.given
                waiting += [call.callee[1]] if call.callee[0] == "attribute" else []
            case ("attribute", inner, _) if inner != who:
                waiting.append(inner)
            case ("await" | "star" | "not", inner):
                waiting.append(inner)
            case ("subscript", one, other) | ("operator", _, one, other):
                waiting += [one, other]
            case ("choice" | "list" | "tuple" | "set" | "formatted", inside):
                waiting += inside
            case ("compare", inside, _):
                waiting += inside
            case ("dict", pairs):
                waiting += [each for pair in pairs for each in pair]


def _read(kept: KeptByKey, who: Expression) -> Iterator[tuple[str, int, Where]]:
    """What a function reads of somebody between where it looks for a value and where it keeps one, also by a local name."""
    scope = kept.scope
    looked = _looked(kept)
    named = {
        each.target[1]: each.value[2]
        for each in scope.facts.assignments
        if each.target[0] == "name" and each.value[:2] == ("attribute", who) and len(scope.assigned[each.target[1]]) == 1
    }
    uses = [(each.expression[2], each.line, each.where) for each in scope.facts.reads if each.expression[1] == who]
    uses = [each for each in uses if each[2][0] != "assign"]
    uses += [(named[each.name], each.line, each.where) for each in scope.facts.uses if each.name in named]
    for name, line, where in sorted(uses, key=lambda each: each[1]):
        if looked <= line <= kept.end_line and not _is_aside(where, scope):
            yield name, line, where


def _looked(kept: KeptByKey) -> int:
    """The first line on which the function looks there."""
    scope, place = kept.scope, kept.place
    lines = [call.line for call in scope.facts.calls if call.callee[0] == "attribute" and call.callee[1] == place]
    lines += [each.head for each in scope.facts.blocks for test in each.expressions if place in within(test, scope)]
    return min(lines, default=kept.line)


def _told(where: Where, scope: FunctionSymbol) -> CallSite | None:
    """The call that is given what stands there, also within a list or a text."""
    while where[0] == "element":
        where = where[1]
    return scope.facts.calls[where[1]] if where[0] == "argument" else None


def _is_aside(where: Where, scope: FunctionSymbol) -> bool:
    """It is logged, sent along with a call, where it makes no other answer, or noted as it is: `(who.name, 0)`."""
    inner = where
    while inner[0] == "element":
        inner = inner[1]
    if inner[0] in ("statement", "index", "assign", "return", "other"):
        return True
    call = _told(where, scope)
    return call is not None and ((last_name(call.callee) or "") in TOLD or inner[2] in ALONG)
