"""Hints reach the other processes, survive a database that goes away, and never need to be believed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from netra.db.database import Connection, Database
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.prove.proxy import Proxy
from netra.streams import hints as module
from netra.streams.cursor import Position
from netra.streams.hints import CHANNEL, Hints
from netra.streams.hub import Key

FAR = 2**63 - 1


class Ear:
    """What one process hears."""

    def __init__(self) -> None:
        self.positions: dict[Key, Position] = {}
        self.users: list[UserId] = []
        self.runs: list[RunId] = []
        self.reconnections = 0
        self._changed = asyncio.Event()

    def heads(self, heads: list[tuple[Key, Position]]) -> None:
        self.positions.update(heads)
        self._changed.set()

    def access_changed(self, user_id: UserId) -> None:
        self.users.append(user_id)
        self._changed.set()

    def cancel_wanted(self, run_id: RunId) -> None:
        self.runs.append(run_id)
        self._changed.set()

    def reconnected(self) -> None:
        self.reconnections += 1
        self._changed.set()

    async def until(self, heard: Callable[[], bool], within: float = 10) -> None:
        async with asyncio.timeout(within):
            while not heard():
                self._changed.clear()
                await self._changed.wait()


def key() -> Key:
    return UserId(new_uuid()), ThreadId(new_uuid())


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def own_ear() -> Ear:
    return Ear()


@pytest.fixture
async def voice(database: Database, own_ear: Ear) -> AsyncIterator[Hints]:
    """The process that speaks."""
    async with Hints.open(database, own_ear) as hints:
        await own_ear.until(lambda: own_ear.reconnections == 1)
        yield hints


@pytest.fixture
async def listener(database: Database, ear: Ear) -> AsyncIterator[Hints]:
    """Another process, which listens."""
    async with Hints.open(database, ear) as hints:
        await ear.until(lambda: ear.reconnections == 1)
        yield hints


@pytest.fixture
async def admin(owner_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        yield connection


async def test_what_one_process_says_another_hears(voice: Hints, listener: Hints, ear: Ear) -> None:
    where, user, run = key(), UserId(new_uuid()), RunId(new_uuid())
    voice.head_moved(*where, Position(3, 5, 9))
    voice.access_changed(user)
    voice.cancel_wanted(run)
    await ear.until(lambda: bool(ear.positions and ear.users and ear.runs))
    assert (ear.positions, ear.users, ear.runs) == ({where: Position(3, 5, 9)}, [user], [run])


async def test_a_process_hears_of_its_own_users_and_runs_at_once_and_of_its_own_heads_never(
    voice: Hints, own_ear: Ear, listener: Hints, ear: Ear
) -> None:
    user, run = UserId(new_uuid()), RunId(new_uuid())
    voice.access_changed(user)
    voice.cancel_wanted(run)
    voice.head_moved(*key(), Position(1, 0, 1))
    assert (own_ear.users, own_ear.runs) == ([user], [run])
    await ear.until(lambda: bool(ear.positions and ear.users and ear.runs))
    # Everything has been round by now, and came back to nobody.
    assert (own_ear.users, own_ear.runs, own_ear.positions, voice.received) == ([user], [run], {}, 0)


async def test_a_thread_that_grows_quickly_is_one_hint_with_its_newest_position(
    voice: Hints, listener: Hints, ear: Ear
) -> None:
    where = key()
    for head in range(1, 500):
        voice.head_moved(*where, Position(1, 0, head))
    await ear.until(lambda: bool(ear.positions))
    assert ear.positions == {where: Position(1, 0, 499)}
    assert voice.sent == listener.received == 1


async def test_any_number_of_hints_fits_into_the_payloads(voice: Hints, listener: Hints, ear: Ear) -> None:
    positions = {key(): Position(FAR, FAR, FAR) for _ in range(333)}
    users, runs = [UserId(new_uuid()) for _ in range(333)], [RunId(new_uuid()) for _ in range(333)]
    for where, position in positions.items():
        voice.head_moved(*where, position)
    for user in users:
        voice.access_changed(user)
    for run in runs:
        voice.cancel_wanted(run)
    await ear.until(lambda: len(ear.positions) + len(ear.users) + len(ear.runs) == 999)
    assert ear.positions == positions
    assert (set(ear.users), set(ear.runs)) == (set(users), set(runs))


@pytest.mark.parametrize("payload", ["", "nonsense", "[]", "{}", '["x", [[1, 2]]]', json.dumps(["x", [], ["no uuid"]])])
async def test_a_payload_that_cannot_be_read_is_a_reason_to_look_and_not_the_end_of_hearing(
    voice: Hints, listener: Hints, ear: Ear, admin: Connection, payload: str
) -> None:
    await admin.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
    await ear.until(lambda: ear.reconnections == 2)
    where = key()
    voice.head_moved(*where, Position(1, 0, 1))
    await ear.until(lambda: where in ear.positions)


async def test_a_hint_of_a_newer_version_that_says_more_is_heard(
    voice: Hints, listener: Hints, ear: Ear, admin: Connection
) -> None:
    user = new_uuid()
    await admin.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps(["other", [], [str(user)], [], ["news"]])])
    await ear.until(lambda: ear.users == [user])


async def test_hints_go_on_after_the_server_ended_their_connections(
    voice: Hints, listener: Hints, ear: Ear, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT", 0.01)
    for round_trip in range(2, 5):
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'netra_app' AND pid <> pg_backend_pid()"
        )
        await ear.until(lambda: ear.reconnections >= round_trip)  # noqa: B023 - waited for within the same turn
        where = key()
        voice.head_moved(*where, Position(1, 0, 1))
        await ear.until(lambda: where in ear.positions)  # noqa: B023


async def test_what_could_not_be_said_is_said_when_the_database_is_back(
    listener: Hints, ear: Ear, own_ear: Ear, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT", 0.01)
    first, last = UserId(new_uuid()), UserId(new_uuid())
    async with (
        asyncio.timeout(30),
        Proxy.open(database_url) as proxy,
        Database.open(proxy.url, pool_size=1) as remote,
        Hints.open(remote, own_ear) as voice,
    ):
        await own_ear.until(lambda: own_ear.reconnections == 1)
        proxy.refusing = True
        proxy.cut()
        voice.access_changed(first)
        await asyncio.sleep(0)
        voice.access_changed(last)
        proxy.refusing = False
        await ear.until(lambda: set(ear.users) == {first, last})


@pytest.mark.slow
async def test_a_connection_that_fell_silent_is_noticed(
    voice: Hints, own_ear: Ear, ear: Ear, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT", 0.01)
    monkeypatch.setattr(module, "LISTEN_FOR", 0.1)
    monkeypatch.setattr(module, "ANSWER_WITHIN", 0.1)
    async with (
        asyncio.timeout(60),
        Proxy.open(database_url) as proxy,
        Database.open(proxy.url, pool_size=1) as remote,
        Hints.open(remote, ear),
    ):
        await ear.until(lambda: ear.reconnections == 1)
        proxy.silence()
        await ear.until(lambda: ear.reconnections == 2, within=30)
        where = key()
        voice.head_moved(*where, Position(1, 0, 1))
        await ear.until(lambda: where in ear.positions)


async def test_what_is_unsaid_at_the_end_is_said(database: Database, own_ear: Ear, listener: Hints, ear: Ear) -> None:
    where = key()
    async with Hints.open(database, own_ear) as voice:
        voice.head_moved(*where, Position(1, 0, 1))
    await ear.until(lambda: where in ear.positions)


async def test_the_end_does_not_wait_for_a_database_that_is_away(
    own_ear: Ear, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_WORDS", 0.05)
    async with asyncio.timeout(20), Proxy.open(database_url) as proxy, Database.open(proxy.url, pool_size=1) as remote:
        async with Hints.open(remote, own_ear) as voice:
            proxy.refusing = True
            proxy.cut()
            voice.access_changed(UserId(new_uuid()))
        assert voice.sent == 0
