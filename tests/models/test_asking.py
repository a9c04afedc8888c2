"""Whatever a model's server does, the run ends well, says what it would have said, and shows nobody's key."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelAPIError, ModelConnectionError, ModelHTTPError, UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo, FunctionModel

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.db.database import Database
from netra.events.codec import encode
from netra.events.model import AgentCompleted, MessageDelta
from netra.ids import UserId
from netra.models.asking import status_of, storable
from netra.models.calls import CallStatus
from netra.models.language_model import LanguageModel
from netra.vault.sealing import SealingKeys
from netra.vault.vault import Vault
from tests.agents.surroundings import open_agents
from tests.fixtures.model_server import model_server
from tests.models.talk import FACTS, HastyClock, recorded, served_by
from tests.models.test_conversation import Wish

OPERATORS = "sk-operator-0123456789abcdef"
OWN = "sk-alices-own-fedcba9876543210"


@agent("both")
async def both(ctx: Context) -> dict[str, Any]:
    """Ask once for a value and once, as it comes, for a text."""
    reading = await ctx.model.read("understand", "spend less", Wish, "What do they want?")
    prose = await ctx.model.write("tell", FACTS, "It cost $34.50.", "Say what they cost.")
    return {
        "value": None if reading.value is None else reading.value.goal,
        "text": prose.text,
        "notes": [note.code for note in (*reading.notes, *prose.notes)],
    }


async def ask(
    database: Database, folder: Path, user_id: UserId, script: list[Any], *, time_limit: float = 20.0
) -> tuple[Any, list[Any], HastyClock]:
    clock = HastyClock()
    async with model_server(*script) as server:
        model = served_by(server, key=OPERATORS, repetitions=1, clock=clock, time_limit=time_limit)
        async with open_agents(database, folder, [both], model=model) as world, world.worker():
            accepted = await world.start(user_id, "both")
            info = await world.finished(user_id, accepted)
            log = await world.log(user_id, accepted)
        assert info.state == "completed", info.error
        assert all(request.headers["authorization"] == f"Bearer {OPERATORS}" for request in server.seen)
    assert OPERATORS not in b"".join(event.wire for event in log).decode()
    return info.result, log, clock


FELL_BACK = {"value": None, "text": "It cost $34.50."}


@pytest.mark.parametrize(
    ("script", "statuses", "notes"),
    [
        (["nonsense"], ["invalid"] * 4, ["model_invalid"] * 2),
        (["page"], ["invalid"] * 4, ["model_invalid"] * 2),
        (["empty"], ["invalid"] * 4, ["model_invalid"] * 2),
        (["cut"], ["cut_off", "cut_off", "cut_off"], ["model_cut_off"] * 2),
        (["long"], ["cut_off"] * 4, ["model_cut_off"] * 2),
        (["busy"], ["rate_limited"] * 4, ["model_rate_limited"] * 2),
        (["busy for hours"], ["rate_limited"] * 2, ["model_rate_limited"] * 2),
        (["ill"], ["unavailable"] * 4, ["model_unavailable"] * 2),
        (["filtered"], ["declined"] * 2, ["model_declined"] * 2),
        (["refusal"], ["declined"] * 2, ["model_declined"] * 2),
        (["locked"], ["rejected"], ["model_rejected", "model_unreachable"]),
    ],
    ids=lambda value: str(value[0]),
)
async def test_a_server_that_misbehaves_ends_no_run(
    database: Database,
    alice: UserId,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    script: list[Any],
    statuses: list[str],
    notes: list[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        result, _, _ = await ask(database, tmp_path, alice, script)
    assert result == {**FELL_BACK, "notes": notes}
    found = await recorded(database, alice)
    assert [row[1] for row in found] == statuses
    assert all(row[5] is None or row[5] > 0 or row[1] in ("rate_limited", "rejected") for row in found)
    assert OPERATORS not in caplog.text


async def test_a_server_that_does_not_answer_is_waited_for_once_in_a_run(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    result, _, clock = await ask(database, tmp_path, alice, ["hang"], time_limit=0.3)
    assert result == {**FELL_BACK, "notes": ["model_timed_out", "model_unreachable"]}
    assert await recorded(database, alice) == [("understand", "timed_out", None, None, None, None)]
    assert clock.waits == []


async def test_a_stream_that_falls_silent_after_a_sentence_is_waited_for_no_longer_than_it_may_take(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    script = [{"tool": "final_result", "arguments": {"goal": "less"}}, "stall"]
    result, log, _ = await ask(database, tmp_path, alice, script, time_limit=3)
    assert result == {"value": "less", "text": "It cost $34.50.", "notes": ["model_timed_out"]}
    told = [event.data for event in log if isinstance(event.data, MessageDelta)]
    assert "".join(event.text for event in told) == "It was cut off. It cost $34.50."
    assert [row[1] for row in await recorded(database, alice)] == ["ok", "timed_out"]


async def test_what_passes_is_tried_again_after_the_wait_that_was_asked_for(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    text = "They cost $34.50."
    script = ["busy", {"tool": "final_result", "arguments": {"goal": "less"}}, "ill", text]
    result, log, clock = await ask(database, tmp_path, alice, script)
    assert result == {"value": "less", "text": text, "notes": []}
    assert clock.waits == [0.0, 0.5]
    assert await recorded(database, alice) == [
        ("understand", "rate_limited", 0, 0, 0, 0.0),
        ("understand", "ok", 100, 20, 40, 0.0004),
        ("tell", "unavailable", None, None, None, None),
        ("tell", "ok", 100, 20, 40, 0.0004),
    ]
    ended = log[-1].data
    assert isinstance(ended, AgentCompleted)
    # One of the four has a price that nobody knows, and so has their sum.
    assert (ended.usage.input_tokens, ended.usage.output_tokens, ended.usage.cost_usd) == (200, 40, None)


async def test_a_stream_that_breaks_off_after_a_sentence_is_followed_by_the_whole_text_of_ours(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    result, log, _ = await ask(database, tmp_path, alice, [{"tool": "final_result", "arguments": {"goal": "less"}}, "end"])
    assert result == {"value": "less", "text": "It cost $34.50.", "notes": ["model_cut_off"]}
    told = [event.data for event in log if isinstance(event.data, MessageDelta)]
    assert "".join(event.text for event in told).endswith("It cost $34.50.")
    assert told[0].message_id != told[-1].message_id
    assert [row[1] for row in await recorded(database, alice)] == ["ok", "cut_off"]


async def test_a_user_with_a_key_of_their_own_asks_with_it_and_it_shows_nowhere(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault(database, SealingKeys.read({"k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}))
    await vault.put(alice, "MODEL_KEY", OWN)
    script = [f"The key {OWN} and {OPERATORS} cost $34.50.", "ill"]
    async with model_server(*script) as server:
        model = served_by(server, key=OPERATORS, repetitions=0, clock=HastyClock())

        @agent("teller")
        async def teller(ctx: Context) -> str:
            return (await ctx.model.write("tell", FACTS, "-", "Say what they cost.")).text

        written = b""
        with caplog.at_level(logging.DEBUG):
            variables = {bob: {"MODEL_KEY": "a variable of the operator's, which is no key of his"}}
            async with open_agents(database, tmp_path, [teller], variables, vault, model=model) as world, world.worker():
                for user_id in (alice, bob, alice):
                    accepted = await world.start(user_id, "teller")
                    info = await world.finished(user_id, accepted)
                    assert info.state == "completed"
                    written += encode(info.result) + b"".join(event.wire for event in await world.log(user_id, accepted))
        keys = [request.headers["authorization"].removeprefix("Bearer ") for request in server.seen]
    assert keys == [OWN, OPERATORS, OWN]
    for key in (OWN, OPERATORS):
        assert key.encode() not in written
        assert key not in caplog.text
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT user_id, own_key FROM model_call ORDER BY at")
        assert await cursor.fetchall() == [(alice, True), (bob, False), (alice, True)]


async def test_a_request_says_that_its_run_was_cancelled(database: Database, alice: UserId, tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def never(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        asked.set()
        await asyncio.Event().wait()
        yield "too late"

    model = LanguageModel("openai:gpt-4o", lambda _: nullcontext(FunctionModel(stream_function=never)))

    @agent("teller")
    async def teller(ctx: Context) -> str:
        return (await ctx.model.write("tell", FACTS, "-", "Say what they cost.")).text

    async with open_agents(database, tmp_path, [teller], model=model) as world, world.worker():
        accepted = await world.start(alice, "teller")
        async with asyncio.timeout(30):
            await asked.wait()
        await world.runs.cancel(alice, accepted.run_id)
        assert (await world.finished(alice, accepted)).state == "cancelled"
    assert await recorded(database, alice) == [("tell", "cancelled", None, None, None, None)]
    assert model.tally.calls == {("openai:gpt-4o", "cancelled"): 1}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelHTTPError(429, "m"), CallStatus.RATE_LIMITED),
        (ModelHTTPError(503, "m"), CallStatus.UNAVAILABLE),
        (ModelHTTPError(400, "m"), CallStatus.REJECTED),
        (ModelConnectionError("m", "gone", phase="connect"), CallStatus.UNREACHABLE),
        (ModelConnectionError("m", "gone", phase="read"), CallStatus.CUT_OFF),
        (ModelAPIError("m", "no JSON"), CallStatus.INVALID),
        (UnexpectedModelBehavior("odd"), CallStatus.INVALID),
        (ValueError("odd"), CallStatus.INVALID),
    ],
)
def test_each_failure_has_its_name(error: Exception, status: CallStatus) -> None:
    assert status_of(error) is status


def test_a_models_text_is_made_fit_to_be_kept() -> None:
    assert storable("a\0b\ud800c") == "a\ufffdb?c"
