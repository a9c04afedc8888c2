"""What the tools of one run have in common, and one of them counts as if it were alone."""

import pytest

from netra.guard.requests.tool_contexts import counted_in_tools
from tests.guard.programs import analysed

TEXT = """
from agents import RunContextWrapper, function_tool


@function_tool
async def draw(ctx: RunContextWrapper, text: str) -> str:
    account = {account}
    credit = account.credit
    if account.credit < 5:
        return "none left"
    {paused}
    {changed}
    return text
"""


@pytest.mark.parametrize(
    ("account", "paused", "changed", "expected"),
    [
        ("ctx.context.account", "await paint(text)", "account.credit = credit - 5", [False]),
        ("ctx.context.account", "await paint(text)", "account.credit -= 5", [True]),
        ("ctx.context", "await paint(text)", "account.credit -= 5", [True]),
        ("ctx.context.account", "paint(text)", "account.credit -= 5", []),
        ("ctx.context.account", "await paint(text)", "account.painted -= 5", []),
        ("ctx.context.account", "await paint(text)", "account.credit = 5", []),
        ("Account()", "await paint(text)", "account.credit -= 5", []),
    ],
)
def test_what_is_counted_behind_a_pause(account: str, paused: str, changed: str, expected: list[bool]) -> None:
    text = TEXT.format(account=account, paused=paused, changed=changed)
    assert [each.limit for each in counted_in_tools(analysed(text))] == expected
