"""Proxies of another process do what they are told, to those that are meant, and count it."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import psycopg
import pytest
from psycopg import AsyncConnection

from netra.db.database import Connection
from netra.prove.answers import NotSupported
from netra.prove.proxies import Bitten, ProxyProcess


@pytest.fixture
async def proxies(owner_url: str) -> AsyncIterator[ProxyProcess]:
    async with ProxyProcess.open(owner_url, ["left", "right"]) as proxies:
        yield proxies


async def connect(proxies: ProxyProcess, name: str) -> Connection:
    return await AsyncConnection.connect(proxies.urls[name], autocommit=True)


async def test_each_has_a_url_of_its_own_that_leads_to_the_server(proxies: ProxyProcess) -> None:
    assert len({*proxies.urls.values()}) == 2
    for name in proxies.urls:
        async with asyncio.timeout(10), await connect(proxies, name) as connection:
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    assert await proxies.bitten() == Bitten(0, 0)


async def test_an_order_reaches_those_it_names_and_no_others(proxies: ProxyProcess) -> None:
    async with asyncio.timeout(10), await connect(proxies, "left") as left, await connect(proxies, "right") as right:
        assert await proxies.tell("cut", ["left"]) == Bitten(1, 0)
        with pytest.raises(psycopg.OperationalError):
            await left.execute("SELECT 1")
        assert await (await right.execute("SELECT 1")).fetchone() == (1,)


async def test_without_names_an_order_is_for_all(proxies: ProxyProcess) -> None:
    async with asyncio.timeout(10), await connect(proxies, "left") as left, await connect(proxies, "right") as right:
        before = await proxies.bitten()
        assert await proxies.tell("cut") - before == Bitten(2, 0)
        for connection in (left, right):
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("SELECT 1")


async def test_what_was_paused_goes_on_when_it_is_resumed(proxies: ProxyProcess) -> None:
    async with asyncio.timeout(10), await connect(proxies, "left") as left:
        await proxies.tell("pause", ["left"])
        waiting = asyncio.create_task(left.execute("SELECT 2"))
        async with await connect(proxies, "right") as right:
            await right.execute("SELECT 1")
        assert not waiting.done()
        await proxies.tell("resume", ["left"])
        assert await (await waiting).fetchone() == (2,)


async def test_notifications_that_were_disturbed_are_counted(proxies: ProxyProcess) -> None:
    async with asyncio.timeout(20), await connect(proxies, "left") as listener, await connect(proxies, "right") as speaker:
        await listener.execute("LISTEN news")
        await proxies.tell("disturb_bus")
        while not (await proxies.bitten()).notifications:
            await speaker.execute("NOTIFY news")
        await proxies.tell("calm_bus")


async def test_the_process_goes_when_nobody_needs_it(owner_url: str) -> None:
    async with asyncio.timeout(20):
        async with ProxyProcess.open(owner_url, ["left"]) as proxies:
            pid = proxies._process.pid
            assert psutil.pid_exists(pid)
        assert not psutil.pid_exists(pid)


async def test_an_order_to_a_process_that_has_died_says_so(owner_url: str) -> None:
    async with asyncio.timeout(20), ProxyProcess.open(owner_url, ["left"]) as proxies:
        proxies._process.kill()
        await proxies._process.wait()
        with pytest.raises(NotSupported, match="ended"):
            await proxies.tell("look")
