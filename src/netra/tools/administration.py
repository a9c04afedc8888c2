"""Administrators' tools: other people's accounts and flags, what happens on this server, how it is set up.

Whoever calls one has been told by an operator that they may, whatever their plan. Each works as the system role inside the
caller's own transaction, so that the change, its line in the audit, the count of the call and, from an agent, the log's word
that it happened are one: all of it or nothing. Looking is audited as well as changing; a change to what already is leaves no
line, because nothing happened.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from netra.auth import accounts
from netra.auth.accounts import MAX_EMAIL, Profile, Role
from netra.auth.audit import note
from netra.db.database import Connection
from netra.db.scope import as_system
from netra.db.sql import NamedQueries
from netra.errors import Forbidden, InvalidInput, Unavailable
from netra.tools.changes import Changed, PlanChanges
from netra.tools.gate import Entitlement
from netra.tools.tool import Call, Tool, tool

QUERIES: Final = NamedQueries("netra.tools", "administration.sql")

SUPER_ADMIN: Final = "super_admin"

MOST_ACCOUNTS: Final = 100
"""Accounts in one answer."""

LONGEST_LOOK: Final = 7 * 24
"""Hours that can be looked back on: what is older is the business of whoever keeps the metrics."""

MOST_VALUES: Final = 200
LONGEST_VALUE: Final = 4096
"""Proposed settings in one call, and characters of one."""

HIDDEN: Final = "set (hidden)"
"""What is shown of a secret."""

UserAction = Literal["find", "list", "set_role", "set_plan", "disable", "enable"]

Email = Annotated[str, Field(max_length=MAX_EMAIL, description="Whose account: the address that they sign in with.")]


class SuperAdminOnly(Forbidden):
    """Only a super_admin may do that: to a super_admin, to make one, or to their own role and access."""

    code = "super_admin_only"


class SettingsUnknown(Unavailable):
    """This process was not told how it is set up."""

    code = "settings_unknown"


@dataclass(frozen=True, slots=True)
class SettingFact:
    """One setting, as it may be shown: a secret is `HIDDEN` when it is set, and null when it is not."""

    name: str
    """In the environment: `NETRA_…`."""
    value: Any
    default: str
    changed: bool
    """Whether somebody gave it a value that is not its default."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would become of proposed settings."""

    problem: str | None
    """What is wrong with them, in words that repeat no value; None: nothing."""
    environment: tuple[str, ...] = ()
    """The lines that set them."""


def _not_told(_: Mapping[str, str]) -> Proposal:
    raise SettingsUnknown


@dataclass(frozen=True, slots=True)
class Configuration:
    """How this server is set up, in plain values. Without any, nobody has said."""

    settings: Sequence[SettingFact] = ()
    check: Callable[[Mapping[str, str]], Proposal] = field(default=_not_told)


def refuse_overreach(caller: Entitlement, account: Profile, action: str, role: str | None = None) -> None:
    """Raise `SuperAdminOnly` when the caller's own role does not reach so far.

    Otherwise one administrator's stolen session could take the installation from those who own it, or lock everybody out.
    """
    if caller.role == SUPER_ADMIN:
        return
    own = account.user_id == caller.user_id
    if SUPER_ADMIN in (account.role, role) or (own and action in ("set_role", "disable")):
        raise SuperAdminOnly


def administration_tools(changes: PlanChanges, configuration: Configuration) -> tuple[Tool, ...]:
    """The administrators' tools of a server that is set up like that."""

    @tool("user_admin", category="administration", permission="system_management", atomic=True)
    async def user_admin(
        call: Call,
        action: Annotated[UserAction, Field(description="`list` shows many accounts; every other action is about one.")],
        email: Email | None = None,
        role: Annotated[Role | None, Field(description="For `set_role`.")] = None,
        plan: Annotated[str | None, Field(max_length=64, description="For `set_plan`.")] = None,
        until: Annotated[AwareDatetime | None, Field(description="For `set_plan`: its end. Without it: never.")] = None,
        after: Annotated[str, Field(max_length=MAX_EMAIL, description="For `list`: those behind this address.")] = "",
        limit: Annotated[int, Field(ge=1, le=MOST_ACCOUNTS, description="For `list`.")] = MOST_ACCOUNTS,
    ) -> dict[str, Any]:
        """Find and list accounts, change their role or plan, shut them out and let them in again. Each use is audited."""
        connection = call.transaction.connection
        async with as_system(connection):
            if action == "list":
                found = await accounts.page(connection, after.strip().lower(), limit)
                await note(connection, "accounts_listed", None, actor_id=call.user_id, count=len(found))
                return {"accounts": [shown(account) for account in found], "more": len(found) == limit}
            address = _given(email, "email", action)
            if action == "find":
                account = await accounts.read(connection, address)
                await note(connection, "account_looked_up", account.user_id, actor_id=call.user_id)
                return {"account": shown(account)}
            account = await accounts.hold(connection, address)
            refuse_overreach(call.entitlement, account, action, role)
            gained: dict[str, Any] = {}
            match action:
                case "set_role":
                    await accounts.change_role(connection, account, _given(role, "role", action), actor_id=call.user_id)
                case "set_plan":
                    about = call.transaction.about(account.user_id)
                    changed = await changes.set_plan_within(
                        about, _given(plan, "plan", action), until=until, actor_id=call.user_id
                    )
                    gained = _tools(changed)
                case "disable":
                    await accounts.shut_out(connection, account, actor_id=call.user_id)
                case "enable":
                    await accounts.let_in(connection, account, actor_id=call.user_id)
            call.transaction.access_changed.add(account.user_id)
            return {"account": shown(await accounts.read(connection, address)), **gained}

    @tool("feature_flag_toggle", category="administration", permission="system_management", atomic=True)
    async def feature_flag_toggle(
        call: Call,
        email: Email,
        flag: Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9_]{0,63})$", description="Its name; `*` is every flag.")],
        on: Annotated[bool, Field(description="True gives the flag, false takes it away.")],
    ) -> dict[str, Any]:
        """Give somebody a feature flag, or take one away. Open sockets are told which tools that opens and closes."""
        connection = call.transaction.connection
        async with as_system(connection):
            account = await accounts.hold(connection, email)
            refuse_overreach(call.entitlement, account, "flag")
            about = call.transaction.about(account.user_id)
            changed = await changes.set_flag_within(about, flag, on=on, actor_id=call.user_id)
        return {"email": account.email, "feature_flags": list(changed.new.feature_flags), **_tools(changed)}

    @tool("log_analyzer", category="administration", permission="system_management", atomic=True)
    async def log_analyzer(
        call: Call, hours: Annotated[int, Field(ge=1, le=LONGEST_LOOK, description="How far to look back.")] = 24
    ) -> dict[str, Any]:
        """Count what happened lately, on every process: runs, failures, tool calls, sign-ins, refusals. Counts only."""
        connection = call.transaction.connection
        async with as_system(connection):
            ((since, until),) = await _rows(connection, "read_time", hours)
            ((sign_ins,),) = await _rows(connection, "count_sign_ins", hours)
            answer = {
                "since": since,
                "until": until,
                "runs": _nested(await _rows(connection, "count_runs", hours)),
                "failures": dict(await _rows(connection, "count_failures", hours)),
                "tool_calls": _nested(await _rows(connection, "count_calls", hours)),
                "sign_ins": sign_ins,
                "audit": dict(await _rows(connection, "count_audit", hours)),
            }
            await note(connection, "activity_counted", None, actor_id=call.user_id, hours=hours)
        return answer

    @tool("system_configurator", category="administration", permission="system_management", atomic=True)
    async def system_configurator(
        call: Call,
        action: Annotated[Literal["show", "check"], Field(description="`check` says whether `values` could be settings.")],
        values: Annotated[
            dict[str, Annotated[str, Field(max_length=LONGEST_VALUE)]],
            Field(max_length=MOST_VALUES, description="For `check`: values as an environment spells them, by `NETRA_…`."),
        ] = {},  # noqa: B006 - read only
    ) -> dict[str, Any]:
        """Show this server's settings, or check others and print the lines that would set them. Settings are frozen while a
        server runs: nothing is changed here; put the lines into its environment and start it again.
        """
        connection = call.transaction.connection
        if action == "show":
            async with as_system(connection):
                await note(connection, "settings_shown", None, actor_id=call.user_id)
            return {"settings": configuration.settings}
        if not values:
            raise InvalidInput("check needs values.", field="arguments.values")
        proposal = configuration.check(values)
        async with as_system(connection):
            await note(connection, "settings_checked", None, actor_id=call.user_id, names=sorted(values))
        return {
            "valid": proposal.problem is None,
            "problem": proposal.problem,
            "environment": proposal.environment,
            "changes_nothing": "Settings are read once, at the start of a server.",
        }

    return user_admin, feature_flag_toggle, log_analyzer, system_configurator


def shown(account: Profile) -> dict[str, Any]:
    """An account as an administrator sees it."""
    return {
        "id": account.user_id,
        "email": account.email,
        "name": account.name,
        "role": account.role,
        "plan": account.plan,
        "plan_expires_at": account.plan_expires_at,
        "feature_flags": account.feature_flags,
        "disabled_at": account.disabled_at,
        "created_at": account.created_at,
    }


def _given(value: Any, name: str, action: str) -> Any:
    if value is None:
        raise InvalidInput(f"{action} needs {name}.", field=f"arguments.{name}")
    return value


def _tools(changed: Changed) -> dict[str, Any]:
    return {"tools_gained": changed.gained, "tools_lost": changed.lost}


async def _rows(connection: Connection, query: str, hours: int) -> list[tuple[Any, ...]]:
    return await (await connection.execute(QUERIES[query], {"hours": hours})).fetchall()


def _nested(rows: Sequence[tuple[Any, ...]]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for outer, inner, count in rows:
        counts.setdefault(outer, {})[inner] = count
    return counts
