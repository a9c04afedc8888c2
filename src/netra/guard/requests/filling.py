"""Which call fills which parameter: of functions, of what overrides, wraps and defers them, of constructors and setters."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import NAMED, CallSite, Expression
from netra.guard.requests.deferred import LETTING, made_later
from netra.guard.requests.passing import gathered, pairs
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Either, Routine, TypeOf


class FilledParameters:
    """Answers what the calls of a function fill, as far as the functions are known."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)

    def by(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, str, Expression, int]]:
        """Each parameter that a call of a function fills: whose it is, its name, what it gets, and the line."""
        for setter, each in self._serving.set_by(scope):
            yield setter, setter.facts.parameters[1].name, each.value, each.line
        for index, call in enumerate(scope.facts.calls):
            if call.callee[-1] in LETTING and call.callee[0] in NAMED:
                # `tasks.add_task(send, user.email)`, `Thread(target=send, args=(user.email,))`, `send.delay(user.email)`
                for _, made in made_later(scope, index, call):
                    for function, shift in self._targets(made, scope):
                        for name, given in pairs(made, function, shift):
                            yield function, name, given, call.line
            if call.arguments or call.keywords:
                for function, shift in self._targets(call, scope):
                    for name, given in pairs(call, function, shift):
                        yield function, name, given, call.line
                    for name, given in gathered(call, function, shift):
                        yield function, name, given, call.line

    def _targets(self, call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        match self._analysis.receivers.value(call.callee, scope):
            case Routine() as routine if not routine.function.module.library:
                yield from self._with_those_below(routine)
            case Either(options=options):
                for each in options:
                    if isinstance(each, Routine) and not each.function.module.library:
                        yield from self._with_those_below(each)
            case TypeOf(kind=kind):
                for above in self._analysis.program.order(kind)[0]:
                    if "__init__" in above.methods:
                        yield above.methods["__init__"][0], 1
                        return
            case None if (made := self._serving.made(call.callee, scope)) is not None:
                yield made, 0
            case _ if call.callee[0] in ("name", "call"):
                for asked_for in self._serving.asked_for(call.callee, scope):
                    yield asked_for, 1

    def _with_those_below(self, called: Routine) -> Iterator[tuple[FunctionSymbol, int]]:
        """What a call calls, with what overrides and wraps it, and how many parameters come before what is passed."""
        function, receiver = called.function, called.receiver
        shift = 1 if called.bound and function.owner is not None else 0
        yield function, shift
        for kind in self._analysis.program.subclasses.get(receiver, ()) if receiver is not None else ():
            for below in kind.methods.get(function.name, ()):
                if below in self._serving:
                    yield below, shift
        for around in self._serving.wrappers(function):
            yield around, 0
