"""Which shared containers get shorter again, or may: by name alone, to be on the safe side."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, TASK
from netra.guard.facts import BODY, NAMED, NOTHING, OTHER, TOP, CallSite, Expression, Use
from netra.guard.lazily import lazily
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import MAKING
from netra.guard.requests.singletons import is_application_state
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

REMOVING: Final = frozenset("remove discard pop popitem popleft clear difference_update".split())
# What may be done with a container without taking anything out.
LOOKING: Final = frozenset(
    """len list sorted dict tuple set print str bool any all iter enumerate info debug warning error join sum max min zip map
    filter reversed frozenset dumps jsonify copy deepcopy JSONResponse ORJSONResponse json_response""".split()
)
# What of a library takes something out of a list that it is given, or hands it to whoever may.
TAKING_OUT: Final = frozenset("heappop heapify heapreplace shuffle partial setattr send put put_nowait".split())
# Where a name may stand without anything being taken out of what it names, or handed on.
ONLY_READ: Final = frozenset(
    {*"subscript iterate truth compare operator format unpack index element statement".split(), "iterate async"}
)
# Functions of the program that hand on what they are given, one to another.
FURTHEST: Final = 3


class Emptied:
    """The names of containers that are emptied somewhere, made anew, or handed as a whole to where they cannot be followed."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._handed: dict[str, list[tuple[FunctionSymbol, CallSite]]] = {}
        self._known: dict[str, bool] = {}

    def __contains__(self, name: str) -> bool:
        if name not in self._known:
            emptied = name in self._names or any(self._takes_out(*each, name) for each in self._handed.get(name, ()))
            self._known[name] = emptied
        return self._known[name]

    @lazily
    def _names(self) -> frozenset[str]:
        found: set[str] = set()
        places: list[Expression] = []
        for scope in self._analysis.scopes:
            facts = scope.facts
            for call in facts.calls:
                callee = call.callee
                if callee[0] == "attribute" and callee[2] in REMOVING:
                    places.append(callee[1])
                if callee[-1] in LOOKING:
                    continue
                only_read = callee[0] == "attribute" and callee[2] not in self._taking and not self._hands_on(call)
                is_own = callee[-1] in self._own
                for given in call.given if call.keywords else call.arguments:
                    sort = given[0]  # nearly every place that there is stands here
                    if sort in ("name", "attribute") and not only_read:
                        if is_own:
                            self._handed.setdefault(given[-1], []).append((scope, call))
                        else:
                            found.add(given[-1])
                    if sort == "attribute" and given[2] in REMOVING:
                        places.append(given[1])
                    elif sort == "subscript":
                        places.append(given)
            anew = scope.name not in MAKING and facts.sort not in (TOP, BODY)
            for each in facts.assignments:
                target, is_set = each.target, each.how in ("=", "annotated")
                if target[0] == "subscript":
                    # `waiting[:] = [each for each in waiting if …]`
                    if each.how in ("delete", "augmented") or each.value == NOTHING or target[2] == OTHER:
                        places.append(target[1])
                elif each.how == "augmented" or (is_set and anew and (target[0] == "attribute" or target[-1] in facts.globals)):
                    places.append(target)
                if is_set:
                    places.append(each.value)
            if facts.returned and not self._is_answer(scope):
                places += [each.value for each in facts.returned]
        found.update([place[-1] for place in places if place[0] in NAMED])
        items = [place for place in places if place[0] == "subscript"]
        return frozenset(found.union([name for place in items if (name := name_of(place)) is not None]))

    @lazily
    def _taking(self) -> frozenset[str]:
        """How what may take something out is called: a function of the program, and some of others.

        A library that is given a list looks at it: a model is told the messages, a template the rows.
        """
        return self._own | TAKING_OUT

    @lazily
    def _own(self) -> frozenset[str]:
        return frozenset([each.name for each in self._analysis.scopes])

    def _takes_out(self, scope: FunctionSymbol, call: CallSite, name: str) -> bool:
        """What is called with a name may take something out of what it stands for, as far as can be followed."""
        given = (each for each in call.given if each[0] in NAMED and each[-1] == name)
        return any(not self._leaves(scope, call, each, 0) for each in given)

    def _leaves(self, scope: FunctionSymbol, call: CallSite, given: Expression, depth: int) -> bool:
        """A function of the program is called that only reads what it is given here: `await complete(history)`."""
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, receiver=receiver, bound=bound) if not function.module.library:
                below = () if receiver is None else self._analysis.program.subclasses.get(receiver, ())
                called = [function, *[one for kind in below for one in kind.methods.get(function.name, ())]]
                called = [each for each in called if not each.facts.abstract]
                shift = 1 if bound and function.owner is not None else 0
                filled = [(each, name) for each in called for name, value in pairs(call, each, shift) if value == given]
                count = call.given.count(given)
                return bool(called) and len(filled) == count * len(called) and all(self._reads(*each, depth) for each in filled)
        return False

    def _reads(self, function: FunctionSymbol, name: str, depth: int) -> bool:
        """A function does nothing with a parameter but read it, or give it to what does the same."""
        if any(_mentions(each, name) for each in function.children):
            return False
        value = ("name", name)
        if any(each.how == "augmented" and each.target == value for each in function.facts.assignments):
            return False
        # `rows = given or []`
        told = [each.value for each in function.facts.assignments] + [each.value for each in function.facts.returned]
        if any(each[0] == "choice" and value in each[1] for each in told):
            return False
        return all(self._is_reading(each, function, depth) for each in function.facts.uses if each.name == name)

    def _is_reading(self, use: Use, function: FunctionSymbol, depth: int) -> bool:
        match use.where:
            case ("attribute", str(method)):
                return method not in REMOVING
            case ("return",):
                return self._is_answer(function)
            case ("argument", int(index), *_):
                call = function.facts.calls[index]
                if call.callee[-1] in LOOKING:
                    return True
                if call.callee[-1] in self._own:
                    return depth < FURTHEST and self._leaves(function, call, ("name", use.name), depth + 1)
                return call.callee[0] == "attribute" and call.callee[2] not in TAKING_OUT and not self._hands_on(call)
        return use.where[0] in ONLY_READ

    def _hands_on(self, call: CallSite) -> bool:
        """A function of the program is given beside it, which a thread, a task or a library calls with it."""
        return any(each[0] == "lambda" or (each[0] in NAMED and each[-1] in self._taking) for each in call.given)

    def _is_answer(self, scope: FunctionSymbol) -> bool:
        """What it returns is written out to a client: by a route, or by one that a route returns as it is."""
        if scope in self._answering:
            return True
        entry = self._analysis.reach.entries.get(scope)
        if entry is not None and entry.sort == TASK and scope.name not in self._analysis.program.calls_named:
            return True  # of a task that nothing calls itself, it goes to where results are kept
        calls = self._analysis.program.calls_named.get(scope.name, ())
        return bool(calls) and all(
            caller in self._answering
            and any(each.value in (("call", index), ("await", ("call", index))) for each in caller.facts.returned)
            for caller, index in calls
        )

    @lazily
    def _answering(self) -> frozenset[FunctionSymbol]:
        return frozenset([each.function for each in self._analysis.reach.entries.values() if each.sort == ROUTE])


def _mentions(function: FunctionSymbol, name: str) -> bool:
    """A function within another reads the name, or one within it: when it runs, nobody can say."""
    return name in function.facts.loads or any(_mentions(each, name) for each in function.children)


def name_of(place: Expression) -> str | None:
    """`x` of `x`, of `self.x` and of `app["x"]`."""
    if place[0] == "subscript":
        return place[2][-1] if is_application_state(place) else None
    return place[-1] if place[0] in ("name", "attribute") else None
