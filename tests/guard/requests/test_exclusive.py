"""A place is for one connection at a time where the second is sent away, or closes the first, and who goes clears it."""

import pytest

from netra.guard.requests.exclusive import is_exclusive
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TAKEN = "    if _socket is not None: return\n"
CLEARED = "    finally: _socket = None\n"


def _text(before: str, value: str, behind: str, end: str) -> str:
    lines = ["from fastapi import FastAPI, WebSocket", "app = FastAPI()", "_socket = None", "@app.websocket('/a')"]
    lines += [f"async def talk(ws: WebSocket, user):\n    global _socket\n{before}    _socket = {value}\n{behind}"]
    lines += [f"    try: await _socket.receive()\n{end}"]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_text(TAKEN, "ws", "", CLEARED), True),
        (_text("    if _socket: return\n", "ws", "", CLEARED), True),
        (_text("    before = _socket\n", "ws", "    if before: await before.close()\n", CLEARED), True),
        (_text("    before = _socket\n", "ws", "", CLEARED), False),
        (_text("", "ws", "", CLEARED), False),
        (_text(TAKEN, "ws", "", "    finally: pass\n"), False),
        (_text(TAKEN, "user", "", CLEARED), False),
        (_text(TAKEN + "    await ws.accept()\n", "ws", "", CLEARED), False),
        (_text("    if _socket is not None: taken = True\n", "ws", "    if taken: return\n", CLEARED), False),
    ],
)
def test_a_place_for_one(text: str, expected: bool) -> None:
    analysis = analysed(text)
    write = next(each for each in analysis.once(Sharing).writes if each.value[0] == "name")
    assert is_exclusive(write, analysis) is expected
