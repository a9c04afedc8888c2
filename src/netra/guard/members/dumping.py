"""What a call passes twice: by name, and by `**` among the fields of an object that is taken apart there.

create(**order.model_dump(), owner=user)
"""

from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.models import decorated_as, fields
from netra.guard.members.parents import MODELS, Parents
from netra.guard.members.unpacking import is_left_alone
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance

# Methods of a pydantic model that give all its fields, and what they may be told.
DUMPING: Final = frozenset({"model_dump", "dict"})
LEAVING_OUT: Final = frozenset({"exclude_none", "exclude_unset", "exclude_defaults"})
CHANGING_NOTHING: Final = frozenset({"mode", "exclude", "warnings", "round_trip", "serialize_as_any"}) | LEAVING_OUT

# They change what a model gives as a whole.
SERIALIZING: Final = frozenset({"model_serializer"})


class Dumped(NamedTuple):
    """The fields of an object, by name. `sure`: each is there, also where it was not given or is None."""

    kind: ClassSymbol
    names: frozenset[str]
    sure: bool


class GivenTwice(NamedTuple):
    """A name that a call passes twice, the class whose field it is, and whether it always does."""

    name: str
    kind: ClassSymbol
    sure: bool


def given_twice(call: CallSite, scope: FunctionSymbol, analysis: Analysis) -> GivenTwice | None:
    """The first name that a call passes as a keyword and in what it unpacks, or in two things that it unpacks."""
    seen = {name for name, _ in call.keywords if name != "**"}
    for name, value in call.keywords:
        if name != "**":
            continue
        dumped = _dumped(value, scope, analysis)
        if dumped is None:
            continue
        if twice := sorted(each for each in dumped.names & seen if not _is_emptied(each, scope)):
            return GivenTwice(twice[0], dumped.kind, dumped.sure or _is_body(value, scope, analysis))
        seen |= dumped.names if dumped.sure else frozenset()
    return None


def _dumped(value: Expression, scope: FunctionSymbol, analysis: Analysis) -> Dumped | None:
    match value:
        case ("choice", parts):
            found = [_dumped(each, scope, analysis) for each in parts]
            if None in found:
                return None
            known = [each for each in found if each is not None]
            names = frozenset.intersection(*(each.names for each in known))
            return Dumped(known[0].kind, names, all(each.sure for each in known))
        case ("name", str(name)) if name not in scope.parameters and is_left_alone(name, scope):
            given = scope.assigned[name][0].value
            return _dumped(given, scope, analysis) if given[0] in ("call", "choice") else None
        case ("call", int(index)):
            return _of_call(scope.facts.calls[index], scope, analysis)
        case ("attribute", of, "__dict__"):
            return _fields_of(of, scope, analysis, records=True)
    return None


def _of_call(call: CallSite, scope: FunctionSymbol, analysis: Analysis) -> Dumped | None:
    told = dict(call.keywords)
    match call.callee:
        case ("attribute", of, str(method)) if method in DUMPING and not call.arguments and told.keys() <= CHANGING_NOTHING:
            found = _fields_of(of, scope, analysis, records=False)
            left_out = _texts(told["exclude"]) if "exclude" in told else frozenset()
            if found is None or left_out is None:
                return None
            return Dumped(found.kind, found.names - left_out, not told.keys() & LEAVING_OUT)
    if last_name(call.callee) in ("asdict", "vars") and len(call.arguments) == 1 and not told:
        return _fields_of(call.arguments[0], scope, analysis, records=True)
    return None


def _texts(given: Expression) -> frozenset[str] | None:
    if given[0] in ("set", "list", "tuple") and all(each[0] == "string" for each in given[1]):
        return frozenset(each[1] for each in given[1])
    if given[0] == "dict" and all(key[0] == "string" for key, _ in given[1]):
        return frozenset(key[1] for key, _ in given[1])
    return frozenset() if given[0] == "none" else None


def _fields_of(of: Expression, scope: FunctionSymbol, analysis: Analysis, *, records: bool) -> Dumped | None:
    """The fields of the object: of a dataclass for `records`, otherwise of a model that gives them as they are."""
    match analysis.receivers.value(of, scope):
        case Instance(kind=kind) if not kind.module.library:
            pass
        case _:
            return None
    order = analysis.program.order(kind)[0]
    if records:
        if decorated_as(kind, analysis.program)[0] != "dataclass":
            return None
    elif not analysis.once(Parents).above(kind, MODELS) or any(_gives_others(each) for each in order):
        return None
    names: set[str] = set()
    for each in order:
        names.update(
            one.name for one in fields(each) or () if not one.name.startswith("_") and not _is_kept_back(one.name, each)
        )
    return Dumped(kind, frozenset(names), sure=True)


def _gives_others(kind: ClassSymbol) -> bool:
    """It has a method of its own in the place of the model's, or says how the whole is given."""
    if DUMPING & kind.methods.keys():
        return True
    return any(SERIALIZING & each.decorator_names for methods in kind.methods.values() for each in methods)


def _is_kept_back(name: str, kind: ClassSymbol) -> bool:
    """`secret: str = Field(exclude=True)`."""
    for each in kind.body.assigned.get(name, ()):
        values = (each.value, *((each.annotation or ())[2][1] if _is_annotated(each.annotation) else ()))
        for value in values:
            if value[0] == "call" and "exclude" in dict(kind.body.facts.calls[value[1]].keywords):
                return True
    return False


def _is_annotated(annotation: Expression | None) -> bool:
    return bool(annotation) and annotation is not None and annotation[0] == "subscript" and annotation[2][0] == "tuple"


def _is_emptied(name: str, scope: FunctionSymbol) -> bool:
    """The function itself sets the field, or takes it away: `config.provider = None`."""
    return any(each.target[0] == "attribute" and each.target[2] == name for each in scope.facts.assignments)


def _is_body(value: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """It is what a client sends to a route: any field may be given."""
    entry = analysis.reach.entries.get(scope)
    return entry is not None and entry.sort == ROUTE and any(each in scope.parameters for each in _roots(value, scope))


def _roots(value: Expression, scope: FunctionSymbol) -> list[str]:
    match value:
        case ("choice", parts):
            return [name for each in parts for name in _roots(each, scope)]
        case ("name", str(name)):
            given = scope.assigned.get(name, ())
            return [name] if not given else _roots(given[0].value, scope)
        case ("call", int(index)):
            callee = scope.facts.calls[index].callee
            return [callee[1][1]] if callee[0] == "attribute" and callee[1][0] == "name" else []
    return []
