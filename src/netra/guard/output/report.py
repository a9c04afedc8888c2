"""What every format shows: the findings with the lines of their files, and what was looked at."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from netra.guard.faults import Fault
from netra.guard.rule import Rule


@dataclass(frozen=True, slots=True)
class Attention:
    """What a run looked at, and past: without it, nobody can tell a mended fault from an ignored one."""

    began_at: str = ""
    """When it began to read, in UTC: whatever was written later, it has not seen."""
    paths: tuple[str, ...] = ()
    since: str = ""
    """The revision that it compared with; empty when with none."""
    rules: tuple[str, ...] = ()
    """The codes that were on."""
    rules_off: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    passed_over: tuple[str, ...] = ()
    """Files that are larger than guard reads."""
    confidence: str = ""
    """The only one that was asked for; empty: whatever was found."""


@dataclass(frozen=True, slots=True)
class Findings:
    """One run. `hidden`: how many findings the baseline already holds."""

    faults: tuple[Fault, ...]
    sources: Mapping[str, list[str]]
    rules: Mapping[str, Rule]
    files: int
    lines: int
    seconds: float
    hidden: int = 0
    attention: Attention = Attention()

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each code, by code."""
        return dict(sorted(Counter(fault.code for fault in self.faults).items()))

    def line(self, path: str, number: int) -> str:
        source = self.sources.get(path, [])
        return source[number - 1] if 0 < number <= len(source) else ""
