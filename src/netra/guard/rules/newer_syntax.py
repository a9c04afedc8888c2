"""G102."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.older import of_python_2
from netra.guard.rule import rule
from netra.guard.settings import top_of
from netra.guard.source.newer import EXCEPT


@rule("G102", "newer-syntax")
def newer_syntax(analysis: Analysis) -> Iterator[Sighting]:
    """A file is written for a newer Python than the one that runs guard.

    Guard reads what it can: f-strings whose braces hold the string's own quotes, backslashes, comments or line breaks, type
    parameters, `type` statements, `except A, B:`, template strings and lazy imports are read as what they are or would be
    without; a statement that cannot be read at all is left out. Run guard by the newer Python to have all of it read. In a
    program that has files for Python 2, `except A, B:` is of that.
    """
    old = analysis.once(of_python_2)
    for module in analysis.modules:
        for problem in module.file.problems:
            if problem.newer and not (problem.message.startswith(EXCEPT) and top_of(module) in old):
                mend = Mend(f"run guard by {problem.newer} or newer")
                yield Sighting(module.top, problem.line, problem.column, problem.end_line, problem.message, mend=mend)
