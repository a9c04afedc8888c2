"""Every setting of Netra, with its default, its bounds and its meaning.

The name in the environment is `NETRA_` and the field's name in capitals. The descriptions and units here are the source of
`docs/reference/settings.md`. Secrets are `SecretStr`, so that no `repr`, log line or error shows them.
"""

import base64
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from netra.settings.units import Bytes, Milliseconds, Seconds, Unit

EnvironmentName = Literal["development", "test", "staging", "production"]
Preset = Literal["minimal", "balanced", "maximum_performance"]

# What each preset of the run factory changes. `balanced` is the defaults; a factory setting that is given on its own wins.
# `minimal` fits a 512 MiB machine; `maximum_performance` trades memory, 4 MiB for each connection of DuckDB that waits, for
# never making a run wait.
PRESETS: Final[Mapping[str, Mapping[str, float]]] = {
    "minimal": {
        "factory_max_concurrent_per_user": 3,
        "factory_pool_initial_size": 2,
        "factory_pool_max_size": 20,
        "factory_pool_reuse_timeout": 30,
        "factory_cache_size": 32,
        "factory_cache_ttl": 600,
    },
    "balanced": {},
    "maximum_performance": {
        "factory_max_concurrent_per_user": 50,
        "factory_pool_initial_size": 100,
        "factory_pool_max_size": 1000,
        "factory_pool_reuse_timeout": 300,
        "factory_cache_size": 1024,
        "factory_cache_ttl": 7200,
    },
}


IDENTIFIER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
"""What an operator may call a service or a provider: it stands in addresses and in what commands take, in one case only."""

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Derived:
    """Marks a default that depends on other settings or on the machine, and says how."""

    text: str


def split_names(value: object) -> object:
    """Return the items of a comma-separated text; leave everything else for pydantic to judge."""
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def split_pairs(value: object) -> object:
    """Return `{name: text}` of a text such as `name=text,other=text`; leave everything else for pydantic to judge."""
    if not isinstance(value, str):
        return value
    pairs = [item.partition("=") for item in value.split(",") if item.strip()]
    if not all(name.strip() and text.strip() for name, _, text in pairs):
        raise ValueError("must be a list of name=value, separated by commas")
    if len({name.strip() for name, _, _ in pairs}) < len(pairs):
        raise ValueError("must give each name once")
    return {name.strip(): text.strip() for name, _, text in pairs}


def split_secrets(value: object) -> object:
    """The same for texts that are secrets."""
    pairs = split_pairs(value)
    return {name: SecretStr(text) for name, text in pairs.items()} if pairs is not value and isinstance(pairs, dict) else value


def read_none(value: object) -> object:
    """Return None for the text `none`, the only way to say in an environment that a limit does not apply."""
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def read_origin(text: str) -> str:
    """Return the origin `scheme://host[:port]` that `text` spells, in lower case and without a final slash."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ValueError("must be http(s)://host or http(s)://host:port") from None
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or "*" in parts.hostname or not plain:
        raise ValueError("must be http(s)://host or http(s)://host:port, without a path and without *")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # Browsers leave the scheme's own port out of `Origin`, and the comparison is exact.
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in (None, default) else f"{parts.scheme}://{host}:{port}"


def require_scheme(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    """Return `url` if it is a well-formed URL of one of `schemes`."""
    try:
        parts = urlsplit(url.get_secret_value()) if url else None
    except ValueError:
        raise ValueError(f"must be a {schemes[0]}:// URL") from None
    if parts is not None and parts.scheme not in schemes:
        raise ValueError(f"must be a {schemes[0]}:// URL")
    if parts is not None and "@" in parts.path:
        # Read as it stands, half of the password would be the host, and would be shown as one.
        raise ValueError("must have the characters @ : / of a password written as %40 %3A %2F")
    return url


def is_mail_address(text: str) -> bool:
    """Say whether mails can come from `text`, as whoever writes the mail will read it."""
    try:
        return text.isascii() and "@" in text and Address(addr_spec=text).addr_spec == text
    except (ValueError, IndexError, HeaderParseError):
        return False


def require_identifiers(names: Iterable[str]) -> None:
    """Raise ValueError unless every name is one that an operator may give."""
    if not all(IDENTIFIER.fullmatch(name) for name in names):
        raise ValueError("must have names of lower-case letters, digits, dots, hyphens and underscores")


def require_issuer(url: str, environment: str) -> None:
    """Raise ValueError unless `url` can be an OpenID issuer: https, or on this very machine in development and test."""
    try:
        parts = urlsplit(url)
        port_reads = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("must be https:// URLs") from None
    local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS and environment in ("development", "test")
    if not (local or parts.scheme == "https") or not parts.hostname or not port_reads:
        raise ValueError("must be https:// URLs; http:// only on this machine, in development and test")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("must be URLs without a login, a query or a fragment")


def default_data_dir() -> Path:
    """Return where data is kept when nobody says.

    For root a system folder: PostgreSQL refuses to run as root, and the user that it runs as cannot enter /root.
    """
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/netra")
    return Path(platformdirs.user_data_dir("netra", appauthor=False))


def default_origins(given: dict[str, Any]) -> tuple[str, ...]:
    """Return the browser origins that may open a socket when none are named: this server's own."""
    own = [given["public_url"]]
    if given["environment"] in ("development", "test"):
        own += [f"http://{host}:{given['port']}" for host in ("localhost", "127.0.0.1")]
    return tuple(dict.fromkeys(read_origin(origin) for origin in own))


Names = Annotated[tuple[str, ...], BeforeValidator(split_names)]
Secrets = Annotated[Mapping[str, SecretStr], BeforeValidator(split_secrets)]
Pairs = Annotated[Mapping[str, str], BeforeValidator(split_pairs)]


class Settings(BaseModel):
    """All settings of one server process. Times are seconds unless the name says otherwise; sizes are bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    # The service
    environment: EnvironmentName = Field(
        "development", description="Where this server runs. `.env` is read in development only."
    )
    service_name: str = Field("netra", min_length=1, description="The name in health answers, logs and metrics.")
    host: str = Field("127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    public_url: Annotated[str, Derived("`http://localhost:PORT`")] = Field(
        default_factory=lambda given: f"http://localhost:{given['port']}",
        description="The origin that users see, without a path. It is the issuer of the tokens.",
    )
    allowed_origins: Annotated[Names, Derived("the public URL; in development and test also localhost on the port")] = Field(
        default_factory=default_origins,
        description="The exact browser origins that may open a WebSocket, separated by commas. There is no wildcard.",
    )
    trusted_proxies: Names = Field(
        (), description="Addresses or networks of the proxies whose `X-Forwarded-For` is believed, separated by commas."
    )
    workers: PositiveInt = Field(1, description="Gateway processes.")
    max_body_bytes: Bytes = Field(1024**2, gt=0, description="The largest request body other than an uploaded dataset.")
    drain_timeout: Seconds = Field(
        20, ge=0, description="How long a stopping server waits for open requests, sockets and runs to come to an end."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least severe line to write.")
    log_format: Annotated[Literal["console", "json"], Derived("`console` in development and test, else `json`")] = Field(
        default_factory=lambda given: "console" if given["environment"] in ("development", "test") else "json",
        description="Lines for people or lines for machines.",
    )

    # Data and the database
    data_dir: Annotated[Path, Derived("`/var/lib/netra` for root, else the user's data folder of the platform")] = Field(
        default_factory=default_data_dir,
        description="The folder of the embedded database and of uploaded datasets. `~` is not expanded.",
    )
    database_url: SecretStr | None = Field(
        None, description="A `postgresql://` URL of PostgreSQL 15 or newer; without one, the embedded database is started."
    )
    database_pool_size: PositiveInt = Field(10, description="Database connections a process keeps for users' requests.")
    database_pool_timeout: Seconds = Field(
        5, gt=0, description="How long a request waits for a database connection before it is refused."
    )
    migrate_on_start: Annotated[bool | None, BeforeValidator(read_none), Derived("only the embedded database")] = Field(
        None, description="Whether a starting server applies migrations; otherwise run `netra migrate`."
    )
    event_retention: Annotated[int | None, BeforeValidator(read_none), Unit("days")] = Field(
        30, gt=0, description="How long events of finished runs are kept; `none` keeps them for ever."
    )
    # Five million calls as spans of OpenTelemetry are 4 GiB; what is uploaded costs disk, and no memory.
    max_dataset_bytes: Bytes = Field(8 * 1024**3, gt=0, description="The largest dataset that a user may upload.")
    secret_keys: Annotated[Secrets, Derived("a key in `DATA_DIR/secret.key` in development and test; otherwise none")] = Field(
        {},
        repr=False,
        description="What users' secrets are sealed with: `id=base64 of 32 bytes`, separated by commas. The first seals, each "
        "opens what it has sealed; see `netra secrets`.",
    )
    max_artifact_bytes: Bytes = Field(
        256 * 1024**2, gt=0, description="What the files that tools made for one user may take together."
    )

    # Finding services from inside a container
    host_resolution: Literal["auto", "off"] = Field(
        "auto",
        description="`auto`: inside a container in development or test, `localhost` in a service URL means the compose "
        "service below. `off`: `localhost` is this very machine.",
    )
    compose_database: str = Field("postgres", min_length=1, description="The compose service of the database.")
    compose_bus: str = Field("nats", min_length=1, description="The compose service of the message bus.")
    compose_model: str = Field("model", min_length=1, description="The compose service of the model server.")

    # Sign-in
    access_token_lifetime: Seconds = Field(900, gt=0, description="How long an access token is good for.")
    refresh_token_lifetime: Seconds = Field(30 * 86_400, gt=0, description="How long a refresh token is good for.")
    ticket_lifetime: Seconds = Field(30, gt=0, description="How long a single-use WebSocket ticket is good for.")
    password_min_length: int = Field(12, ge=8, le=128, description="The shortest password that registration accepts.")
    login_window: Seconds = Field(900, gt=0, description="The time over which failed sign-ins are counted.")
    login_attempts_per_account: PositiveInt = Field(5, description="Failed sign-ins to one account within the window.")
    login_attempts_per_address: PositiveInt = Field(20, description="Failed sign-ins from one address within the window.")
    login_lockout: Seconds = Field(900, gt=0, description="How long an account or address is refused after too many failures.")
    registrations_per_address: Annotated[
        PositiveInt | None, BeforeValidator(read_none), Derived("`none` in development and test, else `20`")
    ] = Field(
        default_factory=lambda given: None if given["environment"] in ("development", "test") else 20,
        description="Registrations that one network address may try in an hour; `none` is any number.",
    )
    password_reset_lifetime: Seconds = Field(1800, gt=0, description="How long the link of a password reset is good for.")
    mail_url: SecretStr | None = Field(
        None,
        description="The mail server: `smtp://user:password@host:587`, with STARTTLS, or `smtps://…`. Without one, mails are "
        "written into the log in development and test, and not sent elsewhere.",
    )
    mail_from: str | None = Field(
        None, validate_default=True, description="The address that mails come from; needed with a mail server."
    )
    oidc_providers: Pairs = Field(
        {}, description="OpenID providers to sign in with: `name=https://issuer`, separated by commas."
    )
    oidc_clients: Pairs = Field(
        {}, validate_default=True, description="As whom each provider knows this server: `name=client_id`, separated by commas."
    )
    oidc_secrets: Secrets = Field(
        {},
        repr=False,
        description="The client secrets of the providers that gave one: `name=secret`, separated by commas.",
    )
    service_secrets: Secrets = Field(
        {}, repr=False, description="Programs that may ask for a service token: `id=secret`, separated by commas."
    )
    audit_retention: Annotated[int | None, BeforeValidator(read_none), Unit("days")] = Field(
        365, gt=0, description="How long lines of the audit are kept; `none` keeps them for ever."
    )

    # Requests
    requests_at_once: PositiveInt = Field(
        4, description="Requests of one user that are worked on at once in one process; fewer than database_pool_size."
    )
    requests_waiting: PositiveInt = Field(500, description="Requests of one user that may wait behind those (429).")

    # Open sockets
    max_frame_bytes: Bytes = Field(65_536, ge=1024, description="The largest frame a client may send (close 1009).")
    max_connections_per_user: PositiveInt = Field(20, description="Sockets that one user may hold open at once.")
    messages_per_second: float = Field(20, gt=0, description="Frames a second that one user may send, on average (4429).")
    messages_burst: PositiveInt = Field(60, description="Frames that one user may send at once after a silence.")
    max_unsent_bytes: Bytes = Field(
        1024**2, ge=512 * 1024, description="Bytes that may wait for a slow reader before its socket is closed (4408)."
    )
    send_deadline: Seconds = Field(10, gt=0, description="How long one send may take before the reader counts as slow (4408).")
    ping_interval: Seconds = Field(25, gt=0, description="The time between two pings of the server.")
    pong_timeout: Seconds = Field(8, gt=0, description="How long the answer to a ping may take.")
    authenticate_timeout: Seconds = Field(10, gt=0, description="How long a new socket may take to say who it is.")
    token_grace: Seconds = Field(10, ge=0, description="How long a socket stays open after its token expired (4401).")
    access_check_interval: Annotated[Seconds, Field(le=5)] = Field(
        2, gt=0, description="The time between two checks that open sockets' sessions, roles and plans still hold."
    )

    # The log
    rollup_interval_ms: Milliseconds = Field(40, ge=0, le=1000, description="The time over which streamed text is joined.")
    hint_poll_interval: Seconds = Field(
        1, gt=0, description="How often readers look at the log without a hint, in case hints are lost."
    )

    # Runs
    run_lease: Seconds = Field(10, gt=0, description="How long a worker may be silent before its run goes to another.")
    run_heartbeat: Seconds = Field(2.5, gt=0, description="The time between two signs of life; at most half the lease.")
    run_attempts: PositiveInt = Field(3, description="Times a run is started before it counts as failed.")
    cleanup_deadline: Seconds = Field(5, gt=0, description="How long a cancelled run may take to clean up.")
    run_environment: Names = Field(
        (), description="Names of environment variables that every run may see, separated by commas; never a `NETRA_` one."
    )

    # The run factory
    factory_preset: Annotated[Preset | None, BeforeValidator(read_none)] = Field(
        None, description="Sets the factory settings that are not given on their own; `balanced` is the defaults."
    )
    factory_max_concurrent_per_user: PositiveInt = Field(10, description="Runs of one user that execute at once.")
    factory_execution_timeout: Seconds = Field(300, gt=0, description="How long one run may execute.")
    factory_pool_initial_size: NonNegativeInt = Field(
        20, description="Unused connections of DuckDB that are made at start, and the most that wait to be used."
    )
    factory_pool_max_size: PositiveInt = Field(200, description="Runs that one process executes at once.")
    factory_pool_reuse_timeout: Seconds = Field(
        60, ge=0, description="How long an unused connection of DuckDB waits before it is closed; 0 keeps none."
    )
    factory_cache_size: NonNegativeInt = Field(128, description="Types of steps' results that are kept ready to be read.")
    factory_cache_ttl: Seconds = Field(3600, gt=0, description="How long such a type is kept before it is looked at anew.")
    factory_target_context_ms: Milliseconds = Field(5, gt=0, description="Target for making a run's context.")
    factory_target_agent_ms: Milliseconds = Field(10, gt=0, description="Target for making an agent ready.")
    factory_target_cleanup_ms: Milliseconds = Field(2, gt=0, description="Target for cleaning up after a run.")

    # The model
    model: str | None = Field(
        None, pattern=r"^[^:\s]+:\S+$", description="`provider:name` of a language model; without one, agents do without."
    )
    model_url: SecretStr | None = Field(None, description="The URL of an OpenAI-compatible server that answers for the model.")
    model_key: SecretStr | None = Field(
        None, description="The key that the model is asked with for users who have no key of their own."
    )
    model_user_key_name: str = Field(
        "MODEL_KEY",
        pattern=r"^[A-Z][A-Z0-9_]{0,63}$",
        description="The name of the secret by which users give a key of their own for the model.",
    )
    model_timeout: Seconds = Field(
        60, gt=0, description="How long one answer of the model may take, repetitions and the waits between them included."
    )
    model_repetitions: NonNegativeInt = Field(
        2, le=10, description="How often a request to the model is repeated that found nobody, or nobody who had time."
    )

    # Tools of other servers
    mcp_servers: Path | None = Field(
        None, description="A JSON file of MCP servers whose tools users may call (docs/mcp.md). `~` is not expanded."
    )

    # Watching the event loop
    loop_lag_threshold_ms: Milliseconds = Field(
        250, gt=0, description="Event-loop lag (p99) above which `/health` calls the server degraded."
    )
    blocking_call_threshold_ms: Milliseconds = Field(
        100, gt=0, description="How long a call may hold the event loop before its stack is counted and logged."
    )

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {**PRESETS.get(str(given.get("factory_preset")), {}), **given}

    @field_validator("public_url")
    @classmethod
    def _public_url_is_an_origin(cls, value: str) -> str:
        return read_origin(value)

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_exact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(read_origin(origin) for origin in value))

    @field_validator("data_dir")
    @classmethod
    def _data_dir_is_absolute(cls, value: Path) -> Path:
        return value.absolute()

    @field_validator("database_url")
    @classmethod
    def _database_is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        return require_scheme(value, "postgresql", "postgres")

    @field_validator("secret_keys")
    @classmethod
    def _keys_can_seal(cls, value: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for key in value.values():
            try:
                size = len(base64.b64decode(key.get_secret_value(), validate=True))
            except ValueError:
                size = 0
            if size != 32:
                raise ValueError(
                    "must be a list of id=key, each key 32 bytes in base64; `netra secrets generate-key` makes one"
                )
        return value

    @field_validator("model_url")
    @classmethod
    def _model_speaks_http(cls, value: SecretStr | None) -> SecretStr | None:
        return require_scheme(value, "http", "https")

    @field_validator("mail_url")
    @classmethod
    def _mail_speaks_smtp(cls, value: SecretStr | None) -> SecretStr | None:
        url = require_scheme(value, "smtp", "smtps")
        if url is not None and not urlsplit(url.get_secret_value()).hostname:
            raise ValueError("must name a host")
        return url

    @field_validator("mail_from")
    @classmethod
    def _mails_come_from_somebody(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("mail_url") is not None:
            raise ValueError("must be given with NETRA_MAIL_URL")
        if value is not None and not is_mail_address(value):
            raise ValueError("must be an e-mail address")
        return value

    @field_validator("oidc_providers")
    @classmethod
    def _issuers_are_safe(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        require_identifiers(value)
        for issuer in value.values():
            require_issuer(issuer, info.data.get("environment", "production"))
        return value

    @field_validator("oidc_clients")
    @classmethod
    def _every_provider_knows_us(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        if "oidc_providers" in info.data and value.keys() != info.data["oidc_providers"].keys():
            raise ValueError("must name the same providers as NETRA_OIDC_PROVIDERS")
        return value

    @field_validator("oidc_secrets")
    @classmethod
    def _secrets_are_of_providers(cls, value: Mapping[str, SecretStr], info: ValidationInfo) -> Mapping[str, SecretStr]:
        if "oidc_providers" in info.data and value.keys() - info.data["oidc_providers"].keys():
            raise ValueError("must name providers of NETRA_OIDC_PROVIDERS")
        return value

    @field_validator("service_secrets")
    @classmethod
    def _services_have_plain_names(cls, value: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        require_identifiers(value)
        return value

    @field_validator("run_heartbeat")
    @classmethod
    def _a_heartbeat_fits_in_the_lease(cls, value: float, info: ValidationInfo) -> float:
        # One lost heartbeat must not cost a healthy worker its run.
        if "run_lease" in info.data and value > info.data["run_lease"] / 2:
            raise ValueError("must be at most half of NETRA_RUN_LEASE")
        return value

    @field_validator("run_environment")
    @classmethod
    def _runs_never_see_the_servers_own(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(name.upper().startswith("NETRA_") for name in value):
            raise ValueError("must not name a NETRA_ variable: those are the server's own")
        return value

    @field_validator("factory_pool_max_size")
    @classmethod
    def _a_pool_holds_what_it_starts_with(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("factory_pool_initial_size", 0):
            raise ValueError("must be at least NETRA_FACTORY_POOL_INITIAL_SIZE")
        return value
