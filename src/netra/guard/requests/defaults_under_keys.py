"""Defaults that a function puts under a key, or several, of what lasts: each of them then has one and the same value.

def create(self, user=None, data={}):
    self.sessions[new_id()] = (user, data)
"""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, SELF, Assignment, Expression, Parameter
from netra.guard.meaning.expressions import within
from netra.guard.requests.slots import is_container
from netra.guard.symbols import FunctionSymbol


class DefaultUnderKey(NamedTuple):
    """A place at which the one default of a parameter is put under a key."""

    scope: FunctionSymbol
    parameter: Parameter
    stored: Assignment


def defaults_under_keys(analysis: Analysis) -> Iterator[DefaultUnderKey]:
    """Every such place, where whoever calls the function gets the default as well, and may change it."""
    for scope in analysis.scopes:
        around = scope.parent
        if scope.module.in_tests or around is None or around.facts.sort in (PLAIN, ASYNC):
            continue
        for parameter in scope.facts.parameters:
            if parameter.default is None or scope.assigned.get(parameter.name) or not is_container(parameter.default, around):
                continue
            given = ("name", parameter.name)
            if not any(given in within(each.value, scope) for each in scope.facts.returned):
                continue
            for each in scope.facts.assignments:
                if _is_under_a_key(each.target, scope) and given in _parts(each.value):
                    yield DefaultUnderKey(scope, parameter, each)
                    break


def _is_under_a_key(target: Expression, scope: FunctionSymbol) -> bool:
    """`self.sessions[id]`, `SESSIONS[id]`; what is written down as a key is one place."""
    match target:
        case ("subscript", ("attribute", inner, _), key):
            return bool(inner == SELF and key[0] not in ("string", "constant"))
        case ("subscript", ("name", str(name)), key):
            return name not in scope.bound and key[0] not in ("string", "constant")
    return False


def _parts(value: Expression) -> tuple[Expression, ...]:
    """A value, or those that it puts together."""
    match value:
        case ("tuple" | "list", tuple(inside)):
            return inside
        case ("dict", tuple(pairs)):
            return tuple(inside for _, inside in pairs)
    return (value,)
