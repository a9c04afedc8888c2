"""Classes that are made by way of a table: `PIPELINES = {".md": Markdown, ".csv": Table}`, and then `PIPELINES[suffix]()`."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression, last_name
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import TypeOf

Making = tuple[FunctionSymbol, CallSite]
NAMED: Final = frozenset({"name", "attribute"})


def made_by_table(analysis: Analysis) -> dict[ClassSymbol, list[Making]]:
    """Where an object of a class may be made so; use `analysis.once(made_by_table)`."""
    tables = dict(_tables(analysis))
    names = {name for _, name in tables}
    found: dict[ClassSymbol, list[Making]] = {}
    for scope in analysis.scopes if tables else ():
        if scope.module.in_tests or names.isdisjoint(_said(scope)):
            continue
        for call in scope.facts.calls:
            place = _entry(call.callee, scope)
            if place is None or last_name(place) not in names:
                continue
            match analysis.program.evaluate(place, scope):
                case VariableSymbol(scope=at, name=name) if (at, name) in tables:
                    for kind in tables[at, name]:
                        found.setdefault(kind, []).append((scope, call))
    return found


def _said(scope: FunctionSymbol) -> list[str]:
    """The names that a function reads, and the attributes of modules."""
    return [*scope.facts.loads, *(each.expression[-1] for each in scope.facts.reads)]


def _tables(analysis: Analysis) -> Iterator[tuple[tuple[FunctionSymbol, str], list[ClassSymbol]]]:
    for module in analysis.modules:
        top = module.top
        for each in top.facts.assignments if not module.in_tests else ():
            if each.target[0] != "name" or each.value[0] != "dict" or len(top.assigned.get(each.target[1], ())) != 1:
                continue
            values = [value for _, value in each.value[1]]
            if not values or not all(value[0] in NAMED and value[-1][:1].isupper() for value in values):
                continue
            kinds = [
                found.kind
                for value in values
                if isinstance(found := analysis.receivers.value(value, top), TypeOf) and not found.kind.module.library
            ]
            if kinds:
                yield (top, each.target[1]), kinds


def _entry(callee: Expression, scope: FunctionSymbol, depth: int = 1) -> Expression | None:
    """The table of which what is called is an entry: `TABLE[key]`, `TABLE.get(key, Plain)`, or a local name for one."""
    match callee:
        case ("subscript", tuple() as place, _) if place[0] in NAMED:
            return place
        case ("call", int(index)):
            asked: Expression = scope.facts.calls[index].callee
            held: Expression | None = asked[1] if asked[0] == "attribute" and asked[2] == "get" else None
            return held if held is not None and held[0] in NAMED else None
        case ("name", str(name)) if depth and name not in scope.parameters and scope.facts.sort not in (TOP, BODY):
            given = scope.assigned.get(name, ())
            return _entry(given[0].value, scope, depth - 1) if len(given) == 1 and given[0].how == "=" else None
    return None
