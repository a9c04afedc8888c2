"""Run the rules over an analysed program, and make faults of what they see."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from netra.guard import rules, source
from netra.guard.analysis import Analysis
from netra.guard.facts import Ignore
from netra.guard.faults import Fault, Sighting, fingerprinted
from netra.guard.rule import Rule

# Calls in one another while rules run. They are calls of Python, which take no room on the stack of the machine.
DEEPEST: Final = 20_000


def inspect(analysis: Analysis, lines: Mapping[str, list[str]] | None = None) -> list[Fault]:
    """Every fault of the selected rules that no comment excuses, in order of place. `lines` are sources not on disk."""
    found: list[Fault] = []
    with _deep_enough():
        for each in rules.load().values():
            if analysis.configuration.selects(each.code, default=each.default):
                found += dict.fromkeys(_fault(analysis, each, sighting) for sighting in each.check(analysis))
    ignores = {module.path: module.file.ignores for module in analysis.modules if module.file.ignores}
    passes = analysis.configuration.lets_pass
    kept = [each for each in found if not _excused(each, ignores.get(each.path, ())) and not passes(each.code, each.path)]
    return fingerprinted(kept, dict(lines or {}) or sources(fault.path for fault in kept))


@contextmanager
def _deep_enough() -> Iterator[None]:
    """Let rules follow expressions as deep as the collector, which takes two calls a level of a thousand, has let them be."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def sources(paths: Iterable[str]) -> dict[str, list[str]]:
    """The lines of the files that are named, for fingerprints and for showing them."""
    found = {}
    for path in dict.fromkeys(paths):
        read = source.read(Path(path))
        try:
            # Not `splitlines`: a form feed or a separator of Unicode ends no line of Python.
            found[path] = source.decoded(read.content).split("\n")
        except (SyntaxError, UnicodeError, LookupError):
            found[path] = read.content.decode("utf-8", "replace").splitlines()
    return found


def _fault(analysis: Analysis, rule: Rule, sighting: Sighting) -> Fault:
    scope = sighting.scope
    why = tuple(step for step in sighting.why if step.note)
    return Fault(
        rule.code,
        rule.name,
        scope.module.path,
        sighting.line,
        sighting.column,
        max(sighting.end_line, sighting.line),
        sighting.message,
        why,
        analysis.reach.labels(scope),
        sighting.mend,
        sighting.confidence,
        "",
        scope.facts.qualified,
    )


def _excused(fault: Fault, ignores: tuple[Ignore, ...]) -> bool:
    return any(
        ignore.reason and fault.code in ignore.codes and fault.line <= _speaks_of(ignore) <= max(fault.end_line, fault.line)
        for ignore in ignores
    )


def _speaks_of(ignore: Ignore) -> int:
    return ignore.line + 1 if ignore.alone else ignore.line


def counted(faults: Iterable[Fault]) -> Iterator[tuple[str, int]]:
    """How many there are of each code."""
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault.code] = counts.get(fault.code, 0) + 1
    return iter(sorted(counts.items()))
