"""The operator's file of MCP servers, as values: which there are, how each is reached, and what it may be sent of a user's.

    {"servers": {"github": {"url": "https://mcp.example.com/mcp", "permission": "analytics",
                            "headers": {"Authorization": "Bearer {secret:GITHUB_TOKEN}"}}}}

`{secret:NAME}` is a secret of the user who calls. It may stand in a header or a variable only: a URL is logged on its way, and
everybody on a machine can list the arguments of its programs. It is filled in for one call of that user, and for no other.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from netra.errors import Conflict, NetraError
from netra.ids import UserId
from netra.tools.permissions import PERMISSIONS
from netra.tools.tool import DEFAULT_LIMIT

SEPARATOR: Final = "__"
"""Between a server's name and a tool's. No server has it in its own name, so no two servers can mean the same tool."""

LARGEST_FILE: Final = 1024 * 1024
"""Bytes of the operator's file."""

LONGEST_LIMIT: Final = 600.0
"""Seconds that an operator may give to one call."""

PLACE: Final = re.compile(r"\{secret:([A-Z][A-Z0-9_]{0,63})\}")
"""Where a secret of the user goes, named as users name theirs. What looks like one and is none is refused: it would be sent."""

HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

OWN_HEADERS: Final = frozenset(
    "accept accept-encoding connection content-encoding content-length content-type host last-event-id te upgrade "
    "transfer-encoding".split()
)
"""Headers that belong to the protocol; with `mcp-…`, those that nobody may set."""

SecretsOf = Callable[[UserId], Awaitable[Mapping[str, str]]]
"""`await secrets_of(user)`: that user's secrets by name."""


class InvalidServersFile(NetraError):
    """The file of MCP servers cannot be used."""

    code = "invalid_mcp_servers"


class SecretMissing(Conflict):
    """This tool needs a secret of yours that you have not stored; store it under that name and call again."""

    code = "secret_missing"


class SecretUnusable(Conflict):
    """A secret of yours holds characters that cannot be sent where this tool needs it; store it again without them."""

    code = "secret_unusable"


Texts = Mapping[str, str]


class Discovery(BaseModel):
    """What a server is sent, beside what holds no secret, when it is asked which tools it has: nobody calls then."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    headers: Texts = {}
    env: Texts = {}


class ConnectedServer(BaseModel):
    """One MCP server of the operator's, reached at a URL or started as a program for each call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    command: Annotated[str, Field(min_length=1)] | None = None
    args: tuple[str, ...] = ()
    permission: str
    tools: tuple[str, ...] | None = None
    """The only tools to take; None: all of them."""
    headers: Texts = {}
    env: Texts = {}
    discovery: Discovery = Discovery()
    time_limit: Annotated[float, Field(gt=0, le=LONGEST_LIMIT)] = DEFAULT_LIMIT
    """Seconds for one call."""

    @field_validator("url")
    @classmethod
    def _url_can_be_asked(cls, url: str | None) -> str | None:
        try:
            parts = urlsplit(url or "http://unset")
            _ = parts.port
        except ValueError:
            raise ValueError("must be an http:// or https:// URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http:// or https:// URL")
        if parts.username is not None or parts.fragment:
            raise ValueError("must hold no password and no fragment; a secret belongs into a header")
        return url

    @field_validator("permission")
    @classmethod
    def _permission_is_one(cls, permission: str) -> str:
        if permission not in PERMISSIONS:
            raise ValueError(f"must be one of {', '.join(PERMISSIONS)}")
        return permission

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("must have either a url or a command")
        kind, foreign = ("url", ("args", "env")) if self.url is not None else ("command", ("headers",))
        for name in foreign:
            if getattr(self, name) or getattr(self.discovery, name, None):
                raise ValueError(f"{name} has no meaning beside a {kind}")
        _require(self.headers, HEADER, "header")
        _require(self.discovery.headers, HEADER, "header")
        _require(self.env, VARIABLE, "variable")
        _require(self.discovery.env, VARIABLE, "variable")
        for name in (*self.headers, *self.discovery.headers):
            if name.lower() in OWN_HEADERS or name.lower().startswith("mcp-"):
                raise ValueError(f"the header {name} belongs to the protocol")
        for where in (self.url or "", self.command or "", *self.args, *_values(self.discovery)):
            if "{secret:" in where:
                raise ValueError("a {secret:NAME} may stand in headers and env only, and not where nobody calls")
        for value in _values(self):
            if "{secret" in PLACE.sub("", value):
                raise ValueError("a secret is written {secret:NAME}; NAME is capitals, digits and _")
        return self

    @property
    def texts(self) -> Texts:
        """What it is sent with each call, with places for secrets: headers, or variables."""
        return self.headers if self.url is not None else self.env

    @property
    def discovery_texts(self) -> Texts:
        """What it is sent when nobody calls."""
        given = self.discovery.headers if self.url is not None else self.discovery.env
        return {**{name: value for name, value in self.texts.items() if not PLACE.search(value)}, **given}

    def filled(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """What one user's call sends. Raises `SecretMissing`, `SecretUnusable`, each naming the secret and not its value."""

        def secret(match: re.Match[str]) -> str:
            name = match[1]
            if name not in secrets:
                raise SecretMissing(f"This tool needs your secret {name}, which you have not stored.", secret=name)
            value = secrets[name]
            if "\0" in value or (self.url is not None and not (value.isascii() and value.isprintable())):
                raise SecretUnusable(f"Your secret {name} holds characters that cannot be sent.", secret=name)
            return value

        return {name: PLACE.sub(secret, value) for name, value in self.texts.items()}

    def named_secrets(self) -> frozenset[str]:
        """The names of the secrets that a call needs."""
        return frozenset(match[1] for value in self.texts.values() for match in PLACE.finditer(value))


# Short enough that most tools' names fit behind it: programs that call models take names of 64 characters.
ServerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=24)]


class ServersFile(BaseModel):
    """All of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    servers: dict[ServerName, ConnectedServer]


def read_servers(path: Path) -> Mapping[str, ConnectedServer]:
    """Read the operator's file. Raises `InvalidServersFile`: where it is wrong, never what stands there. Blocking."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidServersFile(f"{path} is larger than {LARGEST_FILE:,} bytes.")
        text = path.read_bytes()
    except OSError as error:
        raise InvalidServersFile(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return ServersFile.model_validate_json(text).servers
    except ValidationError as error:
        lines = [
            f"{path}: {_place(item['loc'])}: {item['msg'].removeprefix('Value error, ')}."
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise InvalidServersFile("\n".join(lines)) from None


def _place(location: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in location if part != "[key]") or "the file"


def _values(of: ConnectedServer | Discovery) -> list[str]:
    return [*of.headers.values(), *of.env.values()]


def _require(texts: Texts, shape: re.Pattern[str], what: Literal["header", "variable"]) -> None:
    for name, value in texts.items():
        if not shape.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a {what}")
        if "\0" in value or (what == "header" and not (value.isascii() and value.isprintable())):
            raise ValueError(f"the {what} {name} holds characters that cannot be sent")
