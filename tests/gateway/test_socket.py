"""`/ws` from the outside: a real server, real sockets, people who signed up."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.types import EventDict
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from netra.gateway.connection import Connection
from netra.ids import UserId, new_uuid
from netra.prove.proxy import Proxy
from tests.fixtures.world import ORIGIN, PATIENCE, Person, Socket, World, eventually, open_world, subprotocols


def carried(token: str) -> str:
    return "jwt." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def refusal(world: World, path: str = "/ws", **options: Any) -> tuple[int, dict[str, Any]]:
    """Status and problem document of an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        async with world.connect(path, **options):
            pytest.fail("the upgrade was not refused")
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(response.body)


# Who it is ----------------------------------------------------------------------------------------------------------------


async def test_a_greeting_says_who_and_how(world: World, ann: Person) -> None:
    async with world.connect(additional_headers=bearer(ann.access_token)) as socket:
        greeting = await socket.receive()
    assert greeting["type"] == "connection_established"
    assert greeting["user_id"] == ann.user_id
    assert greeting["config"] == {"heartbeat_interval": 25.0, "max_message_size": 65536}


@pytest.mark.parametrize("protocol", ["netra.v1", "jwt-auth"])
async def test_a_browser_carries_its_token_in_a_subprotocol(world: World, ann: Person, protocol: str) -> None:
    async with world.connect(subprotocols=subprotocols(protocol, carried(ann.access_token))) as socket:
        assert (await socket.receive())["user_id"] == ann.user_id
        assert socket.connection.subprotocol == protocol


async def test_a_ticket_opens_one_socket_and_no_second(world: World, ann: Person) -> None:
    ticket = (await ann.call("POST", "/auth/ticket", 200)).json()["ticket"]
    async with world.connect(f"/ws?ticket={ticket}") as socket:
        assert (await socket.receive())["user_id"] == ann.user_id
    assert (await refusal(world, f"/ws?ticket={ticket}"))[0] == 401


async def test_the_first_frame_may_say_who_it_is(world: World, ann: Person) -> None:
    async with world.connect() as socket:
        await socket.send("authenticate", token=ann.access_token)
        assert (await socket.receive())["user_id"] == ann.user_id


async def test_a_bad_token_is_refused_before_the_upgrade(world: World, ann: Person) -> None:
    for options in (
        {"additional_headers": bearer("nonsense")},
        {"additional_headers": bearer(ann.access_token[:-4] + "AAAA")},
        {"subprotocols": subprotocols("netra.v1", carried("nonsense"))},
        {"additional_headers": {"Authorization": "Basic YTpi"}},
    ):
        status, problem = await refusal(world, **options)
        assert (status, problem["code"]) == (401, "unauthenticated")


async def test_a_first_frame_with_a_bad_token_closes_with_4401(world: World) -> None:
    async with world.connect() as socket:
        await socket.send("authenticate", token="nonsense", ref="r")
        assert (await socket.receive())["code"] == "unauthenticated"
        assert (await socket.closed())[0] == 4401


async def test_a_first_frame_that_is_something_else_closes_with_1008(world: World) -> None:
    async with world.connect() as socket:
        await socket.send("ping")
        assert (await socket.receive())["code"] == "authenticate_first"
        assert (await socket.closed())[0] == 1008


async def test_who_says_nothing_in_time_is_let_go(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, authenticate_timeout=0.05) as world, world.connect() as socket:
        assert (await socket.receive())["code"] == "authenticate_first"
        assert (await socket.closed())[0] == 1008


async def test_a_token_in_the_url_is_no_proof(world: World, ann: Person) -> None:
    async with world.connect(f"/ws?token={ann.access_token}&access_token={ann.access_token}") as socket:
        await socket.send("ping")
        assert (await socket.receive())["code"] == "authenticate_first"


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", ORIGIN + ":8000", ORIGIN.upper(), ORIGIN + ".evil.example"]
)
async def test_another_origin_is_refused_before_the_upgrade_whoever_asks(world: World, ann: Person, origin: str | None) -> None:
    status, problem = await refusal(world, origin=origin, additional_headers=bearer(ann.access_token))
    assert (status, problem["code"]) == (403, "origin_not_allowed")


async def test_a_second_authentication_is_an_error_and_changes_nothing(world: World, ann: Person, ben: Person) -> None:
    async with ann.socket() as socket:
        assert (await socket.ask("authenticate", token=ben.access_token))["code"] == "already_authenticated"
        thread = await ann.thread()
        assert (await socket.ask("subscribe", thread_id=thread))["type"] == "subscribed"


# Threads and runs ---------------------------------------------------------------------------------------------------------


async def test_events_arrive_in_order_as_they_happen(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with ann.socket() as socket:
        subscribed = await socket.ask("subscribe", thread_id=thread, after=0)
        assert (subscribed["type"], subscribed["head"], subscribed["epoch"]) == ("subscribed", 0, 1)
        await world.think(ann, thread, *"abcde")
        await socket.until("agent_thinking", where=lambda frame: frame["seq"] == 5)
        assert [event["data"]["text"] for event in socket.events(thread)] == list("abcde")
        assert [event["seq"] for event in socket.events(thread)] == [1, 2, 3, 4, 5]


async def test_a_subscription_without_a_position_begins_with_the_present(world: World, ann: Person) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, "before")
    async with ann.socket() as socket:
        assert (await socket.ask("subscribe", thread_id=thread))["head"] == 1
        await world.think(ann, thread, "after")
        assert (await socket.until("agent_thinking"))["seq"] == 2


async def test_a_resume_at_every_position_is_byte_equal_to_the_history(world: World, ann: Person) -> None:
    thread = await ann.thread()
    texts = ["plain", "ünïcode ☃", 'quotes " and \\', "new\nline", "", "x" * 5000]
    async with ann.socket() as live:
        await live.ask("subscribe", thread_id=thread)
        await world.think(ann, thread, *texts)
        await live.until("agent_thinking", where=lambda frame: frame["seq"] == len(texts))
    wire = live.raw[-len(texts) :]
    page = await ann.call("GET", f"/api/threads/{thread}/events", 200)
    assert page.text.partition('"events":[')[2] == ",".join(wire) + "]}"
    async with ann.socket() as socket:
        for after in range(len(texts) + 1):
            await socket.ask("subscribe", thread_id=thread, after=after, epoch=1)
            start = len(socket.raw)
            if after < len(texts):
                await socket.until("agent_thinking", where=lambda frame: frame["seq"] == len(texts))
            assert (await socket.ask("ping"))["type"] == "pong"
            assert socket.raw[start:-1] == wire[after:]


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        ({"after": 9, "epoch": 1}, "cursor_ahead"),
        ({"after": 1, "epoch": 7}, "epoch_changed"),
        ({"after": 2**62}, "cursor_ahead"),
    ],
)
async def test_a_cursor_that_does_not_fit_gets_a_reset_and_everything(
    world: World, ann: Person, cursor: dict[str, int], reason: str
) -> None:
    thread = await ann.thread()
    await world.think(ann, thread, *"abc")
    async with ann.socket() as socket:
        await socket.ask("subscribe", thread_id=thread, **cursor)
        reset = await socket.receive()
        assert (reset["type"], reset["reason"], reset["epoch"], reset["head"]) == ("reset", reason, 1, 3)
        await socket.until("agent_thinking", where=lambda frame: frame["seq"] == 3)
        assert [event["seq"] for event in socket.events(thread)] == [1, 2, 3]


async def test_nothing_comes_of_a_thread_after_unsubscribing(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with ann.socket() as socket:
        await socket.ask("subscribe", thread_id=thread)
        assert (await socket.ask("unsubscribe", thread_id=thread))["type"] == "ack"
        await world.think(ann, thread, "unheard")
        await socket.ask("ping")
        assert socket.events(thread) == []


async def test_a_deleted_thread_is_told_to_its_readers(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with ann.socket() as socket:
        await socket.ask("subscribe", thread_id=thread)
        await ann.call("DELETE", f"/api/threads/{thread}", 204)
        assert (await socket.until("reset"))["reason"] == "thread_deleted"


async def test_every_socket_hears_of_its_own_account(world: World, ann: Person, ben: Person) -> None:
    async with world.parts.database.system().transaction() as connection:
        await connection.execute("UPDATE account SET role = 'admin' WHERE id = %s", [UUID(ann.user_id)])
    async with ann.socket() as socket, ben.socket() as other:
        answer = (await ann.call("POST", "/api/tools/migrate-legacy", 200)).json()
        assert (answer["status"], answer["new_plan"]) == ("migrated", "enterprise")
        changed = await socket.until("plan_changed")
        assert (changed["thread_id"], changed["data"]["new"]) == (ann.user_id, "enterprise")
        await other.ask("ping")
        assert [frame["type"] for frame in other.seen] == ["connection_established", "pong"]


async def test_somebody_elses_thread_is_answered_as_an_unknown_one_and_counted(world: World, ann: Person, ben: Person) -> None:
    theirs = await ben.thread()
    unknown = str(new_uuid())
    async with ann.socket() as socket:
        replies = [await socket.ask("subscribe", thread_id=thread, after=0) for thread in (theirs, unknown)]
        for reply in replies:
            reply.pop("ref")
        assert replies[0] == replies[1]
        assert replies[0]["code"] == "not_found"
        await world.think(ben, theirs, "private")
        await socket.ask("ping")
        assert socket.events(theirs) == []
    await eventually(lambda: world.parts.trespass.counts["socket"] > 0)
    assert world.parts.trespass.counts["socket"] == 1


# What a client gets wrong -------------------------------------------------------------------------------------------------

BAD_FRAMES: list[tuple[str | bytes, str]] = [
    ("", "not_json"),
    ("{", "not_json"),
    ("nonsense", "not_json"),
    ("null", "not_json"),
    ("[]", "not_json"),
    ('"ping"', "not_json"),
    ("[" * 30_000, "not_json"),
    ('{"type":"ping"}{"type":"ping"}', "not_json"),
    ('{"type":"start_agent","agent":"a","input":NaN}', "not_json"),
    ('{"type":"user_message","content":"\\ud800"}', "not_json"),
    (b'{"type":"ping"}', "binary_frame"),
    (b"\x00\xff", "binary_frame"),
    ("{}", "unknown_frame_type"),
    ('{"type":null}', "unknown_frame_type"),
    ('{"type":"agent_completed"}', "unknown_frame_type"),
    ('{"type":"PING"}', "unknown_frame_type"),
    ('{"type":"subscribe"}', "invalid_frame"),
    ('{"type":"subscribe","thread_id":"*"}', "invalid_frame"),
    ('{"type":"subscribe","thread_id":"' + "x" * 10_000 + '"}', "invalid_frame"),
    ('{"type":"subscribe","thread_id":"0198c0de-0000-7000-8000-000000000001","after":-1}', "invalid_frame"),
    ('{"type":"subscribe","thread_id":"0198c0de-0000-7000-8000-000000000001","after":"1"}', "invalid_frame"),
    ('{"type":"ping","extra":1}', "invalid_frame"),
    ('{"type":"ping","ref":{}}', "invalid_frame"),
    ('{"type":"user_message","thread_id":"0198c0de-0000-7000-8000-000000000001","content":"a\\u0000b"}', "invalid_frame"),
]


async def test_every_bad_frame_gets_its_code_one_log_line_and_bothers_nobody(
    world: World, ann: Person, ben: Person, log_lines: list[EventDict]
) -> None:
    thread = await ben.thread()
    async with ann.socket() as socket, ben.socket() as neighbour:
        await neighbour.ask("subscribe", thread_id=thread)
        for text, code in BAD_FRAMES:
            log_lines.clear()
            await socket.connection.send(text)
            error = await socket.until("error")
            assert (error["code"], text) == (code, text)
            assert len(log_lines) <= 1, log_lines
            assert (await socket.ask("ping"))["type"] == "pong"
        await world.think(ben, thread, "undisturbed")
        await neighbour.until("agent_thinking")
        assert [frame["type"] for frame in neighbour.seen] == ["connection_established", "subscribed", "agent_thinking"]


async def test_five_bad_frames_in_a_row_close_with_1008_and_four_do_not(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        for _ in range(3):
            for _ in range(4):
                await socket.connection.send("nonsense")
            await socket.ask("ping")
        for _ in range(5):
            await socket.connection.send("nonsense")
        code, reason = await socket.closed()
        assert (code, reason.split()[0]) == (1008, "policy_violation")
    assert world.parts.presence.tally.closes["1008"] == 1


@pytest.mark.parametrize(
    "bad", ["", " ", "%", "../x", "*", "' OR 1=1 --", "\N{FULLWIDTH DIGIT ONE}" * 36, "{}", "a" * 10_000, "\x00" * 36]
)
async def test_a_strange_id_is_refused_by_its_field(world: World, ann: Person, bad: str) -> None:
    async with ann.socket() as socket:
        for frame in ({"type": "subscribe", "thread_id": bad}, {"type": "stop_agent", "run_id": bad}):
            error = await socket.ask(**frame)
            assert (error["code"], error["field"]) == ("invalid_frame", "thread_id" if "thread_id" in frame else "run_id")


async def test_another_spelling_of_an_id_is_the_same_id(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with ann.socket() as socket:
        assert (await socket.ask("subscribe", thread_id=thread.upper()))["thread_id"] == thread
        await world.think(ann, thread, "a")
        assert (await socket.until("agent_thinking"))["thread_id"] == thread


async def test_a_frame_of_one_byte_too_many_closes_with_1009(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        padding = "x" * (65_536 - len('{"type":"ping","ref":7,"x":""}'))
        await socket.connection.send('{"type":"ping","ref":7,"x":"' + padding + '"}')
        assert (await socket.until("error"))["field"] == "x"
        await socket.connection.send('{"type":"ping","ref":7,"x":"' + padding + 'y"}')
        assert (await socket.closed())[0] == 1009
    await eventually(lambda: world.parts.presence.tally.closes["1009"] == 1)


async def test_a_message_in_many_pieces_is_refused_and_in_a_few_is_not(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        await socket.connection.send(["{", '"type"', ":", '"ping"', "}"])
        assert (await socket.receive())["type"] == "pong"
        with pytest.raises(ConnectionClosed) as caught:
            await socket.connection.send(iter(["{"] + [""] * 100_000))
            await socket.receive()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


async def test_text_that_is_not_utf8_closes_with_1007_and_one_line(
    world: World, ann: Person, log_lines: list[EventDict]
) -> None:
    async with ann.socket() as socket:
        await raw_frame(socket, Opcode.TEXT, b"\xff\xfe")
        with pytest.raises(ConnectionClosed) as caught:
            await socket.receive()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1007
    assert len(log_lines) <= 1


async def raw_frame(socket: Socket, opcode: Opcode, data: bytes) -> None:
    """Send a frame as it is, past what `websockets` would allow."""
    mask = b"\0\0\0\0"
    assert len(data) < 126
    socket.connection.transport.write(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + data)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (bytes([0x81, 0x05]) + b"hello", 1002),  # not masked
        (bytes([0x83, 0x80, 0, 0, 0, 0]), 1002),  # an opcode that does not exist
        (bytes([0xC1, 0x80, 0, 0, 0, 0]), 1002),  # a reserved bit
        (bytes([0x09, 0x80, 0, 0, 0, 0]), 1002),  # a ping in pieces
        (bytes([0x89, 0xFE, 0x00, 0x7E, 0, 0, 0, 0]) + b"x" * 126, 1002),  # a ping that is too long
        (bytes([0x80, 0x80, 0, 0, 0, 0]), 1002),  # a continuation of nothing
        (bytes([0x81, 0xFF]) + (2**30).to_bytes(8, "big") + b"\0\0\0\0", 1009),  # a gibibyte declared
        (bytes([0x81, 0xFF]) + (2**63).to_bytes(8, "big") + b"\0\0\0\0", 1009),  # more than a length may be
        (bytes([0x88, 0x81, 0, 0, 0, 0, 0x03]), 1002),  # half a close code
        (bytes([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED]), 1002),  # 1005, which may not be sent
    ],
)
async def test_a_broken_frame_closes_its_own_socket_with_its_code(
    world: World, ann: Person, ben: Person, head: bytes, code: int, log_lines: list[EventDict]
) -> None:
    async with ben.socket() as neighbour:
        async with ann.socket() as socket:
            log_lines.clear()
            socket.connection.transport.write(head)
            with pytest.raises(ConnectionClosed) as caught:
                await socket.receive()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == code
        assert (await neighbour.ask("ping"))["type"] == "pong"
        assert len(log_lines) <= 1


# Limits -------------------------------------------------------------------------------------------------------------------


async def test_one_connection_too_many_is_closed_with_4429_and_others_stay(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_connections_per_user=2) as world:
        ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
        async with ann.socket() as first, ann.socket(), ben.socket() as other:
            async with world.connect(additional_headers=bearer(ann.access_token)) as third:
                assert (await third.receive())["code"] == "too_many_connections"
                assert (await third.closed())[0] == 4429
            assert (await first.ask("ping"))["type"] == "pong"
            assert (await other.ask("ping"))["type"] == "pong"
        async with ann.socket() as again:
            assert (await again.ask("ping"))["type"] == "pong"


async def test_who_floods_is_closed_with_4429_and_nobody_else_notices(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, messages_burst=10, messages_per_second=0.1) as world:
        ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
        async with ann.socket() as socket, ben.socket() as other:
            for _ in range(20):
                await socket.send("ping")
            assert (await socket.closed())[0] == 4429
            assert [frame["type"] for frame in socket.seen].count("pong") <= 10
            assert (await other.ask("ping"))["type"] == "pong"
            # The limit is the user's, not the socket's: a new one begins where the old one ended.
            async with ann.socket() as again:
                await again.send("ping")
                assert (await again.closed())[0] == 4429


@asynccontextmanager
async def slow_world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database_url, tmp_path, max_unsent_bytes=524_288, send_deadline=0.3) as world:
        yield world


async def test_a_reader_that_stops_reading_is_closed_with_4408_and_the_cursor(database_url: str, tmp_path: Path) -> None:
    async with slow_world(database_url, tmp_path) as world:
        ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
        thread, other = await ann.thread(), await ben.thread()
        async with ann.socket() as socket, ben.socket() as neighbour:
            await socket.ask("subscribe", thread_id=thread, after=0)
            await neighbour.ask("subscribe", thread_id=other, after=0)
            socket.connection.transport.pause_reading()
            sent = 0
            async with asyncio.timeout(PATIENCE):
                while not world.parts.presence.tally.closes["4408"]:
                    await world.think(ann, thread, "x" * 200_000)
                    await world.think(ben, other, "y")
                    sent += 1
            socket.connection.transport.resume_reading()
            code, reason = await socket.closed()
            assert code == 4408
            assert reason.startswith(f"slow_reader {thread}=1/")
            last = socket.seen[-1]
            assert (last["type"], last["code"]) == ("error", "slow_reader")
            resume_from = int(reason.split("=1/")[1].split()[0])
            assert last["cursors"][thread] == f"1/{resume_from}"
            got = [event["seq"] for event in socket.events(thread)]
            # The cursor names nothing that did not leave, and everything that left came in order.
            assert got == list(range(1, len(got) + 1))
            assert resume_from <= len(got)
            await neighbour.until("agent_thinking", where=lambda frame: frame["seq"] == sent)
        async with ann.socket() as again:
            await again.ask("subscribe", thread_id=thread, after=resume_from, epoch=1)
            await again.until("agent_thinking", where=lambda frame: frame["seq"] == sent)
            assert [event["seq"] for event in again.events(thread)] == list(range(resume_from + 1, sent + 1))


async def test_a_long_replay_waits_for_its_reader_instead_of_closing_it(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_unsent_bytes=524_288) as world:
        ann = await world.sign_up("ann")
        threads = [await ann.thread() for _ in range(3)]
        for thread in threads:
            await world.think(ann, thread, *["x" * 200_000] * 20)
        async with ann.socket() as socket:
            for thread in threads:
                await socket.send("subscribe", thread_id=thread, after=0)
            for thread in threads:
                while [event["seq"] for event in socket.events(thread)][-1:] != [20]:
                    await socket.receive()
            for thread in threads:
                assert [event["seq"] for event in socket.events(thread)] == list(range(1, 21))


async def test_fifty_readers_who_stop_reading_are_let_go_and_their_neighbours_notice_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with open_world(
        database_url, tmp_path, max_unsent_bytes=524_288, send_deadline=0.3, max_connections_per_user=60
    ) as world:
        ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
        thread, other = await ann.thread(), await ben.thread()
        async with AsyncExitStack() as stack:
            neighbour = await stack.enter_async_context(ben.socket())
            await neighbour.ask("subscribe", thread_id=other)
            for _ in range(50):
                socket = await stack.enter_async_context(ann.socket(close_timeout=0.1))
                await socket.ask("subscribe", thread_id=thread)
                socket.connection.transport.pause_reading()
            sent = 0
            async with asyncio.timeout(60):
                while world.parts.presence.tally.closes["4408"] < 50:
                    await world.think(ann, thread, "x" * 200_000)
                    await world.think(ben, other, "y")
                    sent += 1
                    # Nothing is kept for a reader beyond its bound, however many of them there are.
                    kept = [c._outbox.size for c in world.parts.presence._connections() if isinstance(c, Connection)]
                    assert max(kept) <= 524_288 + 256 * 1024
                await neighbour.until("agent_thinking", where=lambda frame: frame["seq"] == sent)
            assert [event["seq"] for event in neighbour.events(other)] == list(range(1, sent + 1))
            assert world.parts.presence.sockets == 1


async def test_a_restarted_server_resumes_its_readers_at_every_position(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        async with ann.socket() as live:
            await live.ask("subscribe", thread_id=thread)
            await world.think(ann, thread, *"abcdef")
            await live.until("agent_thinking", where=lambda frame: frame["seq"] == 6)
        wire = live.raw[-6:]
    async with open_world(database_url, tmp_path) as restarted:
        ann.world = restarted
        async with ann.socket() as socket:
            for after in range(6):
                await socket.ask("subscribe", thread_id=thread, after=after, epoch=1)
                start = len(socket.raw)
                await socket.until("agent_thinking", where=lambda frame: frame["seq"] == 6)
                assert socket.raw[start:] == wire[after:]


async def test_a_database_that_goes_away_costs_an_error_frame_and_no_socket(database_url: str, tmp_path: Path) -> None:
    async with Proxy.open(database_url) as proxy, open_world(proxy.url, tmp_path, database_pool_timeout=0.5) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        async with ann.socket() as socket:
            await socket.ask("subscribe", thread_id=thread, after=0)
            proxy.refusing = True
            proxy.cut()
            error = await socket.ask("subscribe", thread_id=thread, after=0)
            assert (error["type"], error["code"]) in {("error", "database_unreachable"), ("error", "database_busy")}
            assert error["retry_after"] > 0
            assert (await socket.ask("ping"))["type"] == "pong"
            refused = await ann.call("GET", "/api/threads", 503)
            assert int(refused.headers["Retry-After"]) >= 1
            proxy.refusing = False
            async with asyncio.timeout(PATIENCE):
                while (await socket.ask("subscribe", thread_id=thread, after=0))["type"] == "error":  # noqa: ASYNC110 - a client retries
                    await asyncio.sleep(0.05)
            await world.think(ann, thread, "back again")
            await socket.until("agent_thinking")
            assert [event["seq"] for event in socket.events(thread)] == [1]
        assert proxy.bitten > 0


# The end of access --------------------------------------------------------------------------------------------------------


async def test_logging_out_closes_every_socket_of_that_session_and_no_other(world: World, ann: Person, ben: Person) -> None:
    login = await ann.http.post("/auth/login", json={"email": ann.email, "password": "a-long-enough-secret"})
    other_session = login.json()["access_token"]
    async with (
        ann.socket() as first,
        ann.socket() as second,
        world.connect(additional_headers=bearer(other_session)) as third,
        ben.socket() as other,
    ):
        await third.receive()
        await ann.call("POST", "/auth/logout", 204)
        for socket in (first, second):
            code, reason = await socket.closed()
            assert (code, reason.split()[0]) == (4401, "access_ended")
        assert (await third.ask("ping"))["type"] == "pong"
        assert (await other.ask("ping"))["type"] == "pong"


async def test_not_one_event_arrives_after_access_has_ended(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with ann.socket() as socket:
        await socket.ask("subscribe", thread_id=thread)
        await ann.call("POST", "/auth/logout", 204)
        await socket.closed()
        assert socket.events(thread) == []
    assert (await refusal(world, additional_headers=bearer(ann.access_token)))[0] == 401


async def test_a_disabled_account_loses_its_sockets(world: World, ann: Person, ben: Person) -> None:
    async with ann.socket() as socket, ben.socket() as other:
        await world.parts.sign_in.accounts.disable(ann.email)
        assert (await socket.closed())[0] == 4401
        assert (await other.ask("ping"))["type"] == "pong"


async def test_a_lost_hint_costs_seconds_and_not_the_check(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        async with world.parts.database.system().transaction() as connection:
            await connection.execute("UPDATE session SET revoked_at = now() WHERE user_id = %s", [UUID(ann.user_id)])
        assert (await socket.closed())[0] == 4401


async def test_each_thing_that_is_asked_for_is_asked_of_the_database_first(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, access_check_interval=5) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        async with ann.socket() as socket:
            async with world.parts.database.system().transaction() as connection:
                await connection.execute("UPDATE session SET revoked_at = now() WHERE user_id = %s", [UUID(ann.user_id)])
            await socket.send("subscribe", thread_id=thread, after=0)
            assert (await socket.closed())[0] == 4401
            assert "subscribed" not in [frame["type"] for frame in socket.seen]


async def test_an_expired_token_is_announced_and_then_closes(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, access_token_lifetime=5, token_grace=0.3) as world:
        ann = await world.sign_up("ann")
        async with ann.socket() as socket:
            assert (await socket.until("token_expiring"))["in"] == 0.3
            code, reason = await socket.closed()
            assert (code, reason.split()[0]) == (4401, "token_expired")


async def test_a_fresh_token_keeps_the_socket_open(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, access_token_lifetime=1.5, token_grace=30) as world:
        ann = await world.sign_up("ann")
        async with ann.socket() as socket:
            await socket.until("token_expiring")
            pair = (await ann.http.post("/auth/refresh", json={"refresh_token": ann.refresh_token})).json()
            assert (await socket.ask("refresh_token", token=pair["access_token"]))["type"] == "ack"
            # It lives to see the end of the second token announced.
            await socket.until("token_expiring")


async def test_somebody_elses_token_never_changes_who_a_socket_is(world: World, ann: Person, ben: Person) -> None:
    theirs = await ben.thread()
    async with ann.socket() as socket:
        await socket.send("refresh_token", token=ben.access_token, ref="r")
        error = await socket.until("error")
        assert (error["code"], error["ref"]) == ("identity_fixed", "r")
        assert (await socket.closed())[0] == 1008
        await world.think(ben, theirs, "private")
    assert world.parts.presence.tally.identity_swaps == 1


async def test_a_bad_refresh_is_an_error_and_leaves_the_socket_as_it_is(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        assert (await socket.ask("refresh_token", token="nonsense"))["code"] == "unauthenticated"
        assert (await socket.ask("ping"))["type"] == "pong"


async def test_a_changed_plan_is_known_to_open_sockets(world: World, ann: Person) -> None:
    async with ann.socket():
        [connection] = world.parts.presence._connections()
        assert isinstance(connection, Connection)
        assert connection.identity.plan == "free"
        await world.parts.changes.set_plan(UserId(UUID(ann.user_id)), "pro")
        await eventually(lambda: connection.identity.plan == "pro")


# The end of the server ----------------------------------------------------------------------------------------------------


async def test_a_server_that_stops_says_so_with_the_cursor_and_loses_nothing(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        async with ann.socket() as socket:
            await socket.ask("subscribe", thread_id=thread, after=0)
            await world.think(ann, thread, *"abc")
            world.server.should_exit = True
            code, reason = await socket.closed()
            assert (code, reason.split()[0]) == (1001, "going_away")
            assert f"{thread}=1/3" in reason
            assert [event["seq"] for event in socket.events(thread)] == [1, 2, 3]


# Nothing is left behind ---------------------------------------------------------------------------------------------------


async def test_many_connections_that_come_and_go_leave_nothing(world: World, ann: Person) -> None:
    threads = [await ann.thread() for _ in range(3)]

    async def visit(number: int) -> None:
        async with ann.socket() as socket:
            for thread in threads:
                await socket.send("subscribe", thread_id=thread, after=0)
            if number % 3 == 0:
                socket.connection.transport.abort()
            elif number % 3 == 1:
                await socket.ask("unsubscribe", thread_id=threads[0])

    await world.think(ann, threads[0], *["x" * 1000] * 20)
    hub, tasks = len(world.parts.streams.hub), len(asyncio.all_tasks())
    for start in range(0, 120, 10):
        await asyncio.gather(*(visit(number) for number in range(start, start + 10)), return_exceptions=True)
    await eventually(lambda: not world.parts.presence.sockets and len(asyncio.all_tasks()) <= tasks)
    assert len(world.parts.streams.hub) == hub == 0
    assert world.parts.presence.users == 0
