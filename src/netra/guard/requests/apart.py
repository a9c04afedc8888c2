"""Whether a key tells one user's things from another's."""

from typing import Final

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.origins import Origins
from netra.guard.symbols import FunctionSymbol

# Parts of a key by which what is kept under it may be one user's.
OF_ONE: Final = ("_id", "uid", "session", "token", "key", "hash", "thread", "run", "conn", "sid")

# What a user has and many others have as well: under such a key lies what is all of theirs.
OF_MANY: Final = frozenset("plan tier role roles locale lang language timezone tz country region currency theme".split())

# Of whom one is who acts, beside others.
OF_TENANTS: Final = frozenset(
    """org_id organization_id organisation_id tenant_id workspace_id company_id estate_id team_id group_id""".split()
)

# What gives something else with every call, so that a key that has it is no other's.
ANEW: Final = frozenset(
    """uuid1 uuid4 uuid6 uuid7 token_hex token_urlsafe token_bytes urandom time_ns monotonic_ns perf_counter_ns
    ulid ULID nanoid ObjectId""".split()
)

# Local names for a key that are followed.
FURTHEST: Final = 3


def tells_apart(origins: Origins, key: Expression, scope: FunctionSymbol, line: int) -> bool:
    """A key may well tell users apart: it names one, or an id that only one user has."""
    of_key = origins.of(key, scope, line)
    if of_key is not None and of_key.personal:
        return not _is_of_many(origins, key, scope, line, 0)
    match key:
        case ("attribute", inner, "id") if "user" in (last_name(inner) or "").lower():
            return True  # `discord_user.id`: whatever kind of user it is, the id is theirs
    given = [each.value for each in scope.assigned.get(key[1] if key[0] == "name" else "", ())]
    # A local name for the key says less than what it is made of.
    text = "".join(map(str, given)) if given and not any(each[0] == "call" for each in given) else str((key, given))
    return any(word in text.lower() for word in OF_ONE)


def is_new_each_time(key: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> bool:
    """Nobody else asks under such a key: `f"{kind}-{uuid4()}"`, `f"{kind}-{id(task)}"`."""
    for part in within(key, scope):
        if part[0] == "call" and _gives_another(scope.facts.calls[part[1]]):
            return True
        if part[0] == "name" and depth and part[1] not in scope.parameters:
            given = scope.assigned.get(part[1], ())
            if len(given) == 1 and given[0].how in ("=", "annotated") and is_new_each_time(given[0].value, scope, depth - 1):
                return True
    return False


def _gives_another(call: CallSite) -> bool:
    """`uuid4()`, `next(numbers)`, `id(task)`; the first of something that is gone through is no other each time."""
    if call.callee == ("name", "next"):
        return [each[0] for each in call.arguments] in (["name"], ["attribute"])
    return last_name(call.callee) in ANEW or call.callee == ("name", "id")


def names_only_tenant(key: Expression, scope: FunctionSymbol) -> bool:
    """All that a key has of who acts is the organisation: `f"reports:{principal.org_id}:{period}"`."""
    given = scope.assigned.get(key[1], ()) if key[0] == "name" and key[1] not in scope.parameters else ()
    key = given[0].value if len(given) == 1 and given[0].how == "=" else key
    parts = key[1] if key[0] in ("formatted", "tuple") else (key,)
    # Also of what a call makes of it: `(team_id, str(user_id))` names both.
    leaves = [leaf for each in parts for leaf in within(each, scope) if leaf[0] in ("name", "attribute")]
    telling = [each for each in leaves if any(word in (last_name(each) or "").lower() for word in OF_ONE)]
    return bool(telling) and all(last_name(each) in OF_TENANTS for each in telling)


def _is_of_many(origins: Origins, key: Expression, scope: FunctionSymbol, line: int, depth: int) -> bool:
    """All that a key has of a user is what others have as well: `user.plan`, `model_for(user.plan)`."""
    match key:
        case ("attribute", _, str(name)):
            return name in OF_MANY
        case ("call", int(index)):
            parts = scope.facts.calls[index].given
        case ("formatted" | "tuple" | "choice", tuple(parts)):
            pass
        case ("await", inner):
            parts = (inner,)
        case ("name", str(name)) if name not in scope.parameters and depth < FURTHEST:
            parts = tuple(each.value for each in scope.assigned.get(name, ()) if not line or each.line < line)
        case _:
            return False
    found = [each for each in parts if (origin := origins.of(each, scope, line)) is not None and origin.personal]
    return bool(found) and all(_is_of_many(origins, each, scope, line, depth + 1) for each in found)
