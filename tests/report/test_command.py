import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from netra.guard.command import main as guard
from netra.report.command import ReportOrder, read_baseline, report, summary
from netra.report.model import ReportRefused, SavedReport, Source, Trend
from tests.report.examples import finding, made, prove, saved
from tests.report.examples import guard as looked

FAULTY = "async def save(): ...\n\n\nasync def work():\n    save()\n"
MENDED = FAULTY.replace("    save()", "    await save()")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one faulty file, which was written an hour ago and is where we are."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    edit(FAULTY, datetime.now(UTC) - timedelta(hours=1))
    subprocess.run(["git", "add", "app.py"], check=True)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, "commit", "--quiet", "--message", "first"], check=True)
    return tmp_path


def edit(text: str, at: datetime) -> None:
    Path("app.py").write_text(text)
    os.utime("app.py", (at.timestamp(), at.timestamp()))


def look() -> Path:
    guard([".", "--no-cache", "--jobs", "1", "--format", "json", "--output", "guard.json"])
    return Path("guard.json")


def told(**order: object) -> tuple[int, str]:
    said: list[str] = []
    return report(ReportOrder(**order), said.append), "\n".join(said)  # type: ignore[arg-type]


def test_from_a_fault_to_its_end() -> None:
    status, said = told(guard=look(), save=Path("report.json"))
    assert (status, said.splitlines()[-1]) == (1, "1 regression (no baseline: whatever is open counts as new).")

    status, said = told(guard=look(), baseline=Path("report.json"), save=Path("report.json"))
    assert status == 0
    assert "still open A101 unawaited-coroutine, app.py:5: `save(…)` gives a coroutine" in said

    edit(MENDED, datetime.now(UTC) - timedelta(minutes=1))
    status, _ = told(
        guard=look(), baseline=Path("report.json"), save=Path("next.json"), markdown=Path("report.md"), html=Path("report.html")
    )
    assert status == 0
    assert "## Fixed: looked for again, and gone (1)" in Path("report.md").read_text("utf-8")
    assert "<b>1</b>fixed" in Path("report.html").read_text("utf-8")
    assert read_baseline(Path("next.json")).evidence[0].defects == ()


def test_evidence_from_before_the_mending_does_not_say_fixed() -> None:
    told(guard=look(), save=Path("report.json"))
    edit(MENDED, datetime.now(UTC))
    stale = look()
    edit(MENDED, datetime.now(UTC) + timedelta(minutes=1))
    status, said = told(guard=stale, baseline=Path("report.json"))
    assert status == 0
    assert "OLD: `app.py` has changed since" in said
    assert "unknown    A101 unawaited-coroutine, app.py:5" in said


def test_guard_is_run_where_paths_are_given() -> None:
    status, said = told(paths=(Path("app.py"),))
    assert status == 1
    assert said.startswith("guard   1 file, 5 lines\nprove   unknown: prove was not run\n")
    with pytest.raises(ReportRefused, match=r"there is no nowhere\.py"):
        told(paths=(Path("nowhere.py"),))


def test_every_source_is_asked_that_the_order_names() -> None:
    Path("verdict.json").write_bytes((Path(__file__).parent / "sources/recorded/verdict.json").read_bytes())
    Path("junit.xml").write_text('<testsuite><testcase classname="t" name="test_a"/></testsuite>')
    _, said = told(
        guard=look(), prove=Path("verdict.json"), tests=Path("junit.xml"), health="http://127.0.0.1:1", save=Path("report.json")
    )
    assert {each.source for each in read_baseline(Path("report.json")).evidence} == set(Source)
    assert "tests   1 passed, 0 failed, 0 skipped" in said
    assert (
        "new        is ready, http://127.0.0.1:1/health/ready: It is not ready: there is no answer.  →  curl --fail http://127.0.0.1:1/health/ready"
        in said
    )


def test_a_saved_report_is_read_back_as_it_was_and_is_the_same_every_time() -> None:
    kept = made(looked(finding()), prove()).saved()
    content = [msgspec.json.encode(kept, order="deterministic") for _ in range(2)]
    assert content[0] == content[1]
    Path("report.json").write_bytes(content[0])
    assert read_baseline(Path("report.json")) == kept


@pytest.mark.parametrize("content", [None, "", "{}", "[1]"], ids=["missing", "empty", "other", "list"])
def test_a_baseline_that_is_none_is_refused_with_the_way_to_get_one(content: str | None) -> None:
    if content is not None:
        Path("report.json").write_text(content)
    with pytest.raises(ReportRefused, match=r"leave --baseline out, and `netra report … --save report\.json` writes one"):
        told(guard=look(), baseline=Path("report.json"))


def test_a_baseline_of_another_version_is_refused() -> None:
    other: SavedReport = msgspec.structs.replace(saved(looked()), version=2)
    Path("report.json").write_bytes(msgspec.json.encode(other))
    with pytest.raises(ReportRefused, match="reads version 1 of a saved report, not 2"):
        told(guard=look(), baseline=Path("report.json"))


def test_what_cannot_be_read_or_written_or_means_two_things_is_refused() -> None:
    for order, words in (
        ({}, "there is no evidence"),
        ({"guard": Path("none.json")}, r"none\.json: No such file"),
        ({"guard": look(), "paths": (Path(),)}, "which of them counts"),
        ({"guard": look(), "html": Path("no folder/report.html")}, "No such file"),
    ):
        with pytest.raises(ReportRefused, match=words):
            told(**order)


def test_the_summary_says_what_is_old_and_what_is_in_doubt() -> None:
    old = msgspec.structs.replace(looked(), stale="it is 2 days old")
    text = summary(made(old, prove(doubts=("nobody came",)), baseline=saved(looked(finding()))))
    assert text.splitlines()[:2] == [
        "guard   12 files, 900 lines; OLD: it is 2 days old",
        "prove   10 users; in doubt: nobody came",
    ]
    assert f"{Trend.UNKNOWN:<10} S101" in text


def test_a_terminal_is_not_flooded() -> None:
    lines = summary(made(looked(*(finding(str(number)) for number in range(40))))).splitlines()
    assert len(lines) == 4 + 25 + 2
    assert lines[-2] == "… and 15 more, which --markdown and --html hold"


def test_what_is_saved_is_json_that_people_can_read() -> None:
    told(guard=look(), save=Path("report.json"))
    content = json.loads(Path("report.json").read_text("utf-8"))
    assert content["version"] == 1
    assert content["evidence"][0]["defects"][0]["where"] == "app.py:5"
