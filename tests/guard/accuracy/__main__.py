"""How often guard is right: draw what is to be judged, and make the tables of the pages of what was judged.

    python -m tests.guard.accuracy sample --family M --seed 7 --count 25 /tmp/pkgs/letta /tmp/pkgs/khoj …
    python -m tests.guard.accuracy tables            write the tables between their markers in the pages
    python -m tests.guard.accuracy recall /tmp/pkgs/kolibri /tmp/pkgs/wger …
    python -m tests.guard.accuracy tables --print    show them, markers and all, to put them into a page that has none

`recall` says how many of the faults that reviewers proved by reading (see `reviewed.py`) guard tells by default, and with
`--historic FOLDER` of those that maintainers have mended, in the versions before.

`sample` runs guard over each package, a folder made by `pip install --target FOLDER NAME --no-deps`, and writes judged/M.csv:
findings drawn in turn from every rule and package. Read the code at each, and write `true` or `false` into the column
`verdict`, and into `why` what a false one does not know. A verdict stays with its finding when the sample is drawn anew.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from netra.guard.analysis import Analysis
from netra.guard.configuration import GuardConfiguration
from netra.guard.faults import Fault
from netra.guard.inspection import inspect
from netra.guard.rule import FAMILIES
from netra.guard.source.cache import FOLDER, Cache
from netra.guard.source.gathering import gather, linked
from netra.guard.symbols import ModuleSymbol
from tests.guard.accuracy import judged
from tests.guard.accuracy.found import Found, read_found, write_found
from tests.guard.accuracy.judged import Judgement
from tests.guard.accuracy.readings import READINGS
from tests.guard.accuracy.reviewed import HISTORIC, REVIEWED, recall, reviewed
from tests.guard.accuracy.tables import FOUND, PAGES, VERDICTS, all_tables, marked, with_tables
from tests.guard.checkers.running import Package, package


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw or render. Gives the exit code: 0 done, 2 the page has no place for a table."""
    options = _parser().parse_intermixed_args(arguments)
    if options.what == "sample":
        draw(options.family, [package(each.resolve()) for each in options.packages], options)
        return 0
    if options.what == "recall":
        halves = reviewed(HISTORIC if options.historic else REVIEWED)
        packages = [package(each.resolve()) for each in options.packages]
        if options.historic:
            versions = sorted({(each.package, each.version) for half in halves.values() for each in half})
            packages = [
                Package(f"{name}-{version}", version, folder, (".",))
                for name, version in versions
                if (folder := options.historic.resolve() / f"{name}-{version}").is_dir()
            ]
        told = {each.name: _faults(each, GuardConfiguration(), options.cache_dir) for each in packages}
        sys.stdout.write("| half | family | told |\n|---|---|---|\n")
        sys.stdout.writelines(
            f"| {half} | {family} | {hit} of {all_of} |\n" for half, family, hit, all_of in recall(halves, told)
        )
        return 0
    tables = all_tables(options.judged, options.judged / FOUND, options.judged / READINGS.name)
    if options.print:
        sys.stdout.write("\n".join(marked(name, text) for name, text in tables.items()))
        return 0
    missing = set(tables)
    for page in options.page or PAGES:
        text, not_here = with_tables(page.read_text("utf-8"), tables)
        page.write_text(text, "utf-8")
        missing &= set(not_here)
    if missing:
        sys.stderr.write(f"no page has markers for {', '.join(sorted(missing))}; --print shows what to put there\n")
    return 2 if missing else 0


def draw(family: str, packages: Sequence[Package], options: argparse.Namespace) -> None:
    """Write the sample of a family, and how many findings each rule has in each package."""
    file: Path = options.judged / f"{family}.csv"
    items: list[tuple[tuple[str, str], Judgement]] = []
    found = [each for each in read_found(options.judged / FOUND) if each.code[0] != family]
    for each in packages:
        faults = _faults(each, GuardConfiguration(select=(family,) if options.all_rules else ()), options.cache_dir)
        faults = [fault for fault in faults if fault.code[0] == family]
        items += [((fault.code, each.name), _row(each, fault)) for fault in faults]
        codes = [fault.code for fault in faults]
        found += [Found(each.name, each.version, code, codes.count(code)) for code in sorted(set(codes))]
        if not codes:
            found.append(Found(each.name, each.version, family, 0))
    rows = judged.with_verdicts(judged.drawn(items, options.count, options.seed), judged.read(file))
    judged.write(file, rows)
    write_found(options.judged / FOUND, found)
    left = sum(row.verdict == judged.OPEN for row in rows)
    sys.stdout.write(f"{family}: {len(rows)} of {len(items)} findings, {left} to judge, in {file}\n")


def _faults(of: Package, configuration: GuardConfiguration, cache: str) -> list[Fault]:
    gathered = gather([of.folder / top for top in of.tops], Cache(Path(cache)))
    modules = [_below(module, of.folder) for module in gathered.modules]
    lines = {
        module.path: (of.folder / module.path).read_text("utf-8", "replace").splitlines()
        for module in modules
        if not module.library
    }
    return inspect(Analysis(linked(modules), configuration), lines)


def _below(module: ModuleSymbol, folder: Path) -> ModuleSymbol:
    """The module with its path relative to the package, so that a fingerprint holds wherever the package is installed."""
    path = Path(module.path).absolute()
    shown = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else module.path
    return ModuleSymbol(module.name, shown, module.file, module.package, module.library, module.digest)


def _row(of: Package, fault: Fault) -> Judgement:
    return Judgement(of.name, of.version, fault.code, fault.path, fault.line, fault.message, fault.fingerprint)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guard.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["sample", "recall", "tables"])
    parser.add_argument("packages", nargs="*", type=Path, metavar="FOLDER", help="a folder with one installed package")
    parser.add_argument(
        "--historic",
        type=Path,
        metavar="FOLDER",
        help="of faults that were mended: a folder with NAME-VERSION/ of each package",
    )
    parser.add_argument("--family", choices=[each for each in FAMILIES if each != "G"], default="A")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=25, metavar="N", help="how many to judge; 25 if not given")
    parser.add_argument("--all-rules", action="store_true", help="also the rules that are off by default")
    parser.add_argument("--cache-dir", default=FOLDER, metavar="FOLDER", help=f"guard's cache; {FOLDER} if not given")
    parser.add_argument("--judged", type=Path, default=VERDICTS, metavar="FOLDER", help="where the CSV files are")
    parser.add_argument(
        "--page", type=Path, action="append", metavar="FILE", help="a page with markers; those of docs/ if none"
    )
    parser.add_argument("--print", action="store_true", help="show the tables instead of writing them into the page")
    return parser


if __name__ == "__main__":
    sys.exit(main())
