"""Rows that a function asks for by their owner on one way, and by their id alone on another."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.by_id import GETTING, Fetched, fetched
from netra.guard.database.owned import CHOOSING, OF_ROWS, OWNERS, OwnedTables
from netra.guard.facts import Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step


def asked_one_way(analysis: Analysis) -> Iterator[tuple[Fetched, str, Step]]:
    """Each such row that is had by its id, with the parameter that says whose it should be, and where that is asked for."""
    tables = analysis.once(OwnedTables)
    for each in fetched(analysis):
        scope = each.scope
        told = [name for name in scope.parameters if name in OWNERS and not scope.assigned.get(name)]
        # A statement may be told more behind it: `select(Flow).where(Flow.id == flow_id).where(…)`.
        if not told or last_name(each.call.callee) not in GETTING or _is_compared(each, tables):
            continue
        for name in told:
            asked = _line_that_asks(name, each, tables)
            if asked and not _is_chosen_by(name, each.call.line, scope) and not _is_asked_too(name, each):
                note = f"here `{each.owned.column}` is asked for, by `{name}`"
                yield each, name, Step(scope.module.path, asked, note)
                break


def _line_that_asks(name: str, of: Fetched, tables: OwnedTables) -> int:
    """The line on which the same function asks for rows of the table by who is named; 0 if it does not."""
    scope = of.scope
    derived = {name} | {
        each.target[1]
        for each in scope.facts.assignments
        if each.target[0] == "name" and ("name", name) in within(each.value, scope)
    }
    for call in scope.facts.calls:
        if last_name(call.callee) not in CHOOSING:
            continue
        given = [value for key, value in call.keywords if key.partition("__")[0] in OWNERS]
        for part in (part for argument in call.arguments for part in within(argument, scope)):
            match part:
                case ("compare", sides, ("Eq",)) if any(_is_owner_of(side, of, tables) for side in sides):
                    given += sides
        if any(each[0] == "name" and each[1] in derived for each in given):
            return call.line
    return 0


def _is_owner_of(side: Expression, of: Fetched, tables: OwnedTables) -> bool:
    if side[0] != "attribute" or side[2] not in OWNERS:
        return False
    kind = tables.model(side[1], of.scope)
    return kind is not None and kind.name == of.owned.table


def _is_compared(of: Fetched, tables: OwnedTables) -> bool:
    """The function compares whose an object is, that it has got in some way."""
    return any(
        read.where[0] == "compare"
        and read.expression[0] == "attribute"
        and read.expression[2] in OWNERS
        and tables.model(read.expression[1], of.scope) is None
        for read in of.scope.facts.reads
    )


def _is_asked_too(name: str, of: Fetched) -> bool:
    """Another query asks for the same id, or a function is told both what was had and whose it should be."""
    where = of.call.where[1] if of.call.where[0] == "await" else of.call.where
    kept = where[1] if where[0] == "assign" else None
    for call in of.scope.facts.calls:
        parts = [part for argument in call.arguments for part in within(argument, of.scope)]
        compared = [part[1] for part in parts if part[0] == "compare" and of.id in part[1]]
        if call is not of.call and any(side[-1] in OF_ROWS for sides in compared for side in sides):
            return True
        if kept in call.given and ("name", name) in call.given:
            return True
    return False


def _is_chosen_by(name: str, line: int, scope: FunctionSymbol) -> bool:
    """What is told of whose it is decides whether this way is taken: `if user_id is None`."""
    return any(
        block.what in ("if", "else")
        and block.line <= line <= block.end_line
        and any(("name", name) in within(test, scope) for test in block.expressions)
        for block in scope.facts.blocks
    )
