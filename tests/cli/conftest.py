"""Commands as an operator runs them, on the test's own database."""

from collections.abc import Iterator
from typing import Any, LiteralString, Protocol

import psycopg
import pytest
import typer
from typer.testing import CliRunner, Result

from netra.env import override

PASSWORD = "a-long-enough-secret"


class Operator(Protocol):
    """Runs one command of `app` with `stdin`, and returns what came of it."""

    def __call__(self, app: typer.Typer, *arguments: str, stdin: str | None = None) -> Result: ...


@pytest.fixture
def operator(database_url: str) -> Iterator[Operator]:
    def run(app: typer.Typer, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin)

    # A command reads its settings as a server does: from the environment, and not from a `.env` that lies about.
    with override({"NETRA_DATABASE_URL": database_url, "NETRA_ENVIRONMENT": "test"}):
        yield run


class Rows(Protocol):
    """Runs one statement as the owner of the database and returns its rows."""

    def __call__(self, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]: ...


@pytest.fixture
def rows(owner_url: str) -> Iterator[Rows]:
    with psycopg.connect(owner_url, autocommit=True) as connection:

        def fetch(query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
            return connection.execute(query, parameters).fetchall()

        yield fetch


@pytest.fixture
def hints(owner_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that hears what servers hear."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("LISTEN netra_hints")
        yield connection
