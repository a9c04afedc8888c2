import socket
from pathlib import Path

import pytest

from netra.gateway.server import SEND_BUFFER, CannotListen, listen
from tests.fixtures.world import World, open_world


async def test_what_is_accepted_keeps_little_for_a_reader_who_takes_nothing() -> None:
    with listen("127.0.0.1", 0) as listener:
        client = socket.create_connection(listener.getsockname())
        listener.setblocking(True)
        accepted, _ = listener.accept()
        # Linux doubles what it is asked for, to have room for its own bookkeeping.
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000
        accepted.close()
        client.close()


def test_a_port_that_is_taken_is_said_in_words() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(CannotListen, match="--port"):
        listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "256.1.1.1"])
def test_an_address_of_another_machine_is_said_in_words(host: str) -> None:
    with pytest.raises(CannotListen, match="no address of this machine"):
        listen(host, 0)


def test_a_server_that_stops_lets_its_address_go_at_once() -> None:
    with listen("127.0.0.1", 0) as first:
        address = first.getsockname()
        client = socket.create_connection(address)
    client.close()
    listen(*address).close()


async def test_nothing_of_a_stopped_server_answers(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path) as world:
        assert isinstance(world, World)
        assert (await world.client().get("/health/live")).status_code == 200
    with pytest.raises(OSError):  # noqa: PT011 - whatever the platform calls it
        socket.create_connection((world.host, world.port))
