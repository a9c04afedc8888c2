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
