"""Every example runs as its README says, asks its user, and speaks with nobody but this machine."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from netra.env import for_subprocess
from tests.fixtures.server import ROOT, ServerProcess
from tests.mission_critical.people import Person

COMMANDS = re.findall(r"`netra serve (examples\.\w+:app)`", (ROOT / "examples/README.md").read_text("utf-8"))

# What would make LangSmith and the Agents SDK send conversations away, if they were left alone.
TEMPTATIONS: dict[str, Any] = {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_API_KEY": "lsv2_of_nobody",
    "LANGCHAIN_TRACING_V2": "true",
    "OPENAI_API_KEY": "sk-of-nobody",
}


def watching_the_network(folder: Path) -> Path:
    """Have every Python that finds this folder write down each address that it looks up or connects to beyond loopback."""
    written = folder / "strangers"
    code = f"""
        import sys

        def note(event, given):
            if event == "socket.getaddrinfo":
                host = given[0]
            elif event == "socket.connect" and isinstance(given[1], tuple):
                host = given[1][0]
            else:
                return
            host = host.decode() if isinstance(host, bytes) else str(host or "localhost")
            if host not in ("localhost", "::1", "::", "0.0.0.0") and not host.startswith("127."):
                with open({str(written)!r}, "a") as file:
                    file.write(host + "\\n")

        sys.addaudithook(note)
    """
    (folder / "sitecustomize.py").write_text(dedent(code))
    return written


async def order(person: Person) -> list[dict[str, Any]]:
    """Ask the shopkeeper for apples, approve, and read everything that came over the socket."""
    thread = await person.thread()
    async with person.watch() as watch:
        await watch.follow(thread, after=0)
        body = {"agent": "shopkeeper", "input": "Three apples, please."}
        run = await person.call("POST", f"/api/threads/{thread}/runs", json=body)
        await watch.until(lambda: any(event["type"] == "input_required" for event in watch.events(thread)), within=60)
        await person.call("POST", f"/api/runs/{run['run_id']}/answer", json={"request_id": "ask#1", "value": True})
        return await watch.until_ended(thread, 1, within=60)


def tempted(folder: Path, written: Path) -> bool:
    """Whether what looks a stranger up is written down: what nobody sees cannot be missed. Nothing is really looked up."""
    code = "import sys; sys.audit('socket.getaddrinfo', 'stranger.invalid', 443)"
    subprocess.run([sys.executable, "-c", code], env=for_subprocess({"PYTHONPATH": str(folder)}), check=True)
    seen = written.read_text()
    written.unlink()
    return seen == "stranger.invalid\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_each_example_runs_by_its_command_and_connects_to_nobody_elsewhere(tmp_path: Path) -> None:
    strangers = watching_the_network(tmp_path)
    assert await asyncio.to_thread(tempted, tmp_path, strangers)
    assert len(COMMANDS) == 3
    for target in COMMANDS:
        with ServerProcess.running(tmp_path, target, PYTHONPATH=str(tmp_path), **TEMPTATIONS) as server:
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
                events = await order(await Person.sign_up(http))
        assert events[-1]["type"] == "agent_completed", (target, events[-1]["data"])
        assert events[-1]["data"]["result"].strip() == "Ordered 3 apples for 6 euros.", target
        said = "".join(event["data"]["text"] for event in events if event["type"] == "message_delta")
        assert said.startswith("One costs 2 euros. Ordered 3 apples"), target
        done = [event["data"]["tool"] for event in events if event["type"] == "tool_completed" and event["data"]["ok"]]
        assert done.count("price") == 1, target
    assert not strangers.exists(), strangers.read_text()
