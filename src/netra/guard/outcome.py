"""What a run found, so that a later one need not look again while all that was looked at says the same.

What it says is in the facts of files; where it says so may have changed. Findings are then shown where they stand now.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from netra.guard.facts import stored_plainly
from netra.guard.faults import Edit, Fault, Mend
from netra.guard.source.cache import Entry
from netra.guard.source.moves import Places, length, places
from netra.guard.symbols import ModuleSymbol
from netra.guard.values import Step

NUMBER: Final = re.compile(r"\d+")

# Line 0 stands for no line at all: of a library, say.
NOWHERE: Final = 0


Stamped: TypeAlias = tuple[str, tuple[int, int]]
"""A path, with when it was last written in nanoseconds and its size in bytes."""


class KeptFindings(NamedTuple):
    """The findings of a run over files, each by its path as it is shown."""

    faults: tuple[Fault, ...]
    files: dict[str, tuple[bytes, int]]
    """The hash of the content of each, and how many lines it had."""
    facts: dict[str, bytes]
    """The stored facts of those that a finding names: where they stood then."""
    read: tuple[Stamped, ...]
    """Installed files that were read as well."""

    @property
    def lines(self) -> int:
        return sum(lines for _, lines in self.files.values())


def outcome(
    faults: Iterable[Fault], entries: Mapping[str, Entry], modules: Iterable[ModuleSymbol], read: Iterable[Stamped] = ()
) -> KeptFindings:
    """What these findings in these modules are kept as; `entries` are their files."""
    found = tuple(faults)
    named = {path for each in found for path in (each.path, *(step.path for step in each.why))}
    return KeptFindings(
        found,
        {module.path: (entries[module.path].content, module.file.lines) for module in modules},
        {path: entries[path].facts for path in sorted(named & entries.keys())},
        tuple(read),
    )


def plainly(kept: KeptFindings) -> tuple[Any, ...]:
    """An outcome as `marshal` takes it."""
    return (tuple(map(stored_plainly, kept.faults)), kept.files, kept.facts, kept.read)


def restored_outcome(raw: tuple[Any, ...]) -> KeptFindings:
    """What `plainly` made, as an outcome again."""
    faults, *rest = raw
    return KeptFindings(tuple(map(_fault, faults)), *rest)


def _fault(raw: tuple[Any, ...]) -> Fault:
    fault = Fault._make(raw)
    mend = None
    if fault.mend is not None:
        words, edits = fault.mend
        mend = Mend(words, tuple(Edit._make(each) for each in edits))
    return fault._replace(why=tuple(Step(*each) for each in fault.why), mend=mend)  # type: ignore[misc]


def moved(kept: KeptFindings, entries: Mapping[str, Entry]) -> KeptFindings | None:
    """The outcome with its findings where they stand in the files as they are now, whose facts say the same as then.

    None when that cannot be told: a finding names a line that no fact names, or its words hold the number of one that moved.
    """
    changed = {path for path, (content, _) in kept.files.items() if entries[path].content != content}
    now = {path: entries[path].facts for path in kept.facts if path in changed}
    shifts = {path: Shift(places(kept.facts[path]), places(after)) for path, after in now.items() if after != kept.facts[path]}
    passed = {str(line) for shift in shifts.values() for line in shift.passed}
    try:
        faults = tuple([_moved(each, shifts) for each in kept.faults])
    except KeyError:
        return None
    if any(number in passed for each in faults if passed for text in _texts(each) for number in NUMBER.findall(text)):
        return None
    files = kept.files | {path: (entries[path].content, length(entries[path].facts)) for path in changed}
    return KeptFindings(faults, files, kept.facts | now, kept.read)


class Shift:
    """Where the places of a file stand now. Raises KeyError for what no fact names."""

    def __init__(self, before: Places, now: Places) -> None:
        self._lines = {line: to for (line, _), (to, _) in zip(before, now, strict=True)}
        self._columns = {
            line: dict(zip(of_line, of_line_now, strict=True))
            for (line, of_line), (_, of_line_now) in zip(before, now, strict=True)
        }

    @property
    def passed(self) -> Iterator[int]:
        """The lines that stand elsewhere now."""
        return (line for line, to in self._lines.items() if line != to)

    def line(self, line: int) -> int:
        return line if line == NOWHERE else self._lines[line]

    def column(self, line: int, column: int) -> int:
        return column if line == NOWHERE or self._stays(line) else self._columns[line][column]

    def _stays(self, line: int) -> bool:
        """Nothing has moved along the line, wherever it stands now."""
        return all(column == to for column, to in self._columns[line].items())

    def edit(self, edit: Edit) -> Edit:
        """An edit counts letters from the places that facts name. So where one of those moved along its line, it is lost."""
        if not (self._stays(edit.line) and self._stays(edit.end_line)):
            raise KeyError(edit.line)
        return edit._replace(line=self._lines[edit.line], end_line=self._lines[edit.end_line])


def _moved(fault: Fault, shifts: Mapping[str, Shift]) -> Fault:
    """Raises KeyError for a place that no fact names."""
    why = tuple(
        Step(each.path, shifts[each.path].line(each.line), each.note) if each.path in shifts else each for each in fault.why
    )
    shift = shifts.get(fault.path)
    if shift is None:
        return fault._replace(why=why)
    mend = fault.mend
    if mend is not None:
        mend = mend._replace(edits=tuple(map(shift.edit, mend.edits)))
    return fault._replace(
        line=shift.line(fault.line),
        column=shift.column(fault.line, fault.column),
        end_line=shift.line(fault.end_line),
        why=why,
        mend=mend,
    )


def _texts(fault: Fault) -> tuple[str, ...]:
    words = () if fault.mend is None else (fault.mend.words,)
    return (fault.message, *words, *(step.note for step in fault.why), *fault.reach)
