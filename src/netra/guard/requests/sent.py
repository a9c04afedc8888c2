"""What the client says: in the query, a header, a form or the body, by way of the request or of what a route is given."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import SELF, CallSite, Expression, Parameter, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.parameters import INJECTED
from netra.guard.requests.claims import BODIES
from netra.guard.requests.singletons import has_fields
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance

# Where a request keeps what the client says, and how the body is read.
PLACES: Final = frozenset("query_params args headers form forms params media query GET POST values data json".split())
READING: Final = frozenset("json get_json post form get_media receive_json loads".split())
ASKING: Final = frozenset("get_argument get_query_argument get_body_argument get_param get_header getlist".split())
RAW: Final = frozenset("body data text read get_data receive_text receive recv message".split())

# What takes the text of a query apart, and how that is called.
PARSING: Final = frozenset({"parse_qs", "parse_qsl"})
QUERIES: Final = frozenset({"QUERY_STRING", "query_string", "query"})

# Of a function of these, clients fill the parameters that nothing else fills.
FILLED: Final = ("GraphQL", "MCP", "agent tool", "agent function_tool")
# And of these, what somebody says over a connection is in a parameter.
SAID: Final = ("socket event", "gRPC")
HEARING: Final = frozenset("receive receive_json on_receive on_message".split())
# Whatever a client is heard by.
HEARD_BY: Final = CARRIERS | {"socket"}
# Frameworks that give a function what stands in the path, and nothing else.
OF_PATH_ALONE: Final = {"flask", "quart"}
CONTEXTS: Final = frozenset("self cls info ctx context root parent request req response session".split())


class Sent:
    """Answers under which name a client sends something; use `analysis.once(Sent)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def in_path(self, expression: Expression, scope: FunctionSymbol) -> str | None:
        """The name of a parameter of a route that stands in its path."""
        entry = self._analysis.reach.entries.get(scope)
        if (
            entry is None
            or expression[0] != "name"
            or expression[1] not in scope.parameters
            or scope.assigned.get(expression[1])
        ):
            return None
        return expression[1] if entry.sort == ROUTE and _is_of_path(expression[1], entry.label) else None

    def name(self, expression: Expression, scope: FunctionSymbol, depth: int = 0) -> str | None:
        """The name under which the client says it, as `X-User-Id` and `user_id` are; None for what the client does not say."""
        if depth > 3:
            return None
        match expression:
            case ("await", inner):
                return self.name(inner, scope, depth)
            case ("subscript", source, ("string", str(key))) if self._is_place(source, scope):
                return _plain(key)
            case ("subscript", inner, ("constant", "int")):
                return self.name(inner, scope, depth + 1)  # the first of what `parse_qs` has found
            case ("call", int(index)):
                match scope.facts.calls[index]:
                    case CallSite(callee=("attribute", source, "get"), arguments=(("string", str(key)), *_)):
                        return _plain(key) if self._is_place(source, scope) else None
                    case CallSite(callee=("attribute", source, str(way)), arguments=(("string", str(key)), *_)) if (
                        way in ASKING
                    ):
                        return _plain(key) if source == SELF or last_name(source) in HEARD_BY else None
                    case CallSite(callee=("name", "getattr"), arguments=(source, ("string", str(key)), *_)):
                        return self.name(("attribute", source, key), scope, depth + 1)
                    case CallSite(callee=("name", "str" | "int" | "UUID"), arguments=(inner,)):
                        return self.name(inner, scope, depth + 1)
            case ("attribute", ("name", str(body)), str(name)) if self._is_body(body, scope):
                return _plain(name)
            case ("attribute", ("attribute", holder, "query" | "forms" | "params"), str(name)) if last_name(holder) in HEARD_BY:
                return _plain(name)
            case ("choice", (first, *others)) if others and all(each[0] in ("none", "string", "constant") for each in others):
                return self.name(first, scope, depth + 1)
            case ("name", str(name)) if name in scope.parameters:
                parameter = scope.facts.parameters[scope.parameters[name]]
                return _plain(name) if not scope.assigned.get(name) and self._is_filled(parameter, scope) else None
            case ("name", str(name)):
                given = scope.assigned.get(name, ())
                return self.name(given[0].value, scope, depth + 1) if len(given) == 1 and given[0].how == "=" else None
        return None

    def _is_place(self, source: Expression, scope: FunctionSymbol) -> bool:
        """`request.args`, `request.rel_url.query`, and the body that was read: `body = await request.json()`."""
        if source[0] == "name" and source[1] in scope.parameters:
            return self._is_said(source[1], scope) or (self._is_body(source[1], scope) and self._is_plain(source[1], scope))
        if source[0] == "name":
            given = scope.assigned.get(source[1], ())
            if len(given) == 1 and given[0].how.startswith("for"):
                return _is_heard(given[0].value, scope)
            return len(given) == 1 and given[0].how in ("=", "annotated") and self._is_place(given[0].value, scope)
        match source:
            case ("await", inner):
                return self._is_place(inner, scope)
            case ("choice", (first, *_)):
                return self._is_place(first, scope)
            case ("attribute", holder, str(name)):
                while holder[0] == "attribute" and holder[1] != SELF and holder[2] in ("rel_url", "url", "request"):
                    holder = holder[1]
                return name in PLACES and last_name(holder) in HEARD_BY
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if last_name(call.callee) in PARSING and len(call.arguments) == 1:
                    return _is_query(call.arguments[0], scope)
                if call.callee == ("name", "dict") and len(call.arguments) == 1 and call.arguments[0][0] == "call":
                    return self._is_place(call.arguments[0], scope)
                if call.callee[0] != "attribute" or call.callee[2] not in READING:
                    return False
                if call.callee[2] == "loads":
                    return len(call.arguments) == 1 and (
                        _is_raw(call.arguments[0], scope)
                        or (call.arguments[0][0] == "name" and self._is_said(call.arguments[0][1], scope))
                    )
                return last_name(call.callee[1]) in HEARD_BY
        return False

    def _is_said(self, name: str, scope: FunctionSymbol) -> bool:
        """What somebody says over a socket or calls from elsewhere, in a parameter of what hears it."""
        entry = self._analysis.reach.entries.get(scope)
        if entry is None or name in ("self", "sid") or scope.assigned.get(name) or scope.parameters.get(name) is None:
            return False
        number = scope.parameters[name] - (1 if scope.owner is not None else 0)
        if entry.label.startswith("gRPC"):
            return number == 0
        if entry.label.startswith("socket event"):
            return number >= 1
        return entry.sort == SOCKET and scope.owner is not None and scope.name in HEARING and name not in HEARD_BY

    def _is_plain(self, name: str, scope: FunctionSymbol) -> bool:
        """`payload: dict[str, Any]`."""
        annotation = scope.facts.parameters[scope.parameters[name]].annotation
        bare = annotation[1] if annotation is not None and annotation[0] == "subscript" else annotation
        return bare is not None and (last_name(bare) or "") in ("dict", "Dict", "Mapping", "Any", "Annotated")

    def _is_body(self, name: str, scope: FunctionSymbol) -> bool:
        """A parameter of a route that is an object of a class with fields, which the framework makes of the body."""
        if name not in scope.parameters or scope.assigned.get(name):
            return False
        entry = self._analysis.reach.entries.get(scope)
        if entry is not None and entry.label.startswith("gRPC"):
            return self._is_said(name, scope)
        parameter = scope.facts.parameters[scope.parameters[name]]
        if not self._is_filled(parameter, scope) or parameter.annotation is None:
            return False
        return name in BODIES or (scope.parent is not None and self._is_of_fields(parameter, scope.parent))

    def _is_of_fields(self, parameter: Parameter, around: FunctionSymbol) -> bool:
        """`request: Withdrawal`, where that is a class of the program with fields, and no request of a framework."""
        match self._analysis.receivers.annotated(parameter.annotation, around) if parameter.annotation is not None else None:
            case Instance(kind=kind) if not kind.module.library:
                return any(map(has_fields, self._analysis.program.order(kind)[0]))
        return False

    def _is_filled(self, parameter: Parameter, scope: FunctionSymbol) -> bool:
        """The client fills a parameter of an entry point: no dependency does, and it is no part of the path."""
        entry: EntryPoint | None = self._analysis.reach.entries.get(scope)
        around = scope.parent
        if entry is None or around is None or parameter.position not in ("positional", "keyword"):
            return False
        if parameter.name in CONTEXTS and not self._is_of_fields(parameter, around):
            return False
        if entry.sort == LISTENER and not entry.label.startswith(FILLED):
            return False
        if entry.sort not in (ROUTE, SOCKET, LISTENER) or _is_of_path(parameter.name, entry.label):
            return False
        if entry.sort != LISTENER and (entry.label.startswith("HTTP") or not scope.facts.decorators):
            return False  # Django, and what is added to a table of routes, gives what stands in the path
        imported = {each.module.partition(".")[0] for each in scope.module.top.facts.imports}
        if entry.sort == ROUTE and parameter.annotation is None and imported & OF_PATH_ALONE:
            return False  # what does not stand there comes from a decorator, which has found out who it is
        if self._analysis.receivers.parameters.dependency(parameter, around) is not None:
            return False
        if any(f"'{each}'" in f"{parameter.annotation} {parameter.default}" for each in INJECTED):
            return False
        default = parameter.default
        return default is None or default[0] != "call" or last_name(around.facts.calls[default[1]].callee) not in INJECTED


def _is_query(expression: Expression, scope: FunctionSymbol) -> bool:
    """`environ.get("QUERY_STRING", "")`, `scope["query_string"].decode()`, `urlparse(self.path).query`."""
    parts = [*within(expression, scope)]
    parts += [one for part in parts if part[0] == "call" for one in within(scope.facts.calls[part[1]].callee, scope)]
    texts = [part[1] if part[0] == "string" else part[2] for part in parts if part[0] in ("string", "attribute")]
    return any(each in QUERIES for each in texts)


def _is_raw(expression: Expression, scope: FunctionSymbol) -> bool:
    """The text of a body, or of what comes over a socket."""
    match expression:
        case ("await", inner):
            return _is_raw(inner, scope)
        case ("attribute", holder, str(name)):
            return name in RAW and last_name(holder) in HEARD_BY
        case ("call", int(index)):
            callee = scope.facts.calls[index].callee
            return callee[0] == "attribute" and callee[2] in RAW and last_name(callee[1]) in HEARD_BY
        case ("name", str(name)) if name not in scope.parameters:
            given = scope.assigned.get(name, ())
            if len(given) == 1 and given[0].how == "for async":
                return given[0].value[0] == "name" and given[0].value[1] in HEARD_BY  # `async for raw in ws`
            return len(given) == 1 and given[0].value[0] != "name" and _is_raw(given[0].value, scope)
    return False


def _is_heard(expression: Expression, scope: FunctionSymbol) -> bool:
    """`async for message in socket.iter_json()`."""
    callee = scope.facts.calls[expression[1]].callee if expression[0] == "call" else expression
    return bool(callee[0] == "attribute" and callee[2] == "iter_json")


def _is_of_path(name: str, label: str) -> bool:
    """`/users/{user_id}`, `/users/{user_id:int}`, `/users/<int:user_id>`."""
    return any(sign in label for sign in (f"{{{name}}}", f"{{{name}:", f"<{name}>", f":{name}>"))


def _plain(name: str) -> str:
    """`X-User-Id` and `userId` are `user_id`."""
    text = "".join(f"_{each.lower()}" if each.isupper() else each for each in name.replace("-", "_"))
    return "_".join(filter(None, text.split("_"))).removeprefix("x_")
