"""Migrations bring any database to the latest revision, all of it or nothing; the mapped classes agree with the result."""

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import NullPool

from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import MIGRATIONS, SchemaVersion, migrate, read_version
from netra.db.scope import DatabaseUnreachable
from netra.db.tables import Row
from netra.ids import new_uuid

ELSEWHERE = {"event": "the log's own SQL", "alembic_version": "Alembic's"}
"""Tables that no class maps, and why. The queue's own begin with procrastinate_."""


@pytest.fixture
def empty_urls(cluster: EmbeddedPostgres) -> Iterator[list[str]]:
    """The owner's URLs of two databases with nothing in them."""
    names = [f"empty_{new_uuid().hex}" for _ in range(2)]
    with psycopg.connect(cluster.url("postgres", "postgres"), autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield [cluster.url("postgres", name) for name in names]
        for name in names:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_url(empty_urls: list[str]) -> str:
    return empty_urls[0]


@pytest.fixture
def engine(owner_url: str) -> Iterator[Engine]:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)
    yield engine
    engine.dispose()


def snapshot(url: str) -> list[tuple[Any, ...]]:
    """Every relation, function, policy and grant of a database."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            SELECT 'relation', oid::bigint, relname::text, relacl::text FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT 'function', oid::bigint, proname, proacl::text FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT 'policy', oid::bigint, polname, polroles::text FROM pg_policy
            ORDER BY 1, 2
            """
        ).fetchall()


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in rows}


# Migrating -------------------------------------------------------------------------------------------------------------------


def test_an_empty_database_is_brought_to_the_latest_revision(empty_url: str) -> None:
    before = read_version(empty_url)
    assert before.current is None
    assert before.behind
    after = migrate(empty_url)
    assert after == read_version(empty_url) == SchemaVersion(before.latest, before.latest)
    assert not after.behind
    assert {"account", "thread", "event", "run", "procrastinate_jobs"} <= tables(empty_url)


def test_migrating_again_changes_nothing(owner_url: str) -> None:
    before = snapshot(owner_url)
    assert len(before) > 50
    assert not migrate(owner_url).behind
    assert snapshot(owner_url) == before


def test_reading_the_version_changes_nothing(empty_url: str) -> None:
    read_version(empty_url)
    assert snapshot(empty_url) == []


@pytest.mark.parametrize("databases", [1, 2], ids=["one database", "two databases of one cluster"])
def test_servers_that_start_at_once_migrate_once(empty_urls: list[str], databases: int) -> None:
    command = "import sys; from netra.db.migrate import migrate; print(migrate(sys.argv[1]).behind)"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", command, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        for url in (empty_urls[:databases] * 4)[:4]
    ]
    assert [process.communicate(timeout=60) for process in started] == [("False\n", "")] * 4


def test_threads_of_one_process_may_migrate_at_once(empty_urls: list[str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(migrate, empty_urls * 2, timeout=60))
    assert {version.behind for version in versions} == {False}


def test_a_migration_that_fails_leaves_nothing(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE report (of_somebody_else text)")
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(empty_url)
    assert tables(empty_url) == {"report"}
    assert read_version(empty_url).current is None


@pytest.mark.parametrize("work", [migrate, read_version])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://netra:hunter2@127.0.0.1:9/netra",
        "postgres://netra:hunter2@127.0.0.1:none/netra",
        "postgresql://netra:hunter2%ZZ@127.0.0.1/netra",
        "postgresql://netra:hunter2@127.0.0.1/netra?nonsense=hunter2",
        "mysql://netra:hunter2@127.0.0.1/netra",
        "postgresql+asyncpg://netra:hunter2@127.0.0.1/netra",
        "hunter2",
        "",
    ],
)
def test_a_database_that_cannot_be_reached_is_told_without_a_password(work: Callable[[str], SchemaVersion], url: str) -> None:
    with pytest.raises(DatabaseUnreachable) as refusal:
        work(url)
    told = "".join(traceback.format_exception(refusal.value, chain=True))
    assert "hunter2" not in "\n".join(line for line in told.splitlines() if not line.startswith("    "))


def test_a_scheme_that_is_not_postgresql_is_named_as_the_reason() -> None:
    with pytest.raises(DatabaseUnreachable, match="postgresql://"):
        read_version("mysql://localhost/netra")


# The classes of netra.db.tables ----------------------------------------------------------------------------------------------


def test_every_table_has_a_class_or_a_reason_for_none(owner_url: str) -> None:
    ours = {name for name in tables(owner_url) if not name.startswith("procrastinate_")}
    assert ours - ELSEWHERE.keys() == set(Row.metadata.tables)
    assert ours >= ELSEWHERE.keys()


@pytest.mark.parametrize("name", sorted(Row.metadata.tables))
def test_the_class_and_the_schema_agree_on_every_column(engine: Engine, name: str) -> None:
    table = Row.metadata.tables[name]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    inspector = inspect(engine)
    real = {column["name"]: (column["type"].compile(dialect), column["nullable"]) for column in inspector.get_columns(name)}
    mapped = {column.name: (column.type.compile(dialect), bool(column.nullable)) for column in table.columns}
    assert mapped == real


@pytest.mark.parametrize("name", sorted(Row.metadata.tables))
def test_the_class_and_the_schema_agree_on_keys(engine: Engine, name: str) -> None:
    table = Row.metadata.tables[name]
    inspector = inspect(engine)
    assert [column.name for column in table.primary_key] == inspector.get_pk_constraint(name)["constrained_columns"]
    real = {
        (tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
        for key in inspector.get_foreign_keys(name)
    }
    mapped = {
        (
            tuple(column.name for column in key.columns),
            key.referred_table.name,
            tuple(element.column.name for element in key.elements),
        )
        for key in table.foreign_key_constraints
    }
    assert mapped == real


@pytest.mark.parametrize("name", sorted(Row.metadata.tables))
def test_what_the_class_leaves_to_the_database_has_a_default_there(engine: Engine, name: str) -> None:
    table = Row.metadata.tables[name]
    filled_in = {column.name for column in table.columns if column.server_default is not None and column.computed is None}
    real = {column["name"] for column in inspect(engine).get_columns(name) if column["default"] is not None}
    assert filled_in <= real


def test_the_latest_revision_is_the_head_that_alembic_finds(empty_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [read_version(empty_url).latest]
    for revision in script.walk_revisions():
        assert Path(revision.path).name.startswith(f"{revision.revision}_")


def test_a_server_whose_database_is_up_to_date_does_without_alembic(owner_url: str) -> None:
    imports = "import sys; import netra.cli.serve; from netra.db.migrate import migrate"
    asked = f"{imports}; migrate(sys.argv[1]); print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked, owner_url], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"
