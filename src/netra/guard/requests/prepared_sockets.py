"""Web sockets of aiohttp, which a handler makes out of nothing and opens for its request:

ws = web.WebSocketResponse()
await ws.prepare(request)
"""

from typing import Final

from netra.guard.facts import Assignment, Expression, last_name
from netra.guard.symbols import FunctionSymbol

SOCKET: Final = "WebSocketResponse"


def prepared_with(given: Assignment, scope: FunctionSymbol) -> Expression | None:
    """The request for which a local socket is opened, where an assignment makes one."""
    if given.value[0] != "call" or last_name(scope.facts.calls[given.value[1]].callee) != SOCKET:
        return None
    opening = ("attribute", given.target, "prepare")
    return next((each.arguments[0] for each in scope.facts.calls if each.callee == opening and each.arguments), None)
