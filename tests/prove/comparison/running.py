"""One contestant: its environment, its process, and a proof against it by the very command that anybody can type."""

import hashlib
import importlib.metadata
import json
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from netra.db.embedded import EmbeddedPostgres
from netra.env import for_subprocess
from tests.fixtures.server import free_port
from tests.prove.comparison.contestants import Contestant

HERE: Final = Path(__file__).parent
LOCKS: Final = HERE / "requirements"
PROGRAMS: Final = HERE / "programs"
ENVIRONMENTS: Final = Path.home() / ".cache" / "netra-comparison"
OURS: Final = Path(sys.executable).parent
# Stands in an environment that nobody interrupted while it was filled.
WHOLE: Final = ".whole"
START_WITHIN: Final = 180.0
"""Seconds."""
SETTLE: Final = 120
"""Seconds that runs get to end: a server that does one at a time is slow, and that is no breach."""


class DidNotStart(Exception):
    """A server ended, or did not answer in time; the message is the end of its log."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How all of them are attacked."""

    users: int
    seconds: int
    seed: int


def version(contestant: Contestant, package: str) -> str:
    """Of a package in its lock. Raises `LookupError` when it is not there."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", lock(contestant).read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{package} is not in {lock(contestant)}")
    return found[1]


def versions(contestant: Contestant) -> dict[str, str]:
    if not contestant.lock:
        return {"netra": importlib.metadata.version("netra")}
    return {package: version(contestant, package) for package in contestant.packages}


def lock(contestant: Contestant) -> Path:
    return LOCKS / f"{contestant.lock}.lock"


def environment(contestant: Contestant) -> Path:
    """The folder of its programs, made from its lock, once for each content of it."""
    if not contestant.lock:
        return OURS
    folder = ENVIRONMENTS / f"{contestant.lock}-{hashlib.blake2b(lock(contestant).read_bytes(), digest_size=6).hexdigest()}"
    if not (folder / WHOLE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        uv = OURS / "uv"
        # With the environment as it is: it may say where packages come from.
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        where: list[str | Path] = ["--python", folder / "bin/python", "--require-hashes"]
        subprocess.run([uv, "pip", "sync", "--quiet", *where, lock(contestant)], check=True)
        (folder / WHOLE).touch()
    return folder / "bin"


def judged(contestant: Contestant, trial: Trial, folder: Path) -> dict[str, Any]:
    """What a proof says of it. Raises `DidNotStart`."""
    programs = folder / "programs"
    shutil.copytree(PROGRAMS, programs)  # some servers write into the folder that they are started in
    key = folder / "users.key"
    key.write_text(secrets.token_hex(32), "utf-8")
    with _database(contestant, folder) as database:
        more = {
            **contestant.environment,
            "COMPARISON_DATABASE": database,
            "COMPARISON_KEY": key.read_text("utf-8") if contestant.keyed else "",
        }
        with _serving(contestant, programs, folder, more) as url:
            return _proof(contestant, trial, url, key, folder)


@contextmanager
def _database(contestant: Contestant, folder: Path) -> Iterator[str]:
    if not contestant.postgresql:
        yield str(folder / "data.db")
        return
    postgres = EmbeddedPostgres(folder / "postgresql")
    postgres.start()
    try:
        yield postgres.owner_url.replace("postgresql://", "postgresql+psycopg://")
    finally:
        postgres.stop()


@contextmanager
def _serving(contestant: Contestant, programs: Path, folder: Path, more: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    name, *arguments = contestant.command.replace("PORT", str(port)).replace("DATA", str(folder / "data")).split()
    binaries = environment(contestant)
    given = for_subprocess(dict(more))
    given["PATH"] = f"{binaries}:{given.get('PATH', '')}"
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [binaries / name, *arguments], cwd=programs, env=given, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        _until_ready(process, f"http://127.0.0.1:{port}{contestant.ready}", log)
        yield f"http://127.0.0.1:{port}{contestant.path}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
    raise DidNotStart(log.read_text("utf-8", "replace")[-2000:])


def arguments_of(contestant: Contestant, trial: Trial, url: str, key: str) -> list[str]:
    """The command of the proof."""
    keyed = ["--key-file", key] if contestant.keyed else []
    size = ["--users", str(trial.users), "--seconds", str(trial.seconds), "--settle", str(SETTLE), "--seed", str(trial.seed)]
    return ["netra", "prove", url, "--target", contestant.target, *keyed, *size]


def _proof(contestant: Contestant, trial: Trial, url: str, key: Path, folder: Path) -> dict[str, Any]:
    verdict = folder / "verdict.json"
    command = [*arguments_of(contestant, trial, url, str(key)), "--json", str(verdict)]
    with (folder / "proof.log").open("wb") as file:
        subprocess.run([OURS / command[0], *command[1:]], stdout=file, stderr=subprocess.STDOUT, check=False)
    if not verdict.exists():
        raise DidNotStart((folder / "proof.log").read_text("utf-8", "replace")[-2000:])
    told: dict[str, Any] = json.loads(verdict.read_text("utf-8"))
    return told
