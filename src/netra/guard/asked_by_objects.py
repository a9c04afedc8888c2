"""Classes of the program whose objects read the variable that they were given the name of, and what they are made with.

class Variable:
    def __init__(self, name, default=None):
        self.name, self.default = name, default

    def get(self):
        return os.environ.get(self.name, self.default)

LIMIT = Variable("APP_LIMIT", "10")
"""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of, text_of
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import SELF, Expression, Mention
from netra.guard.requests.passing import pairs
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import TypeOf


class _NamedReading(NamedTuple):
    """How objects of a class are made: by which function, and which of its parameters are the name and what replaces it."""

    making: FunctionSymbol
    name: str
    default: str


def reads_of_objects(analysis: Analysis) -> list[Access]:
    """What is read through such objects: each call with a text that makes one."""
    known: dict[ClassSymbol, _NamedReading] = {}
    for access in analysis.once(accesses):
        kind = access.scope.object_of
        if access.touch is not Touch.READ or access.variable or kind is None or access.module.in_tests:
            continue
        if (found := _reading(analysis, access, kind)) is not None:
            known.setdefault(kind, found)
    return list(_made(analysis, known)) if known else []


def _reading(analysis: Analysis, access: Access, kind: ClassSymbol) -> _NamedReading | None:
    asked = _asked(access)
    if asked is None:
        return None
    given = _given(analysis, asked, kind)
    if given is None:
        return None
    instead = [] if access.default is None else [access.default]
    instead += [each.value for each in access.scope.facts.returned]
    for each in instead:
        last = each[1][-1] if each[0] == "choice" else each
        if last[0] == "attribute" and last[1] == SELF and last[2] != asked:
            replaced = _given(analysis, last[2], kind)
            if replaced is not None and replaced[0] is given[0]:
                return _NamedReading(*given, replaced[1])
    return _NamedReading(*given, "")


def _asked(access: Access) -> str | None:
    """`name` of `os.environ.get(self.name)` and of `os.environ[self.name]`."""
    call = call_of(access.scope, access.mention)
    keys: list[Expression] = list(call.arguments[:1]) if call is not None else []
    values = [each.value for each in access.scope.facts.assignments if each.line == access.line]
    values += [each.value for each in access.scope.facts.returned if each.line == access.line]
    keys += [each[2] for each in values if each[0] == "subscript" and each[1] == access.mention.expression]
    return next((each[2] for each in keys if each[0] == "attribute" and each[1] == SELF), None)


def _given(analysis: Analysis, name: str, kind: ClassSymbol) -> tuple[FunctionSymbol, str] | None:
    """The `__init__` of a class, and the parameter that an attribute has."""
    for above in analysis.program.order(kind)[0]:
        for method, each in above.set_on_self.get(name, ()):
            if method.name == "__init__" and each.value[0] == "name" and each.value[1] in method.parameters:
                return method, each.value[1]
    return None


def _made(analysis: Analysis, known: dict[ClassSymbol, _NamedReading]) -> Iterator[Access]:
    below = {each for kind in known for each in (kind, *analysis.program.subclasses.get(kind, ()))}
    for scope, _, call in analysis.calls_of(*{each.name for each in below}):
        match analysis.receivers.value(call.callee, scope):
            case TypeOf(kind=kind) if kind in below and not scope.module.in_tests:
                found = next(known[each] for each in analysis.program.order(kind)[0] if each in known)
                passed = dict(pairs(call, found.making, 1))
                variable = text_of(analysis, passed[found.name], scope) if found.name in passed else ""
                if variable:
                    mention = Mention(call.callee, ("called",), call.line, call.column)
                    default = passed.get(found.default)
                    yield Access(scope, Touch.READ, variable, default, call.line, call.column, call.end_line, mention)
