"""Which names of a file have no value where they are read, by the rules of Python's scopes. The collector tells what it meets.

A name counts as bound in its scope wherever that scope binds it, in whatever branch: which branches run is not asked.
"""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, Block, Parameter, Unbound, Where

# Names that a file has without binding them: builtins of any Python from 3.11 on, of the interactive shell (a notebook that
# was exported), of `gettext.install`, and what Python puts into modules, class bodies and methods.
GIVEN: Final = frozenset(dir(builtins)) | frozenset(
    """exit quit copyright credits license help PythonFinalizationError WindowsError reveal_type reveal_locals
    get_ipython display _ __file__ __name__ __doc__ __package__ __spec__ __loader__ __path__ __cached__ __builtins__
    __annotations__ __dict__ __qualname__ __module__ __class__ __conditional_annotations__""".split()
)

BareUse: TypeAlias = tuple[str, Where, int, int]
"""A `facts.Use` before it is made one: most are looked at here and never kept."""


class ScopeNames:
    """What one scope binds and reads, growing while it is read."""

    def __init__(self, number: int, sort: str, parent: int) -> None:
        self.number, self.sort, self.parent = number, sort, parent
        self.bound: dict[str, int] = {}
        """Each name with the first line that binds it."""
        self.promised: dict[str, int] = {}
        """The same of names that are bound for type checkers."""
        self.checking = False
        """The whole scope is for type checkers."""
        self.free: list[BareUse] = []
        self.outer: frozenset[str] = frozenset()
        self.lost: list[Unbound] = []
        self._caught: dict[str, list[tuple[int, int]]] = {}
        self._around: set[str] = set()
        self._passed: set[int] = set()

    def bind(self, name: str, line: int) -> None:
        self.bound.setdefault(name, line)

    def bind_around(self, name: str) -> None:
        """`name := …` binds outside the comprehensions it stands in, and before what stands above it in its expression."""
        self._around.add(name)

    def catch(self, name: str, line: int, end_line: int) -> None:
        """`except … as name`: the name is deleted where its handler ends."""
        self._caught.setdefault(name, []).append((line, end_line))

    def is_caught(self, name: str) -> bool:
        return name in self._caught

    def pass_over(self, first: int, last: int) -> None:
        """Of the uses, those from `first` to before `last` are never run, or not as they stand."""
        self._passed.update(range(first, last))

    def leave(self, uses: Sequence[BareUse], first: int, bound: Mapping[str, int]) -> None:
        """A comprehension ends, whose own names are `bound`, and whose uses begin at `first`."""
        self._passed.update(number for number in range(first, len(uses)) if uses[number][0] in bound)

    def see(self, bound: Mapping[str, int]) -> None:
        """The scope, read already, stands in a comprehension whose own names are `bound`."""
        self.free = [use for use in self.free if use[0] not in bound]

    def close(
        self, uses: Sequence[BareUse], parameters: Iterable[Parameter], outer: Iterable[str], blocks: Iterable[Block]
    ) -> None:
        """The scope has been read to its end: `outer` are its `global` and `nonlocal` names."""
        for name in (*self._around, *(parameter.name for parameter in parameters)):
            self.bound[name] = 0
        self.outer = frozenset(outer)
        seen: set[str] = set()
        loops = [block for block in blocks if block.what == "loop"]
        bound, outer, passed = self.bound, self.outer, self._passed
        for number, use in enumerate(uses):
            name, _, at, _ = use
            binds = bound.get(name)
            if (binds is not None and binds <= at and name not in outer) or number in passed or name.startswith("self."):
                continue
            if binds is None and name in self._caught:
                if not any(line <= at <= end_line for line, end_line in self._caught[name]):
                    self._lose(use, "handler", self._caught[name][0][0])
            elif binds is None or name in outer:
                if name not in seen:
                    seen.add(name)
                    self.free.append(use)
            elif self.sort in (PLAIN, ASYNC):
                first = min([binds, *(line for line, _ in self._caught.get(name, ()))])
                if at < first and not any(block.line <= at and first <= block.end_line for block in loops):
                    self._lose(use, "later", first)
        for name, places in self._caught.items():
            self.bound.setdefault(name, places[0][0])

    def _lose(self, use: BareUse, how: str, bound: int) -> None:
        name, _, line, column = use
        self.lost.append(Unbound(self.number, name, how, line, column, bound))


def unbound(scopes: Iterable[ScopeNames]) -> tuple[Unbound, ...]:
    """Every name of a file that has no value where it is read, once in each scope, in order."""
    by_number = {each.number: each for each in scopes}
    # A function that declares a name `global` may give it to the module.
    shared = {name for each in by_number.values() for name in each.outer & each.bound.keys()}
    found: list[Unbound] = []
    for scope in by_number.values():
        if scope.checking:
            continue
        # What is caught at the top of a module or in a class may be found further out, among the builtins at least.
        found += [each for each in scope.lost if scope.sort in (PLAIN, ASYNC) or each.name not in GIVEN]
        for name, _, at, column in scope.free:
            if name not in GIVEN and name not in shared:
                how, line = _found(name, scope, by_number)
                if how:
                    found.append(Unbound(scope.number, name, how, at, column, line))
    return tuple(sorted(found, key=lambda each: (each.line, each.column, each.name)))


def _found(name: str, scope: ScopeNames, by_number: Mapping[int, ScopeNames]) -> tuple[str, int]:
    """How the name is unbound, with the line that promises it; nothing when some scope binds it."""
    promised = 0
    at: ScopeNames | None = scope
    while at is not None:
        # The names of a class body are seen by its own statements, not by its methods.
        if at is scope or at.sort != BODY:
            if name in at.bound and not (at is scope and name in at.outer):
                return "", 0
            promised = promised or at.promised.get(name, 0)
        at = by_number[at.parent] if at.sort != TOP else None
    return ("checking", promised) if promised else ("missing", 0)
