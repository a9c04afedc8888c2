"""The event suite: many real people on one real server, and whether each sees all of their own work and nobody else's.

    python tests/mission_critical/test_websocket_agent_events_suite.py [--url http://localhost:8000]

As a script it judges the server at that address, or, when nothing answers there, one that it starts and ends itself. Under
pytest it always starts its own. Everything goes over HTTP and WebSocket; nothing is asserted on what the suite itself sent,
only on what came back. Exit status 0: everything held; 1: it did not; 2: it could not run.
"""

import argparse
import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # called as a script, Python only knows this folder

from tests.bootstrap import enter_environment

enter_environment()

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.fixtures.server import GIVEN, Given, ServerProcess
from tests.mission_critical.people import MARK, TERMINAL, Person, Watch, ended, together

PEOPLE = 150
RUNS_EACH = 30
SOCKETS = 50
EVENTS_EACH = 100
FIVE = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server under judgement."""
    if (url := request.config.stash.get(GIVEN, None)) is not None:
        yield url
        return
    with ServerProcess.running(tmp_path_factory.mktemp("event-suite")) as own:
        yield own.url


@pytest.fixture
async def http(server: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server, timeout=60, limits=httpx.Limits(max_connections=40)) as client:
        yield client


async def sign_up(http: httpx.AsyncClient, count: int) -> list[Person]:
    people: list[Person] = await together([Person.sign_up(http) for _ in range(count)])
    assert len({person.user_id for person in people}) == count
    return people


def assert_dense(events: list[dict[str, Any]], first: int = 1) -> None:
    assert [event["seq"] for event in events] == list(range(first, first + len(events)))


def assert_well_formed(run: list[dict[str, Any]]) -> None:
    """One run's events: started first, calls paired, one end, and nothing after it."""
    types = [event["type"] for event in run if event["type"] != "run_queued"]
    assert types[0] == "agent_started"
    assert [kind for kind in types if kind in TERMINAL] == [types[-1]]
    begun = [event["data"]["call_id"] for event in run if event["type"] == "tool_executing"]
    done = [event["data"]["call_id"] for event in run if event["type"] == "tool_completed"]
    assert len(set(begun)) == len(begun)
    assert sorted(begun) == sorted(done)
    places = {(event["type"], event["data"].get("call_id")): event["seq"] for event in run}
    assert all(places["tool_executing", call] < places["tool_completed", call] for call in begun)


def by_run(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    runs: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        runs.setdefault(event["run_id"], []).append(event)
    return runs


@pytest.mark.timeout(600)
async def test_a_hundred_and_fifty_people_see_all_of_their_own_work_and_no_mark_of_anybody_else(
    http: httpx.AsyncClient,
) -> None:
    people = await sign_up(http, PEOPLE)

    async def work(person: Person) -> str:
        async with person.watch() as watch:
            thread = await person.thread()
            await watch.follow(thread, after=0)
            for _ in range(RUNS_EACH):
                await person.run(thread, steps=1, delay_ms=0)
            events = await watch.until_ended(thread, RUNS_EACH, within=540)
        assert_dense(events)
        runs = by_run(events)
        assert len(runs) == RUNS_EACH
        for run in runs.values():
            assert_well_formed(run)
            # The server's own words carry the mark: the run that answered is the one this person asked for.
            assert person.mark in json.dumps(run[-1]["data"])
        return "\n".join(watch.raw)

    received = await together([work(person) for person in people])
    everybody = {person.mark for person in people}
    for person, text in zip(people, received, strict=True):
        seen = set(MARK.findall(text)) & everybody
        assert seen == {person.mark}


async def test_fifty_sockets_get_a_hundred_events_each_in_order_and_whole(http: httpx.AsyncClient) -> None:
    people = await sign_up(http, 10)

    async def one(person: Person) -> int:
        thread = await person.thread()
        async with person.watch() as watch:
            await watch.follow(thread, after=0)
            await person.run(thread, steps=EVENTS_EACH // 3 + 1, delay_ms=0)
            events = await watch.until_ended(thread, 1, within=60)
        assert_dense(events)
        assert events == await person.history(thread)
        return len(events)

    counts = await together([one(person) for person in people for _ in range(SOCKETS // len(people))])
    assert len(counts) == SOCKETS
    assert min(counts) >= EVENTS_EACH


async def test_the_five_events_come_in_order_and_paired(http: httpx.AsyncClient) -> None:
    (person,) = await sign_up(http, 1)
    thread = await person.thread()
    async with person.watch() as watch:
        await watch.follow(thread)
        await person.run(thread, steps=2, delay_ms=0)
        events = await watch.until_ended(thread, 1, within=30)
    assert_well_formed(events)
    types = [event["type"] for event in events]
    firsts = [types.index(kind) for kind in FIVE]
    assert firsts == sorted(firsts)


async def test_a_closed_lid_misses_nothing_and_is_back_below_three_seconds(http: httpx.AsyncClient) -> None:
    (person,) = await sign_up(http, 1)
    thread = await person.thread()
    async with person.watch() as before:
        subscribed = await before.follow(thread, after=0)
        await person.run(thread, steps=20, delay_ms=50)
        await before.until(lambda: len(before.events(thread)) >= 8, within=20)
        before.drop()
    had = before.events(thread)
    async with asyncio.timeout(3):
        back = await person.watch().__aenter__()
        await back.follow(thread, after=had[-1]["seq"], epoch=subscribed["epoch"])
        await back.until(lambda: bool(back.events(thread)), within=3)
    try:
        rest = await back.until_ended(thread, 1, within=30)
    finally:
        await back.__aexit__()
    assert_dense(rest, first=had[-1]["seq"] + 1)
    assert had + rest == await person.history(thread)
    assert len(ended(had + rest)) == 1


MALFORMED = [
    "",
    "not json",
    "null",
    "[]",
    "{}",
    '{"type": 7}',
    '{"type": "no_such_frame"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "thread_id": "../../etc/passwd"}',
    '{"type": "subscribe", "thread_id": "00000000-0000-7000-8000-000000000000", "after": -1}',
    '{"type": "subscribe", "thread_id": "00000000-0000-7000-8000-000000000000", "after": "many"}',
    '{"type": "start_agent"}',
    '{"type": "start_agent", "agent": ["demo"]}',
    '{"type": "ping", "surplus": 1}',
    b"\x00\x01binary",
]


@pytest.mark.parametrize("frame", MALFORMED, ids=repr)
async def test_a_malformed_frame_is_answered_and_the_socket_goes_on(http: httpx.AsyncClient, frame: str | bytes) -> None:
    (person,) = await sign_up(http, 1)
    async with person.watch() as watch:
        await watch.socket.send(frame)
        await watch.until(lambda: any(f["type"] == "error" for f in watch.frames), within=10)
        assert (await watch.reply({"type": "ping"}))["type"] == "pong"


async def test_five_malformed_frames_close_their_own_socket_and_no_other(http: httpx.AsyncClient) -> None:
    careless, neighbour = await sign_up(http, 2)
    thread = await neighbour.thread()
    async with careless.watch() as closing, neighbour.watch() as watch:
        await watch.follow(thread, after=0)
        await neighbour.run(thread, steps=10, delay_ms=20)
        for _ in range(5):
            await closing.socket.send("not json")
        async with asyncio.timeout(10):
            await closing.socket.wait_closed()
        assert closing.socket.close_code == 1008
        events = await watch.until_ended(thread, 1, within=30)
    assert_dense(events)
    assert events == await neighbour.history(thread)


async def test_nobody_follows_a_thread_of_somebody_else(http: httpx.AsyncClient) -> None:
    owner, stranger = await sign_up(http, 2)
    thread = await owner.thread()
    async with stranger.watch() as watch:
        foreign = await watch.reply({"type": "subscribe", "thread_id": thread})
        unknown = await watch.reply({"type": "subscribe", "thread_id": "00000000-0000-7000-8000-000000000000"})
        await owner.run(thread, steps=2, delay_ms=0)
        async with owner.watch() as own:
            await own.follow(thread, after=0)
            await own.until_ended(thread, 1, within=30)
        assert (await watch.reply({"type": "ping"}))["type"] == "pong"
    assert foreign["type"] == unknown["type"] == "error"
    assert {k: v for k, v in foreign.items() if k != "ref"} == {k: v for k, v in unknown.items() if k != "ref"}
    assert owner.mark not in "\n".join(watch.raw)


async def test_a_socket_without_a_valid_token_gets_nothing(http: httpx.AsyncClient) -> None:
    (person,) = await sign_up(http, 1)
    forged = Person(http, person.token[:-4] + "AAAA", person.user_id)
    with pytest.raises(InvalidStatus) as refused:
        await Watch(forged).__aenter__()
    assert refused.value.response.status_code == 401


def answers(url: str) -> bool:
    """Whether a Netra answers at this address."""
    try:
        with urllib.request.urlopen(f"{url}/health/live", timeout=3) as answer:
            return "netra" in str(json.load(answer).get("service", ""))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", help="the server to judge (default: http://localhost:8000 if it answers, else one of its own)")
    given, rest = parser.parse_known_args()
    url = (given.url or "http://localhost:8000").rstrip("/")
    judged = None
    if answers(url):
        print(f"Judging the server at {url}.", flush=True)
        judged = url
    elif given.url:
        print(f"No Netra answers at {url}.", file=sys.stderr)
        return 2
    else:
        print(f"No Netra answers at {url}; starting one for this suite.", flush=True)
    return int(pytest.main([__file__, "-v", *rest], plugins=[Given(judged)]))


if __name__ == "__main__":
    sys.exit(main())
