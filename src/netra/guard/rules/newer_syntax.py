"""G102."""

from collections.abc import Iterator, Sequence

from netra.guard.analysis import Analysis
from netra.guard.facts import Problem
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.narrowing import is_for_other_version
from netra.guard.older import of_python_2
from netra.guard.repeated import MOST_OTHERS, together
from netra.guard.rule import rule
from netra.guard.settings import top_of
from netra.guard.source.newer import EXCEPT
from netra.guard.symbols import ModuleSymbol


@rule("G102", "newer-syntax")
def newer_syntax(analysis: Analysis) -> Iterator[Sighting]:
    """A file is written for a newer Python than the one that runs guard.

    Guard reads what it can: f-strings whose braces hold the string's own quotes, backslashes, comments or line breaks, type
    parameters, `type` statements, `except A, B:`, template strings and lazy imports are read as what they are or would be
    without; a statement that cannot be read at all is left out. Each file is told of once, and if a package has more than
    twenty, the first, with the others for its proof. Run guard by the newer Python to have all of it read. In a program
    that has files for Python 2, `except A, B:` is of that. A module that others import only under a test of a version is
    for newer Pythons alone, and nothing is said of it.
    """
    old = analysis.once(of_python_2)
    written = [module for module in analysis.modules if any(problem.newer for problem in module.file.problems)]
    apart = _kept_apart(analysis) if written else frozenset()
    found: dict[str, list[Sighting]] = {}
    for module in written:
        top = top_of(module)
        newer = [
            problem
            for problem in module.file.problems
            if problem.newer and not (problem.message.startswith(EXCEPT) and top in old)
        ]
        if newer and module not in apart:
            found.setdefault(top, []).append(_sighting(module, newer))
    for top, sightings in found.items():
        if len(sightings) <= MOST_OTHERS:
            yield from sightings
        else:
            more = f"; {len(sightings) - 1} more files of `{top}` are written for a newer Python, too"
            yield together(sightings, more, lambda each: each.message.partition(", read here")[0])


def _sighting(module: ModuleSymbol, newer: Sequence[Problem]) -> Sighting:
    first, others = newer[0], len(newer) - 1
    more = f", as are {others} more of its statements" if others > 1 else ", as is one more" if others else ""
    mend = Mend(f"run guard by {max((each.newer for each in newer), key=_version)} or newer")
    return Sighting(module.top, first.line, first.column, first.end_line, f"{first.message}{more}", mend=mend)


def _version(of: str) -> tuple[int, ...]:
    """`Python 3.12` by its numbers."""
    return tuple(int(each) for each in of.rpartition(" ")[2].split("."))


def _kept_apart(analysis: Analysis) -> frozenset[ModuleSymbol]:
    """Modules that others of the program import, and always under a test of a version: other Pythons never read them."""
    apart: set[ModuleSymbol] = set()
    needed: set[ModuleSymbol] = set()
    for importing in analysis.modules:
        for scope in importing.functions:
            for each in scope.facts.imports:
                target = analysis.program.absolute(each, importing) or ""
                for name in (target, f"{target}.{each.name}"):
                    module = analysis.program.modules.get(name)
                    if module is not None and module is not importing:
                        (apart if is_for_other_version(each.line, scope) else needed).add(module)
    return frozenset(apart - needed)
