import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from netra.db.database import Database
from netra.db.migrate import SchemaBehind
from netra.db.scope import DatabaseUnreachable
from netra.gateway.provision import provisioned, read_revision, require_current
from netra.prove.proxy import Proxy


def set_back(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0000'")


async def test_a_database_that_is_up_to_date_is_taken_as_it_is(database_url: str, tmp_path: Path) -> None:
    for migrates in (None, False):
        async with provisioned(database_url, tmp_path, migrates=migrates) as url:
            assert url == database_url
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - after the fact


async def test_a_database_that_is_behind_is_refused_with_the_command_to_run(database_url: str, owner_url: str) -> None:
    set_back(owner_url)
    with pytest.raises(SchemaBehind, match="netra migrate"):
        await require_current(database_url)


async def test_an_unreachable_database_is_left_for_whoever_connects_to_say(tmp_path: Path) -> None:
    url = "postgresql://netra:hunter2@127.0.0.1:1/netra"
    async with provisioned(url, tmp_path, migrates=None):
        with pytest.raises(DatabaseUnreachable) as refused:
            async with Database.open(url):
                pass
    assert "hunter2" not in refused.value.detail


def test_the_revision_is_read_as_the_server_and_as_the_owner(database_url: str, owner_url: str) -> None:
    assert not read_revision(database_url).behind
    assert read_revision(owner_url) == read_revision(database_url)


@pytest.mark.parametrize("exchange", range(12))
async def test_a_database_that_goes_away_meanwhile_is_unreachable_and_nothing_else(database_url: str, exchange: int) -> None:
    async with Proxy.open(database_url) as proxy:
        proxy.cut_next_request(exchange)
        try:
            assert not (await asyncio.to_thread(read_revision, proxy.url)).behind
            assert proxy.bitten == 0 or exchange < 2  # the first connection was lost, and another tells the same
        except DatabaseUnreachable:
            assert proxy.bitten == 1


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the embedded database's own user can reach, which pytest's is not when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="netra-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
async def test_without_a_url_there_is_an_embedded_one_that_stops_with_the_block(data_dir: Path) -> None:
    async with (
        provisioned(None, data_dir, migrates=None) as url,
        Database.open(url) as database,
        database.system().transaction() as connection,
    ):
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    with pytest.raises(SchemaBehind):
        async with provisioned(None, data_dir, migrates=None) as url:
            set_back(url.replace("netra_app", "postgres"))
        async with provisioned(None, data_dir, migrates=False):
            pass
