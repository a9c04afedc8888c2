"""The code as it lies here: which commit it is, and when it last changed. Evidence older than that is about other code."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from netra.report.model import Evidence

GRACE: Final = timedelta(seconds=1)
"""File systems and documents round what they say about time."""

LAST_DELETIONS: Final = "--since=30.days"
"""How far back a deletion is looked for; a long history takes seconds to read, and older evidence is old by its age."""


class Checkout(msgspec.Struct, frozen=True):
    """What Git knows of the folder; empty where there is no Git."""

    commit: str = ""
    """With a `+` behind it when files differ from the commit."""
    changed_at: datetime | None = None
    """When the youngest file of the code was written. Not the time of the commit: an older commit that is checked out again
    has an old time, and is other code than a minute ago."""
    changed: str = ""
    """That file."""

    @classmethod
    def of(cls, folder: Path, *leave_out: Path) -> "Checkout":
        """Look at tracked files, and at Python that is not tracked yet; not at evidence and reports, which are no code."""
        commit = _git(folder, "rev-parse", "--short=12", "HEAD").strip()
        if not commit:
            return cls()
        without = {path.resolve() for path in leave_out}
        names = {*_list(folder, "ls-files", "-z"), *_list(folder, "ls-files", "-z", "-o", "--exclude-standard", "--", "*.py")}
        files = [(folder / name, name) for name in sorted(names)]
        changes = [(path.stat().st_mtime, name) for path, name in files if path.is_file() and path.resolve() not in without]
        changes += [_gone(path, name) for path, name in files if not os.path.lexists(path)]
        changes += _deleted_by_commit(folder)
        differs = "+" if _git(folder, "status", "--porcelain", "--untracked-files=no").strip() else ""
        if not changes:
            return cls(commit + differs)
        at, name = max(changes)
        return cls(commit + differs, datetime.fromtimestamp(at, UTC), name)

    def judged(self, evidence: Evidence, now: datetime, oldest: timedelta) -> Evidence:
        """The evidence with the commit that it was read at, and with why it is old where it is."""
        return msgspec.structs.replace(evidence, commit=self.commit, stale=self._stale(evidence, now, oldest))

    def _stale(self, evidence: Evidence, now: datetime, oldest: timedelta) -> str:
        age = now - evidence.began_at
        if self.changed_at is not None and evidence.began_at + GRACE < self.changed_at:
            return f"`{self.changed}` has changed since"
        if age > oldest:
            return f"it is {in_words(age)} old"
        if self.changed_at is None:
            return "there is no Git checkout here, so nobody can tell whether the code has changed since"
        return ""


def in_words(age: timedelta) -> str:
    """A span of time for people: `5 minutes`, `3 hours`, `2 days`."""
    seconds = max(age.total_seconds(), 0)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def _gone(path: Path, name: str) -> tuple[float, str]:
    """When a tracked file was deleted, at the latest: its folder has changed then."""
    return next(parent.stat().st_mtime for parent in path.parents if parent.is_dir()), name


def _deleted_by_commit(folder: Path) -> list[tuple[float, str]]:
    """The last commit that took a file away: none that is left is any younger for it."""
    told = _git(
        folder, "log", "-1", LAST_DELETIONS, "--diff-filter=D", "--no-renames", "--name-only", "--format=%ct", "--", "."
    )
    at, *names = [line for line in told.splitlines() if line] or [""]
    return [(float(at), names[0])] if names else []


def _list(folder: Path, *arguments: str) -> list[str]:
    return [name for name in _git(folder, *arguments).split("\0") if name]


def _git(folder: Path, *arguments: str) -> str:
    """What Git answers; empty where it refuses, or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever git the user has
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
