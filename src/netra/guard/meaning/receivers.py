"""What an expression is, as far as annotations, constructors, factories, `Depends`, `with … as`, attributes set elsewhere in
the class and one level of call sites tell. Where two of them disagree, or one is not understood, the answer is None.

Here each question is asked, and its answer kept; a module for each sort of expression works it out.
"""

from typing import Final

from netra.guard.facts import Assignment, Expression
from netra.guard.meaning.annotations import Annotations
from netra.guard.meaning.applications import CURRENT, OWNERS, KeptOnApplications
from netra.guard.meaning.assigned import AssignedValues
from netra.guard.meaning.attributes import Attributes
from netra.guard.meaning.awaiting import awaited, entered
from netra.guard.meaning.composed import composed
from netra.guard.meaning.containers import Containers
from netra.guard.meaning.kinds import Kinds
from netra.guard.meaning.outcomes import SUPER, Outcomes
from netra.guard.meaning.parameters import ParameterValues
from netra.guard.meaning.registering import decorated_with
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, Symbol, VariableSymbol
from netra.guard.values import Foreign, ModuleValue, Plain, Routine, TypeOf, Value, agreed

DEEPEST: Final = 32

# How often an answer that was cut short is looked for again, from nearer, before it counts as unknown.
MOST_TRIES: Final = 2

_ASKED: Final = Plain("…")
"""Stands for an answer that is being worked out, so that `x = x.next()` ends."""

_UNASKED: Final = Plain("?")
"""Stands for an answer that nobody has asked for yet."""

# Expressions of which answers are kept. Of the others, each is asked about in one place.
_KEPT: Final = frozenset({"name", "attribute", "call"})


class Receivers:
    """Answers about expressions, each worked out once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.annotations = Annotations(program)
        self.containers = Containers(self._put, self.awaited)
        self._cut = False
        self._tries: dict[object, int] = {}
        self.parameters = ParameterValues(program, self.value, self.annotated, self.outcome)
        self.kinds = Kinds(program, self.value, self.annotated, self.is_cut_short)
        self._known: dict[tuple[FunctionSymbol, Expression], Value | None] = {}
        self._assigned = AssignedValues(self)
        self._outcomes = Outcomes(self)
        self._attributes = Attributes(self, self._outcomes)
        self._applications = KeptOnApplications(self)
        self._named_before: dict[Symbol, Value] = {}
        self._depth = 0

    def is_cut_short(self, question: object) -> bool:
        """Whether no answer means only that the way to it was too long from where it was asked."""
        if not self._cut or self._tries.get(question, 0) >= MOST_TRIES:
            return False
        self._tries[question] = self._tries.get(question, 0) + 1
        return True

    # --- expressions -----------------------------------------------------------------------------------------------------

    def value(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an expression of this scope is."""
        # Nearly every question is one of these three, and `match` takes as long to get there as the answer does.
        sort = expression[0]
        if sort not in _KEPT:
            return composed(expression, scope, self)
        key = (scope, expression)
        found = self._known.get(key, _UNASKED)
        if found is not _UNASKED:
            return None if found is _ASKED else found
        if sort == "attribute":
            return self._keep(key, self._read(expression, scope))
        if sort == "name":
            symbol = self.program.lookup(expression[1], scope)
            if not isinstance(symbol, VariableSymbol):
                return self._keep(key, self.named(symbol))
            if symbol.scope is not scope or symbol.name != expression[1]:
                # What it is, is worked out once for all that see it, under whatever name.
                return self._keep(key, self.value(("name", symbol.name), symbol.scope))
        if self._depth > DEEPEST:
            self._cut = True
            return None
        self._known[key] = _ASKED
        self._depth += 1
        found = self._assigned.variable(scope, expression[1]) if sort == "name" else self._outcomes.called(expression[1], scope)
        self._depth -= 1
        if found is None and self._cut and self.is_cut_short(key):
            del self._known[key]
        else:
            self._known[key] = found
        self._cut = self._cut and self._depth > 0
        return found

    def _put(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What is put into a container, or taken out of it: for what a decorator keeps, the functions that it stands on."""
        found = self.value(expression, scope)
        if found is None and expression[0] == "name" and scope.parameters.get(expression[1]) is not None:
            functions = decorated_with(self.program, scope, expression[1], self.value)
            return agreed([Routine(each) for each in functions]) if functions else None
        return found

    def _keep(self, key: tuple[FunctionSymbol, Expression], found: Value | None) -> Value | None:
        """An answer that stays what it is; none may be there only because what it is made of is being worked out."""
        if found is not None:
            self._known[key] = found
        return found

    def _read(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an attribute is that is read of something."""
        owner = self.value(expression[1], scope)
        if isinstance(owner, Foreign) and owner.symbol is SUPER:
            return None if scope.owner is None else self._attributes.above(scope.owner, expression[2])
        found = None if owner is None else self._attributes.of(owner, expression[2])
        # Of what a library says that it is the application, only the program knows what it has put there.
        known = found is not None and not (isinstance(found, Foreign) and expression[1] == CURRENT)
        if known or expression[1][0] not in ("attribute", "name") or expression[1][-1] not in OWNERS:
            return found  # so it is with nearly everything
        return self._applications.of(expression) or found

    def named(self, symbol: Symbol | None) -> Value | None:
        """What stands under a name."""
        if symbol is None:
            return None
        if isinstance(symbol, VariableSymbol):
            return self.value(("name", symbol.name), symbol.scope)
        if (known := self._named_before.get(symbol)) is None:
            known = self._named_before[symbol] = _of_symbol(symbol)
        return known

    # --- and what they are made of ---------------------------------------------------------------------------------------

    def annotated(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        """What an annotation promises."""
        return self.annotations.promised(annotation, scope)

    def awaited(self, value: Value | None) -> Value | None:
        """What `await` gives of a value."""
        return awaited(value, self)

    def entered(self, value: Value | None, *, late: bool) -> Value | None:
        """What `with … as` (`async with … as` when late) binds."""
        return entered(value, self, late=late)

    def attribute(self, owner: Value, name: str) -> Value | None:
        """What `owner.name` is."""
        return self._attributes.of(owner, name)

    def of_class(self, kind: ClassSymbol, name: str) -> Value | None:
        """What an object of a class has under a name."""
        return self._attributes.of_class(kind, name)

    def outcome(self, routine: Routine) -> Value | None:
        """What calling a function gives; for a method, when all that override it agree."""
        return self._outcomes.of(routine)

    def stored(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """What an assignment puts there, whatever its annotation says."""
        return self._assigned.stored(each, scope)

    def assigned(self, assignments: list[tuple[FunctionSymbol, Assignment]]) -> list[Value | None]:
        """What each of several assignments puts there; of an annotation, what it promises alone."""
        return self._assigned.assigned(assignments)

    def caught(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """What `except ToolError as error` binds: one of the classes that it names."""
        return self._assigned.caught(each, scope)

    def on_application(self, expression: Expression) -> Value | None:
        """What `app.state.pool` is, by what the program puts there."""
        return self._applications.of(expression)


def _of_symbol(symbol: ModuleSymbol | FunctionSymbol | ClassSymbol | External) -> Value:
    match symbol:
        case ModuleSymbol():
            return ModuleValue(symbol)
        case FunctionSymbol():
            return Routine(symbol)
        case ClassSymbol():
            return TypeOf(symbol)
        case External():
            return Foreign(symbol)
