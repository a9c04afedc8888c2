"""What a program asks a server for: requests whose path is written down, and whether that server is the program's own.

Nothing in a request says whose server it goes to. A file whose requests mostly fit the program's routes is a client of the
program itself; what its other requests ask for is then not there. Where the routes begin with a prefix that the client keeps in
its base address, or the other way round, the same difference shows in many requests.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from operator import itemgetter
from typing import Final, TypeAlias

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import ANY, REST, Path
from netra.guard.lazily import lazily
from netra.guard.requests.hosts import ForeignHosts
from netra.guard.requests.routing import WEBSOCKET, Routing, ServedRoute
from netra.guard.requests.senders import Senders, SentRequest, tells
from netra.guard.symbols import ClassSymbol

# A file is a client of the program when so many different requests of it, and so large a part, fit its routes.
FITTING_REQUESTS: Final = 3
FITTING_PART: Final = 0.6
# One that writes few requests is a client where two fit as they are written, and it names nobody else's server.
FEW_REQUESTS: Final = 2

# How alike two words are of which one is the other misspelt.
NEARLY: Final = 0.8

# Paths that servers of models share. Who asks for them, and finds them served here, may ask any of those.
OF_MODELS: Final = frozenset(
    """chat/completions completions embeddings models models/{} responses messages rerank audio/transcriptions audio/speech
    images/generations moderations tags generate chat pull push show embed version ps""".split()
)

Shift: TypeAlias = tuple[int, Path]
"""How many segments a route has more than a request that fits it (fewer, when negative), and which stand before the other."""

WHOLE: Final[Shift] = (0, ())
"""Requests are written with the whole path of their routes."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of a client of this program, with the routes of its path: `served` is empty when none has its verb as well."""

    request: SentRequest
    served: tuple[ServedRoute, ...]
    alike: tuple[ServedRoute, ...]
    """Routes of the same path, whatever their verbs; where there are none, routes that begin like it."""
    other_verb: bool
    """There are routes of the same path, and none of them has the verb."""

    @property
    def is_own(self) -> bool:
        """The file that asks serves the path itself."""
        return any(
            route.handler.module is self.request.scope.module
            for route in (*self.served, *(self.alike if self.other_verb else ()))
        )


class Correspondence:
    """Which request of the program meets which of its routes."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._routing = Routing(analysis)
        self._foreign = analysis.once(ForeignHosts)
        self._fits: dict[Path, tuple[tuple[Shift, ServedRoute], ...]] = {}
        self._ending: dict[tuple[int, str], list[ServedRoute]] = {}

    @lazily
    def _by_end(self) -> dict[int, dict[str, list[tuple[int, ServedRoute]]]]:
        """Routes by the number of their segments and by the last one, each with its place among all routes.

        A path and a route that fit run side by side to their ends, so a request is held against few of them.
        """
        found: dict[int, dict[str, list[tuple[int, ServedRoute]]]] = {}
        for place, each in enumerate(self._routing.routes):
            found.setdefault(len(each.path), {}).setdefault(each.path[-1] if each.path else "", []).append((place, each))
        return found

    @lazily
    def answered(self) -> tuple[Answered, ...]:
        """Every request of every file, and of every class with one method that sends, that is a client of this program."""
        if not self._routing.routes:
            return ()
        clients: dict[object, list[SentRequest]] = defaultdict(list)
        for request in self._analysis.once(Senders).requests:
            clients[request.scope.module].append(request)
            if request.through is not None:
                clients[request.through].append(request)
        return tuple(dict.fromkeys(each for requests in clients.values() for each in self._of_client(requests)))

    def _of_client(self, requests: list[SentRequest]) -> Iterator[Answered]:
        if len(requests) < FEW_REQUESTS:
            return
        shifts: defaultdict[Shift, set[str]] = defaultdict(set)
        for request in requests:
            for shift, route in self._fitting(request):
                if _is_the_same(request, shift, route):
                    shifts[shift].add(str(request))
        usual = {shift for shift, fitting in shifts.items() if len(fitting) >= FITTING_REQUESTS}
        enough = FITTING_REQUESTS
        if not usual and not self._foreign.may_be_asked_by(requests[0].scope.module):
            usual = {WHOLE} if self._fit_whole(requests) else set()
            enough = FEW_REQUESTS
        if not usual:
            return
        whole = {
            request.scope.owner
            for request in requests
            if usual == {WHOLE}
            and any(shift == WHOLE and route.answers(request.verb) for shift, route in self._fitting(request))
        }
        answers = [self._answer(request, usual, whole) for request in requests]
        fits = [each for each in answers if each.served or each.other_verb]
        fitting = len([each for each in fits if not _is_of_many(each.request.path)])
        # A file that asks for paths which it serves is a proxy: it asks another server, which serves what it serves.
        if sum(1 for each in fits if each.is_own) * 2 > fitting:
            return
        if fitting >= enough and fitting >= FITTING_PART * len(answers):
            yield from answers

    def _fit_whole(self, requests: list[SentRequest]) -> bool:
        """Of a few requests, enough are written with the whole path of a route that answers their verb."""
        answered = {
            str(request)
            for request in requests
            for shift, route in self._fitting(request)
            if shift == WHOLE and _is_the_same(request, shift, route) and route.answers(request.verb)
        }
        return len(answered) >= FEW_REQUESTS

    def _answer(self, request: SentRequest, usual: set[Shift], whole: set[ClassSymbol | None]) -> Answered:
        of_path = [(shift, route) for shift, route in self._fitting(request) if shift in usual]
        served = tuple(dict.fromkeys(route for _, route in of_path if route.answers(request.verb)))
        certain = tuple(dict.fromkeys(route for shift, route in of_path if _is_the_same(request, shift, route)))
        if not served and not certain and any(self._ask_alike(request.scope.owner, each) for each in whole):
            # The others write whole paths, and of this one a prefix was left out.
            without = [
                route
                for shift, route in self._fitting(request)
                if shift[0] > 0 and _is_the_same(request, shift, route) and route.answers(request.verb)
            ]
            if without:
                return Answered(request, (), tuple(dict.fromkeys(without)), other_verb=False)
        return Answered(
            request, served, certain or self._beside(request, usual, is_served=bool(served)), bool(certain) and not served
        )

    def _ask_alike(self, one: ClassSymbol | None, other: ClassSymbol | None) -> bool:
        """Requests of both go to the same address: they are of one class, or of two that are made of the same somewhere."""
        if one is other:
            return True
        if one is None or other is None:
            return False
        made = [
            (scope, scope.facts.calls[index])
            for each in (one, other)
            for scope, index in self._analysis.program.calls_named.get(each.name, ())
        ]
        return any(
            scope is where and call.arguments and call.arguments == second.arguments and call.callee != second.callee
            for scope, call in made
            for where, second in made
        )

    def _fitting(self, request: SentRequest) -> tuple[tuple[Shift, ServedRoute], ...]:
        """Routes of the path of a request, each with what one of the two has before the other."""
        found = self._fits.get(request.path)
        if found is None:
            found = self._fits[request.path] = tuple(self._find_fitting(request.path))
        return found

    def _find_fitting(self, asked: Path) -> Iterator[tuple[Shift, ServedRoute]]:
        for length, by_end in self._by_end.items():
            surplus = length - len(asked)
            ending = self._ending.get((length, asked[-1]))
            if ending is None:
                ending = self._ending[length, asked[-1]] = _ending(by_end, asked[-1])
            for route in ending:
                if route.path[-1:] == (REST,):
                    if len(asked) >= length - 1 and _same(asked[: length - 1], route.path[:-1]):
                        yield (0, ()), route
                elif surplus >= 0:
                    if ANY not in route.path[:surplus] and _same(asked, route.path[surplus:]):
                        yield (surplus, route.path[:surplus]), route
                elif length and ANY not in asked[:-length] and _same(asked[-length:], route.path):
                    yield (surplus, asked[:-length]), route

    def _beside(self, request: SentRequest, usual: set[Shift], *, is_served: bool) -> tuple[ServedRoute, ...]:
        """Routes that begin with the same segment, those with the most in common first."""
        found: list[tuple[int, ServedRoute]] = []
        for shift in sorted(usual):
            for route in self._routing.routes:
                asked, served = _shifted(request.path, shift, route.path)
                if not asked or not served:
                    continue
                common = _alike_from_the_start(asked, served)
                if any(tells(one) and one == other for one, other in zip(asked[:common], served, strict=False)):
                    found.append((common, route))
        found = found or [(0, route) for route in (() if is_served else self._misspelt(request, usual))]
        found.sort(key=lambda each: (-each[0], abs(len(each[1].path) - len(request.path))))
        return tuple(dict.fromkeys(route for _, route in found))

    def _misspelt(self, request: SentRequest, usual: set[Shift]) -> Iterator[ServedRoute]:
        """Routes of the same path but for one segment, which is nearly the same: `/agent/runs` and `/agents/runs`."""
        for shift in sorted(usual):
            for route in self._routing.routes:
                if len(route.path) - shift[0] == len(request.path) and route.answers(request.verb):
                    asked, served = _shifted(request.path, shift, route.path)
                    if _differ_by_spelling(asked, served):
                        yield route

    def may_be_served(self, request: SentRequest) -> bool:
        """Something unknown may serve it: what is mounted above it, or a route whose handler or verbs are not known.

        Sockets are often opened without a router: those of a program that has no route for any are not judged.
        """
        if request.verb == WEBSOCKET and not any(route.answers(WEBSOCKET) for route in self._routing.routes):
            return True
        path = request.path
        if any(mount and path[: len(mount)] == mount for mount in self._routing.mounts):
            return True
        return any(_may_fit(path, each) for each in self._routing.unclear)


def _ending(by_end: dict[str, list[tuple[int, ServedRoute]]], last: str) -> list[ServedRoute]:
    """Routes of one length that may end like this, in the order of all routes."""
    ends = by_end if last == ANY else dict.fromkeys((last, ANY, REST))
    return [route for _, route in sorted([each for end in ends for each in by_end.get(end, ())], key=itemgetter(0))]


def _same(asked: Path, served: Path) -> bool:
    if len(asked) != len(served):
        return False
    for one, other in zip(asked, served, strict=True):  # noqa: SIM110 - asked of every request and route: a generator is slow
        if one not in (other, ANY) and other != ANY:
            return False
    return True


def _is_of_many(path: Path) -> bool:
    """Any server of models has it, whoever wrote that."""
    telling = [place for place, each in enumerate(path) if tells(each)]
    return bool(telling) and "/".join(path[telling[0] :]) in OF_MODELS


def _may_fit(asked: Path, served: Path) -> bool:
    """The two may be the same, whatever stands before one of them."""
    if served[-1:] == (REST,):
        served = served[:-1]
        starts = range(len(asked) - len(served) + 1)
        return any(tells(each) for each in served) and any(_same(asked[at : at + len(served)], served) for at in starts)
    common = min(len(asked), len(served))
    asked, served = asked[len(asked) - common :], served[len(served) - common :]
    return _same(asked, served) and any(one == other and tells(one) for one, other in zip(asked, served, strict=True))


def _shifted(asked: Path, shift: Shift, served: Path) -> tuple[Path, Path]:
    """The two paths from where they run side by side; two empty ones when they do not."""
    surplus, before = shift
    if surplus >= 0:
        return (asked, served[surplus:]) if served[:surplus] == before else ((), ())
    return (asked[-surplus:], served) if asked[:-surplus] == before else ((), ())


def _is_the_same(request: SentRequest, shift: Shift, route: ServedRoute) -> bool:
    """Parameters stand for parameters, and at least one segment that is written down is the same on both sides."""
    asked, served = _shifted(request.path, shift, route.path)
    told = False
    for one, other in zip(asked, served, strict=False):
        if one == other:
            told = told or tells(one)
        elif one == ANY:
            return False
    return told


def _differ_by_spelling(asked: Path, served: Path) -> bool:
    """All but one segment are the same, one of these tells something, and the one is nearly the same."""
    apart = [(one, other) for one, other in zip(asked, served, strict=True) if one != other]
    if len(apart) != 1 or not any(tells(one) for one, other in zip(asked, served, strict=True) if one == other):
        return False
    ((one, other),) = apart
    return ANY not in (one, other) and bool(get_close_matches(one, [other], 1, NEARLY))


def _alike_from_the_start(asked: Path, served: Path) -> int:
    count = 0
    for one, other in zip(asked, served, strict=False):
        if one != other and ANY not in (one, other):
            break
        count += 1
    return count
