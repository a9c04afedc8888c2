"""How a call ended, as everybody outside is told."""

import pytest

from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.ids import UserId, new_uuid
from netra.tools.answer import call_and_answer
from netra.tools.gate import ToolCaller
from netra.tools.toolbox import Toolbox, UnknownTool
from tests.tools.test_gate import set_plan


async def test_a_call_that_succeeds_has_a_result(toolbox: Toolbox, alice: UserId) -> None:
    answer = await call_and_answer(toolbox, ToolCaller(alice, "http"), "create_thread", {"title": "x"})
    assert answer["status"] == "success"
    assert answer["result"]["title"] == "x"


async def test_what_a_tool_refuses_is_its_answer_and_what_never_reached_it_is_not(toolbox: Toolbox, alice: UserId) -> None:
    answer = await call_and_answer(toolbox, ToolCaller(alice, "http"), "get_agent_status", {"run_id": str(new_uuid())})
    assert answer == {"status": "error", "error": {"code": NotFound.code, "message": NotFound().detail}}
    with pytest.raises(UnknownTool):
        await call_and_answer(toolbox, ToolCaller(alice, "http"), "no_such_tool", {})
    with pytest.raises(InvalidInput):
        await call_and_answer(toolbox, ToolCaller(alice, "http"), "create_thread", {"title": 7})


async def test_a_quota_that_is_used_up_is_said_with_what_would_help_and_when(
    toolbox: Toolbox, database: Database, alice: UserId
) -> None:
    await set_plan(database, "free", allowances={"list_agents": 1})
    assert (await call_and_answer(toolbox, ToolCaller(alice, "http"), "list_agents", {}))["status"] == "success"
    answer = await call_and_answer(toolbox, ToolCaller(alice, "mcp"), "list_agents", {})
    assert answer["status"] == answer["error"]["code"] == "rate_limited"
    [limit] = answer["permission_info"]["rate_limit_status"]
    assert (limit["limit"], limit["used"]) == (1, 1)
    assert answer["retry_after"] > 0
