"""`netra guard`, also `python -m netra.guard`: options in, findings out. Exit 0 clean, 1 findings, 2 not all could run."""

import argparse
import gc
import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from netra.guard import baseline, rules
from netra.guard.analysis import Analysis
from netra.guard.configuration import ConfigurationInvalid, GuardConfiguration, load
from netra.guard.faults import CERTAIN, Fault, fingerprinted
from netra.guard.fixing import fix
from netra.guard.inspection import BrokenRule, inspect, selected_rules, sources
from netra.guard.outcome import moved, outcome, plainly, restored_outcome
from netra.guard.output.document import document
from netra.guard.output.github import github
from netra.guard.output.progress import ProgressLine
from netra.guard.output.report import Attention, Findings
from netra.guard.output.sarif import sarif
from netra.guard.output.text import text
from netra.guard.pages import page
from netra.guard.rule import FAMILIES
from netra.guard.source.cache import FOLDER, Cache, stamp
from netra.guard.source.files import LIMIT
from netra.guard.source.gathering import Gathered, gather, linked
from netra.guard.source.git import RevisionUnknown
from netra.guard.source.installed import NoEnvironment, beside, folders
from netra.guard.source.revision import Timeline, last_release

FORMATS: Final = {"text": text, "json": document, "sarif": sarif, "github": github}

CLEAN, FOUND, FAILED = 0, 1, 2

EXAMPLES: Final = """\
examples:
  netra guard src                              what is wrong, with what proves it
  netra guard src --since v1.2                 and the callers that a function left behind when it became async
  netra guard src --select A,S101              one family and one rule
  netra guard src --confidence high            only what it is certain of, and nothing that is likely
  netra guard src --fix                        make the edits that are safe to make
  netra guard src --write-baseline known.json  put up with what there is today …
  netra guard src --baseline known.json        … and see what is new
  netra guard src --python .venv/bin/python    know what the installed packages give, too
  netra guard src --format sarif --output guard.sarif
  netra guard explain                          all rules by family; with a code, its page

exit code: 0 clean, 1 findings, 2 could not run, or not every rule. pyproject.toml: [tool.netra-guard], see docs/guard.md."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at: the paths as they are given, the revision to compare with or "", where imported packages lie."""

    paths: Sequence[Path]
    since: str
    packages: tuple[Path, ...]
    jobs: int


@dataclass(frozen=True, slots=True)
class Inspected:
    """What one look at the program gave."""

    faults: tuple[Fault, ...]
    files: int
    lines: int
    broken: tuple[BrokenRule, ...] = ()


def main(arguments: Sequence[str] | None = None, *, last: bool = False) -> int:
    """Run guard. Gives the exit code. `last`: nothing comes after it in this process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["explain"]:
        return _explain(given[1:])
    options = _parser().parse_args(given)
    # Facts are hundreds of thousands of small tuples that all live to the end: looking for garbage among them only costs time.
    gc.disable()
    try:
        return _run(options)
    except (ConfigurationInvalid, baseline.BaselineUnreadable, RevisionUnknown, NoEnvironment) as error:
        sys.stderr.write(f"netra guard: {error}\n")
        return FAILED
    finally:
        if last:
            # The process ends at once. Python would look through all facts for garbage first, and take each apart.
            gc.freeze()
        gc.enable()


def _run(options: argparse.Namespace) -> int:
    began, began_at = time.perf_counter(), datetime.now(UTC).isoformat(timespec="milliseconds")
    configuration = load(Path.cwd()).overridden(
        {
            "select": _codes(options.select),
            "ignore": _codes(options.ignore),
            "owner": tuple(options.owner),
            "baseline": options.baseline,
            "confidence": options.confidence,
            "python": options.python,
        }
    )
    for code in sorted(configuration.codes):
        if not any(each.startswith(code) for each in rules.load()):
            raise ConfigurationInvalid(f"no rule's code is `{code}` or begins with it; `netra guard explain` lists them")
    paths = [Path(each) for each in options.paths]
    if missing := [str(path) for path in paths if not path.exists()]:
        sys.stderr.write(f"netra guard: there is no {', no '.join(missing)}\n")
        return FAILED
    cache = Cache(None if options.no_cache else Path(options.cache_dir))
    revision = options.since or (_last_release(paths[0]) if options.since_release else "")
    look = Look(paths, revision, _packages(configuration, paths), options.jobs)
    with closing(ProgressLine(sys.stderr, quiet=options.quiet)) as progress:
        gathered = gather(
            paths,
            cache,
            jobs=options.jobs,
            exclude=configuration.exclude,
            say=progress.say,
            meanwhile=rules.load,  # importing them takes a tenth of a second
        )
        seen = _inspected(gathered, configuration, cache, look, progress.say)
    faults = seen.faults
    if options.fix:
        mended = frozenset(fix(faults))
        sys.stderr.write(f"netra guard: mended {len(mended)} {'place' if len(mended) == 1 else 'places'}; look at the change\n")
        faults = tuple(fault for fault in faults if fault not in mended)
    if options.write_baseline:
        baseline.write(Path(options.write_baseline), faults)
        sys.stderr.write(f"netra guard: {len(faults)} findings are in {options.write_baseline} now\n")
        return _tell_of(seen.broken) or CLEAN
    known = baseline.read(Path(configuration.baseline)) if configuration.baseline else frozenset()
    shown = tuple(fault for fault in faults if fault.fingerprint not in known)
    for path in gathered.passed_over:
        sys.stderr.write(f"netra guard: {path} was passed over: {LIMIT}\n")
    # A rule that failed has looked at nothing: whoever compares runs must not take its silence for an answer.
    failed = {each.code for each in seen.broken}
    on = tuple(rule.code for rule in selected_rules(configuration) if rule.code not in failed)
    findings = Findings(
        shown,
        sources(fault.path for fault in shown),
        rules.load(),
        seen.files,
        seen.lines,
        time.perf_counter() - began,
        len(faults) - len(shown),
        Attention(
            began_at,
            tuple(options.paths),
            revision,
            on,
            tuple(code for code in rules.load() if code not in on),
            configuration.exclude,
            configuration.per_file_ignores,
            gathered.passed_over,
            configuration.confidence,
        ),
    )
    rendered = FORMATS[options.format](findings)
    if options.output:
        Path(options.output).write_text(rendered, "utf-8", "backslashreplace")
    else:
        _say(rendered)
    return _tell_of(seen.broken) or (FOUND if shown else CLEAN)


def _tell_of(broken: Sequence[BrokenRule]) -> int:
    """Name the rules that failed. The exit code that is then due, 0 where none did."""
    for each in broken:
        sys.stderr.write(f"netra guard: rule {each.code} failed on this program, which is a fault of guard; others were run\n")
        sys.stderr.write(each.error)
    return FAILED if broken else CLEAN


def _last_release(path: Path) -> str:
    """The tag to compare with; empty where nothing was released yet, which it says."""
    try:
        tag = last_release(path)
    except RevisionUnknown as error:
        sys.stderr.write(f"netra guard: compared with no release: {error}\n")
        return ""
    if tag is None:
        sys.stderr.write("netra guard: there is no release yet (no tag like v1.2.3), so there is none to compare with\n")
        return ""
    sys.stderr.write(f"netra guard: compared with release {tag}\n")
    return tag


def _say(text: str) -> None:
    """Write to standard output what its encoding has no letters for as escapes, which JSON reads as well."""
    encoding = sys.stdout.encoding or "utf-8"
    with suppress(BrokenPipeError):  # `netra guard | head`: whoever reads has seen enough
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again at its end


def _packages(configuration: GuardConfiguration, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Where the packages are that the program imports: as somebody says, or in the environment beside it."""
    if configuration.python:
        return folders(Path(configuration.python))
    near = beside(paths)
    return () if near is None else folders(near)


def _inspected(
    gathered: Gathered, configuration: GuardConfiguration, cache: Cache, look: Look, say: Callable[[str], None]
) -> Inspected:
    # A folder's own time changes when a package comes or goes; the files that were read of one have theirs.
    environment = [(str(folder), stamp(folder)) for folder in look.packages]
    decided = repr(sorted(asdict(configuration).items())) + str(Path.cwd()) + repr(environment)
    key = hashlib.blake2b(gathered.key + decided.encode(), digest_size=16).digest()
    if not look.since and (raw := cache.outcome(key)) is not None:
        kept = restored_outcome(raw)
        if all(stamp(Path(path)) == written for path, written in kept.read) and (now := moved(kept, gathered.own)) is not None:
            # A comment may have come to a line since: no fact, and yet part of the text that a fingerprint is made of.
            same = fingerprinted(now.faults, sources(fault.path for fault in now.faults))
            return Inspected(tuple(same), len(now.files), now.lines)
    modules = gathered.modules
    modules += gathered.beside(modules, look.packages) if look.packages else []
    past = (
        Timeline(look.paths, modules, cache, configuration.exclude, gathered.read_models).past(look.since)
        if look.since
        else None
    )
    analysis = Analysis(linked(modules), configuration, past)

    def keep_entries() -> None:
        if not look.since:
            cache.keep_entries({str(path.absolute()): each for path, each in gathered.read.items()})

    broken: list[BrokenRule] = []
    jobs = look.jobs or os.cpu_count() or 1
    found = tuple(inspect(analysis, jobs=jobs, say=say, beside=keep_entries, broken=broken.append))
    lines = sum(module.file.lines for module in analysis.modules)
    seen = Inspected(found, len(analysis.modules), lines, tuple(broken))
    if not look.since and not broken:
        read = tuple((str(path), entry.stamp) for path, entry in gathered.installed.items())
        cache.keep_outcome(key, plainly(outcome(found, gathered.own, analysis.modules, read)))
    return seen


def _codes(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(code for each in given for code in each.replace(",", " ").split())


def _explain(given: Sequence[str]) -> int:
    known = rules.load()
    if not given:
        for family, what in FAMILIES.items():
            found = [rule for rule in known.values() if rule.code[0] == family]
            if found:
                sys.stdout.write(f"{family}  {what}\n")
                sys.stdout.writelines(f"   {rule.code} {rule.name}{rule.switched}\n" for rule in found)
        return CLEAN
    for code in given:
        if code not in known:
            sys.stderr.write(f"netra guard: there is no rule {code}; `netra guard explain` lists them\n")
            return FAILED
        sys.stdout.write(page(known[code]))
    return CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netra guard",
        description="Find what asynchronous multi-user Python gets wrong, before its users do.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="files and folders; the working directory if none"
    )
    compared = parser.add_mutually_exclusive_group()
    compared.add_argument(
        "--since", default="", metavar="REV", help="compare with a revision, and name callers that a change left behind"
    )
    compared.add_argument(
        "--since-release", action="store_true", help="compare with the last release: the newest tag v1.2.3 that led here"
    )
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--output", default="", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--select", action="append", default=[], metavar="CODES", help="only these rules or families: A,E101")
    parser.add_argument("--ignore", action="append", default=[], metavar="CODES", help="not these rules or families")
    parser.add_argument(
        "--owner", action="append", default=[], metavar="MODULE", help="a module that may touch the environment"
    )
    parser.add_argument("--confidence", choices=(CERTAIN,), default="", help="only what guard is certain of")
    parser.add_argument("--baseline", default="", metavar="FILE", help="hide the findings that this file holds")
    parser.add_argument("--write-baseline", default="", metavar="FILE", help="write all findings there, and exit with 0")
    parser.add_argument(
        "--python",
        default="",
        metavar="PATH",
        help="an interpreter or environment whose packages the program imports; a .venv beside the code if none",
    )
    parser.add_argument("--fix", action="store_true", help="make the edits that are safe to make")
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="processes that share the work; one for each processor if 0"
    )
    parser.add_argument("--quiet", action="store_true", help="do not say on a terminal how far it is")
    parser.add_argument("--no-cache", action="store_true", help="read every file anew, and remember nothing")
    parser.add_argument("--cache-dir", default=FOLDER, metavar="FOLDER", help=f"where to remember files; {FOLDER} if not given")
    return parser
