"""Counts of what signs in."""

import asyncio

import pytest

from netra.auth.census import KEPT, SignInCounts
from netra.auth.sign_in import SignIn
from netra.db.database import Database
from netra.testing.clock import ManualClock
from tests.fixtures.sign_in import PASSWORD, count_transactions, register


async def test_counts_count_what_is_alive(sign_in: SignIn, clock: ManualClock) -> None:
    _, carol = await register(sign_in)
    pair, _ = await sign_in.log_in(carol.email, PASSWORD, "192.0.2.7")
    await sign_in.register("dave@example.com", PASSWORD)
    _, record = await sign_in.api_keys.create(carol.user_id, "laptop")
    assert await sign_in.census.counts() == SignInCounts(accounts=2, sessions=3, api_keys=1)
    await sign_in.log_out(await sign_in.identities.authenticate(pair.access_token))
    await sign_in.api_keys.revoke(carol.user_id, record.id)
    await sign_in.accounts.disable("dave@example.com")
    clock.advance(KEPT)
    assert await sign_in.census.counts() == SignInCounts(accounts=1, sessions=1, api_keys=0)


async def test_however_many_ask_it_counts_once_in_five_seconds(
    sign_in: SignIn, clock: ManualClock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions = count_transactions(database, monkeypatch)
    async with asyncio.timeout(10):
        await asyncio.gather(*(sign_in.census.counts() for _ in range(50)))
        clock.advance(KEPT - 0.1)
        await sign_in.census.counts()
    assert len(transactions) == 1
    clock.advance(0.1)
    await sign_in.census.counts()
    assert len(transactions) == 2
