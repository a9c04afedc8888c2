"""`netra.settings.hosts`: which host a service URL means, in and out of containers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.settings import Settings
from netra.settings.hosts import COMPOSE_NAMES, Container, Runtime, Service, detect, resolve, resolve_services

DOCKER = Container(Runtime.DOCKER, "/.dockerenv exists")

DOCKER_ID = "8f1f0a" * 10
CGROUP_V1_DOCKER = f"12:pids:/docker/{DOCKER_ID}\n0::/docker/{DOCKER_ID}\n"
CGROUP_V1_KUBERNETES = f"11:cpu:/kubepods/burstable/pod1/{DOCKER_ID}\n"
CGROUP_V2_HOST_NAMESPACE = f"0::/system.slice/docker-{DOCKER_ID}.scope\n"
CGROUP_V2_OWN_NAMESPACE = "0::/\n"
MOUNTS_DOCKER = (
    "707 604 0:62 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A,upperdir=/u\n"
    f"724 707 8:1 /var/lib/docker/containers/{DOCKER_ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
)
MOUNTS_CONTAINERD_STORE = (
    "707 604 0:62 / / rw - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/1/fs\n"
    f"724 707 8:1 /var/lib/docker/containers/{DOCKER_ID}/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
)
MOUNTS_PODMAN = "9 8 0:5 /containers/storage/overlay-containers/1f/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n"
MOUNTS_KUBERNETES = (
    "707 604 0:62 / / rw - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/1/fs\n"
    "724 707 8:1 /var/lib/kubelet/pods/aa-bb/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
)
MOUNTS_NERDCTL = "7 6 0:62 / / rw - overlay overlay rw,upperdir=/var/lib/containerd/io.containerd.snapshotter/3/fs\n"
# A laptop that runs Docker, seen from outside of its containers.
MOUNTS_DOCKER_HOST = (
    "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "99 22 0:62 / /var/lib/docker/overlay2/aa/merged rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A\n"
    "98 22 0:4 net:[4026532] /run/docker/netns/aa rw - nsfs nsfs rw\n"
)


def build(root: Path, *, cgroup: str = "", mounts: str = "", files: tuple[str, ...] = ()) -> Path:
    """Make a root file system with the given marks of a container."""
    for name, text in {"proc/1/cgroup": cgroup, "proc/self/mountinfo": mounts, **dict.fromkeys(files, "")}.items():
        if text or name in files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
    return root


@pytest.mark.parametrize(
    ("runtime", "cgroup", "mounts", "files"),
    [
        (Runtime.DOCKER, "", "", (".dockerenv",)),
        (Runtime.DOCKER, CGROUP_V1_DOCKER, "", ()),
        (Runtime.DOCKER, CGROUP_V2_HOST_NAMESPACE, "", ()),
        (Runtime.DOCKER, CGROUP_V2_OWN_NAMESPACE, MOUNTS_DOCKER, ()),
        (Runtime.DOCKER, CGROUP_V2_OWN_NAMESPACE, MOUNTS_CONTAINERD_STORE, ()),
        (Runtime.PODMAN, "", "", ("run/.containerenv",)),
        (Runtime.PODMAN, "0::/machine.slice/libpod-1f.scope/container\n", "", ()),
        (Runtime.PODMAN, CGROUP_V2_OWN_NAMESPACE, MOUNTS_PODMAN, ()),
        (Runtime.KUBERNETES, "", "", ("var/run/secrets/kubernetes.io/serviceaccount/token", ".dockerenv")),
        (Runtime.KUBERNETES, CGROUP_V1_KUBERNETES, "", ()),
        (Runtime.KUBERNETES, "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1f.scope\n", "", ()),
        (Runtime.KUBERNETES, CGROUP_V2_OWN_NAMESPACE, MOUNTS_KUBERNETES, ()),
        (Runtime.CONTAINERD, CGROUP_V2_OWN_NAMESPACE, MOUNTS_NERDCTL, ()),
    ],
)
def test_a_container_is_recognised_by_its_marks(
    tmp_path: Path, runtime: Runtime, cgroup: str, mounts: str, files: tuple[str, ...]
) -> None:
    found = detect(build(tmp_path, cgroup=cgroup, mounts=mounts, files=files), {})
    assert found is not None
    assert found.runtime is runtime
    assert str(tmp_path) not in found.evidence


def test_kubernetes_is_recognised_by_its_variable(tmp_path: Path) -> None:
    found = detect(build(tmp_path, files=(".dockerenv",)), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert found is not None
    assert found.runtime is Runtime.KUBERNETES


@pytest.mark.parametrize(
    ("cgroup", "mounts"),
    [
        ("", ""),
        ("0::/init.scope\n", MOUNTS_DOCKER_HOST),
        (CGROUP_V2_OWN_NAMESPACE, "27 1 254:0 / / rw - ext4 /dev/vda rw\n"),
        ("0::/\n", "broken line\n1 2\n"),
    ],
    ids=["no proc", "a host that runs Docker", "a small virtual machine", "nonsense"],
)
def test_a_machine_is_not_taken_for_a_container(tmp_path: Path, cgroup: str, mounts: str) -> None:
    assert detect(build(tmp_path, cgroup=cgroup, mounts=mounts), {}) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LocalHost"])
@pytest.mark.parametrize("environment", ["development", "test"])
@pytest.mark.parametrize(
    ("service", "url", "resolved"),
    [
        (
            "database",
            "postgresql://u:p%40ss@{}:5433/netra?sslmode=off",
            "postgresql://u:p%40ss@postgres:5433/netra?sslmode=off",
        ),
        ("database", "postgresql://{}/netra", "postgresql://postgres/netra"),
        ("bus", "nats://{}:4222", "nats://nats:4222"),
        ("model", "http://{}:11434/v1?host=kept", "http://model:11434/v1?host=kept"),
    ],
)
def test_localhost_inside_a_container_is_the_compose_service(
    service: Service, url: str, resolved: str, environment: str, host: str
) -> None:
    decision = resolve(url.format(host), service, environment, DOCKER)
    assert (decision.url, decision.host, decision.changed) == (resolved, COMPOSE_NAMES[service], True)
    assert "Docker" in decision.reason
    assert COMPOSE_NAMES[service] in decision.reason


def test_a_host_in_the_query_of_a_libpq_url_is_resolved_too() -> None:
    url = "postgresql://u:p@/netra?host=localhost&options=-c%20role%3Dnetra_app+x"
    decision = resolve(url, "database", "test", DOCKER)
    assert decision.url == "postgresql://u:p@/netra?host=postgres&options=-c%20role%3Dnetra_app+x"
    assert resolve("postgresql:///n?host=127.0.0.1", "database", "test", DOCKER).url == "postgresql:///n?host=postgres"


def test_the_compose_service_can_have_another_name() -> None:
    decision = resolve("postgresql://localhost/x", "database", "development", DOCKER, names={**COMPOSE_NAMES, "database": "db"})
    assert decision.url == "postgresql://db/x"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///netra",
        "postgresql://netra_app@/netra?host=/var/lib/netra/socket",
        "postgresql://netra_app@%2Fvar%2Flib%2Fnetra/netra",
        "postgresql://netra_app:@/postgres?host=%2Ftmp%2Fx&port=5432",
    ],
)
def test_a_unix_socket_is_left_alone(url: str) -> None:
    decision = resolve(url, "database", "development", DOCKER)
    assert (decision.url, decision.changed) == (url, False)
    assert "Unix socket" in decision.reason


@pytest.mark.parametrize("url", ["postgresql://localhost:1,127.0.0.1:2/x", "postgresql://[::1/x", "postgresql://localhost:x/y"])
def test_a_url_that_cannot_be_decided_on_is_left_alone(url: str) -> None:
    assert resolve(url, "database", "development", DOCKER).url == url


URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["postgresql", "nats", "http"]),
    st.sampled_from(["", "u@", "u:p@", "u:p%2F@"]),
    st.sampled_from(["localhost", "127.0.0.1", "[::1]", "db.example", "10.0.0.7", "localhost.example", "postgres"]),
    st.sampled_from(["", ":5432"]),
    st.sampled_from(["", "/", "/x", "/x?a=b", "/x?a=b+c%20d&host=remote"]),
)
SERVICES = st.sampled_from(list(COMPOSE_NAMES))


@given(URLS, SERVICES, st.sampled_from(["development", "test", "staging", "production"]), st.booleans(), st.booleans())
def test_a_host_changes_only_when_all_conditions_hold(
    url: str, service: Service, environment: str, contained: bool, enabled: bool
) -> None:
    decision = resolve(url, service, environment, DOCKER if contained else None, enabled=enabled)
    local = not ("host=remote" in url and url.startswith("postgresql")) and any(
        mark in url for mark in ("localhost:", "localhost/", "127.0.0.1", "[::1]")
    )
    local = local or (url.endswith("localhost"))
    assert decision.changed == (local and contained and enabled and environment in ("development", "test"))
    assert decision.changed == (decision.url != url)
    # Deciding twice changes nothing more.
    assert resolve(decision.url, service, environment, DOCKER, enabled=enabled).url == decision.url or not decision.changed


@given(st.text(), SERVICES)
def test_deciding_never_fails_on_text_that_is_no_url(text: str, service: Service) -> None:
    resolve(text, service, "development", DOCKER)


def test_a_decision_never_shows_the_password() -> None:
    decision = resolve("postgresql://u:hunter2@localhost/x", "database", "development", DOCKER)
    assert "hunter2" not in repr(decision)
    assert "hunter2" not in decision.reason


def test_the_decisions_for_all_services_follow_the_settings() -> None:
    given: dict[str, object] = {
        "database_url": "postgresql://u:p@localhost/x",
        "model_url": "http://gpu.example/v1",
        "compose_database": "db",
    }
    inside = resolve_services(Settings.model_validate(given), DOCKER)
    assert inside["database"].url == "postgresql://u:p@db/x"
    assert inside["model"].url == "http://gpu.example/v1"
    off = resolve_services(Settings.model_validate({**given, "host_resolution": "off"}), DOCKER)
    assert off["database"].url == "postgresql://u:p@localhost/x"
    assert "NETRA_HOST_RESOLUTION=off" in off["database"].reason
    assert resolve_services(Settings(), DOCKER) == {}
