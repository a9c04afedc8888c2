"""G101."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Sighting
from netra.guard.rule import rule


@rule("G101", "unreadable-file")
def unreadable_file(analysis: Analysis) -> Iterator[Sighting]:
    """A file, or a part of one, is not Python, so guard knows nothing of what it says.

    Every statement of the file that can be read still counts: a broken function does not hide its neighbours. A file that is
    no text, or larger than any source is, is named here as well. A file for Python 2 is one finding, and of one that is broken
    all over the first twenty statements are named.
    """
    for module in analysis.modules:
        for problem in module.file.problems:
            if not problem.newer:
                yield Sighting(module.top, problem.line, problem.column, problem.end_line, problem.message)
