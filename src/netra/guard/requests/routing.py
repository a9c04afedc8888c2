"""Which routes a program serves, each under its whole path, with the prefixes of routers and of those that include them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import Path, Prefixes, given_to, path_of
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.program import FunctionSymbol
from netra.guard.values import Routine

SERVING: Final = VERBS | {"route", "api_route"}
REGISTERING: Final = frozenset("add_api_route add_route add_url_rule Route APIRoute".split())
ADDED_VERB: Final = {f"add_{verb}": verb.upper() for verb in VERBS}


@dataclass(frozen=True, slots=True)
class ServedRoute:
    """One handler under one path. `verbs` is None where any is served, or which is not known."""

    path: Path
    verbs: frozenset[str] | None
    handler: FunctionSymbol

    def answers(self, verb: str) -> bool:
        return self.verbs is None or verb in self.verbs or (verb == "HEAD" and "GET" in self.verbs)

    def __str__(self) -> str:
        return f"{' '.join(sorted(self.verbs or {'any'}))} /{'/'.join(self.path)}"


class Routing:
    """The routes of a program. Routes whose path is not a text are left out."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._prefixes = Prefixes(analysis.program)

    @lazily
    def routes(self) -> tuple[ServedRoute, ...]:
        found: list[ServedRoute] = []
        for module in self._program.own:
            if not module.in_tests:
                for scope in module.functions:
                    found += self._decorated(scope)
        for name in (*REGISTERING, *ADDED_VERB):
            for scope, index in self._program.calls_named.get(name, ()):
                if not scope.module.in_tests:
                    found += self._registered(scope, name, scope.facts.calls[index])
        return tuple(dict.fromkeys(found))

    @lazily
    def mounts(self) -> tuple[Path, ...]:
        """Where something is mounted of which nothing is known: it may serve anything below."""
        found: list[Path] = []
        for scope, index in self._program.calls_named.get("mount", ()):
            call = scope.facts.calls[index]
            if call.arguments and (path := path_of(call.arguments[0], scope, self._program)) is not None:
                found.append(path)
        return tuple(found)

    def _decorated(self, scope: FunctionSymbol) -> Iterator[ServedRoute]:
        around = scope.parent
        for each in scope.facts.decorators if around is not None else ():
            name = last_name(each.callee)
            if name not in SERVING or each.callee[0] != "attribute" or not each.called or around is None:
                continue
            given = given_to(each, 0, "path", "rule")
            own = None if given is None else path_of(given, around, self._program)
            if own is not None:
                verbs = frozenset({name.upper()}) if name in VERBS else _verbs(each.keywords)
                for prefix in self._prefixes.of(each.callee[1], around, 0):
                    yield ServedRoute((*prefix, *own), verbs, scope)

    def _registered(self, scope: FunctionSymbol, name: str, call: CallSite) -> Iterator[ServedRoute]:
        given = given_to(call, 0, "path", "rule")
        own = None if given is None else path_of(given, scope, self._program)
        if own is None:
            return
        verbs = frozenset({ADDED_VERB[name]}) if name in ADDED_VERB else _verbs(call.keywords)
        router = call.callee[1] if call.callee[0] == "attribute" else None
        for each in (*call.arguments[1:], *(value for key, value in call.keywords if key in ("endpoint", "handler"))):
            match self._receivers.value(each, scope):
                case Routine(function=handler):
                    for prefix in ((),) if router is None else self._prefixes.of(router, scope, 0):
                        yield ServedRoute((*prefix, *own), verbs, handler)
                    return


def _verbs(keywords: tuple[tuple[str, Expression], ...]) -> frozenset[str] | None:
    for key, value in keywords:
        if key == "methods":
            if value[0] in ("list", "tuple", "set") and all(each[0] == "string" for each in value[1]):
                return frozenset(each[1].upper() for each in value[1])
            return None
    return frozenset({"GET"})
