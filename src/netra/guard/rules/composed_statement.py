"""D102."""

from collections.abc import Iterator
from itertools import pairwise

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.requests.request_values import RequestValues
from netra.guard.rule import rule
from netra.guard.values import Step

EXECUTING = frozenset(
    """execute executemany executescript exec_driver_sql text scalar scalars
    fetch fetchrow fetchval fetch_all fetch_one""".split()
)
VERBS = ("select ", "insert ", "update ", "delete ", "set ", "drop ", "alter ", "create ", "with ", "truncate ", "grant ")


@rule("D102", "composed-statement")
def composed_statement(analysis: Analysis) -> Iterator[Sighting]:
    """A statement is put together out of strings with a value that a client has sent, instead of a parameter.

    Whoever chooses the value chooses the statement.

    ```python
    @app.get("/people")
    async def find(name: str, session: AsyncSession = Depends(get_session)):
        await session.execute(text(f"SELECT * FROM person WHERE name = '{name}'"))  # D102
    ```

    Reported are values that stand inside the text in quotes or after a comparison, and that come from a parameter of a route,
    also through the functions between. Numbers, enums and what was compared, matched or quoted before are left alone, and so
    are names of tables and columns, which cannot be parameters of a statement.
    """
    values = analysis.once(RequestValues)
    for scope, _, call in analysis.calls_of(*EXECUTING):
        if scope.module.in_tests or not call.arguments:
            continue
        statement, line = _text(scope, call.arguments[0], call.line)
        for found in _values_inside(statement):
            root = found
            while root[0] == "attribute":
                root = root[1]
            sent = values.sent(scope, root[1]) if root[0] == "name" else None
            if sent is not None:
                message = f"`{written(found, scope)}` is written into the statement of `{written(call.callee, scope)}`"
                step = Step(scope.module.path, line, "the statement is put together here")
                mend = Mend("pass it as a parameter of the statement")
                yield Sighting(scope, call.line, call.column, call.end_line, message, (*sent, step), mend, LIKELY)
                break


def _text(scope: FunctionSymbol, expression: Expression, line: int) -> tuple[Expression, int]:
    """The text itself, where a local name stands for it."""
    if expression[0] == "name":
        assigned = [each for each in scope.assigned.get(expression[1], ()) if each.how == "=" and each.line <= line]
        if len(assigned) == 1 and assigned[0].value[0] == "formatted":
            return assigned[0].value, assigned[0].line
    return expression, line


def _values_inside(statement: Expression) -> Iterator[Expression]:
    """The names and attributes that stand in the text where a value stands."""
    match statement:
        case ("formatted", parts) if parts and parts[0][0] == "string" and parts[0][1].lstrip().lower().startswith(VERBS):
            for before, each in pairwise(parts):
                stands = before[0] == "string" and before[1].rstrip(" ").endswith(("=", "'", "%", "<", ">"))
                if stands and each[0] in ("name", "attribute"):
                    yield each
