"""What is of who is signed in, as it stands: `row`, `f"Bearer {token}"`, `{"rider": rider.id}`; and who makes use of one."""

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.meaning.expressions import written
from netra.guard.requests.identities import CREDENTIALS, SignedIn
from netra.guard.requests.proven import Proven
from netra.guard.requests.sharing import Write
from netra.guard.requests.slot_names import is_called_of_one
from netra.guard.requests.whose import names_within
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step


def who_signed_in(analysis: Analysis, value: Expression, scope: FunctionSymbol, line: int) -> tuple[str, Step] | None:
    """Who is signed in, where what is kept on a line is that one, or holds it as it is; not what calls have made of it."""
    identities, proven = analysis.once(SignedIn), analysis.once(Proven)
    for kept in scope.facts.assignments:
        if kept.line == line and kept.value == value and (step := proven.found_in(kept, scope)) is not None:
            return last_name(kept.target) or "who is signed in", step
    if proven.signs_in(value, scope):
        return written(value, scope), Step(scope.module.path, line, "this is what a client proves itself with")
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if (step := identities.of(each, scope)) is not None:
            return last_name(each) or "who is signed in", step
        match each:
            case ("await", inner):
                waiting.append(inner)
            case ("formatted" | "tuple" | "list" | "set" | "choice", parts):
                waiting += parts
            case ("operator", "+", one, other):
                waiting += (one, other)
            case ("dict", pairs):
                waiting += [kept for _, kept in pairs]
    return None


def acts_for_somebody(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """A function makes use of who is signed in: it tells somebody else, or looks at something of theirs."""
    identities = analysis.once(SignedIn)
    read = [each.expression for each in scope.facts.reads]
    told = [given for call in scope.facts.calls for given in call.given]
    for each in (*told, *read):
        while each[0] in ("attribute", "subscript"):
            if identities.of(each, scope) is not None:
                return True
            each = each[1]
        if each[0] == "name" and identities.of(each, scope) is not None:
            return True
    return False


def signed_in_there(analysis: Analysis, write: Write) -> tuple[str, Step] | None:
    """Who is signed in, where that is what is put into a shared place."""
    if write.how == "item" and write.value[0] == "tuple":
        return None  # of all that a call is told, a part may be somebody's
    if (found := who_signed_in(analysis, write.value, write.scope, write.line)) is not None:
        return found
    if write.how == "slot" and write.slot.name.endswith(CREDENTIALS) and write.value[0] == "attribute":
        # `stripe.api_key = account.stripe`: by the place, that is what the account signs in with.
        step = analysis.once(SignedIn).of(write.value[1], write.scope)
        return None if step is None else (last_name(write.value) or "who is signed in", step)
    return None


def is_told_whose(analysis: Analysis, write: Write) -> bool:
    """What serves is told for whom, as the place says: `self.tenant = kwargs.pop("tenant")` of a task."""
    entry = analysis.reach.entries.get(write.scope)
    if write.how != "slot" or entry is None or not entry.serves or not is_called_of_one(write):
        return False
    return not names_within(write.value, write.scope).isdisjoint({*write.scope.parameters} - {"self", "cls"})
