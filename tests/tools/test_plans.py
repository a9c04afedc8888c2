from netra.auth.accounts import PLANS as ACCOUNT_PLANS
from netra.tools.plans import PERMISSIONS, PLANS, tools_of


def test_every_plan_that_an_account_can_have_is_in_the_table() -> None:
    assert set(PLANS) == set(ACCOUNT_PLANS)


def test_every_permission_belongs_to_a_plan() -> None:
    assert {name for names in PLANS.values() for name in names} == set(PERMISSIONS)


def test_a_tool_belongs_to_one_permission() -> None:
    tools = [tool for permission in PERMISSIONS.values() for tool in permission.tools]
    assert len(tools) == len(set(tools)) == 22


def test_a_free_user_has_the_basic_tools_whatever_their_role_and_flags() -> None:
    assert tools_of("free", "super_admin", ["*"]) == set(PERMISSIONS["basic"].tools)


def test_a_flag_opens_what_the_plan_holds_and_nothing_else() -> None:
    assert "create_corpus" not in tools_of("pro", "user", [])
    assert "create_corpus" in tools_of("pro", "user", ["data_operations"])
    assert "create_corpus" in tools_of("pro", "user", ["*"])
    assert "cost_analyzer" not in tools_of("pro", "user", ["advanced_optimization"])


def test_system_tools_need_the_role_beside_the_plan() -> None:
    assert "user_admin" not in tools_of("enterprise", "user", ["*"])
    assert "user_admin" in tools_of("enterprise", "admin", [])


def test_a_developer_has_every_tool() -> None:
    assert len(tools_of("developer", "developer", [])) == 22
