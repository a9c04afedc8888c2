"""S115."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, OTHER, PLAIN, TOP, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, Step

# What makes something longer each time, whatever it is given; and what may leave it as it is.
LENGTHENING: Final = frozenset("append insert extend appendleft".split())
FILLING: Final = frozenset("add update setdefault".split())

# Names of what others are made after, and copies that share what they hold.
MODELS: Final = frozenset("default defaults base template templates initial blank skeleton prototype".split())
COPYING: Final = frozenset("dict list copy".split())
OF_CLASS: Final[frozenset[Expression]] = frozenset({("name", "self"), ("name", "cls")})


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

    A copy that shares what it holds is none: after `row = dict(ROW)`, `row["tags"].append(tag)` changes `ROW`.

    Change a copy: `[*RULES, "Be short."]`, `{**ROW, "name": name}`, `replace(persona, …)`. Tables are what is written with its
    content, under a name in capitals or as what others are made after (`default_options`); one from which something is taken
    out somewhere is kept on purpose.
    """
    emptied = analysis.once(_emptied)
    for scope in analysis.once(Sharing).served:
        for change in _changes(scope):
            table = _table(analysis, change.place, scope) or _shallow(analysis, change.place, scope)
            if table is None or table.name in emptied or _is_looked_at(change, scope):
                continue
            if change.how not in LENGTHENING and analysis.once(Origins).of(change.value, scope, change.line) is None:
                continue
            root = change.place
            while root[0] == "subscript":
                root = root[1]
            named = last_name(root) or "it"
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
    return _written_down(analysis, given[0].value, scope)


def _written_down(analysis: Analysis, source: Expression, scope: FunctionSymbol, depth: int = 1) -> VariableSymbol | None:
    """The table that an expression is, or is an entry of, also as a function gives it: `def row_of(key): return ROWS[key]`."""
    while source[0] in ("subscript", "call"):
        if source[0] == "call":
            callee = scope.facts.calls[source[1]].callee
            match analysis.receivers.value(callee, scope) if depth else None:
                case Routine(function=function) if not function.module.library:
                    return _given_by(analysis, function, depth - 1)
            if callee[0] != "attribute" or callee[2] != "get":
                return None
            source = callee[1]
        elif source[2] == OTHER:
            return None  # a slice is a copy
        else:
            source = source[1]
    if source[0] not in ("name", "attribute") or not _is_called_table(source[-1]):
        return None
    return _named_table(analysis, source, scope)


def _given_by(analysis: Analysis, function: FunctionSymbol, depth: int) -> VariableSymbol | None:
    """The one table of which a plain function gives an entry, whatever it is asked."""
    if function.facts.sort != PLAIN or function.facts.yields:
        return None
    found: list[VariableSymbol | None] = []
    for each in function.facts.returned:
        value = each.value
        given = function.assigned.get(value[1], ()) if value[0] == "name" and value[1] not in function.parameters else ()
        value = given[0].value if len(given) == 1 and given[0].how == "=" else value
        found.append(_written_down(analysis, value, function, depth))
    return found[0] if found and all(each is not None and each == found[0] for each in found) else None


def _is_called_table(name: str) -> bool:
    return (name.isupper() and len(name) > 1) or not MODELS.isdisjoint(name.lower().strip("_").split("_"))


def _named_table(analysis: Analysis, source: Expression, scope: FunctionSymbol) -> VariableSymbol | None:
    """A container that is written down with its content, in a module or in the body of a class, and has no other value."""
    table: object = None
    if source[0] == "attribute" and source[1] in OF_CLASS and scope.owner is not None:
        kinds = (each for each in analysis.program.order(scope.owner)[0] if source[2] in each.body.assigned)
        own = any(source[2] in each.set_on_self for each in analysis.program.order(scope.owner)[0])
        table = next((VariableSymbol(each.body, source[2]) for each in kinds if not own), None)
    elif source[0] in ("name", "attribute"):
        table = analysis.program.evaluate(source, scope)
    match table:
        case VariableSymbol(scope=at, name=name) if at.facts.sort in (TOP, BODY) and not at.module.library:
            made = at.assigned.get(name, ())
            written = len(made) == 1 and made[0].value[0] in ("list", "dict", "set") and bool(made[0].value[1])
            return VariableSymbol(at, name) if written else None
    return None


def _shallow(analysis: Analysis, place: Expression, scope: FunctionSymbol) -> VariableSymbol | None:
    """The table of which only the outside was copied: `row = dict(ROW)`, and then `row["tags"].append(tag)`."""
    if place[0] != "subscript" or place[1][0] != "name" or place[1][1] in scope.parameters:
        return None
    given = scope.assigned.get(place[1][1], ())
    if len(given) != 1 or given[0].how not in ("=", "annotated"):
        return None
    source = _copied(given[0].value, scope)
    table = None if source is None else _named_table(analysis, source, scope)
    if table is None:
        return None
    sort, content = table.scope.assigned[table.name][0].value[:2]
    inner = [value for key, value in content if key == place[2]] if sort == "dict" else content
    return table if inner and all(each[0] in ("list", "dict", "set") for each in inner) else None


def _copied(value: Expression, scope: FunctionSymbol) -> Expression | None:
    """What is copied, and not what it holds: `dict(ROW)`, `ROW.copy()`, `copy(ROW)`."""
    if value[0] != "call":
        return None
    call = scope.facts.calls[value[1]]
    if call.callee[0] == "attribute" and call.callee[2] == "copy" and not call.arguments:
        inner: Expression = call.callee[1]
        return inner
    return call.arguments[0] if last_name(call.callee) in COPYING and len(call.arguments) == 1 else None


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
    for _, _, call in analysis.calls_of(*changing):
        if call.callee[0] == "attribute":
            found.add(last_name(_container(call.callee[1])) or "")
    for scope in analysis.scopes:
        facts = scope.facts
        for each in facts.assignments:
            target = each.target
            if target[0] == "subscript":
                found.add(last_name(_container(target)) or "")
            elif facts.globals and target[-1] in facts.globals:
                found.add(target[-1])
    return frozenset(each for each in found if each.isupper())


def _container(place: Expression) -> Expression:
    """`ROOMS` of `ROOMS[name]["members"]`."""
    while place[0] == "subscript":
        place = place[1]
    return place
