"""What a route takes as the body of a request, and what a request sends: the names at the top of the JSON object on both sides.

Only what is written down counts. A body that is put together elsewhere, or a handler that reads the request itself, is not
known, and neither is compared with anything.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, CallSite, Expression, Parameter, last_name
from netra.guard.meaning.models import ALLOW, IGNORE, decorated_as, extra
from netra.guard.members.members import MemberNames
from netra.guard.members.parents import MODELS, Parents
from netra.guard.members.signatures import Signatures
from netra.guard.requests.senders import SentRequest
from netra.guard.requests.taking import OwnReading, TakenBody
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Plain, Routine

DUMPING: Final = frozenset({"model_dump", "dict"})
# What leaves fields out of a dump that are not known, or gives them other names.
CHANGING: Final = frozenset({"include", "exclude", "by_alias", "**"})
SENDING: Final = frozenset({"json", "data", "content"})
READING: Final = frozenset("dumps len print debug info warning error exception".split())
ASKING: Final = frozenset("get items keys values copy".split())
# Parameters that are no part of a JSON body, and those that make the body something else.
OF_BODIES: Final = frozenset({"Body"})
NO_BODIES: Final = frozenset("Depends Security Query Path Header Cookie Inject Provide Parameter".split())
NO_SCALARS: Final = frozenset({"dict", "list", "set", "tuple"})
ELLIPSIS: Final = ("constant", "ellipsis")
FALSE: Final = ("constant", "bool", False)
OF_FORMS: Final = frozenset({"Form", "File"})
INJECTING: Final = frozenset({"Depends", "Security"})
KNOWN: Final = OF_BODIES | NO_BODIES | OF_FORMS


class _BodyParameter(NamedTuple):
    """A parameter that is the body of a request, or one name in it."""

    name: str
    required: bool
    embedded: bool
    """It is one name in the body even where it is the only one."""
    kind: ClassSymbol | None


class Bodies:
    """Answers about bodies; use `analysis.once(Bodies)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._receivers = analysis.receivers
        self._parents = analysis.once(Parents)
        self._members = analysis.once(MemberNames)
        self._signatures = analysis.once(Signatures)
        self._own_reading = analysis.once(OwnReading)

    # --- what is taken ---------------------------------------------------------------------------------------------------

    def taken(self, handler: FunctionSymbol) -> TakenBody | None:
        """What the handler takes; None when that is not known, or when it takes no JSON."""
        around = handler.parent
        if around is None:
            return None
        parts: list[_BodyParameter] = []
        more = False
        for parameter in handler.facts.parameters[1 if handler.owner is not None else 0 :]:
            told = self._told(parameter, around)
            if (told and told not in KNOWN) or (told in INJECTING and self._takes_more(parameter, around)):
                more = True  # `limit: int = LimitBody()`: it may take names of its own out of the body
                continue
            if told in NO_BODIES or last_name(parameter.annotation or ()) in ("Request", "WebSocket"):
                continue
            if told in OF_FORMS or parameter.position in ("arguments", "keywords"):
                return None
            value = self._receivers.annotated(parameter.annotation, around) if parameter.annotation else None
            kind = value.kind if isinstance(value, Instance) and self._parents.above(value.kind, MODELS) else None
            if told in OF_BODIES:
                if (part := self._described(parameter, kind, around)) is None:
                    return None
                parts.append(part)
            elif kind is not None or (isinstance(value, Plain) and value.name in NO_SCALARS):
                parts.append(_BodyParameter(parameter.name, parameter.default is None, False, kind))
            elif isinstance(value, Instance):
                return None
        match parts:
            case []:
                return None if more else self._own_reading.taken(handler)
            case [_BodyParameter(embedded=False) as only] if not more:
                return None if only.kind is None or not only.required else self._of_model(only.kind)
        names = frozenset(each.name for each in parts)
        return TakenBody(names, tuple(each.name for each in parts if each.required), ALLOW if more else IGNORE, None)

    def _takes_more(self, parameter: Parameter, around: FunctionSymbol) -> bool:
        """The function that gives a parameter takes something out of the body itself."""
        match self._receivers.parameters.dependency(parameter, around):
            case Routine(function=function) if function.parent is not None:
                for each in function.facts.parameters:
                    told = self._told(each, function.parent)
                    if told in OF_BODIES or (told and told not in KNOWN):
                        return True
                    if told == "" and each.annotation is not None:
                        match self._receivers.annotated(each.annotation, function.parent):
                            case Instance(kind=kind) if self._parents.above(kind, MODELS):
                                return True
        return False

    def _described(self, parameter: Parameter, kind: ClassSymbol | None, around: FunctionSymbol) -> "_BodyParameter | None":
        """A parameter with `Body(…)` for its default or in its annotation; None where that gives it another name."""
        by_default = parameter.default is not None and parameter.default[0] == "call"
        annotation: Expression = parameter.annotation or ()
        given = [parameter.default] if by_default else [*(annotation[2][1] if annotation[:1] == ("subscript",) else ())]
        for each in given:
            if each is None or each[0] != "call" or last_name(around.facts.calls[each[1]].callee) not in OF_BODIES:
                continue
            call = around.facts.calls[each[1]]
            told = dict(call.keywords)
            if told.keys() & {"alias", "validation_alias", "**", "media_type"}:
                return None
            first = call.arguments[0] if call.arguments else told.get("default", ELLIPSIS)
            required = first == ELLIPSIS and "default_factory" not in told if by_default else parameter.default is None
            return _BodyParameter(parameter.name, required, told.get("embed", FALSE) != FALSE, kind)
        return None

    def _told(self, parameter: Parameter, around: FunctionSymbol) -> str:
        """`Depends`, `Body`, `Query`: what the parameter says of itself."""
        annotation: Expression = parameter.annotation or ()
        given = [
            parameter.default,
            *(annotation[2][1] if annotation[:1] == ("subscript",) and annotation[2][0] == "tuple" else ()),
        ]
        for each in given:
            if each is not None and each[0] == "call":
                return last_name(around.facts.calls[each[1]].callee) or ""
        # `CurrentUser = Annotated[User, Depends(…)]`
        return "Depends" if self._receivers.parameters.dependency(parameter, around) is not None else ""

    def _of_model(self, kind: ClassSymbol) -> TakenBody | None:
        found = self._signatures.of_model(kind)
        told = extra(kind, self._analysis.program)
        if found is None or told is None or (self._members.of(kind) is None and told != ALLOW):
            return None
        return TakenBody(found.keywords, found.required, told, kind)

    # --- what is sent ----------------------------------------------------------------------------------------------------

    def sent(self, request: SentRequest) -> tuple[str, ...] | None:
        """Every name that the request may send in its JSON; None when that is not written down."""
        return None if request.body is None else self._written(request.body, request.scope, request.call)

    def _written(self, value: Expression, scope: FunctionSymbol, sending: CallSite) -> tuple[str, ...] | None:
        match value:
            case ("dict", pairs):
                return _joined(
                    (key[1],) if key[0] == "string" else self._written(part, scope, sending) if key == OTHER else None
                    for key, part in pairs
                )
            case ("operator", "|", left, right):
                return _joined(self._written(each, scope, sending) for each in (left, right))
            case ("choice", parts):
                return _joined(self._written(each, scope, sending) for each in parts)
            case ("name", str(name)):
                return self._kept(name, scope, sending)
            case ("call", int(index)):
                return self._made(scope.facts.calls[index], scope)
        return None

    def _kept(self, name: str, scope: FunctionSymbol, sending: CallSite) -> tuple[str, ...] | None:
        """A variable that holds a dictionary, and is filled by nothing but `body["name"] = …`."""
        match scope.assigned.get(name, ()):
            case [only] if only.how in ("=", "annotated") and name not in scope.parameters:
                first = self._written(only.value, scope, sending) if only.value[0] != "name" else None
            case _:
                return None
        if first is None:
            return None
        if any(_may_fill(each, ("name", name)) for each in scope.facts.calls if each is not sending):
            return None
        if any(each.value == ("name", name) for each in scope.facts.assignments):
            return None
        added: dict[str, None] = {}
        for each in scope.facts.assignments:
            match each.target:
                case ("subscript", ("name", str(target)), key) if target == name:
                    if key[0] != "string" or each.how == "delete":
                        return None
                    added[key[1]] = None
        return tuple(dict.fromkeys((*first, *added)))

    def _made(self, call: CallSite, scope: FunctionSymbol) -> tuple[str, ...] | None:
        given = [key for key, _ in call.keywords]
        if call.callee == ("name", "dict") and not call.arguments and "**" not in given:
            return tuple(given)
        if last_name(call.callee) == "asdict" and len(call.arguments) == 1 and not given:
            match self._receivers.value(call.arguments[0], scope):
                case Instance(kind=kind) if kind not in self._analysis.program.subclasses:
                    made = self._signatures.of_constructor(kind) if decorated_as(kind, self._analysis.program)[0] else None
                    return None if made is None else tuple(sorted(made.keywords))
        if call.callee[0] == "attribute" and call.callee[2] in DUMPING and not call.arguments and CHANGING.isdisjoint(given):
            match self._receivers.value(call.callee[1], scope):
                case Instance(kind=kind) if self._parents.above(kind, MODELS) and self._members.of(kind) is not None:
                    if kind in self._analysis.program.subclasses or (found := self._signatures.of_model(kind)) is None:
                        return None
                    declared = {name for each in self._analysis.program.order(kind)[0] for name in each.body.assigned}
                    return tuple(sorted(found.keywords & declared))
        return None


def _joined(parts: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """All names in order; None where one of the parts is not known."""
    found: dict[str, None] = {}
    for each in parts:
        if each is None:
            return None
        found.update(dict.fromkeys(each))
    return tuple(found)


def _may_fill(call: CallSite, body: Expression) -> bool:
    """`body.update(…)`, or a function that is given it and neither sends nor shows it."""
    if call.callee[0] == "attribute" and call.callee[1] == body:
        return call.callee[2] not in ASKING
    if body in call.arguments:
        return last_name(call.callee) not in READING
    return any(value == body and key not in SENDING for key, value in call.keywords)


def differences(taken: TakenBody, sent: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The names that are needed and never sent, and those that are sent and not known on the other side."""
    missing = [name for name in taken.required if name not in sent]
    unknown = [name for name in sent if name not in taken.names] if taken.extra != ALLOW else []
    return missing, unknown
