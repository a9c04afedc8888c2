"""What handlers take that read the body of their request themselves: the class that they make of it, or names in it.

`Note.from_dict(await request.json())`, the same in a function that is given the request and the class, or `data["text"]`.
Wherever what was read goes elsewhere, nothing is known of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, Function, Where, last_name
from netra.guard.meaning.models import ALLOW, FORBID, IGNORE, extra
from netra.guard.members.members import MemberNames
from netra.guard.members.parents import MODELS, Parents
from netra.guard.members.signatures import Signatures
from netra.guard.requests.texts import argument
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, TypeOf

REQUESTS: Final = frozenset({"request", "req", "_request"})
VALIDATING: Final = frozenset({"model_validate", "parse_obj", "model_validate_json", "parse_raw"})
# What changes a dictionary, so that its names are no longer those that were sent.
CHANGING: Final = frozenset("setdefault pop popitem update clear rename replace lower camelize underscore".split())
BODY_OF_REQUESTS: Final = frozenset("json data body POST form".split())
BRANCHES: Final = frozenset("if else handler otherwise loop case".split())


@dataclass(frozen=True, slots=True)
class TakenBody:
    """The names that a handler takes in its body."""

    names: frozenset[str]
    required: tuple[str, ...]
    extra: str
    """What becomes of other names: "ignore", "allow" or "forbid"."""
    model: ClassSymbol | None
    """The class that is the whole body; None where each parameter is one name in it, or the handler asks for each."""
    validated: bool = True
    """The framework compares the two, and answers 422 where they differ."""


class OwnReading:
    """Answers about handlers that read bodies themselves; use `analysis.once(OwnReading)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._receivers = analysis.receivers
        self._program = analysis.program
        self._parents = analysis.once(Parents)
        self._members = analysis.once(MemberNames)
        self._signatures = analysis.once(Signatures)

    def taken(self, handler: FunctionSymbol) -> TakenBody | None:
        """What the handler takes; None when it does not read the body in one place, or hands on what it has read."""
        found = [(call, *each) for call in handler.facts.calls if (each := self._given_a_class(call, handler)) is not None]
        raw = [*_raw(handler)]
        match found, raw:
            case [(call, reader, given)], []:
                if any(
                    call is not other and _hands_request(other, handler)
                    for other in handler.facts.calls
                    if other in self._reading(handler)
                ):
                    return None
                return self._read_by(reader, given)
            case [], [_]:
                return self._made_here(handler) or _asked_directly(handler)
            case [], _:
                return _asked_directly(handler)
        return None

    def _reading(self, handler: FunctionSymbol) -> list[CallSite]:
        """Calls of functions of the program that read the body of the request that they are given."""
        found = []
        for call in handler.facts.calls:
            if _hands_request(call, handler):
                match self._receivers.value(call.callee, handler):
                    case Routine(function=function) if any(True for _ in _raw(function)):
                        found.append(call)
        return found

    def _given_a_class(self, call: CallSite, scope: FunctionSymbol) -> tuple[tuple[FunctionSymbol, str], ClassSymbol] | None:
        """`await read(request, NewNote)`: the function that reads, the parameter that is the class, and the class."""
        if not _hands_request(call, scope):
            return None
        given = [self._receivers.value(each, scope) for each in call.given]
        kinds = [each.kind for each in given if isinstance(each, TypeOf) and not each.kind.module.library]
        if len(kinds) != 1:
            return None
        match self._receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library and len([*_raw(function)]) == 1:
                for name in function.parameters:
                    value = argument(call, function, name, bound=bound)
                    if value is not None and self._receivers.value(value, scope) == TypeOf(kinds[0]):
                        return (function, name), kinds[0]
        return None

    def _read_by(self, reader: tuple[FunctionSymbol, str], kind: ClassSymbol) -> TakenBody | None:
        function, name = reader
        made = [each for call in function.facts.calls if (each := self._made(call, function, ("name", name), kind)) is not None]
        return made[0] if len(made) == 1 and name not in function.assigned and not _changes(function.facts) else None

    def _made_here(self, handler: FunctionSymbol) -> TakenBody | None:
        made = []
        for call in handler.facts.calls:
            named = call.callee if call.callee[0] == "name" or last_name(call.callee) not in VALIDATING else call.callee[1]
            for head in (named, call.callee[1] if call.callee[0] == "attribute" else named):
                match self._receivers.value(head, handler):
                    case TypeOf(kind=kind) if not kind.module.library:
                        if (each := self._made(call, handler, head, kind)) is not None:
                            made.append(each)
                        break
        if len(made) == 1 and not _changes(handler.facts):
            return made[0]
        return None if made else self._asked_for(handler)

    # --- a class that is made of what was read ---------------------------------------------------------------------------

    def _made(self, call: CallSite, scope: FunctionSymbol, head: Expression, kind: ClassSymbol) -> TakenBody | None:
        """What a call takes that makes an object of a class, named `head` here, of all that was read."""
        match call:
            case CallSite(callee=callee, arguments=(), keywords=(("**", data),)) if callee == head and _is_read(data, scope):
                return self._constructed(kind, filtered=False)
            case CallSite(callee=("attribute", on, str(way)), arguments=(data,), keywords=()) if on == head:
                if not _is_read(data, scope) and not _is_raw_text(data, scope):
                    return None
                if way in VALIDATING:
                    return self._constructed(kind, filtered=False) if self._parents.above(kind, MODELS) else None
                match self._receivers.attribute(TypeOf(kind), way):
                    case Routine(function=function) if not function.module.library:
                        filtered = _spreads(function)
                        return None if filtered is None else self._constructed(kind, filtered=filtered)
        return None

    def _constructed(self, kind: ClassSymbol, *, filtered: bool) -> TakenBody | None:
        if self._parents.above(kind, MODELS):
            taken, told = self._signatures.of_model(kind), extra(kind, self._program)
            if self._members.of(kind) is None and told != ALLOW:
                return None
        else:
            taken = self._signatures.of_constructor(kind)
            told = None if taken is None else ALLOW if taken.more_keywords else IGNORE if filtered else FORBID
        if taken is None or told is None:
            return None
        return TakenBody(taken.keywords, taken.required, told, kind, validated=False)

    # --- names that are asked for ----------------------------------------------------------------------------------------

    def _asked_for(self, handler: FunctionSymbol) -> TakenBody | None:
        """`data["text"]` and `data.get("title")`, where nothing else is done with what was read."""
        held = [name for name, given in handler.assigned.items() if any(_is_raw(each.value, handler.facts) for each in given)]
        if len(held) != 1 or len(handler.assigned[held[0]]) != 1 or held[0] in handler.facts.globals:
            return None
        name = held[0]
        if any(name in each.facts.loads for each in handler.children):
            return None
        data = ("name", name)
        gotten = [
            call.arguments[0][1]
            for call in handler.facts.calls
            if call.callee == ("attribute", data, "get") and call.arguments and call.arguments[0][0] == "string"
        ]
        needed: dict[str, None] = {}
        optional = dict.fromkeys(gotten)
        asked = 0
        for use in handler.facts.uses:
            if use.name != name:
                continue
            match use.where:
                case ("subscript", str(key)):
                    branches = any(
                        each.what in BRANCHES and each.line <= use.line <= each.end_line for each in handler.facts.blocks
                    )
                    (optional if branches else needed)[key] = None
                case ("attribute", "get"):
                    asked += 1
                case ("truth",):
                    pass
                case _:
                    return None
        if asked != len(gotten) or not (needed or optional):
            return None
        if any(each.target[0] == "subscript" and each.target[1] == data for each in handler.facts.assignments):
            return None
        required = tuple(each for each in needed if each not in optional)
        return TakenBody(frozenset((*needed, *optional)), required, IGNORE, None, validated=False)


def _asked_directly(handler: FunctionSymbol) -> TakenBody | None:
    """`request.json["name"]` and `request.json.get("size")`, where nothing else is done with what is read."""
    facts = handler.facts
    needed: dict[str, None] = {}
    optional: dict[str, None] = {}
    places: list[tuple[Where, int]] = []
    for each in facts.reads:
        if each.expression[2] in BODY_OF_REQUESTS and _is_request(each.expression[1]):
            if each.expression[2] != "json":
                return None
            places.append((each.where, each.line))
    for index, call in enumerate(facts.calls):
        if _is_raw_call(("call", index), facts):
            if last_name(call.callee) not in ("json", "get_json"):
                return None
            places.append((call.where[1] if call.where[0] == "await" else call.where, call.line))
        match call.callee, call.arguments:
            case ("attribute", data, "get"), (("string", str(key)), *_) if _is_raw(data, facts):
                optional[key] = None
            case ("attribute", data, _), _ if _is_raw(data, facts):
                return None
    for where, line in places:
        match where:
            case ("subscript", str(key)):
                branches = any(each.what in BRANCHES and each.line <= line <= each.end_line for each in facts.blocks)
                (optional if branches else needed)[key] = None
            case ("attribute", "get") | ("truth",):
                pass
            case _:
                return None
    if not needed and not optional:
        return None
    required = tuple(each for each in needed if each not in optional)
    return TakenBody(frozenset((*needed, *optional)), required, IGNORE, None, validated=False)


def _hands_request(call: CallSite, scope: FunctionSymbol) -> bool:
    given = call.given
    return any(_is_request(each) for each in given if each[0] == "name" and each[1] in scope.parameters)


def _is_request(expression: Expression) -> bool:
    return last_name(expression) in REQUESTS


def _raw(scope: FunctionSymbol) -> Iterator[Expression]:
    """Every place in which a function reads the body of a request."""
    for index in range(len(scope.facts.calls)):
        if _is_raw_call(("call", index), scope.facts):
            yield ("call", index)
    for each in scope.facts.reads:
        if each.expression[2] in BODY_OF_REQUESTS and _is_request(each.expression[1]):
            yield each.expression


def _is_raw_call(value: Expression, facts: Function) -> bool:
    if value[0] != "call":
        return False
    callee = facts.calls[value[1]].callee
    way = callee[2] if callee[0] == "attribute" else ""
    return way in ("json", "get_json", "body", "text", "read", "form", "post") and _is_request(callee[1])


def _is_raw(value: Expression, facts: Function) -> bool:
    """JSON out of a request, parsed: `await request.json()`, `json.loads(await request.body())`, `request.get_json()`."""
    match value:
        case ("await", ("call", int(index))):
            callee = facts.calls[index].callee
            return callee[0] == "attribute" and callee[2] == "json" and _is_request(callee[1])
        case ("call", int(index)):
            call = facts.calls[index]
            if last_name(call.callee) == "get_json" and call.callee[0] == "attribute":
                return _is_request(call.callee[1])
            if last_name(call.callee) == "loads" and len(call.arguments) == 1:
                match call.arguments[0]:
                    case ("await", ("call", int(inner))):
                        callee = facts.calls[inner].callee
                        return callee[0] == "attribute" and callee[2] in ("body", "text", "read") and _is_request(callee[1])
                    case ("attribute", on, "body" | "data"):
                        return _is_request(on)
            return False
        case ("attribute", on, "json"):
            return _is_request(on)
        case ("choice", (first, *_)):
            return _is_raw(first, facts)
    return False


def _is_read(value: Expression, scope: FunctionSymbol) -> bool:
    """What was read, or the only variable that holds it."""
    if value[0] == "name" and value[1] not in scope.parameters:
        given = scope.assigned.get(value[1], ())
        return len(given) == 1 and _is_raw(given[0].value, scope.facts)
    return _is_raw(value, scope.facts)


def _is_raw_text(value: Expression, scope: FunctionSymbol) -> bool:
    """The body as it came: `await request.body()`."""
    match scope.assigned.get(value[1]) if value[0] == "name" else None:
        case [only]:
            value = only.value
    return value[0] == "await" and _is_raw_call(value[-1], scope.facts)


def _changes(facts: Function) -> bool:
    """Something in the function may change the names in what was read."""
    if any(each.target[0] == "subscript" for each in facts.assignments):
        return True
    return any(call.callee[0] == "attribute" and call.callee[2] in CHANGING for call in facts.calls)


def _spreads(function: FunctionSymbol) -> bool | None:
    """Whether a class method leaves out what it does not know before it makes its object of the dictionary it is given.

    None where it does something else with it.
    """
    if function.facts.decorators and function.decorator_names != {"classmethod"}:
        return None
    parameters = [each.name for each in function.facts.parameters if each.position == "positional"]
    if len(parameters) != 2 or len(function.facts.parameters) != 2:
        return None
    made = [call for call in function.facts.calls if call.callee == ("name", parameters[0])]
    if len(made) != 1 or made[0].arguments or len(made[0].keywords) != 1 or made[0].keywords[0][0] != "**":
        return None
    if any(call.callee[0] == "attribute" and call.callee[2] in CHANGING for call in function.facts.calls):
        return None
    match made[0].keywords[0][1]:
        case ("name", str(name)) if name == parameters[1] and name not in function.assigned:
            return False
        case ("name", str(name)):
            first = [each.value for each in function.assigned.get(name, ())]
            stored = [each for each in function.facts.assignments if each.target[:2] == ("subscript", ("name", name))]
            if first == [("dict", ())] and stored and all(each.target[2][0] == "name" for each in stored):
                return True
            return True if len(first) == 1 and first[0][0] == "comprehension" and not stored else None
        case ("comprehension", "DictComp", _):
            return True
    return None
