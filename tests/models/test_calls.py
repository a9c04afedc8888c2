"""A request is noted before it is sent, ends once, and is nobody else's."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.ids import RunId, UserId, new_uuid
from netra.models import calls
from netra.models.calls import BegunCall, CallStatus, CallTally, EndedCall
from netra.streams.streams import Streams
from tests.models.talk import recorded


def begun(user_id: UserId) -> BegunCall:
    return BegunCall(user_id, new_uuid(), RunId(new_uuid()), "agent", "tell", "openai:gpt-4o", own_key=False)


def ended(user_id: UserId, call_id: UUID, status: CallStatus = CallStatus.OK) -> EndedCall:
    return EndedCall(user_id, call_id, status, 12.5, 100, 20, 40, Decimal("0.0005"))


async def test_a_request_that_never_ended_is_known_to_have_begun(database: Database, alice: UserId, bob: UserId) -> None:
    await calls.begin(database.for_user(alice), begun(alice))
    assert await recorded(database, alice) == [("tell", None, None, None, None, None)]
    assert await recorded(database, bob) == []


async def test_a_request_ends_once_and_only_for_whom_it_is(database: Database, alice: UserId, bob: UserId) -> None:
    call = begun(alice)
    await calls.begin(database.for_user(alice), call)
    async with Streams.open(database, SystemClock()) as streams:
        async with streams.transaction(bob) as transaction:
            await calls.end(transaction, [ended(alice, call.id)])
        assert await recorded(database, alice) == [("tell", None, None, None, None, None)]
        for status in (CallStatus.OK, CallStatus.CUT_OFF):
            async with streams.transaction(alice) as transaction:
                await calls.end(transaction, [ended(alice, call.id, status)])
    assert await recorded(database, alice) == [("tell", "ok", 100, 20, 40, 0.0005)]


async def test_a_request_that_was_cut_off_keeps_its_end_even_where_its_run_is_cancelled_once_more(
    database: Database, alice: UserId
) -> None:
    call, begin = begun(alice), asyncio.Event()
    await calls.begin(database.for_user(alice), call)

    async def ask() -> None:
        try:
            begin.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            asyncio.get_running_loop().call_soon(task.cancel)
            await calls.end_anyway(database.for_user(alice), EndedCall(alice, call.id, calls.broken_off(error), 12.5))
            raise

    task = asyncio.create_task(ask())
    await begin.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await recorded(database, alice) == [("tell", "cancelled", None, None, None, None)]


def test_a_tally_counts_so_many_models_by_name_and_the_rest_together(alice: UserId) -> None:
    tally = CallTally()
    for number in range(calls.MODELS_COUNTED + 2):
        tally.note(f"their:{number}", EndedCall(alice, new_uuid(), CallStatus.FAILED, 1.0))
    tally.note("their:0", EndedCall(alice, new_uuid(), CallStatus.FAILED, 1.0))
    assert len(tally.calls) == calls.MODELS_COUNTED + 1
    assert (tally.calls["other", "failed"], tally.calls["their:0", "failed"]) == (2, 2)


def test_a_tally_names_models_and_never_users(alice: UserId) -> None:
    tally = CallTally()
    tally.note("openai:gpt-4o", ended(alice, new_uuid()))
    tally.note("openai:gpt-4o", EndedCall(alice, new_uuid(), CallStatus.TIMED_OUT, 500.0))
    assert tally.calls == {("openai:gpt-4o", "ok"): 1, ("openai:gpt-4o", "timed_out"): 1}
    assert tally.tokens == {("openai:gpt-4o", "input"): 100, ("openai:gpt-4o", "output"): 20, ("openai:gpt-4o", "cached"): 40}
    assert list(tally.latencies) == [0.0125, 0.5]
