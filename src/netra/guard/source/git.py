"""What guard asks git: which files a revision holds, what they held, which tags there are. Nothing is written."""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

# The longest that one question takes on the repositories that guard was tried on is two seconds, of 40,000 files.
PATIENCE: Final = 120

# What a path of a tree is when it is a file: not a symbolic link, whose content is another path, and not a submodule.
FILES: Final = frozenset({b"100644", b"100755"})


class RevisionUnknown(Exception):
    """Git does not know the revision, or there is no git here."""


class Repository:
    """One repository, read only. Raises RevisionUnknown when `inside` lies in none."""

    def __init__(self, inside: Path) -> None:
        self._folder = inside if inside.is_dir() else inside.parent
        try:
            self.top = Path(self._asked("rev-parse", "--show-toplevel").decode().strip())
        except RevisionUnknown as error:
            raise RevisionUnknown(f"a revision can be compared with only in a git repository: {error}") from error
        self._folder = self.top

    def commit(self, revision: str) -> str:
        """The full name of the commit that a revision means. Raises RevisionUnknown."""
        try:
            return (
                self._asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
            )
        except RevisionUnknown as error:
            shallow = self._asked("rev-parse", "--is-shallow-repository").strip() == b"true"
            hint = "; this clone is shallow, so fetch its history first" if shallow else ""
            raise RevisionUnknown(f"git knows no revision `{revision}` here{hint}") from error

    def files(self, commit: str, below: Iterable[str]) -> dict[str, str]:
        """The Python files of a commit at or below these paths of it, each with the name of its content."""
        asked = [each for each in below if each != "."]
        listed = self._asked("ls-tree", "-r", "-z", "--full-tree", commit, "--", *asked)
        found = {}
        for line in listed.split(b"\0"):
            head, _, name = line.partition(b"\t")
            if name.endswith(b".py") and head.split(b" ")[0] in FILES:
                found[name.decode("utf-8", "surrogateescape")] = head.split(b" ")[2].decode()
        return found

    def changed(self, commit: str) -> frozenset[str]:
        """Every path at which the working tree, committed or not, holds something else than a commit."""
        listed = self._asked("diff-index", "--name-only", "--no-renames", "-z", commit)
        return frozenset(name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name)

    def contents(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """What stands under these names of contents."""
        asked = list(dict.fromkeys(names))
        if not asked:
            return {}
        answer = self._asked("cat-file", "--batch", told="".join(f"{name}\n" for name in asked).encode())
        found = {}
        at = 0
        for name in asked:
            end = answer.index(b"\n", at)
            size = int(answer[at:end].rsplit(b" ", 1)[1])
            found[name] = answer[end + 1 : end + 1 + size]
            at = end + size + 2  # a line end follows each content
        return found

    def tags(self, commit: str) -> list[str]:
        """The tags of a commit and of all that led to it."""
        return self._asked("tag", "--merged", commit).decode("utf-8", "replace").split()

    def text(self, commit: str, path: str) -> str:
        """A file of a commit as text; empty when there is none."""
        try:
            return self._asked("cat-file", "blob", f"{commit}:{path}").decode("utf-8", "replace")
        except RevisionUnknown:
            return ""

    def _asked(self, *question: str, told: bytes = b"") -> bytes:
        command = ["git", "-C", str(self._folder), *question]
        try:
            return subprocess.run(command, input=told, capture_output=True, check=True, timeout=PATIENCE).stdout  # noqa: S603 - git is found as the user's shell finds it; a revision stands behind --end-of-options
        except FileNotFoundError as error:
            raise RevisionUnknown("there is no git on this machine") from error
        except subprocess.SubprocessError as error:
            said = getattr(error, "stderr", b"") or b""
            raise RevisionUnknown(said.decode(errors="replace").strip() or str(error)) from error
