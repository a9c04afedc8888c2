"""Run categories of Netra's test suite and say in one table, or in JSON, how they went.

    python tests/unified_test_runner.py --real-services --category integration

Any Python will do to start it; it goes on with the project's own (tests/bootstrap.py). Each test runs once, however many of
the chosen categories it belongs to.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # called as a script, Python only knows the folder of the script

from tests.bootstrap import enter_environment  # noqa: E402 - only found once the line above has run

TESTS = ROOT / "tests"

# What each category holds: shell patterns of files below tests/, where `*` also goes into folders. A file may belong to
# several; that each belongs to one, and that `unit` touches no database, is tested.
CATEGORIES: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "unit": (
        "pure decisions: no database, no server",
        ["test_*", "structure/*", "fixtures/*", "events/*", "protocols/*", "settings/*", "testing/*", "guard/*", "report/*"],
    ),
    "integration": (
        "Netra's parts on a real PostgreSQL",
        [
            "db/*",
            "auth/*",
            "streams/*",
            "datasets/*",
            "runs/*",
            "tools/*",
            "analytics/*",
            "vault/*",
            "agents/*",
            "models/*",
            "hosting/*",
            "health/*",
            "gateway/*",
            "cli/*",
            "crash/*",
            "prove/*",
        ],
    ),
    "api": ("everything over HTTP", ["gateway/*"]),
    "websocket": ("everything over WebSocket", ["gateway/test_socket*", "protocols/test_websocket*", "mission_critical/*"]),
    "agent": ("agents, and the runs that carry them", ["agents/*", "models/*", "hosting/*", "runs/*"]),
    "database": ("tables, roles, migrations, and the log", ["db/*", "streams/*"]),
    "security": (
        "who may do what, and that nobody sees another's",
        [
            "auth/*",
            "vault/*",
            "tools/test_gate.py",
            "db/test_roles.py",
            "db/test_scope.py",
            "gateway/test_auth*",
            "gateway/test_limits*",
            "test_env.py",
        ],
    ),
    "performance": (
        "what speed rests on: batches, bounded queues, a light import; the figures themselves come from `make bench`",
        ["bench/*", "streams/test_writer.py", "streams/test_hub.py", "structure/test_front_door.py"],
    ),
    "e2e": ("real processes, real sockets", ["e2e/*", "mission_critical/*", "cli/test_serve*", "prove/test_servers*"]),
    "mission_critical": ("the event suite, against a running server with distinct users", ["mission_critical/*"]),
}

EPILOG = """\
Nothing in this suite is ever mocked: with or without --real-services the same tests run, on a real PostgreSQL that they
start for themselves; yours, with its data, is left alone. The flag checks first that this PostgreSQL starts and that the one
in NETRA_DATABASE_URL, if it is set, answers, and refuses with status 2 when not.

Arguments after -- go to pytest. Exit status: 0 all passed and every category ran at least one test; 1 something failed, or
nothing ran; 2 wrong arguments, or the services or the test tools are not there.
"""


@dataclass
class Tally:
    """How one category went. A test that breaks in its set-up or teardown counts as failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def ran(self) -> int:
        return self.passed + self.failed

    def add(self, outcome: str, seconds: float) -> None:
        setattr(self, outcome, getattr(self, outcome) + 1)
        self.seconds = round(self.seconds + seconds, 3)


@dataclass
class Outcome:
    """How the run went: each category by itself, and the sum in which every test counts once."""

    categories: dict[str, Tally]
    total: Tally = field(default_factory=Tally)
    exit_code: int = 1

    def as_json(self) -> str:
        total = asdict(self.total)
        tallies = {name: asdict(tally) for name, tally in self.categories.items()}
        return json.dumps({"categories": tallies, **total, "exit_code": self.exit_code}, indent=2)


def belongs(path: str, category: str) -> bool:
    """Whether a test file, given relative to tests/, is in the category."""
    return any(fnmatchcase(path, pattern) for pattern in CATEGORIES[category][1] if "/" in pattern or "/" not in path)


def suite() -> list[str]:
    """Every test file, relative to tests/."""
    return sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


def run(categories: Iterable[str], pytest_arguments: Sequence[str], *, progress: int) -> Outcome:
    """Run the tests of the categories in one pytest, whose output goes to the file descriptor `progress`."""
    outcome = Outcome({name: Tally() for name in categories})
    files = [path for path in suite() if any(belongs(path, name) for name in outcome.categories)]
    if not files:
        return outcome
    with tempfile.TemporaryDirectory(prefix="netra-runner-") as folder:
        record = Path(folder, "record.xml")
        command = [sys.executable, "-m", "pytest", f"--junitxml={record}", "-o", "junit_family=xunit1", *pytest_arguments]
        done = subprocess.run([*command, *(f"tests/{path}" for path in files)], cwd=ROOT, stdout=progress, check=False)
        if record.exists():
            count(record, outcome)
    if done.returncode == 0 and all(tally.ran and not tally.failed for tally in outcome.categories.values()):
        outcome.exit_code = 0
    return outcome


def count(record: Path, outcome: Outcome) -> None:
    """Add what pytest recorded to the tallies."""
    for case in ET.parse(record).iter("testcase"):
        # A file that could not even be imported is recorded without `file`, under its dotted name.
        path = case.get("file") or case.get("name", "").replace(".", "/") + ".py"
        if case.find("failure") is not None or case.find("error") is not None:
            result = "failed"
        else:
            result = "passed" if case.find("skipped") is None else "skipped"
        seconds = float(case.get("time") or 0)
        outcome.total.add(result, seconds)
        for name, tally in outcome.categories.items():
            if belongs(path.removeprefix("tests/"), name):
                tally.add(result, seconds)


def table(outcome: Outcome) -> str:
    """The tallies for people, one line a category."""
    lines = [f"{'category':<18}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>10}"]
    for name, tally in [*outcome.categories.items(), ("each test once", outcome.total)]:
        remark = "" if tally.ran else "   no test ran"
        lines.append(f"{name:<18}{tally.passed:>8}{tally.failed:>8}{tally.skipped:>9}{tally.seconds:>10.1f}{remark}")
    return "\n".join(lines)


def missing_services(environment: Mapping[str, str]) -> list[str]:
    """What a run on real services needs and cannot have, in words; the list is empty when all is well."""
    import psycopg

    from netra.db.embedded import EmbeddedPostgres
    from netra.errors import NetraError

    missing = []
    if url := environment.get("NETRA_DATABASE_URL"):
        try:
            with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=5) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            missing.append(f"the database in NETRA_DATABASE_URL does not answer: {error}")
    with tempfile.TemporaryDirectory(prefix="netra-probe-") as folder:
        server = EmbeddedPostgres(Path(folder))
        try:
            server.start()
            server.stop()
        except NetraError as error:
            missing.append(str(error))
    return missing


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run categories of Netra's test suite.", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--category",
        action="append",
        choices=[*CATEGORIES],
        metavar="NAME",
        help="run this one; repeatable; default: all of them",
    )
    parser.add_argument("--list-categories", action="store_true", help="say what each category holds, and end")
    parser.add_argument("--real-services", action="store_true", help="refuse to start unless the real services are there")
    parser.add_argument(
        "--json-output", nargs="?", const="-", metavar="FILE", help="write the result as JSON, without FILE to standard output"
    )
    parser.add_argument("pytest_arguments", nargs="*", metavar="-- PYTEST ARGUMENTS")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    if options.list_categories:
        for name, (about, _) in CATEGORIES.items():
            files = sum(belongs(path, name) for path in suite())
            print(f"{name:<18}{files:>4} files  {about}")
        return 0
    if options.real_services and (missing := missing_services(os.environ)):
        print("Real services were asked for and are not there:", *missing, sep="\n  ", file=sys.stderr)
        return 2
    # JSON on standard output must stand there alone.
    progress = sys.stderr if options.json_output == "-" else sys.stdout
    names = list(dict.fromkeys(options.category or CATEGORIES))
    outcome = run(names, options.pytest_arguments, progress=progress.fileno())
    print(f"\n{table(outcome)}", file=progress)
    if options.json_output == "-":
        print(outcome.as_json())
    elif options.json_output:
        Path(options.json_output).write_text(outcome.as_json() + "\n", "utf-8")
    return outcome.exit_code


if __name__ == "__main__":
    enter_environment()
    sys.exit(main(sys.argv[1:]))
