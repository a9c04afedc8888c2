"""`netra.health.doctor`: each thing that can be wrong, made wrong for real, is found and has a way to mend it."""

import asyncio
import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import migrate
from netra.health import doctor
from netra.health.doctor import (
    Finding,
    diagnose,
    examine,
    examine_data_dir,
    examine_embedded,
    examine_port,
    examine_reach,
    examine_servers,
)
from netra.settings import Settings
from tests.fixtures.connected import mcp_url

__all__ = ["mcp_url"]


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    assert len({finding.name for finding in findings}) == len(findings)
    for finding in findings:
        assert finding.ok or finding.mend, f"{finding.name} is wrong and nothing is said about how to mend it"
        assert "hunter2" not in repr(finding)
    return {finding.name: finding for finding in findings}


def settings(tmp_path: Path, **given: object) -> Settings:
    return Settings.model_validate({"environment": "test", "data_dir": tmp_path, "port": 0, **given})


@contextmanager
def listening() -> Iterator[int]:
    """A port that another program listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port that nobody listens on."""
    with listening() as port:
        return port


@contextmanager
def answering(body: object) -> Iterator[int]:
    """A web server that says `body` on every path."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


async def test_nothing_is_wrong_with_a_sound_installation(tmp_path: Path, database_url: str) -> None:
    found = by_name(await examine(settings(tmp_path, database_url=database_url), root=tmp_path))
    assert [finding for finding in found.values() if not finding.ok] == []
    assert found["database"].what == "PostgreSQL 18 answers"
    assert found["database role"].what == "row-level security binds the role netra_app"
    assert "the newest" in found["migrations"].what
    assert "Unix socket" in found["database host"].what


async def test_settings_that_cannot_be_read_are_the_only_finding(tmp_path: Path) -> None:
    findings = await diagnose({"NETRA_PROT": "hunter2"}, dotenv_file=tmp_path / ".env")
    assert [(finding.name, finding.ok) for finding in findings] == [("settings", False)]
    assert "did you mean NETRA_PORT?" in findings[0].what
    [finding] = await diagnose({"NETRA_PORT": "hunter2"}, dotenv_file=tmp_path / ".env")
    assert "NETRA_PORT" in finding.what
    assert "hunter2" not in repr(finding)


async def test_settings_that_can_be_read_are_examined(tmp_path: Path, database_url: str) -> None:
    (tmp_path / ".env").write_text(f"NETRA_DATA_DIR={tmp_path}\n", "utf-8")
    given = {"NETRA_DATABASE_URL": database_url}
    found = by_name(await diagnose(given, {"port": 0}, dotenv_file=tmp_path / ".env", root=tmp_path))
    assert found["settings"].ok
    assert str(tmp_path) in found["data folder"].what
    assert found["migrations"].ok


async def test_a_replaced_host_is_shown_with_the_reason_and_then_used(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    with listening() as port:
        given = settings(tmp_path, model_url=f"http://u:hunter2@localhost:{port}/v1", compose_model="127.0.0.1")
        found = by_name(await examine(given, root=tmp_path))
    assert "localhost means the compose service 127.0.0.1 inside Docker" in found["model host"].what
    assert found["model"] == Finding("model", True, f"127.0.0.1 port {port} accepts connections")


async def test_a_model_that_nobody_serves_is_found(tmp_path: Path) -> None:
    found = await examine_reach("model", f"http://127.0.0.1:{closed_port()}/v1")
    assert not found.ok
    assert "NETRA_MODEL_URL" in found.mend
    assert not (await examine_reach("model", "http://127.0.0.1:many/v1")).ok


async def test_a_database_that_does_not_answer_is_found_and_not_looked_into(tmp_path: Path) -> None:
    url = f"postgresql://netra_app:hunter2@127.0.0.1:{closed_port()}/netra"
    found = by_name(await examine(settings(tmp_path, database_url=url), root=tmp_path))
    assert found["database"].what == "the database cannot be reached: nothing listens at that address"
    assert "migrations" not in found


async def test_a_database_that_is_not_there_is_told_apart_from_a_server_that_is_not(database_url: str) -> None:
    url = database_url.replace("/test_", "/no_such_")
    [finding] = await doctor.examine_database(url, migrates_itself=False)
    assert finding.what == "the database cannot be reached: the server has no such role or database"
    [finding] = await doctor.examine_database(url, migrates_itself=True)
    assert finding.ok


async def test_a_role_that_no_policy_binds_is_found(owner_url: str) -> None:
    found = by_name(await doctor.examine_database(owner_url, migrates_itself=False))
    assert not found["database role"].ok
    assert "is a superuser" in found["database role"].what
    assert "netra_app" in found["database role"].mend


async def test_a_database_behind_this_version_is_found(database_url: str, owner_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        await owner.execute("UPDATE alembic_version SET version_num = '0000'")
    found = by_name(await doctor.examine_database(database_url, migrates_itself=False))
    assert found["migrations"].what.startswith("the database is at revision 0000, not ")
    assert "netra migrate" in found["migrations"].mend
    found = by_name(await doctor.examine_database(database_url, migrates_itself=True))
    assert found["migrations"].ok
    assert "a starting server brings it up to date" in found["migrations"].what


async def test_a_database_that_was_never_migrated_is_found(cluster: EmbeddedPostgres) -> None:
    async with await psycopg.AsyncConnection.connect(cluster.url("postgres", "postgres"), autocommit=True) as owner:
        await owner.execute("CREATE DATABASE doctor_empty")
        try:
            found = by_name(await doctor.examine_database(cluster.url("netra_app", "doctor_empty"), migrates_itself=False))
        finally:
            await owner.execute("DROP DATABASE doctor_empty WITH (FORCE)")
    assert (found["migrations"].ok, found["migrations"].what) == (False, "none was ever applied")


def test_a_version_of_postgresql_that_is_too_old_is_found() -> None:
    assert not doctor._examine_version(140_011).ok
    assert doctor._examine_version(150_000).ok


async def test_an_embedded_database_that_was_never_set_up_is_no_fault_and_stays_that_way(tmp_path: Path) -> None:
    [finding] = await examine_embedded(tmp_path, migrates_itself=True)
    assert finding.ok
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


@pytest.mark.slow
async def test_an_embedded_database_is_started_for_the_look_and_stopped_again() -> None:
    with tempfile.TemporaryDirectory(prefix="netra-doctor-") as folder:
        server = EmbeddedPostgres(Path(folder))
        await asyncio.to_thread(server.start)
        try:
            await asyncio.to_thread(migrate, server.owner_url)
            while_running = by_name(await examine_embedded(Path(folder), migrates_itself=True))
            async with await psycopg.AsyncConnection.connect(server.owner_url):
                pass  # the look has not stopped it
        finally:
            await asyncio.to_thread(server.stop)
        at_rest = by_name(await examine_embedded(Path(folder), migrates_itself=True))
        assert not (Path(folder) / "postgres" / "postmaster.pid").exists()
    assert while_running == at_rest
    assert all(finding.ok for finding in at_rest.values())
    assert at_rest.keys() == {"database", "database role", "migrations"}


def test_a_data_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    assert examine_data_dir(tmp_path).ok
    assert list(tmp_path.iterdir()) == []
    finding = examine_data_dir(tmp_path / "a" / "b")
    assert finding.ok
    assert not (tmp_path / "a").exists()


def test_a_data_folder_in_the_place_of_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        finding = examine_data_dir(folder)
        assert not finding.ok
        assert "NETRA_DATA_DIR" in finding.mend


def test_a_port_of_another_program_is_told_apart_from_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "REACH_LIMIT", 0.1)
    with listening() as port:  # and never answers
        assert not examine_port("127.0.0.1", port, "netra").ok
    monkeypatch.undo()
    with answering({"service": "something else"}) as port:
        assert not examine_port("127.0.0.1", port, "netra").ok
    with answering(["netra"]) as port:
        assert "NETRA_PORT" in examine_port("127.0.0.1", port, "netra").mend
    with answering({"service": "netra", "status": "healthy"}) as port:
        assert examine_port("127.0.0.1", port, "netra").ok
    assert examine_port("127.0.0.1", closed_port(), "netra").ok


def test_a_host_that_is_not_ours_is_found() -> None:
    # 203.0.113.0/24 is for documentation (RFC 5737): no machine has it.
    finding = examine_port("203.0.113.7", 0, "netra")
    assert not finding.ok
    assert "NETRA_HOST" in finding.mend


def test_a_real_installation_is_told_how_to_make_a_key_for_secrets(tmp_path: Path) -> None:
    missing = doctor.examine_secret_keys("production", [], tmp_path)
    assert not missing.ok
    assert "netra secrets generate-key" in missing.mend and "NETRA_SECRET_KEYS" in missing.mend
    assert doctor.examine_secret_keys("production", ["new", "old"], tmp_path).what.endswith("also old")
    assert str(tmp_path / "secret.key") in doctor.examine_secret_keys("development", [], tmp_path).what


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_real_installation_needs_an_address_that_is_real_and_safe(environment: str) -> None:
    assert not doctor.examine_public_url(environment, "https://localhost").ok
    assert not doctor.examine_public_url(environment, "http://netra.example").ok
    assert doctor.examine_public_url(environment, "https://netra.example").ok
    assert doctor.examine_public_url("development", "http://localhost:8000").ok


async def test_every_connected_server_is_asked_what_it_has(tmp_path: Path, mcp_url: str) -> None:
    path = tmp_path / "servers.json"
    up = {"url": mcp_url + "/mcp/", "permission": "basic"}
    servers = {
        "up": up,
        "down": {**up, "url": f"http://127.0.0.1:{closed_port()}/hunter2"},
        "odd": {**up, "tools": ["nothing"]},
    }
    path.write_text(json.dumps({"servers": servers}))
    found = by_name(await examine_servers(path))
    assert found["MCP server up"].ok
    assert "a test 1 offers" in found["MCP server up"].what and "up__add" in found["MCP server up"].what
    assert not found["MCP server down"].ok
    assert not found["MCP server odd"].ok and "no tool nothing" in found["MCP server odd"].what
    path.write_text('{"servers": {"up": {"headers": {"Authorization": "hunter2"}}}}')
    [broken] = await examine_servers(path)
    assert not broken.ok and "servers.up.permission" in broken.what
    by_name([broken])
