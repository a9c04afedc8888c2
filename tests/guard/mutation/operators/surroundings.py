"""Faults of family E: settings that are read and written past the module that owns them."""

from collections.abc import Iterator
from typing import Final

from tests.guard.mutation.operator import operator
from tests.guard.mutation.target import Site, Target
from tests.guard.mutation.witness import Witness, is_named_for_settings

# Spelling → (import, statement).
READS: Final = {
    "os.environ[…]": ("import os", 'limit = os.environ["UPSTREAM_LIMIT"]'),
    "os.environ.get": ("import os", 'limit = os.environ.get("UPSTREAM_LIMIT", "10")'),
    "os.getenv": ("import os", 'limit = os.getenv("UPSTREAM_LIMIT")'),
    "alias of environ": ("from os import environ as surroundings", 'limit = surroundings.get("UPSTREAM_LIMIT")'),
    "alias of os": ("import os as system", 'limit = system.environ["UPSTREAM_LIMIT"]'),
    "from os import getenv": ("from os import getenv as read_setting", 'limit = read_setting("UPSTREAM_LIMIT")'),
    "in os.environ": ("import os", 'limited = "UPSTREAM_LIMIT" in os.environ'),
}
WRITES: Final = {
    "os.environ[…] =": ("import os", 'os.environ["UPSTREAM_MODE"] = "10"'),
    "os.environ.setdefault": ("import os", 'os.environ.setdefault("UPSTREAM_MODE", "10")'),
    "os.environ.update": ("import os", 'os.environ.update({"UPSTREAM_MODE": "10"})'),
    "os.putenv": ("import os", 'os.putenv("UPSTREAM_MODE", "10")'),
    "del os.environ[…]": ("import os", 'del os.environ["UPSTREAM_MODE"]'),
}
SECRETS: Final = {
    "getenv": ("import os", 'signing = os.getenv("JWT_SECRET_KEY", "change-me")'),
    "environ.get": ("import os", 'signing = os.environ.get("JWT_SECRET_KEY", "change-me")'),
    "or": ("import os", 'signing = os.environ.get("JWT_SECRET_KEY") or "change-me"'),
}
LOADS: Final = {"load_dotenv": ("from dotenv import load_dotenv as load_settings", "load_settings()")}
EXPANDS: Final = {"expandvars": ("import os", 'place = os.path.expandvars("$UPSTREAM_HOME/data")')}


def _inserted(target: Target, witness: Witness, statements: dict[str, tuple[str, str]]) -> Iterator[Site]:
    # Who runs a migration by hand sets what it reads by hand.
    if target.in_tests or target.is_migration or is_named_for_settings(target.name):
        return
    known = bool(witness.owners)
    for function in target.functions:
        statement = target.first(function)
        if statement is None:
            continue
        for kind, (needed, line) in statements.items():
            top, inside = target.at_top(needed), target.before(statement, line)
            if top is not None and inside is not None:
                yield Site((top, inside), kind=kind, known=known, line=statement.lineno)


@operator("read-environment", "E")
def read_environment(target: Target, witness: Witness) -> Iterator[Site]:
    """Reads a setting in a function of some other module than the owner."""
    yield from _inserted(target, witness, READS)


@operator("write-environment", "E")
def write_environment(target: Target, witness: Witness) -> Iterator[Site]:
    """Writes a setting."""
    yield from _inserted(target, witness, WRITES)


@operator("default-secret", "E")
def default_secret(target: Target, witness: Witness) -> Iterator[Site]:
    """Reads a secret with a default that hides that it is missing."""
    yield from (site._replace(known=True) for site in _inserted(target, witness, SECRETS))


@operator("load-dotenv", "E")
def load_dotenv(target: Target, witness: Witness) -> Iterator[Site]:
    """Loads a file of settings."""
    yield from _inserted(target, witness, LOADS)


@operator("expand-variables", "E")
def expand_variables(target: Target, witness: Witness) -> Iterator[Site]:
    """Expands variables of the environment in a text."""
    yield from _inserted(target, witness, EXPANDS)
