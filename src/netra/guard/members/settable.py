"""Which attributes of an object can be set: none of a frozen class, of a Pydantic model and of a class with slots those that
it has.
"""

from difflib import get_close_matches
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.models import ALLOW, decorated_as, extra
from netra.guard.members.members import MemberNames
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parents import MODELS, SETTINGS, Parents
from netra.guard.members.tables import TABLES
from netra.guard.symbols import ClassSymbol, External

NAMED_TUPLES: Final = frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"})
TRUE: Final[Expression] = ("constant", "bool", True)
FALSE: Final[Expression] = ("constant", "bool", False)
WRITING: Final = frozenset({"__setattr__", "__getattribute__", "__new__"})
# Bases beside a model that change nothing of how it takes a value.
BESIDE: Final = frozenset({"typing.Generic", "typing_extensions.Generic", "abc.ABC", "builtins.object"})
# Decorators of attrs that make slots unless they are told otherwise.
SLOTTED: Final = frozenset({"define", "frozen", "mutable"})
COPY: Final = "make a copy with another value, or let the class be changed"


class Unsettable(NamedTuple):
    """Why an attribute cannot be set, in words that go on after its name, and after the name of the class."""

    kind: ClassSymbol
    why: str
    what: str
    mend: str
    frozen: bool
    """It lets nothing be set, whatever its name."""


class Settable:
    """Answers about attributes, by class; use `analysis.once(Settable)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._program = analysis.program
        self._parents = analysis.once(Parents)
        self._frozen: dict[ClassSymbol, Unsettable | None] = {}
        self._fields: dict[ClassSymbol, frozenset[str] | None] = {}

    def may_be_refused(self, name: str) -> bool:
        """Some class of the program may refuse it."""
        return name in self._fields_of_frozen or self._has_slots or (name[0] != "_" and (self._has_models or self._has_tables))

    @lazily
    def _has_slots(self) -> bool:
        """Some class of the program has slots."""
        return any(self._slots(kind) is not None for module in self._analysis.modules for kind in module.classes)

    @lazily
    def _has_models(self) -> bool:
        """Some class of the program may be a Pydantic model."""
        return any(self._parents.above(kind, MODELS | SETTINGS) for module in self._analysis.modules for kind in module.classes)

    @lazily
    def _has_tables(self) -> bool:
        return any(self._parents.above(kind, TABLES) for module in self._analysis.modules for kind in module.classes)

    @lazily
    def _asked_somewhere(self) -> frozenset[str]:
        """Names that some code reads of an object, writes as a text, or gives to objects of a class."""
        found: set[str] = set()
        for scope in self._analysis.scopes:
            found.update(expression[2] for expression, _, _ in scope.attributes_read)
            found.update(each[1] for call in scope.facts.calls for each in call.given if each[0] == "string")
        for module in self._analysis.modules:
            for kind in module.classes:
                found.update(kind.body.assigned, kind.methods)
        return frozenset(found)

    @lazily
    def _fields_of_frozen(self) -> frozenset[str]:
        found: set[str] = set()
        for module in self._analysis.modules:
            for kind in module.classes:
                if self._own_frozen(kind) is not None:
                    found.update(kind.body.assigned)
        return frozenset(found)

    def refused(self, kind: ClassSymbol, name: str) -> Unsettable | None:
        """Why no object of the class, or of one below it, lets this be set; None where one may."""
        family = (kind, *self._program.subclasses.get(kind, ()))
        if any(not WRITING.isdisjoint(each.methods) for one in family for each in self._program.order(one)[0]):
            return None
        for each in self._program.order(kind)[0]:
            frozen = self._own_frozen(each)
            if (
                frozen is not None
                and not (name[0] == "_" and self._parents.above(each, MODELS | SETTINGS))
                and any(
                    one.annotation is not None and last_name(_bare(one.annotation)) != "ClassVar"
                    for one in each.body.assigned.get(name, ())
                )
            ):
                return frozen
        if self._has_slots and self._slots(kind) is not None:
            return self._refused_by_slots(family, name)
        if not name.startswith("_") and self._parents.above(kind, TABLES):
            return self._refused_by_table(kind, name)
        if name.startswith("_") or not self._parents.above(kind, MODELS | SETTINGS):
            return None
        for one in family:
            fields = self._fields_of(one)
            if fields is None or name in fields:
                return None
        if self._analysis.once(OutsideWrites).rivals & {kind.name}:
            return None
        why = f"`{kind.name}` has no field `{name}`, and raises a ValueError"
        return Unsettable(kind, why, f"has no `{name}`", "add the field", frozen=False)

    def _refused_by_slots(self, family: tuple[ClassSymbol, ...], name: str) -> Unsettable | None:
        """Where each class of an object has slots, there is no place for anything else."""
        for one in family:
            order, closed = self._program.order(one)
            if not closed or name in ("__dict__", "__weakref__", "__class__", "__doc__"):
                return None
            for each in order:
                slots = self._slots(each)
                beside = [
                    self._program.evaluate(_bare(base), each.module.function(each.facts.scope)) for base in each.facts.bases
                ]
                outside = [base for base in beside if not isinstance(base, ClassSymbol)]
                if slots is None or name in slots or "__dict__" in slots or name in each.methods or name in each.body.assigned:
                    return None
                if any(not isinstance(base, External) or base.dotted not in BESIDE for base in outside):
                    return None
        kind = family[0]
        why = f"`{kind.name}` has slots and none for `{name}`, and raises an AttributeError"
        return Unsettable(kind, why, f"has no `{name}`", "name the attribute that is meant, or add it", frozen=False)

    def _slots(self, kind: ClassSymbol) -> frozenset[str] | None:
        """The slots that the class itself has; None where its objects have a dictionary, or where that is not known."""
        if kind.facts.keywords:
            return None
        how, told = decorated_as(kind, self._program)
        if given := kind.body.assigned.get("__slots__"):
            value = given[0].value
            parts = value[1] if value[0] in ("tuple", "list") else (value,)
            if len(given) > 1 or any(each[0] != "string" for each in parts) or (kind.facts.decorators and not how):
                return None
            return frozenset(each[1] for each in parts)
        by_name = how == "attrs" and any(last_name(each.callee) in SLOTTED for each in kind.facts.decorators)
        if len(kind.facts.decorators) != 1 or not (told.get("slots") == TRUE or (by_name and "slots" not in told)):
            return None
        named = kind.body.assigned.items()
        return frozenset(name for name, found in named if any(each.annotation is not None for each in found) or by_name)

    def _refused_by_table(self, kind: ClassSymbol, name: str) -> Unsettable | None:
        """What is no column of a mapped class is kept by the object and never stored; where nothing reads it, it is lost."""
        held = self._analysis.once(MemberNames).of(kind)
        if held is None or name in held or not get_close_matches(name, sorted(held), 1) or name in self._asked_somewhere:
            return None
        why = f"`{kind.name}` has no column `{name}`, nothing reads it, and it is not stored"
        return Unsettable(kind, why, f"has no `{name}`", "name the column that is meant", frozen=False)

    def _own_frozen(self, kind: ClassSymbol) -> Unsettable | None:
        if kind not in self._frozen:
            self._frozen[kind] = self._find_frozen(kind)
        return self._frozen[kind]

    def _find_frozen(self, kind: ClassSymbol) -> Unsettable | None:
        if not NAMED_TUPLES.isdisjoint(self._parents.outside(kind)):
            return Unsettable(
                kind, f"`{kind.name}` is a named tuple, and raises an AttributeError", "is a named tuple", COPY, frozen=True
            )
        how, told = decorated_as(kind, self._program)
        by_name = how == "attrs" and any(last_name(each.callee) == "frozen" for each in kind.facts.decorators)
        if by_name or (how and told.get("frozen") == TRUE):
            return Unsettable(
                kind, f"`{kind.name}` is frozen, and raises a FrozenInstanceError", "is frozen", COPY, frozen=True
            )
        if not how and _is_frozen_model(kind) and self._parents.above(kind, MODELS | SETTINGS):
            return Unsettable(kind, f"`{kind.name}` is frozen, and raises a ValidationError", "is frozen", COPY, frozen=True)
        return None

    def _fields_of(self, kind: ClassSymbol) -> frozenset[str] | None:
        """All that can be set on an object of a Pydantic model; None where that is not known."""
        if kind not in self._fields:
            self._fields[kind] = self._gathered(kind)
        return self._fields[kind]

    def _gathered(self, kind: ClassSymbol) -> frozenset[str] | None:
        if extra(kind, self._program) in (ALLOW, None):
            return None
        found: set[str] = set()
        for each in self._program.order(kind)[0]:
            if each.module.library or each.module.file.problems or each.facts.decorators:
                return None
            around = each.module.function(each.facts.scope)
            for base in each.facts.bases:
                match self._program.evaluate(_bare(base), around):
                    case ClassSymbol():
                        continue
                    case External(dotted=dotted) if dotted in BESIDE or dotted in MODELS or dotted in SETTINGS:
                        continue
                    case _:
                        return None
            if any(name not in ("frozen", "extra", "title", "metaclass") for name, _ in each.facts.keywords):
                return None
            functions, classes = each.module.nested.get(each.facts.body, ({}, {}))
            found.update(each.body.assigned, functions, classes, each.body.imported)
            if any(call.callee[-1] in ("locals", "vars", "exec") for call in each.body.facts.calls):
                return None
        return frozenset(found)


def _bare(base: Expression) -> Expression:
    return base[1] if base[0] == "subscript" else base


def _is_frozen_model(kind: ClassSymbol) -> bool:
    """`model_config = ConfigDict(frozen=True)`, `class Config: frozen = True`, `class Plan(BaseModel, frozen=True)`."""
    if dict(kind.facts.keywords).get("frozen") == TRUE:
        return True
    for each in kind.body.assigned.get("model_config", ()):
        match each.value:
            case ("call", int(index)):
                return dict(kind.body.facts.calls[index].keywords).get("frozen") == TRUE
            case ("dict", pairs):
                return any(key == ("string", "frozen") and value == TRUE for key, value in pairs)
    _, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
    for index in classes.get("Config", ()):
        body = kind.module.of_class(index).body
        if any(each.value == TRUE for each in body.assigned.get("frozen", ())):
            return True
        if any(each.value == FALSE for each in body.assigned.get("allow_mutation", ())):
            return True
    return False
