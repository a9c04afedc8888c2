"""What a function changes of the rows that its session has loaded: a value that is set on one is meant for the database."""

import sys
from typing import Final

from netra.guard.database.transactions import Tracked, Transactions
from netra.guard.facts import CallSite, Expression
from netra.guard.meaning.parameters import parameter_given
from netra.guard.symbols import FunctionSymbol

# What gives objects whose attributes are columns of the database.
LOADING: Final = frozenset("get get_one scalar scalars execute exec query merge".split())
LETTING_GO: Final = frozenset({"expunge", "expunge_all"})

LONGEST_CHAIN: Final = 8
# Functions that hand on what one of them has loaded.
FURTHEST: Final = 4


def changed_by(transactions: Transactions, tracked: Tracked) -> frozenset[int]:
    """The assignments to attributes of what the session has loaded."""
    scope = tracked.scope
    loaded = {
        name
        for name, assigned in scope.assigned.items()
        if any(_is_loaded(transactions, tracked, each.value) for each in assigned if each.how in ("=", "for", "annotated"))
    }
    # What the session has let go of, it writes no more.
    ties = {("attribute", tracked.expression, each) for each in LETTING_GO}
    let_go = min((call.line for call in scope.facts.calls if call.callee in ties), default=sys.maxsize)
    return frozenset(
        index
        for index, each in enumerate(scope.facts.assignments)
        if each.target[0] == "attribute" and each.target[1][0] == "name" and each.target[1][1] in loaded and each.line < let_go
    )


def _is_loaded(transactions: Transactions, tracked: Tracked, value: Expression, depth: int = FURTHEST) -> bool:
    """`session.get(…)`, `(await session.execute(…)).scalar_one()`, or what a function gives that has the session."""
    scope = tracked.scope
    for _ in range(LONGEST_CHAIN):
        match value:
            case ("await", inner):
                value = inner
            case ("name", str(name)) if name not in scope.parameters:
                assigned = scope.assigned.get(name, ())
                if len(assigned) != 1 or assigned[0].how not in ("=", "annotated"):
                    return False
                value = assigned[0].value
            case ("call", int(index)):
                callee = scope.facts.calls[index].callee
                if callee[0] == "attribute" and callee[1] == tracked.expression:
                    return callee[2] in LOADING
                below = transactions.passed(tracked, index) if depth else None
                if below is not None:
                    given = [each.value for each in below.scope.facts.returned if each.value != ("none",)]
                    handed = _handed_back(given, below.scope, scope.facts.calls[index])
                    if handed is not None:
                        value = handed
                        continue
                    return bool(given) and all(_is_loaded(transactions, below, each, depth - 1) for each in given)
                if callee[0] != "attribute":
                    return False
                value = callee[1]
            case _:
                return False
    return False


def _handed_back(given: list[Expression], function: FunctionSymbol, call: CallSite) -> Expression | None:
    """What a function is given that only looks at it, and gives it back: `self.of_my_company(await people.one(number))`."""
    if len(given) != 1 or given[0][0] != "name" or given[0][1] not in function.parameters or function.assigned.get(given[0][1]):
        return None
    bound = call.callee[0] == "attribute" and function.owner is not None
    passed = call.placed
    return next((value for at, value in passed if parameter_given(function, at, bound=bound) == given[0][1]), None)
