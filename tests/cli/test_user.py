"""`netra user`, as an operator uses it."""

import asyncio
import json
from typing import Any

import psycopg
import pytest

from netra.auth.sign_in import InvalidCredentials, SignIn
from netra.cli.user import app
from netra.db.database import Database
from tests.cli.conftest import PASSWORD, Operator, Rows
from tests.fixtures.sign_in import ISSUER, quick_passwords


def create(operator: Operator, email: str = "carol@example.com", *options: str) -> str:
    """Create an account and return its id."""
    result = operator(app, "create", email, "--password-stdin", *options, stdin=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    return str(result.stdout.split()[-1])


def can_sign_in(database_url: str, password: str = PASSWORD) -> bool:
    async def attempt() -> bool:
        async with (
            Database.open(database_url, pool_size=2) as database,
            SignIn.open(database, issuer=ISSUER, passwords=quick_passwords()) as sign_in,
        ):
            try:
                await sign_in.log_in("carol@example.com", password, "192.0.2.7")
            except InvalidCredentials:
                return False
            return True

    return asyncio.run(attempt())


def test_a_created_account_can_sign_in_and_was_made_by_the_operator(operator: Operator, rows: Rows, database_url: str) -> None:
    user_id = create(operator, " Carol@Example.com", "--name", "Carol", "--role", "admin", "--plan", "pro")
    assert rows("SELECT id::text, email, name, role, plan FROM account") == [
        (user_id, "carol@example.com", "Carol", "admin", "pro")
    ]
    assert rows("SELECT kind FROM thread") == [("account",)]
    assert rows("SELECT action, actor_id, user_id::text FROM audit ORDER BY at") == [
        ("account_created", None, user_id),
        ("plan_changed", None, user_id),
    ]
    assert can_sign_in(database_url)
    assert not can_sign_in(database_url, PASSWORD + "\n")


def test_a_password_is_asked_for_twice_and_not_shown(operator: Operator, database_url: str) -> None:
    result = operator(app, "create", "carol@example.com", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert can_sign_in(database_url)


def test_a_password_cannot_be_an_argument(operator: Operator) -> None:
    assert operator(app, "create", "carol@example.com", "--password", PASSWORD).exit_code == 2
    assert operator(app, "create", "carol@example.com", PASSWORD).exit_code == 2


@pytest.mark.parametrize(
    ("email", "password", "complaint"),
    [
        ("carol", PASSWORD, "not an e-mail address"),
        ("carol@example.com", "short", "at least 12 characters"),
        ("carol@example.com", "", "at least 12 characters"),
        ("taken@example.com", PASSWORD, "account with this e-mail address already"),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_words(
    operator: Operator, rows: Rows, email: str, password: str, complaint: str
) -> None:
    create(operator, "taken@example.com")
    result = operator(app, "create", email, "--password-stdin", stdin=password + "\n")
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.output
    assert rows("SELECT email FROM account") == [("taken@example.com",)]


COMMANDS = ("create", "set-role", "set-plan", "disable", "enable", "verify-email", "list")

CHANGES: dict[tuple[str, ...], tuple[str, str, dict[str, Any]]] = {
    ("set-role", "developer"): ("role developer", "role_changed", {"old": "user", "new": "developer"}),
    ("set-plan", "enterprise"): (
        "plan enterprise",
        "plan_changed",
        {
            "role": "user",
            "old": {"plan": "free", "plan_expires_at": None, "feature_flags": []},
            "new": {"plan": "enterprise", "plan_expires_at": None, "feature_flags": []},
        },
    ),
    ("disable",): ("disabled", "account_disabled", {}),
    ("verify-email",): ("enabled", "email_verified", {}),
}


@pytest.mark.parametrize("command", CHANGES)
def test_a_change_is_made_audited_and_hinted_at_to_running_servers(
    operator: Operator, rows: Rows, hints: psycopg.Connection[Any], command: tuple[str, ...]
) -> None:
    user_id = create(operator)
    shown, action, detail = CHANGES[command]
    verb, *values = command
    result = operator(app, verb, "Carol@example.com", *values)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("now: carol@example.com")
    assert shown in result.stdout
    assert rows("SELECT action, detail, user_id::text, actor_id FROM audit ORDER BY at DESC LIMIT 1") == [
        (action, detail, user_id, None)
    ]
    heard = [hint.payload for hint in hints.notifies(timeout=5, stop_after=1)]
    assert any(user_id in payload for payload in heard)


def test_a_disabled_account_signs_in_again_once_it_is_enabled(operator: Operator, database_url: str) -> None:
    create(operator)
    operator(app, "disable", "carol@example.com")
    assert not can_sign_in(database_url)
    assert "enabled" in operator(app, "enable", "carol@example.com").stdout
    assert can_sign_in(database_url)


@pytest.mark.parametrize("command", [("set-role", "admin"), ("set-plan", "pro"), ("disable",), ("enable",), ("verify-email",)])
def test_an_unknown_account_is_an_error_and_changes_nothing(operator: Operator, rows: Rows, command: tuple[str, ...]) -> None:
    verb, *values = command
    result = operator(app, verb, "nobody@example.com", *values)
    assert result.exit_code == 1
    assert "no account with this e-mail address" in result.stderr
    assert rows("SELECT * FROM audit") == []


def test_a_role_or_plan_that_does_not_exist_is_refused_with_those_that_do(operator: Operator) -> None:
    create(operator)
    for command, known, code in (("set-role", "super_admin", 2), ("set-plan", "enterprise", 1)):
        result = operator(app, command, "carol@example.com", "emperor")
        assert result.exit_code == code
        assert known in result.stderr


def test_accounts_are_listed_for_people_and_for_programs(operator: Operator) -> None:
    assert operator(app, "list").stdout == ""
    carol, bob = create(operator), create(operator, "bob@example.com", "--name", "Bob")
    operator(app, "disable", "bob@example.com")
    lines = operator(app, "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["bob@example.com", "carol@example.com"]
    assert "disabled" in lines[0] and bob in lines[0]
    assert "enabled" in lines[1] and carol in lines[1]
    described = [json.loads(line) for line in operator(app, "list", "--json").stdout.splitlines()]
    assert [(entry["id"], entry["name"], entry["disabled_at"] is None) for entry in described] == [
        (bob, "Bob", False),
        (carol, "", True),
    ]
    assert all("hash" not in name for entry in described for name in entry)


def test_every_command_explains_itself_and_shows_an_example(operator: Operator) -> None:
    for command in COMMANDS:
        result = operator(app, command, "--help")
        assert result.exit_code == 0
        assert f"netra user {command}" in result.stdout
    overview = operator(app, "--help").stdout
    assert "audit" in overview
    assert all(command in overview for command in COMMANDS)
