"""Run the rules over an analysed program, and make faults of what they see."""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard import rules
from netra.guard.analysis import Analysis
from netra.guard.configuration import GuardConfiguration
from netra.guard.entries.handed import handed
from netra.guard.entries.methods import answering
from netra.guard.entries.registered import registered
from netra.guard.entries.unimported import Unimported
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import Ignore
from netra.guard.faults import CERTAIN, LIKELY, Fault, Sighting, fingerprinted
from netra.guard.meaning.applications import put_on_applications
from netra.guard.meaning.called_by_libraries import functions_handed_over
from netra.guard.meaning.registering import decorations
from netra.guard.program import Program
from netra.guard.reading import aliases_of_names
from netra.guard.rule import Rule
from netra.guard.source import files
from netra.guard.source.forking import nobody, spread
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# Families that are worked through together, one after another, by one process; both shares take about as long. What an
# expression is, is worked out once for all of a share: with a share for each family, the same was asked of the same calls. What
# blocks asks who waits for a database, as D does; whose a setting is asks what a request brings, as S does. What a program's
# own clients send (M3), what is imported where (M107) and tests ask little that others ask, and fill the shorter share.
SHARES: Final = (("A", "M", "D"), ("S", "E", "G", "T", "M3", "M107"))

# What these tell goes wrong when its line is run, and not before. Where nothing in the program names the function in which it
# stands, or imports its module, it is only likely that somebody runs it.
WHEN_RUN: Final = ("A", "M1")

# Calls in one another while rules run. They are calls of Python, which take no room on the stack of the machine.
DEEPEST: Final = 20_000


# So much of the way to an error is told: what was called, and what it says.
LAST_CALLS: Final = 4


class BrokenRule(NamedTuple):
    """A rule that could not be run on the program, and the last calls of the way to its error."""

    code: str
    error: str


def selected_rules(configuration: GuardConfiguration) -> list[Rule]:
    """The rules that are on."""
    owned = bool(configuration.owner)
    return [
        each
        for each in rules.load().values()
        if configuration.selects(each.code, default=each.default or (each.owned and owned))
    ]


def inspect(
    analysis: Analysis,
    lines: Mapping[str, list[str]] | None = None,
    *,
    jobs: int = 1,
    say: Callable[[str], None] = nobody,
    beside: Callable[[], None] | None = None,
    broken: Callable[[BrokenRule], None] | None = None,
) -> list[Fault]:
    """Every fault of the selected rules that no comment excuses, in order of place. `lines` are sources not on disk.

    `say` is told now and then how far it is. `beside` is done as well, by a process that has nothing else to do. `broken` is
    told of a rule that raised an exception, and the others go on; without it the exception is raised.

    Up to `jobs` processes take a share each. Each share begins with nothing worked out, however many there are: where a
    program goes round in circles, an answer may depend on what was asked before, and no finding may depend on `jobs`.
    """
    selected = selected_rules(analysis.configuration)
    by_share = [[rule for rule in selected if share_of(rule.code) == number] for number in range(len(SHARES))]
    chosen = [share for share in by_share if share]
    if len(chosen) > 1:
        _prepare(analysis.program)

    def seen(number: int) -> tuple[list[Fault], list[BrokenRule]]:
        if number == len(chosen):
            assert beside is not None
            beside()
            return [], []
        anew = analysis.anew()
        found: dict[Fault, None] = {}
        failures: list[BrokenRule] = []
        for place, each in enumerate(chosen[number], 1):
            say(f"rule {each.code}, {place} of {len(chosen[number])}")
            try:
                found.update(dict.fromkeys(_faults(anew, each)))
            except Exception as error:
                if broken is None:
                    raise
                failures.append(BrokenRule(each.code, "".join(traceback.format_exception(error)[-LAST_CALLS:])))
                anew = analysis.anew()  # what was being worked out was left half done
        return list(found), failures

    with _deep_enough():
        shares = spread(len(chosen) + (beside is not None), seen, jobs)
    for failure in (each for _, failures in shares for each in failures):
        assert broken is not None
        broken(failure)
    found = [fault for faults, _ in shares for fault in faults]
    ignores = {module.path: module.file.ignores for module in analysis.modules if module.file.ignores}
    passes = analysis.configuration.lets_pass
    kept = [each for each in found if not _excused(each, ignores.get(each.path, ())) and not passes(each.code, each.path)]
    return fingerprinted(kept, dict(lines or {}) or sources(fault.path for fault in kept))


def _prepare(program: Program) -> None:
    """Work out once, before there are copies of this process, what every share asks of the program alone."""
    _ = program.calls_named, program.classes_named, program.subclasses
    for module in program.own:
        _ = module.in_tests
    for scope in program.scopes:
        _ = scope.bound, scope.called
    for make in (handed, registered, answering, decorations, functions_handed_over, put_on_applications):
        program.once(make)
    _ = program.once(NamesUsed), program.once(aliases_of_names)


def share_of(code: str) -> int:
    """Which share a rule is in: the one that names most of its code."""
    return max(range(len(SHARES)), key=lambda number: max(len(each) * code.startswith(each) for each in SHARES[number]))


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
        read = files.read(Path(path))
        try:
            # Not `splitlines`: a form feed or a separator of Unicode ends no line of Python.
            found[path] = files.decoded(read.content).split("\n")
        except (SyntaxError, UnicodeError, LookupError):
            found[path] = read.content.decode("utf-8", "replace").splitlines()
    return found


def _faults(analysis: Analysis, rule: Rule) -> Iterator[Fault]:
    asked = _is_asked_for(rule, analysis.configuration)
    of_text = rule.code.startswith("G")  # what cannot be read stops a file from being run, wherever it stands in it
    when_run, used = rule.code.startswith(WHEN_RUN), analysis.program.once(NamesUsed)
    found = (
        _fault(analysis, rule, each)
        for each in rule.check(analysis)
        if (asked or ((not rule.hesitant or each.confidence == CERTAIN) and not _is_left_to_others(each.scope.module)))
        and (of_text or not each.scope.is_unreached(each.line))
        and not (when_run and each.scope.module.in_tests and used.is_skipped(each.scope))
    )
    only = analysis.configuration.confidence
    return (each for each in found if not only or each.confidence == only)


def _is_left_to_others(module: ModuleSymbol) -> bool:
    return module.is_put_aside or module.is_vendored


def _is_asked_for(rule: Rule, configuration: GuardConfiguration) -> bool:
    """Somebody selects the rule, or has said what it needs to know."""
    return configuration.selects(rule.code, default=rule.owned and bool(configuration.owner))


def _fault(analysis: Analysis, rule: Rule, sighting: Sighting) -> Fault:
    scope = sighting.scope
    reach = analysis.reach.labels(scope) if sighting.reached else ()
    unseen = None if reach or not rule.code.startswith(WHEN_RUN) else _run_by_nobody(analysis.program, scope)
    why = tuple(step for step in (*sighting.why, unseen) if step is not None and step.note)
    return Fault(
        rule.code,
        rule.name,
        scope.module.path,
        sighting.line,
        sighting.column,
        max(sighting.end_line, sighting.line),
        sighting.message,
        why,
        reach,
        sighting.mend,
        sighting.confidence if unseen is None else LIKELY,
        "",
        scope.facts.qualified,
    )


def _run_by_nobody(program: Program, scope: FunctionSymbol) -> Step | None:
    """What says that nothing of the program runs the code of this scope, as far as guard sees."""
    return program.once(NamesUsed).unnamed(scope) or program.once(Unimported).step(scope.module)


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
