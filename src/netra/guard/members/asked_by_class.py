"""What an object has whose class is only known by asking: `if isinstance(config, CookieConfig): config.path`."""

from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.meaning.known_by_asking import class_asked_for
from netra.guard.meaning.narrowing import is_asked_but_for_its_class
from netra.guard.members.completion import Completion
from netra.guard.members.members import MemberNames
from netra.guard.members.parents import Parents
from netra.guard.symbols import ClassSymbol, FunctionSymbol


class AskedClass(NamedTuple):
    """The class that a test has asked for, with every name that an object of it may have."""

    kind: ClassSymbol
    held: frozenset[str]
    is_borne_out: bool
    """Under the test, the object is asked for something that the class has, and for one thing only that it lacks."""


def asked_by_class(
    analysis: Analysis, expression: Expression, name: str, line: int, scope: FunctionSymbol
) -> AskedClass | None:
    """The class for which the `if` around a line asks, when it says all that the object has.

    A mixin, a protocol and a class that others have to complete say nothing: the object is of another class as well. Whoever
    asks for the name, too, is believed.
    """
    if "isinstance" not in scope.called or expression[0] not in ("name", "attribute"):
        return None
    asked = class_asked_for(expression, line, scope, analysis.receivers)
    if asked is None or asked.kind.module.library or is_asked_but_for_its_class(expression, name, scope):
        return None
    kind, block = asked
    completion = analysis.once(Completion)
    held = analysis.once(MemberNames).of(kind)
    if held is None or analysis.once(Parents).is_protocol(kind) or completion.is_part_of_others(kind):
        return None
    names = {read[2] for read, at, _ in scope.attributes_read if read[1] == expression and block.line <= at <= block.end_line}
    return AskedClass(kind, held, len(names - held) == 1 and bool(names & held))
