"""What the parts of `Receivers` ask of one another: what a call gives depends on what its callee is, and so on in a circle."""

from typing import Protocol

from netra.guard.facts import Assignment, Expression
from netra.guard.meaning.annotations import Annotations
from netra.guard.meaning.containers import Containers
from netra.guard.meaning.kinds import Kinds
from netra.guard.meaning.parameters import ParameterValues
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, Symbol
from netra.guard.values import Routine, Value


class Questions(Protocol):
    """All questions in one place. Who asks hands on nothing that it has found: each answer is kept where it is worked out."""

    program: Program
    annotations: Annotations
    parameters: ParameterValues
    kinds: Kinds
    containers: Containers

    def value(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an expression of this scope is."""

    def named(self, symbol: Symbol | None) -> Value | None:
        """What stands under a name."""

    def annotated(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        """What an annotation promises."""

    def awaited(self, value: Value | None) -> Value | None:
        """What `await` gives of a value."""

    def entered(self, value: Value | None, *, late: bool) -> Value | None:
        """What `with … as` (`async with … as` when late) binds."""

    def attribute(self, owner: Value, name: str) -> Value | None:
        """What `owner.name` is."""

    def of_class(self, kind: ClassSymbol, name: str) -> Value | None:
        """What an object of a class has under a name."""

    def outcome(self, routine: Routine) -> Value | None:
        """What calling a function gives."""

    def stored(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """What an assignment puts there, whatever its annotation says."""

    def assigned(self, assignments: list[tuple[FunctionSymbol, Assignment]]) -> list[Value | None]:
        """What each of several assignments puts there; of an annotation, what it promises alone."""

    def on_application(self, expression: Expression) -> Value | None:
        """What `app.state.pool` is, by what the program puts there."""

    def is_cut_short(self, question: object) -> bool:
        """Whether no answer means only that the way to it was too long from where it was asked."""
