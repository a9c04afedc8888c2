"""G101."""

from collections.abc import Iterator
from pathlib import PurePath

from netra.guard.analysis import Analysis
from netra.guard.faults import CERTAIN, LIKELY, Sighting
from netra.guard.rule import rule
from netra.guard.source.files import LIMIT
from netra.guard.source.parsing import OF_PYTHON_2
from netra.guard.suites import is_suite
from netra.guard.symbols import ModuleSymbol

# Folders whose files tests look at, and nobody runs.
OF_DATA = frozenset("data test_data testdata git_data fixtures examples samples resources".split())


@rule("G101", "unreadable-file", hesitant=True)
def unreadable_file(analysis: Analysis) -> Iterator[Sighting]:
    """A file, or a part of one, is not Python, so guard knows nothing of what it says.

    Every statement of the file that can be read still counts: a broken function does not hide its neighbours. A file that is
    no text, or larger than any source is, is named here as well. A file for Python 2 is one finding, and of one that is broken
    all over the first twenty statements are named. What lies among the data of tests may be wrong on purpose, and what lies
    among templates is filled in first: guard takes that for likely at most, and so it does a file for Python 2 that has been
    put aside, in a folder of a package that is none itself, where nobody imports it.
    """
    for module in analysis.modules:
        sure = LIKELY if module.is_template or _is_of_tests(module) else CERTAIN
        for problem in module.file.problems:
            if not problem.newer:
                if problem.message.startswith(OF_PYTHON_2) and _is_put_aside(module, analysis):
                    sure = LIKELY
                if problem.message.endswith(LIMIT):
                    sure = LIKELY  # a file may be as large as it likes
                place = (module.top, problem.line, problem.column, problem.end_line)
                yield Sighting(*place, problem.message, confidence=sure)


def _is_of_tests(module: ModuleSymbol) -> bool:
    """It lies in a folder of tests, and is no test itself."""
    return module.in_tests and (not is_suite(module) or not OF_DATA.isdisjoint(PurePath(module.path).parts))


def _is_put_aside(module: ModuleSymbol, analysis: Analysis) -> bool:
    """It lies in a folder without `__init__.py` below a package, out of which Python 2 imports nothing, and nobody names it."""
    folder = PurePath(module.path).parent
    packages = {PurePath(each.path).parent for each in analysis.modules if each.package}
    if folder in packages or folder.parent not in packages:
        return False
    named = f".{folder.name}.{PurePath(module.path).stem}"
    program = analysis.program
    return not any(
        f".{target}".endswith(named) or f".{target}.{each.name}".endswith(named)
        for scope in analysis.scopes
        for each in scope.facts.imports
        if (target := program.absolute(each, scope.module) or "")
    )
