"""What was used is read for one user, or for everybody by whoever is given the system's scope."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from netra.db.database import Database
from netra.ids import UserId, new_uuid
from netra.models import usage
from netra.models.usage import Period, RecordedUsage


async def used(database: Database, user_id: UserId, day: int, cost: str | None, tokens: int | None = 10) -> UUID:
    call_id = new_uuid()
    async with database.for_user(user_id).transaction() as connection:
        await connection.execute(
            "INSERT INTO model_call (user_id, id, run_id, agent, purpose, model, own_key, at, status, latency_ms, "
            "input_tokens, output_tokens, cached_tokens, cost_usd) "
            "VALUES (%s, %s, %s, 'team', 'tell', 'openai:gpt-4o', false, %s, 'ok', 5, %s, 2, 1, %s)",
            [user_id, call_id, new_uuid(), datetime(2026, 6, day, tzinfo=UTC), tokens, cost],
        )
    return call_id


def own(database: Database, user_id: UserId, period: Period | None = None) -> RecordedUsage:
    return RecordedUsage(database.for_user(user_id), user_id, period or Period())


async def test_each_sees_what_they_used_and_the_system_sees_all(database: Database, alice: UserId, bob: UserId) -> None:
    hers = [await used(database, alice, day, "0.5") for day in (1, 2, 3)]
    await used(database, bob, 2, "7")
    usage = own(database, alice)
    first = await usage.page(None, 2)
    rest = await usage.page((first[-1].at, first[-1].id), 2)
    assert [call.id for call in [*first, *rest]] == hers[::-1]
    (summed,) = await usage.sums()
    assert (summed.calls, summed.cost_usd, summed.users, summed.runs) == (3, Decimal("1.5"), 1, 3)
    (everybody,) = await RecordedUsage(database.system(), None, Period()).sums()
    assert (everybody.calls, everybody.cost_usd, everybody.users) == (4, Decimal("8.5"), 2)
    # Whoever is named, row-level security decides.
    assert await RecordedUsage(database.for_user(bob), alice, Period()).page(None, 9) == []


async def test_an_unknown_price_is_no_zero(database: Database, alice: UserId) -> None:
    await used(database, alice, 1, None)
    (summed,) = await own(database, alice).sums()
    assert (summed.cost_usd, summed.unpriced) == (None, 1)
    await used(database, alice, 2, "0.25")
    (summed,) = await own(database, alice).sums()
    assert (summed.cost_usd, summed.unpriced) == (Decimal("0.25"), 1)


async def test_a_span_holds_its_beginning_and_not_its_end(database: Database, alice: UserId) -> None:
    for day in (1, 2, 3):
        await used(database, alice, day, "1")
    period = Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC))
    assert len(await own(database, alice, period).page(None, 9)) == 2


async def test_an_export_has_every_call_whose_tokens_are_known_in_order(database: Database, alice: UserId) -> None:
    for day in (3, 1, 2):
        await used(database, alice, day, "1", tokens=day)
    await used(database, alice, 4, None, tokens=None)
    lines = [json.loads(line) async for line in own(database, alice).lines()]
    assert [line["input_tokens"] for line in lines] == [1, 2, 3]
    assert lines[0].keys() == usage.COLUMNS.keys()
    assert (lines[0]["user"], lines[0]["feature"], lines[0]["cost_usd"]) == (str(alice), "team", 1.0)
