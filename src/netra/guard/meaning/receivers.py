"""What an expression is, as far as annotations, constructors, factories, `Depends`, `with … as`, attributes set elsewhere in
the class and one level of call sites tell. Where two of them disagree, or one is not understood, the answer is None.

Here each question is asked, and its answer kept; a module for each sort of expression works it out.
"""

from collections import defaultdict
from typing import Final

from netra.guard.facts import Assignment, Expression
from netra.guard.meaning.annotations import Annotations
from netra.guard.meaning.applications import OF_LIBRARIES, OWNERS, KeptOnApplications, meant_by_state
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
_NAMED: Final = frozenset({"name", "attribute"})


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
        self._known: dict[FunctionSymbol, dict[Expression, Value | None]] = defaultdict(dict)
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
        known = self._known[scope]
        found = known.get(expression, _UNASKED)
        if found is not _UNASKED:
            return None if found is _ASKED else found
        if sort == "attribute":
            return self._read(expression, scope)
        if sort == "name":
            symbol = self.program.lookup(expression[1], scope)
            if not isinstance(symbol, VariableSymbol):
                found = known[expression] = self.named(symbol)
                return found
            if symbol.scope is not scope or symbol.name != expression[1]:
                # What it is, is worked out once for all that see it, under whatever name.
                return self._same(expression, scope, symbol)
        if self._depth > DEEPEST:
            self._cut = True
            return None
        known[expression] = _ASKED
        self._depth += 1
        found = self._assigned.variable(scope, expression[1]) if sort == "name" else self._outcomes.called(expression[1], scope)
        self._depth -= 1
        if found is None and self._cut and self.is_cut_short((scope, expression)):
            del known[expression]
        else:
            known[expression] = found
        self._cut = self._cut and self._depth > 0
        return found

    def _put(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What is put into a container, or taken out of it: for what a decorator keeps, the functions that it stands on."""
        found = self.value(expression, scope)
        if found is None and expression[0] == "name" and scope.parameters.get(expression[1]) is not None:
            functions = decorated_with(self.program, scope, expression[1], self.value)
            return agreed([Routine(each) for each in functions]) if functions else None
        return found

    def _is_unknown(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """Nothing is known of it, and nothing will be: none is what was found, and not only what is being worked out."""
        return self._known[scope].get(expression, _UNASKED) is None

    def _same(self, expression: Expression, scope: FunctionSymbol, symbol: VariableSymbol) -> Value | None:
        """What a name is that a scope around it binds."""
        name = ("name", symbol.name)
        found = self.value(name, symbol.scope)
        if found is not None or self._is_unknown(name, symbol.scope):
            self._known[scope][expression] = found
        return found

    def _read(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an attribute is that is read of something."""
        _, inner, name = expression
        owner = self.value(inner, scope)
        if isinstance(owner, Foreign) and owner.symbol is SUPER:
            found = None if scope.owner is None else self._attributes.above(scope.owner, name)
        else:
            found = None if owner is None else self._attributes.of(owner, name)
            lost = found is None or (isinstance(found, Foreign) and inner in OF_LIBRARIES)
            if lost and inner[0] in _NAMED and inner[-1] in OWNERS:
                found = self._applications.of(meant_by_state(expression, scope, self.program)) or found
            elif owner is None and self._is_unknown(inner, scope):
                self._known[scope][expression] = None
        if found is not None:
            self._known[scope][expression] = found
        return found

    def named(self, symbol: Symbol | None) -> Value | None:
        """What stands under a name."""
        if symbol is None:
            return None
        if isinstance(symbol, VariableSymbol):
            return self.value(("name", symbol.name), symbol.scope)
        if isinstance(symbol, External):
            return Foreign(symbol)  # it is made in less time than it takes to compare names
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

    def put_on_application(self, expression: Expression) -> list[tuple[FunctionSymbol, Assignment]]:
        """All that the program puts where `app.state.pool` is read."""
        return self._applications.put(expression)


def _of_symbol(symbol: ModuleSymbol | FunctionSymbol | ClassSymbol) -> Value:
    match symbol:
        case ModuleSymbol():
            return ModuleValue(symbol)
        case FunctionSymbol():
            return Routine(symbol)
        case ClassSymbol():
            return TypeOf(symbol)
