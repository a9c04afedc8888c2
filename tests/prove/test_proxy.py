"""The proxy's faults are the ones that their names promise, seen from both sides of a real connection."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import AsyncConnection

from netra.db.database import Connection
from netra.prove.proxy import Proxy


@pytest.fixture
async def proxy(owner_url: str) -> AsyncIterator[Proxy]:
    async with Proxy.open(owner_url) as proxy:
        yield proxy


@pytest.fixture
async def witness(owner_url: str) -> AsyncIterator[Connection]:
    """A connection past the proxy."""
    async with await AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE mark (note text)")
        yield connection


async def connect(proxy: Proxy) -> Connection:
    return await AsyncConnection.connect(proxy.url, autocommit=True)


async def notes(witness: Connection) -> list[str]:
    return [note for (note,) in await (await witness.execute("SELECT note FROM mark")).fetchall()]


async def somebody_waits(witness: Connection) -> bool:
    """Somebody wants the table and has to wait for it."""
    query = "SELECT count(*) FROM pg_locks WHERE relation = 'mark'::regclass AND NOT granted"
    found = await (await witness.execute(query)).fetchone()
    return found != (0,)


async def test_it_passes_on_what_nobody_wants_changed(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection:
        await connection.execute("INSERT INTO mark VALUES ('plain')")
        large = await (await connection.execute("SELECT repeat('x', 300000)")).fetchone()
    assert await notes(witness) == ["plain"]
    assert large == ("x" * 300_000,)
    assert (proxy.connected, proxy.bitten) == (1, 0)


async def test_a_cut_request_was_never_made(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection:
        proxy.cut_next_request()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("INSERT INTO mark VALUES ('lost')")
    assert await notes(witness) == []
    assert proxy.bitten == 1


async def test_a_cut_reply_was_a_success(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection:
        proxy.cut_next_reply()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("INSERT INTO mark VALUES ('done')")
    assert await notes(witness) == ["done"]
    assert proxy.bitten == 1


async def test_a_server_goes_on_with_what_it_was_asked_before_the_cut(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection:
        async with witness.transaction():
            await witness.execute("LOCK TABLE mark")
            proxy.cut_while_asking()
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("INSERT INTO mark VALUES ('late')")
            assert await notes(witness) == []
            while not await somebody_waits(witness):  # the server may have the request, and not have come to it
                pass
        async with witness.transaction():
            await witness.execute("LOCK TABLE mark")  # whoever waited for this lock before us has had it
        assert await notes(witness) == ["late"]


async def test_a_silenced_connection_stays_open_and_says_nothing_while_a_new_one_works(proxy: Proxy) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection, await connect(proxy) as other:
        proxy.silence()
        silent = asyncio.create_task(connection.execute("SELECT 1"))
        async with await connect(proxy) as new:
            await new.execute("SELECT 1")
        assert not silent.done()
        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            await silent
        with pytest.raises(psycopg.OperationalError):
            await other.execute("SELECT 1")


async def test_only_who_listens_is_silenced_with_the_listeners(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as listener, await connect(proxy) as other:
        await listener.execute("LISTEN news")
        proxy.silence_listeners()
        assert proxy.bitten == 1
        silent = asyncio.create_task(listener.execute("SELECT 1"))
        await other.execute("SELECT 1")
        assert not silent.done()
        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            await silent


async def test_what_was_paused_arrives_after_all(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection:
        proxy.pause()
        paused = asyncio.create_task(connection.execute("INSERT INTO mark VALUES ('later')"))
        await witness.execute("SELECT 1")
        assert not paused.done()
        proxy.resume()
        await paused
    assert await notes(witness) == ["later"]


async def test_a_late_packet_is_carried_out_when_it_arrives(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(10), await connect(proxy) as connection:
        proxy.hold_next_request()
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("INSERT INTO mark VALUES ('late')")
        assert await notes(witness) == []
        await proxy.deliver()
    assert await notes(witness) == ["late"]


async def test_a_disturbed_bus_touches_notifications_and_nothing_else(proxy: Proxy, witness: Connection) -> None:
    async with asyncio.timeout(20), await connect(proxy) as connection:
        await connection.execute("LISTEN news")
        proxy.disturb_bus()
        for number in range(100):
            await witness.execute("SELECT pg_notify('news', %s)", [str(number)])
        assert await (await connection.execute("SELECT repeat('A', 100000)")).fetchone() == ("A" * 100_000,)
        proxy.calm_bus()
        await witness.execute("SELECT pg_notify('news', 'last')")
        heard: list[str] = []
        async for notification in connection.notifies():
            heard.append(notification.payload)
            if notification.payload == "last":
                break
    numbers = [int(payload) for payload in heard[:-1]]
    assert len(set(numbers)) < 100, "none was lost"
    assert numbers != sorted(set(numbers)), "none was repeated or overtaken"
    assert proxy.disturbed > 20


async def test_a_silenced_client_of_a_server_of_http_hears_when_that_hangs_up() -> None:
    hang_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(5))
        await hang_up.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(10), server, Proxy.open(target) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        proxy.silence()
        writer.write(b"is anybody there?")
        hang_up.set()
        assert await reader.read() == b""
        writer.close()
