"""M116."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import SELF, Assignment
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.settable import Settable
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step

SETTING: Final = frozenset("= annotated augmented unpack for with delete".split())


@rule("M116", "unsettable-attribute")
def unsettable_attribute(analysis: Analysis) -> Iterator[Sighting]:
    """An attribute is set on an object that takes none, or none of that name.

    A frozen dataclass, a named tuple and a frozen Pydantic model refuse every change; a Pydantic model refuses what is no field
    of it, and an object of a class with slots (`@dataclass(slots=True)`, `__slots__`, `@define` of attrs) has no room for what
    is no slot. The line raises whenever it runs. A mapped class of SQLAlchemy takes every name, and stores only its columns:
    told of is one that looks much like a column, and that nothing in the program ever reads.

    ```python
    @dataclass(frozen=True)
    class Plan:
        name: str


    def rename(plan: Plan) -> None:
        plan.name = "free"  # M116: FrozenInstanceError
    ```

    Make a copy (`dataclasses.replace`, `_replace`, `model_copy(update=…)`), add the field, or let the class be changed. Private
    names of Pydantic models, `extra="allow"`, classes with a `__setattr__` or a base that is not known, and lines that expect
    the error are left alone.
    """
    settable = analysis.once(Settable)
    used = analysis.program.once(NamesUsed)
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for each in scope.facts.assignments:
            if each.target[0] != "attribute" or each.how not in SETTING or not settable.may_be_refused(each.target[2]):
                continue
            match analysis.receivers.value(each.target[1], scope):
                case Instance(kind=kind) if not kind.module.library:
                    refused = settable.refused(kind, each.target[2])
                case _:
                    continue
            if refused is None or _is_excused(each, scope) or used.is_unused(scope):
                continue
            if not refused.frozen and _is_annotated_wrongly(each, scope, settable, kind):
                continue
            message = f"`{written(each.target, scope)}` is set in vain: {refused.why}"
            step = Step(refused.kind.module.path, refused.kind.facts.line, f"`{refused.kind.name}` {refused.what}")
            yield Sighting(scope, each.line, each.column, each.line, message, (step,), Mend(refused.mend))


def _is_annotated_wrongly(each: Assignment, scope: FunctionSymbol, settable: Settable, kind: ClassSymbol) -> bool:
    """Of a parameter the function reads what it sets, which its class lacks, or nothing that the class has: it is another."""
    _, inner, name = each.target
    if inner[0] != "name" or inner[1] not in scope.parameters or inner == SELF:
        return False
    asked = {expression[2] for expression, _, _ in scope.attributes_read if expression[1] == inner}
    return name in asked or (bool(asked) and all(settable.refused(kind, one) is not None for one in asked))


def _is_excused(each: Assignment, scope: FunctionSymbol) -> bool:
    inner = each.target[1]
    errors = ("AttributeError", "FrozenInstanceError", "ValidationError", "ValueError", "TypeError")
    return is_caught(each.line, scope, *errors) or (inner != SELF and is_told_apart(inner, each.target[2], scope))
