"""The vault keeps what users put into it, for them alone, sealed."""

import asyncio
import os
import string
from collections.abc import Mapping

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.db.database import Database
from netra.errors import NotFound
from netra.ids import UserId
from netra.vault.sealing import KEY_BYTES, SealingKeys, SecretUnreadable
from netra.vault.vault import (
    LONGEST,
    PER_USER,
    RESERVED,
    RESERVED_PREFIXES,
    InvalidSecret,
    Rotation,
    SealingKeyMissing,
    SecretsNotConfigured,
    TooManySecrets,
    Vault,
    require_fit,
)

OLD, NEW = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)


def vault_of(database: Database, keys: Mapping[str, bytes]) -> Vault:
    return Vault(database, SealingKeys(keys))


@pytest.fixture
def vault(database: Database) -> Vault:
    return vault_of(database, {"old": OLD})


async def test_what_is_put_in_is_opened_for_its_owner_alone(vault: Vault, alice: UserId, bob: UserId) -> None:
    await vault.put(alice, "TOKEN", "a value of alice")
    await vault.put(bob, "TOKEN", "a value of bob")
    await vault.put(bob, "MORE", "more of bob's")
    assert await vault.open_all(alice) == {"TOKEN": "a value of alice"}
    assert await vault.open_all(bob) == {"MORE": "more of bob's", "TOKEN": "a value of bob"}
    assert [record.name for record in await vault.names(bob)] == ["MORE", "TOKEN"]


async def test_a_second_value_takes_the_place_of_the_first(vault: Vault, alice: UserId) -> None:
    await vault.put(alice, "TOKEN", "the first value")
    (before,) = await vault.names(alice)
    await vault.put(alice, "TOKEN", "the second value")
    (after,) = await vault.names(alice)
    assert await vault.open_all(alice) == {"TOKEN": "the second value"}
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at


async def test_what_is_removed_is_gone_and_others_are_not_there_to_remove(vault: Vault, alice: UserId, bob: UserId) -> None:
    await vault.put(alice, "TOKEN", "a value of alice")
    for user_id, name in ((bob, "TOKEN"), (alice, "OTHER"), (alice, "\0"), (alice, "\ud800")):
        with pytest.raises(NotFound):
            await vault.remove(user_id, name)
    await vault.remove(alice, "TOKEN")
    assert await vault.open_all(alice) == {}
    with pytest.raises(NotFound):
        await vault.remove(alice, "TOKEN")


async def test_the_database_holds_nothing_of_a_value_in_clear(vault: Vault, alice: UserId, owner_url: str) -> None:
    mark = "0123456789abcdef-mark"
    await vault.put(alice, "TOKEN", mark)
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        cursor = await connection.execute("SELECT sealed, secret::text FROM secret")
        ((sealed, row),) = await cursor.fetchall()
    assert mark.encode() not in sealed
    assert mark not in row and mark.encode().hex() not in row


async def test_row_level_security_shows_a_user_their_own_rows_alone(
    database: Database, vault: Vault, alice: UserId, bob: UserId
) -> None:
    await vault.put(alice, "TOKEN", "a value of alice")
    for scope, expected in ((database.for_user(bob), 0), (database.for_user(alice), 1)):
        async with scope.transaction() as connection:
            for statement in ("SELECT * FROM secret", "UPDATE secret SET name = name", "DELETE FROM secret"):
                cursor = await connection.execute(statement)
                assert cursor.rowcount == expected
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.for_user(bob).transaction() as connection:
            await connection.execute(
                "INSERT INTO secret (user_id, name, key_id, sealed) VALUES (%s, 'TOKEN', 'old', '')", [alice]
            )


async def test_a_row_that_somebody_copied_to_another_user_does_not_open_there(
    database: Database, vault: Vault, alice: UserId, bob: UserId
) -> None:
    await vault.put(alice, "TOKEN", "a value of alice")
    async with database.system().transaction() as connection:
        await connection.execute(
            "INSERT INTO secret SELECT %s, name, key_id, sealed, created_at, updated_at FROM secret", [bob]
        )
    with pytest.raises(SecretUnreadable, match="TOKEN"):
        await vault.open_all(bob)


async def test_a_hundred_are_the_most_however_many_come_at_once(vault: Vault, alice: UserId, bob: UserId) -> None:
    for number in range(PER_USER - 3):
        await vault.put(alice, f"N{number}", "eight or more")
    async with asyncio.timeout(30):
        ended = await asyncio.gather(
            *(vault.put(alice, f"AT_ONCE_{n}", "eight or more") for n in range(12)), return_exceptions=True
        )
    assert sorted(type(error).__name__ for error in ended if error is not None) == ["TooManySecrets"] * 9
    assert len(await vault.names(alice)) == PER_USER
    await vault.put(alice, "N0", "another value")  # takes the place of one
    with pytest.raises(TooManySecrets):
        await vault.put(alice, "ONE_MORE", "eight or more")
    await vault.put(bob, "ONE_MORE", "eight or more")


@pytest.mark.parametrize(
    "name",
    [
        *("", "lower", "1ST", "_X", "A-B", "A B", "Ä", "A" * 65, "A\n", "NETRA_DATABASE_URL", "NETRA_"),
        *("PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "PYTHONSTARTUP"),
        *("BASH_ENV", "IFS", "NODE_OPTIONS", "PERL5OPT", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "SSL_CERT_FILE", "HTTPS_PROXY"),
    ],
)
def test_a_name_that_means_something_to_programs_is_refused(name: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        require_fit(name, "eight or more")
    assert caught.value.extra["field"] == "name"


@pytest.mark.parametrize("name", ["A", "OPENAI_API_KEY", "GITHUB_TOKEN", "GIT_TOKEN", "PATHOLOGY_KEY", "X9", "A" * 64])
def test_every_other_name_is_taken(name: str) -> None:
    require_fit(name, "eight or more")


@pytest.mark.parametrize("value", ["", "seven77", "x" * (LONGEST + 1), "eight or more\0", "half a pair\ud800"])
def test_a_value_that_cannot_be_kept_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        require_fit("TOKEN", value)
    assert caught.value.extra["field"] == "value"
    assert not value or value not in caught.value.detail


@given(st.text(string.ascii_uppercase + string.digits + "_", min_size=1, max_size=64))
def test_a_name_is_refused_for_a_reason(name: str) -> None:
    try:
        require_fit(name, "eight or more")
    except InvalidSecret:
        assert name[0] not in string.ascii_uppercase or name in RESERVED or name.startswith(RESERVED_PREFIXES)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=8, max_size=50))
def test_every_text_of_eight_characters_is_a_value(value: str) -> None:
    require_fit("TOKEN", value)


async def test_without_a_key_nothing_is_kept_and_a_run_of_somebody_who_has_secrets_is_refused(
    database: Database, vault: Vault, alice: UserId, bob: UserId
) -> None:
    await vault.put(alice, "TOKEN", "a value of alice")
    keyless = Vault(database, None)
    for refused in (keyless.put(bob, "TOKEN", "eight or more"), keyless.names(alice), keyless.remove(alice, "TOKEN")):
        with pytest.raises(SecretsNotConfigured):
            await refused
    with pytest.raises(SecretUnreadable):
        await keyless.open_all(alice)
    assert await keyless.open_all(bob) == {}


async def rotated(vault: Vault, at_once: int = 2) -> Rotation | None:
    rotation = None
    async for rotation in vault.rotate(at_once):
        assert rotation.sealed <= rotation.wanted
    return rotation


async def test_a_rotation_puts_every_secret_under_the_first_key(database: Database, alice: UserId, bob: UserId) -> None:
    before = vault_of(database, {"old": OLD})
    wanted: dict[UserId, dict[str, str]] = {alice: {}, bob: {}}
    for user_id, number in ((alice, 1), (bob, 1), (bob, 2), (alice, 3), (alice, 4)):
        wanted[user_id][f"N{number}"] = f"value {number} of {user_id}"
        await before.put(user_id, f"N{number}", wanted[user_id][f"N{number}"])
    times = await before.names(alice)
    rotation = await rotated(vault_of(database, {"new": NEW, "old": OLD}))
    assert rotation == Rotation(wanted=5, sealed=5)
    after = vault_of(database, {"new": NEW})
    for user_id, values in wanted.items():
        assert await after.open_all(user_id) == values
    assert await after.names(alice) == times
    assert await rotated(after) is None


async def test_a_rotation_without_a_needed_key_changes_nothing_and_names_it(database: Database, alice: UserId) -> None:
    await vault_of(database, {"old": OLD}).put(alice, "FIRST", "eight or more")
    await vault_of(database, {"gone": NEW}).put(alice, "SECOND", "eight or more")
    with pytest.raises(SealingKeyMissing, match="1 under gone"):
        await rotated(vault_of(database, {"new": NEW, "old": OLD}))
    assert await key_ids(database) == {"FIRST": "old", "SECOND": "gone"}


async def test_a_rotation_leaves_what_was_changed_as_it_is_and_goes_on(database: Database, alice: UserId) -> None:
    vault = vault_of(database, {"old": OLD})
    for name in ("A", "B", "C"):
        await vault.put(alice, name, "eight or more")
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE secret SET sealed = sealed || 'x' WHERE name = 'B'")
    rotation = await rotated(vault_of(database, {"new": NEW, "old": OLD}), at_once=1)
    assert rotation == Rotation(wanted=3, sealed=2, unreadable=[(alice, "B")])
    assert await key_ids(database) == {"A": "new", "B": "old", "C": "new"}


async def test_what_is_put_in_during_a_rotation_is_not_lost(database: Database, alice: UserId) -> None:
    old, both = vault_of(database, {"old": OLD}), vault_of(database, {"new": NEW, "old": OLD})
    for number in range(20):
        await old.put(alice, f"N{number}", "the first value")

    async def change() -> None:
        for number in range(20):
            await both.put(alice, f"N{number}", f"the value of {number}")

    async with asyncio.timeout(30):
        await asyncio.gather(change(), rotated(both, at_once=3))
    assert set((await key_ids(database)).values()) == {"new"}
    assert await both.open_all(alice) == {f"N{number}": f"the value of {number}" for number in range(20)}


async def key_ids(database: Database) -> dict[str, str]:
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT name, key_id FROM secret")
        return {name: key_id async for name, key_id in cursor}


async def test_keeping_and_removing_a_secret_is_audited_without_its_value(
    vault: Vault, database: Database, alice: UserId
) -> None:
    await vault.put(alice, "TOKEN", "a value of some length")
    await vault.remove(alice, "TOKEN")
    with pytest.raises(NotFound):
        await vault.remove(alice, "TOKEN")
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT action, user_id, actor_id, detail FROM audit ORDER BY at, id")
        assert await cursor.fetchall() == [
            ("secret_kept", alice, alice, {"name": "TOKEN"}),
            ("secret_removed", alice, alice, {"name": "TOKEN"}),
        ]
