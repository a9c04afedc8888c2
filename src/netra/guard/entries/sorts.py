"""In which ways something outside a program calls into it."""

from typing import Final

ROUTE: Final = "route"
SOCKET: Final = "socket"
TASK: Final = "task"
COMMAND: Final = "command"
LISTENER: Final = "listener"
START: Final = "start"
TEST: Final = "test"
NAMED: Final = "named"

VERBS: Final = frozenset("get post put delete patch head options trace".split())
"""What a route is asked for, as frameworks name their decorators and methods."""

OF_CLIENTS: Final = frozenset({"socketio.Client", "socketio.AsyncClient"})
"""Classes of libraries whose objects hear one server, by the same words by which others hear everybody."""
