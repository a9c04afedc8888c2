"""D116."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.members.mapped import MappedClasses
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

# What is given the conditions of a statement.
TAKING: Final = frozenset(
    """where filter having and_ or_ not_ join outerjoin join_from on onclause whereclause orwhere exclude get
    get_or_none get_object_or_404 aget append""".split()
)
# Of these any list is one, and so is any dictionary: what is compared says enough, and what is joined does not.
OF_ANYTHING: Final = frozenset({"append", "get"})
IDENTITY: Final = {"Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in"}
INSTEAD: Final = {"is": "`.is_(…)` or `==`", "is not": "`.is_not(…)` or `!=`", "in": "`.in_(…)`", "not in": "`.not_in(…)`"}
# Conditions of Django and of Tortoise.
QUESTION: Final = "Q"
OF_QUESTIONS: Final = ("django.db.models", "tortoise")


@rule("D116", "condition-worked-out")
def condition_worked_out(analysis: Analysis) -> Iterator[Sighting]:
    """A condition of a query is worked out by Python, and never reaches the database.

    `and`, `or`, `not`, `in` and `is` cannot be taken over by a column. Python asks them itself: the query is left with one
    half of what stands there, or with True or False for every row.

    ```python
    select(User).where(User.id == number and User.company == company)  # D116: asks for one of the two
    session.query(User).filter(User.deleted is None)  # D116: always False, no row
    select(User).where(not User.active)  # D116
    Room.objects.filter(Q(owner=user) or Q(public=True))  # D116: the second is never asked
    ```

    Write `and_(…)`, `or_(…)` or a comma, `&`, `|` and `~` with brackets around each side, `.in_(…)`, `.is_(None)`. Known
    are the columns of the program's own classes and tables of SQLAlchemy, SQLModel and Peewee, and `Q` of Django and Tortoise.
    """
    mapped = analysis.once(MappedClasses)
    for scope, _, call in analysis.calls_of(*TAKING):
        for given in call.given:
            for condition in _parts(given):
                found = _worked_out(analysis, mapped, condition, call, scope)
                if found is not None:
                    line, column, message, mend = found
                    yield Sighting(scope, line, column, line, message, (), Mend(mend))


def _parts(given: Expression) -> Iterator[Expression]:
    """A condition, and those of which it is made by operators."""
    yield given
    if given[0] == "operator":
        yield from _parts(given[2])
        yield from _parts(given[3])
    elif given[0] == "star" and given[1][0] == "list":
        for each in given[1][1]:
            yield from _parts(each)


def _worked_out(
    analysis: Analysis, mapped: MappedClasses, condition: Expression, call: CallSite, scope: FunctionSymbol
) -> tuple[int, int, str, str] | None:
    anything = last_name(call.callee) in OF_ANYTHING
    match condition:
        case ("compare", (column, *_), (operator,)) if operator in IDENTITY and mapped.read(column, scope):
            said = IDENTITY[operator]
            line, start = _place(column, call, scope)
            named = written(column, scope)
            gives = "it is the same for every row"
            return line, start, f"`{named} {said} …` is worked out by Python: {gives}", f"use {INSTEAD[said]}"
        case ("not", inner) if not anything and (named := _asked(analysis, mapped, inner, scope)):
            line, start = _place(inner, call, scope)
            return line, start, f"`not {named}` is worked out by Python: it is the same for every row", "use `~` or `not_(…)`"
        case ("choice", (first, *others)) if not anything:
            joined = next((each for each in scope.facts.joined if each[2] == condition and _is_in(each[0], call)), None)
            named = _asked(analysis, mapped, first, scope) if joined is not None else ""
            if joined is None or not named or not any(_may_be_asked(each) for each in others):
                return None
            line, start, _, word = joined
            message = f"`{word}` is worked out by Python: only one side of it gets into the query"
            return line, start, message, f"use `{'&' if word == 'and' else '|'}` or `{word}_(…)`"
    return None


def _asked(analysis: Analysis, mapped: MappedClasses, part: Expression, scope: FunctionSymbol) -> str:
    """What of the database a part asks, as it is written; empty where Python may well ask it itself."""
    match part:
        case ("attribute", *_) if mapped.read(part, scope):
            return written(part, scope)
        case ("compare", (left, right), (operator,)) if operator not in IDENTITY:
            for side in (left, right):
                if mapped.read(side, scope):
                    return f"{written(side, scope)} …"
        case ("call", int(index)):
            callee = scope.facts.calls[index].callee
            if last_name(callee) == QUESTION:
                match analysis.program.evaluate(callee, scope):
                    case External(dotted=dotted) | ClassSymbol(full_name=dotted) if dotted.startswith(OF_QUESTIONS):
                        return "Q(…)"
            if callee[0] == "attribute" and mapped.read(callee[1], scope):
                return f"{written(callee, scope)}(…)"
    return ""


def _may_be_asked(part: Expression) -> bool:
    """It is no plain value that stands in for the whole."""
    return part[0] not in ("constant", "none", "string")


def _is_in(line: int, call: CallSite) -> bool:
    return call.line <= line <= call.end_line


def _place(column: Expression, call: CallSite, scope: FunctionSymbol) -> tuple[int, int]:
    """Where what is asked stands."""
    found = column
    if column[0] == "compare":
        found = column[1][0] if column[1][0][0] == "attribute" else column[1][-1]
    for read in scope.facts.reads:
        if read.expression == found and _is_in(read.line, call):
            return read.line, read.column
    return call.line, call.column
