"""Two server processes on one database: what happens on one is seen on the other, and either may go away."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from netra.env import for_subprocess
from tests.fixtures.server import ServerProcess, free_port
from tests.mission_critical.people import Person, Watch, ended, together


@pytest.fixture
def servers(database_url: str, tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two of them. Uploads would be in one folder in earnest; here each has its own, and nobody uploads."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    # Both allow the origin of either: people come back to whichever answers.
    ports = free_port(), free_port()
    shared = {
        "NETRA_DATABASE_URL": database_url,
        "NETRA_HOST_RESOLUTION": "off",
        "NETRA_PUBLIC_URL": "http://netra.test",
        "NETRA_ALLOWED_ORIGINS": ",".join(f"http://127.0.0.1:{port}" for port in ports),
        "NETRA_DRAIN_TIMEOUT": "5",
    }
    with (
        ServerProcess.running(first, port=ports[0], **shared) as one,
        ServerProcess.running(second, port=ports[1], **shared) as other,
    ):
        yield one, other


@asynccontextmanager
async def at(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        yield http


def elsewhere(person: Person, http: httpx.AsyncClient) -> Person:
    """The same person at another server."""
    return Person(http, person.token, person.user_id, person.mark)


async def closed(watch: Watch, within: float) -> tuple[int | None, str | None]:
    """How the server closed a socket."""
    async with asyncio.timeout(within):
        await watch.socket.wait_closed()
    return watch.socket.close_code, watch.socket.close_reason


async def test_a_run_that_is_started_on_one_server_is_watched_on_the_other(
    servers: tuple[ServerProcess, ServerProcess],
) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        person = await Person.sign_up(here)
        thread = await person.thread()
        async with elsewhere(person, there).watch() as watch:
            await watch.follow(thread, after=0)
            for _ in range(3):
                await person.run(thread, steps=3, delay_ms=20)
            events = await watch.until_ended(thread, 3, within=60)
        assert events == await person.history(thread)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [event["type"] for event in ended(events)] == ["agent_completed"] * 3


async def test_logging_out_at_one_server_closes_sockets_at_the_other(servers: tuple[ServerProcess, ServerProcess]) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        person, neighbour = await Person.sign_up(here), await Person.sign_up(here)
        async with elsewhere(person, there).watch() as watch, elsewhere(neighbour, there).watch() as other:
            await watch.reply({"type": "ping"})
            answer = await here.post("/auth/logout", headers={"Authorization": f"Bearer {person.token}"})
            assert answer.status_code == 204
            code, reason = await closed(watch, within=5)
            assert code == 4401
            assert str(reason).startswith("access_ended")
            assert (await other.reply({"type": "ping"}))["type"] == "pong"
        refused = await there.get("/api/threads", headers={"Authorization": f"Bearer {person.token}"})
        assert refused.status_code == 401


async def test_a_changed_plan_is_told_to_sockets_of_both_servers(
    servers: tuple[ServerProcess, ServerProcess], owner_url: str
) -> None:
    import psycopg

    async with at(servers[0]) as here, at(servers[1]) as there:
        person = await Person.sign_up(here)
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            await owner.execute("UPDATE account SET role = 'admin' WHERE id = %s", [person.user_id])
        async with person.watch() as first, elsewhere(person, there).watch() as second:
            await together([first.reply({"type": "ping"}), second.reply({"type": "ping"})])
            await person.call("POST", "/api/tools/migrate-legacy")
            await first.until(lambda: bool(first.events(person.user_id)), within=10)
            await second.until(lambda: bool(second.events(person.user_id)), within=10)
            for watch in (first, second):
                assert [event["data"]["new"] for event in watch.events(person.user_id)] == ["enterprise"]


class Operator:
    """Somebody at a command line, which knows of the servers only the database that they share."""

    def __init__(self, database_url: str) -> None:
        self._environment = for_subprocess({"NETRA_DATABASE_URL": database_url, "NETRA_HOST_RESOLUTION": "off"})

    async def run(self, *arguments: str) -> str:
        """Run one command; return what it says."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "netra", *arguments, env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
        assert process.returncode == 0, said
        return said.decode()

    async def email(self, person: Person) -> str:
        return str((await person.call("GET", "/auth/me"))["email"])


@pytest.fixture
def operator(database_url: str) -> Operator:
    return Operator(database_url)


async def status(person: Person, tool: str) -> str:
    """How a call of this tool ends now."""
    answer: dict[str, Any] = await person.call("POST", "/api/tools/execute", json={"tool_name": tool})
    return str(answer["status"])


def plans(watch: Watch, person: Person) -> list[tuple[str, str]]:
    """The changes of plan that a socket has heard of."""
    return [
        (event["data"]["old"], event["data"]["new"])
        for event in watch.events(person.user_id)
        if event["type"] == "plan_changed"
    ]


async def hears(watch: Watch, person: Person, count: int, within: float) -> None:
    """Wait until a socket has heard of so many changes of plan."""
    await watch.until(lambda: len(plans(watch, person)) == count, within)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_plan_that_is_given_and_ends_is_heard_of_and_obeyed_by_both_servers(
    servers: tuple[ServerProcess, ServerProcess], operator: Operator
) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        person = await Person.sign_up(here)
        moved, email = elsewhere(person, there), await operator.email(person)
        await operator.run("user", "set-role", email, "admin")
        async with person.watch() as first, moved.watch() as second:
            await together([first.reply({"type": "ping"}), second.reply({"type": "ping"})])
            assert [await status(who, "log_analyzer") for who in (person, moved)] == ["permission_denied"] * 2
            # Long enough for a busy machine to run the command before it.
            ends = (datetime.now(UTC) + timedelta(seconds=30)).replace(microsecond=0)
            await operator.run("user", "set-plan", email, "enterprise", "--until", f"{ends:%Y-%m-%dT%H:%M:%S}")
            # The very next call, wherever it arrives.
            assert [await status(who, "log_analyzer") for who in (moved, person)] == ["success"] * 2
            await together([hears(watch, person, 1, within=5) for watch in (first, second)])
            remaining = (ends - datetime.now(UTC)).total_seconds()
            assert remaining > 0
            await together([hears(watch, person, 2, within=remaining + 5) for watch in (first, second)])
            assert plans(first, person) == plans(second, person) == [("free", "enterprise"), ("enterprise", "free")]
            assert "log_analyzer" in second.events(person.user_id)[-1]["data"]["lost"]
            assert [await status(who, "log_analyzer") for who in (moved, person)] == ["permission_denied"] * 2


async def test_two_hundred_calls_over_both_servers_are_as_many_as_are_allowed(
    servers: tuple[ServerProcess, ServerProcess],
) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        person = await Person.sign_up(here)
        moved = elsewhere(person, there)
        async with asyncio.timeout(100):
            statuses = await asyncio.gather(*(status(moved if nth % 2 else person, "list_agents") for nth in range(200)))
        assert Counter(statuses) == {"success": 100, "rate_limited": 100}


@pytest.mark.timeout(180)
async def test_a_plan_that_is_changed_is_heard_of_and_obeyed_by_both_servers(
    servers: tuple[ServerProcess, ServerProcess], operator: Operator
) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        person = await Person.sign_up(here)
        moved = elsewhere(person, there)
        async with moved.watch() as watch:
            await watch.reply({"type": "ping"})
            assert [await status(who, "list_agents") for who in (person, moved)] == ["success"] * 2
            assert "list_agents a day: 100 → 2" in await operator.run("plan", "set", "free", "--allow", "list_agents=2")
            assert [await status(who, "list_agents") for who in (moved, person)] == ["rate_limited"] * 2
            await operator.run("plan", "set", "free", "--permissions", "")
            assert [await status(who, "create_thread") for who in (moved, person)] == ["permission_denied"] * 2
            await hears(watch, person, 2, within=5)
            first, second = watch.events(person.user_id)
            assert (first["data"]["lost"], "list_agents" in second["data"]["lost"]) == ([], True)


@pytest.mark.timeout(180)
async def test_readers_of_a_killed_server_resume_at_its_sibling_and_miss_nothing(
    servers: tuple[ServerProcess, ServerProcess],
) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        people = await together([Person.sign_up(there) for _ in range(10)])
        everybody_watches = asyncio.Barrier(len(people))

        async def watch_and_move(person: Person) -> None:
            thread = await person.thread()
            async with elsewhere(person, here).watch() as before:
                epoch = (await before.follow(thread, after=0))["epoch"]
                await person.run(thread, steps=20, delay_ms=100)
                await before.until(lambda: len(before.events(thread)) >= 10, within=60)
                if await everybody_watches.wait() == 0:
                    await asyncio.to_thread(servers[0].kill)
                assert (await closed(before, within=30))[0] == 1006
                had = before.events(thread)
            async with person.watch() as after:
                await after.follow(thread, after=had[-1]["seq"], epoch=epoch)
                rest = await after.until_ended(thread, 1, within=90)
            whole = await person.history(thread)
            assert had + rest == whole
            assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))
            assert [event["type"] for event in ended(whole)] == ["agent_completed"]
            calls = [event["data"]["call_id"] for event in whole if event["type"] == "tool_executing"]
            assert len(calls) == len(set(calls))

        await together([watch_and_move(person) for person in people])


async def test_a_drained_server_says_where_to_resume_and_its_runs_end_elsewhere(
    servers: tuple[ServerProcess, ServerProcess],
) -> None:
    async with at(servers[0]) as here, at(servers[1]) as there:
        person = await Person.sign_up(here)
        thread = await person.thread()
        async with person.watch() as before:
            await before.follow(thread, after=0)
            await person.run(thread, steps=20, delay_ms=200)
            await before.until(lambda: len(before.events(thread)) >= 5, within=60)
            servers[0].popen.terminate()
            code, reason = await closed(before, within=30)
            had = before.events(thread)
        assert code == 1001
        assert f"{thread}=1/{had[-1]['seq']}" in str(reason)
        assert await asyncio.to_thread(servers[0].popen.wait, 60) == 0
        moved = elsewhere(person, there)
        async with moved.watch() as after:
            await after.follow(thread, after=had[-1]["seq"], epoch=1)
            rest = await after.until_ended(thread, 1, within=60)
        assert had + rest == await moved.history(thread)
        assert [event["type"] for event in ended(rest)] == ["agent_completed"]
