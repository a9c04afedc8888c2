import psycopg
import pytest

from netra.cli import migrate
from tests.cli.conftest import Operator
from tests.fixtures.postgres import Template


@pytest.fixture
def empty_url(template: Template) -> str:
    """A database in which nothing was ever applied, as its owner."""
    with psycopg.connect(template.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS empty")
        admin.execute("CREATE DATABASE empty")
    return template.url("empty", "postgres")


def test_an_empty_database_is_brought_up_to_date_and_again_without_effect(operator: Operator, empty_url: str) -> None:
    behind = operator(migrate.app, "--check", "--database-url", empty_url)
    assert behind.exit_code == 1
    assert "empty" in behind.output
    for _ in range(2):
        done = operator(migrate.app, "--database-url", empty_url)
        assert done.exit_code == 0, done.output
        assert "the newest" in done.output
        assert "ALTER ROLE netra_app" in done.output
    assert operator(migrate.app, "--check", "--database-url", empty_url).exit_code == 0


def test_the_servers_own_role_may_look_and_not_touch(operator: Operator, database_url: str, owner_url: str) -> None:
    assert operator(migrate.app, "--check").exit_code == 0
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0000'")
    behind = operator(migrate.app, "--check")
    assert behind.exit_code == 1
    assert "revision 0000" in behind.output


def test_a_role_that_is_not_the_owner_is_told_so(operator: Operator, empty_url: str) -> None:
    refused = operator(migrate.app, "--database-url", empty_url.replace("postgres:", "netra_app:"))
    assert refused.exit_code == 1
    assert "owner" in refused.output


def test_an_unreachable_database_is_said_without_its_password(operator: Operator) -> None:
    refused = operator(migrate.app, "--database-url", "postgresql://netra:hunter2@127.0.0.1:1/netra")
    assert refused.exit_code == 1
    assert "does not answer" in refused.output
    assert "hunter2" not in refused.output
