"""Ids that stand where another one belongs, as the program itself shows: whatever kinds of things it has.

The object whose id is given has the wanted one beside it (`moved(me["id"])` where `me` has a `fleet_id`); the wanted one goes
to another parameter of the same call; or what is kept under the id of one thing is looked for under that of another.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.id_uses import IdUses, of
from netra.guard.requests.identifiers import OF_ANYTHING, PERSONS, identifier, is_of_several_kinds
from netra.guard.requests.passing import pairs
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Step

# Roles that one thing plays for another of its own kind, and what may be an id of anything.
ROLE: Final = re.compile(
    r"(?:.*_)?(?:parent|root|reply|reply_to|previous|prev|next|source|target|src|dst|dest|original|origin|from|to|ref|reference"
    r"|related|last|first|head|child|new|old|object|entity|item|resource|external|remote|local|start|end|other|obj|record|row"
    r"|correlation|trace|request|node|instance|model|content|public|unique|base|group|internal|foreign|key|event|peer)_id"
)

# How what lies under a key is put there, and how it is found.
PUTTING: Final = frozenset("put aput set aset setex hset save add append lpush rpush sadd zadd store write".split())
FINDING: Final = frozenset(
    "get aget search asearch hget hgetall load lrange smembers zrange read find fetch list alist".split()
)


class MixedId(NamedTuple):
    """One id is given for another."""

    scope: FunctionSymbol
    call: CallSite
    given: Expression
    name: str
    """What is wanted there."""
    why: str
    """What the right one is, or where it is."""
    steps: tuple[Step, ...]
    doubtful: bool = False
    """It speaks for the two being one to the program, and is not told."""


def among_arguments(
    analysis: Analysis, scope: FunctionSymbol, call: CallSite, function: FunctionSymbol, shift: int
) -> Iterator[MixedId]:
    """What a call of a function of the program is given in the place of another id."""
    filled = list(pairs(call, function, shift))
    by_name = {name for name, _ in call.keywords}
    expects = Step(function.module.path, function.facts.line, f"`{function.name}` expects it")
    uses = analysis.once(IdUses)
    for name, given in filled:
        if not name.endswith("_id") or ROLE.fullmatch(name) or name in by_name:
            continue
        if (own := _own_id(given, scope)) is not None and _is_called(own, name):
            continue
        if (why := _has_it_beside(analysis, given, name, scope)) is not None:
            got = (last_name(own) or "") if own is not None else ""
            if _gives_others(own, filled) or uses.takes_only(function, name, got, given, scope):
                yield MixedId(scope, call, given, name, why, (expects,))
        elif (why := _is_of_it(analysis, given, name, scope)) is not None:
            if uses.takes_only(function, name, _named(given).removesuffix("_id"), given, scope):
                yield MixedId(scope, call, given, name, why, (expects,))
        elif given[0] == "name" and given[1] != name and given[1].endswith("_id") and not ROLE.fullmatch(given[1]):
            instead = next((other for one, other in filled if one == given[1]), None)
            if (
                instead is not None
                and instead[0] == "name"
                and instead != given
                and instead[1] not in (name, given[1])
                and _are_apart(name, given[1])
                and of(instead[1]) in {of(name), *(kind for _, kind in uses.given(function, name))}
            ):
                why = f"`{function.name}` has a `{given[1]}` as well, and gets `{instead[1]}` for it"
                yield MixedId(scope, call, given, name, why, (expects,))


def _gives_others(thing: Expression | None, filled: Iterable[tuple[str, Expression]]) -> bool:
    """Another parameter gets what the thing has under that name: `moved(me["id"], me["vehicle_id"])`."""
    return any(
        given in (("attribute", thing, name), ("subscript", thing, ("string", name))) for name, given in filled if name != "id"
    )


def _named(given: Expression) -> str:
    """`caller_id` of `call.caller_id` and of `call["caller_id"]`."""
    return str(given[2][1]) if given[0] == "subscript" else last_name(given) or ""


def into_columns(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> Iterator[MixedId]:
    """`Photo.create(user_id=member.id)`, where the member has a `user_id` of its own."""
    for name, given in call.keywords:
        own = _own_id(given, scope) if name in OF_PEOPLE else None
        if own is None or _is_called(own, name):
            continue
        why = _has_it_as_its_class_says(analysis, own, name, scope) or _has_it_beside(analysis, given, name, scope)
        if why is not None:
            yield MixedId(scope, call, given, name, why, ())


OF_PEOPLE: Final = frozenset("user_id owner_id account_id customer_id tenant_id org_id team_id guild_id".split())


def _own_id(given: Expression, scope: FunctionSymbol) -> Expression | None:
    """The thing whose own id is given: `me` of `me.id` and `me["id"]`."""
    match given:
        case ("attribute", inner, "id" | "pk") | ("subscript", inner, ("string", "id" | "pk")):
            return inner if last_name(inner) is not None else None
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[-1] in ("str", "int") and len(call.arguments) == 1:
                return _own_id(call.arguments[0], scope)
    return None


def _is_called(thing: Expression, name: str) -> bool:
    """`user.id` is a `user_id`, and `current_user.id`, too."""
    wanted = name.removesuffix("_id")
    said = (last_name(thing) or "").lower().strip("_")
    return wanted in said or said in wanted


def _has_it_beside(analysis: Analysis, given: Expression, name: str, scope: FunctionSymbol) -> str | None:
    """What is given is the own id of a thing that has the wanted one, as its class says, or others read it of such a thing."""
    if (own := _own_id(given, scope)) is None:
        return None
    match analysis.receivers.value(own, scope):
        case Instance():
            return None  # its class tells more, and is asked elsewhere
    said = own[1] if own[0] == "name" else ""
    if is_of_several_kinds(own, scope):
        return None  # one of them has the wanted id, and this one may be the thing itself
    near = (scope,) if said.strip("_").lower() in OF_ANYTHING else scope.module.functions
    return f"`{said}` has a `{name}` of its own" if said and _reads_of_it(said, name, near) else None


def _has_it_as_its_class_says(analysis: Analysis, own: Expression, name: str, scope: FunctionSymbol) -> str | None:
    """The class of the thing is known, and has a field of that name."""
    match analysis.receivers.value(own, scope):
        case Instance(kind=kind) if not kind.module.library:
            order = analysis.program.order(kind)[0]
            if any(name in each.body.assigned or name in each.set_on_self for each in order):
                return f"`{written(own, scope)}` has a `{name}` of its own"
    return None


def _is_of_it(analysis: Analysis, given: Expression, name: str, scope: FunctionSymbol) -> str | None:
    """`notes(call.caller_id)`, where `notes` wants a `call_id`: it is the call whose own id is wanted, and is at hand."""
    match given:
        case ("attribute", ("name", str(thing)), str(other)) | ("subscript", ("name", str(thing)), ("string", str(other))):
            kind = other.removesuffix("_id")
            if (
                name.removesuffix("_id") != thing.lower()
                or kind == other
                or thing.lower() in kind.split("_")
                or ROLE.fullmatch(other)
            ):
                return None
            of_program = analysis.program.classes_named.get("".join(word.capitalize() for word in kind.split("_")), ())
            known = kind in PERSONS or any(not each.module.library for each in of_program)
            return f"`{name}` is at hand" if known and name in scope.parameters else None
    return None


def _reads_of_it(thing: str, name: str, near: Iterable[FunctionSymbol]) -> bool:
    """One of these functions reads the id out of a thing that is called so: `me["fleet_id"]`."""
    wanted = (("attribute", ("name", thing), name), ("subscript", ("name", thing), ("string", name)))
    for scope in near:
        if thing not in scope.facts.loads:
            continue
        if any(each.expression in wanted for each in scope.facts.reads):
            return True
        read = [given for call in scope.facts.calls for given in call.given]
        read += [test for block in scope.facts.blocks for test in block.expressions]
        read += [each.value for each in scope.facts.returned] + [each.value for each in scope.facts.assignments]
        if any(part in wanted for each in read if each[0] not in ("name", "string") for part in within(each, scope)):
            return True
    return False


def under_other_keys(analysis: Analysis) -> Iterator[MixedId]:
    """What is kept under the id of one thing and looked for under that of another.

    `aput(("wishes", guest_id), …)`, and `asearch(("wishes", thread_id))`.
    """
    put: dict[str, dict[str, Step]] = {}
    looked: list[tuple[FunctionSymbol, CallSite, Expression, str, str]] = []
    for scope, _, call in analysis.calls_of(*PUTTING, *FINDING):
        if call.callee[0] != "attribute" or not call.arguments or scope.module.in_tests:
            continue
        key = call.arguments[0]
        for text, part in _composed(key, scope):
            if (name := identifier(part, scope)) is None:
                continue
            if call.callee[2] in PUTTING:
                note = f"`{written(call.callee, scope)}` keeps it under the `{name}`"
                put.setdefault(text, {}).setdefault(name, Step(scope.module.path, call.line, note))
            else:
                looked.append((scope, call, part, text, name))
    found_right = {(text, name) for _, _, _, text, name in looked}
    for scope, call, part, text, name in looked:
        kept = put.get(text, {})
        if len(kept) != 1 or name in kept:
            continue
        right, step = next(iter(kept.items()))
        if (text, right) not in found_right and _are_apart(name, right):
            yield MixedId(scope, call, part, right, f"it is kept under the `{right}`", (step,))


def _composed(key: Expression, scope: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
    """The one id in a key that begins with a text: `("wishes", guest)`, `f"wishes:{guest}"`."""
    if key[0] == "name" and key[1] not in scope.parameters:
        given = scope.assigned.get(key[1], ())
        key = given[0].value if len(given) == 1 and given[0].how == "=" else key
    if key[0] in ("tuple", "formatted") and len(key[1]) == 2 and key[1][0][0] == "string" and key[1][1][0] != "string":
        yield f"{key[0]}:{key[1][0][1]}", key[1][1]


def _are_apart(one: str, other: str) -> bool:
    """Neither is a longer name for the other."""
    first, second = one.removesuffix("_id"), other.removesuffix("_id")
    return first not in second and second not in first and not ROLE.fullmatch(one) and not ROLE.fullmatch(other)
