"""Make the edits that are safe to make without looking."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from netra.guard.faults import Edit, Fault
from netra.guard.source import files
from netra.guard.source.parsing import parsed


def fix(faults: Iterable[Fault]) -> int:
    """Mend what can be mended in the files themselves; gives the number of findings that were.

    A file keeps its encoding, its byte order mark and its line ends. One that would have more to complain of afterwards than
    before stays as it is.
    """
    by_path: dict[str, list[tuple[Edit, ...]]] = defaultdict(list)
    for fault in faults:
        if fault.mend is not None and fault.mend.edits:
            by_path[fault.path].append(fault.mend.edits)
    mended = 0
    for path, groups in by_path.items():
        file = Path(path)
        content = file.read_bytes()
        encoding = files.encoding(content)
        # Columns count bytes of UTF-8, whatever the file is written in.
        changed, done = edited(content.decode(encoding).encode(), groups)
        text = changed.decode()
        if len(parsed(text)[1]) <= len(parsed(content.decode(encoding))[1]):
            file.write_bytes(text.encode(encoding))
            mended += done
    return mended


def edited(content: bytes, groups: Iterable[tuple[Edit, ...]]) -> tuple[bytes, int]:
    """The content with the edits made, and how many groups were. A group that touches another's place is left for next time."""
    lines = content.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    taken: list[tuple[int, int, bytes]] = []
    done = 0
    for group in dict.fromkeys(groups):
        spans = [
            (starts[each.line - 1] + each.column, starts[each.end_line - 1] + each.end_column, each.text.encode())
            for each in group
        ]
        if any(start <= other_end and other_start <= end for start, end, _ in spans for other_start, other_end, _ in taken):
            continue
        taken += spans
        done += 1
    for start, end, text in sorted(taken, reverse=True):
        content = content[:start] + text + content[end:]
    return content, done
