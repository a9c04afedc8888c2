"""What a program asks a server for: requests whose path is written down, and whether that server is the program's own.

Nothing in a request says whose server it goes to. A file whose requests mostly fit the program's routes is a client of the
program itself; what its other requests ask for is then not there. Where the routes begin with a prefix that the client keeps in
its base address, or the other way round, the same difference shows in many requests.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final, TypeAlias

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import ANY, REST, Path, segments, template
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import OTHER, Assignment, CallSite, Expression
from netra.guard.lazily import lazily
from netra.guard.program import FunctionSymbol
from netra.guard.requests.routing import Routing, ServedRoute
from netra.guard.values import Routine

LOCAL: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|testserver|test|\{\})(?::[^/]*)?(?=/|$)")
WRITTEN_ADDRESS: Final = re.compile(r"^(?:\{\})+(?=/)")

# What stands before the paths of many servers, and so tells nobody whose they are.
COMMONPLACE: Final = re.compile(r"api|rest|latest|v\d+(?:\.\d+)?(?:beta|alpha)?\d*")

# A file is a client of the program when so many of its requests, and so large a part, fit its routes.
FITTING_REQUESTS: Final = 3
FITTING_PART: Final = 0.6

NAMES_OF_SENDERS: Final = re.compile(r"^_*a?(?:sync_)?(get|post|put|patch|delete)(?:_json)?$")
NAMES_OF_REQUESTS: Final = re.compile(r"(?:^|_)a?(?:sync_)?(?:request|stream|build_request|send_request|make_request)$")

SPOKEN: Final = frozenset(each.upper() for each in VERBS)

Shift: TypeAlias = tuple[int, Path]
"""How many segments a route has more than a request that fits it (fewer, when negative), and which stand before the other."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request as it is written: a verb, a path and the call that sends it."""

    scope: FunctionSymbol
    call: CallSite
    verb: str
    path: Path

    def __str__(self) -> str:
        return f"{self.verb} /{'/'.join(self.path)}"


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of a client of this program, with the routes of its path: `served` is empty when none has its verb as well."""

    request: SentRequest
    served: tuple[ServedRoute, ...]
    alike: tuple[ServedRoute, ...]
    """Routes of the same path, whatever their verbs; where there are none, routes that begin like it."""
    other_verb: bool
    """There are routes of the same path, and none of them has the verb."""


class Correspondence:
    """Which request of the program meets which of its routes."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._routing = Routing(analysis)
        self._fits: dict[Path, tuple[tuple[Shift, ServedRoute], ...]] = {}

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
        """Every request of every file that is a client of this program."""
        if not self._routing.routes:
            return ()
        by_file: dict[str, list[SentRequest]] = defaultdict(list)
        for request in self._requests():
            by_file[request.scope.module.path].append(request)
        return tuple(each for requests in by_file.values() for each in self._of_client(requests))

    def _requests(self) -> Iterator[SentRequest]:
        handing: dict[FunctionSymbol, _HandedOn] = {}
        for scope, call, verb, written in self._sent():
            if verb and (path := self._asked(written, scope)):
                yield SentRequest(scope, call, verb, path)
            elif (each := _handed_on(scope, call, verb, written)) is not None:
                handing[scope] = each
        yield from self._through(handing)

    def _sent(self) -> Iterator[tuple[FunctionSymbol, CallSite, str, Expression]]:
        """Calls that send a request, as their names tell: the verb, where it is written down, and what is given as the path."""
        for name, calls in self._analysis.program.calls_named.items():
            sender = NAMES_OF_SENDERS.match(name)
            if sender is None and not NAMES_OF_REQUESTS.search(name):
                continue
            for scope, index in calls:
                # A test that asks for what is not there does so on purpose, or finds out by itself.
                call = scope.facts.calls[index]
                if scope.module.in_tests or call.where[0] == "decorator":
                    continue
                verb, rest = (sender[1].upper(), call.arguments) if sender else _verb_first(call)
                written = rest[0] if rest else next((value for key, value in call.keywords if key in ("url", "path")), None)
                yield scope, call, verb, OTHER if written is None else written

    def _through(self, handing: "dict[FunctionSymbol, _HandedOn]") -> Iterator[SentRequest]:
        """Requests that go through a function of the program which hands their path on: `self._call("GET", "/users")`."""
        waiting = list(handing.items())
        while waiting:
            function, handed = waiting.pop()
            if NAMES_OF_SENDERS.match(function.name) or NAMES_OF_REQUESTS.search(function.name):
                continue  # its name has told
            for scope, index in self._analysis.program.calls_named.get(function.name, ()):
                call = scope.facts.calls[index]
                match None if scope.module.in_tests else self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=called, bound=bound) if called is function:
                        written = _given(call, function, handed.path, bound=bound)
                        told = _given(call, function, handed.verb, bound=bound) if handed.verb in function.parameters else None
                        verb = handed.verb if told is None else told[1].upper() if told[0] == "string" else ""
                        if written is None:
                            continue
                        if verb in SPOKEN and (path := self._asked(written, scope, handed.before)):
                            yield SentRequest(scope, call, verb, path)
                        elif scope not in handing and (each := _handed_on(scope, call, verb, written)) is not None:
                            handing[scope] = replace(each, before=handed.before + each.before)
                            waiting.append((scope, handing[scope]))

    def _asked(self, written: Expression, scope: FunctionSymbol, before: str = "") -> Path:
        """The path that is asked for; empty when it is not known, or the server is somebody else's."""
        text = template(written, scope, self._analysis.program)
        if text is None:
            return ()
        text = f"{before}{text}"
        path = WRITTEN_ADDRESS.sub("", LOCAL.sub("", text, count=1)).partition("?")[0].partition("#")[0]
        if not path.startswith("/"):
            return ()
        found = segments(path)
        # What follows the last segment may be a query that is put together elsewhere.
        return found if any(each != ANY for each in found) and not _runs_on(path) else ()

    def _of_client(self, requests: list[SentRequest]) -> Iterator[Answered]:
        shifts: Counter[Shift] = Counter()
        for request in requests:
            shifts.update({shift for shift, route in self._fitting(request) if _is_the_same(request, shift, route)})
        usual = {shift for shift, count in shifts.items() if count >= FITTING_REQUESTS}
        if not usual:
            return
        answers = [self._answer(request, usual) for request in requests]
        fitting = sum(1 for each in answers if each.served or each.other_verb)
        if fitting >= FITTING_REQUESTS and fitting >= FITTING_PART * len(answers):
            yield from answers

    def _answer(self, request: SentRequest, usual: set[Shift]) -> Answered:
        of_path = [(shift, route) for shift, route in self._fitting(request) if shift in usual]
        served = tuple(dict.fromkeys(route for _, route in of_path if route.answers(request.verb)))
        certain = tuple(dict.fromkeys(route for shift, route in of_path if _is_the_same(request, shift, route)))
        return Answered(request, served, certain or self._beside(request, usual), bool(certain) and not served)

    def _fitting(self, request: SentRequest) -> tuple[tuple[Shift, ServedRoute], ...]:
        """Routes of the path of a request, each with what one of the two has before the other."""
        found = self._fits.get(request.path)
        if found is None:
            found = self._fits[request.path] = tuple(self._find_fitting(request.path))
        return found

    def _find_fitting(self, asked: Path) -> Iterator[tuple[Shift, ServedRoute]]:
        for length, by_end in self._by_end.items():
            surplus = length - len(asked)
            for route in _ending(by_end, asked[-1]):
                if route.path[-1:] == (REST,):
                    if len(asked) >= length - 1 and _same(asked[: length - 1], route.path[:-1]):
                        yield (0, ()), route
                elif surplus >= 0:
                    if ANY not in route.path[:surplus] and _same(asked, route.path[surplus:]):
                        yield (surplus, route.path[:surplus]), route
                elif length and ANY not in asked[:-length] and _same(asked[-length:], route.path):
                    yield (surplus, asked[:-length]), route

    def _beside(self, request: SentRequest, usual: set[Shift]) -> tuple[ServedRoute, ...]:
        """Routes that begin with the same segment, those with the most in common first."""
        found: list[tuple[int, ServedRoute]] = []
        for shift in usual:
            for route in self._routing.routes:
                asked, served = _shifted(request.path, shift, route.path)
                common = _alike_from_the_start(asked, served)
                if any(tells(one) and one == other for one, other in zip(asked[:common], served, strict=False)):
                    found.append((common, route))
        found.sort(key=lambda each: (-each[0], abs(len(each[1].path) - len(request.path))))
        return tuple(dict.fromkeys(route for _, route in found))

    def is_mounted(self, path: Path) -> bool:
        """Something unknown may serve it."""
        return any(mount and path[: len(mount)] == mount for mount in self._routing.mounts)


@dataclass(frozen=True, slots=True)
class _HandedOn:
    """A function that sends what it is given: the parameter with the path, and the verb, or the parameter that it is in."""

    path: str
    verb: str
    before: str
    """What it puts before the path."""


def _handed_on(scope: FunctionSymbol, call: CallSite, verb: str, written: Expression) -> _HandedOn | None:
    """What a function hands on by a call that sends a request: `self.http.request(method, PREFIX + path)`."""
    before = ""
    if not verb:
        # The method stands first, and then the path; or each has its name.
        named = dict(call.keywords)
        given = named.get("method", call.arguments[0] if call.arguments else OTHER)
        if given[0] != "name" or not _is_handed(given[1], scope):
            return None
        verb = given[1]
        rest = call.arguments if "method" in named else call.arguments[1:]
        written = rest[0] if rest else named.get("url", named.get("path", OTHER))
    match scope.assigned.get(written[1]) if written[0] == "name" and written[1] not in scope.parameters else None:
        case [Assignment(how="=") as only]:
            written = only.value  # `url = f"{self.base}{path}"`
    match written:
        case ("operator", "+", left, right):
            before, written = _text(left, scope), right
        case ("formatted", (*parts, last)) if last[0] == "name":
            before, written = "".join(_text(part, scope) for part in parts), last
    if written[0] != "name" or not _is_handed(written[1], scope):
        return None
    return _HandedOn(written[1], verb, before)


def _is_handed(name: str, scope: FunctionSymbol) -> bool:
    return name in scope.parameters and name not in scope.assigned


def _text(expression: Expression, scope: FunctionSymbol) -> str:
    """A prefix that is written down; one that is not stands in an address."""
    match expression:
        case ("string", str(text)):
            return text
        case ("name", str(name)) if name not in scope.bound:
            match scope.module.top.assigned.get(name):
                case [Assignment(how="=", value=("string", str(text)))]:
                    return text
    return ""


def _given(call: CallSite, function: FunctionSymbol, parameter: str, *, bound: bool) -> Expression | None:
    """What a call gives a function for one of its parameters."""
    found = dict(call.keywords).get(parameter)
    number = function.parameters[parameter] - (1 if bound else 0)
    return found if found is not None else call.arguments[number] if 0 <= number < len(call.arguments) else None


def _ending(by_end: dict[str, list[tuple[int, ServedRoute]]], last: str) -> Iterator[ServedRoute]:
    """Routes of one length that may end like this, in the order of all routes."""
    ends = by_end if last == ANY else dict.fromkeys((last, ANY, REST))
    return (route for _, route in sorted((each for end in ends for each in by_end.get(end, ())), key=itemgetter(0)))


def _verb_first(call: CallSite) -> tuple[str, tuple[Expression, ...]]:
    match call.arguments:
        case (("string", str(verb)), *rest) if verb.lower() in VERBS:
            return verb.upper(), tuple(rest)
    given = dict(call.keywords)
    match given.get("method"):
        case ("string", str(verb)) if verb.lower() in VERBS:
            return verb.upper(), call.arguments
    return "", ()


def _runs_on(path: str) -> bool:
    """`/users{}`: what is not known follows a segment without a slash."""
    last = path.rpartition("/")[2]
    return ANY in last and last != ANY


def _same(asked: Path, served: Path) -> bool:
    return len(asked) == len(served) and all(
        ANY in (one, other) or one == other for one, other in zip(asked, served, strict=True)
    )


def _shifted(asked: Path, shift: Shift, served: Path) -> tuple[Path, Path]:
    """The two paths from where they run side by side; two empty ones when they do not."""
    surplus, before = shift
    if surplus >= 0:
        return (asked, served[surplus:]) if served[:surplus] == before else ((), ())
    return (asked[-surplus:], served) if asked[:-surplus] == before else ((), ())


def _is_the_same(request: SentRequest, shift: Shift, route: ServedRoute) -> bool:
    """Parameters stand for parameters, and at least one segment that is written down is the same on both sides."""
    asked, served = _shifted(request.path, shift, route.path)
    pairs = list(zip(asked, served, strict=False))
    return any(one == other and tells(one) for one, other in pairs) and all(other == ANY for one, other in pairs if one == ANY)


def tells(segment: str) -> bool:
    """A segment that tells whose path it is in: no parameter, and none of those that stand before the paths of many servers."""
    return segment != ANY and not COMMONPLACE.fullmatch(segment)


def _alike_from_the_start(asked: Path, served: Path) -> int:
    count = 0
    for one, other in zip(asked, served, strict=False):
        if one != other and ANY not in (one, other):
            break
        count += 1
    return count
