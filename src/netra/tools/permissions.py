"""What a group of tools asks for besides a plan that holds it, as a table and without I/O.

A tool belongs to exactly one permission. Which permissions a plan holds is data (see `netra.tools.plans`); what a permission
asks for, and how often its tools may be used, belongs to the tools themselves and so to the code. The flag `*` stands for
every flag. No plan stands for a role: whoever may look after other people's accounts was told so by an operator.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

EVERY_FLAG: Final = "*"

ADMINISTRATORS: Final = frozenset({"admin", "super_admin"})

Window = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class Permission:
    """What its tools ask for, and how many of their calls together an hour and a day have room for."""

    flag: str | None = None
    roles: frozenset[str] = frozenset()
    """One of these roles; empty: any."""
    in_production: bool = True
    limits: Mapping[Window, int] | None = None
    """Before the plan's multiplier; None: no limit."""


PERMISSIONS: Final[Mapping[str, Permission]] = {
    "basic": Permission(),
    "analytics": Permission(limits={"hour": 100, "day": 1000}),
    "data_management": Permission(flag="data_operations", limits={"hour": 50, "day": 500}),
    "advanced_optimization": Permission(flag="advanced_optimization", limits={"hour": 20, "day": 100}),
    "system_management": Permission(roles=ADMINISTRATORS),
    "developer_tools": Permission(in_production=False),
}


def missing(name: str, *, held: Collection[str], role: str, flags: Collection[str], production: bool) -> tuple[str, ...]:
    """What somebody lacks for the tools of a permission, in words that a program can read; empty: nothing.

    `held` are the permissions of their plan. The words are `plan`, `flag:NAME`, `role:NAME` and `environment`.
    """
    permission = PERMISSIONS[name]
    return tuple(
        word
        for word, lacks in (
            ("plan", name not in held),
            (f"flag:{permission.flag}", permission.flag is not None and not {permission.flag, EVERY_FLAG} & set(flags)),
            ("role:admin", bool(permission.roles) and role not in permission.roles),
            ("environment", production and not permission.in_production),
        )
        if lacks
    )
