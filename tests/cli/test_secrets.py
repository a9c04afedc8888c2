"""`netra secrets`, as an operator uses it."""

import asyncio
import base64
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from netra.cli.secrets import app
from netra.db.database import Database
from netra.env import for_subprocess, override
from netra.ids import UserId
from netra.vault.sealing import SealingKeys, SecretUnreadable, read_key
from netra.vault.vault import Vault
from tests.cli.conftest import Operator, Rows
from tests.fixtures.postgres import add_account

OLD, NEW = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"n"))
BOTH = f"new={NEW},old={OLD}"
VALUES = {f"N{number:02}": f"value number {number}" for number in range(30)}


def in_database(url: str, keys: dict[str, str]) -> UserId:
    """Somebody with `VALUES` in their vault, sealed with the first of `keys`."""

    async def put() -> UserId:
        async with Database.open(url, pool_size=2) as database:
            user_id = await add_account(database, "alice@example.com")
            vault = Vault(database, SealingKeys.read(keys))
            for name, value in VALUES.items():
                await vault.put(user_id, name, value)
            return user_id

    return asyncio.run(put())


def opened(url: str, user_id: UserId, keys: dict[str, str]) -> dict[str, str]:
    async def open_all() -> dict[str, str]:
        async with Database.open(url, pool_size=2) as database:
            return dict(await Vault(database, SealingKeys.read(keys)).open_all(user_id))

    return asyncio.run(open_all())


def under(rows: Rows) -> dict[str, int]:
    return dict(rows("SELECT key_id, count(*) FROM secret GROUP BY key_id"))


def test_a_generated_key_is_what_the_setting_takes_and_is_never_the_same(operator: Operator) -> None:
    first, second = (operator(app, "generate-key").stdout.strip() for _ in range(2))
    assert first != second
    key_id, _, key = first.partition("=")
    assert len(read_key(key_id, key)) == 32


def test_a_rotation_seals_everything_anew_and_tells_how_far_it_is(operator: Operator, database_url: str, rows: Rows) -> None:
    user_id = in_database(database_url, {"old": OLD})
    with override({"NETRA_SECRET_KEYS": BOTH}):
        done = operator(app, "rotate", "--at-once", "10")
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines() == [
            *(f"sealed anew: {count} of 30" for count in (10, 20, 30)),
            "Every secret is sealed with the first key.",
        ]
        assert operator(app, "rotate").stdout.splitlines() == ["Every secret is sealed with the first key."]
    assert under(rows) == {"new": 30}
    assert opened(database_url, user_id, {"new": NEW}) == VALUES
    with pytest.raises(SecretUnreadable):
        opened(database_url, user_id, {"old": OLD})
    assert not any(text in done.output for text in (*VALUES.values(), OLD, NEW))


def test_a_rotation_without_a_needed_key_is_refused_in_words(operator: Operator, database_url: str, rows: Rows) -> None:
    in_database(database_url, {"old": OLD})
    with override({"NETRA_SECRET_KEYS": f"new={NEW}"}):
        done = operator(app, "rotate")
    assert done.exit_code == 1
    assert "30 under old" in done.stderr and "NETRA_SECRET_KEYS" in done.stderr
    assert under(rows) == {"old": 30}


def test_a_secret_that_cannot_be_opened_is_named_and_left(operator: Operator, database_url: str, rows: Rows) -> None:
    user_id = in_database(database_url, {"old": OLD})
    rows("UPDATE secret SET sealed = '' WHERE name = 'N07' RETURNING name")
    with override({"NETRA_SECRET_KEYS": BOTH}):
        done = operator(app, "rotate")
    assert done.exit_code == 1
    assert f"N07 of user {user_id}" in done.stderr
    assert under(rows) == {"new": 29, "old": 1}


def test_a_rotation_in_production_needs_a_key(operator: Operator) -> None:
    with override({"NETRA_ENVIRONMENT": "production"}):
        done = operator(app, "rotate")
    assert done.exit_code == 1
    assert "no key" in done.stderr


def test_a_rotation_that_is_killed_in_the_middle_is_completed_by_the_next(
    operator: Operator, database_url: str, owner_url: str, rows: Rows, tmp_path: Path
) -> None:
    user_id = in_database(database_url, {"old": OLD})
    with psycopg.connect(owner_url) as holder:
        holder.execute("SELECT FROM secret WHERE name = 'N15' FOR UPDATE")  # where it will have to wait
        with rotating(database_url, tmp_path) as process:
            deadline = time.monotonic() + 60
            while under(rows).get("new", 0) < 15:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            process.kill()
            assert process.wait(20) == -signal.SIGKILL
    assert under(rows) == {"new": 15, "old": 15}
    assert opened(database_url, user_id, {"new": NEW, "old": OLD}) == VALUES
    with override({"NETRA_SECRET_KEYS": BOTH}):
        done = operator(app, "rotate", "--at-once", "15")
    assert "sealed anew: 15 of 15" in done.stdout
    assert opened(database_url, user_id, {"new": NEW}) == VALUES


@contextmanager
def rotating(url: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A rotation of one secret at a time, in a process of its own."""
    given = {"NETRA_DATABASE_URL": url, "NETRA_ENVIRONMENT": "test", "NETRA_SECRET_KEYS": BOTH}
    command = [sys.executable, "-m", "netra", "secrets", "rotate", "--at-once", "1", "--data-dir", str(folder)]
    process = subprocess.Popen(command, env=for_subprocess(given), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def test_every_command_explains_itself_and_shows_an_example(operator: Operator) -> None:
    for command in ("generate-key", "rotate"):
        assert f"netra secrets {command}" in operator(app, command, "--help").stdout
