import pytest

from netra.ids import new_uuid
from tests.fixtures.world import Person, World


async def report(person: Person, topic: str) -> dict[str, str]:
    """A report that a run of this person has written."""
    run = await person.start(await person.thread(), "demo", {"steps": 1, "delay_ms": 0, "topic": topic})
    await person.ended(run["run_id"])
    [found] = (await person.get("/api/reports", params={"run_id": run["run_id"]}))["reports"]
    return dict(found)


async def test_a_report_of_a_run_can_be_read(world: World, ann: Person) -> None:
    summary = await report(ann, "reading")
    whole = await ann.get(f"/api/reports/{summary['id']}")
    assert {name: whole[name] for name in summary} == summary
    assert whole["title"] == "About reading"
    assert whole["body"]["sections"][0]["title"] == "Step 1"


async def test_pages_show_every_report_once_the_newest_first(world: World, ann: Person) -> None:
    made = [(await report(ann, topic))["id"] for topic in ("one", "two", "three")]
    first = await ann.get("/api/reports", params={"limit": 2})
    second = await ann.get("/api/reports", params={"limit": 2, "cursor": first["next_cursor"]})
    assert [item["id"] for item in first["reports"] + second["reports"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_somebody_elses_report_is_answered_as_an_unknown_one(world: World, ann: Person, ben: Person) -> None:
    theirs = await report(ben, "private")
    answers = []
    for which in (theirs["id"], str(new_uuid())):
        document = (await ann.call("GET", f"/api/reports/{which}", 404)).json()
        document.pop("request_id")
        answers.append(document)
    assert answers[0] == answers[1]
    assert (await ann.get("/api/reports"))["reports"] == []
    assert (await ann.get("/api/reports", params={"run_id": theirs["run_id"]}))["reports"] == []


@pytest.mark.parametrize(
    ("form", "media", "beginning"),
    [
        ("markdown", "text/markdown; charset=utf-8", b"# About a/b \\<b\\>\n"),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("pdf", "application/pdf", b"%PDF-"),
    ],
)
async def test_a_report_can_be_had_as_a_file(world: World, ann: Person, form: str, media: str, beginning: bytes) -> None:
    if form == "pdf":
        pytest.importorskip("typst", reason="needs the extra pdf")
    summary = await report(ann, "a/b <b>")
    answer = await ann.call("GET", f"/api/reports/{summary['id']}/export?format={form}", 200)
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"].startswith('attachment; filename="About a-b <b>.')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content.startswith(beginning)


async def test_an_export_in_another_format_or_of_somebody_else_is_refused(world: World, ann: Person, ben: Person) -> None:
    theirs = await report(ben, "private")
    await ann.call("GET", f"/api/reports/{theirs['id']}/export", 404)
    problem = (await ben.call("GET", f"/api/reports/{theirs['id']}/export?format=docx", 422)).json()
    assert problem["errors"][0]["field"].endswith("format")
