import pytest

from netra.tools.permissions import PERMISSIONS, missing

EVERYTHING = tuple(PERMISSIONS)


def lacks(name: str, held: tuple[str, ...] = EVERYTHING, role: str = "user", *flags: str, production: bool = False) -> set[str]:
    return set(missing(name, held=held, role=role, flags=flags, production=production))


def test_what_a_plan_does_not_hold_no_role_and_no_flag_opens() -> None:
    assert lacks("analytics", ("basic",), "super_admin", "*") == {"plan"}


def test_a_flag_is_needed_beside_the_plan_and_a_star_is_every_flag() -> None:
    assert lacks("data_management") == {"flag:data_operations"}
    assert lacks("data_management", EVERYTHING, "user", "data_operations") == set()
    assert lacks("data_management", EVERYTHING, "user", "*") == set()
    assert lacks("data_management", EVERYTHING, "user", "advanced_optimization") == {"flag:data_operations"}


def test_no_plan_and_no_flag_stands_for_a_role() -> None:
    assert lacks("system_management", EVERYTHING, "developer", "*") == {"role:admin"}
    for role in ("admin", "super_admin"):
        assert lacks("system_management", EVERYTHING, role) == set()


def test_tools_for_developers_are_never_open_in_production() -> None:
    assert lacks("developer_tools") == set()
    assert lacks("developer_tools", EVERYTHING, "super_admin", "*", production=True) == {"environment"}


def test_everything_that_is_lacking_is_named() -> None:
    assert lacks("data_management", ()) == {"plan", "flag:data_operations"}


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_limit_leaves_room_for_use(name: str) -> None:
    limits = PERMISSIONS[name].limits or {}
    assert all(limit > 0 for limit in limits.values())
    assert limits.get("hour", 0) <= limits.get("day", 10**9)
