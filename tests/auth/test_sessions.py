"""Refresh tokens are good for one use, and a second use ends everything that came from that sign-in."""

import asyncio

import pytest

from netra.auth.sessions import InvalidRefreshToken, Renewal
from netra.auth.sign_in import SignIn
from netra.db.database import Database
from netra.errors import Unauthenticated
from netra.ids import SessionId, UserId, new_uuid
from tests.fixtures.sign_in import PASSWORD, Heard, fetch, register

ADDRESS = "192.0.2.7"


async def alive(sign_in: SignIn, access_token: str) -> bool:
    try:
        await sign_in.identities.authenticate(access_token)
    except Unauthenticated:
        return False
    return True


async def session_of(database: Database) -> SessionId:
    ((session_id,),) = await fetch(database, "SELECT id FROM session")
    return SessionId(session_id)


async def test_a_refresh_gives_a_new_pair_of_the_same_session(sign_in: SignIn, database: Database) -> None:
    first, profile = await register(sign_in)
    second = await sign_in.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    identity = await sign_in.identities.authenticate(second.access_token)
    assert (identity.user_id, identity.session_id) == (profile.user_id, await session_of(database))
    third = await sign_in.refresh(second.refresh_token)
    assert await alive(sign_in, third.access_token)


async def test_a_second_use_ends_the_whole_family_and_no_other(sign_in: SignIn, database: Database, heard: Heard) -> None:
    first, profile = await register(sign_in)
    elsewhere, _ = await sign_in.log_in(profile.email, PASSWORD, ADDRESS)
    second = await sign_in.refresh(first.refresh_token)
    third = await sign_in.refresh(second.refresh_token)
    stolen = (await sign_in.identities.authenticate(third.access_token)).session_id
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(first.refresh_token)
    assert [await alive(sign_in, pair.access_token) for pair in (first, second, third)] == [False] * 3
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(third.refresh_token)
    assert await alive(sign_in, elsewhere.access_token)
    await sign_in.refresh(elsewhere.refresh_token)
    assert heard.changes == [(profile.user_id, stolen)]
    assert await fetch(database, "SELECT user_id, detail FROM audit WHERE action = 'refresh_token_reused'") == [
        (profile.user_id, {"session_id": str(stolen)})
    ]


async def test_of_fifty_simultaneous_uses_over_two_processes_one_wins_and_the_session_ends(
    sign_in: SignIn, database: Database, database_url: str, heard: Heard
) -> None:
    pair, profile = await register(sign_in)
    async with Database.open(database_url, pool_size=5) as other:
        there = type(sign_in.sessions)(other, lifetime=900)

        async def use(number: int) -> Renewal | None:
            try:
                return await (there if number % 2 else sign_in.sessions).renew(pair.refresh_token)
            except InvalidRefreshToken:
                return None

        async with asyncio.timeout(30):
            renewals = [renewal for renewal in await asyncio.gather(*map(use, range(50))) if renewal]
    assert len(renewals) == 1
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(renewals[0].refresh_token)
    assert not await alive(sign_in, pair.access_token)
    assert set(heard.changes) == {(profile.user_id, renewals[0].session_id)}
    assert await fetch(database, "SELECT count(*) FROM audit WHERE action = 'refresh_token_reused'") == [(1,)]


async def test_a_logout_ends_one_session_at_once_and_tells_the_listener(sign_in: SignIn, heard: Heard) -> None:
    here, profile = await register(sign_in)
    elsewhere, _ = await sign_in.log_in(profile.email, PASSWORD, ADDRESS)
    identity = await sign_in.identities.authenticate(here.access_token)
    await sign_in.log_out(identity)
    assert not await alive(sign_in, here.access_token)
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(here.refresh_token)
    assert await alive(sign_in, elsewhere.access_token)
    assert heard.changes == [(profile.user_id, identity.session_id)]


async def test_a_logout_in_somebody_elses_name_ends_nothing(sign_in: SignIn, database: Database, bob: UserId) -> None:
    pair, _ = await register(sign_in)
    await sign_in.sessions.revoke(bob, await session_of(database))
    assert await alive(sign_in, pair.access_token)


async def test_a_listener_hears_of_a_logout_only_when_everybody_can_read_it(database: Database, sign_in: SignIn) -> None:
    pair, profile = await register(sign_in)
    session_id = (await sign_in.identities.authenticate(pair.access_token)).session_id
    assert session_id is not None
    seen: list[bool] = []

    async def look(user_id: UserId, session_id: SessionId | None) -> None:
        seen.append(await alive(sign_in, pair.access_token))

    await type(sign_in.sessions)(database, lifetime=900, on_access_change=look).revoke(profile.user_id, session_id)
    assert seen == [False]


async def test_an_expired_refresh_token_is_refused_and_ends_nothing(sign_in: SignIn, database: Database) -> None:
    pair, _ = await register(sign_in)
    await fetch(database, "UPDATE refresh_token SET expires_at = now() - interval '1 second'")
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(pair.refresh_token)
    assert await alive(sign_in, pair.access_token)


async def test_a_refresh_lets_the_session_run_for_another_lifetime(sign_in: SignIn, database: Database) -> None:
    pair, _ = await register(sign_in)
    await fetch(database, "UPDATE session SET expires_at = now() + interval '1 minute'")
    await sign_in.refresh(pair.refresh_token)
    assert await fetch(database, "SELECT expires_at > now() + interval '29 days' FROM session") == [(True,)]


@pytest.mark.parametrize("what", ["session", "account"])
async def test_no_refresh_token_outlives_its_session_or_its_account(sign_in: SignIn, database: Database, what: str) -> None:
    pair, profile = await register(sign_in)
    if what == "session":
        await fetch(database, "UPDATE session SET expires_at = now() - interval '1 second'")
    else:
        await fetch(database, "UPDATE account SET disabled_at = now() WHERE id = %s", profile.user_id)
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(pair.refresh_token)


async def test_what_is_not_a_refresh_token_is_refused(sign_in: SignIn) -> None:
    pair, _ = await register(sign_in)
    for text in ("", "x", pair.access_token, pair.refresh_token + "x", pair.refresh_token.upper(), "refresh_" + "A" * 43, "\0"):
        with pytest.raises(InvalidRefreshToken):
            await sign_in.refresh(text)
    await sign_in.refresh(pair.refresh_token)


async def test_the_database_holds_no_refresh_token(sign_in: SignIn, database: Database) -> None:
    pair, _ = await register(sign_in)
    await sign_in.refresh(pair.refresh_token)
    rows = await fetch(database, "SELECT hash FROM refresh_token")
    assert len(rows) == 2
    assert all(len(row[0]) == 32 and pair.refresh_token.encode() not in row[0] for row in rows)


async def test_a_session_that_its_transaction_does_not_commit_never_was(sign_in: SignIn, alice: UserId) -> None:
    with pytest.raises(ZeroDivisionError):
        async with sign_in.database.system().session() as session:
            token = await sign_in.sessions.begin(session, alice, SessionId(new_uuid()))
            raise ZeroDivisionError
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(token)


async def test_a_sweep_keeps_used_tokens_until_they_expire_and_sessions_for_a_lifetime_after_their_end(
    sign_in: SignIn, database: Database
) -> None:
    pair, _ = await register(sign_in)
    await sign_in.refresh(pair.refresh_token)
    assert await sign_in.sessions.sweep() == 0
    with pytest.raises(InvalidRefreshToken):
        await sign_in.refresh(pair.refresh_token)  # still known, so its second use still shows
    assert await sign_in.sessions.sweep() == 0
    await fetch(database, "UPDATE refresh_token SET expires_at = now() WHERE used_at IS NOT NULL")
    await fetch(database, "UPDATE session SET revoked_at = now() - interval '31 days'")
    assert await sign_in.sessions.sweep() == 1
    assert await fetch(database, "SELECT count(*) FROM refresh_token") == [(1,)]


async def test_each_beginning_and_end_of_a_session_is_in_the_audit(sign_in: SignIn, database: Database) -> None:
    _, profile = await register(sign_in)
    pair, _ = await sign_in.log_in("carol@example.com", PASSWORD, ADDRESS)
    identity = await sign_in.identities.authenticate(pair.access_token)
    await sign_in.log_out(identity)
    await sign_in.log_out(identity)
    lines = await fetch(
        database,
        "SELECT action, user_id, actor_id, detail ->> 'via', detail ->> 'address', detail ->> 'session_id' = %s FROM audit "
        "WHERE action LIKE 'signed%%' ORDER BY at",
        str(identity.session_id),
    )
    me = profile.user_id
    assert lines == [
        ("signed_in", me, me, "registration", "local", False),
        ("signed_in", me, me, "password", ADDRESS, True),
        ("signed_out", me, me, None, None, True),
    ]
