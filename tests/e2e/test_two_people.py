"""The main job, on real input: two people, a usage log each, a run each, and a laptop lid that closes half-way."""

import asyncio
import csv
import json
import statistics
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.server import ServerProcess
from tests.mission_critical.people import MARK, Person, ended, together

ROOT = Path(__file__).resolve().parents[2]
TRACES = ROOT.parent / "shared" / "data"
SAMPLE = ROOT / "examples" / "data" / "generated-usage.csv"


def traces() -> list[tuple[Path, str, str]]:
    """The usage logs of the two, with the columns of input and output tokens: production traces where they are at hand."""
    azure = [TRACES / f"AzureLLMInferenceTrace_{name}.csv" for name in ("conv", "code")]
    if all(path.exists() for path in azure):
        return [(path, "ContextTokens", "GeneratedTokens") for path in azure]
    return [(SAMPLE, "input_tokens", "output_tokens")] * 2


def figures(report: dict[str, Any]) -> dict[str, Any]:
    return {figure["id"]: figure["value"] for section in report["sections"] for figure in section["figures"]}


async def upload(person: Person, path: Path) -> str:
    content = await asyncio.to_thread(path.read_bytes)
    form = {"file": (path.name, content), "name": (None, person.mark)}
    return str((await person.call("POST", "/api/datasets", files=form))["id"])


async def test_two_people_each_get_their_own_report_and_a_closed_lid_misses_nothing(tmp_path: Path) -> None:
    with ServerProcess.running(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
            people = await together([Person.sign_up(http) for _ in range(2)])

            async def work(person: Person, trace: tuple[Path, str, str]) -> str:
                path, input_column, output_column = trace
                dataset = await upload(person, path)
                thread = await person.thread()
                async with person.watch() as before:
                    epoch = (await before.follow(thread, after=0))["epoch"]
                    body = {"agent": "spend_report", "input": {"dataset_id": dataset, "model": "gpt-4o"}}
                    run = await person.call("POST", f"/api/threads/{thread}/runs", json=body)
                    await before.until(lambda: len(before.events(thread)) >= 3, within=30)
                    before.drop()
                had = before.events(thread)
                async with person.watch() as after:
                    await after.follow(thread, after=had[-1]["seq"], epoch=epoch)
                    whole = await person.history(thread)
                    if not ended(had):
                        await after.until_ended(thread, 1, within=60)
                        whole = await person.history(thread)
                    await after.until(lambda: len(after.events(thread)) >= len(whole) - len(had), within=30)
                    rest = after.events(thread)
                assert had + rest == whole
                assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))
                assert [event["type"] for event in ended(whole)] == ["agent_completed"]

                report = (await person.call("GET", f"/api/runs/{run['run_id']}"))["result"]
                with path.open(newline="") as file:
                    rows = list(csv.DictReader(file))
                measured = figures(report)
                assert measured["requests"] == len(rows)
                assert measured["input_p50"] == statistics.median(int(row[input_column]) for row in rows)
                assert measured["output_p50"] == statistics.median(int(row[output_column]) for row in rows)
                assert measured["input_total"] == sum(int(row[input_column]) for row in rows)
                return "\n".join(before.raw + after.raw) + json.dumps(report)

            received = await together([work(person, trace) for person, trace in zip(people, traces(), strict=True)])
            everybody = {person.mark for person in people}
            for person, text in zip(people, received, strict=True):
                assert set(MARK.findall(text)) & everybody <= {person.mark}


@pytest.mark.timeout(180)
async def test_a_killed_server_goes_on_where_it_was_and_does_nothing_twice(tmp_path: Path) -> None:
    with ServerProcess.running(tmp_path) as first:
        port = httpx.URL(first.url).port
        async with httpx.AsyncClient(base_url=first.url, timeout=60) as http:
            person = await Person.sign_up(http)
            thread = await person.thread()
            async with person.watch() as before:
                epoch = (await before.follow(thread, after=0))["epoch"]
                await person.run(thread, steps=30, delay_ms=100)
                await before.until(lambda: len(before.events(thread)) >= 20, within=30)
                first.kill()
                had = before.events(thread)
            with ServerProcess.running(tmp_path, port=port):
                async with person.watch() as after:
                    await after.follow(thread, after=had[-1]["seq"], epoch=epoch)
                    rest = await after.until_ended(thread, 1, within=60)
                whole = await person.history(thread)
    assert had + rest == whole
    assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))
    assert [event["type"] for event in ended(whole)] == ["agent_completed"]
    for kind in ("tool_executing", "tool_completed"):
        calls = [event["data"]["call_id"] for event in whole if event["type"] == kind]
        assert len(calls) == len(set(calls)), kind
    # Each step says when it was done; what was done before the kill still says so in the result.
    done = [event["data"]["result"] for event in whole if event["type"] == "tool_completed" and event["data"]["tool"] == "work"]
    assert whole[-1]["data"]["result"]["steps"] == done
