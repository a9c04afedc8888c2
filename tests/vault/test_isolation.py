"""Two users with a secret of one name: whatever their runs do at the same time, neither's mark is where it should not be."""

import asyncio
import contextlib
import hashlib
import json
import logging
import secrets
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.db.database import Database
from netra.env import for_subprocess
from netra.errors import Conflict
from netra.events.model import AgentFailed, MessageDelta
from netra.gateway.logs import configure_logs
from netra.ids import UserId
from netra.runs.failure import StepFailed
from netra.vault.sealing import SealingKeys
from netra.vault.vault import Vault
from tests.agents.surroundings import open_agents

ROUNDS = 100
RUNS = 5
"""For each of two users: a thousand rounds in all, each of which lets all the others go on."""


@pytest.fixture
def vault(database: Database) -> Vault:
    return Vault(database, SealingKeys({"key": secrets.token_bytes(32)}))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """All that is logged, as a server writes it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = StringIO()
    with contextlib.redirect_stderr(written):
        configure_logs("info", "json")
    yield written
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_a_thousand_rounds_of_two_users_leave_each_mark_in_its_owners_sinks_alone(
    database: Database, vault: Vault, alice: UserId, bob: UserId, tmp_path: Path, log: StringIO
) -> None:
    marks = {user_id: secrets.token_hex(16) for user_id in (alice, bob)}
    names = {alice: "of-alice", bob: "of-bob"}

    @agent("chatter")
    async def chatter(ctx: Context) -> str:
        token, own = ctx.env["TOKEN"], names[ctx.user.id]
        for number in range(ROUNDS):
            cut = number % len(token)
            await ctx.say(f"{own} {token[:cut]}")
            await asyncio.sleep(0)
            await ctx.say(f"{token[cut:]}; ")
            logging.getLogger("agent").warning("%s %s", own, token)
            await asyncio.to_thread(structlog.get_logger("agent").warning, "in a thread", own=own, fields={"token": token})
            try:
                raise ValueError(f"{own} {token}")
            except ValueError:
                logging.getLogger("agent").exception("failed")
            await ctx.think(f"{own} {token}")
            if number % 20 == 0:
                with pytest.raises(StepFailed, match="no entry"):
                    await ctx.step("fail", fail, f"{own}: no entry {token}")
        assert ctx.env["TOKEN"] == token
        return digest(token)

    async def fail(words: str) -> None:
        raise Conflict(words)

    async with open_agents(database, tmp_path, [chatter], vault=vault) as world:
        for user_id, mark in marks.items():
            await vault.put(user_id, "TOKEN", mark)
        async with world.worker():
            runs = [(user_id, await world.start(user_id, "chatter")) for _ in range(RUNS) for user_id in marks]
            async with asyncio.timeout(100):
                ended = [(user_id, await world.finished(user_id, run)) for user_id, run in runs]
            sinks = [
                (user_id, item.wire.decode(), item.data) for user_id, run in runs for item in await world.log(user_id, run)
            ]
    assert [info.result for _, info in ended] == [digest(marks[user_id]) for user_id, _ in ended]
    other = {alice: "of-bob", bob: "of-alice"}
    for user_id, wire, _ in sinks:
        assert other[user_id] not in wire
        assert not any(mark in wire for mark in marks.values())
    for user_id, own in names.items():
        text = "".join(data.text for whose, _, data in sinks if whose == user_id and isinstance(data, MessageDelta))
        assert text == f"{own} {'•' * 32}; " * ROUNDS * RUNS
    lines = log.getvalue().splitlines()
    assert not any(mark in log.getvalue() for mark in marks.values())
    assert sum("•" in json.loads(line).__repr__() for line in lines) >= 3 * 2 * ROUNDS * RUNS


async def test_a_line_that_belongs_to_no_task_of_the_run_is_masked_while_it_lives(
    database: Database, vault: Vault, alice: UserId, tmp_path: Path, log: StringIO
) -> None:
    mark = secrets.token_hex(16)

    @agent("careless")
    async def careless(ctx: Context) -> None:
        token = ctx.env["TOKEN"]

        def log_it() -> None:
            logging.getLogger("agent").warning("in a bare thread: %s", token)

        thread = threading.Thread(target=log_it)  # it begins with an empty context
        thread.start()
        await asyncio.to_thread(thread.join, 20)
        asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError(token)})

    async with open_agents(database, tmp_path, [careless], vault=vault) as world:
        await vault.put(alice, "TOKEN", mark)
        async with world.worker():
            await world.finished(alice, await world.start(alice, "careless"))
    assert "in a bare thread" in log.getvalue() and "lost" in log.getvalue()
    assert mark not in log.getvalue()


async def test_a_subprocess_sees_its_users_secrets_and_nothing_of_the_server_or_of_others(
    database: Database, vault: Vault, alice: UserId, bob: UserId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRA_SECRET_KEYS", "key=of the server")

    @agent("program")
    async def program(ctx: Context) -> dict[str, Any]:
        async def run() -> dict[str, str]:
            code = "import os, json; print(json.dumps(dict(os.environ)))"
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, env=for_subprocess(dict(ctx.env)), stdout=asyncio.subprocess.PIPE
            )
            found: dict[str, str] = json.loads((await process.communicate())[0])
            assert found["TOKEN"] == ctx.env["TOKEN"]
            return {name: value for name, value in found.items() if name in ("TOKEN", "BOBS") or "NETRA" in name}

        return dict(await ctx.step("run", run))

    async with open_agents(database, tmp_path, [program], vault=vault) as world:
        await vault.put(alice, "TOKEN", "a value of alice")
        await vault.put(bob, "TOKEN", "a value of bob")
        await vault.put(bob, "BOBS", "another of bob's")
        async with world.worker():
            result = (await world.finished(alice, await world.start(alice, "program"))).result
    assert result == {"TOKEN": "•" * len("a value of alice")}


async def test_secrets_stand_before_the_operators_variables_and_called_agents_share_them(
    database: Database, vault: Vault, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    @agent("inner")
    async def inner(ctx: Context) -> list[str]:
        return [digest(ctx.env[name]) for name in ("REGION", "TOKEN") if name in ctx.env]

    @agent("outer")
    async def outer(ctx: Context) -> list[str]:
        return list(await ctx.call_agent(inner))

    variables = {user_id: {"REGION": "eu", "TOKEN": "the operator's"} for user_id in (alice, bob)}
    async with open_agents(database, tmp_path, [inner, outer], variables, vault=vault) as world:
        await vault.put(alice, "TOKEN", "a value of alice")
        async with world.worker():
            for user_id, token in ((alice, "a value of alice"), (bob, "the operator's")):
                result = (await world.finished(user_id, await world.start(user_id, "outer"))).result
                assert result == [digest("eu"), digest(token)]


async def test_a_run_fails_by_name_when_a_secret_of_its_user_cannot_be_opened(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    @agent("work")
    async def work(ctx: Context) -> str:
        await ctx.think("begun")
        return "done"

    earlier = Vault(database, SealingKeys({"gone": secrets.token_bytes(32)}))
    await earlier.put(alice, "TOKEN", "a value of alice")
    later = Vault(database, SealingKeys({"key": secrets.token_bytes(32)}))
    async with open_agents(database, tmp_path, [work], vault=later) as world, world.worker():
        accepted = await world.start(alice, "work")
        await world.finished(alice, accepted)
        *_, last = await world.events(alice, accepted)
        assert isinstance(last, AgentFailed)
        assert last.code == "secret_unreadable" and "TOKEN" in last.message
        assert "agent_thinking" not in await world.types(alice, accepted)
        assert (await world.finished(bob, await world.start(bob, "work"))).result == "done"
