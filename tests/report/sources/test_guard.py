import json
from pathlib import Path

import pytest

from netra.guard.command import main
from netra.report.model import Defect, Evidence, ReportRefused, Risk, Source
from netra.report.sources.guard import read

FAULTY = """\
from fastapi import FastAPI

app = FastAPI()


async def save(order: str) -> None: ...


@app.post("/orders")
async def order(name: str) -> str:
    save(name)
    return name
"""


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    """What guard itself says about a small faulty program."""
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(FAULTY)
    assert main([".", "--no-cache", "--jobs", "1", "--format", "json", "--output", "guard.json"]) == 1
    return read(Path("guard.json").read_bytes(), "guard.json")


def test_a_real_document_is_read_as_it_is(looked: Evidence) -> None:
    assert looked.defects == (
        Defect(
            source=Source.GUARD,
            key=json.loads(Path("guard.json").read_bytes())["findings"][0]["fingerprint"],
            name="A101 unawaited-coroutine",
            what="`save(…)` gives a coroutine: nothing awaits it, so it never runs",
            impact="Work that was asked for may silently not be done, or its answer is no answer. Reached by POST /orders.",
            risk=Risk.DELIVERY,
            verify="netra guard . --select A101",
            where="app.py:11",
            proof=("app.py:6: `save` is declared `async def`",),
            scope=(),
            code="A101",
        ),
    )
    assert (looked.source, looked.looked_at, looked.doubts) == (Source.GUARD, "1 file, 12 lines", ())
    assert looked.command == "netra guard . --format json --output guard.json"
    assert looked.coverage.enters("app.py", "A101")
    assert not looked.coverage.enters("app.py", "S109"), "it is off by default"


def test_what_a_baseline_of_its_own_hides_is_a_doubt(looked: Evidence) -> None:
    main([".", "--no-cache", "--jobs", "1", "--write-baseline", "known.json"])
    main([".", "--no-cache", "--jobs", "1", "--baseline", "known.json", "--format", "json", "--output", "guard.json"])
    again = read(Path("guard.json").read_bytes(), "guard.json")
    assert (again.defects, again.coverage.hidden) == ((), 1)
    assert again.doubts == ("findings are hidden by a baseline of its own: 1",)


def test_a_finding_of_a_comparison_is_only_fixed_by_the_same_comparison(looked: Evidence) -> None:
    document = json.loads(Path("guard.json").read_bytes())
    document["findings"][0]["code"] = "M201"
    document["looked_at"]["since"] = "v1.2"
    again = read(json.dumps(document).encode(), "guard.json")
    assert again.defects[0].scope == ("compared with v1.2",)
    assert again.defects[0].scope[0] in again.coverage.names
    assert again.defects[0].verify == "netra guard . --select M201 --since v1.2"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"version": 1, "findings": []}'], ids=["empty", "no", "odd", "old"])
def test_what_guard_has_not_written_is_refused_with_what_would_write_it(content: bytes) -> None:
    with pytest.raises(ReportRefused, match=r"`netra guard src --format json --output guard\.json` writes one"):
        read(content, "guard.json")


def test_guard_that_read_nothing_is_in_doubt(looked: Evidence) -> None:
    document = json.loads(Path("guard.json").read_bytes())
    document |= {"findings": [], "summary": {"files": 0, "lines": 0, "in_baseline": 0}}
    assert read(json.dumps(document).encode(), "guard.json").doubts == ("it read no file at all",)


def test_files_that_guard_passed_over_are_a_doubt(looked: Evidence) -> None:
    document = json.loads(Path("guard.json").read_bytes())
    document["looked_at"]["passed_over"] = ["data.py"]
    doubts = read(json.dumps(document).encode(), "guard.json").doubts
    assert doubts == ("files that are too large for it were passed over: data.py",)


def test_what_was_left_out_as_only_likely_is_a_doubt(looked: Evidence) -> None:
    document = json.loads(Path("guard.json").read_bytes())
    document["looked_at"]["confidence"] = "high"
    doubts = read(json.dumps(document).encode(), "guard.json").doubts
    assert doubts == ("only findings of confidence 'high' are in it, and none that are likely",)
