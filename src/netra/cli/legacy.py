"""`netra migrate-legacy`: from the roles of old to plans, for everybody or for one account, and back."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from netra.cli.installation import DatabaseUrl, DataDir, Installation, operate
from netra.cli.progress import progress
from netra.errors import NetraError
from netra.tools.changes import Changed
from netra.tools.legacy import Migrated, NothingToMigrate, count_candidates, migrate_all, migrate_legacy, undo_migration

app = typer.Typer(name="migrate-legacy", help="Give every old role the plan that goes with it, once.")

Outcome = Migrated | NothingToMigrate | NetraError


@dataclass(slots=True)
class MigrationReport:
    """What has come of a migration so far."""

    dry_run: bool
    migrated: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By old role and new plan."""
    needed_nothing: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Why, by e-mail address."""

    def add(self, email: str, outcome: Outcome) -> None:
        match outcome:
            case Migrated():
                self.migrated[outcome.old_role, outcome.new_plan] += 1
            case NothingToMigrate():
                self.needed_nothing += 1
            case NetraError():
                self.failed[email] = outcome.detail

    @property
    def looked_at(self) -> int:
        return self.migrated.total() + self.needed_nothing + len(self.failed)

    def lines(self) -> list[str]:
        """The report for people."""
        verb = "would be migrated" if self.dry_run else "migrated"
        return [
            f"{verb}: {self.migrated.total()}",
            *(f"  {role} → {plan}: {count}" for (role, plan), count in sorted(self.migrated.items())),
            f"needed nothing: {self.needed_nothing}",
            f"failed: {len(self.failed)}",
            *(f"  {email}: {reason}" for email, reason in self.failed.items()),
        ]

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        migrated = [{"old_role": role, "new_plan": plan, "accounts": n} for (role, plan), n in sorted(self.migrated.items())]
        return {
            "dry_run": self.dry_run,
            "migrated": migrated,
            "needed_nothing": self.needed_nothing,
            "failed": [{"email": email, "reason": reason} for email, reason in self.failed.items()],
        }


@app.command()
def migrate(
    email: Annotated[
        str | None,
        typer.Argument(metavar="[EMAIL]", help="One account; without it: every account whose role goes with a plan."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line; the last one is the report.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Give one account back what it had before its migration.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Give every old role (super_admin, admin, developer) the plan that goes with it, once.

    Each account is one transaction with its line in the audit, and its open sockets are told. A migration that is stopped,
    by whatever, is begun again by the same command: it does the rest. Exits with 1 when an account could not be migrated.

    netra migrate-legacy --dry-run
    """
    if undo and email is None:
        raise typer.BadParameter("is for one account: give its EMAIL.", param_hint="--undo")
    if undo:
        changed = operate(lambda installation: _undo(installation, str(email), dry_run=dry_run), database_url, data_dir)
        _tell_undone(changed, dry_run=dry_run, as_json=as_json)
        return
    report = MigrationReport(dry_run)
    try:
        operate(lambda installation: _migrate(installation, email, report, as_json=as_json), database_url, data_dir)
    finally:
        # Also of a migration that was interrupted, or lost its database: what is done is done.
        if email is None or report.failed:
            typer.echo(json.dumps({"report": report.as_json()}) if as_json else "\n".join(report.lines()))
    if report.failed:
        raise typer.Exit(1)


async def _migrate(installation: Installation, email: str | None, report: MigrationReport, *, as_json: bool) -> None:
    changes = installation.changes
    if email is not None:
        profile = await installation.sign_in.accounts.find(email)
        one = await migrate_legacy(changes, profile.user_id, dry_run=report.dry_run)
        report.add(profile.email, one)
        typer.echo(json.dumps(described(profile.email, one)) if as_json else line(profile.email, one, dry_run=report.dry_run))
        return
    with progress("accounts", await count_candidates(changes), quiet=as_json) as advance:
        async for account, outcome in migrate_all(changes, dry_run=report.dry_run):
            report.add(account.email, outcome)
            if as_json:
                typer.echo(json.dumps(described(account.email, outcome)))
            advance(report.looked_at, line(account.email, outcome, dry_run=report.dry_run))


async def _undo(installation: Installation, email: str, *, dry_run: bool) -> Changed:
    profile = await installation.sign_in.accounts.find(email)
    return await undo_migration(installation.changes, profile.user_id, dry_run=dry_run)


def _tell_undone(changed: Changed, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        entry = {
            "email": changed.account.email,
            "outcome": "undone",
            "old": changed.old.as_json(),
            "new": changed.new.as_json(),
        }
        typer.echo(json.dumps({**entry, "dry_run": dry_run}))
        return
    flags = ", ".join(changed.new.feature_flags) or "none"
    would = "would go back" if dry_run else "is back"
    typer.echo(f"{changed.account.email}: {would} from {changed.old.plan} to {changed.new.plan}, flags {flags}")


def line(email: str, outcome: Outcome, *, dry_run: bool) -> str:
    """What came of one account, for people."""
    match outcome:
        case Migrated():
            verb = "would be migrated" if dry_run else "migrated"
            return f"{email}: {outcome.old_role} {verb} to {outcome.new_plan}, flags {', '.join(outcome.feature_flags)}"
        case NothingToMigrate():
            return f"{email}: needs nothing, is on {outcome.current_plan}"
        case NetraError():
            return f"{email}: failed: {outcome.detail}"


def described(email: str, outcome: Outcome) -> dict[str, Any]:
    """What came of one account, for programs."""
    match outcome:
        case Migrated():
            return {
                "email": email,
                "outcome": "migrated",
                "old_role": outcome.old_role,
                "new_plan": outcome.new_plan,
                "feature_flags": outcome.feature_flags,
                "tools_gained": outcome.changed.gained,
            }
        case NothingToMigrate():
            return {"email": email, "outcome": "needed_nothing", "current_plan": outcome.current_plan}
        case NetraError():
            return {"email": email, "outcome": "failed", "code": outcome.code, "reason": outcome.detail}
