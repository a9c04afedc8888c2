"""D114."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import Connections, is_migration
from netra.guard.database.kept import OF_DOCUMENTS
from netra.guard.database.transactions import FURTHEST, WRITES, Transactions
from netra.guard.facts import ASYNC, NOTHING, PLAIN, Assignment, CallSite, Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.parameters import parameter_given
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine, Step

# What writes documents where it is told in which session to do so.
WRITING = frozenset(
    """update insert save delete upsert replace insert_one insert_many update_one update_many replace_one delete_one delete_many
    find_one_and_update find_one_and_replace find_one_and_delete bulk_write save_changes delete_all update_all""".split()
)
ENDING = ("Session", "Connection")


@rule("D114", "outside-the-transaction")
def outside_the_transaction(analysis: Analysis) -> Iterator[Sighting]:
    """A function that may be handed a session is called without it, in the middle of a transaction whose other calls have it.

    It writes in a transaction of its own, or in none: what it has written stays when the one around it is rolled back, and it
    waits for what that has locked.

    ```python
    async with transaction() as session:
        await accounts.hold(bidder, amount, session=session)
        await accounts.release(leader, price)  # D114: without `session`, it is written at once
    ```

    Hand the session on. Told is a function that writes with the session, where another one of its class or module, or the same
    one, is handed the session there.
    """
    optional = _optional(analysis)
    opening: dict[FunctionSymbol, list[Assignment]] = {}
    for function, name in optional.items():
        for scope, index in analysis.program.calls_named.get(function.name, ()):
            call = scope.facts.calls[index]
            if scope.module.in_tests or scope.facts.sort not in (PLAIN, ASYNC):
                continue
            if scope not in opening:
                opening[scope] = [each for each in scope.facts.assignments if each.how.startswith("with")]
            opened = _opened_around(call, scope, opening[scope]) if opening[scope] else frozenset()
            if not opened or _handed(analysis, call, scope, function, name) is not NOTHING:
                continue
            if any(key == "**" for key, _ in call.keywords) or any(each[0] == "star" for each in call.arguments):
                continue
            beside = None if is_migration(scope.module) else _beside(analysis, optional, scope, call, function, opened)
            if beside is None or not _writes_with(analysis, function, name):
                continue
            other, session = beside
            message = f"`{written(call.callee, scope)}(…)` writes outside of the transaction of `{written(session, scope)}`"
            steps = (
                Step(scope.module.path, other.line, f"`{written(other.callee, scope)}` is handed `{written(session, scope)}`"),
                Step(function.module.path, function.facts.line, f"without `{name}`, `{function.name}` is on its own"),
            )
            mend = Mend(f"hand it `{name}={written(session, scope)}`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend, LIKELY)


def _optional(analysis: Analysis) -> dict[FunctionSymbol, str]:
    """The functions that may be handed a session, or do without it."""
    naming = [each for each in analysis.modules if any(one.bound.endswith(ENDING) for one in each.top.facts.imports)]
    modules = {each for each in naming if not each.in_tests}
    found: dict[FunctionSymbol, str] = {}
    for scope in analysis.scopes:
        for each in scope.facts.parameters if scope.module in modules else ():
            if each.default != NOTHING or each.annotation is None or not _ends(each.annotation):
                continue
            found[scope] = each.name
    return found


def _writes_with(analysis: Analysis, scope: FunctionSymbol, name: str) -> bool:
    value = analysis.receivers.value(("name", name), scope)
    if isinstance(value, Instance) and value.kind.full_name in OF_DOCUMENTS:
        return any(last_name(call.callee) in WRITING and ("name", name) in call.given for call in scope.facts.calls)
    library = analysis.once(Connections).held(("name", name), scope)
    return library is not None and WRITES in analysis.once(Transactions).of_parameter(scope, name, library, FURTHEST)


def _ends(annotation: Expression) -> bool:
    """`AsyncSession | None`, `Optional[Session]`."""
    match annotation:
        case ("operator", "|", one, other):
            return _ends(one) or _ends(other)
        case ("subscript", ("name", "Optional") | ("attribute", _, "Optional"), inner):
            return _ends(inner)
    return (last_name(annotation) or "").endswith(ENDING)


def _handed(
    analysis: Analysis, call: CallSite, scope: FunctionSymbol, function: FunctionSymbol, name: str
) -> Expression | None:
    """What a call of the function gives it as its session; nothing, or None where it is another function that is called."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=called, bound=bound) if called is function:
            for position, value in call.placed:
                if parameter_given(function, position, bound=bound) == name:
                    return value
            return NOTHING
    return None


def _opened_around(call: CallSite, scope: FunctionSymbol, given: list[Assignment]) -> frozenset[Expression]:
    """What the blocks around a call have opened."""
    around = [each for each in scope.facts.blocks if each.what.startswith("with") and each.line <= call.line <= each.end_line]
    return frozenset(each.target for each in given if any(block.head <= each.line <= block.line for block in around))


def _beside(
    analysis: Analysis,
    optional: dict[FunctionSymbol, str],
    scope: FunctionSymbol,
    call: CallSite,
    function: FunctionSymbol,
    opened: frozenset[Expression],
) -> tuple[CallSite, Expression] | None:
    """Another call that is handed a session which is open around this one, of the function or one that goes with it."""
    name = optional[function]
    for other in scope.facts.calls:
        if other is call or opened.isdisjoint(other.given):
            continue
        match analysis.receivers.value(other.callee, scope):
            case Routine(function=called, bound=bound) if optional.get(called) == name and _go_together(called, function):
                for position, value in other.placed:
                    if value in opened and parameter_given(called, position, bound=bound) == name:
                        return other, value
    return None


def _go_together(one: FunctionSymbol, other: FunctionSymbol) -> bool:
    return one is other or (one.owner is other.owner and one.module is other.module)
