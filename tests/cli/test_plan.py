"""`netra plan`, as an operator uses it."""

import json
from typing import Any

import psycopg
import pytest

from netra.cli import user
from netra.cli.plan import app
from tests.cli.conftest import PASSWORD, Operator, Rows


def plans(operator: Operator, *arguments: str) -> list[dict[str, Any]]:
    result = operator(app, "show", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def create(operator: Operator, email: str, plan: str) -> None:
    result = operator(user.app, "create", email, "--password-stdin", "--plan", plan, stdin=PASSWORD + "\n")
    assert result.exit_code == 0, result.output


def test_the_plans_are_shown_with_who_has_them(operator: Operator) -> None:
    create(operator, "carol@example.com", "pro")
    shown = {plan["name"]: plan for plan in plans(operator)}
    assert list(shown) == ["free", "pro", "enterprise", "developer"]
    assert (shown["pro"]["price_usd"], shown["pro"]["accounts"], shown["free"]["accounts"]) == (29, 1, 0)
    assert (shown["developer"]["hidden"], shown["developer"]["price_usd"]) == (True, None)
    table = operator(app, "show").stdout
    for word in ("pro", "$29.00", "data_management", "generate_synthetic_data 10000", "developer (hidden)", "not for sale"):
        assert word in table
    assert [plan["name"] for plan in plans(operator, "pro")] == ["pro"]


def test_what_is_named_changes_and_the_difference_is_shown(operator: Operator, rows: Rows) -> None:
    result = operator(
        app, "set", "pro", "--price", "39", "--allow", "list_agents=7", "--no-allowance", "analyze_workload",
        "--rate", "2.5", "--threads", "none", "--permissions", "basic, analytics", "--hidden",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    for line in (
        "price: $29.00 → $39.00",
        "permissions: basic, analytics, data_management → basic, analytics",
        "rate: × 2 → × 2.5",
        "threads: 50 → no limit",
        "offered: yes → no",
        "list_agents a day: no limit → 7",
        "analyze_workload a day: 500 → no limit",
    ):
        assert line in lines
    assert lines[-1] == "In force: pro, version 2. Accounts that have it: 0."
    (now,) = plans(operator, "pro")
    assert (now["version"], now["price_usd"], now["threads"], now["rate_multiplier"]) == (2, 39, None, 2.5)
    assert now["allowances"] == {"*": 1000, "generate_synthetic_data": 10000, "list_agents": 7}
    assert [plan["version"] for plan in plans(operator, "pro", "--versions")] == [2, 1]
    assert rows("SELECT action, actor_id, detail FROM audit") == [("plan_version_added", None, {"plan": "pro", "version": 2})]


def test_everybody_who_has_the_plan_is_told_and_counted(operator: Operator, rows: Rows, hints: psycopg.Connection[Any]) -> None:
    for number in range(3):
        create(operator, f"person{number}@example.com", "enterprise")
    assert rows("SELECT count(*) FROM event") == [(3,)]
    result = operator(app, "set", "enterprise", "--permissions", "basic")
    assert "told 3 of 3 accounts" in result.stdout
    told = rows("SELECT convert_from(body, 'utf8')::jsonb FROM event ORDER BY at DESC LIMIT 3")
    for (event,) in told:
        assert (event["old"], event["new"], event["gained"]) == ("enterprise", "enterprise", [])
        assert "analyze_workload" in event["lost"]
        assert "list_agents" not in event["lost"]
    assert list(hints.notifies(timeout=5, stop_after=1))


def test_what_it_opens_and_closes_is_said(operator: Operator) -> None:
    result = operator(app, "set", "enterprise", "--permissions", "basic,developer_tools", "--dry-run")
    (opens,) = [line for line in result.stdout.splitlines() if line.startswith("opens: ")]
    (closes,) = [line for line in result.stdout.splitlines() if line.startswith("closes: ")]
    assert opens == "opens: debug_panel, system_logs"
    assert {"user_admin", "log_analyzer", "analyze_workload"} <= set(closes.removeprefix("closes: ").split(", "))
    assert "list_agents" not in closes


def test_a_dry_run_shows_the_same_and_changes_nothing(operator: Operator, rows: Rows) -> None:
    wish = ("set", "free", "--price", "1.50", "--allow", "*=3")
    dry = operator(app, *wish, "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.splitlines()[-1] == "Nothing was changed."
    assert rows("SELECT max(version), (SELECT count(*) FROM audit) FROM plan_version") == [(1, 0)]
    assert (
        operator(app, *wish).stdout.splitlines()[:2]
        == dry.stdout.splitlines()[:2]
        == ["price: $0.00 → $1.50", "* a day: no limit → 3"]
    )


def test_a_plan_is_made_and_given(operator: Operator) -> None:
    assert operator(app, "set", "team", "--price", "99").exit_code == 1
    made = operator(app, "set", "team", "--create", "--price", "99", "--allow", "list_agents=5")
    assert made.exit_code == 0, made.output
    assert "permissions: basic" in made.stdout.splitlines()
    create(operator, "carol@example.com", "team")
    (team,) = plans(operator, "team")
    assert (team["version"], team["accounts"], team["allowances"]) == (1, 1, {"list_agents": 5})
    again = operator(app, "set", "team", "--create")
    assert (again.exit_code, "already" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("pro",), 1, "would change nothing"),
        (("pro", "--price", "29"), 1, "would change nothing"),
        (("pr", "--price", "29"), 1, "did you mean pro"),
        (("zzz", "--price", "29"), 1, "free, pro, enterprise, developer"),
        (("pro", "--allow", "list_agent=3"), 1, "did you mean list_agents"),
        (("pro", "--allow", "list_agents"), 2, "TOOL=N"),
        (("pro", "--allow", "list_agents=-3"), 2, "TOOL=N"),
        (("pro", "--allow", f"list_agents={2**31}"), 1, "allowances.list_agents"),
        (("pro", "--no-allowance", "analyse_workload"), 1, "did you mean analyze_workload"),
        (("pro", "--permissions", "basic,flying"), 1, "no permission 'flying'"),
        (("pro", "--price", "much"), 2, "not a number"),
        (("pro", "--price", "NaN"), 2, "not a number"),
        (("pro", "--price", "-1"), 1, "below zero"),
        (("pro", "--price", "1.005"), 1, "whole cents"),
        (("pro", "--price", "1e12"), 1, "at most"),
        (("pro", "--price", "1", "--not-for-sale"), 2, "--not-for-sale"),
        (("pro", "--rate", "0"), 1, "above zero"),
        (("pro", "--rate", "0.001"), 1, "hundredths"),
        (("pro", "--threads", "many"), 2, "neither a number nor none"),
        (("Pro Max", "--create"), 1, "lower-case"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(
    operator: Operator, rows: Rows, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = operator(app, "set", *arguments)
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert rows("SELECT max(version), (SELECT count(*) FROM audit) FROM plan_version") == [(1, 0)]


def test_every_command_explains_itself_and_shows_an_example(operator: Operator) -> None:
    for command in ("show", "set"):
        result = operator(app, command, "--help")
        assert result.exit_code == 0
        assert f"netra plan {command}" in result.stdout
