from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import InvalidInput
from netra.events.codec import encode
from netra.ids import UserId
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.prompts import LARGEST_PROMPT, MOST_FINDINGS
from netra.tools.toolbox import LARGEST, Toolbox
from netra.tools.wording import estimate_tokens
from tests.tools.conftest import give

PROMPT = "Please note that you are a clerk.\n\n\n\nSummarize {{text}}  now. Kindly be exact."


@pytest.fixture(autouse=True)
async def she_may(database: Database, alice: UserId) -> None:
    await give(database, alice, "pro")


async def optimize(toolbox: Toolbox, user_id: UserId, **arguments: Any) -> Any:
    return await toolbox.call(ToolCaller(user_id, "http"), "optimize_prompt", {"prompt": PROMPT, **arguments})


async def test_a_prompt_is_given_back_shorter_with_what_was_found(toolbox: Toolbox, alice: UserId) -> None:
    result = await optimize(toolbox, alice)
    assert result["prompt"] == "You are a clerk.\n\nSummarize {{text}} now. Be exact."
    assert result["changed"]
    tokens = result["tokens"]
    assert tokens["before"] == estimate_tokens(PROMPT)
    assert tokens["after"] == estimate_tokens(result["prompt"])
    assert tokens["saved"] == tokens["before"] - tokens["after"] > 0
    assert "No tokenizer" in tokens["estimator"]
    assert result["findings_by_kind"] == {"filler": 2, "whitespace": 3, "unbounded": 1}
    assert [finding["line"] for finding in result["findings"]] == sorted(finding["line"] for finding in result["findings"])


async def test_what_is_to_be_kept_is_kept(toolbox: Toolbox, alice: UserId) -> None:
    result = await optimize(toolbox, alice, keep=["filler", "whitespace"])
    assert (result["prompt"], result["changed"], result["tokens"]["saved"]) == (PROMPT, False, 0)
    with pytest.raises(InvalidInput):
        await optimize(toolbox, alice, keep=["unbounded"])


async def test_the_largest_prompt_has_an_answer_that_a_log_can_hold(toolbox: Toolbox, alice: UserId) -> None:
    lines = "".join(f"kindly  say {nth} and nothing else, ever.\n" for nth in range(3000))
    result = await optimize(toolbox, alice, prompt=lines)
    assert len(result["findings"]) == MOST_FINDINGS
    assert result["findings_by_kind"]["filler"] == 3000
    assert len(encode(result)) < LARGEST
    for refused in ("x" * (LARGEST_PROMPT + 1), "\n" * 100_000, "a\0", ""):
        with pytest.raises(InvalidInput) as caught:
            await optimize(toolbox, alice, prompt=refused)
        assert caught.value.extra["field"] == "arguments.prompt"


async def test_the_free_plan_has_no_such_tool(toolbox: Toolbox, database: Database, alice: UserId) -> None:
    await give(database, alice)
    with pytest.raises(PermissionDenied):
        await optimize(toolbox, alice)
