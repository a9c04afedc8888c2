"""For which request a socket is opened that a handler has made."""

import pytest

from netra.guard.requests.prepared_sockets import prepared_with
from tests.guard.programs import analysed, function

TEXT = """
from aiohttp import web


async def connect(request):
    ws = {made}
    {opened}
    return ws
"""


@pytest.mark.parametrize(
    ("made", "opened", "expected"),
    [
        ("web.WebSocketResponse()", "await ws.prepare(request)", ("name", "request")),
        ("web.WebSocketResponse(heartbeat=30)", "await ws.prepare(request)", ("name", "request")),
        ("web.WebSocketResponse()", "pass", None),
        ("web.StreamResponse()", "await ws.prepare(request)", None),
        ("request.app.ws", "await ws.prepare(request)", None),
    ],
)
def test_a_socket_is_of_the_request_for_which_it_is_opened(made: str, opened: str, expected: tuple[str, str] | None) -> None:
    scope = function(analysed(TEXT.format(made=made, opened=opened)).program, "example.connect")
    assert prepared_with(scope.assigned["ws"][0], scope) == expected
