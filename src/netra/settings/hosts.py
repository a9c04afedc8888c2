"""Which host a service URL means: inside a container, `localhost` is the container itself, where no database listens.

Development and test run the same `.env` on a laptop and in a compose file, so there `localhost` in a service URL means the
compose service. Whoever names a host means that host, and staging and production are never second-guessed.

Deciding is pure: `detect` reads the marks of a container under a given root, `resolve` reads nothing at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from netra.settings.model import LOCAL_HOSTS, Settings

Service = Literal["database", "bus", "model"]

COMPOSE_NAMES: Final[Mapping[Service, str]] = {"database": "postgres", "bus": "nats", "model": "model"}
RESOLVING_ENVIRONMENTS: Final = frozenset({"development", "test"})


class Runtime(StrEnum):
    """What runs the container."""

    DOCKER = "Docker"
    PODMAN = "Podman"
    KUBERNETES = "Kubernetes"
    CONTAINERD = "containerd"


@dataclass(frozen=True, slots=True)
class Container:
    """The container that this process runs in, and the mark that gave it away."""

    runtime: Runtime
    evidence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The URL to connect to and why. The URL may hold a password, so only `host` and `reason` are shown."""

    url: str = field(repr=False)
    host: str
    changed: bool
    reason: str


# Words in a cgroup path or in the source of a container's own mounts. The more specific come first: a Kubernetes pod may
# run on Docker or containerd, and Docker itself runs on containerd.
_MARKS: Final[tuple[tuple[str, Runtime], ...]] = (
    ("kubepods", Runtime.KUBERNETES),
    ("/kubelet/pods/", Runtime.KUBERNETES),
    ("libpod", Runtime.PODMAN),
    ("/overlay-containers/", Runtime.PODMAN),
    ("/docker/", Runtime.DOCKER),
    ("docker-", Runtime.DOCKER),
    ("/containerd/", Runtime.CONTAINERD),
)

# Mount points that a runtime lays over a container's image. On a host that *runs* containers, other mount points mention
# them too (`/var/lib/docker/overlay2/…/merged`), so only these count.
_CONTAINER_MOUNTS: Final = frozenset({"/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"})


def detect(root: Path, environment: Mapping[str, str]) -> Container | None:
    """Return the container that the file system at `root` (`Path("/")`) belongs to, or None outside of one.

    Under cgroup v2 with its own namespace `/proc/1/cgroup` only says `0::/`, as it also may on a bare machine, so the
    runtime's mounts in `/proc/self/mountinfo` decide there.
    """
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return Container(Runtime.KUBERNETES, "KUBERNETES_SERVICE_HOST is set")
    for mark, runtime in (
        ("var/run/secrets/kubernetes.io/serviceaccount", Runtime.KUBERNETES),
        ("run/.containerenv", Runtime.PODMAN),
        (".dockerenv", Runtime.DOCKER),
    ):
        if (root / mark).exists():
            return Container(runtime, f"/{mark} exists")
    for source, lines in (
        ("/proc/1/cgroup", _lines(root / "proc/1/cgroup")),
        ("/proc/self/mountinfo", [_own_mount(line) for line in _lines(root / "proc/self/mountinfo")]),
    ):
        for word, runtime in _MARKS:
            if any(word in line for line in lines):
                return Container(runtime, f"{source} mentions {word.strip('/-')}")
    return None


def resolve(
    url: str,
    service: Service,
    environment: str,
    container: Container | None,
    *,
    enabled: bool = True,
    names: Mapping[Service, str] = COMPOSE_NAMES,
) -> Decision:
    """Return the URL that `url` of `service` means in `environment`, inside `container` or outside of any.

    `enabled` is False for `NETRA_HOST_RESOLUTION=off`. `names` gives the compose service of each service. The port stays
    as it is. A libpq URL may name its host in the query (`postgresql:///netra?host=…`), where it wins over the other.
    """
    try:
        parts = urlsplit(url)
        host = _host(parts)
    except ValueError:
        return Decision(url, "", False, "left alone: it names several hosts or cannot be read")
    if not host or host.startswith(("/", "@")):
        return Decision(url, host, False, "left alone: it is a Unix socket, not a network host")
    if host not in LOCAL_HOSTS:
        return Decision(url, host, False, f"left alone: {host} is named explicitly")
    if environment not in RESOLVING_ENVIRONMENTS:
        return Decision(url, host, False, f"left alone: hosts are never replaced in {environment}")
    if container is None:
        return Decision(url, host, False, f"left alone: this is no container, so {host} is this machine")
    if not enabled:
        return Decision(url, host, False, f"left alone: NETRA_HOST_RESOLUTION=off, so {host} is this very container")
    name = names[service]
    why = f"{host} means the compose service {name} inside {container.runtime.value} ({container.evidence})"
    return Decision(_with_host(parts, name), name, True, why)


def resolve_services(settings: Settings, container: Container | None) -> Mapping[Service, Decision]:
    """Return the decision for each service URL that `settings` gives."""
    urls: Mapping[Service, SecretStr | None] = {"database": settings.database_url, "model": settings.model_url}
    names: Mapping[Service, str] = {
        "database": settings.compose_database,
        "bus": settings.compose_bus,
        "model": settings.compose_model,
    }
    enabled = settings.host_resolution == "auto"
    return {
        service: resolve(url.get_secret_value(), service, settings.environment, container, enabled=enabled, names=names)
        for service, url in urls.items()
        if url
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        # Absent on other systems than Linux and hidden by some hardened ones: then there is no such mark.
        return []


def _own_mount(line: str) -> str:
    """Return what a line of mountinfo says about where a container's own mount comes from; else nothing (proc(5))."""
    fields, _, source = line.partition(" - ")
    words = fields.split(" ")
    return f"{words[3]} {source}" if len(words) > 4 and words[4] in _CONTAINER_MOUNTS else ""


def _query_host(parts: SplitResult) -> str:
    """Return the host that a libpq URL names in its query, where it wins over the one before the path."""
    found = [item for item in parts.query.split("&") if item.startswith("host=")]
    return found[-1].removeprefix("host=") if found and parts.scheme in ("postgresql", "postgres") else ""


def _host(parts: SplitResult) -> str:
    """Return the host that `parts` name; raises ValueError where the port is none, as with a list of hosts."""
    _ = parts.port
    # A percent-encoded path in the place of the host is libpq's other way to name a Unix socket's folder.
    return unquote(_query_host(parts) or parts.hostname or "")


def _with_host(parts: SplitResult, name: str) -> str:
    """Return the URL with `name` for its host; the user, password, port, path and the other parameters stay."""
    netloc, query = parts.netloc, parts.query
    if _query_host(parts):
        query = "&".join(f"host={name}" if item.startswith("host=") else item for item in query.split("&"))
    if parts.hostname:
        login, at, _ = netloc.rpartition("@")
        netloc = f"{login}{at}{name}" + (f":{parts.port}" if parts.port is not None else "")
    # Not `geturl()`: before Python 3.12.4 it drops the `//` of `postgresql:///name`.
    end = (f"?{query}" if query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    return f"{parts.scheme}://{netloc}{parts.path}{end}"
