"""M101."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.connections import is_migration
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import SELF, Assignment, Expression, is_for_checkers
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.exhaustion import classes_left
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.narrowing import is_caught, is_dictionary, is_told_apart
from netra.guard.meaning.provenance import origin
from netra.guard.members.asked_by_class import asked_by_class
from netra.guard.members.beginnings import may_be_made
from netra.guard.members.borne_out import bears_out, owner_of_self
from netra.guard.members.columns import MissingColumn, missing_columns
from netra.guard.members.completion import Completion
from netra.guard.members.either_made import made_for
from netra.guard.members.made_without import made_without
from netra.guard.members.making import Making
from netra.guard.members.members import OF_CLASSES, MemberNames
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parents import ENUMS, SQL_MODELS, Parents
from netra.guard.members.rows import in_order
from netra.guard.members.tables import TABLES
from netra.guard.reading import is_waived
from netra.guard.repeated import together
from netra.guard.rule import rule
from netra.guard.source.waivers import MEMBER
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Either, Instance, Plain, Routine, Step, TypeOf

# What a test reads of the stand-in that it has put in the place of an object.
OF_MOCKS: Final = frozenset(
    "return_value side_effect called call_count call_args call_args_list mock_calls method_calls await_count".split()
)


# What is asked of texts and containers all the time.
OF_BUILTINS: Final = frozenset(name for kind in (str, bytes, list, dict, set, tuple, int) for name in dir(kind))

# Names that Python makes, and `_Message__key`, by which it keeps what `Message` calls `__key`.
OF_PYTHON: Final = re.compile(r"__|_[A-Za-z]\w*?__\w")

# So many names that a class lacks are told of one by one in a function.
MOST_OF_A_CLASS: Final = 3
SUPER: Final[Expression] = ("name", "super")
OF_A_ROW: Final = Plain("value")


@rule("M101", "missing-member", hesitant=True)
def missing_member(analysis: Analysis) -> Iterator[Sighting]:
    """An attribute or method is used that the object's class does not have, nor any class below or above it.

    It raises `AttributeError` when the line runs: what is left behind by a rename, or by code that was written for a class
    that never was.

    ```python
    class Invoice:
        def __init__(self, total: int) -> None:
            self.total = total


    def show(invoice: Invoice) -> str:
        return f"{invoice.amount} EUR"  # M101: an Invoice has a `total`
    ```

    Guard reports a class only when all of it is known: every base, no `__getattr__`, no decorator or metaclass that adds
    members, no descriptor that writes names of its own, nobody who sets that name from outside. Private functions that nothing
    names, and objects that the code tells apart by `isinstance`, `hasattr`, `getattr` or `match` are left alone, and so is what
    stands in a `try` that catches the AttributeError, in a `pytest.raises` that expects it, or under a comment that tells a
    type checker to be silent about it (`# type: ignore[attr-defined]` and its like), and what a mixin that nobody here combines
    or makes takes from the class that it will stand beside. Guard is certain where the code itself
    shows what the object is: `self` of a class that the program makes, or that has no base, and that nothing derives from; a
    class that is named; an object that a constructor makes, however many functions, getters, attributes, dependencies and
    callers are between it and the line; a field that Pydantic has checked; what a framework gives the handler of a route; and
    a parameter whose annotation the function itself bears out, by asking for something that the class has, or that nobody
    hands on to be called. So it is with what the program puts into containers, context variables and applications, with what
    queries of SQLAlchemy, Django and Tortoise give, and with what loops go over. An annotation of an attribute or of what a
    function returns is borne out by the other methods and callers, where these ask for nothing else that the class lacks.
    So it is where a function makes an object of one class or of another, one of them lacks the name, and the caller neither
    tells which nor asks; where an `if isinstance(…)` around the line says what an otherwise unknown object is; and where an
    attribute of another object is asked, in the same function, for what its class has and for one thing only that it lacks.
    Columns of a table without a class (`orders.c.total`), `super()` and what `+=` adds to are asked about as well. What another
    annotation says alone is believed less.
    """
    members = analysis.once(MemberNames)
    used = analysis.program.once(NamesUsed)
    yield from map(_of_a_table, missing_columns(analysis))
    for scope in analysis.scopes:
        owners: dict[tuple[Expression, bool], PossibleKinds | None] = {}
        seen: set[Expression] = set()
        sightings: dict[tuple[tuple[ClassSymbol, ...], str], list[Sighting]] = {}
        for expression, line, column in (*scope.attributes_read, *_added_to(scope)):
            _, inner, name = expression
            key = (inner, name in OF_BUILTINS)
            if key not in owners:
                owners[key] = _owners(analysis, members, inner, scope, asks_own=name not in OF_BUILTINS)
            found = owners[key]
            told, asked = False, None
            if found is not None and len(found.kinds) > 1:
                left = classes_left(found.kinds, inner, line, scope, analysis.program)
                told = left is not None
                found = PossibleKinds(left, frozenset().union(*(members.of(kind) or () for kind in left))) if left else found
            elif found is None and (asked := asked_by_class(analysis, inner, name, line, scope)) is not None:
                told, found = True, PossibleKinds((asked.kind,), asked.held)
            if found is not None and name in found.held and inner[0] == "name" and not told and expression not in seen:
                lacking = (
                    _of_a_class_below(analysis, expression, line, column, scope)
                    if inner == SELF
                    else _of_one_of_several(analysis, members, expression, line, column, scope)
                )
                if lacking is not None and not used.is_unused(scope) and not is_waived(scope, MEMBER, line):
                    seen.add(expression)
                    yield lacking
            if found is None or name in found.held or OF_PYTHON.match(name) or expression in seen:
                continue
            if (
                not _is_annotated_wrongly(analysis, members, inner, found.held, scope)
                and not _is_given_another(analysis, members, expression, scope)
                and not any(_is_excused(analysis, kind, expression, line, scope, told=told) for kind in found.kinds)
                and not is_waived(scope, MEMBER, line)
                and not _is_declared_for_checkers(inner, scope, analysis)
                and not used.is_unused(scope)
            ):
                seen.add(expression)
                is_sure = asked.is_borne_out if asked is not None else _is_sure(analysis, found, expression, scope)
                sighting = _sighting(found, expression, line, column, scope, is_sure=is_sure)
                sightings.setdefault((found.kinds, sighting.confidence), []).append(sighting)
        for each in sightings.values():
            if len(each) <= MOST_OF_A_CLASS:
                yield from each
            else:  # a class that has become another one
                said = f", nor {len(each) - 1} more names that are read of it here"
                yield together(each, said, lambda one: f"and {one.message}")


def _added_to(scope: FunctionSymbol) -> list[tuple[Expression, int, int]]:
    """`self.total += 1` reads what it adds to."""
    return [
        (each.target, each.line, each.column)
        for each in scope.facts.assignments
        if each.how == "augmented" and each.target[0] == "attribute"
    ]


def _of_a_table(missing: MissingColumn) -> Sighting:
    close = get_close_matches(missing.name, sorted(missing.columns), 1)
    table = written(missing.expression[1][1], missing.scope)
    return Sighting(
        missing.scope,
        missing.line,
        missing.column,
        missing.line,
        f"`{written(missing.expression, missing.scope)}`: the table `{table}` has no column `{missing.name}`",
        (Step(missing.path, missing.written, f"these are the columns of `{table}`"),),
        Mend(f"`{close[0]}` is meant, or it has to be added" if close else "name what is meant, or add it"),
    )


class PossibleKinds(NamedTuple):
    """The classes of which an object may be, and every name that one of them may have."""

    kinds: tuple[ClassSymbol, ...]
    held: frozenset[str]


def _owners(
    analysis: Analysis, members: MemberNames, inner: Expression, scope: FunctionSymbol, *, asks_own: bool
) -> PossibleKinds | None:
    """The class of the object, or those that it may have, when all of each is known.

    `asks_own`: what is asked of it is nothing that texts and containers have as well, so it is worth a longer look.
    """
    parents = analysis.once(Parents)
    if inner[0] == "call" and scope.owner is not None and scope.facts.calls[inner[1]].callee == SUPER:
        return _above(analysis, members, scope.owner) if not scope.facts.calls[inner[1]].arguments else None
    if inner[0] == "attribute":
        match analysis.receivers.value(inner[1], scope):
            # What a class answers with may differ from what its objects hold: `User.name` is a column, `user.name` a text.
            case TypeOf(kind=outer) if members.of(outer) is None or parents.above(outer, TABLES | SQL_MODELS):
                return None
    value = analysis.receivers.value(inner, scope)
    if (
        asks_own
        and (value is None or (type(value) is Plain and value == OF_A_ROW))
        and may_be_made(analysis, inner, scope)
        and (made := analysis.once(Making).shown(inner, scope))
    ):
        value = Either(tuple(Instance(kind) for kind in in_order(made)))
    asked_for: frozenset[str] = frozenset()
    match value:
        case Instance(kind=kind) if asks_own and parents.is_protocol(kind):
            # What a protocol promises, and what the objects have that are made and handed over for it.
            made = analysis.once(Making).shown(inner, scope)
            promised = members.of(kind)
            if not made or promised is None or any(parents.is_protocol(each) for each in made):
                return None
            asked_for = promised
            value = Either(tuple(Instance(each) for each in in_order(made)))
    kinds: list[ClassSymbol] = []
    held: frozenset[str] = asked_for
    for each in value.options if isinstance(value, Either) else (value,):
        match each:
            case Instance(kind=kind):
                own = members.of(kind)
            case TypeOf(kind=kind) if not parents.above(kind, ENUMS):
                own = members.of(kind)
                own = None if own is None else own | OF_CLASSES
            case _:
                return None
        if own is None or parents.is_protocol(kind):
            return None
        kinds.append(kind)
        held = held | own if held else own  # a copy of all that a class has is made of several only
    return PossibleKinds(tuple(kinds), held)


def _of_one_of_several(
    analysis: Analysis, members: MemberNames, expression: Expression, line: int, column: int, scope: FunctionSymbol
) -> Sighting | None:
    """A function gives an object of one class or of another, and one of them lacks the name."""
    _, inner, name = expression
    if scope.module.in_tests or (either := made_for(inner[1], line, scope, analysis)) is None:
        return None
    held = {kind: members.of(kind) for kind in either.kinds}
    lacking = [kind for kind, names in held.items() if names is not None and name not in names]
    if None in held.values() or len(lacking) in (0, len(held)):
        return None
    kind = lacking[0]
    if _is_excused(analysis, kind, expression, line, scope, told=False):
        return None
    others = " and ".join(f"`{each.name}`" for each in held if each not in lacking)
    message = (
        f"`{written(expression, scope)}`: `{either.function.name}` may give an object of `{kind.name}`, which has no `{name}`"
    )
    step = Step(kind.module.path, kind.facts.line, f"all of `{kind.name}` is known; only {others} has a `{name}`")
    mend = Mend(f"write it for `{kind.name}` as well, or ask which of them it is")
    return Sighting(scope, line, column, line, message, (either.kinds[kind], step), mend)


def _of_a_class_below(
    analysis: Analysis, expression: Expression, line: int, column: int, scope: FunctionSymbol
) -> Sighting | None:
    """A method reads of `self`, whatever happens, what only some of the classes have whose objects run it."""
    owner, name = scope.owner, expression[2]
    if owner is None or not analysis.program.subclasses.get(owner) or scope.module.in_tests or scope.facts.decorators:
        return None
    above = analysis.program.order(owner)[0]
    if any(name in each.methods or name in each.body.assigned or name in each.set_on_self for each in above):
        return None
    if any(each.what != "with" and each.line <= line <= each.end_line for each in scope.facts.blocks):
        return None
    left = [at for _, at in scope.facts.jumps] + [each.line for each in scope.facts.returned] + [*scope.facts.raises]
    if any(at < line for at in left) or _is_read_now_and_then(expression, line, scope):
        return None
    kind = made_without(name, scope, analysis)
    if kind is None or _is_excused(analysis, kind, expression, line, scope, told=False):
        return None
    message = f"`{written(expression, scope)}`: `{kind.name}` has no `{name}`, and its objects run this method"
    step = Step(kind.module.path, kind.facts.line, f"all of `{kind.name}` is known, and the program makes objects of it")
    mend = Mend(f"give `{name}` to `{owner.name}`, or to `{kind.name}`")
    return Sighting(scope, line, column, line, message, (step,), mend)


def _is_read_now_and_then(expression: Expression, line: int, scope: FunctionSymbol) -> bool:
    """`self.tone if self.loud else ""`"""
    facts = scope.facts
    written_there = [each.value for each in facts.returned if each.line <= line]
    written_there += [each.value for each in facts.assignments if each.line <= line]
    written_there += [given for each in facts.calls if each.line <= line <= each.end_line for given in each.given]
    chosen = [part for value in written_there for part in within(value, scope) if part[0] in ("choice", "comprehension")]
    return any(expression in within(each, scope) for each in chosen)


def _above(analysis: Analysis, members: MemberNames, kind: ClassSymbol) -> PossibleKinds | None:
    """What `super()` stands for: every class above, and what else stands above a class below."""
    above = analysis.program.bases(kind)
    if not above or len(above) < len(kind.facts.bases):
        return None
    held: frozenset[str] = frozenset()
    for each in above:
        own = None if each is None else members.of(each)
        if own is None:
            return None
        held |= own
    return PossibleKinds(tuple(each for each in above if each is not None), held)


def _is_annotated_wrongly(
    analysis: Analysis, members: MemberNames, inner: Expression, held: frozenset[str], scope: FunctionSymbol
) -> bool:
    """Of two or more things that are asked of a parameter, its class has none, or another class has all: it is the annotation
    that is not true. Of what a function is annotated to return, two missing ones are enough.
    """
    if inner[0] != "name" or inner[1] in ("self", "cls"):
        return False
    at: FunctionSymbol | None = scope
    while at is not None and inner[1] not in at.bound:
        at = at.parent
    if at is None:
        return False
    asked = {expression[2] for expression, _, _ in scope.attributes_read if expression[1] == inner}
    missing = asked - held
    if inner[1] not in at.parameters:
        return len(missing) > 1 and _is_promised(analysis, inner[1], at)
    return len(asked) > 1 and (missing == asked or (len(missing) > 1 and members.are_together(missing)))


def _is_given_another(analysis: Analysis, members: MemberNames, expression: Expression, scope: FunctionSymbol) -> bool:
    """A known caller passes, against the annotation of a parameter, an object that has the name."""
    _, inner, name = expression
    number = scope.parameters.get(inner[1]) if inner[0] == "name" else None
    if number is None or (number == 0 and scope.owner is not None):
        return False
    for caller, given in analysis.receivers.parameters.given(scope, scope.facts.parameters[number], number):
        for each in () if given is None else _possible(given, caller):
            match analysis.receivers.value(each, caller):
                case Instance(kind=kind) if name in (members.of(kind) or ()):
                    return True
            if any(name in (members.of(kind) or ()) for kind in _asked_for(each, caller, analysis)):
                return True
    return False


def _asked_for(given: Expression, caller: FunctionSymbol, analysis: Analysis) -> Iterator[ClassSymbol]:
    """The classes of which the caller asks whether it is one: `each if isinstance(each, Open) else None`."""
    for call in caller.facts.calls:
        if call.callee == ("name", "isinstance") and len(call.arguments) == 2 and call.arguments[0] == given:
            for kind in call.arguments[1][1] if call.arguments[1][0] == "tuple" else call.arguments[1:]:
                match analysis.program.evaluate(kind, caller):
                    case ClassSymbol() as found:
                        yield found


def _possible(given: Expression, caller: FunctionSymbol) -> Iterator[Expression]:
    """What is given, and when that is a name of the caller, what the name may have been given: each by itself."""
    yield given
    if given[0] == "name":
        for each in caller.assigned.get(given[1], ()):
            if each.how in ("=", "annotated"):
                yield from each.value[1] if each.value[0] == "choice" else (each.value,)


def _is_declared_for_checkers(inner: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """`if TYPE_CHECKING: app: App`, and something else at run time, which need not be one."""
    match analysis.program.evaluate(inner, scope):
        case VariableSymbol(scope=where, name=name):
            return any(
                each.annotation is not None and is_for_checkers(each.line, where.facts) for each in where.assigned.get(name, ())
            )
    return False


def _is_promised(analysis: Analysis, name: str, scope: FunctionSymbol) -> bool:
    """Only the annotation of a function that is called tells what the name is."""
    for each in scope.assigned.get(name, ()):
        value = each.value[1] if each.value[0] == "await" else each.value
        if value[0] == "call":
            match analysis.receivers.value(scope.facts.calls[value[1]].callee, scope):
                case Routine(function=function) if function.facts.returns is not None:
                    return True
    return False


def _is_excused(
    analysis: Analysis, kind: ClassSymbol, expression: Expression, line: int, scope: FunctionSymbol, *, told: bool
) -> bool:
    _, inner, name = expression
    completion = analysis.once(Completion)
    return (
        analysis.once(OutsideWrites).is_written(kind, name)
        or is_caught(line, scope, "AttributeError", "TypeError")
        or (not told and is_told_apart(inner, name, scope))
        or is_dictionary(inner, name, scope)
        or (scope.module.in_tests and (name in OF_MOCKS or name.startswith("assert_")))
        or completion.is_half(kind)
        or (
            inner[0] == "name"
            and inner[1] in ("self", "cls")
            and (completion.is_part_of_others(kind) or completion.is_completed_elsewhere(kind, name))
        )
    )


def _is_sure(analysis: Analysis, found: PossibleKinds, expression: Expression, scope: FunctionSymbol) -> bool:
    kinds, held = found
    _, inner, name = expression
    if scope.module.in_tests or is_migration(scope.module):
        return False
    if inner[0] == "call" and scope.facts.calls[inner[1]].callee == SUPER:
        return not analysis.program.subclasses.get(scope.owner) if scope.owner is not None else False
    if inner[0] == "name" and inner[1] in ("self", "cls"):
        completion = analysis.once(Completion)
        if analysis.program.subclasses.get(kinds[0]):
            return False
        return completion.is_seen_made(kinds[0]) or (
            completion.is_whole(kinds[0]) and not analysis.once(MemberNames).are_together({name})
        )
    if len(kinds) == 1 and _is_plain_to_see(analysis, kinds[0], inner, scope):
        return True
    borne_out = bears_out(analysis, held, inner, scope, alone=len(kinds) == 1)
    return analysis.once(Making).is_one_of(inner, scope, kinds) if borne_out is None else borne_out


def _is_plain_to_see(analysis: Analysis, kind: ClassSymbol, inner: Expression, scope: FunctionSymbol) -> bool:
    """The code says of which class the object is, and not an annotation."""
    if scope.module.in_tests or is_migration(scope.module):
        return False
    match inner:
        case ("name", "self" | "cls"):
            return not analysis.program.subclasses.get(kind)
        case ("call", int(index)):
            return analysis.program.evaluate(scope.facts.calls[index].callee, scope) is kind
        case ("name", str(name)) if name in scope.assigned and name not in scope.parameters:
            given = [(scope, each) for each in scope.assigned[name]]
            return _is_made_once(analysis, kind, given)
        case ("attribute", ("name", "self"), str(name)) if (owner := owner_of_self(scope)) is not None:
            family = {*analysis.program.order(owner)[0], *analysis.program.subclasses.get(owner, ())}
            given = [one for each in family for one in each.set_on_self.get(name, ())]
            in_bodies = any(name in each.body.assigned for each in family)
            return not in_bodies and _is_made_once(analysis, kind, given)
        case ("name" | "attribute", *_):
            return analysis.program.evaluate(inner, scope) is kind
    return False


def _is_made_once(analysis: Analysis, kind: ClassSymbol, given: list[tuple[FunctionSymbol, Assignment]]) -> bool:
    """The only thing that is ever put there is an object of the class, made on the spot."""
    if len(given) != 1 or given[0][1].how != "=" or given[0][1].value[0] != "call":
        return False
    scope, only = given[0]
    return _is_plain_to_see(analysis, kind, only.value, scope)


def _sighting(
    found: PossibleKinds, expression: Expression, line: int, column: int, scope: FunctionSymbol, *, is_sure: bool
) -> Sighting:
    _, inner, name = expression
    close = get_close_matches(name, sorted(found.held), 1)
    first = found.kinds[0]
    what = f"`{first.name}` has no"
    if len(found.kinds) > 1:
        what = f"none of {', '.join(f'`{kind.name}`' for kind in found.kinds)} has a"
    why = [
        Step(kind.module.path, kind.facts.line, f"all of `{kind.name}` is known, with its bases and what is below it")
        for kind in found.kinds
    ]
    mend = Mend(f"`{close[0]}` is meant, or it has to be added" if close else "name what is meant, or add it")
    message = f"`{written(expression, scope)}`: {what} `{name}`"
    sure = CERTAIN if is_sure else LIKELY
    return Sighting(scope, line, column, line, message, (*origin(inner, first, scope), *why), mend, sure)
