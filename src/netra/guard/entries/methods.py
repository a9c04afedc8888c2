"""Classes whose methods a framework calls: views, handlers, consumers, middleware, tools of agents."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.entries.sorts import COMMAND, LISTENER, ROUTE, SOCKET, VERBS
from netra.guard.facts import last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol


class Answering(NamedTuple):
    """Below a class of this name out of one of these libraries, these methods answer."""

    libraries: frozenset[str]
    """The top packages; empty: whichever."""
    base: re.Pattern[str]
    methods: frozenset[str]
    """Empty: every method with a public name; `on_*` is every one that begins so."""
    sort: str
    what: str


def _of(libraries: str, base: str, methods: str, sort: str, what: str = "") -> Answering:
    return Answering(frozenset(libraries.split()), re.compile(base), frozenset(methods.split()), sort, what)


REMOTE: Final = "gRPC"
OF_CHANNEL: Final = "message of a channel"
# How the one parameter is called of a method that answers a message of a channel.
MESSAGES: Final = frozenset({"event", "message", "msg", "evt"})
GRAPHQL: Final = "GraphQL"
# What asks whether somebody may come in.
_ASKED: Final = "authenticate has_permission has_object_permission allow_request"
# What a server of the model context protocol asks who signs its clients in.
_OAUTH: Final = """get_client register_client authorize load_authorization_code exchange_authorization_code load_refresh_token
    exchange_refresh_token load_access_token revoke_token"""
_VERBS: Final = " ".join(sorted(VERBS))

ANSWERING: Final = (
    _of("django", r".*View", f"{_VERBS} dispatch form_valid get_queryset get_object get_context_data", ROUTE),
    _of(
        "rest_framework",
        r".*(View|ViewSet|Mixin)",
        f"""{_VERBS} list create retrieve update partial_update destroy perform_create perform_update perform_destroy
        get_queryset""",
        ROUTE,
    ),
    _of("django", r"Node", "render", LISTENER, "template tag"),
    _of("starlette fastapi", r"HTTPEndpoint", _VERBS, ROUTE),
    _of("starlette fastapi", r"WebSocketEndpoint", "on_connect on_receive on_disconnect", SOCKET),
    _of("starlette fastapi", r"BaseHTTPMiddleware", "dispatch", LISTENER, "every request"),
    _of("starlette fastapi", r"AuthenticationBackend", "authenticate", LISTENER, "every request"),
    _of("rest_framework", r"Base(Authentication|Permission|Throttle)", _ASKED, LISTENER, "every request"),
    _of("litestar starlite", r"AbstractAuthenticationMiddleware", "authenticate_request", LISTENER, "every request"),
    _of(
        "mcp fastmcp", r"TokenVerifier|JWTVerifier|OAuthProvider|RemoteAuthProvider", "verify_token", LISTENER, "every request"
    ),
    _of("mcp fastmcp", r"OAuthAuthorizationServerProvider|OAuthProvider", _OAUTH, LISTENER, "every request"),
    _of("strawberry", r"BasePermission", "has_permission", LISTENER, "every request"),
    _of("grpc grpc_interceptor", r"\w*Interceptor", "intercept_service intercept", LISTENER, "gRPC call"),
    _of("aiogram", r"BaseMiddleware", "__call__", LISTENER, "telegram"),
    _of("telebot", r"BaseMiddleware", "pre_process post_process", LISTENER, "telegram"),
    _of("socketio flask_socketio", r"(Async)?Namespace", "on_*", LISTENER, "socket event"),
    _of("dramatiq", r"Middleware", "before_* after_*", LISTENER, "dramatiq"),
    _of("taskiq", r"TaskiqMiddleware", "pre_execute post_execute on_error post_save", LISTENER, "taskiq"),
    _of("rasa_sdk", r"Action|Form(Validation)?Action|ValidationAction", "run validate_*", LISTENER, "rasa"),
    _of(
        "botbuilder microsoft_agents",
        r"\w*ActivityHandler",
        "on_turn on_message* on_members* on_conversation* on_teams* on_reactions* on_event*",
        LISTENER,
        "bot activity",
    ),
    _of("strawberry", r"FieldExtension", "resolve resolve_async", LISTENER, "strawberry"),
    _of("aiohttp", r"View", _VERBS, ROUTE),
    _of("flask quart", r"(Method)?View", f"{_VERBS} dispatch_request", ROUTE),
    _of("flask_restful flask_restx flask_smorest", r"Resource|MethodView", _VERBS, ROUTE),
    _of("sanic", r"HTTPMethodView", _VERBS, ROUTE),
    _of("tornado jupyter_server notebook", r".*WebSocketHandler", "open on_message on_close on_ping on_pong", SOCKET),
    _of("tornado jupyter_server notebook", r".*Handler", f"{_VERBS} prepare on_finish", ROUTE),
    _of("http", r"(Base|Simple)HTTPRequestHandler", "do_GET do_POST do_PUT do_DELETE do_PATCH do_HEAD do_OPTIONS", ROUTE),
    _of("socketserver", r"(Base|Stream|Datagram)RequestHandler", "handle", SOCKET, "connection"),
    _of(
        "",
        r".*Consumer",
        """connect disconnect receive receive_json websocket_connect websocket_receive websocket_disconnect""",
        SOCKET,
    ),
    _of("channels", r".*Consumer", "", LISTENER, OF_CHANNEL),
    _of("", r"\w+Servicer", "", LISTENER, REMOTE),
    _of("langchain langchain_core crewai", r"BaseTool", "_run _arun", LISTENER, "agent tool"),
    _of("celery", r"Task", "run __call__ before_start", LISTENER, "celery"),
    _of(
        "click typer rich_click",
        r"(Multi|Typer)?(Base)?(Command|Group)(Collection)?",
        "invoke main parse_args",
        COMMAND,
        "command",
    ),
    _of("graphene", r"ObjectType|Mutation", "mutate", LISTENER, GRAPHQL),
    _of(
        "discord nextcord disnake",
        r"Client|AutoShardedClient|Bot",
        "on_message on_message_edit on_reaction_add on_interaction",
        LISTENER,
        "discord",
    ),
)


def answering(program: Program) -> tuple[tuple[FunctionSymbol, str, str], ...]:
    """What is `served` of all classes of the program. It is asked with `program.once`."""
    return tuple(each for module in program.own for kind in module.classes for each in served(kind, program))


def served(kind: ClassSymbol, program: Program) -> Iterator[tuple[FunctionSymbol, str, str]]:
    """The methods of a class of the program that a framework calls: each with its sort and its label."""
    known = program.once(_all_outside)
    bases = [base for each in program.order(kind)[0] for base in known.get(each, ())]
    if not bases:
        return
    taken: set[str] = set()
    for row in ANSWERING:
        if any((not row.libraries or top in row.libraries) and row.base.fullmatch(name) for top, name in bases):
            for name, methods in kind.methods.items():
                answers = _is_among(name, row.methods) if row.methods else not name.startswith("_")
                if name not in taken and (answers or (row.what == GRAPHQL and name.startswith("resolve_"))):
                    taken.add(name)
                    for method in methods:
                        if row.what == OF_CHANNEL and not _takes_message(method):
                            continue
                        if row.what == REMOTE and len(method.facts.parameters) != 3:
                            continue  # `self, request, context`: what starts the server takes something else
                        yield method, row.sort, _label(row, kind, name)


def _takes_message(method: FunctionSymbol) -> bool:
    """`async def ride_offered(self, event)`: a layer of channels calls the method by the type of what is sent to a group."""
    names = [each.name for each in method.facts.parameters]
    return len(names) == 2 and names[1] in MESSAGES and not method.facts.decorators


def _is_among(name: str, methods: frozenset[str]) -> bool:
    return name in methods or any(each[-1] == "*" and name.startswith(each[:-1]) for each in methods)


def _all_outside(program: Program) -> dict[ClassSymbol, tuple[tuple[str, str], ...]]:
    kinds = (each for module in program.own for kind in module.classes for each in program.order(kind)[0])
    return {kind: tuple(_outside(kind, program)) for kind in dict.fromkeys(kinds)}


def _outside(kind: ClassSymbol, program: Program) -> Iterator[tuple[str, str]]:
    """The bases of a class that are not the program's: the top package and the last name of each."""
    scope = kind.module.function(kind.facts.scope)
    for base in kind.facts.bases:
        bare = base[1] if base[0] == "subscript" else base
        match program.evaluate(bare, scope):
            case External(dotted=dotted):
                yield dotted.lstrip(".").partition(".")[0], dotted.rpartition(".")[2]
            case ClassSymbol(module=module, name=name) if module.library:
                yield module.name.partition(".")[0], name
            case None:
                yield "", last_name(bare) or ""


def _label(row: Answering, kind: ClassSymbol, method: str) -> str:
    if row.what == "every request":
        return row.what
    if row.sort == ROUTE:
        verb = method.removeprefix("do_")
        return f"{verb.upper()} {kind.name}" if verb.lower() in VERBS else f"HTTP {kind.name}.{method}"
    return f"{row.what} {kind.name}.{method}".lstrip()
