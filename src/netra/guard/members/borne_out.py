"""Whether the code bears out what an annotation says: of a parameter, of an attribute, of what a function returns.

Who asks an object for something that its class has was written for such an object; who is handed on to be called takes whatever
the caller has.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Assignment, Expression, last_name
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine

CLS: Final[Expression] = ("name", "cls")


def bears_out(
    analysis: Analysis, held: frozenset[str], inner: Expression, scope: FunctionSymbol, *, alone: bool
) -> bool | None:
    """Whether an object is what an annotation says, which has `held`; None where nothing decides it, or too little is seen.

    `alone`: one class is said, and not several.
    """
    if _is_only_annotated(inner, scope):
        return _is_asked_for_more(held, inner, scope) or scope.name not in analysis.once(_handed_on)
    if _is_of_annotated(inner, scope) and _is_asked_for_more(held, inner, scope):
        return True
    if alone and _is_of_another(inner) and _is_asked_for_one_missing(held, inner, scope):
        return True
    return True if alone and _is_borne_out_elsewhere(analysis, held, inner, scope) else None


def _is_only_annotated(inner: Expression, scope: FunctionSymbol) -> bool:
    """A parameter whose annotation tells what it is, and that stays what it was given."""
    if inner[0] != "name" or inner[1] not in scope.parameters or scope.assigned.get(inner[1]):
        return False
    return scope.facts.parameters[scope.parameters[inner[1]]].annotation is not None


def _is_asked_for_more(held: frozenset[str], inner: Expression, scope: FunctionSymbol) -> bool:
    """The function asks it for something that it has, too: it was written for such an object."""
    return any(expression[1] == inner and expression[2] in held for expression, _, _ in scope.attributes_read)


def _handed_on(analysis: Analysis) -> frozenset[str]:
    """Names of functions that are handed to somebody, who calls them with what he has, whatever they are annotated to take."""
    found: set[str] = set()
    for scope in analysis.scopes:
        found.update(use.name for use in scope.facts.uses if use.where[0] != "called")
        given = [each for call in scope.facts.calls for each in call.given]
        given += [part for each in scope.facts.assignments for part in _parts(each.value)]
        given += [each.value for each in scope.facts.returned]
        named = {each[1] for each in given if each[0] == "name"}
        found.update(named.difference(scope.parameters, scope.assigned))
        found.update(read.expression[-1] for read in scope.facts.reads if read.expression[0] == "attribute")
        found.update(last_name(each.default) or "" for each in scope.facts.parameters if each.default is not None)
    return frozenset(found)


def _parts(value: Expression) -> tuple[Expression, ...]:
    """What stands in a container that is written out, or the value itself."""
    if value[0] == "dict":
        return tuple(part for pair in value[1] for part in pair)
    return value[1] if value[0] in ("list", "tuple", "set", "choice") else (value,)


def _is_borne_out_elsewhere(analysis: Analysis, held: frozenset[str], inner: Expression, scope: FunctionSymbol) -> bool:
    """What an annotation says of an attribute of `self`, or of what a function returns, is so wherever else that is used: it is
    asked for something that the class has, and for one thing only that it lacks.
    """
    match inner:
        case ("attribute", ("name", "self"), str(name)) if (owner := owner_of_self(scope)) is not None:
            family = (*analysis.program.order(owner)[0], *analysis.program.subclasses.get(owner, ()))
            given = [(method, one) for each in family for method, one in each.set_on_self.get(name, ())]
            if any(name in each.body.assigned for each in family) or not all(
                _is_handed_in(method, one) for method, one in given
            ):
                return False
            within = [method for each in family for methods in each.methods.values() for method in methods]
            asked = [expression for method in within for expression, _, _ in method.attributes_read if expression[1] == inner]
        case ("name", str(name)) if name not in scope.parameters and _is_of_loops(name, scope):
            asked = [expression for expression, _, _ in scope.attributes_read if expression[1] == inner]
        case ("name", str(name)) if name not in scope.parameters and len(scope.assigned.get(name, ())) == 1:
            asked = [*_asked_of_what_is_returned(analysis, scope.assigned[name][0], scope)]
        case _:
            return False
    names = {expression[2] for expression in asked}
    return len(names - held) == 1 and bool(names & held)


def _is_of_loops(name: str, scope: FunctionSymbol) -> bool:
    """Nothing but loops over what is annotated give the name its values: `for item in shelf.open():`."""
    given = scope.assigned.get(name, ())
    return bool(given) and all(each.how in ("for", "for async") for each in given)


def _is_handed_in(method: FunctionSymbol, each: Assignment) -> bool:
    """`self.store = store` of a parameter that is annotated."""
    return each.how in ("=", "annotated") and _is_only_annotated(each.value, method)


def _asked_of_what_is_returned(analysis: Analysis, made: Assignment, scope: FunctionSymbol) -> Iterator[Expression]:
    """What all callers of a function of the program ask of what it returns, where they give that a name."""
    value = made.value[1] if made.value[0] == "await" else made.value
    if made.how != "=" or value[0] != "call":
        return
    match analysis.receivers.value(scope.facts.calls[value[1]].callee, scope):
        case Routine(function=function) if function.facts.returns is not None and not function.module.library:
            pass
        case _:
            return
    for caller, number, call in analysis.calls_of(function.name):
        where = call.where[1] if call.where[0] == "await" else call.where
        match where, analysis.receivers.value(call.callee, caller):
            case ("assign", ("name", str(name))), Routine(function=called) if called is function:
                given = [each.value for each in caller.assigned.get(name, ())]
                if given in ([("call", number)], [("await", ("call", number))]):
                    yield from (each for each, _, _ in caller.attributes_read if each[1] == ("name", name))


def _is_of_annotated(inner: Expression, scope: FunctionSymbol) -> bool:
    """`context.deps` of a parameter `context: RunContext[Deps]`, which stays what it was given."""
    root = inner
    while root[0] == "attribute":
        root = root[1]
    return root is not inner and _is_only_annotated(root, scope)


def _is_of_another(inner: Expression) -> bool:
    """`order.customer`: an attribute of another object than `self`, of which the methods of its class say nothing more."""
    return inner[0] == "attribute" and inner[1][0] in ("name", "attribute") and inner[1] not in (SELF, CLS)


def _is_asked_for_one_missing(held: frozenset[str], inner: Expression, scope: FunctionSymbol) -> bool:
    """The function asks it for what it has, and for one thing only that it lacks."""
    names = {expression[2] for expression, _, _ in scope.attributes_read if expression[1] == inner}
    return len(names - held) == 1 and bool(names & held)


def owner_of_self(scope: FunctionSymbol) -> ClassSymbol | None:
    """The class of whose objects `self` is one, in a method and in functions within it."""
    at: FunctionSymbol | None = scope
    while at is not None and "self" not in at.bound:
        at = at.parent
    return None if at is None or at.parameters.get("self") != 0 else at.owner
