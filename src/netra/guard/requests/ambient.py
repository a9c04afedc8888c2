"""What frameworks give of a request without handing it to a function, and what says in a request who has sent it.

`request` and `session` of Flask are names of a module that stand for those of whoever is served; a handler of `socketserver`
finds its connection in `self`; a bearer token comes in the header `Authorization`, or through a security scheme of FastAPI.
"""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import SELF, TOP, Expression, Parameter, dotted, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.passing import pairs
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

# What stands for the request or the user of whoever is served, by its full name; true where it is one user's own.
NAMES: Final = {
    **{f"{library}.request": False for library in ("flask", "quart", "bottle", "flask.globals", "quart.globals")},
    **{f"{library}.session": True for library in ("flask", "quart", "flask.globals", "quart.globals", "cherrypy")},
    **{
        f"{library}.current_user": True
        for library in ("flask_login", "flask_jwt_extended", "flask_security", "flask_praetorian", "quart_auth")
    },
    "quart.websocket": True,
    "chainlit.user_session": True,
}
# What is called for it.
CALLS: Final = {
    **{
        f"flask_jwt_extended.{name}": True
        for name in ("get_jwt_identity", "get_jwt", "get_current_user", "get_jwt_header", "current_user")
    },
    **{f"aiohttp_session.{name}": True for name in ("get_session", "new_session")},
    **{f"aiohttp_security.{name}": True for name in ("authorized_userid", "check_authorized")},
    "mcp.server.auth.middleware.auth_context.get_access_token": True,
    "fastmcp.server.dependencies.get_access_token": True,
    "fastmcp.server.dependencies.get_http_request": False,
    "fastmcp.server.dependencies.get_http_headers": False,
}
LIBRARIES: Final = frozenset(each.partition(".")[0] for each in (*NAMES, *CALLS))

# By these a client says who it is, and proves it.
PROVING: Final = re.compile(
    r"(?:proxy[-_])?authorization|(?:x[-_])?(?:api|auth|session)[-_](?:key|token|id)|session(?:id)?|sid|jwt|bearer",
    re.IGNORECASE,
)
PROOFS: Final = frozenset({"headers", "cookies", "COOKIES", "META"})
SCHEMES: Final = re.compile(r"HTTPBearer|HTTPBasic|HTTPDigest|OAuth2\w*|APIKey\w+|OpenIdConnect")
SENT: Final = frozenset({"Header", "Cookie", "Security"})

# Of an object that a framework makes for one connection, what comes in over it.
ASKING: Final = (
    "socket event",
    "GraphQL",
    "gRPC",
    "discord",
    "slack",
    "telegram",
    "chainlit",
    "bot",
    "gradio",
    "page",
    "falcon",
    "dependency",
    "template tag",
    "dramatiq",
    "taskiq",
    "rasa",
)
OVER_HTTP: Final = frozenset({"streamable-http", "sse", "http", "streamable_http"})

# What stands for one call of a function by a library: with it, one person is answered.
WHOLE: Final = frozenset(
    """request req ctx context interaction inter update message msg event info say respond callback callback_query environ
    websocket ws writer""".split()
)
# Methods of a handler of Tornado that give what came with the request.
ARGUMENTS: Final = frozenset(
    """get_argument get_arguments get_body_argument get_body_arguments get_query_argument get_json_body get_cookie
    get_signed_cookie get_secure_cookie""".split()
)

# Words in the name of a `ContextVar` that say whose it is, and of others that hold something of whoever is served.
SOMEBODY: Final = frozenset("user sub subject tenant principal account identity actor member customer caller viewer".split())
OF_SOMEBODY: Final = SOMEBODY | frozenset("request websocket token credentials conversation chat".split())

OF_CONNECTION: Final = frozenset({"rfile", "request", "headers", "path", "scope"})
# And where it is told of it, before anything else.
OPENING: Final = frozenset("connect websocket_connect open setup on_connect connection_made prepare".split())


class Ambient:
    """Answers about one program; use `analysis.once(Ambient)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @lazily
    def _names(self) -> frozenset[str]:
        """The names under which a module imports anything of these libraries, and those of what they give."""
        found: set[str] = set()
        for scope in self._analysis.scopes:
            for each in scope.facts.imports:
                if each.module.partition(".")[0] in LIBRARIES:
                    found.add(each.bound)
        return frozenset(found)

    def name(self, name: str, scope: FunctionSymbol) -> tuple[str, bool] | None:
        """What a name stands for, with whether it is one user's own: `session` of Flask."""
        return self._known(NAMES, ("name", name), scope) if name in self._names else None

    def attribute(self, expression: Expression, scope: FunctionSymbol) -> tuple[str, bool] | None:
        """`flask.session`."""
        of_library = expression[1][0] == "name" and expression[1][1] in self._names
        return self._known(NAMES, expression, scope) if of_library else None

    def call(self, callee: Expression, scope: FunctionSymbol) -> tuple[str, bool] | None:
        """`get_jwt_identity()`, `self.get_argument("text")` of a handler, and `current_user.get()` of a `ContextVar`."""
        if callee[0] == "attribute" and callee[1] == SELF:
            own = callee[2] in ARGUMENTS and self.connection(scope) is None and scope in self._answering
            return (f"self.{callee[2]}", "cookie" in callee[2]) if own else None
        if callee[0] == "attribute" and callee[2] == "get" and last_name(callee[1]) in self._variables:
            return self._variable(callee[1], scope)
        root = callee
        while root[0] == "attribute":
            root = root[1]
        return self._known(CALLS, callee, scope) if root[0] == "name" and root[1] in self._names else None

    @lazily
    def _variables(self) -> frozenset[str]:
        """The names of the program's own variables that are set anew for each request."""
        named = (call.where for scope, _, call in self._analysis.calls_of("ContextVar") if scope.facts.sort == TOP)
        names = {where[1][1] for where in named if where[0] == "assign" and where[1][0] == "name"}
        return frozenset(each for each in names if OF_SOMEBODY.intersection(each.lower().split("_")))

    def is_at_hand(self, name: str) -> bool:
        """What is called so by `call` is found by every function of a request, whoever calls it: `current_user.get()`."""
        return name.endswith(".get()") and name.removesuffix(".get()") in self._variables

    def _variable(self, expression: Expression, scope: FunctionSymbol) -> tuple[str, bool] | None:
        match self._analysis.program.evaluate(expression, scope):
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP and name in self._variables:
                return f"{name}.get()", not SOMEBODY.isdisjoint(name.lower().split("_"))
        return None

    def _known(self, table: dict[str, bool], expression: Expression, scope: FunctionSymbol) -> tuple[str, bool] | None:
        match self._analysis.program.evaluate(expression, scope):
            case External(dotted=name) if name in table:
                return dotted(expression) or name, table[name]
        return None

    def is_asked(self, entry: EntryPoint) -> bool:
        """A library calls the function for one of many users at a time, with what they have said."""
        if entry.sort != LISTENER:
            return False
        if entry.label.startswith("MCP"):
            return self._speaks_http
        return entry.label.startswith(ASKING)

    @lazily
    def _speaks_http(self) -> bool:
        """The program's MCP server has more than the one client that has started it."""
        if self._analysis.calls_of("streamable_http_app", "sse_app", "http_app", "SseServerTransport", "run_http_async"):
            return True
        if self._analysis.calls_of("StreamableHTTPSessionManager", "create_sse_server", "run_streamable_http_async"):
            return True
        given = (
            value
            for _, _, call in self._analysis.calls_of("run", "run_async")
            for key, value in call.keywords
            if key == "transport"
        )
        return any(each[0] == "string" and each[1] in OVER_HTTP for each in given)

    @lazily
    def _answering(self) -> frozenset[FunctionSymbol]:
        """The methods of which a framework calls one for each request."""
        return frozenset(each.function for each in self._analysis.reach.entries.values() if each.sort == ROUTE)

    def connection(self, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class of a method whose object a framework makes for one connection, and keeps for as long as that."""
        kind = scope.object_of
        return kind if kind in self._connections else None

    @lazily
    def _connections(self) -> frozenset[ClassSymbol]:
        """The classes of which a method without a decorator answers a connection, with those between them and the library."""
        entries = self._analysis.reach.entries.values()
        answering = {each.function.owner for each in entries if each.sort == SOCKET and not each.function.facts.decorators}
        return frozenset(
            above
            for kind in answering
            if kind is not None
            for above in self._analysis.program.order(kind)[0]
            if not above.module.library
        )

    def is_whole(self, value: Expression, scope: FunctionSymbol, depth: int = 5) -> bool:
        """A value is all that a framework gives for one call: the request, the context of a command, what answers it."""
        if value[0] != "name" or depth == 0:
            return False
        name = value[1]
        given = scope.assigned.get(name, ())
        if len(given) == 1 and given[0].value[0] == "call":
            return last_name(scope.facts.calls[given[0].value[1]].callee) == "WebSocketResponse"
        if given or name not in scope.parameters:
            return False
        entry = self._analysis.reach.entries.get(scope)
        if entry is not None and (entry.sort in (ROUTE, SOCKET) or self.is_asked(entry) or name in ("request", "environ")):
            return name in WHOLE
        found: list[bool] = []
        for caller, index in self._analysis.program.calls_named.get(scope.name, ()):
            call = caller.facts.calls[index]
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=function, bound=bound) if function is scope and not caller.module.in_tests:
                    passed = dict(pairs(call, scope, 1 if bound and scope.owner is not None else 0)).get(name)
                    found.append(passed is not None and self.is_whole(passed, caller, depth - 1))
        return any(found)

    def proves(self, parameter: Parameter, scope: FunctionSymbol) -> bool:
        """A parameter gets what the client proves itself with: of a header or cookie, or of a security scheme."""
        around = scope.parent
        if around is None:
            return False
        said = [each for each in (parameter.default, parameter.annotation) if each is not None]
        for each in (part for one in said for part in within(one, around) if part[0] == "call"):
            call = around.facts.calls[each[1]]
            if last_name(call.callee) in SENT and PROVING.fullmatch(parameter.name):
                return True
            if last_name(call.callee) in ("Depends", "Security") and call.arguments:
                return self._is_scheme(call.arguments[0], around)
        return False

    def _is_scheme(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """`HTTPBearer()`, or a name for one."""
        match expression:
            case ("call", int(index)):
                return SCHEMES.fullmatch(last_name(scope.facts.calls[index].callee) or "") is not None
            case ("name" | "attribute", *_):
                match self._analysis.program.evaluate(expression, scope):
                    case VariableSymbol(scope=at, name=name):
                        given = at.assigned.get(name, ())
                        return len(given) == 1 and given[0].value[0] == "call" and self._is_scheme(given[0].value, at)
        return False


def is_proof(source: Expression, key: Expression) -> bool:
    """`headers["Authorization"]`, `cookies.get("session")`: what a client sends along to say who it is."""
    return key[0] == "string" and last_name(source) in PROOFS and PROVING.fullmatch(key[1].removeprefix("HTTP_")) is not None
