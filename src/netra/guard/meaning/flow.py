"""The ways through a function: which states something can be in when it returns, falls off its end, or is left by an error.

The tree of statements is built from the blocks of a function, by their lines. `Flow.ways` walks it with a state and a function
that says what each event makes of it. Every way that the statements allow is taken, whether or not its conditions can hold
together: who asks has to know which conditions speak of what is asked.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from netra.guard.facts import Block, Expression, Function, last_name
from netra.guard.immutable import immutable
from netra.guard.lazily import lazily

State = TypeVar("State")

FALLS: Final = "falls"
RETURNS: Final = "return"
RAISES: Final = "raise"
BREAKS: Final = "break"
CONTINUES: Final = "continue"

BROAD: Final = frozenset({"", "Exception", "BaseException"})
OPTIONAL: Final = frozenset({"if", "case"})


class Happening(NamedTuple):
    """Something that happens on a way: a "call" (`at` in the function's calls), a "yield" (`at` in what it returns), a "store"
    to an attribute of a name (`at` in its assignments), the "enter" and "exit" of a `with` (`expression`: what is entered), or
    what leaves the block.
    """

    what: str
    at: int
    line: int
    expression: Expression = ("other",)


@immutable
class WayOut(Generic[State]):
    """How a stretch of statements can be left: at which line, and in which state."""

    how: str
    state: State
    line: int


@dataclass(slots=True)
class Stretch:
    """The statements of one block, in order: events, and forks into other stretches."""

    block: Block
    parts: "list[Happening | Fork]" = field(default_factory=list)
    placed: "list[tuple[int, int, Happening | Fork]]" = field(default_factory=list)
    """While the tree is built: its parts with the places by which they are ordered."""
    inner: "list[Stretch]" = field(default_factory=list)

    @property
    def leaves(self) -> bool:
        """Its last statement returns, raises, breaks or continues."""
        return bool(self.parts) and isinstance(self.parts[-1], Happening) and self.parts[-1].what in LEAVING

    def events(self) -> Iterator[Happening]:
        """Everything that happens in it, at any depth, in the order of the source."""
        for part in self.parts:
            if isinstance(part, Happening):
                yield part
            else:
                for each in part.stretches:
                    yield from each.events()


@dataclass(slots=True)
class Fork:
    """A statement with blocks of its own: "if", "match", "loop", "try" or "with"."""

    what: str
    stretches: list[Stretch]

    @property
    def line(self) -> int:
        return self.stretches[0].block.line


Move: TypeAlias = Callable[[Happening, State], Iterable[tuple[str, State]]]
"""What an event makes of a state: for each way on, FALLS or RAISES with the state after it."""

LEAVING: Final = frozenset({RETURNS, RAISES, BREAKS, CONTINUES})
PLACE: Final = itemgetter(0, 1)
_MOST_STATES: Final = 64


class Flow:
    """The statements of one function as a tree."""

    def __init__(self, facts: Function) -> None:
        self.facts = facts
        self.whole = self._tree()

    # --- building --------------------------------------------------------------------------------------------------------

    def _tree(self) -> Stretch:
        whole = Stretch(Block("whole", (), 0, 1 << 30, 0))
        for block in self.facts.blocks:
            at = whole
            while (below := _around(at, block.line, block.end_line)) is not None:
                at = below
            at.inner.append(Stretch(block))
        for line, column, event in self._events():
            at = whole
            while (below := _around(at, event.line, event.line)) is not None:
                at = below
            at.placed.append((line, column, event))
        _ordered(whole)
        return whole

    def _events(self) -> Iterator[tuple[int, int, Happening]]:
        """Each event with the place by which it is ordered: a call happens where it ends, after those inside it."""
        for index, call in enumerate(self.facts.calls):
            yield call.end_line, call.end_column, Happening("call", index, call.line)
        for index, one in enumerate(self.facts.assignments):
            if one.target[0] == "attribute" and one.target[1][0] == "name" and one.how != "delete":
                yield one.line, one.column, Happening("store", index, one.line)
        for index, each in enumerate(self.facts.returned):
            if each.how == "yield":
                yield each.line, each.column, Happening("yield", index, each.line)
            else:
                yield 1 << 30, 0, Happening(RETURNS, index, each.line)
        for line in self.facts.raises:
            yield 1 << 30, 0, Happening(RAISES, -1, line)
        for how, line in self.facts.jumps:
            yield 1 << 30, 0, Happening(how, -1, line)

    # --- walking ---------------------------------------------------------------------------------------------------------

    def ways(
        self,
        state: State,
        move: Move[State],
        skipped: Callable[[Stretch, State], State] | None = None,
        caught: Callable[[Block, State], State | None] | None = None,
    ) -> list[WayOut[State]]:
        """Every way out of the function, beginning with a state.

        `skipped` may say what becomes of a state where an `if` without `else` is passed by: `if opened: session.close()`.
        `caught` may say in which state a handler begins with an error that was raised in a state; None when it does not take
        it. Without it, every handler takes every error.
        """
        return list(dict.fromkeys(_TreeWalk(move, skipped, caught, self.facts).through(self.whole, [state])))


def _around(at: Stretch, line: int, end_line: int) -> Stretch | None:
    for each in at.inner:
        if each.block.line <= line and end_line <= each.block.end_line:
            return each
    return None


def _ordered(stretch: Stretch) -> None:
    """Put the parts of a stretch in order, and make forks of the blocks that belong to one statement."""
    inner = sorted(stretch.inner, key=lambda each: each.block.line)
    forks: list[tuple[int, int, Happening | Fork]] = []
    for each in inner:
        _ordered(each)
        what = each.block.what
        last = forks[-1][2] if forks else None
        if isinstance(last, Fork) and _continues(last, each):
            last.stretches.append(each)
        else:
            sort = {"case": "match", "with async": "with"}.get(what, what)
            forks.append((each.block.line, -1, Fork(sort, [each])))
    stretch.parts = [part for _, _, part in sorted([*forks, *stretch.placed], key=PLACE)]


def _continues(fork: Fork, stretch: Stretch) -> bool:
    """Whether a block belongs to the statement that an earlier one began."""
    what, first = stretch.block.what, fork.stretches[0].block
    match fork.what:
        case "if":
            return what == "else" and len(fork.stretches) == 1 and stretch.block.expressions == first.expressions
        case "match":
            return what == "case" and (not stretch.block.expressions or stretch.block.expressions == first.expressions)
        case "try":
            return what in ("handler", "otherwise", "finally") and fork.stretches[-1].block.what != "finally"
    return False


class _TreeWalk(Generic[State]):
    """One walk over a tree, with what events make of a state."""

    def __init__(
        self,
        move: Move[State],
        skipped: Callable[[Stretch, State], State] | None,
        caught: Callable[[Block, State], State | None] | None,
        facts: Function,
    ) -> None:
        self._move = move
        self._skipped = skipped
        self._caught = caught
        self._calls = facts.calls
        self._facts = facts

    @lazily
    def _again(self) -> frozenset[int]:
        """The lines at which what was caught is raised again: a `raise` with nothing behind it."""
        said = {each.line for each in self._facts.calls if each.where == ("raise",)}
        said |= {each.line for each in self._facts.uses if each.where == ("raise",)}
        said |= {each.line for each in self._facts.reads if each.where == ("raise",)}
        return frozenset(self._facts.raises) - said

    def through(self, stretch: Stretch, states: list[State]) -> list[WayOut[State]]:
        """Every way out of a stretch that is entered in one of the states."""
        out: list[WayOut[State]] = []
        for part in stretch.parts:
            states = list(dict.fromkeys(states))[:_MOST_STATES]
            if not states:
                return out
            if isinstance(part, Fork):
                found = self._forked(part, states)
            elif part.what in LEAVING:
                found = [WayOut(part.what, state, part.line) for state in states]
            else:
                found = [WayOut(how, after, part.line) for state in states for how, after in self._move(part, state)]
            out += [way for way in found if way.how != FALLS]
            states = [way.state for way in found if way.how == FALLS]
        return out + [WayOut(FALLS, state, stretch.block.end_line) for state in dict.fromkeys(states)]

    def _forked(self, fork: Fork, states: list[State]) -> list[WayOut[State]]:
        match fork.what:
            case "loop":
                return self._looped(fork.stretches[0], states)
            case "try":
                return self._tried(fork, states)
            case "with":
                return self._within(fork.stretches[0], states)
        found: list[WayOut[State]] = []
        for each in fork.stretches:
            other = each.block.what == "else" and fork.what == "if"
            # Who goes into the `else` has passed by what stands above it.
            begun = [self._passed_by(fork.stretches[0], state) for state in states] if other else states
            found += self.through(each, list(dict.fromkeys(begun)))
        whole = (fork.what == "if" and len(fork.stretches) == 2) or (
            fork.what == "match" and not fork.stretches[-1].block.expressions
        )
        if not whole:
            found += [WayOut(FALLS, self._passed_by(fork.stretches[0], state), fork.line) for state in states]
        return found

    def _passed_by(self, stretch: Stretch, state: State) -> State:
        return state if self._skipped is None or stretch.leaves else self._skipped(stretch, state)

    def _looped(self, body: Stretch, states: list[State]) -> list[WayOut[State]]:
        endless = body.block.expressions == (("constant", "bool", True),)
        seen = dict.fromkeys(states)
        found: dict[WayOut[State], None] = {}
        waiting = list(seen)
        while waiting and len(seen) <= _MOST_STATES:
            ways = self.through(body, waiting)
            waiting = []
            for way in ways:
                if way.how in (FALLS, CONTINUES):
                    if way.state not in seen:
                        seen[way.state] = None
                        waiting.append(way.state)
                elif way.how == BREAKS:
                    found[WayOut(FALLS, way.state, way.line)] = None
                else:
                    found[way] = None
        if not endless:
            found |= {WayOut(FALLS, state, body.block.end_line): None for state in seen}
        return list(found)

    def _tried(self, fork: Fork, states: list[State]) -> list[WayOut[State]]:
        body = fork.stretches[0]
        handlers = [each for each in fork.stretches if each.block.what == "handler"]
        otherwise = next((each for each in fork.stretches if each.block.what == "otherwise"), None)
        last = next((each for each in fork.stretches if each.block.what == "finally"), None)
        found: list[WayOut[State]] = []
        failed: dict[State, list[WayOut[State]]] = {}
        for way in self.through(body, states):
            if way.how == RAISES and handlers:
                failed.setdefault(way.state, []).append(way)
                if not any(_catches_all(each.block) for each in handlers):
                    found.append(way)
            elif way.how == FALLS and otherwise is not None:
                found += self.through(otherwise, [way.state])
            else:
                found.append(way)
        for each in handlers:
            for state, ways in failed.items():
                begun = state if self._caught is None else self._caught(each.block, state)
                if begun is None:
                    continue
                ends = self.through(each, [begun])
                only_seen = all(end.how == RAISES and end.state == state for end in ends)
                only_seen = only_seen and any(end.line in self._again for end in ends)
                found += ways if only_seen else ends  # who only looks on leaves the error where it was raised
        if last is None:
            return found
        finished: list[WayOut[State]] = []
        for way in dict.fromkeys(found):
            ends = self.through(last, [way.state])
            finished += [WayOut(way.how, after.state, way.line) if after.how == FALLS else after for after in ends]
        return finished

    def _within(self, body: Stretch, states: list[State]) -> list[WayOut[State]]:
        entered, line = body.block.expressions[0], body.block.line
        states = [after for state in states for _, after in self._move(Happening("enter", -1, line, entered), state)]
        leaving = Happening("exit", -1, body.block.end_line, entered)
        found = [
            WayOut(way.how, after, way.line)
            for way in self.through(body, list(dict.fromkeys(states)))
            for _, after in self._move(leaving, way.state)
        ]
        match entered:
            case ("call", int(index)) if last_name(self._calls[index].callee) == "suppress":
                found += [WayOut(FALLS, way.state, body.block.end_line) for way in found if way.how == RAISES]
        return found


def _catches_all(handler: Block) -> bool:
    if not handler.expressions:
        return True
    caught = handler.expressions[0]
    return any((last_name(each) or "?") in BROAD for each in (caught[1] if caught[0] == "tuple" else (caught,)))
