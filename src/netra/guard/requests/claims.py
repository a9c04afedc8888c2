"""What a client says of who it is, in the query, a header, a form or the body, and to whom a route tells it."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from netra.guard.entries.reach import EntryPoint
from netra.guard.facts import OTHER, CallSite, Expression, Parameter, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.symbols import FunctionSymbol

# Names of who somebody is, also as one side of something. An account or a tenant may well be a thing that is looked at.
IDENTITIES: Final = re.compile(r"^(?:x_)?(?:(?:current|from|acting)_)?(?:user|actor|owner|sender|payer)_?id$|^uid$")
# Who somebody else is may well be asked by anybody who is signed in.
ABOUT_PEOPLE: Final = frozenset(
    """user users profile profiles member members invite follow share avatar block mention notify assign contact friend friends
    people person role roles permission permissions""".split()
)
BODIES: Final = frozenset("body payload data form req request_body item params command input".split())
SENT: Final = frozenset("Query Header Cookie Form Body".split())
# Of a connection, what the client says in its address.
ASKED: Final = frozenset("query_params args GET".split())
# What an id is still the same after.
SAME: Final = frozenset("str int UUID".split())
# An object that is made with the connection answers there for whoever it is told.
SOCKETS: Final = frozenset("websocket socket ws".split())
NARROWING: Final = frozenset("filter filter_by where exclude".split())
IGNORED: Final = frozenset(
    """debug info warning error exception print str log bind set_tag setattr isinstance len bool type hasattr getattr
    assert_never cast
    authenticate jsonify JsonResponse JSONResponse render dumps""".split()
)


def claims(scope: FunctionSymbol, entry: EntryPoint) -> Iterator[Expression]:
    """Names and fields of bodies that say who somebody is: of the query, a header, a cookie, a form or the body."""
    for parameter in scope.facts.parameters:
        if _is_claimed(parameter, scope, entry):
            yield ("name", parameter.name)
    bodies = {each.name for each in scope.facts.parameters if each.default is None and each.annotation is not None}
    seen = set()
    for call in scope.facts.calls:
        for given in call.given:
            match given:
                case ("attribute", ("name", str(body)), str(name)) if (
                    body in bodies and body in BODIES and IDENTITIES.match(name)
                ):
                    seen.add(given)
    for each in scope.facts.assignments:
        match each.value:
            case ("choice", (("attribute", ("name", str(body)), str(name)) as said, *_)) if body in bodies and body in BODIES:
                if IDENTITIES.match(name):
                    seen.add(said)
    yield from sorted(seen)
    yield from _asked_of_connection(scope)


def _asked_of_connection(scope: FunctionSymbol) -> Iterator[Expression]:
    """`user_id = socket.query_params.get("user_id")`, as a route asks that is given the whole request, or a socket."""
    for each in scope.facts.assignments:
        source, key = _looked_up(each.value, scope)
        if each.how != "=" or each.target[0] != "name" or source[0] != "attribute" or source[2] not in ASKED:
            continue
        asked = source[1][0] == "name" and source[1][1] in scope.parameters and key[0] == "string"
        if asked and IDENTITIES.match(key[1]) and len(scope.assigned.get(each.target[1], ())) == 1:
            yield each.target


def _looked_up(value: Expression, scope: FunctionSymbol) -> tuple[Expression, Expression]:
    """`source[key]` or `source.get(key)`."""
    match value:
        case ("subscript", source, key):
            return source, key
        case ("call", int(index)):
            match scope.facts.calls[index]:
                case CallSite(callee=("attribute", source, "get"), arguments=(key,)):
                    return source, key
    return OTHER, OTHER


def put_first(scope: FunctionSymbol, signed: str | None) -> Iterator[Expression]:
    """`body.requested_by` of `body.requested_by or user.id`: whatever it is called, it stands for who is signed in."""
    for each in _choices(scope) if signed is not None else ():
        match each[1]:
            case (("attribute", ("name", str(body)), _) as said, ("attribute", ("name", str(who)), str(name))) if (
                body in BODIES and who == signed and (name == "id" or IDENTITIES.match(name))
            ):
                yield said


def _choices(scope: FunctionSymbol) -> list[Expression]:
    chosen = [each.value for each in scope.facts.assignments]
    chosen += [each for call in scope.facts.calls for each in call.given]
    return [each for each in chosen if each[0] == "choice" and len(each[1]) == 2]


def _is_claimed(parameter: Parameter, scope: FunctionSymbol, entry: EntryPoint) -> bool:
    """It comes from the query, a header, a cookie or a form, is no dependency, and is not settled in the function."""
    if not IDENTITIES.match(parameter.name) or f"{{{parameter.name}" in entry.label or scope.assigned.get(parameter.name):
        return False
    default = parameter.default
    if default is not None and default[0] == "call" and scope.parent is not None:
        return last_name(scope.parent.facts.calls[default[1]].callee) in SENT
    if default is not None and default[0] not in ("none", "string"):
        return False
    around = scope.parent
    asked = words(parameter.annotation, around) if around is not None else ""
    return "'call'" not in str(parameter.annotation) or any(each in asked.split() for each in SENT)


def is_preferred(claim: Expression, signed: str, scope: FunctionSymbol) -> bool:
    """`body.user_id or user.id`: what the client says goes first."""
    if any(each[1][0] == claim and ("name", signed) in within(each[1][1], scope) for each in _choices(scope)):
        return True
    return any(True for _ in _replaced_by(claim, signed, scope))


def _replaced_by(claim: Expression, signed: str, scope: FunctionSymbol) -> Iterator[Expression]:
    """The name of who is signed in that gets what the client says: `actor = user`, and `if body.actor_id: actor = …`."""
    for block in scope.facts.blocks:
        if block.what != "if" or not any(_is_there(test, claim) for test in block.expressions):
            continue
        for each in scope.facts.assignments:
            if block.line <= each.line <= block.end_line and each.how == "=" and claim in within(each.value, scope):
                above = [one for one in scope.assigned.get(each.target[-1], ()) if one.line < block.line]
                if each.target[0] == "name" and above and ("name", signed) in within(above[-1].value, scope):
                    yield each.target


def _is_there(test: Expression, claim: Expression) -> bool:
    """`body.actor_id`, `body.actor_id is not None`."""
    return test in (claim, ("compare", (claim, ("none",)), ("IsNot",)))


def use(
    claim: Expression, scope: FunctionSymbol, is_idle: Callable[[CallSite], bool], *, about_people: bool, made: bool
) -> tuple[int, int, int, str] | None:
    """A call that is told whose things are meant; with `made` also one that makes an object of it.

    `is_idle` says of a call that it acts for nobody.
    """
    names = {each.target for each in scope.facts.assignments if each.value[0] == "choice" and claim in each.value[1]}
    kinds = {("call", index) for index, call in enumerate(scope.facts.calls) if _is_kind_of_id(call, claim)}
    for call in scope.facts.calls:
        callee = last_name(call.callee) or ""
        if call.callee[0] not in ("attribute", "name") or callee in IGNORED:
            continue
        # What is made of it may look for that user; a row on which it stands belongs to that user.
        booked = any(IDENTITIES.match(name) and value == claim for name, value in call.keywords) and claim[0] == "attribute"
        acts = any(given[0] == "name" and given[1] in SOCKETS and given[1] in scope.parameters for given in call.given)
        if (callee[:1].isupper() and not (made or names or booked or acts)) or _is_kind_of_id(call, claim):
            continue
        if (about_people and is_about_people(written(call.callee, scope))) or only_narrows(call, claim, scope):
            continue
        for given in call.given:
            if any(_is_handed_on(each, given) for each in (claim, *names, *kinds)) and not is_idle(call):
                return call.line, call.column, call.end_line, f"{written(call.callee, scope)}(…)"
    return _listening(claim, scope)


def _listening(claim: Expression, scope: FunctionSymbol) -> tuple[int, int, int, str] | None:
    """`connected[user_id] = socket`: whoever is connected gets what is sent to that user."""
    for each in scope.facts.assignments:
        socket = each.value[0] == "name" and each.value[1] in SOCKETS and each.value[1] in scope.parameters
        if socket and each.how == "=" and each.target[0] == "subscript" and each.target[2] == claim:
            return each.line, each.column, each.line, written(each.target, scope)
    return None


def only_narrows(call: CallSite, claim: Expression, scope: FunctionSymbol) -> bool:
    """`if owner: rows = rows.filter(owner=owner)`: whoever leaves it out gets the rows of all, and nothing is gained by it."""
    if last_name(call.callee) not in NARROWING:
        return False
    blocks = scope.facts.blocks
    tests = [each for each in blocks if each.what == "if" and each.line <= call.line <= each.end_line]
    if not any(claim == test or _is_there(test, claim) for block in tests for test in block.expressions):
        return False
    return not any(
        each.what == "else" and block.end_line < each.line <= block.end_line + 2 for block in tests for each in blocks
    )


def _is_kind_of_id(call: CallSite, claim: Expression) -> bool:
    """`UserId(user_id)`, `str(user_id)`: the same id."""
    name = last_name(call.callee) or ""
    return call.arguments == (claim,) and not call.keywords and (name in SAME or name.lower().endswith("id"))


def is_about_people(callee: str) -> bool:
    """`users.profile(…)`, and not `threads.of_user(…)`, which gives what is the user's."""
    name = callee.rpartition(".")[2]
    if name.startswith(("of_", "for_", "by_")) or name.endswith(("_of_user", "_for_user", "_by_user_id")):
        return False
    words = {each.lower() for each in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", callee)}
    return bool(ABOUT_PEOPLE & words)


def _is_handed_on(claim: Expression, given: Expression) -> bool:
    """As itself, with something else where there is none, or in a dictionary: `{"user_id": user_id}`."""
    return (
        given == claim
        or (given[0] == "choice" and claim == given[1][0])
        or (given[0] == "dict" and any(value == claim for _, value in given[1]))
    )


def words(expression: Expression | None, scope: FunctionSymbol) -> str:
    """All names in an expression."""
    return "" if expression is None else " ".join(filter(None, (last_name(each) for each in within(expression, scope))))
