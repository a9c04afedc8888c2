"""Ids that stand where another one belongs, as the tables of the program say: `freeze(customer_id)`, where `freeze` wants an
`account_id` and an account has a `customer_id`.

What an object or a function calls otherwise is what all that make or call it give it: `self.owner_id` is a `customer_id`.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.id_uses import IdUses
from netra.guard.requests.identifiers import identifier
from netra.guard.requests.mixed_ids import ROLE, MixedId
from netra.guard.requests.related import Relations, called, singular
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step, TypeOf

# What finds a row by its own key, where the class and the key stand beside one another, or the class comes first.
BESIDE: Final = frozenset({"get", "get_one", "aget", "get_object_or_404", "get_or_404", "aget_object_or_404"})
OF_CLASS: Final = frozenset({"get", "aget", "get_or_none", "get_by_id", "find_by_id", "get_one", "fetch", "by_id"})
KEYS: Final = frozenset({"id", "pk"})
# What takes a comparison of the key.
NARROWING: Final = frozenset({"where", "filter", "find_one"})
# What stands between a class and what finds a row of it: `Member.objects.get(…)`.
BETWEEN: Final = frozenset({"objects", "query"})

# How what loads many by their ids at once is called, beside what it loads.
LOADING: Final = ("_loader", "_by_id", "_dataloader", "load_")


def in_place_of_another(
    analysis: Analysis,
    scope: FunctionSymbol,
    call: CallSite,
    into: FunctionSymbol | ClassSymbol,
    filled: Iterable[tuple[str, Expression]],
) -> Iterator[MixedId]:
    """What a function or a class of the program is given for the id of something that has that one's id beside its own."""
    relations = analysis.once(Relations)
    filled = list(filled)
    for name, given in filled:
        wanted = name.removesuffix("_id")
        if wanted == name or ROLE.fullmatch(name) or not relations.is_known(wanted):
            continue
        got = _meant(analysis, given, scope)
        if got is None or got == wanted or ROLE.fullmatch(f"{got}_id"):
            continue
        if any(other != name and one == given for other, one in filled):
            continue  # one id for both, on purpose
        if (why := relations.apart(got, wanted)) is not None and not _speaks_of(wanted, given, scope):
            # Who writes `account_id=customer_id` calls the one by the name of the other on purpose.
            doubtful = (name, given) in call.keywords and not _is_of(analysis, wanted, given, scope)
            if not doubtful and isinstance(into, FunctionSymbol):
                doubtful = not analysis.once(IdUses).takes_only(into, name, got, given, scope)
            note = f"`{into.name}` expects `{name}`"
            yield MixedId(scope, call, given, name, why, (Step(into.module.path, into.facts.line, note),), doubtful)


def by_other_keys(analysis: Analysis) -> Iterator[MixedId]:
    """Rows that are looked for by the id of another table, and loaded by it."""
    for scope, _, call in analysis.calls_of(*BESIDE | OF_CLASS | NARROWING):
        if scope.module.in_tests:
            continue
        for kind, given in _looked_for(analysis, call, scope):
            relations, thing = analysis.once(Relations), called(kind)
            got = (identifier(given, scope) or "").removesuffix("_id")
            if kind in relations.classes(got) or (why := relations.apart(got, thing)) is None:
                continue
            step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` is found by its own id")
            yield MixedId(scope, call, given, f"{thing}_id", why, (step,))
    for scope, _, call in analysis.calls_of("load", "load_many", "aload"):
        if call.callee[0] == "attribute" and len(call.arguments) == 1 and not scope.module.in_tests:
            yield from _loaded(analysis, call, scope)


def _looked_for(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[ClassSymbol, Expression]]:
    """The class of a row, and the key by which it is looked for: `session.get(User, user_id)`, `User.objects.get(pk=key)`."""
    name = last_name(call.callee)
    if name in NARROWING:
        yield from _compared(analysis, call, scope)
        return
    by_key = [value for key, value in call.keywords if key in KEYS]
    if name in BESIDE and call.arguments and call.arguments[0][0] == "name" and call.arguments[0][1][:1].isupper():
        given = by_key or list(call.arguments[1:2])
        asked = call.arguments[0]
    elif name in OF_CLASS and call.callee[0] == "attribute":
        asked = call.callee[1]
        if asked[0] == "attribute" and asked[2] in BETWEEN:
            asked = asked[1]
        elif asked[0] == "call" and len(scope.facts.calls[asked[1]].arguments) == 1:
            asked = scope.facts.calls[asked[1]].arguments[0] if scope.facts.calls[asked[1]].callee[-1] == "query" else asked
        elif by_key and name != "get_or_none":
            return
        given = by_key or (list(call.arguments) if len(call.arguments) == 1 else [])
    else:
        return
    if len(given) != 1 or asked[0] != "name" or not asked[1][:1].isupper() or identifier(given[0], scope) is None:
        return
    match analysis.receivers.value(asked, scope):
        case TypeOf(kind=kind) if not kind.module.library and kind.facts.bases:
            yield kind, given[0]


def _compared(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[ClassSymbol, Expression]]:
    """`select(User).where(User.id == user_id)`: the class of a row, and what its own key is compared with."""
    for each in call.arguments:
        match each:
            case ("compare", (("attribute", ("name", _) as asked, "id"), given), ("Eq",)) if (
                identifier(given, scope) is not None
            ):
                match analysis.receivers.value(asked, scope):
                    case TypeOf(kind=kind) if not kind.module.library and kind.facts.bases:
                        yield kind, given


def _loaded(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Iterator[MixedId]:
    """`teams.load(self.id)`, where the object has a `team_id`: what loads teams is asked for the object's own id."""
    given = call.arguments[0]
    if given[0] != "attribute" or given[2] != "id":
        return
    loader = call.callee[1][2][1] if call.callee[1][0] == "subscript" and call.callee[1][2][0] == "string" else None
    name = loader or last_name(call.callee[1]) or ""
    for each in LOADING:
        name = name.removeprefix(each).removesuffix(each)
    thing = singular(name.strip("_").lower())
    match analysis.receivers.value(given[1], scope):
        case Instance(kind=kind) if not kind.module.library and called(kind) != thing:
            wanted = f"{thing}_id"
            if any(wanted in each.body.assigned or wanted in each.set_on_self for each in analysis.program.order(kind)[0]):
                why = f"`{kind.name}` has a `{wanted}`, and this is its own id"
                step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` has a `{wanted}`")
                yield MixedId(scope, call, given, wanted, why, (step,))


def _meant(analysis: Analysis, given: Expression, scope: FunctionSymbol, depth: int = 0) -> str | None:
    """The thing whose id is given: by its name or, where the program has nothing of that name, by what is handed in for it."""
    name = identifier(given, scope)
    if name is None:
        return None
    thing = name.removesuffix("_id")
    if analysis.once(Relations).is_known(thing) or depth:
        return thing
    match given:
        case ("attribute", ("name", "self"), str(kept)) if scope.owner is not None:
            made = [pair for kind in analysis.program.order(scope.owner)[0] for pair in kind.set_on_self.get(kept, ())]
            if len(made) != 1 or made[0][0].name != "__init__" or made[0][1].value[0] != "name":
                return None
            function, parameter = made[0][0], made[0][1].value[1]
        case ("name", str(parameter)):
            function = scope
        case _:
            return None
    if parameter not in function.parameters or function.assigned.get(parameter):
        return None
    number = function.parameters[parameter]
    passed = analysis.receivers.parameters.given(function, function.facts.parameters[number], number)
    found = {
        None if each is None else _meant(analysis, each, caller, depth + 1)
        for caller, each in passed
        if not caller.module.in_tests
    }
    return found.pop() if len(found) == 1 else None


def _is_of(analysis: Analysis, wanted: str, given: Expression, scope: FunctionSymbol) -> bool:
    """`account.customer_id` where an `account_id` is wanted: the thing itself is at hand, and its own id the right one."""
    if given[0] != "attribute":
        return False
    match analysis.receivers.value(given[1], scope):
        case Instance(kind=kind):
            return called(kind) == wanted
    return last_name(given[1]) == wanted


def _speaks_of(thing: str, given: Expression, scope: FunctionSymbol) -> bool:
    """On the way to the id stands what is wanted: `account.owner.customer_id` may be either's; `account.customer_id` is not."""
    parts = [part for part in within(given, scope) if part != given]
    direct = given[1] if given[0] == "attribute" else None
    words = {word for part in parts if part != direct for word in (last_name(part) or "").lower().split("_")}
    return thing in words or f"{thing}_id" in written(given, scope)
