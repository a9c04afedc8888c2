"""Who takes out again what was added to a shared place: nobody, everybody, or those only who think of it.

A place out of which something is taken may still grow: `events.remove_handler` is there, and one of two callers of
`events.add_handler` forgets it. That can be told where all who take out are known to have added, too, before: a function that
adds and takes out by another function of the program, or by the one that adding gave it. As soon as anybody else takes
something out, it may be anything, and nothing is said.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.out_of_hand import OutOfHand
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.singletons import is_application_state
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

PLACES: Final = frozenset({"name", "attribute", "subscript"})

# Functions looked at on the way up from one that empties a place.
MOST_CALLERS: Final = 24

Key = tuple[str, str]


class Undoing:
    """Answers whether what is added to a shared place is taken out again."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sharing = analysis.once(Sharing)
        self._serving = analysis.once(Serving)
        self._out_of_hand = analysis.once(OutOfHand)

    def is_taken_from(self, write: Write) -> bool:
        """Somebody takes something out of the place."""
        return write.slot.key in self._taking

    def forgotten(self, write: Write) -> list[tuple[FunctionSymbol, CallSite]] | None:
        """The calls that add by way of this write and take nothing out again; None where that cannot be told.

        An empty list stands for the write itself: whoever calls its function, none of them can take it out.
        """
        taking = self._taking.get(write.slot.key, [])
        adding = self._adding.get(write.slot.key, [])
        if not taking:
            return []
        removers: list[FunctionSymbol] = []
        for each in taking:
            if each in adding:
                return None  # what it adds, it limits
            if each.parent is not None and each.parent in adding:
                if ("name", each.name) not in [given.value for given in each.parent.facts.returned]:
                    return None
            elif each.parent is None or each.parent.facts.sort not in (TOP, BODY) or not self._is_for_adders(each, adding):
                return None
            else:
                removers.append(each)
        # A function within it, that ends what it has begun, is its own.
        undoing = {around for each in self._calling(removers) for around in _chain(each)}
        if write.scope in self._analysis.reach.entries or _chain(write.scope) & undoing:
            return None
        gives_end = any(each.parent is write.scope for each in taking)
        calls = [(caller, call) for caller, call in self._calls(write.scope) if caller in self._serving]
        kept = [
            (caller, call)
            for caller, call in calls
            if not _chain(caller) & undoing and (not gives_end or call.where == ("statement",))
        ]
        if not calls or gives_end:
            return kept or None
        return [] if len(kept) == len(calls) else kept or None

    def out_of_hand(self, write: Write) -> Iterator[tuple[FunctionSymbol, CallSite, Expression]]:
        """The calls that add, by way of this write, what nobody can name any more, each with what it adds.

        Things are taken out by naming them: `bus.unsubscribe(handler)`. A function that is made for the call and named nowhere
        else cannot be, and neither can a method of an object that nobody mentions but here.
        """
        if not self.is_given(write):
            return
        shift = 1 if write.scope.owner is not None else 0
        found = [
            (caller, call, given)
            for caller, call in self._calls(write.scope)
            if caller in self._serving and call.where == ("statement",)
            for given in (dict(pairs(call, write.scope, shift)).get(write.value[1]),)
            if given is not None and self._out_of_hand.holds(given, caller)
        ]
        if found and all(map(self._takes_what_it_is_given, self._taking.get(write.slot.key, ()))):
            yield from found

    @staticmethod
    def is_given(write: Write) -> bool:
        """What is added is what the function is given."""
        return bool(write.value[0] == "name" and write.value[1] in write.scope.parameters)

    def _takes_what_it_is_given(self, function: FunctionSymbol) -> bool:
        """It removes its own parameter, or nobody calls it who is served, or who empties the place every now and then."""
        if function not in self._serving:
            return not self._is_repeated(function)
        taken = [
            call
            for call in function.facts.calls
            if call.callee[0] == "attribute" and call.callee[2] in REMOVING and not _is_empty_by_then(call.line, function)
        ]
        return bool(taken) and all(
            call.callee[2] in ("remove", "discard")
            and len(call.arguments) == 1
            and call.arguments[0][0] == "name"
            and call.arguments[0][1] in function.parameters
            for call in taken
        )

    def _is_repeated(self, function: FunctionSymbol) -> bool:
        """A loop without end is in it, or a loop calls it, itself or by others: a thread swaps or empties what lies there."""
        endless = (each.expressions for each in function.facts.blocks if each.what == "loop")
        if any(tests[0][0] == "constant" for tests in endless if tests) and not function.module.in_tests:
            return True
        seen, waiting = {function}, [function]
        while waiting and len(seen) < MOST_CALLERS:
            at = waiting.pop()
            for caller, line in () if at.module.in_tests else self._analysis.reach.callers(at):
                if any(each.what == "loop" and each.line <= line <= each.end_line for each in caller.facts.blocks):
                    return not caller.module.in_tests
                if caller not in seen:
                    seen.add(caller)
                    waiting.append(caller)
        return False

    def _is_for_adders(self, remover: FunctionSymbol, adding: list[FunctionSymbol]) -> bool:
        """Only those call it, by all that is known, who have added before."""
        if remover in self._analysis.reach.entries or remover.name.startswith("__") or remover.name in self._handed_on:
            return False
        callers = {caller for each in adding for caller, _ in self._calls(each)} | set(adding)
        called = [
            caller
            for caller, index in self._analysis.program.calls_named.get(remover.name, ())
            if not caller.module.in_tests and self._may_be(remover, caller.facts.calls[index].callee, caller)
        ]
        return bool(called) and all(_chain(caller) & callers for caller in called)

    def _may_be(self, function: FunctionSymbol, callee: Expression, scope: FunctionSymbol) -> bool:
        """Something of the same name is the function, as far as can be told."""
        match self._analysis.receivers.value(callee, scope):
            case Routine(function=found):
                return found is function
        # `handlers.remove(…)` is the method of a list.
        return callee[0] == "name" or (function.owner is not None and not any(self._below(callee[1], scope)))

    def _calling(self, functions: list[FunctionSymbol]) -> Iterator[FunctionSymbol]:
        for each in functions:
            yield from (caller for caller, _ in self._calls(each))

    def _calls(self, function: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, CallSite]]:
        """Every call of a function, as far as is known."""
        for caller, index in self._analysis.program.calls_named.get(function.name, ()):
            call = caller.facts.calls[index]
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=found) if found is function and not caller.module.in_tests:
                    yield caller, call

    @lazily
    def _handed_on(self) -> frozenset[str]:
        """The names of functions and methods that are mentioned without being called: whoever has them may call them."""
        found: set[str] = set()
        for scope in self._analysis.scopes:
            for call in scope.facts.calls:
                found.update([each[-1] for each in call.given if each[0] == "name"])
            found.update([each.expression[2] for each in scope.facts.reads])  # among them all attributes that are passed
            found.update([each.value[-1] for each in scope.facts.assignments if each.value[0] in ("name", "attribute")])
            found.update([each.value[-1] for each in scope.facts.returned if each.value[0] in ("name", "attribute")])
        return frozenset(found)

    @lazily
    def _adding(self) -> dict[Key, list[FunctionSymbol]]:
        found: dict[Key, list[FunctionSymbol]] = {}
        for write in self._sharing.writes:
            if write.how in ADDING:
                found.setdefault(write.slot.key, []).append(write.scope)
        return found

    @lazily
    def _names_written(self) -> frozenset[str]:
        """The last names of the places into which something is put."""
        return frozenset(each.slot.name.rpartition(".")[2] for each in self._sharing.writes)

    @lazily
    def _taking(self) -> dict[Key, list[FunctionSymbol]]:
        """The functions that take something out of a place, or make it anew."""
        found: dict[Key, list[FunctionSymbol]] = {}
        for scope in self._analysis.scopes:
            for slot in () if scope.module.in_tests else self._taken(scope):
                found.setdefault(slot.key, []).append(scope)
        return found

    def _taken(self, scope: FunctionSymbol) -> Iterator[Slot]:
        places: list[Expression] = []
        # `waiting.discard(x)`, `add_done_callback(waiting.discard)`
        handed = not REMOVING.isdisjoint([read.expression[2] for read in scope.facts.reads])
        for call in scope.facts.calls if handed or not REMOVING.isdisjoint(scope.called) else ():
            named = (call.callee, *call.given)
            places.extend([each[1] for each in named if each[0] == "attribute" and each[2] in REMOVING])
        places += [each.target[1] for each in scope.facts.assignments if each.how == "delete" and each.target[0] == "subscript"]
        for place in places:
            yield from self._below(place, scope)
        if scope.name == "__init__" or scope.facts.sort in (TOP, BODY):
            return
        for each in scope.facts.assignments:
            target = each.target
            if (
                target[0] not in PLACES
                or each.how == "augmented"
                or (target[0] == "name" and target[1] not in scope.facts.globals)
            ):
                continue
            if target[0] == "attribute" and target[2] not in self._names_written:
                continue  # nobody asks about this place
            if target[0] == "subscript" and _is_first(target, each.line, scope):
                continue
            # Where the application starts, its state is made for the first time.
            if scope in self._serving or not is_application_state(target):
                slot = self._sharing.slot(target[1] if target[0] == "subscript" else target, scope)
                if slot is not None:
                    yield slot

    def _below(self, place: Expression, scope: FunctionSymbol) -> Iterator[Slot]:
        """The shared places that something is, or may be a part of: `rooms[name]`, `for room in rooms.values()`."""
        if (slot := self._sharing.slot(place, scope)) is not None:
            yield slot
            return
        parts = [*within(place, scope)]
        if place[0] == "name":
            parts += [part for each in scope.assigned.get(place[1], ()) for part in within(each.value, scope)]
        for part in parts:
            if part != place and part[0] in ("name", "attribute") and (slot := self._sharing.slot(part, scope)) is not None:
                yield slot


def _is_first(target: Expression, line: int, scope: FunctionSymbol) -> bool:
    """`if room not in rooms: rooms[room] = []`: there was nothing that could be taken away."""
    asked = ("compare", (target[2], target[1]), ("NotIn",))
    around = [each for each in scope.facts.blocks if each.line <= line <= each.end_line and each.what == "if"]
    return any(asked in each.expressions for each in around)


def _is_empty_by_then(line: int, scope: FunctionSymbol) -> bool:
    """`if not handlers: known.pop(topic)`: nothing is left in what is taken away."""
    return any(
        each.what == "if" and each.line <= line <= each.end_line
        and len(each.expressions) == 1 and each.expressions[0][0] == "not" and each.expressions[0][1][0] in PLACES
        for each in scope.facts.blocks
    )  # fmt: skip


def _chain(scope: FunctionSymbol) -> set[FunctionSymbol]:
    """A function with those in which it stands."""
    found = {scope}
    while scope.parent is not None and scope.parent.facts.sort not in (TOP, BODY):
        scope = scope.parent
        found.add(scope)
    return found
