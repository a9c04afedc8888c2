"""Put faults into a package, many at a time and each in a file of its own, and see which of them guard finds.

A trial copies nothing: the package's facts are read once, from guard's cache where it has them; the files with faults are
understood from memory in the place of theirs, and the program is linked and judged anew. A fault is found when there is a
finding of its family that was not there before, and it or what proves it lies on a line of the fault or names its symbol.
"""

import marshal
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.configuration import GuardConfiguration
from netra.guard.facts import File, restored
from netra.guard.faults import Fault
from netra.guard.inspection import inspect
from netra.guard.program import Program
from netra.guard.source import files
from netra.guard.source.cache import Cache
from netra.guard.source.gathering import gather, shown
from netra.guard.source.naming import module_names
from netra.guard.source.parsing import parsed
from netra.guard.source.revision import Past
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from tests.guard.accuracy.judged import drawn
from tests.guard.mutation.operator import Operator
from tests.guard.mutation.target import Site, Target, mutated, touched
from tests.guard.mutation.witness import Witness

# Of one family in one round. What many of a kind have in common changes what guard makes of each: a setting that is read in
# forty places belongs to nobody any more, so those of E stay few.
MOST_AT_ONCE: Final = {"E": 3}
MOST: Final = 60
# Sites of one operator in one file that are looked at: a generated file with a thousand calls is one kind of code.
MOST_IN_A_FILE: Final = 12

FOUND: Final = "found"


class Injection(NamedTuple):
    """One fault in one file."""

    operator: Operator
    path: str
    site: Site


class Outcome(NamedTuple):
    """What became of one fault: "found", or why not as far as guard itself can tell."""

    operator: str
    family: str
    package: str
    path: str
    line: int
    kind: str
    known: bool
    became: str
    codes: tuple[str, ...]


class Subject:
    """One package: its facts, its parsed files, and what guard finds in it as it is."""

    def __init__(
        self, name: str, folder: Path, cache: Cache, configuration: GuardConfiguration, jobs: int, *, owned: bool = False
    ) -> None:
        self.name = name
        gathered = gather([folder], cache, jobs=jobs)
        cache.keep({str(path.absolute()): entry for path, entry in gathered.entries.items()}, gathered.key, ((), 0, 0))
        own = [path for path in gathered.entries if path.suffix == ".py"]
        names = module_names(own, [folder])
        self._library: list[tuple[str, str, File]] = []
        self._own: list[tuple[str, str, File, bool]] = []
        self.targets: dict[str, Target] = {}
        self.lines: dict[str, list[str]] = {}
        for module in gathered.modules:
            if module.library:  # the models of what the package imports
                self._library.append((module.name, module.path, module.file))
        for path, entry in gathered.entries.items():
            file = restored(marshal.loads(entry.facts))
            place = shown(path, folder)
            self._own.append((names[path][0], place, file, names[path][1]))
            read = files.read(path)
            if not read.refusal and not file.problems:
                text = files.decoded(read.content)
                self.lines[place] = text.splitlines()
                self.targets[place] = Target(place, names[path][0], text, package=names[path][1])
        self.witness = Witness(self.targets.values())
        # As somebody writes it into pyproject.toml who knows the package.
        self.configuration = replace(configuration, owner=self.witness.owners) if owned else configuration
        before = self.analysed({})
        self.before = inspect(before, self.lines)
        self.fingerprints = frozenset(fault.fingerprint for fault in self.before)
        self.problems = frozenset((fault.path, fault.line) for fault in self.before)

    def program(self, changed: dict[str, File]) -> Program:
        """The program with these files in the place of its own."""
        own = [ModuleSymbol(name, path, changed.get(path, file), package) for name, path, file, package in self._own]
        return Program([*own, *(ModuleSymbol(name, path, file, False, library=True) for name, path, file in self._library)])

    def analysed(self, changed: dict[str, File], *, since: bool = False) -> Analysis:
        return Analysis(self.program(changed), self.configuration, Past(self.program({})) if since else None)


def injections(subject: Subject, operators: Iterable[Operator], count: int, seed: int) -> list[Injection]:
    """`count` faults of each operator, or all that there is room for, spread over the files of a package."""
    found = []
    for operator in operators:
        items = []
        for path, target in subject.targets.items():
            sites = [each for each in operator.sites(target, subject.witness) if (path, each.line) not in subject.problems]
            items += [(path, (path, each)) for each in drawn(((0, each) for each in sites), MOST_IN_A_FILE, seed)]
        kept = 0
        for path, site in drawn(items, 2 * count, seed):
            if kept < count and _is_readable(mutated(subject.targets[path].text, site)):
                found.append(Injection(operator, path, site))
                kept += 1
    return found


def _is_readable(text: str) -> bool:
    return not parsed(text)[1]


def rounds(faults: Sequence[Injection]) -> Iterator[list[Injection]]:
    """The faults in as few rounds as need be: in one round each has a file and a symbol of its own."""
    waiting = list(faults)
    while waiting:
        chosen: list[Injection] = []
        left: list[Injection] = []
        paths: set[str] = set()
        symbols: set[str] = set()
        counts: Counter[str] = Counter()
        for each in waiting:
            family = each.operator.family
            fits = (
                each.path not in paths
                and (not each.site.symbol or each.site.symbol not in symbols)
                and counts[family] < MOST_AT_ONCE.get(family, MOST)
                and (not chosen or chosen[0].operator.since == each.operator.since)
            )
            if not fits:
                left.append(each)
                continue
            chosen.append(each)
            paths.add(each.path)
            symbols.add(each.site.symbol)
            counts[family] += 1
        yield chosen
        waiting = left


def tried(subject: Subject, together: Sequence[Injection]) -> list[Outcome]:
    """One round: what became of each fault."""
    texts = {each.path: mutated(subject.targets[each.path].text, each.site) for each in together}
    changed = {path: files.understand(files.Read(text.encode(), "")) for path, text in texts.items()}
    lines = subject.lines | {path: text.splitlines() for path, text in texts.items()}
    analysis = subject.analysed(changed, since=together[0].operator.since)
    new = [fault for fault in inspect(analysis, lines) if fault.fingerprint not in subject.fingerprints]
    return [_outcome(subject, analysis, each, new) for each in together]


def _outcome(subject: Subject, analysis: Analysis, each: Injection, new: Sequence[Fault]) -> Outcome:
    place = touched(each.site)
    codes = {fault.code for fault in new if fault.code[0] in each.operator.families and is_about(fault, each, place)}
    became = FOUND if codes else missed(analysis, each, place)
    site = each.site
    return Outcome(
        each.operator.name,
        each.operator.family,
        subject.name,
        each.path,
        site.line,
        site.kind,
        site.known,
        became,
        tuple(sorted(codes)),
    )


def is_about(fault: Fault, each: Injection, place: frozenset[int]) -> bool:
    """The finding, or a step of what proves it, lies on a line of the fault, or one of them names the fault's symbol.

    A coroutine that is assigned is found where its name is used, and one that is returned where a caller takes it for a value:
    the call itself is then a step of the proof.
    """
    if fault.path == each.path and not place.isdisjoint(range(fault.line, fault.end_line + 1)):
        return True
    if any(step.path == each.path and step.line in place for step in fault.why):
        return True
    if not each.site.symbol:
        return False
    said = " ".join([fault.message, fault.within, *(step.note for step in fault.why)])
    return re.search(rf"(?<!\w){re.escape(each.site.symbol)}(?!\w)", said) is not None


def missed(analysis: Analysis, each: Injection, place: frozenset[int]) -> str:
    """Why a fault was not found, as far as guard itself can tell."""
    module = next(module for module in analysis.modules if module.path == each.path)
    scopes = [scope for scope in module.functions if not place.isdisjoint(range(scope.facts.line, scope.facts.end_line + 1))]
    # Of several that overlap, the innermost is the last and smallest.
    scope = min(scopes, key=lambda one: one.facts.end_line - one.facts.line, default=module.top)
    if each.operator.family in "SD" and not analysis.reach.path_to(scope):
        return "no entry point leads there"
    if each.operator.family in "AM" and not each.operator.since:
        values = [
            analysis.receivers.value(("call", index), scope)
            for index, call in enumerate(scope.facts.calls)
            if call.line in place
        ]
        if values and all(value is None for value in values):
            return "what is called is not known"
    return _silence(scope)


def _silence(scope: FunctionSymbol) -> str:
    return "in a test" if scope.module.in_tests else "known, and no rule speaks"


class Measured(NamedTuple):
    """The outcomes of one package, with the number of rounds and the seconds that they took."""

    outcomes: list[Outcome]
    rounds: int
    seconds: float


def measured(subject: Subject, operators: Iterable[Operator], count: int, seed: int) -> Measured:
    """Put `count` faults of each operator into a package, and see."""
    faults = injections(subject, operators, count, seed)
    # Those that need the program as it was run among themselves.
    began = time.perf_counter()
    done: list[Outcome] = []
    number = 0
    for since in (False, True):
        for together in rounds([each for each in faults if each.operator.since is since]):
            done += tried(subject, together)
            number += 1
    return Measured(sorted(done), number, time.perf_counter() - began)
