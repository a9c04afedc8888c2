"""Classes whose constructor is made from their fields: dataclasses, attrs, NamedTuple and pydantic models."""

from typing import Final, NamedTuple

from netra.guard.facts import Assignment, CallSite, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

ALLOW: Final = "allow"
FORBID: Final = "forbid"
IGNORE: Final = "ignore"

# Calls that describe a field, with what makes a default of them.
DESCRIBING: Final = frozenset({"field", "Field", "ib", "attrib", "PrivateAttr"})
DEFAULTS: Final = frozenset({"default", "default_factory", "factory"})


# What makes a field of attrs by itself.
WITHOUT_ANNOTATION: Final = frozenset("field attrib ib".split())


class ModelField(NamedTuple):
    """One field: `required` when it has no default, `aliases` beside its own name."""

    name: str
    required: bool
    aliases: tuple[str, ...]
    keyword_only: bool
    line: int


def fields(kind: ClassSymbol) -> list[ModelField] | None:
    """The fields that the class itself declares, in order; None when one of them is not understood."""
    found: list[ModelField] = []
    keyword_only = False
    for each in kind.body.facts.assignments:
        if each.target[0] != "name" or each.annotation is None:
            if each.value[0] == "call" and last_name(kind.body.facts.calls[each.value[1]].callee) in WITHOUT_ANNOTATION:
                return None  # `size = attrs.field()`: attrs then looks at annotations no more
            continue
        held = _outermost(each.annotation)
        if held == "KW_ONLY":
            keyword_only = True
        elif held != "ClassVar":
            described = _described(each, kind, keyword_only)
            if described is None:
                return None
            if described.name:
                found.append(described._replace(required=described.required and described.name not in _filled(kind)))
    return found


def _filled(kind: ClassSymbol) -> set[str]:
    """The fields for which a method makes the default: `@total.default`."""
    return {
        each.callee[1][1]
        for methods in kind.methods.values()
        for method in methods
        for each in method.facts.decorators
        if each.callee[0] == "attribute" and each.callee[2] == "default" and each.callee[1][0] == "name"
    }


def _described(each: Assignment, kind: ClassSymbol, keyword_only: bool) -> ModelField | None:
    name = each.target[1]
    call = _describing(each, kind)
    if call is None:
        if _outermost(each.annotation or ()) == "Annotated" and _holds_more(each.annotation or (), kind):
            return None
        if _may_be_described_elsewhere(each.value, kind):
            return None
        return ModelField(name, each.how == "declared", (), keyword_only, each.line)
    given = dict(call.keywords)
    if "**" in given or call.arguments[1:] or last_name(call.callee) == "PrivateAttr":
        return None if last_name(call.callee) != "PrivateAttr" else ModelField("", False, (), False, each.line)
    if _is_false(given.get("init", ())):
        return ModelField("", False, (), False, each.line)
    aliases = [given[key] for key in ("alias", "validation_alias") if key in given]
    if any(alias[0] != "string" for alias in aliases):
        return None
    first = call.arguments[0] if call.arguments else None
    required = not (given.keys() & DEFAULTS) and (first is None or first == ("constant", "ellipsis"))
    if each.value != ("call", kind.body.facts.calls.index(call)):
        required = required and each.how == "declared"  # `Annotated[str, Field(…)] = ""`
    only = keyword_only or given.get("kw_only") == ("constant", "bool", True)
    return ModelField(name, required, tuple(alias[1] for alias in aliases), only, each.line)


def _may_be_described_elsewhere(value: Expression, kind: ClassSymbol) -> bool:
    """`index: str = index_field`, where `index_field = Field(alias="i")` stands above the class, or comes from elsewhere."""
    if value[0] != "name" or value[1] in kind.body.bound:
        return False
    top = kind.module.top
    kept = [each.value for each in top.assigned.get(value[1], ())]
    described = [each for each in kept if each[0] == "call" and last_name(top.facts.calls[each[1]].callee) in DESCRIBING]
    return bool(described) or (value[1] in top.imported and value[1].islower())


def _describing(each: Assignment, kind: ClassSymbol) -> CallSite | None:
    """`field(…)` as its value, or in `Annotated[…]`."""
    for one in (each.value, *(_annotated_with(each.annotation or ()))):
        if one[0] == "call":
            call: CallSite = kind.body.facts.calls[one[1]]
            if last_name(call.callee) in DESCRIBING:
                return call
    return None


def _annotated_with(annotation: Expression) -> tuple[Expression, ...]:
    match annotation:
        case ("subscript", head, ("tuple", (_, *rest))) if last_name(head) == "Annotated":
            return tuple(rest)
    return ()


def _holds_more(annotation: Expression, kind: ClassSymbol) -> bool:
    """What describes the field may stand somewhere else, or be made by a function that hands a default on to `Field`."""
    rest = _annotated_with(annotation)
    return not rest or any(
        not DEFAULTS.isdisjoint(name for name, _ in kind.body.facts.calls[each[1]].keywords)
        if each[0] == "call"
        else each[0] != "string"
        for each in rest
    )


def extra(kind: ClassSymbol, program: Program) -> str | None:
    """What a pydantic model does with fields that it does not have: "ignore", "allow", "forbid"; None when that is unknown."""
    for each in program.order(kind)[0]:
        if (told := _own_extra(each)) != "":
            return told
    return IGNORE


def _own_extra(kind: ClassSymbol) -> str | None:
    """What the class itself says of it; empty when it says nothing."""
    body = kind.body
    for name, value in kind.facts.keywords:
        if name == "extra":
            return _told(value)
        if name == "**":
            return None
    for each in body.assigned.get("model_config", ()):
        match each.value:
            case ("call", int(index)):
                given = dict(body.facts.calls[index].keywords)
                if "**" in given:
                    return None
                if "extra" in given:
                    return _told(given["extra"])
            case ("dict", pairs):
                for key, value in pairs:
                    if key == ("string", "extra"):
                        return _told(value)
                    if key[0] != "string":
                        return None
            case _:
                return None
    _, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
    for index in classes.get("Config", ()):
        inner = kind.module.of_class(index)
        if inner.facts.bases:
            return None
        for each in inner.body.assigned.get("extra", ()):
            return _told(each.value)
    return ""


def _told(value: Expression) -> str | None:
    told = value[1] if value[0] == "string" else last_name(value)
    return told if told in (ALLOW, FORBID, IGNORE) else None


def _outermost(annotation: Expression) -> str | None:
    return last_name(annotation[1] if annotation and annotation[0] == "subscript" else annotation)


def _is_false(value: Expression) -> bool:
    return value == ("constant", "bool", False)


def decorated_as(kind: ClassSymbol, program: Program) -> tuple[str, dict[str, Expression]]:
    """How the class is made from its fields: "dataclass", "attrs" or "", with what its decorator is told."""
    around: FunctionSymbol = kind.module.function(kind.facts.scope)
    for each in kind.facts.decorators:
        symbol = program.evaluate(each.callee, around)
        dotted = getattr(symbol, "dotted", "")
        if dotted in ("dataclasses.dataclass", "pydantic.dataclasses.dataclass"):
            return "dataclass", dict(each.keywords)
        if dotted in ("attrs.define", "attrs.frozen", "attrs.mutable", "attr.define", "attr.frozen", "attr.mutable"):
            return "attrs", dict(each.keywords)
    return "", {}
