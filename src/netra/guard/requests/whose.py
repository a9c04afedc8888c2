"""Whose a value is, where the lines that make it say so: `await rows_of(user.id)`, `Client(model, api_key=api_key)`."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Write
from netra.guard.requests.words import OF_A_USER
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What a client signs in with for somebody.
CREDENTIALS: Final = frozenset(
    "api_key apikey token access_token auth_token bearer_token refresh_token password secret".split()
)


def told_secrets(analysis: Analysis) -> tuple[tuple[FunctionSymbol, tuple[str, ...]], ...]:
    """The functions that are told what somebody signs in with, and nothing that serves leads to, with those parameters."""
    serving = analysis.once(Serving)
    told = (
        (scope, tuple(each.name for each in scope.facts.parameters if each.name in CREDENTIALS))
        for scope in analysis.scopes
        if scope.facts.parameters and scope.facts.sort in (PLAIN, ASYNC) and not scope.module.in_tests
    )
    return tuple((scope, names) for scope, names in told if names and scope not in serving)


def names_within(expression: Expression, scope: FunctionSymbol) -> set[str]:
    """The names that something is made of, also by way of local ones."""
    found: set[str] = set()
    waiting = [expression]
    while waiting:
        for part in within(waiting.pop(), scope):
            if part[0] == "name" and part[1] not in found:
                found.add(part[1])
                waiting += [each.value for each in scope.assigned.get(part[1], ()) if each.how in ("=", "annotated")]
    return found


def said(write: Write, origins: Origins, *, by_id: bool = False) -> tuple[str, tuple[Step, ...]] | None:
    """What the calls that make the value are given of somebody, beside the key; with `by_id`, only the id of a user."""
    scope, seen = write.scope, set[Expression]()
    in_key = frozenset() if write.key is None else parts_of_key(write.key, scope, write.line)
    waiting = [write.value]
    while waiting:
        for part in within(waiting.pop(), scope):
            # What stands in the key is the same for all who have the key, whatever it was made of.
            if part[0] == "name" and part not in seen and part not in in_key and part[1] not in scope.parameters:
                seen.add(part)
                waiting += [each.value for each in scope.assigned.get(part[1], ()) if each.line <= write.line]
            if part[0] == "call":
                parts, line = scope.facts.calls[part[1]].given, scope.facts.calls[part[1]].line
            elif part[0] == "compare":
                parts, line = part[1], write.line  # `Report.owner == user.id`
            else:
                continue
            for given in parts:
                called = _is_whose(given, scope, by_id=by_id)
                # The id of one who was found by what a client proves itself with is theirs, whatever they are called.
                if given in in_key or not (called or (given[0] == "attribute" and given[2] == "id")):
                    continue
                origin = origins.of(given, scope, line)
                if origin is None or not (called or origin.proven):
                    continue
                if origin.personal or last_name(given) in CREDENTIALS:
                    return last_name(given[1] if given[-1] == "id" else given) or origin.name, origin.steps
    return None


def parts_of_key(key: Expression, scope: FunctionSymbol, line: int) -> frozenset[Expression]:
    """What a key holds as it is: `issuer` and `address` of `key = f"{issuer}|{address}"`."""
    found = set(within(key, scope))
    above = [each for each in scope.assigned.get(key[1], ()) if each.line <= line] if key[0] == "name" else []
    waiting = [above[-1].value] if above and above[-1].how == "=" else []
    while waiting:
        part = waiting.pop()
        match part:
            case ("formatted" | "tuple" | "choice", parts):
                waiting += parts
            case ("operator", "+", one, other):
                waiting += [one, other]
            case ("name", *_) | ("attribute", *_):
                found.add(part)
    return frozenset(found)


def _is_whose(given: Expression, scope: FunctionSymbol, *, by_id: bool) -> bool:
    """It is called a user, or is the id of one; or it is something to sign in with, that the function is given."""
    if given[0] == "attribute" and given[2] == "id":
        return (last_name(given[1]) or "") in OF_A_USER
    if given[0] == "attribute" and given[2].endswith("_id") and not by_id and last_name(given[1]) in OF_A_USER:
        return True  # the tenant of who acts: `principal.org_id`
    name = last_name(given)
    if by_id:
        return name in ("user_id", "current_user_id")
    return name in OF_A_USER or (name in CREDENTIALS and name in scope.parameters)
