"""What `netra doctor` knows: what is wrong with this installation, and how to mend it, as values for the command to print.

It changes nothing. The embedded database is started for the look at it, if it has ever been set up, and stopped again
unless a server uses it. No finding shows a URL, which may hold a password, nor what a driver says of one: a password with
an unescaped `@` or `/` in it is read as a host, and quoted in the message.
"""

import asyncio
import errno
import http.client
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from netra.clock import SystemClock
from netra.db import roles
from netra.db.database import MINIMUM_VERSION, Connection, connect
from netra.db.embedded import EmbeddedFailed, EmbeddedPostgres
from netra.db.migrate import SchemaVersion, read_version
from netra.db.scope import DatabaseUnreachable
from netra.env import get_env
from netra.settings import InvalidSetting, Settings, UnknownSetting, load
from netra.settings.hosts import detect, resolve_services
from netra.settings.load import DOTENV
from netra.tools.roster import Member, Roster
from netra.tools.servers import InvalidServersFile, read_servers
from netra.vault.key_file import FILE as KEY_FILE

REACH_LIMIT: Final = 2.0
"""Seconds that a service may take to accept a connection."""

# What libpq says when it cannot connect, and what that means. Anything else is told as "does not answer".
CONNECTION_FAILURES: Final = (
    ("Connection refused", "nothing listens at that address", "Start PostgreSQL there, or correct NETRA_DATABASE_URL."),
    ("No such file", "there is no such socket", "Start PostgreSQL there, or correct NETRA_DATABASE_URL."),
    (
        "resolve",
        "no host has that name",
        "Correct the host in NETRA_DATABASE_URL; in a URL, @ : and / in a password are escaped.",
    ),
    ("translate host", "no host has that name", "Correct the host in NETRA_DATABASE_URL; @ : / in a password are escaped."),
    (
        "authentication failed",
        "the server refuses that role or password",
        "Correct the role and password in NETRA_DATABASE_URL.",
    ),
    ("no password supplied", "the server wants a password", "Add the role's password to NETRA_DATABASE_URL."),
    ("does not exist", "the server has no such role or database", "Create both, then run `netra migrate` as the owner."),
    ("too many clients", "the server has no connection left", "Raise max_connections, or lower NETRA_DATABASE_POOL_SIZE."),
    ("SSL", "the two do not agree on TLS", "Set sslmode in NETRA_DATABASE_URL to what the server offers."),
    ("timeout", "it does not answer in time", "Check the address, and whether a firewall is in between."),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is as it should be, what there is, and what to do where it is not."""

    name: str
    ok: bool
    what: str
    mend: str = ""


async def diagnose(
    environment: Mapping[str, str],
    command_line: Mapping[str, Any] | None = None,
    *,
    dotenv_file: Path = DOTENV,
    root: Path = Path("/"),
) -> list[Finding]:
    """Read the settings as a server would and, if they can be read, examine the rest."""
    try:
        settings = await asyncio.to_thread(load, environment, command_line, dotenv_file=dotenv_file)
    except (UnknownSetting, InvalidSetting) as error:
        return [Finding("settings", False, error.detail, "Correct them; docs/reference/settings.md lists every setting.")]
    return await examine(settings, root=root)


async def examine(settings: Settings, *, root: Path = Path("/")) -> list[Finding]:
    """Look at everything that a server with these settings needs. `root` is where the marks of a container are sought."""
    container = await asyncio.to_thread(detect, root, get_env())
    decisions = resolve_services(settings, container)
    findings = [Finding("settings", True, f"the settings can be read; this is {settings.environment}")]
    findings += [
        Finding(f"{service} host", True, f"{decision.host}: {decision.reason}" if decision.host else decision.reason)
        for service, decision in decisions.items()
    ]
    findings.append(examine_public_url(settings.environment, settings.public_url))
    findings.append(data := await asyncio.to_thread(examine_data_dir, settings.data_dir))
    findings.append(examine_secret_keys(settings.environment, [*settings.secret_keys], settings.data_dir))
    findings.append(await asyncio.to_thread(examine_port, settings.host, settings.port, settings.service_name))
    if "database" in decisions:
        findings += await examine_database(decisions["database"].url, migrates_itself=settings.migrate_on_start is True)
    elif data.ok:
        findings += await examine_embedded(settings.data_dir, migrates_itself=settings.migrate_on_start is not False)
    if "model" in decisions:
        findings.append(await examine_reach("model", decisions["model"].url))
    if settings.mcp_servers is not None:
        findings += await examine_servers(settings.mcp_servers)
    return findings


def examine_public_url(environment: str, public_url: str) -> Finding:
    """Look whether users of a real installation could reach it, and safely."""
    parts = urlsplit(public_url)
    if environment in ("staging", "production"):
        if parts.hostname in ("localhost", "127.0.0.1", "::1"):
            return Finding("public URL", False, f"{public_url} is nobody's address but this machine's", "Set NETRA_PUBLIC_URL.")
        if parts.scheme != "https":
            mend = "Put TLS in front of Netra and set NETRA_PUBLIC_URL to the https:// address."
            return Finding("public URL", False, f"{public_url} sends passwords and tokens in the clear", mend)
    return Finding("public URL", True, public_url)


def examine_data_dir(folder: Path) -> Finding:
    """Look whether `folder` can be written to, or made where it does not exist yet. Blocking."""
    mend = "Give its folder to the user that runs Netra, or name another with NETRA_DATA_DIR."
    try:
        if folder.exists():
            with tempfile.TemporaryFile(dir=folder):
                return Finding("data folder", True, f"{folder} can be written to")
        parent = next(parent for parent in folder.parents if parent.exists())
    except OSError as error:
        return Finding("data folder", False, f"{folder} cannot be written to ({error.strerror})", mend)
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Finding("data folder", True, f"{folder} will be made at the first start")
    return Finding("data folder", False, f"{folder} cannot be made in {parent}", mend)


def examine_secret_keys(environment: str, ids: Sequence[str], data_dir: Path) -> Finding:
    """Look whether there is a key to seal users' secrets with. `ids` are those that were given, the one that seals first."""
    if ids:
        others = f"; to open there is also {', '.join(ids[1:])}" if ids[1:] else ""
        return Finding("secret keys", True, f"{ids[0]} seals users' secrets{others}")
    if environment in ("development", "test"):
        return Finding("secret keys", True, f"users' secrets are sealed with the key in {data_dir / KEY_FILE}")
    mend = "Run `netra secrets generate-key` and give what it prints as NETRA_SECRET_KEYS, to every process."
    return Finding("secret keys", False, "there is no key, so users cannot keep secrets", mend)


def examine_port(host: str, port: int, service: str) -> Finding:
    """Look whether `port` is free on `host`, or taken by Netra itself. Blocking."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return _explain_port(host, port, service, error)
    return Finding("port", True, f"{host} port {port} is free" if port else "a free port will be taken")


def _explain_port(host: str, port: int, service: str, error: OSError) -> Finding:
    if error.errno == errno.EADDRINUSE:
        if _answers_as(host, port, service):
            return Finding("port", True, f"{service} itself listens on {host} port {port}")
        mend = "Stop the program that listens there, or choose another port with NETRA_PORT."
        return Finding("port", False, f"{host} port {port} is taken by another program", mend)
    if error.errno == errno.EACCES:
        mend = "Choose a port above 1023 with NETRA_PORT, and put a proxy in front."
        return Finding("port", False, f"this user may not listen on port {port}", mend)
    mend = "Set NETRA_HOST to an address of this machine, or to 0.0.0.0 for all of them."
    return Finding("port", False, f"{host} is no address of this machine", mend)


def _answers_as(host: str, port: int, service: str) -> bool:
    """Whether it is `service` that answers at `/health/live`."""
    connection = http.client.HTTPConnection(host, port, timeout=REACH_LIMIT)
    try:
        connection.request("GET", "/health/live")
        body = json.loads(connection.getresponse().read(65_536))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(body, dict) and body.get("service") == service


async def examine_embedded(data_dir: Path, *, migrates_itself: bool) -> list[Finding]:
    """Look at the embedded database in `data_dir`, started for the purpose if it does not run."""
    if not await asyncio.to_thread((data_dir / "postgres" / "PG_VERSION").exists):
        return [Finding("database", True, "the embedded PostgreSQL will be set up at the first start")]
    server = EmbeddedPostgres(data_dir)
    try:
        await asyncio.to_thread(server.start)
    except EmbeddedFailed as error:
        return [Finding("database", False, error.detail, "Read the log beside it, or give NETRA_DATABASE_URL.")]
    try:
        return await examine_database(server.url(roles.APP), migrates_itself=migrates_itself)
    finally:
        await asyncio.to_thread(server.stop)


async def examine_database(url: str, *, migrates_itself: bool) -> list[Finding]:
    """Look whether the database at `url` answers, is new enough, holds users apart, and is up to date.

    `migrates_itself` says that a starting server brings it up to date.
    """
    try:
        async with _connected(url) as connection:
            findings = [_examine_version(connection.info.server_version), await _examine_role(connection)]
    except DatabaseUnreachable as error:
        if migrates_itself and "does not exist" in str(error.__cause__):
            return [Finding("migrations", True, "none was ever applied; a starting server brings the database up to date")]
        return [_explain_unreachable(error)]
    return [*findings, await _examine_migrations(url, migrates_itself=migrates_itself)]


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await connect(url)
    async with connection:
        yield connection


def _explain_unreachable(error: DatabaseUnreachable) -> Finding:
    said = str(error.__cause__)
    for words, what, mend in CONNECTION_FAILURES:
        if words in said:
            return Finding("database", False, f"the database cannot be reached: {what}", mend)
    return Finding("database", False, "the database does not answer", "Check NETRA_DATABASE_URL and the server's own log.")


def _examine_version(version: int) -> Finding:
    """Judge `version`, as `server_version_num` counts (150000 is 15.0)."""
    what = f"PostgreSQL {version // 10_000} answers"
    if version < MINIMUM_VERSION:
        return Finding("database", False, what, f"Netra needs PostgreSQL {MINIMUM_VERSION // 10_000} or newer.")
    return Finding("database", True, what)


async def _examine_role(connection: Connection) -> Finding:
    role = await roles.read_role(connection)
    if objections := role.objections():
        what = f"the role {role.name} {' and '.join(objections)}, so nothing would hold users apart"
        mend = f"Run `netra migrate` as the owner, give {roles.APP} a password, and connect as {roles.APP}."
        return Finding("database role", False, what, mend)
    return Finding("database role", True, f"row-level security binds the role {role.name}")


async def _examine_migrations(url: str, *, migrates_itself: bool) -> Finding:
    # As the system role: the server's own may not read what Alembic keeps.
    options = f"options=-c%20role%3D{roles.SYSTEM}"
    try:
        version = await asyncio.to_thread(read_version, f"{url}{'&' if '?' in url else '?'}{options}")
    except DatabaseUnreachable:
        version = SchemaVersion(None, "")  # it answered a moment ago, so what is missing is the role: nothing was applied
    if not version.behind:
        return Finding("migrations", True, f"the database is at revision {version.current}, the newest")
    what = (
        f"the database is at revision {version.current}, not {version.latest}" if version.current else "none was ever applied"
    )
    if migrates_itself:
        return Finding("migrations", True, f"{what}; a starting server brings it up to date")
    return Finding("migrations", False, what, "Run `netra migrate` as the owner of the database.")


async def examine_reach(service: str, url: str) -> Finding:
    """Look whether anything accepts a connection at the host and port of `url`."""
    parts = urlsplit(url)
    try:
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return Finding(service, False, "its URL has a port that is no number", f"Correct NETRA_{service.upper()}_URL.")
    where = f"{parts.hostname} port {port}"
    try:
        async with asyncio.timeout(REACH_LIMIT):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        mend = f"Start it, or correct NETRA_{service.upper()}_URL."
        return Finding(service, False, f"nothing accepts a connection at {where}", mend)
    writer.close()
    await writer.wait_closed()
    return Finding(service, True, f"{where} accepts connections")


async def examine_servers(path: Path) -> list[Finding]:
    """Ask each connected MCP server for its tools, as a starting server does."""
    try:
        servers = await asyncio.to_thread(read_servers, path)
    except InvalidServersFile as error:
        return [Finding("MCP servers", False, error.detail, "Correct the file; docs/mcp.md says what it holds.")]
    roster = Roster(servers, SystemClock())
    return [_judge_server(member) for member in await roster.ask()]


def _judge_server(member: Member) -> Finding:
    name = f"MCP server {member.name}"
    if member.failure is not None:
        mend = "Start it, or correct NETRA_MCP_SERVERS; Netra serves without its tools until it answers."
        return Finding(name, False, member.failure.detail, mend)
    what = f"{member.said or 'it'} offers {len(member.tools)} tools: {', '.join(member.tools)}"
    if member.left_out:
        mend = "Correct `tools` in the file, or have the server name them otherwise; the others can be called."
        return Finding(name, False, f"{what}; not taken: {' '.join(member.left_out)}", mend)
    return Finding(name, True, what)
