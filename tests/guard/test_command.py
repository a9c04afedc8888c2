import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netra.guard import rules
from netra.guard.command import main
from netra.guard.source.files import LARGEST, LIMIT
from tests.guard.planted.planted import unpack

BAD = "async def save(): ...\n\n\nasync def work():\n    save()\n"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(BAD)

    def call(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        return code, capsys.readouterr().out

    return call


def test_findings_exit_with_one_and_none_with_zero(run: Run) -> None:
    assert run(".")[0] == 1
    assert run(".", "--ignore", "A")[0] == 0


def test_a_path_that_is_not_there_and_a_broken_configuration_exit_with_two(run: Run) -> None:
    assert run("nowhere")[0] == 2
    Path("pyproject.toml").write_text("[tool.netra-guard]\nonwer = []\n")
    assert run(".")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "configured"),
    [(("--select", "Z9"), ""), (("--ignore", "A999"), ""), ((), '[tool.netra-guard.per-file-ignores]\n"*" = ["A999"]\n')],
)
def test_a_code_that_no_rule_has_is_no_reason_to_find_nothing(run: Run, arguments: tuple[str, ...], configured: str) -> None:
    Path("pyproject.toml").write_text(configured)
    assert run(".", *arguments)[0] == 2


def test_the_second_run_says_what_the_first_said(run: Run) -> None:
    first, second = (json.loads(run(".", "--format", "json")[1]) for _ in range(2))
    assert first["findings"] == second["findings"] != []
    Path("app.py").write_text(BAD.replace("    save()", "    await save()"))
    assert run(".")[0] == 0


def test_a_remark_on_the_line_is_no_fact_and_yet_part_of_its_fingerprint(run: Run) -> None:
    def found(*options: str) -> list[dict[str, object]]:
        return list(json.loads(run(".", "--format", "json", *options)[1])["findings"])

    (before,) = found()
    Path("app.py").write_text(BAD.replace("    save()", "    save()  # later"))
    assert found() == found("--no-cache") != [before]
    Path("app.py").write_text(BAD.replace("    save()", "    save()  # guard: ignore[A101] later"))
    assert found() == []


def test_a_baseline_hides_what_it_holds_wherever_it_has_moved(run: Run) -> None:
    assert run(".", "--write-baseline", "known.json")[0] == 0
    Path("app.py").write_text("import os\n\n" + BAD)
    assert run(".", "--baseline", "known.json")[0] == 0
    Path("app.py").write_text(BAD + "    save()\n")
    code, said = run(".", "--baseline", "known.json")
    assert code == 1
    assert "1 finding (A101 1)" in said and "1 more are in the baseline" in said


def test_fix_mends_what_is_safe(run: Run) -> None:
    assert run(".", "--fix")[0] == 0
    assert "    await save()" in Path("app.py").read_text()


def test_explain_prints_the_page_and_lists_the_rules(run: Run) -> None:
    assert run("explain", "A101")[1].startswith("# A101 unawaited-coroutine\n")
    assert "A101 unawaited-coroutine" in run("explain")[1]
    assert run("explain", "X999")[0] == 2


def test_a_report_goes_to_a_file(run: Run) -> None:
    assert run(".", "--format", "sarif", "--output", "report.sarif") == (1, "")
    assert json.loads(Path("report.sarif").read_text())["version"] == "2.1.0"


def test_nothing_is_remembered_when_somebody_says_so(run: Run) -> None:
    run(".", "--no-cache")
    assert not Path(".guard_cache").exists()


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def guard(*arguments: str) -> tuple[int, str, str]:
    """Run guard as `make check` does, in a process of its own."""
    command = [sys.executable, "-m", "netra.guard", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


# One object of the class is made under each of its names: which of them is shown must not depend on the order of a set.
MADE_THRICE = """
from fastapi import FastAPI
from kept import Keeper, Keeper as Case, Keeper as Holder
app = FastAPI()
first = Keeper()
second = Case()
third = Holder()
@app.post("/a")
async def a(user_id: str):
    first.keep(user_id)
    return second.user_id
"""
KEPT = "class Keeper:\n    def keep(self, user_id):\n        self.user_id = user_id\n"


@pytest.mark.parametrize("name", ["zeta", ""])
def test_what_is_told_depends_on_no_order_of_a_set(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name:
        unpack(name, tmp_path)
    else:
        Path("app.py").write_text(MADE_THRICE)
        Path("kept.py").write_text(KEPT)
    told = []
    for seed in ("0", "2", "4"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        told.append(json.loads(guard(".", "--format", "json", "--no-cache", "--jobs", "1")[1])["findings"])
    assert told[0] != []
    assert told[0] == told[1] == told[2]


def test_without_a_release_the_comparison_is_left_out_and_said_to_be(run: Run) -> None:
    Path("app.py").write_text("def f(): ...\n")
    code, _, said = guard(".", "--since-release")
    assert (code, said.count("compared with no release: ")) == (0, 1)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    code, _, said = guard(".", "--since-release")
    assert (code, said) == (0, "netra guard: there is no release yet (no tag like v1.2.3), so there is none to compare with\n")


def test_the_last_release_is_what_is_compared_with(run: Run) -> None:
    git("init", "-q")
    Path("app.py").write_text("__all__ = ['f', 'g']\n\n\ndef f(): ...\n\n\ndef g(): ...\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "v1.1.0")
    shim = "import warnings\n\n\ndef f():\n    warnings.warn('f leaves', DeprecationWarning, stacklevel=2)\n"
    Path("app.py").write_text(f"{shim}\n\ndef g(): ...\n\n\n__all__ = ['f', 'g']\n")
    git("commit", "-q", "-a", "-m", "f is deprecated")
    git("tag", "v1.2.0")
    Path("app.py").write_text("__all__ = []\n")
    code, found, said = guard(".", "--since-release")
    assert (code, said) == (1, "netra guard: compared with release v1.2.0\n")
    assert "M205 the function `app.g` left" in found
    assert "app.f" not in found
    Path("pyproject.toml").write_text('[project]\nversion = "1.2.1"\n')
    assert "M205 the function `app.f` left" in guard(".", "--since-release")[1]


def test_a_revision_that_cannot_be_compared_with_exits_with_two(run: Run) -> None:
    assert run(".", "--since", "HEAD")[0] == 2
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert run(".", "--since", "nowhere")[0] == 2
    assert run(".", "--since", "HEAD", "--ignore", "A101")[0] == 0


def test_how_far_it_is_is_said_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BAD)
    command = [sys.executable, "-m", "netra.guard", ".", "--no-cache", "--jobs", "1"]
    said = []
    for more in ((), ("--quiet",)):
        here, there = pty.openpty()
        done = subprocess.run([*command, *more], cwd=tmp_path, stdout=subprocess.PIPE, stderr=there, check=False)
        os.write(there, b"end\n")
        os.close(there)
        said.append(os.read(here, 4096).decode())
        os.close(here)
        assert done.returncode == 1
        assert b"reading" not in done.stdout
    assert "reading 0 of " in said[0]
    assert said[1].strip() == "end"
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert piped.stderr == b""


def test_the_document_says_what_was_looked_at_and_what_was_looked_past(run: Run) -> None:
    Path("pyproject.toml").write_text('[tool.netra-guard.per-file-ignores]\n"tests/*" = ["E"]\n')
    before = datetime.now(UTC)
    looked_at = json.loads(run(".", "--format", "json", "--select", "A,S101", "--ignore", "A112")[1])["looked_at"]
    on, off = looked_at.pop("rules"), looked_at.pop("rules_off")
    assert sorted([*on, *off]) == sorted(rules.load())
    assert "S101" in on and "S102" in off and "A101" in on and "A112" in off
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(looked_at.pop("began_at")) <= datetime.now(UTC)
    assert looked_at == {
        "paths": ["."],
        "since": "",
        "exclude": [],
        "per_file_ignores": [["tests/*", ["E"]]],
        "passed_over": [],
        "confidence": "",
    }


# A program that calls what it has, and a function that nothing calls.
UNCALLED = BAD.replace("work()", "forgotten()") + "\n".join(f"def step_{number}(): step_{number}()" for number in range(60))


def test_what_nothing_in_the_program_names_is_only_likely_to_be_run(run: Run) -> None:
    Path("app.py").write_text(UNCALLED)
    assert "so it never runs (likely)\n" in run(".")[1]
    finding = json.loads(run(".", "--format", "json")[1])["findings"][0]
    assert finding["confidence"] == "medium"
    assert finding["why"][-1]["note"].startswith("nothing in the program names `forgotten`")
    Path("app.py").write_text(UNCALLED + "\nforgotten\n")
    assert json.loads(run(".", "--format", "json")[1])["findings"][0]["confidence"] == "high"


@pytest.mark.parametrize("configured", [False, True])
def test_only_what_is_certain_is_told_to_who_wants_no_more(run: Run, *, configured: bool) -> None:
    Path("app.py").write_text(UNCALLED)
    if configured:
        Path("pyproject.toml").write_text('[tool.netra-guard]\nconfidence = "high"\n')
    code, shown = run(".", "--format", "json", *(() if configured else ("--confidence", "high")))
    assert (code, json.loads(shown)["findings"], json.loads(shown)["looked_at"]["confidence"]) == (0, [], "high")
    Path("app.py").write_text(BAD)
    assert run(".", "--confidence", "high")[0] == 1


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_is_too_large_is_passed_over_and_named(
    run: Run, capsys: pytest.CaptureFixture[str], *, again: bool
) -> None:
    with Path("data.py").open("wb") as file:
        file.truncate(LARGEST + 1)
    if again:
        run(".")
    assert main([".", "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert shown.err == f"netra guard: data.py was passed over: {LIMIT}\n"
    assert json.loads(shown.out)["looked_at"]["passed_over"] == ["data.py"]
    assert [each["path"] for each in json.loads(shown.out)["findings"]] == ["app.py"]


def test_it_makes_no_difference_from_where_a_service_without_packages_is_looked_at(run: Run) -> None:
    for service in ("orders", "mail-out"):
        for folder in ("app", "app/jobs"):
            Path(service, folder).mkdir(parents=True)
        Path(service, "app/store.py").write_text("async def save(): ...\n")
        Path(service, "app/jobs/nightly.py").write_text("from app.store import save\n\n\ndef work():\n    save()\n")
    Path("app.py").unlink()
    for looked_at, found in (("orders", 1), ("mail-out/app", 1), (".", 2)):
        report = json.loads(run(looked_at, "--format", "json", "--no-cache")[1])
        assert [each["code"] for each in report["findings"]] == ["A101"] * found, looked_at


def test_each_of_two_services_has_the_owner_that_both_call_by_one_name(run: Run) -> None:
    Path("pyproject.toml").write_text('[tool.netra-guard]\nowner = ["app.config"]\nselect = ["E101"]\n')
    for service in ("orders", "mail-out"):
        Path(service, "app").mkdir(parents=True)
        Path(service, "app/__init__.py").touch()
        Path(service, "app/config.py").write_text('import os\n\nKEY = os.environ["KEY"]\n')
        Path(service, "app/work.py").write_text('import os\n\nfrom app.config import KEY\n\nOTHER = os.environ["OTHER"]\n')
    report = json.loads(run(".", "--format", "json", "--no-cache")[1])
    assert [each["path"] for each in report["findings"]] == ["mail-out/app/work.py", "orders/app/work.py"]


@pytest.mark.parametrize("says_so", [False, True])
def test_it_makes_no_difference_to_look_at_a_package_from_within(
    run: Run, says_so: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("app.py").unlink()
    Path("app/jobs").mkdir(parents=True)
    Path("app/store.py").write_text("async def save(): ...\n")
    Path("app/jobs/nightly.py").write_text("from app.store import save\n\n\ndef work():\n    save()\n")
    for folder in ("app", "app/jobs") if says_so else ():
        Path(folder, "__init__.py").touch()
    monkeypatch.chdir("app")
    report = json.loads(run(".", "--format", "json", "--no-cache")[1])
    assert [(each["code"], each["path"]) for each in report["findings"]] == [("A101", "jobs/nightly.py")]
