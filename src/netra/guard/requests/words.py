"""How frameworks and programs call a request, what comes with it, and whoever has sent it."""

from typing import Final

from netra.guard.facts import Parameter, last_name

# Names of what tells one user from another, or belongs to one. `id` alone, `session` and `key` name too many other things.
OF_A_USER: Final = frozenset(
    """user user_id userid current_user user_email account_id auth_token bearer_token jwt_token websocket web_socket principal
    current_user_id session_token user_context""".split()
)
# Of these middleware is handed one for each request: it is the request, or the scope that ASGI has in its place.
HANDED: Final = frozenset("request req websocket ws http_request raw_request fastapi_request scope environ".split())
# A request leads to the application's settings as well: only what is read of it by these names came with it.
CARRIERS: Final = frozenset("request req websocket ws http_request raw_request fastapi_request".split())
BROUGHT: Final = frozenset(
    """headers cookies query_params path_params body json form user auser session query match_info args values stream rel_url
    data post params media forms text get_media get_param
    url GET POST COOKIES META FILES files get_json get_data auth token get_host host hostname
    request request_headers""".split()  # the last two: that by which a connection of `websockets` was opened
)
# Of those, what is one user's: a signed session, and who the framework says is asking.
OWN: Final = frozenset({"session", "user", "auser", "auth", "token"})
# And what libraries of bots call the one who has written something.
WRITERS: Final = frozenset({"author", "effective_user", "from_user", "effective_chat", "effective_sender"})
GIVING_USER: Final = frozenset(
    """user principal get current load find fetch require required for of by from with token request session id key auth
    authenticated authenticate active resolve verify validate decode to optional api jwt header headers cookie websocket ws
    or none maybe read the""".split()
)
SOCKETS: Final = frozenset({"websocket", "ws", "web_socket"})
CONNECTIONS: Final = SOCKETS | frozenset("reader writer conn connection sock socket client peer".split())

# By these, what a function is given tells whose work it does: `context.user_id`, `ctx.principal`.
ACTING: Final = frozenset({"user_id", "principal", "current_user"})

HANDLERS: Final = ("RequestHandler", "APIHandler", "APIView", "ViewSet", "WebSocketHandler")


def gives_user(name: str) -> bool:
    """`current_user(request)`, `user_for_token(token)`, and not `user_service(request)`."""
    words = {*name.lower().split("_")}
    return bool(words & {"user", "principal"}) and words <= GIVING_USER


def is_connection(parameter: Parameter) -> bool:
    """A socket, under whatever name: it leads to one person."""
    said = parameter.annotation
    while said is not None and said[0] == "subscript":
        said = said[1]  # `WebSocket[User, str, Any]`
    return said is not None and last_name(said) == "WebSocket"
