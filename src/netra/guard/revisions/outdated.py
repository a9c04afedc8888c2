"""Calls that fitted a function or a constructor as it was, and do not fit it as it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite
from netra.guard.meaning.expressions import written
from netra.guard.members.parameters import Signature, constructor, of_class, of_function
from netra.guard.revisions.comparison import Comparison, comparison
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, TypeOf


@dataclass(frozen=True, slots=True)
class Outdated:
    """One call that still gives what was taken before."""

    scope: FunctionSymbol
    call: CallSite
    how: str
    """What is wrong with it now, after the name of what it calls: "is not given `user`"."""


@dataclass(frozen=True, slots=True)
class SignatureChange:
    """A function or class whose parameters changed, and the calls that did not."""

    changed: FunctionSymbol | ClassSymbol
    before: FunctionSymbol | ClassSymbol
    calls: tuple[Outdated, ...]


def signature_changes(analysis: Analysis) -> tuple[SignatureChange, ...]:
    """Every function and constructor of which some call does not fit any more."""
    compared = analysis.once(comparison)
    return () if compared is None else tuple(_changes(analysis, compared))


def _changes(analysis: Analysis, compared: Comparison) -> Iterator[SignatureChange]:
    for before, function in compared.changed_functions:
        if _parameters(before) != _parameters(function) and function.name != "__init__":
            calls = tuple(_of_function(analysis, compared, before, function))
            if calls:
                yield SignatureChange(function, before, calls)
    for then, kind in changed_constructors(compared):
        calls = tuple(_of_class(analysis, compared, then, kind))
        if calls:
            yield SignatureChange(kind, then, calls)


def _parameters(function: FunctionSymbol) -> tuple[object, ...]:
    return tuple((each.name, each.position, each.default is None) for each in function.facts.parameters)


def changed_constructors(compared: Comparison) -> Iterator[tuple[ClassSymbol, ClassSymbol]]:
    """Every class whose constructor takes something else, by its own doing: as it was, as it is."""
    for module in compared.now.own:
        if compared.then.modules.get(module.name) is module:
            continue
        for kind in module.classes:
            then = compared.earlier_class(kind)
            if then is not None:
                was, now = of_class(compared.then, then), of_class(compared.now, kind)
                if was is not None and now is not None and was != now:
                    yield then, kind


def _of_function(
    analysis: Analysis, compared: Comparison, before: FunctionSymbol, function: FunctionSymbol
) -> Iterator[Outdated]:
    for scope, index in analysis.program.calls_named.get(function.name, ()):
        call = scope.facts.calls[index]
        match _called(analysis, call, scope):
            case Routine(function=found, receiver=receiver, bound=bound) if found is function:
                pass
            case _:
                continue
        is_bound = bound and function.owner is not None and "staticmethod" not in function.decorator_names
        is_bound = is_bound or "classmethod" in function.decorator_names
        was, now = of_function(before, bound=is_bound), of_function(function, bound=is_bound)
        if (
            was is None
            or now is None
            or ("staticmethod" in before.decorator_names) != ("staticmethod" in function.decorator_names)
        ):
            continue
        if receiver is not None and not all(
            (other := of_function(each, bound=is_bound)) is not None and other.refuses(call)
            for below in analysis.program.subclasses.get(receiver, ())
            for each in below.methods.get(function.name, ())
        ):
            continue  # the object may be of a class that takes it still
        if how := misfit(was, now, call) or _displaced(compared, was, now, call, scope):
            yield Outdated(scope, call, how)


def _called(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> object:
    """What a call reaches, `super()` understood where a class has one base."""
    match call.callee:
        case ("attribute", ("call", int(index)), str(name)) if scope.facts.calls[index].callee == ("name", "super"):
            owner = scope.owner
            if owner is None or len(owner.facts.bases) != 1:
                return None
            above = analysis.program.order(owner)[0][1:]
            method = next((each.methods[name][-1] for each in above if name in each.methods), None)
            return None if method is None else Routine(method, None, True)
    return analysis.receivers.value(call.callee, scope)


def _of_class(analysis: Analysis, compared: Comparison, then: ClassSymbol, kind: ClassSymbol) -> Iterator[Outdated]:
    was, now = of_class(compared.then, then), of_class(compared.now, kind)
    made = constructor(analysis.program, kind)
    assert was is not None
    assert now is not None
    for scope, index in analysis.program.calls_named.get(kind.name, ()):
        call = scope.facts.calls[index]
        match analysis.receivers.value(call.callee, scope):
            case TypeOf(kind=found) if found is kind:
                how = misfit(was, now, call, but=_gone_fields(compared, then))
                if how := how or _displaced(compared, was, now, call, scope):
                    yield Outdated(scope, call, how)
    if made is not None and made.owner is kind:
        for scope, index in analysis.program.calls_named.get("__init__", ()):
            call = scope.facts.calls[index]
            match _called(analysis, call, scope):
                case Routine(function=function) if function is made:
                    if how := misfit(was, now, call) or _displaced(compared, was, now, call, scope):
                        yield Outdated(scope, call, how)


def _gone_fields(compared: Comparison, kind: ClassSymbol) -> frozenset[str]:
    """Fields that are gone: who still gives one is named with the field."""
    return frozenset(
        each.name
        for above in compared.then.order(kind)[0]
        for name in above.body.assigned
        if (each := compared.gone.get(f"{above.full_name}.{name}")) is not None and each.what == "field"
    )


def misfit(was: Signature, now: Signature, call: CallSite, but: frozenset[str] = frozenset()) -> str:
    """Why a call that fitted does not fit now; empty when it does, or did not before either."""
    if was.refuses(call) or any(name in but for name, _ in call.keywords):
        return ""
    return now.refuses(call)


def _displaced(compared: Comparison, was: Signature, now: Signature, call: CallSite, scope: FunctionSymbol) -> str:
    """Which argument lands in another parameter; only of a call that stood there before, as it stands there now.

    One that was written since may mean the new order, however well it happens to fit the old one.
    """
    earlier = compared.earlier_function(scope)
    if earlier is None or not any(_alike(each, earlier, call, scope) for each in earlier.facts.calls):
        return ""
    return now.displaces(was, call)


def _alike(one: CallSite, of: FunctionSymbol, other: CallSite, scope: FunctionSymbol) -> bool:
    if len(one.arguments) != len(other.arguments) or one.callee[0] != other.callee[0]:
        return False
    pairs = [(one.callee, other.callee), *zip(one.arguments, other.arguments, strict=True)]
    return all(written(before, of) == written(now, scope) for before, now in pairs)
