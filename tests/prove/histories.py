"""Histories as a proof records them, good and bad, written down by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from netra.prove.history import History

NOON: Final = datetime(2026, 11, 26, 12, tzinfo=UTC)
"""When they began."""


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Told(History):
    """A history that somebody tells: `at` sets the time of what comes next."""

    def __init__(self) -> None:
        self._clock = Clock()
        super().__init__(now=self._clock)

    def at(self, seconds: float) -> "Told":
        self._clock.now = seconds
        return self

    def target(self, *abilities: str) -> "Told":
        """The server is one that can do only this."""
        self.see("said", "target", target="other", version="1", users="made up", abilities=list(abilities))
        return self

    def done(self, name: str, user: int, given: dict[str, Any] | None = None, result: str = "ok", **data: Any) -> "Told":
        """An operation from its beginning to its end, in no time."""
        operation = self.invoke(name, user, **(given or {}))
        if result != "never":
            self.see(result, name, user, operation, **data)  # type: ignore[arg-type]
        return self

    def event(
        self, user: int, seq: int, *, thread: str = "t", epoch: int = 1, name: str = "agent_thinking", **data: Any
    ) -> "Told":
        known = {"reader": "reader", "thread": thread, "epoch": epoch, "seq": seq, "digest": f"d{seq}", "run": "r", "after": 0}
        self.see("event", name, user, **{**known, **data})
        return self

    def log(
        self,
        user: int,
        seqs: Sequence[int],
        *,
        thread: str = "t",
        runs: dict[str, list[tuple[str, str]]] | None = None,
        stayed: bool = True,
        **data: Any,
    ) -> "Told":
        self.see(
            "log",
            "thread",
            user,
            thread=thread,
            epoch=1,
            first=seqs[0] if seqs else 1,
            events=[(seq, f"d{seq}") for seq in seqs],
            runs=runs or {},
            started=data.pop("started", {}),
            stayed={"reader": stayed},
            **data,
        )
        return self
