"""Make the edits that are safe to make without looking."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from netra.guard.faults import Edit, Fault
from netra.guard.source import files
from netra.guard.source.parsing import parsed


def fix(faults: Iterable[Fault]) -> list[Fault]:
    """Mend what can be mended in the files themselves; gives the findings that were.

    A file keeps its encoding, its byte order mark and its line ends. One that would have more to complain of afterwards than
    before stays as it is.
    """
    by_path: dict[str, list[tuple[Edit, ...]]] = defaultdict(list)
    mendable = [fault for fault in faults if fault.mend is not None and fault.mend.edits]
    for fault in mendable:
        if fault.mend is not None:
            by_path[fault.path].append(fault.mend.edits)
    mended: set[tuple[str, tuple[Edit, ...]]] = set()
    for path, groups in by_path.items():
        file = Path(path)
        content = file.read_bytes()
        encoding = files.encoding(content)
        # Columns count bytes of UTF-8, whatever the file is written in.
        changed, done = edited(content.decode(encoding).encode(), groups)
        text = changed.decode()
        if len(parsed(text)[1]) <= len(parsed(content.decode(encoding))[1]):
            file.write_bytes(text.encode(encoding))
            mended.update((path, group) for group in done)
    return [fault for fault in mendable if fault.mend is not None and (fault.path, fault.mend.edits) in mended]


def edited(content: bytes, groups: Iterable[tuple[Edit, ...]]) -> tuple[bytes, list[tuple[Edit, ...]]]:
    """The content with the edits made, and the groups that were.

    A group that touches another's place is left for next time, unless both put the same in the place of the same, as an
    import that several reads need. One that finds other text than it replaces is left altogether.
    """
    lines = content.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    taken: set[tuple[int, int, bytes]] = set()
    done = []
    for group in dict.fromkeys(groups):
        spans = {
            (starts[each.line - 1] + each.column, starts[each.end_line - 1] + each.end_column, each.text.encode())
            for each in group
        }
        new = {(start, end, text) for start, end, text in spans if start == end or (start, end, text) not in taken}
        if any(start <= other_end and other_start <= end for start, end, _ in new for other_start, other_end, _ in taken):
            continue
        if not all(_stands(each, lines) for each in group):
            continue
        taken |= new
        done.append(group)
    for start, end, text in sorted(taken, reverse=True):
        content = content[:start] + text + content[end:]
    return content, done


def _stands(edit: Edit, lines: list[bytes]) -> bool:
    """Whether what an edit replaces is there; it is on one line where the edit says what it is."""
    return not edit.was or lines[edit.line - 1][edit.column : edit.end_column] == edit.was.encode()
