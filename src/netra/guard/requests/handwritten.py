"""Servers that no framework routes for: a handler of `http.server` or `wsgiref` that compares paths itself."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import Path
from netra.guard.facts import Function, last_name
from netra.guard.requests.senders import tells
from netra.guard.symbols import ClassSymbol

HANDLERS: Final = ("HTTPRequestHandler", "WSGIRequestHandler")


class HandwrittenServers:
    """Answers which paths such a server may serve: those of which it names a part, in whatever way it compares them."""

    def __init__(self, analysis: Analysis) -> None:
        modules = [module for module in analysis.modules if any(map(_handles, module.classes))]
        self._texts = frozenset(text for module in modules for text in texts_in(module.file.functions))

    def may_serve(self, path: Path) -> bool:
        """Some text in the file of a handler holds a segment that tells this path from others; true where none does."""
        if not self._texts:
            return False
        telling = [segment for segment in path if tells(segment)]
        return not telling or any(segment in text for segment in telling for text in self._texts)


def _handles(kind: ClassSymbol) -> bool:
    return any((last_name(base) or "").endswith(HANDLERS) for base in kind.facts.bases)


def texts_in(functions: Iterable[Function]) -> Iterator[str]:
    """Every text that is written in these functions, whatever it stands in. An argument may be called `string` as well."""
    waiting = [each for function in functions for each in _expressions(function)]
    while waiting:
        at = waiting.pop()
        if len(at) == 2 and at[0] == "string" and isinstance(at[1], str):
            yield at[1]
        else:
            for each in at:
                if isinstance(each, tuple):
                    waiting.append(each)  # noqa: PERF401 - most of these tuples are small, and a comprehension is a call for each


def _expressions(function: Function) -> Iterator[tuple[Any, ...]]:
    """All of a function that may hold a text, in the tuples in which it stands."""
    for call in function.calls:
        if call.callee[0] != "name":
            yield call.callee
        yield call.arguments
        yield call.keywords
    for each in function.assignments:
        yield (each.target, each.value, each.annotation)
    for parameter in function.parameters:
        yield (parameter.annotation, parameter.default)
    yield tuple([each.value for each in function.returned])
    yield tuple([each.expression for each in function.reads])
    yield tuple([each.expressions for each in function.blocks])
    yield tuple([(each.callee, each.arguments, each.keywords) for each in function.decorators])
    yield (function.returns, function.awaits, function.asserts, function.cases)
