"""Tables of SQLAlchemy that are written down without a class, and what is read of their columns: `orders.c.total`."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, Assignment, CallSite, Expression, last_name
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol

HOLDING: Final = frozenset({"c", "columns"})
# What a collection of columns has beside those.
OF_COLLECTIONS: Final = frozenset(
    """keys values items get add as_readonly clear compare contains_column corresponding_column extend remove replace update
    ordered_values""".split()
)
# What may stand in a table beside its columns, and adds none.
BESIDE: Final = frozenset(
    """ForeignKeyConstraint PrimaryKeyConstraint UniqueConstraint CheckConstraint ExcludeConstraint Index Identity Sequence
    """.split()
)
# What takes columns from somewhere else.
READ_FROM_DATABASE: Final = frozenset("autoload autoload_with extend_existing keep_existing listeners **".split())


class MissingColumn(NamedTuple):
    """A column is read that the table does not have."""

    scope: FunctionSymbol
    expression: Expression
    line: int
    column: int
    name: str
    columns: frozenset[str]
    path: str
    written: int


def missing_columns(analysis: Analysis) -> Iterator[MissingColumn]:
    """Every such read, each name once in a function."""
    if not analysis.once(_tables):
        return
    for scope in analysis.scopes:
        seen: set[Expression] = set()
        for expression, line, column in _read(scope):
            table, name = expression[1][1], expression[2]
            if expression in seen or name in OF_COLLECTIONS or name.startswith("__"):
                continue
            seen.add(expression)
            match analysis.program.evaluate(table, scope):
                case VariableSymbol() as variable:
                    found = analysis.once(_tables).get(variable)
                    if found is not None and name not in found.columns:
                        yield MissingColumn(scope, expression, line, column, name, *found)


def _read(scope: FunctionSymbol) -> Iterator[tuple[Expression, int, int]]:
    """`table.c.name`, in whatever it is part of."""
    for read in scope.facts.reads:
        yield from ((each, read.line, read.column) for each in _parts(read.expression))
    for call in scope.facts.calls:
        yield from ((each, call.line, call.column) for each in _parts(call.callee))


def _parts(expression: Expression) -> Iterator[Expression]:
    while expression[0] == "attribute":
        if expression[1][0] == "attribute" and expression[1][2] in HOLDING:
            yield expression
        expression = expression[1]


class _Table(NamedTuple):
    columns: frozenset[str]
    path: str
    line: int


def _tables(analysis: Analysis) -> dict[VariableSymbol, _Table]:
    """The tables of which all columns are written down, by the variables of modules that hold them."""
    found: dict[VariableSymbol, _Table] = {}
    for scope, index, call in analysis.calls_of("Table"):
        match analysis.program.evaluate(call.callee, scope):
            case External(dotted=dotted) if dotted.startswith("sqlalchemy.") and scope.parent is None:
                columns = _columns(call, scope, analysis)
            case _:
                continue
        kept = [each for each in scope.facts.assignments if each.value == ("call", index)]
        if columns is not None and len(kept) == 1 and _is_kept_once(kept[0], scope):
            found[VariableSymbol(scope, kept[0].target[1])] = _Table(columns, scope.module.path, call.line)
    if found and analysis.calls_of("append_column"):
        return {}
    return found


def _is_kept_once(each: Assignment, scope: FunctionSymbol) -> bool:
    return each.target[0] == "name" and len(scope.assigned.get(each.target[1], ())) == 1


def _columns(call: CallSite, scope: FunctionSymbol, analysis: Analysis) -> frozenset[str] | None:
    if any(key in READ_FROM_DATABASE for key, _ in call.keywords) or len(call.arguments) < 3:
        return None
    found: set[str] = set()
    for given in call.arguments[2:]:
        if given[0] != "call":
            return None
        part = scope.facts.calls[given[1]]
        if last_name(part.callee) in BESIDE:
            continue
        name = part.arguments[0] if part.arguments else dict(part.keywords).get("name", OTHER)
        key = dict(part.keywords).get("key", name)
        symbol = analysis.program.evaluate(part.callee, scope)
        if not isinstance(symbol, External) or symbol.last != "Column" or key[0] != "string":
            return None
        found.add(key[1])
    return frozenset(found)
