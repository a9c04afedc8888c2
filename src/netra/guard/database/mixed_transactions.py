"""Transactions of several requests in one connection of aiosqlite, which an object or a module keeps for all of them.

A connection has one transaction at a time. What a request writes between two of its statements another request commits, or
rolls back, as soon as its own turn comes.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.changing import changes
from netra.guard.database.kept import KeptConnections, KeptForAll
from netra.guard.database.transactions import Transactions
from netra.guard.facts import ASYNC, SELF, Block, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.singletons import is_application_state
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Of each statement alone nothing is wrong with such a connection that all share.
OF_ONE_TRANSACTION: Final = "aiosqlite.Connection"
ENDING: Final = frozenset({"commit", "rollback"})
EXECUTING: Final = frozenset({"execute", "executemany"})
# What has a connection that all of its handlers ask for.
HOLDING: Final = frozenset({"bot", "client", "state", "app"})
# Who waits for one of these, or begins his transaction himself, may well keep the others out.
GUARDING: Final = ("lock", "semaphore", "mutex")


class MixedTransaction(NamedTuple):
    """A function that is served, writes several times in the one connection, and then commits."""

    scope: FunctionSymbol
    slot: Slot
    writes: tuple[CallSite, ...]
    ending: CallSite


class MixedTransactions:
    """Answers for each connection that is kept, which transactions are mixed in it; the first of each."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._transactions = analysis.once(Transactions)
        self._sharing = analysis.once(Sharing)

    def mixed(self) -> Iterator[MixedTransaction]:
        seen: set[object] = set()
        for scope, connection, slot in (*self._of_objects(), *self._of_bots()) if not self._are_begun_by_hand else ():
            if slot.key in seen or self._is_guarded(scope):
                continue
            found = self._of(scope, connection, slot)
            if found is not None and self._analysis.reach.path_to(scope):
                seen.add(slot.key)
                yield found

    def _of_objects(self) -> Iterator[tuple[FunctionSymbol, Expression, Slot]]:
        """The functions that end a transaction of a connection that their object, or their module, keeps for all."""
        for tracked in self._transactions.tracked(ENDING):
            if tracked.library == OF_ONE_TRANSACTION and tracked.scope.facts.sort == ASYNC:
                slot = self._sharing.slot(tracked.expression, tracked.scope)
                if slot is not None:
                    yield tracked.scope, tracked.expression, slot

    def _of_bots(self) -> Iterator[tuple[FunctionSymbol, Expression, Slot]]:
        """The same of a connection that a bot, or an application, has: `self.bot.db.commit()`."""
        every = self._analysis.once(KeptConnections).all()
        of_one = [each for each in every if each.library == OF_ONE_TRANSACTION and each.target[0] == "attribute"]
        kept = {each.target[2]: each for each in of_one if self._is_of_bot(each)}
        for scope, _, call in self._analysis.calls_of(*sorted(ENDING)) if kept else ():
            connection: Expression = call.callee[1] if call.callee[0] == "attribute" else call.callee
            if scope.facts.sort != ASYNC or scope.module.in_tests or connection[0] != "attribute":
                continue
            if connection[2] in kept and last_name(connection[1]) in HOLDING:
                at = kept[connection[2]]
                step = Step(at.scope.module.path, at.line, "one connection is opened here, for as long as the program runs")
                yield scope, connection, Slot(at.scope.full_name, connection[2], step)

    def _is_of_bot(self, kept: KeptForAll) -> bool:
        if is_application_state(kept.target) or last_name(kept.target[1]) in HOLDING:
            return True
        order = self._analysis.program.order(kept.scope.owner)[0] if kept.scope.owner is not None else ()
        bases = [last_name(base) or "" for each in order for base in each.facts.bases]
        return kept.target[1] == SELF and any(each.endswith(("Bot", "Client")) for each in bases)

    def _of(self, scope: FunctionSymbol, connection: Expression, slot: Slot) -> MixedTransaction | None:
        asked = [each for each in scope.facts.calls if each.callee[:2] == ("attribute", connection)]
        writes = [
            each for each in asked if each.callee[2] in EXECUTING and each.arguments and changes(each.arguments[0], scope)
        ]
        ending = next((each for each in asked if each.callee[2] in ENDING and writes and each.line > writes[-1].line), None)
        if ending is None or any(_keeps_others_out(each, connection, writes[0], ending, scope) for each in scope.facts.blocks):
            return None
        loops = [each for each in scope.facts.blocks if each.what == "loop" and each.end_line < ending.line]
        several = len(writes) > 1 or any(loop.line <= each.line <= loop.end_line for each in writes for loop in loops)
        return MixedTransaction(scope, slot, tuple(writes), ending) if several else None

    @lazily
    def _are_begun_by_hand(self) -> bool:
        """Somebody says how transactions begin: `isolation_level=None`."""
        return any(
            any(key in ("isolation_level", "autocommit") for key, _ in call.keywords)
            for _, _, call in self._analysis.calls_of("connect")
        )

    def _is_guarded(self, scope: FunctionSymbol) -> bool:
        """Somebody waits for a lock: the function, who calls it, or another one that works with the same object."""
        beside: list[FunctionSymbol] = [scope, *(caller for caller, _ in self._analysis.reach.callers(scope))]
        if scope.owner is not None:
            kinds = self._analysis.program.order(scope.owner)[0]
            beside += [each for kind in kinds for named in kind.methods.values() for each in named]
        return any(
            word in written(each, one).lower()
            for one in beside
            for block in one.facts.blocks
            if block.what == "with async"
            for each in block.expressions
            for word in GUARDING
        )


def _keeps_others_out(block: Block, connection: Expression, first: CallSite, ending: CallSite, scope: FunctionSymbol) -> bool:
    """The whole transaction stands in something else that is waited for, and may be a lock."""
    around = block.what == "with async" and block.line <= first.line and ending.line <= block.end_line
    return around and not any(connection in within(each, scope) for each in block.expressions)
