"""WebSocket tickets: one use, thirty seconds, one session."""

import asyncio

import pytest

from netra.auth.identity import Identity
from netra.auth.sign_in import SessionRequired, SignIn
from netra.db.database import Database
from netra.errors import Unauthenticated
from netra.ids import UserId
from netra.testing.clock import ManualClock
from tests.fixtures.sign_in import fetch, register


async def signed_in(sign_in: SignIn) -> Identity:
    pair, _ = await register(sign_in)
    return await sign_in.identities.authenticate(pair.access_token)


async def test_a_ticket_stands_for_the_session_that_bought_it_once(sign_in: SignIn, clock: ManualClock) -> None:
    identity = await signed_in(sign_in)
    ticket = await sign_in.issue_ticket(identity)
    redeemed = await sign_in.identities.redeem(ticket)
    assert (redeemed.user_id, redeemed.session_id, redeemed.via) == (identity.user_id, identity.session_id, "ticket")
    assert redeemed.expires_at is not None
    assert (redeemed.expires_at - clock.now()).total_seconds() == 900
    with pytest.raises(Unauthenticated):
        await sign_in.identities.redeem(ticket)


async def test_of_thirty_simultaneous_uses_of_a_ticket_one_succeeds(sign_in: SignIn) -> None:
    ticket = await sign_in.issue_ticket(await signed_in(sign_in))

    async def use() -> bool:
        try:
            await sign_in.identities.redeem(ticket)
        except Unauthenticated:
            return False
        return True

    async with asyncio.timeout(30):
        assert (await asyncio.gather(*(use() for _ in range(30)))).count(True) == 1


async def test_a_ticket_is_good_for_thirty_seconds(sign_in: SignIn, database: Database) -> None:
    ticket = await sign_in.issue_ticket(await signed_in(sign_in))
    assert await fetch(
        database, "SELECT expires_at BETWEEN now() + interval '25 seconds' AND now() + interval '30 seconds' FROM ticket"
    ) == [(True,)]
    await fetch(database, "UPDATE ticket SET expires_at = now() - interval '1 second'")
    with pytest.raises(Unauthenticated):
        await sign_in.identities.redeem(ticket)


async def test_a_ticket_does_not_outlive_its_session(sign_in: SignIn) -> None:
    identity = await signed_in(sign_in)
    ticket = await sign_in.issue_ticket(identity)
    await sign_in.log_out(identity)
    with pytest.raises(Unauthenticated):
        await sign_in.identities.redeem(ticket)


async def test_an_api_key_buys_no_ticket(sign_in: SignIn, alice: UserId) -> None:
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    with pytest.raises(SessionRequired):
        await sign_in.issue_ticket(await sign_in.identities.authenticate(key))


async def test_a_ticket_is_no_bearer_token_and_a_token_is_no_ticket(sign_in: SignIn, database: Database) -> None:
    pair, _ = await register(sign_in)
    ticket = await sign_in.issue_ticket(await sign_in.identities.authenticate(pair.access_token))
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(ticket)
    for text in (pair.access_token, pair.refresh_token, "", "ticket_" + "A" * 43):
        with pytest.raises(Unauthenticated):
            await sign_in.identities.redeem(text)
    ((stored,),) = await fetch(database, "SELECT ticket::text FROM ticket")
    assert ticket not in stored


async def test_a_sweep_removes_tickets_that_nobody_used_in_time(sign_in: SignIn, database: Database) -> None:
    identity = await signed_in(sign_in)
    await sign_in.issue_ticket(identity)
    await fetch(database, "UPDATE ticket SET expires_at = now() - interval '1 second'")
    fresh = await sign_in.issue_ticket(identity)
    assert await sign_in.tickets.sweep() == 1
    await sign_in.identities.redeem(fresh)
