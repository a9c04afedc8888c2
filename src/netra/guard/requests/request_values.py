"""Which parameters hold what a client has sent, through the calls between a route and a function, and what was checked."""

from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import Assignment, CallSite, Expression, last_name
from netra.guard.meaning.expressions import written
from netra.guard.requests.on_request import OnRequest
from netra.guard.requests.words import BROUGHT, CARRIERS, HANDLERS
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Foreign, Instance, Plain, Routine, Step

# Values of these hold no text that anybody could choose.
HARMLESS: Final = frozenset("int float bool UUID date datetime time timedelta Decimal Enum Literal".split())
CHECKING: Final = frozenset("fullmatch match isalnum isidentifier isdigit isnumeric isdecimal isalpha UUID index".split())
QUOTING: Final = ("quote", "escape", "saniti", "identifier", "validate", "valid_", "is_valid", "check_", "allowed", "safe")

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
KEEPING: Final = PARTING | frozenset("strip lstrip rstrip lower upper title casefold get getlist decode".split()) | ASKED

# Names between a value and what it comes from.
LONGEST: Final = 6

# What frameworks of agents run of a tool.
RUN_BY_MODELS: Final = frozenset("run arun _run _arun execute call __call__ forward invoke ainvoke".split())

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
        if entry is not None and entry.sort in (ROUTE, SOCKET):
            injected = self._analysis.receivers.parameters.is_injected(parameter, scope)
            note = f"{entry.label} takes `{name}` from the client"
            return None if injected else (Step(scope.module.path, scope.facts.line, note),)
        if entry is not None and entry.sort == LISTENER and "tool" in entry.label and parameter.position == "positional":
            told = parameter.annotation is not None and last_name(parameter.annotation) == "str"
            return (Step(scope.module.path, scope.facts.line, f"a model chooses `{name}` of {entry.label}"),) if told else None
        sites = self._analysis.program.calls_named.get(scope.name, ())
        if depth == 0 or len(sites) > MOST_SITES:
            return None
        for caller, index in sites:
            given = self._given(caller, index, scope, number, name)
            if given is None or caller.module.in_tests or (given[0] != "name" and self.is_harmless_value(given, caller)):
                continue
            above = self.arrived(given, caller, depth - 1)
            if above is not None:
                call = caller.facts.calls[index]
                note = f"which hands it on to `{written(call.callee, caller)}`"
                return (*above, Step(caller.module.path, call.line, note))
        return None

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
        asked = False
        field: str | None = None
        for _ in range(LONGEST):
            match value:
                case ("attribute", ("name", "self"), "request") if asked and _is_handler(scope):
                    return Root("self", field, "`self.request` is the request, and this comes with it")
                case ("attribute" | "subscript", inner, key):
                    asked = asked or key in ASKED
                    field = key if isinstance(key, str) else field
                    value = inner
                case ("await", inner):
                    value = inner
                case ("choice", (one, ("none",) | ("string", ""))) if not _is_compared(one, scope):
                    value = one  # `request.args.get("name") or ""`
                case ("call", int(index)):
                    call = scope.facts.calls[index]
                    callee = call.callee
                    if callee == ("name", "str") and call.arguments:
                        value = call.arguments[0]
                    elif callee[0] != "attribute" or (callee[2] == "replace" and _takes_quotes(call)):
                        return None
                    elif callee[2] in ASKING and callee[1] == ("name", "self"):
                        return Root("self", field, f"`self.{callee[2]}` gives what comes with the request")
                    elif callee[2] in KEEPING:
                        asked = asked or callee[2] in ASKED
                        value = callee[1]
                    else:
                        return None
                case ("name", str(name)) if name in CARRIERS and name in scope.parameters:
                    return Root(name, field, f"`{name}` is the request, and this comes with it") if asked else None
                case ("name", str(name)) if name in scope.parameters:
                    return Root(name, field)
                case ("name", "request") if asked and self._is_of_framework(scope):
                    return Root("request", field, "this comes with the request that is being answered")
                case ("name", str(name)):
                    assigned = scope.assigned.get(name, ())
                    if len(assigned) != 1 or not _is_its_text(assigned[0], scope) or self.is_compared(scope, name):
                        return None
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

    def _given(self, caller: FunctionSymbol, index: int, scope: FunctionSymbol, number: int, name: str) -> Expression | None:
        call = caller.facts.calls[index]
        match self._analysis.receivers.value(call.callee, caller):
            case Routine(function=function, bound=bound) if function is scope:
                position = number - (1 if bound and scope.owner is not None else 0)
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
        return bool(scope.assigned.get(name)) or self.is_compared(scope, name)

    def is_compared(self, scope: FunctionSymbol, name: str) -> bool:
        """A test of the function holds the text against a list or another text, or something checks or quotes it."""
        tests = [each for block in scope.facts.blocks if block.what in ("if", "loop") for each in block.expressions]
        # `where(Person.name == name)` is no test: it is part of a statement.
        if any(_is_held_against(name, each) for each in (*tests, *(each for each, _ in scope.facts.asserts))):
            return True
        for use in scope.facts.uses:
            if use.name != name:
                continue
            match use.where:
                case ("attribute", "isalnum" | "isidentifier" | "isdigit" | "replace" | "value" | "translate"):
                    return True
                case ("argument", int(index), _):
                    called = (last_name(scope.facts.calls[index].callee) or "").lower()
                    if called in CHECKING or any(word in called for word in QUOTING):
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


def _is_compared(value: Expression, scope: FunctionSymbol) -> bool:
    """`column if column in COLUMNS else ""`: it may be what was tested."""
    return value[0] == "name" and any(each.name == value[1] and each.where[0] == "compare" for each in scope.facts.uses)


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
            return last_name(scope.facts.calls[index].callee) in PARTING
        case ("for" | "for async", _):
            name = last_name(assigned.target)
            return not any(each.name == name and each.where[0] in ("compare", "truth") for each in scope.facts.uses)
    return False


def _takes_quotes(call: CallSite) -> bool:
    r"""`value.replace("'", "\"")`: what would end the text in the statement is gone."""
    return bool(call.arguments) and call.arguments[0] in (("string", "'"), ("string", '"'))


def _is_held_against(name: str, test: Expression) -> bool:
    """A test compares a name with more than None and the empty text."""
    match test:
        case ("compare", (("name", asked), ("none",) | ("string", "")), _) if asked == name:
            return False
        case ("compare", parts, _):
            return any(part == ("name", name) or f"('name', '{name}')" in str(part) for part in parts)
        case ("choice", parts):
            return any(_is_held_against(name, part) for part in parts)
        case ("not", inner):
            return _is_held_against(name, inner)
    return False
