"""Generators and context managers that are taken for what they yield: `db = get_db()`, and then `db.query(Order)`.

Nothing of such a function has run by then, and what it gives has no `query`. Guard looks at what is done with the call, with
the name or the attribute that keeps it, and with the parameter of a function or class of the program that takes it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from netra.guard.facts import BODY, CallSite, Expression, Use, Where, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.parameters import parameter_given
from netra.guard.meaning.questions import Questions
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import ContextOf, GeneratorOf, Routine, Step, TypeOf

# What they have themselves, by the special methods, too.
OWN: Final = frozenset(
    """send throw close asend athrow aclose gi_code gi_frame gi_running gi_yieldfrom gi_suspended ag_code ag_frame ag_running
    ag_await ag_suspended gen func args kwds""".split()
)
# Who asks this is prepared for both.
ASKING: Final = frozenset("isinstance hasattr getattr callable isgenerator isasyncgen isgeneratorfunction next anext".split())


class TakenForItem(NamedTuple):
    """What is asked of it that it has not, and where."""

    attribute: str
    """Empty where it is something else than an attribute: it is subscripted."""
    line: int
    column: int
    steps: tuple[Step, ...] = ()


def taken_for_item(
    value: GeneratorOf | ContextOf, where: Where, call: CallSite, scope: FunctionSymbol, receivers: Questions
) -> TakenForItem | None:
    """What a place makes of the call of such a function, when that is what no generator or context manager has."""
    if value.function is None:
        return None  # an annotation says so: whatever is behind it may have more
    match where:
        case ("attribute", str(name)):
            return None if _has(name) else TakenForItem(name, call.line, call.column)
        case ("subscript", *_):
            return TakenForItem("", call.line, call.column)
        case ("assign", ("name", str(name))):
            return _of_name(name, call, scope, receivers.program)
        case ("assign", ("attribute", ("name", "self"), str(name))) if scope.owner is not None:
            return _of_attribute(scope.owner, name, receivers.program)
        case ("argument", int(index), position):
            return _of_parameter(scope.facts.calls[index], position, scope, receivers)
    return None


def _has(name: str) -> bool:
    return name in OWN or name.startswith("__")


def _asked(uses: Iterable[Use], scope: FunctionSymbol, note: str) -> TakenForItem | None:
    for use in uses:
        if use.where[0] == "attribute" and not _has(use.where[1]):
            return TakenForItem(use.where[1], use.line, use.column, (Step(scope.module.path, use.line, note),))
    return None


def _is_prepared(scope: FunctionSymbol, named: Expression) -> bool:
    """It is asked there what it is, or its first item is taken."""
    return tells_kinds_apart(scope) or any(
        call.arguments[:1] == (named,) and last_name(call.callee) in ASKING for call in scope.facts.calls
    )


def _of_name(name: str, call: CallSite, scope: FunctionSymbol, program: Program) -> TakenForItem | None:
    """The only thing that a name is ever given, here and in the functions that see it."""
    if scope.facts.sort == BODY or name in scope.facts.globals or len(scope.assigned.get(name, ())) != 1:
        return None
    for each in (scope, *_seeing(name, scope, program)):
        if _is_prepared(each, ("name", name)) or (each is not scope and name in each.facts.globals):
            return None
        uses = (use for use in each.facts.uses if use.name == name and (each is not scope or use.line >= call.line))
        if (found := _asked(uses, each, f"`{name}` is asked here for what it would yield")) is not None:
            return found
    return None


def _seeing(name: str, scope: FunctionSymbol, program: Program) -> Iterator[FunctionSymbol]:
    meant = program.lookup(name, scope)
    return (each for each in scope.module.functions if each is not scope and _reads(each, name, program, meant))


def _reads(scope: FunctionSymbol, name: str, program: Program, meant: object) -> bool:
    return name in scope.facts.loads and program.lookup(name, scope) == meant


def _of_attribute(kind: ClassSymbol, name: str, program: Program) -> TakenForItem | None:
    """The only thing that the objects of a class, and of those below it, have under a name."""
    family = {*program.order(kind)[0], *program.subclasses.get(kind, ())}
    if sum(len(each.set_on_self.get(name, ())) for each in family) != 1 or any(name in each.body.assigned for each in family):
        return None
    methods = [method for each in family for named in each.methods.values() for method in named]
    if any(_is_prepared(each, ("attribute", ("name", "self"), name)) for each in methods):
        return None
    for method in methods:
        uses = (use for use in method.facts.uses if use.name == f"self.{name}")
        if (found := _asked(uses, method, f"`self.{name}` is asked here for what it would yield")) is not None:
            return found
    return None


def _of_parameter(call: CallSite, position: int | str, scope: FunctionSymbol, receivers: Questions) -> TakenForItem | None:
    """What a function of the program asks of the parameter, or the objects of a class that keep it."""
    match receivers.value(call.callee, scope):
        case Routine(function=function, bound=bound) if not function.module.library:
            return _of_given(function, position, call, bound=bound)
        case TypeOf(kind=kind) if not kind.module.library:
            making = next(
                (each.methods["__init__"] for each in receivers.program.order(kind)[0] if "__init__" in each.methods), []
            )
            if len(making) != 1:
                return None
            if (found := _of_given(making[0], position, call, bound=True)) is not None:
                return found
            name = parameter_given(making[0], position, bound=True)
            kept = [each.target for each in making[0].facts.assignments if name and each.value == ("name", name)]
            if len(kept) == 1 and kept[0][:2] == ("attribute", ("name", "self")) and name not in making[0].assigned:
                found = _of_attribute(kind, kept[0][2], receivers.program)
                return None if found is None else found._replace(line=call.line, column=call.column)
    return None


def _of_given(function: FunctionSymbol, position: int | str, call: CallSite, *, bound: bool) -> TakenForItem | None:
    name = parameter_given(function, position, bound=bound)
    if name is None or name in function.assigned or function.facts.decorators or _is_prepared(function, ("name", name)):
        return None
    uses = (use for use in function.facts.uses if use.name == name)
    found = _asked(uses, function, f"`{function.name}` asks it for what it would yield")
    return None if found is None else found._replace(line=call.line, column=call.column)
