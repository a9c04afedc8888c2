"""API keys: shown once, good until they end, and nobody else's."""

import asyncio

import pytest
from psycopg.errors import InsufficientPrivilege

from netra.auth.api_keys import PER_USER, TooManyKeys
from netra.auth.sign_in import SignIn
from netra.db.database import Database
from netra.errors import NotFound, Unauthenticated
from netra.ids import UserId, new_uuid
from tests.fixtures.sign_in import Heard, fetch


async def test_a_key_authenticates_its_owner_until_it_is_revoked(sign_in: SignIn, alice: UserId, heard: Heard) -> None:
    key, record = await sign_in.api_keys.create(alice, "laptop")
    identity = await sign_in.identities.authenticate(key)
    assert (identity.user_id, identity.api_key_id, identity.session_id) == (alice, record.id, None)
    assert (identity.via, identity.expires_at) == ("api_key", None)
    await sign_in.api_keys.revoke(alice, record.id)
    assert heard.changes == [(alice, None)]
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(key)


async def test_a_key_expires(sign_in: SignIn, database: Database, alice: UserId) -> None:
    key, record = await sign_in.api_keys.create(alice, "for a day", lifetime=86_400)
    assert record.expires_at is not None
    assert (record.expires_at - record.created_at).total_seconds() == 86_400
    await sign_in.identities.authenticate(key)
    await fetch(database, "UPDATE api_key SET expires_at = now() - interval '1 second'")
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(key)
    assert await sign_in.api_keys.list(alice) == []


async def test_the_database_holds_no_key_and_the_list_shows_only_its_beginning(
    sign_in: SignIn, database: Database, alice: UserId
) -> None:
    key, record = await sign_in.api_keys.create(alice, "laptop")
    assert await sign_in.api_keys.list(alice) == [record]
    assert key.startswith("netra_")
    assert key.startswith(record.prefix)
    assert len(record.prefix) == 12
    ((stored,),) = await fetch(database, "SELECT api_key::text FROM api_key")
    assert key not in stored


async def test_one_user_neither_sees_nor_revokes_anothers_keys(sign_in: SignIn, alice: UserId, bob: UserId) -> None:
    key, record = await sign_in.api_keys.create(alice, "laptop")
    assert await sign_in.api_keys.list(bob) == []
    with pytest.raises(NotFound) as foreign:
        await sign_in.api_keys.revoke(bob, record.id)
    with pytest.raises(NotFound) as unknown:
        await sign_in.api_keys.revoke(bob, new_uuid())
    assert foreign.value.detail == unknown.value.detail
    assert (await sign_in.identities.authenticate(key)).user_id == alice


async def test_a_key_is_revoked_once(sign_in: SignIn, alice: UserId) -> None:
    _, record = await sign_in.api_keys.create(alice, "laptop")
    await sign_in.api_keys.revoke(alice, record.id)
    with pytest.raises(NotFound):
        await sign_in.api_keys.revoke(alice, record.id)


async def test_the_number_of_live_keys_is_bounded_for_simultaneous_callers_too(
    sign_in: SignIn, database: Database, alice: UserId, bob: UserId
) -> None:
    async def attempt(number: int) -> bool:
        try:
            await sign_in.api_keys.create(alice, f"key {number}")
        except TooManyKeys:
            return False
        return True

    async with asyncio.timeout(60):
        made = await asyncio.gather(*(attempt(number) for number in range(PER_USER + 10)))
    assert made.count(True) == PER_USER
    await sign_in.api_keys.create(bob, "laptop")
    # A key that has ended makes room.
    await sign_in.api_keys.revoke(alice, (await sign_in.api_keys.list(alice))[0].id)
    await sign_in.api_keys.create(alice, "one more")


async def test_the_last_use_of_a_key_is_noted_once_a_minute(sign_in: SignIn, database: Database, alice: UserId) -> None:
    key, _ = await sign_in.api_keys.create(alice, "laptop")

    async def last_use() -> object:
        return (await fetch(database, "SELECT last_used_at FROM api_key"))[0][0]

    assert await last_use() is None
    async with asyncio.timeout(30):
        await asyncio.gather(*(sign_in.identities.authenticate(key) for _ in range(20)))
    first = await last_use()
    assert first is not None
    await sign_in.identities.authenticate(key)
    assert await last_use() == first
    await fetch(database, "UPDATE api_key SET last_used_at = now() - interval '61 seconds'")
    await sign_in.identities.authenticate(key)
    assert await fetch(database, "SELECT last_used_at > now() - interval '10 seconds' FROM api_key") == [(True,)]


async def test_a_key_of_a_disabled_account_is_refused(sign_in: SignIn, alice: UserId) -> None:
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    await sign_in.accounts.disable("alice@example.com")
    with pytest.raises(Unauthenticated):
        await sign_in.identities.authenticate(key)


async def test_what_is_not_a_key_is_refused(sign_in: SignIn, alice: UserId) -> None:
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    for text in ("netra_", key[:-1], key + "x", "netra_" + "A" * 43, key.swapcase(), "netra_\0"):
        with pytest.raises(Unauthenticated):
            await sign_in.identities.authenticate(text)


async def test_a_key_that_is_made_or_ended_is_in_the_audit_and_the_key_is_not(
    sign_in: SignIn, database: Database, alice: UserId, bob: UserId
) -> None:
    key, record = await sign_in.api_keys.create(alice, "laptop")
    with pytest.raises(NotFound):
        await sign_in.api_keys.revoke(bob, record.id)
    await sign_in.api_keys.revoke(alice, record.id)
    named = {"api_key_id": str(record.id)}
    assert await fetch(database, "SELECT action, user_id, actor_id, detail FROM audit ORDER BY at") == [
        ("api_key_created", alice, alice, {**named, "prefix": record.prefix}),
        ("api_key_revoked", alice, alice, named),
    ]
    assert key not in str(await fetch(database, "SELECT audit::text FROM audit"))


async def test_no_transaction_of_a_user_mints_or_revives_a_key(sign_in: SignIn, database: Database, alice: UserId) -> None:
    await sign_in.api_keys.create(alice, "laptop")
    for statement in (
        "INSERT INTO api_key (user_id, id, name, prefix, hash) SELECT user_id, id, '', '', '' FROM api_key",
        "UPDATE api_key SET expires_at = NULL",
        "DELETE FROM api_key",
    ):
        with pytest.raises(InsufficientPrivilege):
            async with database.for_user(alice).transaction() as connection:
                await connection.execute(statement)


async def test_all_keys_of_one_user_end_at_once_and_nobody_elses(
    sign_in: SignIn, database: Database, alice: UserId, bob: UserId
) -> None:
    for _ in range(3):
        await sign_in.api_keys.create(alice, "x")
    kept, _ = await sign_in.api_keys.create(bob, "y")
    async with database.system().session() as session:
        assert await sign_in.api_keys.revoke_all(session, alice) == 3
    assert await sign_in.api_keys.list(alice) == []
    assert (await sign_in.identities.authenticate(kept)).user_id == bob
