"""The walls of the database: who may serve, what each role may see, and that no table stands outside."""

import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from netra.db.database import Connection, Database, connect
from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import migrate
from netra.db.roles import ENSURE_ROLES, UnsafeRole, read_role
from netra.ids import UserId, new_uuid
from tests.fixtures.postgres import Template

# Who may serve ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def login(template: Template, database_name: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """The URL of a fresh role, a plain member of Netra's own two; the test makes of it what it wants to see refused."""
    with plain_role(admin, "LOGIN") as name:
        admin.execute(sql.SQL("GRANT netra_system, netra_writer TO {} WITH INHERIT FALSE").format(sql.Identifier(name)))
        yield template.url(database_name, name)


@contextmanager
def plain_role(admin: psycopg.Connection[Any], attributes: str) -> Iterator[str]:
    name = f"role_{new_uuid().hex}"
    role = sql.Identifier(name)
    admin.execute(sql.SQL("CREATE ROLE {} " + attributes).format(role))
    yield name
    admin.execute(sql.SQL("REASSIGN OWNED BY {} TO postgres; DROP OWNED BY {}; DROP ROLE {}").format(role, role, role))


def role_in(url: str) -> sql.Identifier:
    return sql.Identifier(url.split("//")[1].split(":", maxsplit=1)[0])


async def refusal(url: str) -> str:
    with pytest.raises(UnsafeRole) as refused:
        async with Database.open(url):
            pass
    return str(refused.value)


async def test_the_role_that_migration_makes_may_serve(database_url: str) -> None:
    async with Database.open(database_url), await connect(database_url) as connection:
        role = await read_role(connection)
    assert (role.name, role.objections()) == ("netra_app", [])


async def test_a_plain_member_of_netras_roles_may_serve_and_sees_nothing_but_by_their_policies(login: str) -> None:
    async with Database.open(login) as database, database.for_user(UserId(new_uuid())).transaction() as connection:
        with pytest.raises(InsufficientPrivilege):
            await connection.execute("SELECT * FROM event")


async def test_a_superuser_is_refused_and_told_what_to_do_instead(owner_url: str) -> None:
    said = await refusal(owner_url)
    assert "'postgres' is a superuser." in said
    assert "connect as netra_app" in said


async def test_a_role_with_bypassrls_is_refused(login: str, admin: psycopg.Connection[Any]) -> None:
    admin.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(role_in(login)))
    assert "has BYPASSRLS" in await refusal(login)


@pytest.mark.parametrize("table", ["event", "account", "report"])
async def test_the_owner_of_any_table_is_refused(login: str, admin: psycopg.Connection[Any], table: str) -> None:
    admin.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(role_in(login)))
    admin.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(sql.Identifier(table), role_in(login)))
    assert "owns Netra's tables" in await refusal(login)


async def test_a_member_of_the_owner_is_refused(login: str, admin: psycopg.Connection[Any]) -> None:
    with plain_role(admin, "NOLOGIN") as owner:
        admin.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(owner)))
        admin.execute(sql.SQL("ALTER TABLE event OWNER TO {}").format(sql.Identifier(owner)))
        admin.execute(sql.SQL("GRANT {} TO {} WITH INHERIT TRUE").format(sql.Identifier(owner), role_in(login)))
        assert "owns Netra's tables" in await refusal(login)


@pytest.mark.parametrize("inherited", ["netra_system", "netra_writer"])
async def test_a_role_that_inherits_what_sees_everybody_is_refused(
    login: str, admin: psycopg.Connection[Any], inherited: str
) -> None:
    admin.execute(sql.SQL("GRANT {} TO {} WITH INHERIT TRUE").format(sql.Identifier(inherited), role_in(login)))
    assert f"inherits {inherited}" in await refusal(login)


async def test_a_role_that_inherits_it_by_way_of_another_is_refused(login: str, admin: psycopg.Connection[Any]) -> None:
    with plain_role(admin, "NOLOGIN") as between:
        admin.execute(sql.SQL("GRANT netra_system TO {} WITH INHERIT TRUE").format(sql.Identifier(between)))
        admin.execute(sql.SQL("GRANT {} TO {} WITH INHERIT TRUE").format(sql.Identifier(between), role_in(login)))
        assert "inherits netra_system" in await refusal(login)


async def test_a_role_that_the_url_turns_into_another_is_judged_as_that(database_url: str) -> None:
    assert "inherits netra_writer" in await refusal(f"{database_url}&options=-c%20role%3Dnetra_writer")


@pytest.mark.parametrize("missing", ["netra_system", "netra_writer"])
async def test_a_role_that_cannot_become_what_the_server_needs_is_refused_at_once(
    login: str, admin: psycopg.Connection[Any], missing: str
) -> None:
    admin.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(missing), role_in(login)))
    assert f"is no member of {missing}" in await refusal(login)


# Making the roles ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare_cluster() -> Iterator[EmbeddedPostgres]:
    """A cluster in which nobody has migrated anything, and so without Netra's roles."""
    with tempfile.TemporaryDirectory(prefix="netra-test-") as folder:
        server = EmbeddedPostgres(Path(folder), "fsync = off\n")
        server.start()
        yield server
        server.stop()


@pytest.fixture
def bare(bare_cluster: EmbeddedPostgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(bare_cluster.owner_url, autocommit=True) as connection:
        yield connection
        connection.execute("DROP OWNED BY netra_app, netra_system, netra_writer")
        connection.execute("DROP ROLE netra_app, netra_system, netra_writer")


def inherits(connection: psycopg.Connection[Any]) -> list[bool]:
    rows = connection.execute(
        "SELECT pg_has_role('netra_app', role, right_to) FROM unnest(ARRAY['netra_system', 'netra_writer']) AS role,"
        " unnest(ARRAY['MEMBER', 'USAGE']) AS right_to ORDER BY role, right_to"
    )
    return [holds for (holds,) in rows]


def test_the_roles_are_made_once_and_inherit_nothing(bare: psycopg.Connection[Any]) -> None:
    for _ in range(2):
        bare.execute(ENSURE_ROLES)
        assert inherits(bare) == [True, False] * 2
    [(superuser, bypass, creates)] = bare.execute(
        "SELECT bool_or(rolsuper), bool_or(rolbypassrls), bool_or(rolcreaterole OR rolcreatedb)"
        " FROM pg_roles WHERE rolname LIKE 'netra_%'"
    ).fetchall()
    assert (superuser, bypass, creates) == (False, False, False)


@pytest.mark.parametrize("granted", [False, True], ids=["created", "created and granted"])
def test_a_role_that_the_operator_made_before_is_brought_into_line(bare: psycopg.Connection[Any], granted: bool) -> None:
    bare.execute("CREATE ROLE netra_app LOGIN PASSWORD 'chosen by the operator'")
    if granted:
        bare.execute("CREATE ROLE netra_system; CREATE ROLE netra_writer; GRANT netra_system, netra_writer TO netra_app")
        assert inherits(bare) == [True, True] * 2
    bare.execute(ENSURE_ROLES)
    assert inherits(bare) == [True, False] * 2


def test_two_databases_that_make_the_roles_at_the_same_moment_both_succeed(
    bare: psycopg.Connection[Any], bare_cluster: EmbeddedPostgres
) -> None:
    with psycopg.connect(bare_cluster.url("postgres", "postgres")) as first:
        first.execute(ENSURE_ROLES)  # made, and not committed
        failures: list[BaseException] = []

        def second() -> None:
            try:
                bare.execute(ENSURE_ROLES)
            except psycopg.Error as error:
                failures.append(error)

        racing = threading.Thread(target=second)
        racing.start()
        with psycopg.connect(bare_cluster.owner_url, autocommit=True) as watcher:
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while watcher.execute(waits).fetchone() == (0,) and racing.is_alive():
                pass
        first.commit()
        racing.join(timeout=20)
    assert failures == []
    assert inherits(bare) == [True, False] * 2


# What each role may see ------------------------------------------------------------------------------------------------------


def test_every_table_of_ours_forces_row_level_security_and_has_policies(admin: psycopg.Connection[Any]) -> None:
    rows = admin.execute(
        """
        SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity,
               ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid)
        FROM pg_class c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
          AND c.relname NOT LIKE 'procrastinate%' AND c.relname <> 'alembic_version'
        """
    ).fetchall()
    assert len(rows) >= 13
    assert [name for name, forced, policies in rows if not (forced and "system" in policies)] == []


# What holds no rows of users and everybody may read; nobody who serves may write to it.
OF_NOBODY = {"plan", "plan_version"}


def test_every_policy_for_those_who_serve_compares_with_the_user_that_is_set(admin: psycopg.Connection[Any]) -> None:
    rows = admin.execute(
        "SELECT tablename::text, qual, with_check FROM pg_policies WHERE 'netra_app' = ANY (roles) OR 'public' = ANY (roles)"
    ).fetchall()
    compared = "= (NULLIF(current_setting('netra.user_id'::text, true), ''::text))::uuid)"
    assert len(rows) >= 8
    for table, qualifier, check in rows:
        if table in OF_NOBODY:
            assert (qualifier, check) == ("true", None), table
            continue
        owner = "(id " if table == "account" else "(user_id "
        assert qualifier == check == owner + compared, table


def test_no_function_of_ours_runs_with_anothers_rights_and_no_view_goes_around_a_policy(admin: psycopg.Connection[Any]) -> None:
    definers = "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    assert admin.execute(definers).fetchall() == []
    views = "SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace"
    assert admin.execute(views).fetchall() == []


ROWS = {
    "account": None,
    "session": "INSERT INTO session (user_id, id, expires_at) VALUES (%(user)s, %(id)s, now())",
    "api_key": "INSERT INTO api_key (user_id, id, name, prefix, hash) VALUES (%(user)s, %(id)s, '', '', uuid_send(%(id)s))",
    "thread": None,
    "event": "INSERT INTO event (user_id, thread_id, seq, type, at, body) VALUES (%(user)s, %(user)s, 1, 'x', now(), '')",
    "run": "INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, accepted_seq)"
    " VALUES (%(user)s, %(id)s, %(user)s, 'demo', 'queued', '{}', 'free', 1, 1)",
    "dataset": "INSERT INTO dataset (user_id, id, name, format, mapping, rows, bytes, sha256)"
    " VALUES (%(user)s, %(id)s, '', 'csv', '{}', 0, 0, '')",
    "report": "INSERT INTO report (user_id, id, run_id, title, body) VALUES (%(user)s, %(id)s, %(id)s, '', '{}')",
    "tool_usage": "INSERT INTO tool_usage (user_id, counter, starts_at, used) VALUES (%(user)s, 'tool/x/day', now(), 1)",
    "tool_call": "INSERT INTO tool_call (user_id, id, tool, via) VALUES (%(user)s, %(id)s, 'x', 'http')",
    "external_identity": "INSERT INTO external_identity (user_id, issuer, subject, provider)"
    " VALUES (%(user)s, 'x', %(id)s, 'x')",
    "secret": "INSERT INTO secret (user_id, name, key_id, sealed) VALUES (%(user)s, 'X', 'x', '')",
    "model_call": "INSERT INTO model_call (user_id, id, run_id, agent, purpose, model, own_key)"
    " VALUES (%(user)s, %(id)s, %(id)s, 'x', 'x', 'x:y', false)",
    "corpus": "INSERT INTO corpus (user_id, id, name) VALUES (%(user)s, %(user)s, 'x')",
    "document": "INSERT INTO document (user_id, corpus_id, id, body, language)"
    " VALUES (%(user)s, %(user)s, %(id)s, '', 'simple')",
    "artifact": "INSERT INTO artifact (user_id, id, name, media_type, tool, body, bytes, sha256)"
    " VALUES (%(user)s, %(id)s, 'x', 'text/csv', 'x', '', 0, '')",
}
"""How a user comes to a row in each table that those who serve may read. None: alice and bob have one already."""

EVERYBODYS = {"plan", "plan_version"}
"""Tables without anything of a user, which everybody may read and nobody who serves may change."""


@pytest.fixture
async def served(database: Database, alice: UserId, bob: UserId) -> Database:
    """A database in which alice and bob have one row in every table of theirs."""
    async with database.system().transaction() as connection:
        for statement in filter(None, ROWS.values()):
            for user in (alice, bob):
                await connection.execute(statement, {"user": user, "id": new_uuid()})
    return database


def test_the_rows_above_are_all_that_those_who_serve_may_read(admin: psycopg.Connection[Any]) -> None:
    readable = admin.execute(
        """
        SELECT c.relname::text FROM pg_class c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'procrastinate%'
          AND has_any_column_privilege('netra_app', c.oid, 'SELECT, UPDATE')
        """
    ).fetchall()
    assert {name for (name,) in readable} == ROWS.keys() | EVERYBODYS


@pytest.mark.parametrize("table", sorted(ROWS))
async def test_a_user_sees_and_changes_their_own_rows_and_no_others(
    served: Database, alice: UserId, bob: UserId, table: str, admin: psycopg.Connection[Any]
) -> None:
    owner, column = ("id", "id") if table == "account" else ("user_id", "user_id")
    name = sql.Identifier(table)
    for user in (alice, bob):
        async with served.for_user(user).transaction() as connection:
            read = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), name)
            assert {seen for (seen,) in await (await connection.execute(read)).fetchall()} == {user}
    if admin.execute("SELECT has_table_privilege('netra_app', %s, 'DELETE')", [table]).fetchone() == (True,):
        async with served.for_user(alice).transaction() as connection:
            cursor = await connection.execute(
                sql.SQL("DELETE FROM {} WHERE {} = %s").format(name, sql.Identifier(owner)), [bob]
            )
            assert cursor.rowcount == 0
        with pytest.raises(InsufficientPrivilege):
            async with served.for_user(alice).transaction() as connection:
                statement = ROWS[table] or "INSERT INTO thread (user_id, id) VALUES (%(user)s, %(id)s)"
                await connection.execute(statement, {"user": bob, "id": new_uuid()})


async def test_a_user_cannot_give_a_row_away_nor_take_one(served: Database, alice: UserId, bob: UserId) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with served.for_user(alice).transaction() as connection:
            await connection.execute("UPDATE report SET user_id = %s", [bob])
    async with served.for_user(alice).transaction() as connection:
        cursor = await connection.execute("UPDATE report SET user_id = %s WHERE user_id = %s", [alice, bob])
        assert cursor.rowcount == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET role = 'admin'",
        "UPDATE account SET plan = 'enterprise'",
        "SELECT password_hash FROM account",
        "UPDATE event SET body = ''",
        "UPDATE session SET revoked_at = NULL",
        "SELECT * FROM refresh_token",
        "SELECT * FROM ticket",
        "SELECT * FROM signing_key",
        "SELECT * FROM throttle",
        "SELECT * FROM audit",
        "SELECT * FROM sign_in_attempt",
        "SELECT * FROM password_reset",
        "UPDATE plan_version SET threads = NULL",
        "INSERT INTO plan (name) VALUES ('mine')",
        "DELETE FROM tool_usage",
        "DELETE FROM tool_call",
        "INSERT INTO external_identity (user_id, issuer, subject, provider) SELECT id, 'x', 'y', 'z' FROM account",
        "SELECT args FROM procrastinate_jobs",
        "SELECT * FROM procrastinate_jobs",
        "UPDATE procrastinate_jobs SET status = 'failed'",
        "DELETE FROM procrastinate_jobs",
        "SELECT * FROM procrastinate_events",
        "SELECT * FROM procrastinate_workers",
        "TRUNCATE event",
        "ALTER TABLE event DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET session_authorization = 'postgres'",
        "SET ROLE postgres",
        "COPY event TO PROGRAM 'cat'",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
async def test_what_a_users_own_transaction_may_never_do(served: Database, alice: UserId, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with served.for_user(alice).transaction() as connection:
            await connection.execute(statement)


async def test_a_user_may_add_a_job_and_read_its_id_but_take_none(served: Database, alice: UserId) -> None:
    async with served.for_user(alice).transaction() as connection:
        cursor = await connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('q', 'work', '{}') RETURNING id"
        )
        assert await cursor.fetchone() is not None
    functions = [
        name
        for (name,) in await rows(
            served, "SELECT DISTINCT proname::text FROM pg_proc WHERE proname LIKE 'procrastinate_fetch_job%%'"
        )
    ]
    assert functions
    for name in functions:
        with pytest.raises(InsufficientPrivilege):
            async with served.for_user(alice).transaction() as connection:
                await connection.execute(sql.SQL("SELECT {}(ARRAY['q'], NULL)").format(sql.Identifier(name)))


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.system().transaction() as connection:
        return await (await connection.execute(query)).fetchall()


@pytest.fixture
async def writer(served: Database) -> AsyncIterator[Connection]:
    async with await served.connect_writer() as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT body FROM event",
        "SELECT count(*) FROM event",
        "DELETE FROM event",
        "UPDATE event SET body = ''",
        "SELECT title FROM thread",
        "UPDATE thread SET fence = fence + 1",
        "UPDATE thread SET epoch = epoch + 1",
        "UPDATE thread SET title = ''",
        "DELETE FROM thread",
        "INSERT INTO thread (user_id, id) SELECT user_id, gen_random_uuid() FROM thread",
        "SELECT email FROM account",
        "SELECT * FROM run",
        "SELECT * FROM report",
        "SELECT * FROM session",
        "INSERT INTO event SELECT user_id, id, 9, NULL, 'x', now(), NULL, '' FROM thread RETURNING body",
    ],
)
async def test_what_the_writer_of_the_log_may_never_do(writer: Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        await writer.execute(statement)


async def test_nobody_at_all_is_seen_without_a_user(served: Database) -> None:
    async with await served.connect_listener() as connection:
        for table in ROWS:
            column = "id" if table == "account" else "user_id"
            cursor = await connection.execute(
                sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
            )
            assert await cursor.fetchall() == [], table


def test_migrating_as_an_owner_who_is_no_superuser_builds_the_same_walls(
    bare: psycopg.Connection[Any], bare_cluster: EmbeddedPostgres
) -> None:
    bare.execute("CREATE ROLE shop LOGIN CREATEROLE")
    bare.execute("CREATE DATABASE shop OWNER shop")
    try:
        assert not migrate(bare_cluster.url("shop", "shop")).behind
        with psycopg.connect(bare_cluster.url("netra_app", "shop")) as connection:
            assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)
    finally:
        bare.execute("DROP DATABASE shop WITH (FORCE)")
        bare.execute("DROP OWNED BY shop")
        bare.execute("DROP ROLE netra_app, netra_system, netra_writer")
        bare.execute("DROP ROLE shop")
        bare.execute(ENSURE_ROLES)
