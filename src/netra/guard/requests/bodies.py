"""What a route takes as the body of a request, and what a request sends: the names at the top of the JSON object on both sides.

Only what is written down counts. A body that is put together elsewhere, or a handler that reads the request itself, is not
known, and neither is compared with anything.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, PLAIN, CallSite, Expression, Parameter, last_name
from netra.guard.meaning.models import ALLOW, IGNORE, extra
from netra.guard.members.members import MemberNames
from netra.guard.members.parents import MODELS, Parents
from netra.guard.members.signatures import Signatures
from netra.guard.requests.body_records import Records
from netra.guard.requests.routing import LITESTAR
from netra.guard.requests.senders import SentRequest
from netra.guard.requests.taking import OwnReading, TakenBody
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Plain, Routine

DUMPING: Final = frozenset({"model_dump", "dict", "model_dump_json"})
# Functions that give what they are given as plain values, with the names of its fields.
UNMAKING: Final = frozenset({"asdict", "to_builtins", "unstructure", "vars"})
ENCODING: Final = frozenset({"jsonable_encoder", "to_jsonable_python"})
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
LISTS: Final = frozenset("list List Sequence Iterable tuple set frozenset Set".split())
FALSE: Final = ("constant", "bool", False)
OF_FORMS: Final = frozenset({"Form", "File"})
INJECTING: Final = frozenset({"Depends", "Security"})
KNOWN: Final = OF_BODIES | NO_BODIES | OF_FORMS
NAMES: Final = (("name",), ("attribute",))


class _BodyParameter(NamedTuple):
    """A parameter that is the body of a request, or one name in it."""

    name: str
    required: bool
    embedded: bool
    """It is one name in the body even where it is the only one."""
    kind: ClassSymbol | None


class InnerBody(NamedTuple):
    """A part of a body that is an object with names of its own, or a list of such."""

    name: str
    taken: TakenBody
    sent: tuple[str, ...]


class Bodies:
    """Answers about bodies; use `analysis.once(Bodies)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._receivers = analysis.receivers
        self._parents = analysis.once(Parents)
        self._members = analysis.once(MemberNames)
        self._signatures = analysis.once(Signatures)
        self._own_reading = analysis.once(OwnReading)
        self._records = analysis.once(Records)

    # --- what is taken ---------------------------------------------------------------------------------------------------

    def taken(self, handler: FunctionSymbol) -> TakenBody | None:
        """What the handler takes; None when that is not known, or when it takes no JSON."""
        around = handler.parent
        if around is None:
            return None
        parts: list[_BodyParameter] = []
        more = perhaps = False
        litestar = self._is_of_litestar(handler, around)
        for parameter in handler.facts.parameters[1 if handler.owner is not None else 0 :]:
            told = self._told(parameter, around)
            if told in INJECTING and self._takes_more(parameter, around):
                more = True
                continue
            if told and told not in KNOWN:
                perhaps = True  # `limit: int = LimitBody()`: it may take names of its own out of the body
                continue
            if told in NO_BODIES or last_name(parameter.annotation or ()) in ("Request", "WebSocket"):
                continue
            if told in OF_FORMS or parameter.position in ("arguments", "keywords"):
                return None
            if litestar and parameter.name != "data":
                continue  # of a dependency, the query or the path
            value = self._receivers.annotated(parameter.annotation, around) if parameter.annotation else None
            kind = value.kind if isinstance(value, Instance) and self._is_model(value.kind) else None
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
                return None if more or perhaps else self._own_reading.taken(handler)
            case [_BodyParameter(embedded=False)] if perhaps and not more:
                return None  # it is the whole body, or one name of it
            case [_BodyParameter(embedded=False) as only] if not more:
                return None if only.kind is None or not only.required else self._of_model(only.kind)
        names = frozenset(each.name for each in parts)
        others = IGNORE if not more and not perhaps else ALLOW
        return TakenBody(names, tuple(each.name for each in parts if each.required), others, None)

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
        if self._receivers.parameters.dependency(parameter, around) is not None or self._is_named_dependency(
            annotation, around
        ):
            return "Depends"
        return ""

    def _is_named_dependency(self, annotation: Expression, around: FunctionSymbol) -> bool:
        """The name stands for an annotation that says `Depends(…)`, whatever that is given."""
        match self._analysis.program.evaluate(annotation, around) if annotation[:1] in NAMES else None:
            case VariableSymbol(scope=at, name=name):
                for each in at.assigned.get(name, ()):
                    if each.value[0] == "subscript" and each.value[2][0] == "tuple":
                        called = (at.facts.calls[part[1]] for part in each.value[2][1] if part[0] == "call")
                        return any(last_name(call.callee) in INJECTING for call in called)
        return False

    def _is_model(self, kind: ClassSymbol) -> bool:
        """Frameworks make an object of the class out of a body: a model, a dataclass, a `Struct`, a `TypedDict`."""
        return self._parents.above(kind, MODELS) or self._records.is_record(kind)

    def _is_of_litestar(self, handler: FunctionSymbol, around: FunctionSymbol) -> bool:
        """Its handlers have the body in `data`, and nowhere else."""
        for each in handler.facts.decorators:
            if each.callee[0] == "name":
                match self._analysis.program.evaluate(each.callee, around):
                    case External(dotted=dotted):
                        return dotted.partition(".")[0] == LITESTAR
        return False

    def _of_model(self, kind: ClassSymbol) -> TakenBody | None:
        if not self._parents.above(kind, MODELS):
            return self._records.taken(kind)
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
        if last_name(call.callee) in ENCODING and len(call.arguments) == 1 and not given:
            return self._written(call.arguments[0], scope, call)
        if last_name(call.callee) in UNMAKING and len(call.arguments) == 1 and not given:
            return self._fields_of(call.arguments[0], scope)
        if call.callee[0] == "attribute" and call.callee[2] == "_asdict" and not call.arguments:
            return self._fields_of(call.callee[1], scope)
        if call.callee[0] == "attribute" and call.callee[2] in DUMPING and not call.arguments and CHANGING.isdisjoint(given):
            match self._receivers.value(call.callee[1], scope):
                case Instance(kind=kind) if self._parents.above(kind, MODELS) and self._members.of(kind) is not None:
                    if kind in self._analysis.program.subclasses or (found := self._signatures.of_model(kind)) is None:
                        return None
                    declared = {name for each in self._analysis.program.order(kind)[0] for name in each.body.assigned}
                    return tuple(sorted(found.keywords & declared))
        return self._given_by_another(call, scope)

    def _fields_of(self, value: Expression, scope: FunctionSymbol) -> tuple[str, ...] | None:
        """The fields of an object whose class is made of them."""
        match self._receivers.value(value, scope):
            case Instance(kind=kind) if kind not in self._analysis.program.subclasses:
                return self._records.fields(kind)
        return None

    def _given_by_another(self, call: CallSite, scope: FunctionSymbol) -> tuple[str, ...] | None:
        """The names in a dictionary that a function of the program writes down and gives."""
        match self._receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library and not function.facts.decorators:
                pass
            case _:
                return None
        match function.facts.returned:
            case [only] if only.how == "return" and function.facts.sort == PLAIN and only.value[0] in ("dict", "name"):
                return self._written(only.value, function, call)
        return None

    # --- what stands inside ----------------------------------------------------------------------------------------------

    def within(self, request: SentRequest, taken: TakenBody) -> list[InnerBody]:
        """What stands inside the body where the model has another model, or a list of them, and how it is sent."""
        if taken.model is None or request.body is None:
            return []
        found = []
        for name, value in self._pairs(request.body, request.scope):
            kind = self._inner_model(taken.model, name)
            body = None if kind is None else self._of_model(kind)
            sent = None if body is None else self._written_inside(value, request.scope, request.call)
            if body is not None and sent is not None:
                found.append(InnerBody(name, body, sent))
        return found

    def _pairs(self, value: Expression, scope: FunctionSymbol) -> list[tuple[str, Expression]]:
        match value:
            case ("dict", pairs):
                return [(key[1], part) for key, part in pairs if key[0] == "string"]
            case ("call", int(index)) if scope.facts.calls[index].callee == ("name", "dict"):
                return [each for each in scope.facts.calls[index].keywords if each[0] != "**"]
            case ("name", str(name)) if name not in scope.parameters:
                match scope.assigned.get(name, ()):
                    case [only] if only.how in ("=", "annotated") and only.value[0] != "name":
                        return self._pairs(only.value, scope)
        return []

    def _inner_model(self, model: ClassSymbol, name: str) -> ClassSymbol | None:
        """The model that a field is, or has several of."""
        for each in self._analysis.program.order(model)[0]:
            if declared := each.body.assigned.get(name):
                annotation = declared[-1].annotation
                if annotation is None:
                    return None
                if annotation[0] == "subscript" and last_name(annotation[1]) in LISTS:
                    annotation = annotation[2][1][0] if annotation[2][0] == "tuple" else annotation[2]
                match self._receivers.annotated(annotation, each.body):
                    case Instance(kind=kind) if self._is_model(kind):
                        return kind
                return None
        return None

    def _written_inside(self, value: Expression, scope: FunctionSymbol, sending: CallSite) -> tuple[str, ...] | None:
        match value:
            case ("comprehension", _, element):
                return self._written(element, scope, sending)
            case ("list" | "tuple", (first, *_)):
                return self._written(first, scope, sending)
            case ("name", str(name)) if name not in scope.parameters:
                match scope.assigned.get(name, ()):
                    case [only] if only.how in ("=", "annotated") and only.value[0] in ("list", "comprehension"):
                        filled = any(_may_fill(each, ("name", name)) for each in scope.facts.calls if each is not sending)
                        return None if filled else self._written_inside(only.value, scope, sending)
                return self._written(value, scope, sending)
            case ("dict" | "call", *_):
                return self._written(value, scope, sending)
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
