"""Which tools a plan opens, as tables and without I/O.

A tool belongs to exactly one permission. A permission comes with a plan, and some ask for more: a feature flag, a role. The
flag `*` stands for every flag.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

EVERY_FLAG: Final = "*"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a group of tools asks for besides a plan that holds it."""

    tools: tuple[str, ...]
    flag: str | None = None
    roles: frozenset[str] = frozenset()
    """One of these roles; empty: any."""


PERMISSIONS: Final[Mapping[str, Permission]] = {
    "basic": Permission(("create_thread", "get_thread_history", "list_agents", "get_agent_status")),
    "analytics": Permission(("analyze_workload", "query_corpus", "optimize_prompt")),
    "data_management": Permission(
        ("generate_synthetic_data", "corpus_manager", "create_corpus", "modify_corpus"), flag="data_operations"
    ),
    "advanced_optimization": Permission(
        (
            "cost_analyzer",
            "latency_analyzer",
            "performance_predictor",
            "multi_objective_optimization",
            "kv_cache_optimization_audit",
        ),
        flag="advanced_optimization",
    ),
    "system_management": Permission(
        ("system_configurator", "log_analyzer", "user_admin", "feature_flag_toggle"),
        roles=frozenset({"admin", "super_admin"}),
    ),
    "developer_tools": Permission(("debug_panel", "system_logs")),
}

PLANS: Final[Mapping[str, tuple[str, ...]]] = {
    "free": ("basic",),
    "pro": ("basic", "analytics", "data_management"),
    "enterprise": ("basic", "analytics", "data_management", "advanced_optimization", "system_management"),
    "developer": tuple(PERMISSIONS),
}
"""The permissions of each plan."""


def tools_of(plan: str, role: str, flags: Collection[str]) -> frozenset[str]:
    """The tools that are open to a user with this plan, role and these feature flags."""
    return frozenset(
        tool
        for name in PLANS[plan]
        for tool in PERMISSIONS[name].tools
        if _opens(PERMISSIONS[name], role, flags, everything=plan == "developer")
    )


def _opens(permission: Permission, role: str, flags: Collection[str], *, everything: bool) -> bool:
    flagged = permission.flag is None or permission.flag in flags or EVERY_FLAG in flags
    return everything or (flagged and (not permission.roles or role in permission.roles))
