"""Whether it is meant that a request changes the environment: it says which variable, as whoever changes the settings does."""

from collections.abc import Iterable

from netra.guard.analysis import Analysis
from netra.guard.environment import Access
from netra.guard.facts import BODY, SELF, TOP, Expression, last_name
from netra.guard.keeping import SECRET
from netra.guard.lookups import key_of
from netra.guard.meaning.expressions import within
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.brought import Origin
from netra.guard.requests.words import CARRIERS
from netra.guard.settings import HeldSettings
from netra.guard.symbols import FunctionSymbol, VariableSymbol


def is_meant(analysis: Analysis, access: Access, sent: Origin, written: Iterable[Expression]) -> bool:
    """Which variable it is, somebody has said, and what it gets: to change settings of the program is what it is there for.

    What is one user's own is meant for nobody else, whatever it is called, and what a function has found at hand nobody has
    said to it. Nor is what was looked up for somebody, with the
    names of its variables; and an object that writes its own variable was told by nobody which.
    """
    if analysis.once(HeldSettings).holds(access.module):
        return True
    if access.variable or sent.personal or analysis.once(Ambient).is_at_hand(sent.name):
        return False
    if _is_one_of_few(analysis, key_of(access), access.scope):
        return False
    return not any(_is_looked_up(each, access.scope) for each in written)


def _is_one_of_few(analysis: Analysis, key: Expression | None, scope: FunctionSymbol) -> bool:
    """An object writes its own variable, or one of those that are written down: `os.environ[NAMES[provider]] = key`."""
    match key:
        case ("attribute", inner, _) if inner == SELF:
            return True
        case ("formatted", parts):
            last = tuple(parts)[-1]
            return last[0] == "string" and SECRET.search(last[1]) is not None  # `f"{provider}_API_KEY"`
        case ("name", str(name)):
            given = [each.value for each in scope.assigned.get(name, ()) if each.value != key]
            return len(given) == 1 and _is_one_of_few(analysis, given[0], scope)
        case ("call", int(index)):
            callee = scope.facts.calls[index].callee
            return callee[0] == "attribute" and callee[2] == "get" and _are_written_down(analysis, callee[1], scope)
        case ("subscript", inner, _):
            return _are_written_down(analysis, inner, scope)
    return False


def _are_written_down(analysis: Analysis, names: Expression, scope: FunctionSymbol) -> bool:
    """A dictionary of texts that a module holds."""
    match analysis.program.evaluate(names, scope):
        case VariableSymbol(scope=holder, name=name) if holder.facts.sort in (TOP, BODY):
            return any(
                each.value[0] == "dict" and each.value[1] and all(value[0] == "string" for _, value in each.value[1])
                for each in holder.assigned.get(name, ())
            )
    return False


def _is_looked_up(value: Expression, scope: FunctionSymbol) -> bool:
    """It was waited for, and not as what a request holds: `for name, value in (await self.secrets(team)).items()`."""
    waiting, seen = [value], set[Expression]()
    while waiting:
        for each in within(waiting.pop(), scope):
            if each[0] == "await" and each[1][0] == "call":
                asked = scope.facts.calls[each[1][1]].callee
                if not (asked[0] == "attribute" and last_name(asked[1]) in CARRIERS):
                    return True
            if each[0] == "name" and each not in seen and each[1] not in scope.parameters:
                seen.add(each)
                waiting += [one.value for one in scope.assigned.get(each[1], ())]
    return False
