"""The target of Netra against Netra: what a user can do there, in the words of a proof."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra.prove.answers import NotSupported, Refused
from netra.prove.targets import ReceivedEvent, Work
from netra.prove.targets.netra import NetraPerson, NetraTarget, expiry
from tests.fixtures.server import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[NetraTarget]:
    heard: list[str] = []
    with ServerProcess.running(tmp_path) as server:
        target = await NetraTarget.open([server.url], lambda *said: heard.append(str(said)), random.Random(1))
        yield target
        await target.close()


async def test_a_user_works_reads_resumes_and_is_refused_what_is_not_theirs(target: NetraTarget) -> None:
    first, second = await target.sign_up(1, "mark-a"), await target.sign_up(2, "mark-b")
    thread = await first.new_thread("t")
    run = await first.start_run(thread, Work("mark-a request 1.", 2, 0), "key")
    assert await first.start_run(thread, Work("mark-a request 1.", 2, 0), "key") == run
    seen: list[ReceivedEvent] = []
    async with asyncio.timeout(60), first.read({thread: None}) as reader:
        while not seen or seen[-1].type != "agent_completed":
            if (event := await reader.next(1)) is not None:
                seen.append(event)
        half = seen[len(seen) // 2]
    async with asyncio.timeout(60), first.read({thread: (half.epoch, half.seq)}) as again:
        rest = [await again.next(5) for _ in seen[len(seen) // 2 + 1 :]]
    assert rest == seen[len(seen) // 2 + 1 :]
    log = await first.log(thread)
    assert [event.digest for event in log.events] == [event.digest for event in seen]
    cursor = {"after": half.seq, "epoch": half.epoch}
    rests = [await first.do("resume", way=way, thread=thread, cursor=cursor) for way in ("pages", "stream", "socket")]
    assert rests == [rests[0]] * 3, "the three ways differ"
    assert [seq for seq, _ in rests[0]["events"]] == [event.seq for event in seen if event.seq > half.seq]
    with pytest.raises(Refused):
        await first.do("resume", way="stream", thread=thread, cursor={"id": "nonsense"})
    looked = await first.do("look_at_run", **await first.do("start_agent", thread=thread, agent="demo", input={}))
    assert looked["attempt"] <= 1
    with pytest.raises(Refused) as refusal:
        await second.start_run(thread, Work("x", 0, 0), None)
    assert refusal.value.status == 404
    assert (await second.raw("GET", f"/api/threads/{thread}"))[0] == 404
    await first.do("upload", name="a.csv", content="timestamp,model,input_tokens,output_tokens\n2026-01-01T00:00:00Z,m,1,2\n")
    await first.do("set_secret", name="SECRET", value="hidden from everybody")
    await first.do("list_secrets")
    await first.do("use_tool", tool="list_agents", arguments={})
    with pytest.raises(NotSupported):
        await first.do("dance")


async def test_a_reader_of_somebody_elses_thread_is_refused_and_does_not_wait_for_nothing(target: NetraTarget) -> None:
    first, second = await target.sign_up(1, "mark-a"), await target.sign_up(2, "mark-b")
    thread = await first.new_thread("t")
    async with second.read({thread: None}) as reader:
        with pytest.raises(Refused) as refusal:
            await reader.next(10)
    assert refusal.value.status == 404


async def test_a_session_is_renewed_before_its_token_runs_out(target: NetraTarget) -> None:
    person: NetraPerson = await target.sign_up(1, "mark-a")
    assert expiry(person.token) > time.time() + 60
    before = person.refresh_token
    await person.do("refresh")
    assert person.refresh_token != before
    twin = person.twin()
    await twin.do("move", url=person.url)
    await twin.do("sign_in")
    await twin.do("sign_out")
    assert (await person.raw("GET", "/auth/me"))[0] == 200
    wire = await person.handshake({"Origin": "https://evil.example"})
    assert wire.status == 403
    wire.end()
