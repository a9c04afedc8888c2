"""Reads of the environment by another name that it has got elsewhere: `self.env["KEY"]`, `from app.compat import surroundings`.

Where such a name is made, it is a mention of the environment. Where it is used, nothing says so but what the name has.
"""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.asked import text_of
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import Expression, Mention, last_name
from netra.guard.spellings import MAPPINGS, of_os
from netra.guard.symbols import ClassSymbol, FunctionSymbol


def aliased_reads(analysis: Analysis) -> list[Access]:
    """What is asked of a name that has the environment, where it was not assigned in the same scope."""
    names = {
        name
        for scope in analysis.scopes
        for mention in scope.facts.mentions
        if mention.where[0] == "assign" and (name := last_name(mention.where[1])) is not None
    }
    if not names:
        return []
    known = {(each.scope, each.line) for each in analysis.once(accesses)}
    found = (each for scope in analysis.scopes for each in _of_scope(analysis, scope, names))
    return [each for each in found if (each.scope, each.line) not in known]


def _of_scope(analysis: Analysis, scope: FunctionSymbol, names: set[str]) -> Iterator[Access]:
    for call in scope.facts.calls:
        match call.callee:
            case ("attribute", whole, "get" | "__getitem__") if last_name(whole) in names and call.arguments:
                if _is_environment(analysis, whole, scope):
                    mention = Mention(whole, ("attribute", "get"), call.line, call.column)
                    default = call.arguments[1] if len(call.arguments) > 1 else dict(call.keywords).get("default")
                    variable = text_of(analysis, call.arguments[0], scope)
                    yield Access(scope, Touch.READ, variable, default, call.line, call.column, call.end_line, mention)
    lines = [(each.value, each.line, each.column) for each in scope.facts.assignments]
    lines += [(each.value, each.line, each.column) for each in scope.facts.returned]
    for value, line, column in lines:
        for whole, key in _subscripts(value):
            if last_name(whole) in names and _is_environment(analysis, whole, scope):
                mention = Mention(whole, ("subscript",), line, column)
                yield Access(scope, Touch.READ, text_of(analysis, key, scope), None, line, column, line, mention)


def _is_environment(analysis: Analysis, whole: Expression, scope: FunctionSymbol) -> bool:
    if of_os(analysis, whole, scope) in MAPPINGS:
        return True
    match whole:
        case ("attribute", ("name", "self" | "cls"), str(name)) if scope.owner is not None:
            return _is_held(analysis, scope.owner, name)
        case ("attribute", inner, str(name)):
            match analysis.program.evaluate(inner, scope):
                case ClassSymbol() as kind:
                    return _is_held(analysis, kind, name)
    return False


def _is_held(analysis: Analysis, kind: ClassSymbol, name: str) -> bool:
    """The class, or each object of it, has nothing else under the name."""
    values = [(each.value, kind.body) for each in kind.body.facts.assignments if each.target == ("name", name)]
    for methods in kind.methods.values():
        for method in methods:
            values += [
                (each.value, method)
                for each in method.facts.assignments
                if each.target[:1] == ("attribute",) and each.target[1:] == (("name", "self"), name)
            ]
    return bool(values) and all(of_os(analysis, value, scope) in MAPPINGS for value, scope in values)


def _subscripts(value: Expression) -> Iterator[tuple[Expression, Expression]]:
    match value:
        case ("subscript", whole, key):
            yield whole, key
            yield from _subscripts(whole)
        case ("choice" | "list" | "tuple" | "formatted", parts):
            for part in parts:
                yield from _subscripts(part)
        case ("await" | "not", inner):
            yield from _subscripts(inner)
