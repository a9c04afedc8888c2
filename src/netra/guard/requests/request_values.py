"""Which parameters hold what a client has sent, through the calls between a route and a function, and what was checked."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import OTHER, Assignment, CallSite, Expression, Parameter, last_name
from netra.guard.meaning.expressions import written
from netra.guard.requests.chats import is_of_chat, is_said, key_said
from netra.guard.requests.compared import TRIMMING, is_held_against, is_one_compared, only_trims, only_value, takes_quotes
from netra.guard.requests.deferred import DeferredCalls
from netra.guard.requests.on_request import OnRequest
from netra.guard.requests.words import BROUGHT, CARRIERS, HANDLERS
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Foreign, Instance, Plain, Routine, Step, TypeOf

# Values of these hold no text that anybody could choose.
HARMLESS: Final = frozenset(
    """int float bool UUID UUID1 UUID3 UUID4 UUID5 date datetime time timedelta Decimal Enum Literal PositiveInt NonNegativeInt
    PositiveFloat NonNegativeFloat conint confloat PastDate FutureDate AwareDatetime""".split()
)
# What says in an annotation or a default which texts there may be, and in a path that there is a number.
LIMITING: Final = frozenset({"pattern", "regex"})
OF_NUMBERS: Final = r"<(?:int|float|uuid|slug):{0}>|<{0}:(?:int|float|uuid)>|\{{{0}:(?:int|float|uuid|decimal|date)\}}"
CHECKING: Final = frozenset("fullmatch match isalnum isidentifier isdigit isnumeric isdecimal isalpha UUID index".split())
QUOTING: Final = re.compile("quote|escape|saniti|identifier|validate|valid_|is_valid|check_|allowed|safe")

# What a request is asked for, by the names of the frameworks beside those that all rules know.
ASKED: Final = BROUGHT | frozenset(
    """GET POST COOKIES META data params forms media matchdict view_args content_params query_string arguments
    get_json get_data get_param get_media receive_text receive_json receive_str receive post text""".split()
)
# What an object asks that is made for one request and has it.
ASKING: Final = frozenset(
    "get_argument get_arguments get_query_argument get_query_arguments get_body_argument get_body_arguments".split()
)
# The request that is being answered, as frameworks have it for everybody.
GLOBAL: Final = frozenset({"flask.request", "quart.request", "bottle.request"})

# What gives text that is made of the text that it is called on.
PARTING: Final = frozenset("split rsplit partition rpartition splitlines".split())
# And what somebody says over a connection is got by.
HEARING: Final = frozenset("recv readline readuntil readexactly iter_text iter_json iter_bytes".split())
LISTED: Final = frozenset("items values keys copy model_dump dict to_dict dump".split())
KEEPING: Final = PARTING | TRIMMING | HEARING | LISTED | frozenset("get getlist get_list pop decode".split()) | ASKED
# Functions that give what they are given, or all that is in it.
PASSING: Final = frozenset("str list tuple sorted set enumerate reversed loads unquote unquote_plus cast dict zip".split())

# Names between a value and what it comes from.
LONGEST: Final = 6

# What frameworks of agents run of a tool.
RUN_BY_MODELS: Final = frozenset("run arun _run _arun execute call __call__ forward invoke ainvoke".split())

# Listeners that a client or a model speaks to, by how they are known, and those that hear whatever is said.
TALKED_TO: Final = ("MCP", "agent", "GraphQL", "discord", "slack", "telegram", "chainlit", "socket event", "bot")
HEARS: Final = ("socket event", "gRPC")

# Calls between a route and the function that uses the value.
FURTHEST: Final = 4
MOST_SITES: Final = 40


class Root(NamedTuple):
    """What a value is a piece of, as far as a function tells: a parameter, with the field that is read of it, or a request."""

    name: str
    field: str | None
    request: str = ""
    """What tells that it is a request, and that the value is something that its client sends with it."""


class RequestValues:
    """Follows parameters up to the routes that fill them."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._on_request = analysis.once(OnRequest)
        self._later = analysis.once(DeferredCalls)
        self._known: dict[tuple[FunctionSymbol, str], tuple[Step, ...] | None] = {}

    def sent(self, scope: FunctionSymbol, name: str, depth: int = FURTHEST) -> tuple[Step, ...] | None:
        """How a client's text gets into a parameter: the steps from the route down. None when no way is seen."""
        key = (scope, name)
        if key not in self._known:
            self._known[key] = None  # what a function that calls itself finds
            self._known[key] = self._sent(scope, name, depth)
        return self._known[key]

    def _sent(self, scope: FunctionSymbol, name: str, depth: int) -> tuple[Step, ...] | None:
        if name not in scope.parameters or name in ("self", "cls") or self.is_checked(scope, name):
            return None
        number = scope.parameters[name]
        parameter = scope.facts.parameters[number]
        if parameter.annotation is not None and self._is_harmless(parameter.annotation, scope):
            return None
        entry = self._analysis.reach.entries.get(scope)
        if self._is_limited(parameter, scope):
            return None
        if entry is not None and entry.sort in (ROUTE, SOCKET):
            injected = self._analysis.receivers.parameters.is_injected(parameter, scope)
            note = f"{entry.label} takes `{name}` from the client"
            number_in_path = re.search(OF_NUMBERS.format(re.escape(name)), entry.label)
            return None if injected or number_in_path else (Step(scope.module.path, scope.facts.line, note),)
        if entry is not None and is_of_chat(entry) and is_said(scope, name):
            return (Step(scope.module.path, scope.facts.line, f"somebody writes `{name}` of {entry.label} in a chat"),)
        if entry is not None and entry.sort == LISTENER and parameter.position in ("positional", "keyword"):
            return self._heard(entry, scope, parameter)
        sites = [each for called in self._called(scope) for each in self._analysis.program.calls_named.get(called, ())]
        if depth == 0 or len(sites) > MOST_SITES:
            return None
        calls = [(caller, caller.facts.calls[index]) for caller, index in sites]
        for caller, call in (*calls, *[(each.scope, each.call) for each in self._later.of(scope.name)]):
            given = self._given(caller, call, scope, number, name)
            if given is None or caller.module.in_tests or (given[0] != "name" and self.is_harmless_value(given, caller)):
                continue
            above = self.arrived(given, caller, depth - 1)
            if above is not None:
                note = f"which hands it on to `{written(call.callee, caller)}`"
                return (*above, *_put_into_text(given, caller), Step(caller.module.path, call.line, note))
        return None

    def _called(self, scope: FunctionSymbol) -> tuple[str, ...]:
        """The names by which a function is called: a constructor by those of its class, and of the classes below."""
        if scope.name != "__init__" or scope.owner is None:
            return (scope.name,)
        return tuple({each.name: None for each in (scope.owner, *self._analysis.program.subclasses.get(scope.owner, ()))})

    def _heard(self, entry: EntryPoint, scope: FunctionSymbol, parameter: Parameter) -> tuple[Step, ...] | None:
        """What somebody says to a bot or over a connection, and what a model says to a tool, is a text or holds some."""
        if not entry.label.startswith(TALKED_TO):
            return None
        if parameter.annotation is None:
            said = entry.label.startswith(HEARS) and parameter.name not in ("self", "sid", "request", "context")
        else:
            said = "'str'" in str(parameter.annotation) or (
                "call_tool" in entry.label and last_name(_bare(parameter.annotation)) == "dict"
            )
        of_model = entry.label.startswith(("MCP", "agent"))
        note = f"a model chooses `{parameter.name}` of {entry.label}" if of_model else f"{entry.label} hears `{parameter.name}`"
        return (Step(scope.module.path, scope.facts.line, note),) if said else None

    def _is_limited(self, parameter: Parameter, scope: FunctionSymbol) -> bool:
        """`Annotated[str, Query(pattern="…")]`, `= Query("name", regex="…")`: the framework looks at the text."""
        around = scope.parent or scope
        told = [parameter.default]
        if (
            parameter.annotation is not None
            and parameter.annotation[0] == "subscript"
            and parameter.annotation[2][0] == "tuple"
        ):
            told += parameter.annotation[2][1]
        return any(_is_limiting(each, around) for each in told if each is not None)

    def arrived(self, value: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> tuple[Step, ...] | None:
        """How a client's text gets into an expression; None when no way is seen."""
        root = self.root(value, scope)
        if root is None:
            return None
        if root.request:
            return (Step(scope.module.path, scope.facts.line, root.request),)
        return self.sent(scope, root.name, depth)

    def root(self, value: Expression, scope: FunctionSymbol) -> Root | None:
        """What a value is a piece of; None where that is not seen, or what it can be is known."""
        asked = said = False
        field: str | None = None
        for _ in range(LONGEST):
            match value:
                case ("attribute", ("name", "self"), "request") if asked and _is_handler(scope):
                    return Root("self", field, "`self.request` is the request, and this comes with it")
                case ("attribute", ("name", "self"), "kwargs") if _is_handler(scope):
                    return Root("self", field, "`self.kwargs` is what stands in the path of the request")
                case ("attribute" | "subscript", inner, key):
                    asked, said = asked or key in ASKED, said or key_said(key)
                    field = key if isinstance(key, str) else key[1] if key[0] == "string" else field
                    value = inner
                case ("await", inner):
                    value = inner
                case ("choice", parts) if (one := only_value(parts)) is not None and not is_one_compared(one, scope):
                    value = one  # `request.args.get("name") or ""`
                case ("comprehension", _, element) | ("star", element):
                    value = element
                case ("formatted", parts) if (one := only_value(parts)) is not None:
                    value = one
                case ("call", int(index)):
                    call = scope.facts.calls[index]
                    callee = call.callee
                    if last_name(callee) in PASSING and call.arguments:
                        value = call.arguments[-1 if last_name(callee) == "cast" else 0]
                    elif callee[0] == "attribute" and callee[2] == "join" and callee[1][0] == "string" and call.arguments:
                        value = call.arguments[0]
                    elif callee[0] != "attribute" or (callee[2] == "replace" and takes_quotes(call)):
                        return None
                    elif callee[2] == "replace":
                        value = callee[1]
                    elif callee[2] in ASKING and callee[1] == ("name", "self"):
                        return Root("self", field, f"`self.{callee[2]}` gives what comes with the request")
                    elif callee[2] in KEEPING:
                        asked = asked or callee[2] in ASKED or callee[2] in HEARING
                        if callee[2] in ("get", "pop") and call.arguments and call.arguments[0][0] == "string":
                            field = call.arguments[0][1]
                        value = callee[1]
                    else:
                        return None
                case ("name", str(name)) if name in CARRIERS and name in scope.parameters:
                    return Root(name, field, f"`{name}` is the request, and this comes with it") if asked else None
                case ("name", str(name)) if name in scope.parameters:
                    in_chat = said and is_of_chat(self._analysis.reach.entries.get(scope))
                    return Root(name, field, f"somebody has written this of `{name}` in a chat" if in_chat else "")
                case ("name", "request") if asked and self._is_of_framework(scope):
                    return Root("request", field, "this comes with the request that is being answered")
                case ("name", str(name)):
                    assigned = [each for each in scope.assigned.get(name, ()) if not only_trims(each.value, name, scope)]
                    if len(assigned) != 1 or not _is_its_text(assigned[0], scope) or self.is_compared(scope, name, field):
                        return None
                    # `async for message in websocket`
                    asked = asked or assigned[0].how == "for async"
                    value = assigned[0].value
                case _:
                    return None
        return None

    def _is_of_framework(self, scope: FunctionSymbol) -> bool:
        """`request` is the one that is answered at the moment."""
        match self._analysis.program.lookup("request", scope):
            case External(dotted=dotted):
                return dotted in GLOBAL
        return False

    def chosen_by_model(self, scope: FunctionSymbol, name: str, field: str | None) -> tuple[Step, ...] | None:
        """A text that a model chooses when it has an agent run a tool: a parameter of its method, or a field of one."""
        told = self.told_to_model(scope, name, field)
        if told is None or last_name(told) != "str" or scope.owner is None or self.is_checked(scope, name):
            return None
        what = name if field is None else f"{name}.{field}"
        return (Step(scope.module.path, scope.facts.line, f"a model chooses `{what}` when it has `{scope.owner.name}` run"),)

    def told_to_model(self, scope: FunctionSymbol, name: str, field: str | None) -> Expression | None:
        """What a tool of an agent says of an argument that a model gives it, by its annotation."""
        owner = scope.owner
        if owner is None or scope.name not in RUN_BY_MODELS or name not in scope.parameters or name in ("self", "cls"):
            return None
        bases = (base for each in self._analysis.program.order(owner)[0] for base in each.facts.bases)
        if not any((last_name(each) or "").endswith("Tool") for each in bases):
            return None
        return self._annotation_of_field(owner, field) if field else scope.facts.parameters[scope.parameters[name]].annotation

    def _annotation_of_field(self, owner: ClassSymbol, field: str) -> Expression | None:
        """Of a class of arguments that stands in a tool, or that it names."""
        inside = [each for each in owner.module.classes if each.facts.scope == owner.facts.body]
        for each in owner.body.assigned.get("args_schema", ()):
            match self._analysis.program.evaluate(each.value, owner.body):
                case ClassSymbol() as kind:
                    inside.append(kind)
        found = [one.annotation for each in inside for one in each.body.assigned.get(field, ())]
        return found[0] if len(found) == 1 else None

    def _given(
        self, caller: FunctionSymbol, call: CallSite, scope: FunctionSymbol, number: int, name: str
    ) -> Expression | None:
        match self._analysis.receivers.value(call.callee, caller):
            case Routine(function=function, bound=bound) if function is scope:
                position = number - (1 if bound and scope.owner is not None else 0)
            case TypeOf(kind=made) if (
                scope.name == "__init__" and self._analysis.receivers.parameters.constructor(made) is scope
            ):
                position = number - 1
            case None | Foreign() if call.callee[0] == "attribute" and scope.owner is not None:
                # `request["people"].find(name)`, where middleware has put a `People` there.
                kind = self._on_request.kind(call.callee[1])
                if kind is None or scope.owner not in self._analysis.program.order(kind)[0]:
                    return None
                position = number - 1
            case _:
                return None
        for key, value in call.keywords:
            if key == name:
                return value
        return call.arguments[position] if 0 <= position < len(call.arguments) else None

    def is_checked(self, scope: FunctionSymbol, name: str) -> bool:
        """The function compares the text with a list or a pattern, quotes it, or gives the name another value."""
        given = [each for each in scope.assigned.get(name, ()) if not only_trims(each.value, name, scope)]
        return bool(given) or self.is_compared(scope, name)

    def is_compared(self, scope: FunctionSymbol, name: str, field: str | None = None) -> bool:
        """A test of the function holds the text against a list or another text, or something checks or quotes it.

        Where it is a `field` of what has the name, only a test of that field is meant.
        """
        tests = [each for block in scope.facts.blocks if block.what in ("if", "loop") for each in block.expressions]
        if field is None and any(block.what == "case" and ("name", name) in block.expressions for block in scope.facts.blocks):
            return True
        # `where(Person.name == name)` is no test: it is part of a statement.
        if any(is_held_against(name, field, each, scope) for each in (*tests, *(each for each, _ in scope.facts.asserts))):
            return True
        for use in scope.facts.uses:
            if use.name != name:
                continue
            match use.where:
                case ("attribute", "isalnum" | "isidentifier" | "isdigit" | "value" | "translate"):
                    return True
                case ("attribute", "replace"):
                    replacing = ("attribute", ("name", name), "replace")
                    if any(call.callee == replacing and takes_quotes(call) for call in scope.facts.calls):
                        return True
                case ("argument", int(index), _):
                    called = (last_name(scope.facts.calls[index].callee) or "").lower()
                    if called in CHECKING or QUOTING.search(called):
                        return True
        return False

    def _is_harmless(self, annotation: Expression, scope: FunctionSymbol) -> bool:
        text = str(annotation)
        if any(f"'{name}'" in text for name in HARMLESS):
            return True
        match self._analysis.receivers.annotated(annotation, scope.parent or scope):
            case Instance(kind=kind):
                return self._is_enum(kind)
        return False

    def is_harmless_value(self, expression: Expression, scope: FunctionSymbol) -> bool:
        match self._analysis.receivers.value(expression, scope):
            case Plain(name=name):
                return name != "str"
            case Instance(kind=kind):
                return self._is_enum(kind)
        return False

    def _is_enum(self, kind: ClassSymbol) -> bool:
        bases = (base for each in self._analysis.program.order(kind)[0] for base in each.facts.bases)
        return any((last_name(base) or "").endswith("Enum") for base in bases)


def _put_into_text(value: Expression, scope: FunctionSymbol) -> Iterator[Step]:
    """Where a text is put together that is handed on: `clauses = [f"name = '{each}'" for each in names]`."""
    if value[0] == "call" and last_name(scope.facts.calls[value[1]].callee) == "join":
        value = scope.facts.calls[value[1]].arguments[0] if scope.facts.calls[value[1]].arguments else OTHER
    for each in scope.assigned.get(value[1], ()) if value[0] == "name" else ():
        made = each.value[2] if each.value[0] == "comprehension" else each.value
        if made[0] == "formatted" and len(made[1]) > 1:
            yield Step(scope.module.path, each.line, "the text is put together here")
            return


def _is_limiting(told: Expression, scope: FunctionSymbol) -> bool:
    return told[0] == "call" and any(key in LIMITING for key, _ in scope.facts.calls[told[1]].keywords)


def _bare(annotation: Expression) -> Expression:
    return annotation[1] if annotation[0] == "subscript" else annotation


def _is_handler(scope: FunctionSymbol) -> bool:
    """A method of a view, of which an object is made for each request."""
    bases = scope.owner.facts.bases if scope.owner is not None else ()
    return any((last_name(each) or "").endswith((*HANDLERS, "View", "Endpoint", "Mixin")) for each in bases)


def _is_its_text(assigned: Assignment, scope: FunctionSymbol) -> bool:
    """What a name gets is the whole of a value, a piece of a text (`name, _, rest = text.partition(",")`), or one of several
    that nothing looks at before.
    """
    match assigned.how, assigned.value:
        case ("=" | "annotated", _):
            return True
        case ("unpack", ("call", int(index))):
            return last_name(scope.facts.calls[index].callee) in PARTING | LISTED | {"enumerate", "zip"}
        case ("for" | "for async", _):
            name = last_name(assigned.target)
            # Whether there is anything in it says nothing of what that is.
            return not any(each.name == name and each.where[0] == "compare" for each in scope.facts.uses)
    return False
