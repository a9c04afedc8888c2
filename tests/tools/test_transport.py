"""What carries the messages of a session."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from netra.tools.transport import LARGEST_ANSWER, BoundedStream, LedElsewhere, PinnedTransport, TooLarge, WireReport, spawned
from tests.fixtures.world import eventually

SLEEPER = """
import os, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
with open(sys.argv[1], "w") as note:
    note.write(f"{os.getpid()} {child.pid} {os.getcwd()}")
sys.stdin.read()
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def read_when_there(path: Path) -> list[str]:
    await eventually(lambda: path.exists() and len(path.read_text().split()) == 3)
    return path.read_text().split()  # noqa: ASYNC240 - a test may


@pytest.mark.parametrize("how", ["ends", "fails", "cancelled"])
async def test_a_process_and_what_it_started_end_with_the_block_however_it_ends(tmp_path: Path, how: str) -> None:
    note = tmp_path / "note"

    async def use() -> None:
        async with spawned(sys.executable, ["-c", SLEEPER, str(note)], {}, WireReport()):
            await read_when_there(note)
            if how == "fails":
                raise KeyError
            if how == "cancelled":
                await asyncio.Event().wait()

    async with asyncio.timeout(30):
        using = asyncio.create_task(use())
        pid, child, folder = await read_when_there(note)
        if how == "cancelled":
            using.cancel()
        await asyncio.wait([using])
    assert using.cancelled() == (how == "cancelled")
    assert using.cancelled() or (using.exception() is not None) == (how == "fails")
    await eventually(lambda: not alive(int(pid)) and not alive(int(child)))
    assert not os.path.exists(folder)  # noqa: PTH110, ASYNC240


async def test_a_program_that_is_not_there_leaves_nothing() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        async with spawned("no-such-program", [], {}, WireReport()):
            pytest.fail("it cannot have been started")


async def test_a_request_elsewhere_is_not_sent() -> None:
    report = WireReport()
    transport = PinnedTransport(httpx2.URL("http://127.0.0.1:9/mcp"), report)
    for url in ("http://127.0.0.1:10/mcp", "https://127.0.0.1:9/mcp", "http://localhost:9/mcp"):
        with pytest.raises(LedElsewhere):
            await transport.handle_async_request(httpx2.Request("POST", url))
    await transport.aclose()
    assert report.led_elsewhere


async def test_a_body_without_end_is_read_up_to_its_bound() -> None:
    class Endless(httpx2.AsyncByteStream):
        given = 0

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                self.given += 65_536
                yield b"x" * 65_536

    endless, report = Endless(), WireReport()
    with pytest.raises(TooLarge):
        async for _ in BoundedStream(endless, report):
            pass
    assert report.too_large
    assert endless.given <= LARGEST_ANSWER + 65_536
