"""What guard reports: a fault with the place it is at, what proves it, who can reach it and how to mend it."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

CERTAIN: Final = "high"
LIKELY: Final = "medium"


class Edit(NamedTuple):
    """Text to put in the place of what is there. Lines count from 1, columns from 0, in characters of UTF-8 as `ast` counts."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    was: str = ""
    """What it replaces. Where anything else stands, nothing is replaced; empty: whatever stands there."""

    @property
    def plain(self) -> dict[str, Any]:
        """The place and the text, as JSON shows them."""
        return {name: value for name, value in self._asdict().items() if name != "was"}


class Mend(NamedTuple):
    """How to mend a fault; with edits when that is safe to do without looking."""

    words: str
    edits: tuple[Edit, ...] = ()


class Sighting(NamedTuple):
    """What a rule yields: a fault before it is numbered, traced to its routes and compared with others."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    message: str
    why: tuple[Step, ...] = ()
    mend: Mend | None = None
    confidence: str = CERTAIN
    reached: bool = True
    """Those who reach its function meet the fault; otherwise no route is named."""


class Fault(NamedTuple):
    """One finding, as it is shown."""

    code: str
    rule: str
    path: str
    line: int
    column: int
    end_line: int
    message: str
    why: tuple[Step, ...]
    reach: tuple[str, ...]
    mend: Mend | None
    confidence: str
    fingerprint: str
    within: str
    """The qualified name of the function around it; empty at the top of a module."""


def plain(fault: Fault) -> dict[str, Any]:
    """A fault as JSON shows it."""
    return {
        "code": fault.code,
        "rule": fault.rule,
        "path": fault.path,
        "line": fault.line,
        "column": fault.column,
        "end_line": fault.end_line,
        "message": fault.message,
        "why": [{"path": step.path, "line": step.line, "note": step.note} for step in fault.why],
        "reach": list(fault.reach),
        "fix": None if fault.mend is None else _plain_mend(fault.mend),
        "confidence": fault.confidence,
        "fingerprint": fault.fingerprint,
    }


def _plain_mend(mend: Mend) -> dict[str, Any]:
    return {"description": mend.words, "safe": bool(mend.edits), "edits": [each.plain for each in mend.edits]}


def fingerprinted(faults: Iterable[Fault], lines: dict[str, list[str]]) -> list[Fault]:
    """The faults, in order, each with a fingerprint that moves with its code.

    It is made of the rule, the path, the function and the text of the line; where all of that is the same twice, of the
    number among those. A line number is no part of it.
    """
    seen: Counter[str] = Counter()
    found = []
    for fault in sorted(faults, key=lambda each: (each.path, each.line, each.column, each.code, each.message)):
        source = lines.get(fault.path, [])
        text = " ".join(source[fault.line - 1].split()) if 0 < fault.line <= len(source) else ""
        key = f"{fault.code}\0{fault.path}\0{fault.within}\0{text}"
        seen[key] += 1
        # A path need not be text, and a string in somebody's code may hold half a letter.
        counted = f"{key}\0{seen[key]}".encode("utf-8", "surrogatepass")
        hashed = hashlib.blake2b(counted, digest_size=10).hexdigest()
        found.append(fault._replace(fingerprint=hashed))
    return found
