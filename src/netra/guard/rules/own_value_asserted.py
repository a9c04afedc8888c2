"""T102."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.suites import asserts_by_call, collected, inside

# `assert False` stands where nobody may get to.
FAILS = ("constant", "bool", False)
LITERALS = frozenset({"string", "constant", "none"})


@rule("T102", "own-value-asserted")
def own_value_asserted(analysis: Analysis) -> Iterator[Sighting]:
    """All that a test asserts is what it wrote down itself a few lines above.

    ```python
    def test_event():
        event = {"type": "agent_started"}
        assert event["type"] == "agent_started"  # T102
    ```

    Reported is only a test of which every assertion is like that: no name in it was ever handed to a call.
    """
    for scope in collected(analysis):
        asserts = scope.facts.asserts
        if any(test == FAILS or test[0] == "string" for test, _ in asserts):
            continue
        if asserts and all(_is_own(scope, test) for test, _ in asserts) and not _asserts_otherwise(scope):
            line = asserts[0][1]
            message = f"all that `{scope.name}` asserts is what it wrote down itself"
            yield Sighting(scope, line, scope.facts.column, line, message, mend=Mend("assert what the code under test gives"))


def _asserts_otherwise(scope: FunctionSymbol) -> bool:
    """By a call, or by getting past one: `assert True` behind a call of the code under test says that it did not raise."""
    names = [last_name(each.callee) or "" for each in scope.facts.calls]
    constant = all(test[0] == "constant" for test, _ in scope.facts.asserts)
    return any(map(asserts_by_call, names)) or (constant and bool(names))


def _is_own(scope: FunctionSymbol, expression: Expression) -> bool:
    """Nothing but literals, and names that only ever held literals and went nowhere."""
    match expression:
        case (kind, *_) if kind in LITERALS:
            return True
        case ("name", str(name)):
            assigned = scope.assigned.get(name, ())
            written = len(assigned) == 1 and assigned[0].how == "=" and _is_literal(assigned[0].value)
            return written and not _went_elsewhere(scope, name)
        case ("subscript", inner, key):
            return _is_own(scope, inner) and _is_own(scope, key)
        case ("compare", parts, _) | ("list" | "tuple" | "set", parts):
            return all(_is_own(scope, part) for part in parts)
        case ("not", inner):
            return _is_own(scope, inner)
        case ("choice", parts):
            return all(_is_own(scope, part) for part in parts)
    return False


def _went_elsewhere(scope: FunctionSymbol, name: str) -> bool:
    """Somebody else may have changed it: a function inside, a method of its own, a call that it was given to."""
    below = inside(scope)
    if any(name in child.facts.loads or name in child.facts.globals or child.assigned.get(name) for child in below):
        return True
    mentioned = str(("name", name))
    passed = any(mentioned in str((call.callee, call.arguments, call.keywords)) for call in scope.facts.calls)
    kept = any(
        mentioned in str((each.target[1:], each.value)) for each in scope.facts.assignments if each.target != ("name", name)
    )
    return passed or kept


def _is_literal(expression: Expression) -> bool:
    match expression:
        case (kind, *_) if kind in LITERALS:
            return True
        case ("list" | "tuple" | "set", parts):
            return all(_is_literal(part) for part in parts)
        case ("dict", pairs):
            return all(_is_literal(key) and _is_literal(value) for key, value in pairs)
    return False
