"""`netra migrate-legacy`, as an operator uses it, and as a power cut uses the operator."""

import json
import random
import subprocess
import sys
from collections import Counter
from typing import Final

import psycopg
import pytest

from netra.cli import user
from netra.cli.legacy import app
from netra.env import for_subprocess
from tests.cli.conftest import Operator, Rows

ROLES: Final = ("super_admin", "admin", "developer", "user")
PLANS: Final = {"super_admin": "enterprise", "admin": "enterprise", "developer": "developer", "user": "free"}


@pytest.fixture
def people(owner_url: str) -> list[str]:
    """Twelve accounts, three of each role, by e-mail address."""
    return add_people(owner_url, 12)


def add_people(owner_url: str, count: int) -> list[str]:
    emails = [f"{ROLES[number % 4]}{number}@example.com" for number in range(count)]
    with psycopg.connect(owner_url) as owner:
        for number, email in enumerate(emails):
            owner.execute(
                """WITH made AS (
                       INSERT INTO account (id, email, password_hash, role) VALUES (gen_random_uuid(), %s, '', %s) RETURNING id
                   ) INSERT INTO thread (user_id, id, kind) SELECT id, id, 'account' FROM made""",
                [email, ROLES[number % 4]],
            )
    return emails


def grants(rows: Rows) -> dict[str, str]:
    return dict(rows("SELECT email, plan FROM account"))


def plan_of(email: str) -> str:
    return PLANS[email.partition("@")[0].rstrip("0123456789")]


def test_everybody_is_migrated_once_and_the_report_says_from_what_to_what(
    operator: Operator, rows: Rows, people: list[str]
) -> None:
    result = operator(app)
    assert result.exit_code == 0, result.output
    assert grants(rows) == {email: plan_of(email) for email in people}
    assert rows("SELECT action, actor_id, count(*) FROM audit GROUP BY 1, 2") == [("legacy_migrated", None, 9)]
    assert result.stdout.splitlines()[-6:] == [
        "migrated: 9",
        "  admin → enterprise: 3",
        "  developer → developer: 3",
        "  super_admin → enterprise: 3",
        "needed nothing: 0",
        "failed: 0",
    ]
    again = operator(app)
    assert "needed nothing: 9" in again.stdout.splitlines()
    assert rows("SELECT count(*) FROM audit") == [(9,)]


def test_a_dry_run_says_the_same_and_changes_nothing(operator: Operator, rows: Rows, people: list[str]) -> None:
    dry = operator(app, "--dry-run")
    assert dry.exit_code == 0
    assert "would be migrated: 9" in dry.stdout.splitlines()
    assert set(grants(rows).values()) == {"free"}
    assert rows("SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM event)") == [(0, 0)]


def test_programs_get_a_line_for_each_account_and_the_report_last(operator: Operator, people: list[str]) -> None:
    *each, last = [json.loads(line) for line in operator(app, "--json").stdout.splitlines()]
    assert {entry["email"]: entry["new_plan"] for entry in each} == {
        email: plan_of(email) for email in people if plan_of(email) != "free"
    }
    assert last["report"]["migrated"] == [
        {"old_role": "admin", "new_plan": "enterprise", "accounts": 3},
        {"old_role": "developer", "new_plan": "developer", "accounts": 3},
        {"old_role": "super_admin", "new_plan": "enterprise", "accounts": 3},
    ]
    assert (last["report"]["needed_nothing"], last["report"]["failed"]) == (0, [])


def test_an_account_that_cannot_be_migrated_is_reported_and_the_others_are(
    operator: Operator, rows: Rows, people: list[str], owner_url: str
) -> None:
    with psycopg.connect(owner_url) as owner:
        owner.execute("DELETE FROM thread WHERE user_id = (SELECT id FROM account WHERE email = 'admin1@example.com')")
    result = operator(app)
    assert result.exit_code == 1
    assert {"migrated: 8", "failed: 1"} <= set(result.stdout.splitlines())
    assert "  admin1@example.com: There is nothing here under that id." in result.stdout.splitlines()
    assert grants(rows)["admin1@example.com"] == "free"
    assert rows("SELECT count(*) FROM audit") == [(8,)]


def test_one_account_is_migrated_shown_and_taken_back(operator: Operator, rows: Rows, people: list[str]) -> None:
    email = "developer2@example.com"
    assert "developer would be migrated to developer" in operator(app, email, "--dry-run").stdout
    assert "developer migrated to developer" in operator(app, email).stdout
    assert "needs nothing" in operator(app, email).stdout
    assert Counter(grants(rows).values()) == {"free": 11, "developer": 1}
    assert "would go back from developer to free" in operator(app, email, "--undo", "--dry-run").stdout
    assert "is back from developer to free" in operator(app, email, "--undo").stdout
    assert rows("SELECT action FROM audit ORDER BY at, id") == [("legacy_migrated",), ("legacy_undone",)]
    assert set(grants(rows).values()) == {"free"}
    # Taken back is taken back: the next migration of all leaves it alone.
    assert "needed nothing: 1" in operator(app).stdout.splitlines()
    assert grants(rows)[email] == "free"


def test_what_cannot_be_taken_back_is_refused_in_words(
    operator: Operator, rows: Rows, people: list[str], owner_url: str
) -> None:
    assert operator(app, "--undo").exit_code == 2
    assert "taken back" in operator(app, "admin1@example.com", "--undo").stderr
    assert "no account with this e-mail address" in operator(app, "nobody@example.com", "--undo").stderr
    for email in ("admin1@example.com", "admin5@example.com"):
        operator(app, email)
    operator(user.app, "set-plan", "admin1@example.com", "pro")
    changed = operator(app, "admin1@example.com", "--undo")
    assert (changed.exit_code, "changed after the migration" in changed.stderr) == (1, True)
    with psycopg.connect(owner_url) as owner:
        owner.execute("DELETE FROM audit")
    forgotten = operator(app, "admin5@example.com", "--undo")
    assert (forgotten.exit_code, "no longer knows" in forgotten.stderr) == (1, True)
    assert (grants(rows)["admin1@example.com"], grants(rows)["admin5@example.com"]) == ("pro", "enterprise")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_again_and_again_it_migrates_everybody_and_nobody_twice(
    seed: int, database_url: str, owner_url: str, rows: Rows
) -> None:
    draw = random.Random(seed)
    emails = add_people(owner_url, 400)  # three hundred of them have a role that goes with a plan
    environment = for_subprocess(
        {"NETRA_DATABASE_URL": database_url, "NETRA_ENVIRONMENT": "test", "NETRA_HOST_RESOLUTION": "off"}
    )
    killed = 0
    while True:
        with subprocess.Popen(
            [sys.executable, "-m", "netra", "migrate-legacy"], env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            # Killed when it has told of so many accounts, wherever it is with the next one by then.
            for _ in range(draw.randrange(1, 200) if killed < 3 else 10_000):
                if not process.stdout.readline():
                    break
            process.kill()
        if process.wait() == 0:
            break
        killed += 1
        assert rows("SELECT (SELECT count(*) FROM audit) = (SELECT count(*) FROM account WHERE plan <> 'free')") == [(True,)]
        assert rows("SELECT (SELECT count(*) FROM event) = (SELECT count(*) FROM audit)") == [(True,)]
    assert grants(rows) == {email: plan_of(email) for email in emails}
    assert rows("SELECT count(*), count(DISTINCT user_id) FROM audit WHERE action = 'legacy_migrated'") == [(300, 300)]
    assert rows("SELECT count(*), count(DISTINCT user_id) FROM event WHERE type = 'plan_changed'") == [(300, 300)]
    assert killed > 0
