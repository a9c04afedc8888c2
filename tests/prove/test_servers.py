"""`netra prove --self`, as people run it: servers of its own, faults that bite, a verdict with a status."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from netra.db.embedded import EmbeddedPostgres
from netra.env import for_subprocess
from netra.prove.answers import NotSupported
from netra.prove.servers import ServerProcess, Servers

ROOT = Path(__file__).parents[2]
SMOKE = (
    "readers-cut,all-return-at-once,worker-killed,gateway-killed,cut-at-commit,forged-tokens,other-peoples-ids,sent-fifty-times"
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_fifty_users_among_kills_and_resumes_never_meet(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "netra",
        "prove",
        "--self",
        "--users",
        "50",
        "--seconds",
        "40",
        "--seed",
        "1",
    ]
    written = {"--json": tmp_path / "verdict.json", "--junit": tmp_path / "junit.xml", "--html": tmp_path / "page.html"}
    options = [str(item) for pair in written.items() for item in pair]
    done = subprocess.run(
        [*command, "--faults", SMOKE, *options], cwd=ROOT, env=for_subprocess(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict["verdict"] == "proved"
    assert verdict["users"] == 50
    assert {fault["fault"] for fault in verdict["faults"]} == {*SMOKE.split(",")}
    assert all(fault["bites"] for fault in verdict["faults"])
    assert "<testsuite" in (tmp_path / "junit.xml").read_text()
    assert re.search(r"https?://", (tmp_path / "page.html").read_text()) is None, "the page loads something"


@pytest.fixture
async def talker(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A process that says that it is ready, and lives until it is told."""
    code = "import sys, time; print('ready', flush=True); time.sleep(600)"
    process = ServerProcess("talker", [sys.executable, "-c", code], for_subprocess(), tmp_path / "talker.log", "ready")
    yield process
    await asyncio.to_thread(process.kill)


def end(process: ServerProcess) -> None:
    """As something else than Netra ends it."""
    process.process.kill()
    process.process.wait()


def change(process: ServerProcess, kind: int) -> int:
    """Wait for the next change of that kind, and say by which signal it came."""
    result = os.waitid(os.P_PID, process.process.pid, kind)
    assert result is not None
    return result.si_status


async def test_a_process_that_dies_by_itself_is_told_from_one_that_was_asked_to(talker: ServerProcess) -> None:
    await talker.start()
    living = [talker.dead]
    await asyncio.to_thread(end, talker)
    living.append(talker.dead)
    await talker.revive()
    living.append(talker.dead)
    assert await talker.end() != 0
    assert [*living, talker.dead] == [False, True, False, False]


async def test_a_process_that_does_not_come_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    code = "print('no room'); raise SystemExit(3)"
    process = ServerProcess("broken", [sys.executable, "-c", code], for_subprocess(), tmp_path / "broken.log", "ready")
    with pytest.raises(NotSupported, match="broken did not come up: no room"):
        await process.start()


class DatabaseElsewhere:
    """Where a database would be."""

    def url(self, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:1/netra"

    def restart(self, mode: str) -> None:
        raise NotSupported(mode)

    def processes(self) -> list[psutil.Process]:
        return []


async def test_another_build_is_started_by_its_own_command(tmp_path: Path) -> None:
    build = [sys.executable, "-c", "import sys; print('another build is told to', *sys.argv[1:3])"]
    with pytest.raises(NotSupported, match="gateway 1 did not come up: another build is told to serve --only"):
        async with Servers.open(DatabaseElsewhere(), tmp_path, for_subprocess(), program=build):
            pass


async def test_a_paused_process_goes_on(talker: ServerProcess) -> None:
    await talker.start()
    pausing = asyncio.create_task(talker.paused(600))
    changes = [await asyncio.to_thread(change, talker, os.WSTOPPED)]
    pausing.cancel()
    changes.append(await asyncio.to_thread(change, talker, os.WCONTINUED))
    assert changes == [signal.SIGSTOP, signal.SIGCONT]


async def test_another_process_like_it_has_settings_and_words_of_its_own(tmp_path: Path) -> None:
    code = "import os, sys; print('ready', os.environ['FIRST'], os.environ['SECOND'], sys.argv[1:], flush=True)"
    first = ServerProcess(
        "first", [sys.executable, "-c", code, "-x"], {"FIRST": "1", "SECOND": "2"}, tmp_path / "a.log", "ready"
    )
    second = first.like("the second", {"SECOND": "3"}, "--port", "7")
    await second.start()
    await asyncio.to_thread(second.kill)
    assert await asyncio.to_thread((tmp_path / "the-second.log").read_text) == "ready 1 3 ['-x', '--port', '7']\n"
    assert second.status is not None
    assert first.status is None


async def test_a_process_is_told_how_its_clock_is_to_be(tmp_path: Path) -> None:
    code = """import signal
kinds = {signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, kinds)
print("ready", flush=True)
print(sorted(signal.sigwait(kinds).name for _ in kinds), flush=True)
"""
    process = ServerProcess("clock", [sys.executable, "-c", code], for_subprocess(), tmp_path / "clock.log", "ready")
    await process.start()
    process.set_clock(ahead=True)
    process.set_clock(ahead=False)
    await asyncio.to_thread(lambda: process.process.wait(60))
    await asyncio.to_thread(process.kill)
    assert await asyncio.to_thread((tmp_path / "clock.log").read_text) == "ready\n['SIGUSR1', 'SIGUSR2']\n"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_of_our_own_restarts(mode: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("postgres")
    for each in (folder, *folder.parents):
        if each.is_relative_to("/tmp") and each != Path("/tmp"):
            each.chmod(0o755)
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        before = postgres.processes()[0].pid
        postgres.restart(mode)
        assert postgres.processes()[0].pid != before
    finally:
        postgres.stop()
