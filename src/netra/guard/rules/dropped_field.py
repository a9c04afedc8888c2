"""M106."""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.models import IGNORE, extra
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.handed_options import handing_call
from netra.guard.members.members import MemberNames, is_bound_once
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parameters import Signature
from netra.guard.members.parents import MODELS, SQL_MODELS, Parents
from netra.guard.members.settable import Settable
from netra.guard.members.signatures import Signatures
from netra.guard.members.unpacking import pairs_of, unpacked
from netra.guard.reading import is_waived, named, own_callables
from netra.guard.rule import rule
from netra.guard.source.waivers import CALL
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, Step

MOST_SHOWN = 3
EMPTY: Final = (NOTHING, ("string", ""), ("list", ()), ("tuple", ()), ("dict", ()))

# Expressions that are the same value when they are the same text.
READING: Final = frozenset({"name", "attribute", "subscript"})


@rule("M106", "dropped-field", hesitant=True)
def dropped_field(analysis: Analysis) -> Iterator[Sighting]:
    """A pydantic model is made with a field that it does not have, and drops it without a word.

    No error tells that the value is lost: that is what `extra="ignore"` means, and it is what pydantic does by default.

    ```python
    class Receipt(BaseModel):
        total: int
        paid_at: datetime | None = None


    Receipt(total=3, payed_at=now())  # M106: `paid_at` stays None
    receipt.model_copy(update={"paidAt": now()})  # M106: so it does in the copy
    ```

    A copy takes the names of fields and no aliases, and looks at nothing that it is given.

    Models that look at their input first (a validator before or around the fields, a constructor of their own, generated
    aliases) and models below a class that is not known are left alone, and so is what a test expects to fail. Nothing is lost
    with an empty value, with one that another field keeps, or with a constant of the module. Where the call leaves out a field
    that the model needs, it fails at once, and M103 says so. Guard is not certain where all
    that the value is made of is in another field as well, and where models beside this one have such a field: what makes
    many alike may give all of them the same.
    """
    parents = analysis.once(Parents)
    members = analysis.once(MemberNames)
    rivals = analysis.once(OutsideWrites).rivals
    signatures = analysis.once(Signatures)
    names = analysis.once(own_callables)
    handing = frozenset(
        scope.name for scope in analysis.scopes if scope.facts.parameters and scope.facts.parameters[-1].position == "keywords"
    )
    yield from _copied(analysis)
    for scope in analysis.scopes:
        for written_call in scope.facts.calls:
            if not written_call.keywords or not named(written_call.callee, names):
                continue
            call = unpacked(written_call, scope)
            kind = analysis.program.evaluate(call.callee, scope)
            if not isinstance(kind, ClassSymbol) and last_name(call.callee) in handing:
                kind, call = _handed_on(analysis, call, scope) or (kind, call)
            if not isinstance(kind, ClassSymbol) or not parents.above(kind, MODELS | SQL_MODELS) or not is_bound_once(kind):
                continue
            if members.of(kind) is None or kind.name in rivals or extra(kind, analysis.program) != IGNORE:
                continue
            if call is written_call and (made := signatures.of_constructor(kind)) is not None and made.refuses(call):
                continue  # it fails at once, which M103 tells
            taken = signatures.of_model(kind)
            dropped = [] if taken is None else _dropped(taken, call, scope)
            # Where a test says that it is to fail, or a comment that it is meant, it is not without a word.
            expected = is_caught(call.line, scope, "ValidationError", "ValueError", "TypeError")
            if taken is not None and dropped and not expected and not is_waived(scope, CALL, call.line, call.end_line):
                sure = _is_lost(dropped, taken, call, scope) and not _is_field_beside(analysis, kind, dropped)
                yield _sighting(kind, dropped, taken, call, scope)._replace(confidence=CERTAIN if sure else LIKELY)


def _copied(analysis: Analysis) -> Iterator[Sighting]:
    """`model_copy(update=…)` and the `copy` of before, with names that no field has."""
    settable = analysis.once(Settable)
    parents = analysis.once(Parents)
    for scope, _, call in analysis.calls_of("model_copy", "copy"):
        update = dict(call.keywords).get("update")
        if update is None or call.callee[0] != "attribute":
            continue
        match analysis.receivers.value(call.callee[1], scope):
            case Instance(kind=kind) if parents.above(kind, MODELS) and not kind.module.library:
                given = pairs_of(update, scope) or ()
            case _:
                continue
        found = [(name, refused) for name, _ in given if (refused := settable.refused(kind, name)) is not None]
        dropped = [name for name, refused in found if not refused.frozen]
        if not dropped or is_told_apart(call.callee[1], dropped[0], scope) or is_waived(scope, CALL, call.line, call.end_line):
            continue
        close = get_close_matches(
            dropped[0], [each for one in analysis.program.order(kind)[0] for each in one.body.assigned], 1
        )
        message = (
            f"`{written(call.callee, scope)}(update=…)`: `{kind.name}` has no field `{dropped[0]}`, and the copy is as before"
        )
        step = Step(kind.module.path, kind.facts.line, f"these are the fields of `{kind.name}`")
        mend = Mend(f"`{close[0]}` is meant, or it has to be added" if close else "name the field that is meant")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)


def _handed_on(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[ClassSymbol, CallSite] | None:
    """`Report.unclear(usage, note=…)`, where that makes a model of all that it has no parameter for: `cls(**extra)`.

    The model, and the call without what is the function's own.
    """
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function, receiver=receiver) if not function.module.library:
            making = handing_call(function)
        case _:
            return None
    if making is None:
        return None
    kind = analysis.program.evaluate(making.callee, function)
    if making.callee == ("name", "cls") and "classmethod" in function.decorator_names:
        kind = receiver or function.owner
    own = tuple((name, value) for name, value in call.keywords if name not in function.parameters)
    return (kind, replace(call, keywords=own)) if isinstance(kind, ClassSymbol) else None


def _dropped(taken: Signature, call: CallSite, scope: FunctionSymbol) -> list[str]:
    """The fields that the model does not have, and whose value is lost with them.

    Nothing is lost with an empty value, with one that another field keeps, or with a constant that stands in the module.
    """
    kept = [value for name, value in call.keywords if name in taken.keywords and _is_one_thing(value)]
    return [
        name
        for name, value in call.keywords
        if name != "**"
        and name not in taken.keywords
        and value not in EMPTY
        and value not in kept
        and not (value[0] == "name" and value[1].isupper() and value[1] not in scope.bound)
    ]


def _is_lost(dropped: list[str], taken: Signature, call: CallSite, scope: FunctionSymbol) -> bool:
    """Something of a value is in no other field: `Task(messages=[first], history=[first])` has it all."""
    given = dict(call.keywords)
    kept = {part for name, value in given.items() if name in taken.keywords for part in _read(value, scope)}
    for name in [part[1] for part in kept if part[0] == "name"]:
        # `messages=messages`, where `messages = [{"content": prompt}]` holds what is dropped as `prompt=prompt`.
        # What was awaited is an answer, and does not hold what was asked.
        made = [each.value for each in scope.assigned.get(name, ()) if each.value[0] != "await"]
        kept |= {part for each in made for part in _read(each, scope)}
    read = {name: _read(given[name], scope) for name in dropped}
    return any(not parts or parts - kept or not all(map(_is_one_thing, parts)) for parts in read.values())


def _is_one_thing(value: Expression) -> bool:
    """Wherever it stands in the call it is the same; `row[0]` and `row[5]` are not, and facts do not tell them apart."""
    if value[0] == "subscript":
        return value[2][0] in ("string", "name") and _is_one_thing(value[1])
    return value[0] == "name" or (value[0] == "attribute" and _is_one_thing(value[1]))


def _read(value: Expression, scope: FunctionSymbol) -> set[Expression]:
    """The names and attributes that an expression is made of."""
    return {part for part in within(value, scope) if part[0] in READING}


def _is_field_beside(analysis: Analysis, kind: ClassSymbol, dropped: list[str]) -> bool:
    """Another model with the same base of the program has it."""
    signatures = analysis.once(Signatures)
    for base in analysis.program.order(kind)[0][1:]:
        for other in () if base.module.library else analysis.program.subclasses.get(base, ()):
            taken = signatures.of_model(other)
            if taken is not None and taken.keywords & {*dropped}:
                return True
    return False


def _sighting(kind: ClassSymbol, dropped: list[str], taken: Signature, call: CallSite, scope: FunctionSymbol) -> Sighting:
    given = ", ".join(f"{name}=…" for name in dropped[:MOST_SHOWN]) + (", …" if len(dropped) > MOST_SHOWN else "")
    what = f"no field `{dropped[0]}`, and drops it" if len(dropped) == 1 else f"none of these {len(dropped)}, and drops them"
    close = get_close_matches(dropped[0], sorted(taken.keywords), 1)
    return Sighting(
        scope,
        call.line,
        call.column,
        call.end_line,
        f"`{kind.name}({given})`: the model has {what} without an error",
        (Step(kind.module.path, kind.facts.line, f"these are the fields of `{kind.name}`"),),
        Mend(f"`{close[0]}` is meant, or it has to be added" if close else "add the field, or leave it out"),
    )
