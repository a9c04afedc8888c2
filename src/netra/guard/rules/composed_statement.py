"""D102."""

from collections.abc import Iterator
from itertools import pairwise

from netra.guard.analysis import Analysis
from netra.guard.contexts import written
from netra.guard.facts import Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Step

EXECUTING = frozenset(
    """execute executemany executescript exec_driver_sql text scalar scalars
    fetch fetchrow fetchval fetch_all fetch_one""".split()
)
VERBS = ("select ", "insert ", "update ", "delete ", "set ", "drop ", "alter ", "create ", "with ", "truncate ", "grant ")


@rule("D102", "composed-statement", default=False)
def composed_statement(analysis: Analysis) -> Iterator[Sighting]:
    """A statement is put together out of strings with a value that came with the call, instead of a parameter.

    Whoever chooses the value chooses the statement.

    ```python
    async def find(session: AsyncSession, name: str):
        await session.execute(text(f"SELECT * FROM person WHERE name = '{name}'"))  # D102
    ```

    Reported are parameters of the function that stand inside the text in quotes or after a comparison. Names of tables and
    columns cannot be parameters of a statement, and are left alone.
    """
    for scope, _, call in analysis.calls_of(*EXECUTING):
        if scope.module.in_tests or not call.arguments:
            continue
        statement, line = _text(scope, call.arguments[0], call.line)
        found = _value_inside(scope, statement)
        if found is not None:
            message = f"`{found}` is written into the statement of `{written(call.callee, scope)}`"
            step = Step(scope.module.path, line, "the statement is put together here")
            mend = Mend("pass it as a parameter of the statement")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend, LIKELY)


def _text(scope: FunctionSymbol, expression: Expression, line: int) -> tuple[Expression, int]:
    """The text itself, where a local name stands for it."""
    if expression[0] == "name":
        assigned = [each for each in scope.assigned.get(expression[1], ()) if each.how == "=" and each.line <= line]
        if len(assigned) == 1 and assigned[0].value[0] == "formatted":
            return assigned[0].value, assigned[0].line
    return expression, line


def _value_inside(scope: FunctionSymbol, statement: Expression) -> str | None:
    match statement:
        case ("formatted", parts) if parts and parts[0][0] == "string" and parts[0][1].lstrip().lower().startswith(VERBS):
            for before, each in pairwise(parts):
                if before[0] != "string" or each[0] not in ("name", "attribute"):
                    continue
                if before[1].rstrip(" ").endswith(("=", "'", "%", "<", ">")) and _is_given(scope, each):
                    return written(each, scope)
    return None


def _is_given(scope: FunctionSymbol, expression: Expression) -> bool:
    while expression[0] == "attribute":
        expression = expression[1]
    name = expression[1] if expression[0] == "name" else ""
    parameter = scope.parameters.get(name)
    if parameter is None or name in ("self", "cls") or scope.assigned.get(name):
        return False
    return last_name(scope.facts.parameters[parameter].annotation or ()) not in (
        "int",
        "float",
        "bool",
        "UUID",
        "date",
        "datetime",
    )
