"""The law of the log, over whatever order of appends, faults, cuts and readers Hypothesis thinks of.

Every reader gets, byte for byte, what an uninterrupted read of the log gives after its cursor, or after a reset that says
why; what was acknowledged is there, once, at its position; positions are dense.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from netra.clock import SystemClock
from netra.db.database import Connection, Database
from netra.errors import Unavailable
from netra.events.codec import Draft, Event
from netra.ids import ThreadId, UserId
from netra.prove.proxy import Proxy
from netra.streams import hints, log, retention, writer
from netra.streams.cursor import Cursor, Position
from netra.streams.log import Fenced
from netra.streams.streams import Streams
from netra.streams.subscription import Subscription
from netra.streams.writer import Claim
from tests.fixtures.postgres import add_account
from tests.streams.logs import NOON, Reader, add_thread, claim, read, texts, thought

T = TypeVar("T")

FAULTS: Final[dict[str, Callable[[Proxy], None]]] = {
    "request lost": Proxy.cut_next_request,
    "reply lost": Proxy.cut_next_reply,
    "cut while the server works": Proxy.cut_while_asking,
    "request late": Proxy.hold_next_request,
    "all connections cut": Proxy.cut,
}


@dataclass
class World:
    """Two processes over one database. Alice's work goes on in the near one, whose connections can be cut."""

    witness: Database
    """Connections that no fault touches, to look at the log."""
    admin: Connection
    proxy: Proxy
    near: Streams
    far: Streams
    alice: UserId

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, owner_url: str) -> AsyncIterator["World"]:
        async with (
            Database.open(f"{url}&application_name=witness", pool_size=2) as witness,
            Database.open(url, pool_size=4) as local,
            await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as admin,
            Proxy.open(url) as proxy,
            Database.open(proxy.url, pool_size=4) as remote,
            Streams.open(remote, SystemClock(), poll_interval=0.05) as near,
            Streams.open(local, SystemClock(), poll_interval=0.05) as far,
        ):
            alice = await add_account(witness, "alice@example.com")
            yield cls(witness, admin, proxy, near, far, alice)

    async def terminate(self, role: str) -> None:
        """End the server's side of every connection of this role, as a crash of these backends would."""
        await self.admin.execute(
            "WITH victims AS MATERIALIZED (SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s) SELECT pg_terminate_backend(pid) FROM victims",
            [role],
        )


class Follower(Reader):
    """A sink that knows what it is owed: everything after `after`."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def reset(self, thread_id: ThreadId, reason: str, position: Position) -> None:
        self.after = position.tail
        super().reset(thread_id, reason, position)


@dataclass
class Client:
    """A reader that comes and goes."""

    reader: Follower
    cursor: Cursor
    """Where it stood when it last left."""
    subscription: Subscription | None = None
    epoch: int = 0
    """The thread's, when it last came or all was settled."""
    resets: int = 0
    """Those it had then."""
    owes_reset: bool = False
    """Whether the cursor it came with was none that can be resumed."""


class LogMachine(RuleBasedStateMachine):
    """One thread's log and its readers, against a list of what was said."""

    runner: ClassVar[asyncio.Runner]
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count(1)
        self.clients: list[Client] = []
        self.attempted: set[str] = set()
        self.acknowledged: dict[int, bytes] = {}
        self.log: dict[int, bytes] = {}
        """Everything that ever was in the log, by position; what was cut included."""
        self.said: dict[int, str] = {}
        self.position = Position(1, 0, 0)
        self.former: list[Claim] = []
        self.minutes = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(30):
                return await work

        return self.runner.run(bounded())

    @initialize()
    def begin(self) -> None:
        self.thread: ThreadId = self.run(add_thread(self.world.witness, self.world.alice))
        self.claim: Claim = self.run(claim(self.world.witness, self.world.alice, self.thread))

    # What is said -------------------------------------------------------------------------------------------------------

    def drafts(self, count: int) -> list[Draft]:
        said = [str(next(self.numbers)) for _ in range(count)]
        self.attempted.update(said)
        self.minutes += 1
        return [thought(text, at=NOON + self.minutes * timedelta(minutes=1)) for text in said]

    def acknowledge(self, events: list[Event]) -> None:
        for event in events:
            assert event.seq not in self.acknowledged, "two appends were told the same position"
            self.acknowledged[event.seq] = event.wire

    async def say_by_writer(self, count: int) -> None:
        self.acknowledge(await self.world.near.append(self.claim, self.drafts(count)))

    async def say_as_user(self, count: int, told: bool) -> None:
        try:
            if told:
                async with self.world.near.transaction(self.world.alice) as transaction:
                    events = await transaction.append(self.thread, self.drafts(count))
            else:
                async with self.world.witness.for_user(self.world.alice).transaction() as connection:
                    _, events = await log.append(connection, self.world.alice, self.thread, self.drafts(count))
        except Unavailable:
            return  # of unknown outcome: it may be there, once, and was not acknowledged
        self.acknowledge(events)

    @rule(count=st.integers(1, 3))
    def a_run_appends(self, count: int) -> None:
        self.run(self.say_by_writer(count))

    @rule(count=st.integers(1, 3), fault=st.sampled_from(sorted(FAULTS)))
    def a_run_appends_under_a_fault(self, count: int, fault: str) -> None:
        FAULTS[fault](self.world.proxy)
        self.run(self.say_by_writer(count))

    @rule(count=st.integers(1, 3), told=st.booleans())
    def a_user_appends(self, count: int, told: bool) -> None:
        self.run(self.say_as_user(count, told))

    @rule(counts=st.lists(st.integers(1, 3), min_size=2, max_size=5))
    def everybody_appends_at_once(self, counts: list[int]) -> None:
        async def together() -> None:
            async with asyncio.TaskGroup() as tasks:
                for nth, count in enumerate(counts):
                    work = self.say_by_writer(count) if nth % 2 else self.say_as_user(count, told=nth % 4 == 0)
                    tasks.create_task(work)

        self.run(together())

    @rule()
    def the_run_is_claimed_anew(self) -> None:
        self.former.append(self.claim)
        self.claim = self.run(claim(self.world.witness, self.world.alice, self.thread))

    @precondition(lambda self: self.former)
    @rule(data=st.data())
    def a_worker_that_was_paused_appends(self, data: st.DataObject) -> None:
        former = self.former[data.draw(st.integers(0, len(self.former) - 1))]
        with pytest.raises(Fenced):
            self.run(self.world.near.append(former, [thought("never")]))

    # What goes wrong ----------------------------------------------------------------------------------------------------

    @rule()
    def a_late_packet_arrives(self) -> None:
        self.run(self.world.proxy.deliver())

    @rule(role=st.sampled_from(["netra_writer", "netra_app", "netra_system"]))
    def backends_die(self, role: str) -> None:
        self.run(self.world.terminate(role))

    @rule(data=st.data(), announced=st.booleans())
    def history_is_cut(self, data: st.DataObject, announced: bool) -> None:
        before: datetime = NOON + data.draw(st.integers(0, self.minutes + 1)) * timedelta(minutes=1)

        async def cut() -> None:
            for key, position in await retention.trim(self.world.witness, before):
                if announced:
                    self.world.far.announce_cut(key, position)

        self.run(cut())

    # Who reads ----------------------------------------------------------------------------------------------------------

    # Drawn relative to where the log stands, which depends on the moment of a fault, as draws must not.
    @rule(near=st.booleans(), behind=st.integers(-2, 20), epochs=st.none() | st.integers(-1, 1))
    def a_reader_comes(self, near: bool, behind: int, epochs: int | None) -> None:
        seq = max(-1, self.position.head - behind)
        epoch = None if epochs is None else max(1, self.position.epoch + epochs)
        client = Client(Follower(after=seq), Cursor(seq, epoch))
        self.clients.append(client)
        self.run(self.come(client, near))

    @precondition(lambda self: any(client.subscription for client in self.clients))
    @rule(data=st.data())
    def a_reader_goes(self, data: st.DataObject) -> None:
        present = [client for client in self.clients if client.subscription]
        client = present[data.draw(st.integers(0, len(present) - 1))]
        assert client.subscription is not None
        client.cursor = client.subscription.cursor
        client.subscription.close()
        client.subscription = None

    @precondition(lambda self: any(client.subscription is None for client in self.clients))
    @rule(near=st.booleans(), data=st.data())
    def a_reader_comes_back_somewhere(self, near: bool, data: st.DataObject) -> None:
        away = [client for client in self.clients if client.subscription is None]
        client = away[data.draw(st.integers(0, len(away) - 1))]
        self.run(self.come(client, near))

    async def come(self, client: Client, near: bool) -> None:
        streams = self.world.near if near else self.world.far
        subscription = streams.subscription(self.world.alice, self.thread, client.reader)
        try:
            position = await subscription.start(client.cursor)
        except Unavailable:
            return await self.come(client, near)  # over a connection that a fault had killed; a client comes again
        exact = client.cursor.epoch in (None, position.epoch) and position.tail <= client.cursor.seq <= position.head
        client.subscription, client.epoch, client.owes_reset = subscription, position.epoch, not exact
        client.resets = len(client.reader.resets)
        subscription.go()
        return None

    @rule()
    def everything_settles(self) -> None:
        self.run(self.settle())

    async def settle(self) -> None:
        for client in self.clients:
            if client.subscription is None:
                continue
            while client.subscription.cursor != Cursor(self.position.head, self.position.epoch):
                await client.reader.change()
            assert client.reader.wires == [self.log[seq] for seq in range(client.reader.after + 1, self.position.head + 1)]
            was_reset = len(client.reader.resets) > client.resets
            assert was_reset == (client.owes_reset or client.epoch != self.position.epoch)
            client.resets, client.epoch, client.owes_reset = len(client.reader.resets), self.position.epoch, False

    # What holds after every step ----------------------------------------------------------------------------------------

    @invariant()
    def the_log_is_dense_and_holds_what_was_said_once(self) -> None:
        self.position, events = self.run(self.whole())
        assert [event.seq for event in events] == list(range(self.position.tail + 1, self.position.head + 1))
        for event in events:
            assert self.log.setdefault(event.seq, event.wire) == event.wire, "an event has changed"
            assert self.acknowledged.get(event.seq, event.wire) == event.wire, "an acknowledged event is another one"
            if event.seq not in self.said:
                [self.said[event.seq]] = texts([event])
        assert set(self.acknowledged) <= set(self.log), "an acknowledged event is missing"
        assert len(set(self.said.values())) == len(self.said), "an event was written twice"
        assert set(self.said.values()) <= self.attempted

    async def whole(self) -> tuple[Position, list[Event]]:
        position = await log.read_position(self.world.witness.for_user(self.world.alice), self.thread)
        return position, await read(self.world.witness, self.world.alice, self.thread)

    def teardown(self) -> None:
        try:
            self.run(self.world.proxy.deliver())
            self.the_log_is_dense_and_holds_what_was_said_once()
            self.everything_settles()
        finally:
            for client in self.clients:
                if client.subscription is not None:
                    client.subscription.close()
            self.run(self.forget())

    async def forget(self) -> None:
        """Leave nothing that the next example's retention would cut."""
        async with self.world.witness.for_user(self.world.alice).transaction() as connection:
            await connection.execute("DELETE FROM thread WHERE id = %s", [self.thread])


def test_whatever_happens_every_reader_gets_the_exact_suffix_or_is_told(
    database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_AFTER", 0.01)
    monkeypatch.setattr(hints, "RECONNECT", 0.01)
    with asyncio.Runner() as runner:
        opened = World.open(database_url, owner_url)
        LogMachine.runner, LogMachine.world = runner, runner.run(opened.__aenter__())
        try:
            run_state_machine_as_test(
                LogMachine,
                settings=settings(
                    max_examples=40,
                    stateful_step_count=25,
                    # Not shrunk: what depends on the moment of a fault shrinks to nonsense, slowly.
                    phases=[Phase.explicit, Phase.reuse, Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
