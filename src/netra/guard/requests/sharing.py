"""What outlives a request, and what belongs to one: the two sides of every leak between users.

Shared are variables of a module, attributes of a class, attributes of an object that is made once for the process (at the top
of a module, by a getter that keeps it, under `lru_cache`), and an application's `state`. Of one user are what a request brings
along and whatever is made of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, NAMED, OTHER, SELF, Assignment, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.applications import APPLICATIONS
from netra.guard.meaning.expressions import within
from netra.guard.requests.emptied import REMOVING, Emptied, name_of
from netra.guard.requests.interleaving import Interleaving, Pause
from netra.guard.requests.serving import Serving
from netra.guard.requests.singletons import Singletons, is_application_state
from netra.guard.requests.slots import OF_BOT, Slot, Slots, is_container
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

ADDING: Final = frozenset("append add insert extend appendleft".split())
# Containers that keep what they are given until it is taken out.
FOR_EVER: Final = frozenset("dict defaultdict OrderedDict".split())
# By these a request leads to its application.
LEADING_TO_APPLICATION: Final = frozenset({"app", "application", "config_dict"})
MUTATING: Final = ADDING | frozenset("update setdefault".split())
WRITING: Final = MUTATING | {"setattr", "set"}


@dataclass(frozen=True, slots=True)
class Write:
    """A value goes into a slot, under a key or as the whole of it."""

    scope: FunctionSymbol
    slot: Slot
    how: str
    """"slot" for the whole, "item" for `slot[key] = value`, "augmented" for `+=` on either, or the name of the method.

    With a key, a method adds to what lies under it: `slot[key].append(value)`.
    """
    key: Expression | None
    value: Expression
    line: int
    column: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Touched:
    """A shared place is read, or something enters or leaves it, while somebody is served."""

    scope: FunctionSymbol
    what: str
    line: int


class Sharing:
    """What is shared in a program, and what is written to it."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._slots = analysis.once(Slots)

    def slot(self, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """The shared place that an expression denotes; None for what belongs to a call or a request."""
        return self._slots.slot(expression, scope)

    def entry(self, expression: Expression, scope: FunctionSymbol) -> tuple[Slot, Expression] | None:
        """The shared container of which something is an entry, and its key."""
        return self._slots.entry(expression, scope)

    @lazily
    def served(self) -> tuple[FunctionSymbol, ...]:
        """The functions, constructors left out, that run while somebody is served."""
        serving = self._analysis.once(Serving)
        again = self._analysis.once(Singletons).begins_again
        making = ("__init__", "__new__")
        return tuple(
            each
            for each in self._analysis.scopes
            if each in serving
            and (each.name not in making or (each.name == "__init__" and each.owner is not None and again(each.owner)))
        )

    @lazily
    def writes(self) -> tuple[Write, ...]:
        """Every write to a shared place while somebody is served, outside constructors."""
        return tuple(self._writes())

    def writes_of(self, *names: str) -> Iterator[Write]:
        """The writes to places of these names."""
        return (write for name in names for write in self._by_name.get(name, ()))

    @lazily
    def _by_name(self) -> dict[str, list[Write]]:
        found: dict[str, list[Write]] = {}
        for write in self.writes:
            found.setdefault(write.slot.name, []).append(write)
        return found

    @lazily
    def changes(self) -> dict[tuple[str, str], list[Touched]]:
        """What makes a shared container longer or shorter, by the key of its slot."""
        found: dict[tuple[str, str], list[Touched]] = {}
        for write in self.writes:
            # A list that grows at its end is walked to its new end; one that loses something leaves something out.
            if write.how == "item" or (write.key is None and write.how in ("add", "update", "insert", "appendleft")):
                found.setdefault(write.slot.key, []).append(Touched(write.scope, "adds to it", write.line))
        for scope in self.served:
            for call in scope.facts.calls:
                removing = call.callee[0] == "attribute" and call.callee[2] in REMOVING
                if removing and (slot := self.slot(call.callee[1], scope)) is not None:
                    found.setdefault(slot.key, []).append(Touched(scope, "takes from it", call.line))
            for each in scope.facts.assignments:
                taken = self.slot(each.target[1], scope) if each.how == "delete" and each.target[0] == "subscript" else None
                if taken is not None:
                    found.setdefault(taken.key, []).append(Touched(scope, "takes from it", each.line))
        return found

    def read(self, write: Write) -> Touched | None:
        """A place that reads a slot while somebody is served, and may find there what another request has written."""
        return next(self.readers(write), None)

    def readers(self, write: Write) -> Iterator[Touched]:
        """All such places."""
        name = write.slot.name
        known = ((scope, *each) for scope in self._naming.get(name, ()) for each in self._readings(scope, name))
        items = self._items_read.get(name, ()) if write.slot.owner == "app.state" else ()
        for scope, line, place in chain(known, self._attributes_read.get(name, ()), items):
            if scope is write.scope and line >= write.line and not self._may_be_overtaken(write, line):
                continue
            if (slot := self.slot(place, scope)) is not None and slot.key == write.slot.key:
                yield Touched(scope, "reads it", line)
        yield from (each for each in self._asked_for.get(write.slot.key, ()) if each.scope is not write.scope)

    @lazily
    def _naming(self) -> dict[str, list[FunctionSymbol]]:
        """The served functions that read something by a name, as it stands, of `self`, or by `getattr`."""
        found: dict[str, list[FunctionSymbol]] = {}
        for scope in self.served:
            names = {*scope.facts.loads, *[each.name.removeprefix("self.") for each in scope.facts.uses]}
            for call in scope.facts.calls if "getattr" in scope.called else ():
                names.update([each[1] for each in call.arguments[1:2] if each[0] == "string"])
            for name in names:
                found.setdefault(name, []).append(scope)
        return found

    @lazily
    def _asked_for(self) -> dict[tuple[str, str], list[Touched]]:
        """Where a shared place is read by way of a function that gives it: `filters().get("tag")`."""
        found: dict[tuple[str, str], list[Touched]] = {}
        names = self._slots.giving
        for scope in self.served if names else ():
            for index, call in enumerate(scope.facts.calls):
                changes = call.where[0] == "store" or (call.where[0] == "attribute" and call.where[1] in MUTATING | REMOVING)
                slot = self.slot(("call", index), scope) if last_name(call.callee) in names and not changes else None
                if slot is not None:
                    found.setdefault(slot.key, []).append(Touched(scope, "reads it", call.line))
        return found

    @lazily
    def _attributes_read(self) -> dict[str, list[tuple[FunctionSymbol, int, Expression]]]:
        """Attributes of anything but `self` that are read while somebody is served, by their names."""
        found: dict[str, list[tuple[FunctionSymbol, int, Expression]]] = {}
        for scope in self.served:
            read = [(each.line, each.expression) for each in scope.facts.reads]
            read += [(each.line, each.callee[1]) for each in scope.facts.calls if each.callee[0] == "attribute"]
            for line, expression in read:
                while expression[0] == "attribute":
                    if expression[1] != ("name", "self"):
                        found.setdefault(expression[2], []).append((scope, line, expression))
                    expression = expression[1]
        return found

    def _may_be_overtaken(self, write: Write, line: int) -> bool:
        """Others run between the write and the line below it, or the line is reached without the write."""
        if self._pause(write.scope, write.line, line) is not None:
            return True
        tests = (each for each in write.scope.facts.blocks if each.what == "if")
        return any(each.line <= write.line <= each.end_line < line for each in tests)

    @lazily
    def _items_read(self) -> dict[str, list[tuple[FunctionSymbol, int, Expression]]]:
        """What is read out of an application by a key, while somebody is served: `request.app["rates"]`, by the keys."""
        found: dict[str, list[tuple[FunctionSymbol, int, Expression]]] = {}
        for scope in self.served:
            if APPLICATIONS.isdisjoint(scope.facts.loads) and not any(
                each.expression[2] in LEADING_TO_APPLICATION for each in scope.facts.reads
            ):
                continue
            read = [(call.line, each) for call in scope.facts.calls for each in (call.callee, *call.given)]
            read += [(each.line, each.value) for each in scope.facts.assignments]
            read += [(each.line, each.value) for each in scope.facts.returned]
            whole = ((line, each) for line, each in read if each[0] not in ("call", "name", "string"))
            for line, part in ((line, part) for line, each in whole for part in within(each, scope)):
                if part[0] == "subscript" and is_application_state(part):
                    found.setdefault(part[2][-1], []).append((scope, line, part))
        return found

    def _pause(self, scope: FunctionSymbol, first: int, last: int) -> Pause | None:
        """Where others run between two lines: on the loop, or in the threads in which a framework runs plain functions."""
        interleaving = self._analysis.once(Interleaving)
        return interleaving.between(scope, first, last) or interleaving.between_threads(scope, first, last)

    def overtaken(self, write: Write) -> int | None:
        """The line on which the function that fills a slot reads it again, where others may have filled it meanwhile."""
        if write.how != "slot":
            return None
        again = [each.line for each in write.scope.facts.assignments if each.target[-1] == write.slot.name]
        elsewhere = [(line, place) for at, line, place in self._attributes_read.get(write.slot.name, ()) if at is write.scope]
        for line, place in (*self._readings(write.scope, write.slot.name), *elsewhere):
            pause = self._pause(write.scope, write.line, line)
            # What an `await` is given was read before it; in a loop, it is read again behind it.
            waited = pause is not None and (pause.end_line < line or self._goes_round(write, line))
            if not waited or any(write.line < each <= line for each in again):
                continue
            if (slot := self.slot(place, write.scope)) is not None and slot.key == write.slot.key:
                return line
        return None

    def _goes_round(self, write: Write, line: int) -> bool:
        """A line is in a loop, below the write, in which others have their turn."""
        loops = (
            each for each in write.scope.facts.blocks if each.what == "loop" and write.line < each.line <= line <= each.end_line
        )
        return any(self._pause(write.scope, each.line - 1, each.end_line) is not None for each in loops)

    def handed_out(self, write: Write) -> Touched | None:
        """The function that writes to a slot also returns all of it, with what others have left there."""
        for each in write.scope.facts.returned:
            slot = self.slot(each.value, write.scope) if each.value[0] in ("name", "attribute") else None
            if slot is not None and slot.key == write.slot.key:
                return Touched(write.scope, "returns it", each.line)
        return None

    def _readings(self, scope: FunctionSymbol, name: str) -> Iterator[tuple[int, Expression]]:
        if scope.owner is None and name not in scope.facts.loads:
            return
        for use in scope.facts.uses:
            if use.name == f"self.{name}" and use.where != ("store",):
                yield use.line, ("attribute", ("name", "self"), name)
            elif use.name == name:
                yield use.line, ("name", name)
        if name in scope.facts.loads and name not in scope.bound:
            yield from ((line, ("name", name)) for line in _lines_reading(("name", name), scope))
        for call in scope.facts.calls:
            if call.callee == ("name", "getattr") and call.arguments[1:2] == (("string", name),):
                yield call.line, ("attribute", call.arguments[0], name)

    def is_container(self, slot: Slot) -> bool:
        """A list, set or dictionary is put there somewhere; what is only called `add` on something else may be anything.

        What a library has for all, as the `bot_data` of a bot, holds whatever is put there.
        """
        return slot.owner == OF_BOT or any(
            is_container(each.value, scope)
            for scope, each in self.stores.get(slot.name, ())
            if _is_home(scope, each, slot) or ((found := self.slot(each.target, scope)) is not None and found.key == slot.key)
        )

    def is_plain(self, slot: Slot) -> bool:
        """What is kept there is kept until somebody takes it out: a dictionary, and not a cache that forgets by itself."""
        made = [
            value[0] in ("dict", "comprehension")
            or (value[0] == "call" and last_name(scope.facts.calls[value[1]].callee) in FOR_EVER)
            for value, scope in self.made_for(slot)
        ]
        return bool(made) and all(made)

    def is_list(self, slot: Slot) -> bool:
        """What is kept there is a list, of whatever length."""
        made = [
            value[0] == "list" or (value[0] == "call" and _is_boundless(scope.facts.calls[value[1]]))
            for value, scope in self.made_for(slot)
        ]
        return bool(made) and all(made)

    def made_for(self, slot: Slot) -> Iterator[tuple[Expression, FunctionSymbol]]:
        """What is put there as the whole of it, each with where that is done."""
        for scope, each in self.stores.get(slot.name, ()):
            found = self.slot(each.target, scope) if scope.facts.sort != BODY else None
            # In its constructor an object has no place yet that others share.
            own = (
                scope.owner is not None
                and scope.owner.full_name == slot.owner
                and each.target == ("attribute", SELF, slot.name)
            )
            if (found is not None and found.key == slot.key) or own or _is_home(scope, each, slot):
                yield each.value, scope

    @lazily
    def stores(self) -> dict[str, list[tuple[FunctionSymbol, Assignment]]]:
        """Every assignment to a name or an attribute, by its last name."""
        found: dict[str, list[tuple[FunctionSymbol, Assignment]]] = {}
        for scope in self._analysis.scopes:
            for each in scope.facts.assignments:
                if each.how in ("=", "annotated"):
                    name = each.target[-1] if each.target[0] in NAMED else name_of(each.target)
                    if name is not None:
                        found.setdefault(name, []).append((scope, each))
        return found

    def is_emptied(self, slot: Slot) -> bool:
        """Somebody takes something out, makes it anew, or hands the whole of it to where it cannot be followed."""
        return slot.name in self._analysis.once(Emptied)

    def _writes(self) -> Iterator[Write]:
        for scope in self.served:
            for each in scope.facts.assignments:
                if (write := self._assigned(scope, each)) is not None:
                    yield write
            for call in scope.facts.calls if not WRITING.isdisjoint(scope.called) else ():
                if call.callee[-1] in WRITING and (write := self._called(scope, call)) is not None:
                    yield write

    def _assigned(self, scope: FunctionSymbol, each: Assignment) -> Write | None:
        if each.how not in ("=", "annotated", "augmented", "unpack"):
            return None
        key: Expression | None = None
        match each.target:
            case ("subscript", inner, item):
                slot, key, how = self.slot(inner, scope), item, "item"
            case ("name", str(name)) if name in scope.facts.globals:
                slot, how = self.slot(each.target, scope), "slot"
            case ("attribute", *_):
                slot, how = self.slot(each.target, scope), "slot"
            case _:
                return None
        if slot is None:
            return None
        how = "augmented" if each.how == "augmented" else how
        return Write(scope, slot, how, key, each.value, each.line, each.column, each.line)

    def _set(self, scope: FunctionSymbol, call: CallSite) -> Write | None:
        """`setattr(session, "user", user)`."""
        owner, name, value = call.arguments
        slot = self.slot(("attribute", owner, name[1]), scope) if name[0] == "string" else None
        return None if slot is None else Write(scope, slot, "slot", None, value, call.line, call.column, call.end_line)

    def _called(self, scope: FunctionSymbol, call: CallSite) -> Write | None:
        method = last_name(call.callee)
        if method == "setattr" and call.callee[0] == "name" and len(call.arguments) == 3:
            return self._set(scope, call)
        if method == "set" and len(call.arguments) == 2 and last_name(call.callee[1]) == "cookies":
            kept = self.slot(call.callee[1], scope)  # of a client: `http.cookies.set("session", session)`
            under, value = call.arguments
            return None if kept is None else Write(scope, kept, "item", under, value, call.line, call.column, call.end_line)
        if method not in MUTATING or call.callee[0] != "attribute" or not call.arguments:
            return None
        slot, key = self.slot(call.callee[1], scope), None
        if slot is None and method in ADDING:
            slot, key = self.entry(call.callee[1], scope) or (None, None)
        if slot is None or isinstance(self._analysis.receivers.value(call.callee, scope), Routine):
            return None  # `Users.insert(…)` of a class of the program does what it does
        if method == "setdefault" and len(call.arguments) == 2:
            return Write(scope, slot, "item", call.arguments[0], call.arguments[1], call.line, call.column, call.end_line)
        return Write(scope, slot, method, key, call.arguments[-1], call.line, call.column, call.end_line)


def _lines_reading(place: Expression, scope: FunctionSymbol) -> Iterator[int]:
    """The lines of a function that look at what is in a place, rather than put something there."""
    for call in scope.facts.calls:
        asked = call.callee[1] if call.callee[0] == "attribute" and call.callee[2] not in MUTATING | REMOVING else OTHER
        if (
            asked == place
            or (asked[0] == "subscript" and asked[1] == place)
            or any(place in within(each, scope) for each in call.given)
        ):
            yield call.line
    values = [(each.value, each.line) for each in scope.facts.returned]
    for value, line in (*values, *((each.value, each.line) for each in scope.facts.assignments)):
        if value[0] != "call" and place in within(value, scope):
            yield line
    for block in scope.facts.blocks:
        for test in block.expressions:
            if test == place or (test[0] in ("compare", "not", "choice") and place in within(test, scope)):
                yield block.head


def _is_boundless(call: CallSite) -> bool:
    """`list()`, or a `deque` without a limit."""
    name = last_name(call.callee)
    return name == "list" or (name == "deque" and not call.keywords and len(call.arguments) < 2)


def _is_home(scope: FunctionSymbol, each: Assignment, slot: Slot) -> bool:
    """It is given its value in the body of the class, or in the function, that the place belongs to."""
    return scope.full_name == slot.owner and (scope.facts.sort == BODY or each.target == ("name", slot.name))
