"""M103."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import NAMED, SELF, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.entering import is_dealt_with
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_asked_about, is_caught, is_told_apart
from netra.guard.meaning.parameters import promise_of
from netra.guard.meaning.receivers import Receivers
from netra.guard.members.dumping import given_twice
from netra.guard.members.filters import NAMES as FILTERING
from netra.guard.members.filters import columns_named
from netra.guard.members.handed_calls import NAMES as HANDING
from netra.guard.members.handed_calls import HandedCall, handed_call
from netra.guard.members.handed_options import handed_through
from netra.guard.members.made_otherwise import NAMES as MADE_OTHERWISE
from netra.guard.members.made_otherwise import MadeOtherwise
from netra.guard.members.parameters import Signature
from netra.guard.members.parents import Parents
from netra.guard.members.sent_tasks import NAMES as SENDING
from netra.guard.members.sent_tasks import sent
from netra.guard.members.signatures import Signatures
from netra.guard.members.unpacking import unpacked
from netra.guard.mocks import is_patched
from netra.guard.reading import is_waived, own_callables
from netra.guard.repeated import together
from netra.guard.rule import rule
from netra.guard.source.waivers import CALL
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

OF_DICTIONARIES: Final = frozenset(dir(dict))


@rule("M103", "mismatched-call", hesitant=True)
def mismatched_call(analysis: Analysis) -> Iterator[Sighting]:
    """A call passes what the function or constructor does not take, or leaves out what it needs.

    It raises `TypeError` when the line runs (a pydantic model raises its `ValidationError`): what is left behind when a
    parameter is renamed, removed or added.

    ```python
    async def charge(user: User, amount: Decimal) -> Receipt: ...


    await charge(user, total=order.total)  # M103: it takes an `amount`
    ```

    What is passed by name and stands among the fields of a model or dataclass that the same call takes apart
    (`create(**order.model_dump(), owner=user)`) is passed twice, whoever is called.

    What a function takes as `**options` and does nothing with but to hand it on in one call, which it makes whenever it is
    called, is held against what that takes.

    Constructors are those that a class writes, and those that `dataclass`, `attrs`, `NamedTuple` and pydantic (where it
    forbids other fields) make of its fields. What `dataclasses.replace` is given is held against the fields of the class,
    what is sent to a queue (`report.delay(…)`, `enqueue_job("report", …)`) or handed to a thread, an event loop or `partial`
    together with a function (`Thread(target=send, args=(user,))`, `loop.call_later(3, send, user)`) against the function that
    will be called with it,
    and the columns that a query names
    (`filter_by`, `values`, those of Django's managers) against the mapped class. A method that is overridden is reported only
    when no version of it takes the call. Guard is silent about functions under decorators that may change what they take,
    about what `*` passes, and `**` where that is no dictionary that stands in the function, in private functions that nothing
    names, and where the error is expected: in `pytest.raises`, in a `try` that catches it, or under
    `# type: ignore[call-arg]`.
    """
    signatures = analysis.once(Signatures)
    names = analysis.once(own_callables)
    used = analysis.program.once(NamesUsed)
    for scope in analysis.scopes:
        told: dict[tuple[str, str], list[Sighting]] = {}
        for call in scope.facts.calls:
            if call.keywords and (twice := _passed_twice(analysis, call, scope)) is not None:
                yield twice
                continue
            by = ""
            of_program = call.callee[-1] in names and call.callee[0] in NAMED
            taken = _taken(analysis, signatures, call, scope) if of_program else None
            if not taken and call.keywords and call.callee[-1] in MADE_OTHERWISE:
                taken = analysis.once(MadeOtherwise).taken(call, scope)
            if not taken and call.keywords and call.callee[-1] in FILTERING:
                taken, call = _of_columns(analysis, call, scope)
            if not taken and call.callee[-1] in SENDING and (sending := sent(analysis, call, scope)) is not None:
                taken, call = [sending[0]], sending[1]
            handed = None
            if not taken and call.callee[0] in NAMED and call.callee[-1] in HANDING:
                by = call.callee[-1]
                handed = handed_call(analysis, call, scope)
                if handed is not None and handed.call.callee[-1] in names:
                    taken, call = _taken_of_handed(analysis, signatures, handed, scope), handed.call
            if not taken:
                continue
            whole = unpacked(call, scope)
            reasons = [each.refuses(whole) for each in taken]
            if handed is None and len(taken) == 1 and taken[0].more_keywords and not any(reasons):
                if (within := _refused_within(analysis, signatures, whole, scope)) is not None:
                    yield within
                continue
            if handed is not None and handed.packed and not any(each.more_positional for each in taken):
                # A text of as many letters as it takes is passed after all.
                fits = handed.call.arguments[:1] != () and handed.call.arguments[0][0] == "string" and not all(reasons)
                reasons = [] if fits else [handed.packed]
            if not reasons or not all(reasons):
                continue
            errors = taken[0].errors(whole)
            if not _is_excused(call, scope, errors, analysis.receivers) and not used.is_unused(scope):
                text = written(call.callee, scope)
                where = Step(taken[0].path, taken[0].line, f"this is what `{text}` calls")
                article = "an" if errors[0][0] in "AEIOU" else "a"
                called = f"`{text}(…)`" if handed is None else f"`{text}`, called by `{by}`,"
                message = f"{called} {reasons[0]}: {article} {errors[0]}"
                sure = CERTAIN if _is_sure(analysis, call.callee, scope) else LIKELY
                mend = Mend("pass what it takes")
                found = Sighting(scope, call.line, call.column, call.end_line, message, (where,), mend, sure)
                told.setdefault((message, sure), []).append(found)
        for each in told.values():
            yield (
                each[0] if len(each) == 1 else together(each, f", {len(each)} times in this function", lambda _: "and so here")
            )


def _refused_within(analysis: Analysis, signatures: Signatures, call: CallSite, scope: FunctionSymbol) -> Sighting | None:
    """`make_catalog(db, size=3)`, which hands `size` on to a constructor that does not take it."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and not function.facts.decorators:
            inner = handed_through(call, function)
        case _:
            return None
    known = inner is not None and inner.callee[0] in NAMED
    taken = _taken(analysis, signatures, inner, function) if inner is not None and known else None
    if inner is None or not taken or is_waived(function, CALL, inner.line, inner.end_line):
        return None
    reasons = [each.refuses(inner) for each in taken]
    errors = taken[0].errors(inner)
    added = [name for name, _ in call.keywords if name not in function.parameters]
    if not all(reasons) or not any(f"`{name}`" in reasons[0] for name in added):
        return None  # what else is wrong with it is wrong whoever calls
    if is_caught(inner.line, function, *errors) or _is_excused(call, scope, errors, analysis.receivers):
        return None
    if analysis.program.once(NamesUsed).is_unused(scope):
        return None
    text, called = written(call.callee, scope), written(inner.callee, function)
    article = "an" if errors[0][0] in "AEIOU" else "a"
    message = f"`{text}(…)` hands on what it has no parameter for to `{called}`, which {reasons[0]}: {article} {errors[0]}"
    where = Step(function.module.path, inner.line, f"`{function.name}` hands on what it has no parameter for")
    return Sighting(scope, call.line, call.column, call.end_line, message, (where,), Mend("pass what it takes"))


def _taken_of_handed(
    analysis: Analysis, signatures: Signatures, handed: HandedCall, scope: FunctionSymbol
) -> list[Signature] | None:
    taken = _taken(analysis, signatures, handed.call, scope)
    return [each.begun for each in taken] if taken and handed.begun else taken


def _of_columns(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[list[Signature], CallSite]:
    found = columns_named(analysis, call, scope)
    return ([], call) if found is None else ([found[0]], found[1])


def _passed_twice(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Sighting | None:
    """`create(**order.model_dump(), owner=user)`, where an order has an `owner`: nobody takes that."""
    if len(call.keywords) < 2 or all(name != "**" for name, _ in call.keywords):
        return None
    found = given_twice(call, scope, analysis)
    if found is None or is_caught(call.line, scope, "TypeError") or is_waived(scope, CALL, call.line, call.end_line):
        return None
    where = Step(found.kind.module.path, found.kind.facts.line, f"`{found.kind.name}` has a field `{found.name}`")
    message = f"`{written(call.callee, scope)}(…)` is given `{found.name}` twice: a TypeError"
    mend = Mend("leave it out of one of the two")
    return Sighting(scope, call.line, call.column, call.end_line, message, (where,), mend, CERTAIN if found.sure else LIKELY)


def _is_sure(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> bool:
    """It is called by its own name, and not by one under which an object keeps some function or other, which may be another
    below; and what a property is annotated to give, or what this function has put there itself, is not all that tells of which
    class its object is.
    """
    match analysis.receivers.value(callee, scope):
        case Routine(function=function) if callee[0] == "attribute":
            called = callee[2] == function.name or isinstance(analysis.program.evaluate(callee, scope), FunctionSymbol)
            return called and not _is_put_anew(callee[1], scope) and not _is_of_a_property(analysis, callee[1], scope)
        case Routine(function=function) if callee[0] == "name" and callee[1] != function.name:
            return isinstance(analysis.program.evaluate(callee, scope), FunctionSymbol)
    return True


def _is_put_anew(place: Expression, scope: FunctionSymbol) -> bool:
    """`self.events = redis.pubsub()` above: another object than the constructor's."""
    return place[0] == "attribute" and scope.name != "__init__" and place in [each.target for each in scope.facts.assignments]


def _is_of_a_property(analysis: Analysis, place: Expression, scope: FunctionSymbol) -> bool:
    while place[0] == "attribute":
        match analysis.receivers.value(place[1], scope):
            case Instance(kind=kind):
                for each in analysis.program.order(kind)[0]:
                    if place[2] in each.methods:
                        return any(one.facts.returns is not None for one in each.methods[place[2]])
                    if place[2] in each.set_on_self or place[2] in each.body.assigned:
                        break
        place = place[1]
    return False


def _taken(analysis: Analysis, signatures: Signatures, call: CallSite, scope: FunctionSymbol) -> list[Signature] | None:
    by_name = call.callee[0] == "name"
    if _is_bound_twice(call.callee, scope) if by_name else _may_be_a_dictionary(call.callee, scope):
        return None
    match analysis.receivers.value(call.callee, scope):
        case TypeOf(kind=kind):
            named = analysis.program.evaluate(call.callee, scope) is kind
            if not named and not _stands_within(analysis, kind, call.callee, scope):
                return None  # what came by a variable may be a class below it, which takes something else
            taken = signatures.of_constructor(kind)
            return None if taken is None else [taken]
        case Routine(function=function) as routine:
            if function.owner is not None and not routine.bound and "staticmethod" not in function.decorator_names:
                return None  # called on the class: see M104
            if function.owner is not None and analysis.once(Parents).is_protocol(function.owner):
                return None  # what it is in the end takes what it takes
            return signatures.of_routine(routine)
    return None


def _stands_within(analysis: Analysis, kind: ClassSymbol, callee: Expression, scope: FunctionSymbol) -> bool:
    """`self.Row(…)` of a class within this one, in whose place no class below has another."""
    owner = scope.object_of
    if owner is None or callee[0] != "attribute" or callee[1] not in (SELF, ("name", "cls")):
        return False
    held = [analysis.program.nested_class(each, callee[2]) for each in analysis.program.order(owner)[0]]
    below = analysis.program.subclasses.get(owner, ())
    anew = any(callee[2] in each.body.assigned or analysis.program.nested_class(each, callee[2]) is not None for each in below)
    return kind in held and not anew


def _is_put_there(callee: Expression, scope: FunctionSymbol) -> bool:
    """A test puts something else in the place of an object on the way: `view.answers = MagicMock()`."""
    while callee[0] == "attribute" and scope.rebound:
        callee = callee[1]
        if callee in scope.rebound:
            return scope.module.in_tests
    return False


def _may_be_a_dictionary(callee: Expression, scope: FunctionSymbol) -> bool:
    """`config.get("model")` of a parameter `config: Config`: annotations are wrong more often than such calls are."""
    return callee[2] in OF_DICTIONARIES and callee[1][0] == "name" and promise_of(callee, scope) is not None


def _is_bound_twice(callee: Expression, scope: FunctionSymbol) -> bool:
    """`Client = partial(Client, timeout=3)` below the import: it is no longer what was imported."""
    at: FunctionSymbol | None = scope
    while at is not None and callee[1] not in at.bound:
        at = at.parent
    return (
        at is not None and any(each.value[0] == "call" for each in at.assigned.get(callee[1], ())) and callee[1] in at.imported
    )


def _is_excused(call: CallSite, scope: FunctionSymbol, errors: tuple[str, ...], receivers: Receivers) -> bool:
    """The error is expected, or the function was looked at before: `if "x" in signature(f).parameters`."""
    if is_caught(call.line, scope, *errors) or is_waived(scope, CALL, call.line, call.end_line):
        return True
    if scope.module.in_tests and is_dealt_with(call.line, scope, errors, receivers):
        return True
    if is_patched(last_name(call.callee) or "", scope) or _is_put_there(call.callee, scope):
        return True
    if is_asked_about(call.callee, call.line, scope):
        return True
    inner = call.callee[1] if call.callee[0] == "attribute" else call.callee
    name = call.callee[-1]
    return is_told_apart(inner if isinstance(inner, tuple) else call.callee, name, scope)
