"""M104."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import NAMED, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.classes import HeldClasses
from netra.guard.members.members import PLAIN_METACLASSES, MemberNames, is_bound_once
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.signatures import Signatures
from netra.guard.mocks import is_patched
from netra.guard.reading import own_callables
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Plain, Routine, Step, TypeOf

# By these names a method asks its own class, which may have been given another one of them below it.
OF_OWN = (("name", "self"), ("name", "cls"))


@rule("M104", "method-of-class")
def method_of_class(analysis: Analysis) -> Iterator[Sighting]:
    """A method that needs an object is called on the class, without one.

    What is meant for the next parameter lands in `self`, and the call raises `TypeError` for what is then missing.

    ```python
    class Mailer:
        def send(self, text: str) -> None: ...


    Mailer.send("hello")  # M104: `self` is "hello", and `text` is missing
    ```

    A class may be held by a name, a parameter that is annotated `type[…]`, or a table of classes. What comes first may be a
    number, a text or an object of a library, which cannot be the object: `Mailer.recent(20)`. `Class.method(object, …)` is left
    alone, and so are methods under decorators that guard does not know.
    """
    outside = analysis.once(OutsideWrites)
    signatures = analysis.once(Signatures)
    names = analysis.once(own_callables)
    methods = frozenset(scope.name for scope in analysis.scopes if scope.owner is not None)
    for scope in analysis.scopes:
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or call.callee[2] not in names:
                continue
            if call.callee[1][0] in NAMED and call.callee[1][-1] in names:
                function = _method(analysis, outside, signatures, call, scope)
            elif call.callee[2] not in methods:
                continue
            else:
                function = _of_held(analysis, outside, signatures, call, scope)
            patched = function is not None and is_patched(function.name, scope)
            if function is not None and not patched and not is_caught(call.line, scope, "TypeError"):
                text = written(call.callee, scope)
                line = function.facts.line
                yield Sighting(
                    scope,
                    call.line,
                    call.column,
                    call.end_line,
                    f"`{text}(…)` is called on the class, without the object that `{function.facts.parameters[0].name}` is for",
                    (Step(function.module.path, line, f"`{function.name}` is a method of objects"),),
                    Mend("call it on an object, or make it a class method"),
                )


def _method(
    analysis: Analysis, outside: OutsideWrites, signatures: Signatures, call: CallSite, scope: FunctionSymbol
) -> FunctionSymbol | None:
    """The method, when the call would fit if there were an object, and does not as it is."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function, receiver=kind, bound=False) if kind is not None:
            pass
        case _:
            return None
    # Written as `Name.method`, or as `module.Name.method`: what a variable holds may be an object after all.
    match analysis.program.evaluate(call.callee[1], scope), analysis.receivers.value(call.callee[1], scope):
        case symbol, TypeOf(kind=written_kind) if symbol is written_kind:
            pass
        case _:
            return None
    return function if _needs_object(analysis, outside, signatures, function, kind, call, scope) else None


def _of_held(
    analysis: Analysis, outside: OutsideWrites, signatures: Signatures, call: CallSite, scope: FunctionSymbol
) -> FunctionSymbol | None:
    """The same of a class that a name or a table holds: `kind = Bonus if bonus else Slip`, `KINDS[name].total()`."""
    inner, name = call.callee[1], call.callee[2]
    held = analysis.once(HeldClasses)
    if inner in OF_OWN or not _may_hold_class(inner, scope) or not held.may_hold(inner, scope):
        return None
    found = None
    for kind in held.of(inner, scope):
        methods = next((each.methods[name] for each in analysis.program.order(kind)[0] if name in each.methods), [])
        if len(methods) != 1 or not _needs_object(analysis, outside, signatures, methods[0], kind, call, scope):
            return None
        found = found or methods[0]
    return found


def _may_hold_class(inner: Expression, scope: FunctionSymbol) -> bool:
    """What is seen at once: a name that is given one thing, a place in a table, what a call gives."""
    if inner[0] == "name":
        annotated = inner[1] in scope.parameters and scope.facts.parameters[scope.parameters[inner[1]]].annotation is not None
        return annotated or inner[1] in scope.assigned
    return inner[0] in ("subscript", "call")


def _needs_object(
    analysis: Analysis,
    outside: OutsideWrites,
    signatures: Signatures,
    function: FunctionSymbol,
    kind: ClassSymbol,
    call: CallSite,
    scope: FunctionSymbol,
) -> bool:
    """The call would fit if there were an object, and does not as it is, or gives something else in its place."""
    if function.decorator_names & {"staticmethod", "classmethod"} or function.name.startswith("__"):
        return False
    parameters = function.facts.parameters
    if not parameters or parameters[0].name != "self" or parameters[0].position != "positional":
        return False
    if analysis.once(MemberNames).of(kind) is None or any(_rewrites(each) for each in analysis.program.order(kind)[0]):
        return False  # what a base makes of methods is not known
    if kind.name in outside.rivals or not is_bound_once(kind) or outside.is_written(kind, function.name):
        return False
    taken = signatures.of_function(function, bound=False)
    with_object = signatures.of_function(function, bound=True)
    if taken is None or with_object is None or is_told_apart(call.callee[1], function.name, scope):
        return False
    if with_object.refuses(call):
        return not taken.refuses(call) and _is_of_library(analysis, kind, call, scope)
    return bool(taken.refuses(call)) or _is_no_object(analysis, kind, call, scope)


def _is_of_library(analysis: Analysis, kind: ClassSymbol, call: CallSite, scope: FunctionSymbol) -> bool:
    """`Scans.latest(session, number)`: what lands in `self` is an object of a library, which is above none of it."""
    if not call.arguments or any(each.facts.bases for each in analysis.program.order(kind)[0][-1:]):
        return False
    match analysis.receivers.value(call.arguments[0], scope):
        case Instance(kind=given):
            return given.module.model and given not in analysis.program.order(kind)[0]
    return False


def _is_no_object(analysis: Analysis, kind: ClassSymbol, call: CallSite, scope: FunctionSymbol) -> bool:
    """`Room.recent(20)`: what comes first is a number or a text, and lands in `self`."""
    if not call.arguments or any(each.facts.bases for each in analysis.program.order(kind)[0][-1:]):
        return False
    match analysis.receivers.value(call.arguments[0], scope):
        case Plain(name=name):
            return name not in ("None", "value", "object", "Any")
    return False


def _rewrites(kind: ClassSymbol) -> bool:
    """A metaclass or an `__init_subclass__` may make of methods what is called on the class: handlers of events, say."""
    return "__init_subclass__" in kind.methods or any(
        name == "metaclass" and last_name(value) not in PLAIN_METACLASSES for name, value in kind.facts.keywords
    )
