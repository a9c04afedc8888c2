import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netra.auth.identity import Identity, Standing
from netra.auth.sign_in import SignIn
from netra.clock import SystemClock
from netra.db.database import Database
from netra.events.codec import Event
from netra.gateway.limits import TooManyConnections, TooManyMessages
from netra.gateway.presence import GoingAway, Presence
from netra.ids import ThreadId, UserId, new_uuid
from tests.fixtures.sign_in import fetch, register
from tests.fixtures.world import PATIENCE, eventually


class Visitor:
    """A connection that remembers what it was told."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.told: list[str] = []
        self.standing: Standing | None = None
        self._changed = asyncio.Event()

    def access_ended(self) -> None:
        self.note("ended")

    def access_is(self, standing: Standing) -> None:
        self.standing = standing
        self.note("is")

    def going_away(self) -> None:
        self.note("going away")

    def note(self, what: str) -> None:
        self.told.append(what)
        self._changed.set()

    async def until(self, what: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while what not in self.told:
                self._changed.clear()
                await self._changed.wait()


async def visitor(sign_in: SignIn, email: str = "carol@example.com") -> Visitor:
    pair, _ = await register(sign_in, email)
    return Visitor(await sign_in.identities.authenticate(pair.access_token))


@asynccontextmanager
async def presence(sign_in: SignIn, **options: Any) -> AsyncIterator[Presence]:
    async with Presence.open(sign_in.identities, SystemClock(), **{"check_interval": 1000, **options}) as presence:
        yield presence


async def test_whoever_comes_is_counted_until_they_leave(sign_in: SignIn) -> None:
    carol, dave = await visitor(sign_in), await visitor(sign_in, "dave@example.com")
    async with presence(sign_in) as here:
        here.enter(carol, over_socket=True)
        here.enter(dave, over_socket=False)
        assert (here.sockets, here.users, here.tally.opened) == (1, 2, 1)
        here.leave(carol, 1000)
        here.leave(dave, None)
        assert (here.sockets, here.users, here.tally.opened) == (0, 0, 1)
        assert here.tally.closes == {"1000": 1}


async def test_a_user_has_a_number_of_connections_and_a_neighbour_their_own(sign_in: SignIn) -> None:
    carol, dave = await visitor(sign_in), await visitor(sign_in, "dave@example.com")
    async with presence(sign_in, per_user=2) as here:
        here.enter(carol, over_socket=True)
        here.enter(Visitor(carol.identity), over_socket=False)
        with pytest.raises(TooManyConnections):
            here.enter(Visitor(carol.identity), over_socket=True)
        here.enter(dave, over_socket=True)
        here.leave(carol, 1000)
        here.enter(carol, over_socket=True)


async def test_messages_are_counted_over_all_connections_of_a_user(sign_in: SignIn) -> None:
    carol, dave = await visitor(sign_in), await visitor(sign_in, "dave@example.com")
    async with presence(sign_in, message_rate=0.001, message_burst=2) as here:
        here.enter(carol, over_socket=True)
        here.heard(carol.identity.user_id)
        here.heard(carol.identity.user_id)
        with pytest.raises(TooManyMessages) as refused:
            here.heard(carol.identity.user_id)
        assert refused.value.retry_after > 1
        # To leave and come back is not to begin anew.
        here.leave(carol, 1000)
        here.enter(carol, over_socket=True)
        with pytest.raises(TooManyMessages):
            here.heard(carol.identity.user_id)
        here.heard(dave.identity.user_id)


async def test_a_hint_has_one_user_checked_at_once(sign_in: SignIn) -> None:
    carol, dave = await visitor(sign_in), await visitor(sign_in, "dave@example.com")
    async with presence(sign_in) as here:
        here.enter(carol, over_socket=True)
        here.enter(dave, over_socket=True)
        await sign_in.log_out(carol.identity)
        here.access_changed(carol.identity.user_id)
        await carol.until("ended")
        assert dave.told == []


async def test_without_a_hint_everybody_is_checked_now_and_then(sign_in: SignIn, database: Database) -> None:
    carol, dave = await visitor(sign_in), await visitor(sign_in, "dave@example.com")
    async with presence(sign_in, check_interval=0.05) as here:
        here.enter(carol, over_socket=True)
        here.enter(dave, over_socket=True)
        await fetch(database, "UPDATE session SET revoked_at = now() WHERE user_id = %s", carol.identity.user_id)
        await fetch(database, "UPDATE account SET plan = 'pro' WHERE id = %s", dave.identity.user_id)
        await carol.until("ended")
        await eventually(lambda: dave.standing is not None and dave.standing.plan == "pro")


async def test_a_connection_that_was_refreshed_while_it_was_checked_stays(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = await visitor(sign_in)
    pair, _ = await sign_in.log_in("carol@example.com", "a-long-enough-secret", "127.0.0.1")
    fresh = await sign_in.identities.authenticate(pair.access_token)
    await sign_in.log_out(carol.identity)
    ask = type(sign_in.identities).recheck

    async def ask_while_it_refreshes(*arguments: Any) -> Any:
        answer = await ask(*arguments)
        carol.identity = fresh
        return answer

    monkeypatch.setattr(type(sign_in.identities), "recheck", ask_while_it_refreshes)
    async with presence(sign_in) as here:
        here.enter(carol, over_socket=True)
        await here._check([carol])
        assert carol.told == []


async def test_who_stops_is_told_to_everybody_and_nobody_is_admitted_any_more(sign_in: SignIn) -> None:
    carol = await visitor(sign_in)
    async with presence(sign_in) as here:
        here.enter(carol, over_socket=True)
        draining = asyncio.create_task(here.drain(PATIENCE))
        await carol.until("going away")
        with pytest.raises(GoingAway):
            here.enter(Visitor(carol.identity), over_socket=True)
        assert not draining.done()
        here.leave(carol, 1001)
        async with asyncio.timeout(PATIENCE):
            await draining


async def test_a_connection_that_does_not_go_does_not_hold_up_the_stop(sign_in: SignIn) -> None:
    carol = await visitor(sign_in)
    async with presence(sign_in) as here:
        here.enter(carol, over_socket=True)
        async with asyncio.timeout(PATIENCE):
            await here.drain(0.05)


async def test_users_who_left_are_forgotten_once_their_silence_has_filled_their_bucket(sign_in: SignIn) -> None:
    carol = await visitor(sign_in)
    async with presence(sign_in, check_interval=0.02, message_rate=20, message_burst=1) as here:
        here.enter(carol, over_socket=True)
        here.heard(carol.identity.user_id)
        here.leave(carol, 1000)
        assert len(here._visitors) == 1
        await eventually(lambda: not here._visitors)


async def test_the_lag_of_delivery_is_sampled(sign_in: SignIn) -> None:
    async with presence(sign_in) as here:
        observed: list[float] = []
        here.observe_lag = observed.append
        made = datetime.now(UTC) - timedelta(seconds=2)
        event = Event(UserId(new_uuid()), ThreadId(new_uuid()), 1, "agent_thinking", None, made, b"{}")
        for _ in range(33):
            here.delivered(event)
        assert here.tally.delivered == 33
        assert len(here.tally.lags) == len(observed) == 3
        assert min(observed) >= 2
