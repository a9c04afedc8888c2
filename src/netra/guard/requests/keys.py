"""What a key is made of: the names and attributes that may tell one user's from another's."""

from collections.abc import Callable
from typing import Final

from netra.guard.facts import Expression
from netra.guard.meaning.expressions import within
from netra.guard.requests.apart import OF_MANY
from netra.guard.symbols import FunctionSymbol

# What somebody has that others have as well: under such a key lies what is all of theirs.
SHARED_BY_MANY: Final = OF_MANY | frozenset(
    "size kind type level status grade city language_code department gender age staff is_admin is_staff".split()
)


def unfolded(key: Expression, scope: FunctionSymbol) -> Expression:
    """What a local name that is given a value once stands for."""
    given = scope.assigned.get(key[1], ()) if key[0] == "name" and key[1] not in scope.parameters else ()
    return given[0].value if len(given) == 1 and given[0].how == "=" else key


def spelt(key: Expression, scope: FunctionSymbol, inside: frozenset[Expression] = frozenset()) -> Expression:
    """A key as it is written, so that the same call in two places is the same: `rows.get(query.digest())`.

    What a name stands for that is made of itself, `inside` of which one is already, stays the name: `key = clean(key)`.
    """
    if key in inside:
        return key
    inside |= {key}
    match unfolded(key, scope):
        case ("call", int(index)):
            call = scope.facts.calls[index]
            named = tuple((name, spelt(each, scope, inside)) for name, each in call.keywords)
            given = tuple(spelt(each, scope, inside) for each in call.arguments)
            return ("called", spelt(call.callee, scope, inside), given, named)
        case ("attribute", inner, str(name)):
            return ("attribute", spelt(inner, scope, inside), name)
        case ("tuple" | "formatted" as sort, parts):
            return (sort, tuple(spelt(each, scope, inside) for each in parts))
        case plain:
            return plain


def leaves(key: Expression, scope: FunctionSymbol, is_known: Callable[[Expression], bool] | None = None) -> list[Expression]:
    """The names and attributes that a key is made of, by way of local names and calls, and not what is called.

    What is known already is not looked into.
    """
    found: dict[Expression, None] = {}
    waiting, seen = [key], set[Expression]()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        if is_known is not None and part[0] in ("name", "call", "subscript") and is_known(part):
            found[part] = None
            continue
        match part:
            case ("call", int(index)):
                call = scope.facts.calls[index]
                waiting += call.given
                if call.callee[0] == "attribute":
                    waiting.append(call.callee[1])
            case ("name", str(name)) if name not in scope.parameters and scope.assigned.get(name):
                waiting += [each.value for each in scope.assigned[name]]
            case ("name", *_):
                found[part] = None
            case ("attribute", inner, str(name)):
                found[part] = None
                if name not in SHARED_BY_MANY:
                    waiting.append(inner)
            case ("await" | "star" | "not", inner):
                waiting.append(inner)
            case ("subscript", one, other) | ("operator", _, one, other):
                waiting += [one, other]
            case ("choice" | "list" | "tuple" | "set" | "formatted", inner):
                waiting += inner
            case ("dict", pairs):
                waiting += [each for pair in pairs for each in pair]
            case ("other",) | ("lambda", _) | ("comprehension", *_):
                found[("other",)] = None
    return list(found)


def is_found_by_the_key(whose: str, key: Expression, scope: FunctionSymbol) -> bool:
    """What the key is made of has found the one whose it is: `wallet = await wallet_for(token)`, under `f"wallet:{token}"`."""
    parts = (key, *within(unfolded(key, scope), scope))
    names = {part for part in parts if part[0] == "name" and part[1] not in scope.parameters}
    for each in scope.assigned.get(whose.partition(".")[0], ()):
        value = each.value[1] if each.value[0] == "await" else each.value
        if value[0] == "call" and not names.isdisjoint(scope.facts.calls[value[1]].given):
            return True
    return False
