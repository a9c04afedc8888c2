import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netra.guard import inspection
from netra.guard.analysis import Analysis
from netra.guard.command import main
from netra.guard.configuration import GuardConfiguration
from netra.guard.faults import Sighting
from netra.guard.inspection import SHARES, BrokenRule, counted, inspect, selected_rules, share_of
from netra.guard.rule import FAMILIES, Rule
from tests.guard.programs import analysed, faults

BAD = "async def f(): ...\ndef g():\n    f(){0}\n"


def test_a_comment_with_a_reason_excuses_its_line_and_its_code() -> None:
    assert faults(BAD.format("  # guard: ignore[A101] the loop is not running yet"), "A101") == []
    assert len(faults(BAD.format("  # guard: ignore[A101]"), "A101")) == 1
    assert len(faults(BAD.format("  # guard: ignore[A111] another"), "A101")) == 1


def test_a_comment_alone_on_its_line_speaks_of_the_next() -> None:
    text = "async def f(): ...\ndef g():\n    # guard: ignore[A101] on purpose\n    f()\n    f()\n"
    assert [each.line for each in faults(text, "A101")] == [5]


def test_a_call_of_several_lines_is_excused_on_any_of_them() -> None:
    text = "async def f(a): ...\ndef g():\n    f(\n        1,  # guard: ignore[A101] on purpose\n    )\n"
    assert faults(text, "A101") == []


def test_an_excluded_family_is_silent() -> None:
    assert faults(BAD.format(""), configuration=GuardConfiguration(ignore=("A",))) == []


def test_a_family_that_passes_in_one_file_is_reported_in_the_others() -> None:
    decided = GuardConfiguration(per_file_ignores=(("old/*", ("A",)),))
    files = {"old/a.py": BAD.format(""), "new/a.py": BAD.format("")}
    assert [each.path for each in faults(files, "A101", configuration=decided)] == ["new/a.py"]


@pytest.mark.parametrize(
    "head",
    ["    return\n", "    raise ValueError\n", "    while True: g()\n", "    if h: return 1\n    else: raise ValueError\n"],
)
def test_lines_that_nobody_gets_to_have_no_faults(head: str) -> None:
    assert faults(f"async def f(): ...\ndef g(h=0):\n{head}    f()\n    def inner():\n        f()\n", "A101") == []
    assert len(faults("async def f(): ...\ndef g(h=0):\n    if h: return\n    f()\n", "A101")) == 1


def test_a_line_that_also_holds_what_is_reached_keeps_its_faults() -> None:
    assert len(faults("async def f(): ...\ndef g():\n    f(); return; f()\n", "A101")) == 2


def test_what_cannot_be_read_is_told_wherever_it_stands() -> None:
    assert len(faults("raise SystemExit\ndef f():\n    return\n    a b c\n", "G101")) == 1


def test_faults_are_counted_by_code() -> None:
    assert list(counted(faults(BAD.format("\n    f()"), "A101"))) == [("A101", 2)]


def test_findings_are_the_same_however_many_processes_share_the_families(tmp_path: Path) -> None:
    files = {
        "serve.py": "import app\nasync def run():\n    app.save()\n    await app.client.send()\n"
        "    asyncio.create_task(run())\nimport asyncio\n",
        "app.py": "import os\nasync def save(): ...\ndef add(word, seen=[]):\n    seen.append(word)\n",
        "config.py": "import os\nA = os.environ['A']\nB = os.environ['B']\n",
        "other.py": "import os\nC = os.environ['A']\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "netra.guard", ".", "--no-cache", "--select=A,E,S103", "--format", "json", "--jobs"]
    shown = [subprocess.run([*command, jobs], cwd=tmp_path, capture_output=True, check=False).stdout for jobs in "12"]
    one, two = (json.loads(each)["findings"] for each in shown)
    assert {each["code"] for each in one} == {"A101", "A112", "E101", "S103"}
    assert one == two


def test_what_a_hesitant_rule_takes_for_likely_is_told_to_who_selects_it() -> None:
    text = """
class Store:
    def find(self): ...

class Shop:
    def __init__(self, store: Store):
        self.store = store

    def buy(self):
        self.store.look()
        self.pay()

def run(shop: Shop):
    print(shop.buy(), Store().find())
"""
    assert [each.line for each in faults(text) if each.code == "M101"] == [11]
    assert [each.line for each in faults(text, "M101")] == [10, 11]
    assert [each.line for each in faults(text, "M")] == [10, 11]


def test_a_rule_that_needs_an_owner_tells_everything_once_there_is_one() -> None:
    files = {"shop/config.py": "A = 1\n", "shop/use.py": "from dotenv import load_dotenv\nload_dotenv()\n"}
    assert faults(files) == []
    owned = GuardConfiguration(owner=("shop.config",))
    assert [each.code for each in faults(files, configuration=owned)] == ["E104"]


def test_every_family_is_in_one_share_of_the_work_and_a_rule_is_in_the_one_that_names_most_of_it() -> None:
    named = [each for share in SHARES for each in share]
    assert sorted(each for each in named if len(each) == 1) == sorted(FAMILIES)
    assert len(named) == len(set(named))
    assert [share_of(code) for code in ("A101", "D108", "M101", "M301", "E101", "S101")] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_to_be_done_beside_the_rules_is_done_once_and_finds_nothing(jobs: int, tmp_path: Path) -> None:
    def note() -> None:
        with (tmp_path / "done").open("a") as file:
            file.write("done\n")

    assert inspect(analysed("import os\n"), {"example.py": []}, jobs=jobs, beside=note) == []
    assert (tmp_path / "done").read_text() == "done\n"


def raising(analysis: Analysis) -> Iterator[Sighting]:
    yield Sighting(analysis.scopes[0], 1, 0, 1, "found before the error")
    raise IndexError("tuple index out of range")


@pytest.fixture
def broken_a113(monkeypatch: pytest.MonkeyPatch) -> None:
    def selected(configuration: GuardConfiguration) -> list[Rule]:
        return [replace(each, check=raising) if each.code == "A113" else each for each in selected_rules(configuration)]

    monkeypatch.setattr(inspection, "selected_rules", selected)


@pytest.mark.usefixtures("broken_a113")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_rule_that_fails_is_named_and_takes_no_other_with_it(jobs: int) -> None:
    told: list[BrokenRule] = []
    text = BAD.format("") + "def h():\n    return missing\n"
    found = inspect(analysed(text), {"example.py": text.split("\n")}, jobs=jobs, broken=told.append)
    assert [each.code for each in found] == ["A101", "M105"]
    assert [each.code for each in told] == ["A113"]
    assert "tuple index out of range" in told[0].error


@pytest.mark.usefixtures("broken_a113")
def test_who_does_not_ask_for_failures_gets_them_raised() -> None:
    with pytest.raises(IndexError):
        inspect(analysed("import os\n"), {"example.py": []})


@pytest.mark.usefixtures("broken_a113")
def test_the_command_says_what_it_could_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(BAD.format(""))
    for _ in range(2):  # what was left out is not taken for nothing next time
        assert main(["app.py"]) == 2
        said = capsys.readouterr()
        assert "A101" in said.out
        assert "rule A113 failed on this program" in said.err
    assert main(["app.py", "--format", "json"]) == 2
    looked = json.loads(capsys.readouterr().out)["looked_at"]
    assert "A113" not in looked["rules"]
    assert "A113" in looked["rules_off"]
    assert main(["app.py", "--write-baseline", "known.json"]) == 2
    assert "rule A113 failed on this program" in capsys.readouterr().err


@pytest.mark.parametrize("aside", ["shop/client.backup.py", "shop/_retired/client.py"])
def test_what_somebody_has_put_aside_is_told_of_to_those_who_ask(aside: str) -> None:
    text = "def paid(user, amount): ...\n\n\npaid(1)\n"
    files = {aside: text, "shop/client.py": text}
    lines = {path: each.split("\n") for path, each in files.items()}
    assert [each.path for each in inspect(analysed(files), lines)] == ["shop/client.py"]
    asked = analysed(files, GuardConfiguration(select=("M103",)))
    assert [each.path for each in inspect(asked, lines)] == sorted([aside, "shop/client.py"])


def test_a_library_that_was_copied_into_the_program_is_told_of_to_those_who_ask() -> None:
    text = "def paid(user, amount): ...\n\n\npaid(1)\n"
    files = {"shop/_vendor/pay.py": text, "shop/vendor/pay.py": text}
    lines = {path: each.split("\n") for path, each in files.items()}
    assert [each.path for each in inspect(analysed(files), lines)] == ["shop/vendor/pay.py"]
    asked = analysed(files, GuardConfiguration(select=("M103",)))
    assert [each.path for each in inspect(asked, lines)] == ["shop/_vendor/pay.py", "shop/vendor/pay.py"]
