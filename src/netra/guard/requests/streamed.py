"""Generators whose items go to a client as fast as it takes them: those that a streaming response is made of."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.makers import maker
from netra.guard.meaning.parameters import parameter_given
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Either, GeneratorOf, Routine, Step

RESPONSES: Final = frozenset({"StreamingResponse", "EventSourceResponse", "StreamingHttpResponse", "ServerSentEvent", "Stream"})
CONTENT: Final = frozenset({"content", "streaming_content", "iterator"})

# Words that other libraries use as well, with the only one that is meant.
OF_LIBRARY: Final = {"Stream": "litestar", "ServerSentEvent": "litestar"}

# What makes a response of a generator, or keeps the request for it.
WRAPPING: Final = frozenset({"Response", "response_class", "make_response", "stream_with_context"})

# Frameworks that send what a route gives bit by bit, where it is a generator; others collect it first.
GIVING_BIT_BY_BIT: Final = frozenset({"flask", "quart"})

# Functions of the program between a generator and the response.
FURTHEST: Final = 3


class Streamed:
    """Answers which generators a client drives."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._found: dict[FunctionSymbol, tuple[Step, ...]] = {}
        self.outer: dict[FunctionSymbol, FunctionSymbol] = {}
        """Of each whose items another one hands on: which."""

    def generators(self) -> dict[FunctionSymbol, tuple[Step, ...]]:
        """All of them: what a response is given, what that goes through, and whose items it hands on, with where it does."""
        for scope, _, call in self._analysis.calls_of(*RESPONSES):
            name = call.callee[-1]
            if name in OF_LIBRARY and maker(call.callee, scope, self._analysis.program) != OF_LIBRARY[name]:
                continue
            if not scope.module.in_tests:
                for each in (*call.arguments[:1], *(value for key, value in call.keywords if key in CONTENT)):
                    self._follow(each, scope, FURTHEST)
        self._given_by_routes()
        waiting = list(self._found)
        while waiting:
            generator = waiting.pop()
            for inner, line in self._handed_on(generator):
                if inner not in self._found:
                    note = f"`{generator.name}`, from which a client takes, hands on what `{inner.name}` gives"
                    self._found[inner] = (*self._found[generator], Step(generator.module.path, line, note))
                    self.outer[inner] = generator
                    waiting.append(inner)
        return self._found

    def _given_by_routes(self) -> None:
        """`return rows(), {"content-type": "text/csv"}`, and what is made a response of the framework's own."""
        for scope, entry in self._analysis.reach.entries.items():
            if entry.sort != ROUTE or GIVING_BIT_BY_BIT.isdisjoint([each.module for each in scope.module.top.facts.imports]):
                continue
            for returned in scope.facts.returned:
                given = returned.value[1][0] if returned.value[0] == "tuple" and returned.value[1] else returned.value
                if given[0] == "call" and (last_name(scope.facts.calls[given[1]].callee) or "") in WRAPPING:
                    given = next(iter(scope.facts.calls[given[1]].arguments), given)
                match self._analysis.receivers.value(given, scope) if given[0] in ("call", "name") else None:
                    case GeneratorOf(function=FunctionSymbol() as function) if not function.module.library:
                        note = f"{entry.label} gives it to its client as it comes"
                        self._found.setdefault(function, (Step(scope.module.path, returned.line, note),))

    def _follow(self, given: Expression, scope: FunctionSymbol, depth: int) -> None:
        waiting = [given]
        while waiting:
            each = waiting.pop()
            match self._analysis.receivers.value(each, scope):
                case GeneratorOf(function=FunctionSymbol() as function) | Routine(function=function):
                    self._found.setdefault(function, ())
                case None if each[0] == "call":
                    match self._analysis.receivers.value(scope.facts.calls[each[1]].callee, scope):
                        case Either(options=options):  # `(live if now else stored)(number)`
                            for option in options:
                                if isinstance(option, Routine):
                                    self._found.setdefault(option.function, ())
            if each[0] == "call":  # `frames(answers(session))`: one generator goes through another
                waiting += [given for given in scope.facts.calls[each[1]].arguments if given[0] == "call"]
            elif each[0] == "name" and each[1] in scope.parameters and depth:
                for caller, call in self._callers(scope):
                    for passed in self._passed(scope, each[1], call):
                        self._follow(passed, caller, depth - 1)

    def _callers(self, function: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, CallSite]]:
        """Who makes a response by a function of the program that takes what is to be sent: `events(source())`."""
        for caller, index in self._analysis.program.calls_named.get(function.name, ()):
            call = caller.facts.calls[index]
            if not caller.module.in_tests and caller is not function:
                match self._analysis.receivers.value(call.callee, caller):
                    case Routine(function=called) if called is function:
                        yield caller, call

    def _passed(self, function: FunctionSymbol, name: str, call: CallSite) -> Iterator[Expression]:
        bound = call.callee[0] == "attribute" and function.owner is not None
        for at, value in call.placed:
            if parameter_given(function, at, bound=bound) == name:
                yield value

    def _handed_on(self, generator: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
        """The generators of the program over which it loops, where it gives something out with each turn."""
        facts = generator.facts
        given = [each.line for each in facts.returned if each.how == "yield"]
        for loop in facts.blocks if given else ():
            if loop.what == "loop" and any(loop.line <= line <= loop.end_line for line in given):
                for over in loop.expressions:
                    match self._analysis.receivers.value(over, generator) if over[0] == "call" else None:
                        case GeneratorOf(function=FunctionSymbol() as inner) if not inner.module.library:
                            yield inner, loop.line
