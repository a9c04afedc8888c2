"""Whose a value is, where the lines that make it say so: `await rows_of(user.id)`, `Client(model, api_key=api_key)`."""

from typing import Final

from netra.guard.facts import NOTHING, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.program import FunctionSymbol
from netra.guard.requests.origins import OF_A_USER, Origins
from netra.guard.requests.sharing import Write
from netra.guard.values import Step

# What a client signs in with for somebody.
CREDENTIALS: Final = frozenset(
    "api_key apikey token access_token auth_token bearer_token refresh_token password secret".split()
)


def said(write: Write, origins: Origins, *, by_id: bool = False) -> tuple[str, tuple[Step, ...]] | None:
    """What the calls that make the value are given of somebody, beside the key; with `by_id`, only the id of a user."""
    scope, seen = write.scope, set[Expression]()
    in_key = set(within(write.key or NOTHING, scope))
    waiting = [write.value]
    while waiting:
        for part in within(waiting.pop(), scope):
            if part[0] == "name" and part not in seen and part[1] not in scope.parameters:
                seen.add(part)
                waiting += [each.value for each in scope.assigned.get(part[1], ()) if each.line <= write.line]
            if part[0] != "call":
                continue
            call = scope.facts.calls[part[1]]
            for given in call.given:
                if given in in_key or not _is_whose(given, scope, by_id=by_id):
                    continue
                origin = origins.of(given, scope, call.line)
                if origin is not None and (origin.personal or last_name(given) in CREDENTIALS):
                    return last_name(given[1] if given[-1] == "id" else given) or origin.name, origin.steps
    return None


def _is_whose(given: Expression, scope: FunctionSymbol, *, by_id: bool) -> bool:
    """It is called a user, or is the id of one; or it is something to sign in with, that the function is given."""
    if given[0] == "attribute" and given[2] == "id":
        return (last_name(given[1]) or "") in OF_A_USER
    name = last_name(given)
    if by_id:
        return name in ("user_id", "current_user_id")
    return name in OF_A_USER or (name in CREDENTIALS and name in scope.parameters)
