"""M104."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.members import PLAIN_METACLASSES, MemberNames, is_bound_once
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.signatures import Signatures
from netra.guard.mocks import is_patched
from netra.guard.reading import named, own_callables
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, Step, TypeOf


@rule("M104", "method-of-class")
def method_of_class(analysis: Analysis) -> Iterator[Sighting]:
    """A method that needs an object is called on the class, without one.

    What is meant for the next parameter lands in `self`, and the call raises `TypeError` for what is then missing.

    ```python
    class Mailer:
        def send(self, text: str) -> None: ...


    Mailer.send("hello")  # M104: `self` is "hello", and `text` is missing
    ```

    `Class.method(object, …)` is left alone, and so are methods under decorators that guard does not know.
    """
    outside = analysis.once(OutsideWrites)
    signatures = analysis.once(Signatures)
    names = analysis.once(own_callables)
    for scope in analysis.scopes:
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or call.callee[2] not in names or not named(call.callee[1], names):
                continue
            function = _method(analysis, outside, signatures, call, scope)
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
    if function.decorator_names & {"staticmethod", "classmethod"} or function.name.startswith("__"):
        return None
    parameters = function.facts.parameters
    if not parameters or parameters[0].name != "self" or parameters[0].position != "positional":
        return None
    if analysis.once(MemberNames).of(kind) is None or any(_rewrites(each) for each in analysis.program.order(kind)[0]):
        return None  # what a base makes of methods is not known
    if kind.name in outside.rivals or not is_bound_once(kind) or outside.is_written(kind, function.name):
        return None
    taken = signatures.of_function(function, bound=False)
    with_object = signatures.of_function(function, bound=True)
    if taken is None or with_object is None or is_told_apart(call.callee[1], function.name, scope):
        return None
    return function if taken.refuses(call) and not with_object.refuses(call) else None


def _rewrites(kind: ClassSymbol) -> bool:
    """A metaclass or an `__init_subclass__` may make of methods what is called on the class: handlers of events, say."""
    return "__init_subclass__" in kind.methods or any(
        name == "metaclass" and last_name(value) not in PLAIN_METACLASSES for name, value in kind.facts.keywords
    )
