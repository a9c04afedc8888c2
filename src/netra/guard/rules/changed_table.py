"""S115."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, TOP, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import REMOVING, Sharing
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Step

# What makes something longer each time, whatever it is given; and what may leave it as it is.
LENGTHENING: Final = frozenset("append insert extend appendleft".split())
FILLING: Final = frozenset("add update setdefault".split())


class TableChange(NamedTuple):
    """Something under a local name is changed in place."""

    place: Expression
    how: str
    value: Expression
    line: int
    column: int


@rule("S115", "changed-table")
def changed_table(analysis: Analysis) -> Iterator[Sighting]:
    """A request takes something out of a table that the module has written down, and changes that, not a copy.

    ```python
    RULES = ["Be polite."]


    @app.get("/prompt")
    async def prompt(plan: str):
        rules = RULES
        if plan == "free":
            rules.append("Be short.")  # S115: for everybody, and once more with every request
        return rules
    ```

    Change a copy: `[*RULES, "Be short."]`, `{**ROW, "name": name}`, `replace(persona, …)`. Tables are what is written with its
    content, under a name in capitals; one from which something is taken out somewhere is kept on purpose.
    """
    emptied = analysis.once(_emptied)
    for scope in analysis.once(Sharing).served:
        for change in _changes(scope):
            table = _table(analysis, change.place, scope)
            if table is None or table.name in emptied or _is_looked_at(change, scope):
                continue
            if change.how not in LENGTHENING and analysis.once(Origins).of(change.value, scope, change.line) is None:
                continue
            named = last_name(change.place) or "it"
            message = f"this changes what `{table.name}` holds, for everybody: `{named}` is no copy"
            line = table.scope.assigned[table.name][0].line
            note = f"`{table.name}` is written down here, once for the process"
            why = (Step(table.scope.module.path, line, note), *analysis.once(Serving).way(scope))
            yield Sighting(scope, change.line, change.column, change.line, message, why, Mend("change a copy"))


def _changes(scope: FunctionSymbol) -> Iterator[TableChange]:
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[2] in LENGTHENING | FILLING and call.arguments:
            yield TableChange(call.callee[1], call.callee[2], call.arguments[-1], call.line, call.column)
    for each in scope.facts.assignments:
        if each.how in ("=", "augmented") and each.target[0] in ("subscript", "attribute"):
            yield TableChange(each.target[1], each.how, each.value, each.line, each.column)


def _table(analysis: Analysis, place: Expression, scope: FunctionSymbol) -> VariableSymbol | None:
    """The table out of which a local name was taken, on which the change is made: `row = ROWS[key]`, `rules = RULES`."""
    while place[0] in ("attribute", "subscript"):
        place = place[1]
    if place[0] != "name" or place[1] in scope.parameters or place[1] == "self":
        return None
    given = scope.assigned.get(place[1], ())
    if len(given) != 1 or given[0].how not in ("=", "annotated"):
        return None
    source = given[0].value
    while source[0] in ("subscript", "call"):
        if source[0] == "call":
            callee = scope.facts.calls[source[1]].callee
            if callee[0] != "attribute" or callee[2] != "get":
                return None
            source = callee[1]
        elif source[2] == OTHER:
            return None  # a slice is a copy
        else:
            source = source[1]
    if source[0] not in ("name", "attribute") or not (source[-1].isupper() and len(source[-1]) > 1):
        return None
    match analysis.program.evaluate(source, scope):
        case VariableSymbol(scope=at, name=name) as table if at.facts.sort == TOP and not at.module.library:
            made = at.assigned.get(name, ())
            written = len(made) == 1 and made[0].value[0] in ("list", "dict", "set") and bool(made[0].value[1])
            return table if written else None
    return None


def _is_looked_at(change: TableChange, scope: FunctionSymbol) -> bool:
    """Under a test of what is changed: filled where it lacks something, once for all."""
    root = change.place
    while root[0] in ("attribute", "subscript"):
        root = root[1]
    return any(
        block.what == "if" and block.line <= change.line <= block.end_line and root in within(test, scope)
        for block in scope.facts.blocks
        for test in block.expressions
    )


def _emptied(analysis: Analysis) -> frozenset[str]:
    """Names in capitals out of which something is taken, or into which something is put by that name."""
    found: set[str] = set()
    changing = REMOVING | LENGTHENING | FILLING
    for scope in analysis.scopes:
        facts = scope.facts
        called = [call.callee for call in facts.calls]
        targets = [each.target for each in facts.assignments]
        places = [each[1] for each in called if each[0] == "attribute" and each[2] in changing]
        places += [each for each in targets if each[0] == "subscript"]
        found.update([last_name(_container(place)) or "" for place in places])
        if facts.globals:
            found.update([each[-1] for each in targets if each[0] != "subscript" and each[-1] in facts.globals])
    return frozenset(each for each in found if each.isupper())


def _container(place: Expression) -> Expression:
    """`ROOMS` of `ROOMS[name]["members"]`."""
    while place[0] == "subscript":
        place = place[1]
    return place
