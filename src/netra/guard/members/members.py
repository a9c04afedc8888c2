"""What the classes of the program hold, and of which of them all of it is known.

A class is closed when nothing can give it a member that is not seen here: every base is a class of the program or one whose
members are known by name, nothing answers for missing names, no decorator or metaclass that adds any, nobody writes into it
by computed names. An object of a class may be one of any class below it, so those count as well, with their other bases.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, is_for_checkers, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.models import ALLOW, extra
from netra.guard.members.decorators import ClassDecorators
from netra.guard.members.mappers import OF_MAPPERS, given_by_others, mapper_of, of_fields
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parents import MODELS, OF_ABSTRACT, SETTINGS, SQL_MODELS, TYPED, Parents, given_by
from netra.guard.members.tables import TABLES, backrefs
from netra.guard.symbols import ClassSymbol, FunctionSymbol

OF_CLASSES: Final = frozenset(dir(type)) | OF_ABSTRACT | {"__members__", "__annotations__", "__abstractmethods__", "__slots__"}
OF_OBJECTS: Final = frozenset(dir(object)) | frozenset(
    """__dict__ __weakref__ __annotations__ __slots__ __orig_class__ __orig_bases__ __parameters__ __match_args__
    __dataclass_fields__ __dataclass_params__ __post_init__ __attrs_attrs__ __attrs_post_init__ __qualname__ __name__
    __abstractmethods__ __type_params__ __protocol_attrs__ __total__ __required_keys__ __optional_keys__""".split()
)

# Answers for names that are nowhere, or for the object itself: what is read from a descriptor is not the descriptor.
ANSWERING: Final = frozenset({"__getattr__", "__getattribute__", "__new__", "__get__"})
# Metaclasses that add nothing to what a class holds, each with what the class itself answers to.
PLAIN_METACLASSES: Final[dict[str, frozenset[str]]] = {
    "ABCMeta": frozenset(),
    "EnumMeta": frozenset(),
    "EnumType": frozenset(),
}

# Calls that may write names that are not seen here.
WRITING: Final = frozenset({"exec", "locals", "vars", "globals"})

# A function of the library `fastcore`, which keeps all that the method that calls it was given.
KEEPING_ARGUMENTS: Final = "store_attr"

DICTIONARY: Final = ("attribute", SELF, "__dict__")
PUTTING: Final = [("attribute", "update"), ("attribute", "setdefault"), ("attribute", "__setitem__")]


class MemberNames:
    """Answers about what classes hold, each worked out once; use `analysis.once(MemberNames)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._program = analysis.program
        self._parents = analysis.once(Parents)
        self._decorators = analysis.once(ClassDecorators)
        self._outside = analysis.once(OutsideWrites)
        self._of: dict[ClassSymbol, frozenset[str] | None] = {}
        self._own: dict[ClassSymbol, frozenset[str] | None] = {}

    def of(self, kind: ClassSymbol) -> frozenset[str] | None:
        """Every name that an object of the class, or of one below it, may have; None when some of them are not known."""
        if kind not in self._of:
            self._of[kind] = self._gathered(kind)
        return self._of[kind]

    def of_exactly(self, kind: ClassSymbol) -> frozenset[str] | None:
        """Every name that an object of this very class may have; None where `of` does not know those of all below it."""
        if self.of(kind) is None:
            return None
        held = [self._own[above] or frozenset() for above in self._program.order(kind)[0]]
        return frozenset(OF_OBJECTS.union(*held))

    def _gathered(self, kind: ClassSymbol) -> frozenset[str] | None:
        found = set(OF_OBJECTS)
        for each in dict.fromkeys([kind, *self._program.subclasses.get(kind, ())]):
            for above in self._program.order(each)[0]:
                if above not in self._own:
                    self._own[above] = self._held(above)
                own = self._own[above]
                if own is None:
                    return None
                found |= own
        return frozenset(found)

    def _held(self, kind: ClassSymbol) -> frozenset[str] | None:
        """What the class itself holds, with what it has from bases outside the program; None when that is not known."""
        if kind.module.library:
            return OF_MAPPERS.get(kind.full_name) if kind.module.model else None
        if kind.module.file.problems or not is_bound_once(kind) or _is_a_stand_in(kind):
            return None
        if kind.name in self._outside.rivals or kind in self._outside.written_into:
            return None
        body = kind.body
        functions, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
        found = {*functions, *classes, *body.assigned, *body.imported, *_set_by(kind), *_slots(body)}
        if found & ANSWERING or "*" in found or not self._adds_nothing(kind) or self._is_described(kind):
            return None
        if self._parents.above(kind, MODELS | SETTINGS | SQL_MODELS) and extra(kind, self._program) in (ALLOW, None):
            return None
        if any(last_name(call.callee) in WRITING for call in body.facts.calls):
            return None
        for methods in kind.methods.values():
            for method in methods:
                if _writes_its_dictionary(method):
                    return None
        for name, value in kind.facts.keywords:
            if name == "metaclass":
                found |= PLAIN_METACLASSES.get(last_name(value) or "", frozenset())
        for dotted_base in self._parents.outside(kind):
            members = given_by(dotted_base)
            if members is None:
                return None
            found |= members
        if self._parents.above(kind, TABLES | SQL_MODELS):
            others = self._analysis.once(backrefs)
            if others is None or "__table__" in body.assigned:
                return None
            found |= others
        if mapper_of(kind, self._program):
            made, others = of_fields(kind, self._program), self._analysis.once(given_by_others)
            if made is None or others is None:
                return None
            found |= made | others
        return frozenset(found)

    def _is_described(self, kind: ClassSymbol) -> bool:
        """`secret = Hashed("_secret")`: a descriptor of the program writes into the objects under names that it works out."""
        for assigned in kind.body.assigned.values():
            for each in assigned:
                if each.value[0] == "call":
                    symbol = self._program.evaluate(kind.body.facts.calls[each.value[1]].callee, kind.body)
                    if isinstance(symbol, ClassSymbol) and any(
                        _writes_elsewhere(method)
                        for above in self._program.order(symbol)[0]
                        for method in above.methods.get("__set__", ())
                    ):
                        return True
        return False

    def _adds_nothing(self, kind: ClassSymbol) -> bool:
        for name, value in kind.facts.keywords:
            if name == "metaclass" and last_name(value) not in PLAIN_METACLASSES:
                return False
            # What a class passes to `__init_subclass__` may do anything there; what these do with it is known.
            if name != "metaclass" and not self._parents.above(kind, MODELS | SETTINGS | SQL_MODELS | TYPED):
                return False
        around = kind.module.function(kind.facts.scope)
        return all(self._decorators.hands_back(each, around) for each in kind.facts.decorators)

    def are_together(self, names: set[str]) -> bool:
        """Some class of the program has all of these names in its own body."""
        first, *rest = names
        return any(all(each in body for each in rest) for body in self._bodies.get(first, ()))

    @lazily
    def _bodies(self) -> dict[str, list[set[str]]]:
        """What each class has in its body or sets on itself, by each of the names."""
        found: dict[str, list[set[str]]] = defaultdict(list)
        for module in self._program.own:
            for kind in module.classes:
                own = {*kind.body.assigned, *kind.methods, *kind.set_on_self}
                for name in own:
                    found[name].append(own)
        return found


def _set_by(kind: ClassSymbol) -> Iterator[str]:
    """What its methods give a value: `self.total: int` in one of them only says what somebody else may put there, and
    `self.total += 1` reads what is there first.
    """
    for name, given in kind.set_on_self.items():
        if any(each.how not in ("declared", "augmented") for _, each in given):
            yield name


def _writes_its_dictionary(method: FunctionSymbol) -> bool:
    """The method puts names that are not seen here into `self.__dict__`, or hands it to a variable that may do so."""
    if DICTIONARY in [each.target for each in method.facts.assignments] or _sets_computed_names(method):
        return True
    if KEEPING_ARGUMENTS in method.called:
        return True
    places = [use.where for use in method.facts.uses if use.name == "self.__dict__"]
    if "vars" in method.facts.loads:
        places += [call.where for call in method.facts.calls if call.callee == ("name", "vars")]
    return any(where[0] in ("store", "assign") or where in PUTTING for where in places)


def _sets_computed_names(method: FunctionSymbol) -> bool:
    """`super().__setattr__(name, value)`, `object.__setattr__(self, name, value)`, past what the class does with its names."""
    if method.name == "__setattr__":
        return False  # it is given every name that is set anywhere, and those are seen there
    for call in method.facts.calls:
        match call.callee, call.arguments:
            case ("attribute", ("call", int()), "__setattr__"), (name, _) if name[0] != "string":
                return True
            case ("attribute", ("name", _), "__setattr__"), (target, name, _) if target == SELF and name[0] != "string":
                return True
    return False


def _writes_elsewhere(method: FunctionSymbol) -> bool:
    """`setattr(instance, self.name, value)`, `instance.__dict__[self.name] = value`."""
    if any(last_name(call.callee) in ("setattr", "__setattr__") for call in method.facts.calls):
        return True
    return any(each.target[0] == "subscript" and last_name(each.target[1]) == "__dict__" for each in method.facts.assignments)


def is_bound_once(kind: ClassSymbol | FunctionSymbol) -> bool:
    """Its name means nothing else in its scope: no second definition, no import or assignment in another branch."""
    number = kind.facts.scope if isinstance(kind, ClassSymbol) else kind.facts.parent
    around = kind.module.function(number)
    functions, classes = kind.module.nested.get(number, ({}, {}))
    name = kind.name
    defined = len(functions.get(name, ())) + len(classes.get(name, ()))
    return defined == 1 and name not in around.assigned and name not in around.imported


def _slots(body: FunctionSymbol) -> set[str]:
    found = set()
    for each in body.assigned.get("__slots__", ()):
        if each.value[0] in ("list", "tuple", "set"):
            found |= {part[1] for part in each.value[1] if part[0] == "string"}
        elif each.value[0] == "string":
            found.add(each.value[1])
    return found


def _is_a_stand_in(kind: ClassSymbol) -> bool:
    """It is written for type checkers, in the place of another one that is there at run time."""
    return is_for_checkers(kind.facts.line, kind.module.function(kind.facts.scope).facts)
