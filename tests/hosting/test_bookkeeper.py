"""What LangChain tells of the requests of a graph is noted as rows, from whichever thread, and each has its end."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from langchain_core.messages import AIMessage

from netra.agents.context import Context
from netra.db.database import Database
from netra.hosting.bookkeeper import Bookkeeper
from netra.hosting.requests import ModelRequests
from netra.ids import UserId
from netra.models.calls import CallTally
from tests.models.talk import recorded

FACTS = {"ls_provider": "openai", "ls_model_name": "gpt-4o"}


class Refused(Exception):
    """As clients of models tell of an HTTP status."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def requests_of(database: Database, user_id: UserId) -> ModelRequests:
    """Those of a run, of which nothing else is there."""
    ctx = SimpleNamespace(
        db=database.for_user(user_id), user=SimpleNamespace(id=user_id), run_id=uuid4(), asks_a_model=CallTally
    )
    return ModelRequests(cast(Context, ctx), "helper")


def answer(**usage: Any) -> Any:
    return SimpleNamespace(generations=[[SimpleNamespace(message=AIMessage("yes", usage_metadata=usage or None))]])


def begun(keeper: Bookkeeper) -> UUID:
    run_id = uuid4()
    keeper.on_chat_model_start({}, [], run_id=run_id, metadata=FACTS)
    return run_id


async def test_an_answer_is_written_with_its_tokens_and_price_though_it_came_on_another_thread(
    database: Database, alice: UserId, bob: UserId
) -> None:
    requests = requests_of(database, alice)
    keeper = Bookkeeper(requests, own_key=False)

    def ask() -> None:
        usage = {"input_tokens": 1000, "output_tokens": 20, "total_tokens": 1020, "input_token_details": {"cache_read": 400}}
        keeper.on_llm_end(answer(**usage), run_id=begun(keeper))

    await asyncio.to_thread(ask)
    await requests.settled()
    assert await recorded(database, alice) == [("model", "ok", 1000, 20, 400, 0.0022)]
    assert await recorded(database, bob) == []


@pytest.mark.parametrize(
    ("error", "row"),
    [
        (Refused(429), ("model", "rate_limited", 0, 0, 0, 0.0)),
        (Refused(503), ("model", "unavailable", None, None, None, None)),
        (TimeoutError(), ("model", "timed_out", None, None, None, None)),
        (ConnectionResetError(), ("model", "unreachable", None, None, None, None)),
        (ValueError("hunter2"), ("model", "failed", None, None, None, None)),
        (asyncio.CancelledError(), ("model", "cancelled", None, None, None, None)),
    ],
)
async def test_an_error_is_the_end_of_its_request(database: Database, alice: UserId, error: BaseException, row: Any) -> None:
    requests = requests_of(database, alice)
    keeper = Bookkeeper(requests, own_key=False)
    keeper.on_llm_error(error, run_id=begun(keeper))
    await requests.settled()
    assert await recorded(database, alice) == [row]


async def test_what_nobody_counted_is_unknown_and_what_came_out_of_a_cache_is_nothing(
    database: Database, alice: UserId
) -> None:
    requests = requests_of(database, alice)
    keeper = Bookkeeper(requests, own_key=False)
    keeper.on_llm_end(answer(), run_id=begun(keeper))
    await requests.settled()
    usage = {"input_tokens": 1000, "output_tokens": 20, "total_tokens": 1020, "total_cost": 0}
    keeper.on_llm_end(answer(**usage), run_id=begun(keeper))
    await requests.settled()
    assert await recorded(database, alice) == [("model", "ok", None, None, None, None), ("model", "ok", 0, 0, 0, 0.0)]


async def test_requests_that_go_on_are_not_waited_for_and_are_cancelled_with_the_run(database: Database, alice: UserId) -> None:
    requests = requests_of(database, alice)
    keeper = Bookkeeper(requests, own_key=False)
    run_id = begun(keeper)
    async with asyncio.timeout(20):
        await requests.settled()
        await requests.close()
    keeper.on_llm_end(answer(), run_id=run_id)  # too late, and of no matter
    await requests.settled()
    assert await recorded(database, alice) == [("model", "cancelled", None, None, None, None)]
