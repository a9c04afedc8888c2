"""What the classes and modules of the program hold, and of which of them all of it is known.

A class is closed when nothing can give it a member that is not seen here: every base is a class of the program or one whose
members are known by name, nothing answers for missing names, no decorator or metaclass that adds any, nobody writes into it
by computed names. An object of a class may be one of any class below it, so those count as well, with their other bases.
"""

import builtins
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Decorator, Expression, dotted, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.models import ALLOW, extra
from netra.guard.members.tables import BESIDE, MAPPED, TABLES, backrefs, declarative_parent
from netra.guard.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol
from netra.guard.values import Instance, ModuleValue, Routine, TypeOf, Value

# MemberNames that a class gets from bases outside the program, by their names in full.
OF_ENUMS: Final = frozenset("name value _name_ _value_ _missing_ _generate_next_value_ _ignore_ _order_ _sort_order_".split())
OF_MODELS: Final = frozenset(
    """model_config model_fields model_computed_fields model_extra model_fields_set model_construct model_copy model_dump
    model_dump_json model_json_schema model_parametrized_name model_post_init model_rebuild model_validate model_validate_json
    model_validate_strings dict json parse_obj parse_raw parse_file from_orm construct copy schema schema_json validate
    update_forward_refs Config __fields__ __fields_set__ __pydantic_fields__ __pydantic_extra__ __pydantic_private__
    __pydantic_fields_set__ __pydantic_validator__ __pydantic_serializer__ __pydantic_core_schema__ __signature__
    __private_attributes__ __class_vars__ __pydantic_decorators__ __pydantic_complete__ __rich_repr__ __repr_args__
    __repr_name__ __repr_str__ __pretty__ __iter__ __copy__ __deepcopy__ __pydantic_generic_metadata__
    __get_pydantic_core_schema__ __get_pydantic_json_schema__ __get_validators__ __modify_schema__ __validators__
    __config__ __pydantic_extra__ __pydantic_model__ __pydantic_init_subclass__""".split()
)
OF_NAMED_TUPLES: Final = frozenset(dir(tuple)) | {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}
OF_ABSTRACT: Final = frozenset({"register", "_abc_registry_clear", "_abc_caches_clear", "_dump_registry"})
OUTSIDE: Final[dict[str, frozenset[str]]] = {
    **{f"{module}.{name}": frozenset() for module in ("typing", "typing_extensions") for name in ("Generic", "Protocol")},
    **{f"{module}.NamedTuple": OF_NAMED_TUPLES for module in ("typing", "typing_extensions")},
    **{f"{module}.TypedDict": frozenset(dir(dict)) for module in ("typing", "typing_extensions")},
    "abc.ABC": OF_ABSTRACT,
    "enum.Enum": OF_ENUMS,
    "enum.Flag": OF_ENUMS,
    "enum.IntEnum": OF_ENUMS | frozenset(dir(int)),
    "enum.IntFlag": OF_ENUMS | frozenset(dir(int)),
    "enum.StrEnum": OF_ENUMS | frozenset(dir(str)),
    "pydantic.BaseModel": OF_MODELS,
    "pydantic.main.BaseModel": OF_MODELS,
    **{
        name: OF_MODELS | {"settings_customise_sources"}
        for name in ("pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings", "pydantic.BaseSettings")
    },
    **MAPPED,
    **BESIDE,
}
ENUMS: Final = frozenset(name for name in OUTSIDE if name.startswith("enum."))
SETTINGS: Final = frozenset(name for name in OUTSIDE if name.endswith(".BaseSettings"))
MODELS: Final = frozenset(name for name in OUTSIDE if name.startswith("pydantic.")) - SETTINGS
TYPED: Final = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})
PROTOCOLS: Final = frozenset({"typing.Protocol", "typing_extensions.Protocol"})

OF_CLASSES: Final = frozenset(dir(type)) | {"__members__", "__annotations__", "__abstractmethods__", "__slots__"}
OF_OBJECTS: Final = frozenset(dir(object)) | frozenset(
    """__dict__ __weakref__ __annotations__ __slots__ __orig_class__ __orig_bases__ __parameters__ __match_args__
    __dataclass_fields__ __dataclass_params__ __post_init__ __attrs_attrs__ __attrs_post_init__ __qualname__ __name__
    __abstractmethods__ __type_params__ __protocol_attrs__ __total__ __required_keys__ __optional_keys__""".split()
)

# Decorators of classes that add no members but those with two underscores.
ADDING_NOTHING: Final = frozenset(
    "dataclass total_ordering final runtime_checkable unique verify define frozen mutable attrs attributes s deprecated".split()
)
# Answers for names that are nowhere, or for the object itself: what is read from a descriptor is not the descriptor.
ANSWERING: Final = frozenset({"__getattr__", "__getattribute__", "__new__", "__get__"})
# Where such decorators come from. One of the same name from elsewhere may add anything.
OF_DECORATORS: Final = frozenset("dataclasses functools typing typing_extensions enum attr attrs warnings pydantic".split())
# Metaclasses that add nothing to what a class holds, each with what the class itself answers to.
PLAIN_METACLASSES: Final[dict[str, frozenset[str]]] = {
    "ABCMeta": OF_ABSTRACT,
    "EnumMeta": frozenset(),
    "EnumType": frozenset(),
}

# Bases outside the program that have no methods to hand anything on to.
WITHOUT_METHODS: Final = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing_extensions.Generic"})

MADE_FOR_OTHERS: Final = re.compile("[Mm]ixin|MixIn|^_?(Base|Abstract)[A-Z]|Base$|Interface|Protocol$")

WRITING: Final = frozenset({"exec", "locals", "vars", "globals"})


class MemberNames:
    """Answers about what classes and modules hold, each worked out once; use `analysis.once(MemberNames)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._of: dict[ClassSymbol, frozenset[str] | None] = {}
        self._own: dict[ClassSymbol, frozenset[str] | None] = {}
        self._outside: dict[ClassSymbol, list[str]] = {}
        self._above: dict[tuple[ClassSymbol, frozenset[str]], bool] = {}

    # --- classes ---------------------------------------------------------------------------------------------------------

    def of(self, kind: ClassSymbol) -> frozenset[str] | None:
        """Every name that an object of the class, or of one below it, may have; None when some of them are not known."""
        if kind not in self._of:
            self._of[kind] = self._gathered(kind)
        return self._of[kind]

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
        if kind.module.library or kind.module.file.problems or not is_bound_once(kind):
            return None
        if kind.name in self.rivals or kind in self._written_into:
            return None
        body = kind.body
        functions, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
        found = {*functions, *classes, *body.assigned, *body.imported, *kind.set_on_self, *_slots(body)}
        if found & ANSWERING or "*" in found or not self._adds_nothing(kind) or self._is_described(kind):
            return None
        if self.above(kind, MODELS | SETTINGS) and extra(kind, self._program) in (ALLOW, None):
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
        for dotted_base in self.outside(kind):
            members = _of_outside(dotted_base)
            if members is None:
                return None
            found |= members
        if self.above(kind, TABLES):
            others = self._analysis.once(backrefs)
            if others is None or "__table__" in body.assigned:
                return None
            found |= others
        return frozenset(found)

    def outside(self, kind: ClassSymbol) -> list[str]:
        """The bases of the class that are not of the program, by their names in full; empty for one that is not understood."""
        if kind not in self._outside:
            self._outside[kind] = self._find_outside(kind)
        return self._outside[kind]

    def _find_outside(self, kind: ClassSymbol) -> list[str]:
        found = []
        around = kind.module.function(kind.facts.scope)
        for base in kind.facts.bases:
            match self._program.evaluate(base[1] if base[0] == "subscript" else base, around):
                case ClassSymbol():
                    continue
                case External(dotted=name):
                    found.append(name)
                case _:
                    found.append(declarative_parent(base, around, self._program))
        return found

    def above(self, kind: ClassSymbol, names: frozenset[str]) -> bool:
        """Some class above, or the class itself, has one of these bases outside the program."""
        if (found := self._above.get((kind, names))) is None:
            found = any(not names.isdisjoint(self.outside(each)) for each in self._program.order(kind)[0])
            self._above[kind, names] = found
        return found

    def is_part_of_others(self, kind: ClassSymbol) -> bool:
        """The class is made to stand beside others, as a mixin or with methods that somebody else has to write."""
        if MADE_FOR_OTHERS.search(kind.name) or self._is_never_made(kind):
            return True
        if "abc.ABC" in self.outside(kind) or any(name == "metaclass" for name, _ in kind.facts.keywords):
            return True
        # A method that is left open in one class, and written in one that comes before it, is there.
        seen: set[str] = set()
        for each in self._program.order(kind)[0]:
            for name, methods in each.methods.items():
                if name not in seen and any(_is_left_open(one) for one in methods):
                    return True
            seen.update(each.methods, each.body.assigned)
        return False

    def _is_never_made(self, kind: ClassSymbol) -> bool:
        """A plain class without a constructor that nothing calls by its name: its methods are given to something else."""
        order = self._program.order(kind)[0]
        if any(
            "__init__" in each.methods or each.facts.decorators or {*self.outside(each)} - WITHOUT_METHODS for each in order
        ):
            return False
        return not self._is_made(kind)

    def _is_made(self, kind: ClassSymbol) -> bool:
        below = self._program.subclasses.get(kind, ())
        return any(each.name in self._program.calls_named for each in (kind, *below))

    def is_completed_elsewhere(self, kind: ClassSymbol, name: str) -> bool:
        """A mixin that nobody here combines or makes: it hands on what nothing above takes, and another class has the name."""
        if self._is_made(kind) or not any(self._hands_on(each) for each in self._cooperating(kind)):
            return False
        return bool(self._bodies.get(name))

    def _cooperating(self, kind: ClassSymbol) -> Iterator[tuple[CallSite, FunctionSymbol, list[ClassSymbol]]]:
        """Each `super().method(…)` in the class or above it, with its method and the classes that are asked for it."""
        order = self._program.order(kind)[0]
        for place, each in enumerate(order):
            for methods in each.methods.values():
                for method in methods:
                    for call in method.facts.calls:
                        match call.callee:
                            case ("attribute", ("call", int(inner)), _):
                                if method.facts.calls[inner].callee == ("name", "super"):
                                    yield call, method, [*order[place + 1 :]]

    def _hands_on(self, given: tuple[CallSite, FunctionSymbol, list[ClassSymbol]]) -> bool:
        """`super().__init__(*args, **kwargs)` that comes to `object`, or `super().stage()` of nothing."""
        call, method, above = given
        name = call.callee[2]
        if any(name in each.methods or name in each.body.assigned for each in above):
            return False
        if any({*self.outside(each)} - WITHOUT_METHODS for each in above) or (
            method.owner is not None and {*self.outside(method.owner)} - WITHOUT_METHODS
        ):
            return False
        return bool(call.arguments or call.keywords) if name == "__init__" else name not in OF_OBJECTS

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
            if name != "metaclass" and not self.above(kind, MODELS | SETTINGS | TYPED):
                return False
        around = kind.module.function(kind.facts.scope)
        return all(self._hands_back(each, around) for each in kind.facts.decorators)

    def _hands_back(self, decorator: Decorator, around: FunctionSymbol) -> bool:
        """The decorator gives back the class that it was given, without any new member."""
        symbol = self._program.evaluate(decorator.callee, around)
        if symbol is None and decorator.callee[0] == "attribute":
            match self._receivers.value(decorator.callee, around):
                case Routine(function=function):
                    symbol = function
        if isinstance(symbol, External) and symbol.dotted.partition(".")[0] not in OF_DECORATORS:
            return False
        if not isinstance(symbol, FunctionSymbol):
            return last_name(decorator.callee) in ADDING_NOTHING and not isinstance(symbol, ClassSymbol)
        target = symbol
        if decorator.called:
            inner = [each for each in symbol.children if ("name", each.name) in {one.value for one in symbol.facts.returned}]
            if len(inner) != 1 or len(symbol.facts.returned) != 1:
                return False
            target = inner[0]
        parameters = [each.name for each in target.facts.parameters]
        if not parameters or not target.facts.returned or target.facts.decorators:
            return False
        given = parameters[1] if parameters[0] in ("self", "cls") and len(parameters) > 1 else parameters[0]
        if any(last_name(call.callee) == "setattr" for call in target.facts.calls) or given in target.assigned:
            return False
        return all(
            each.value == ("name", given) or self._registers(each.value, given, target) for each in target.facts.returned
        )

    def _registers(self, returned: Expression, given: str, scope: FunctionSymbol) -> bool:
        """`return registry.register(name)(cls)`, where that hands the class back as well."""
        if returned[0] != "call":
            return False
        call = scope.facts.calls[returned[1]]
        if call.arguments != (("name", given),) or call.keywords:
            return False
        made = scope.facts.calls[call.callee[1]] if call.callee[0] == "call" else None
        return self._hands_back(Decorator(call.callee if made is None else made.callee, made is not None, (), (), 0), scope)

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

    # --- what is written from outside ------------------------------------------------------------------------------------

    @lazily
    def rivals(self) -> frozenset[str]:
        """Names that some module imports from more than one place, as in `try: from a import C` / `except ImportError: …`,
        or that another file gives another meaning: `prices.Price = FastPrice`.
        """
        found = set()
        for module in self._program.own:
            for name, imports in module.top.imported.items():
                functions, classes = module.nested.get(0, ({}, {}))
                several = len(imports) > 1 and len({(each.module, each.level, each.name) for each in imports}) > 1
                # Each `import a.b` and `import a.c` binds `a`, and the same.
                if (several and any(each.name for each in imports)) or name in classes or name in functions:
                    found.add(name)
        for name, places in self._writes.items():
            for scope, target in places:
                match None if scope.module.in_tests else self._program.evaluate(target, scope):
                    case ModuleSymbol() as module if name in module.top.bound:
                        found.add(name)
        return frozenset(found)

    @lazily
    def _writes(self) -> dict[str, list[tuple[FunctionSymbol, Expression]]]:
        """Attributes that are set on anything but the `self` of a method, by name: where, and on what."""
        found: dict[str, list[tuple[FunctionSymbol, Expression]]] = defaultdict(list)
        for module in self._program.own:
            for scope in module.functions:
                method = scope.owner is not None
                for each in scope.facts.assignments:
                    # `reply.text += more` reads what is there first: it gives nobody a name that he has not.
                    if each.target[0] != "attribute" or each.how == "augmented":
                        continue
                    if not (method and each.target[1] in (SELF, CLS)):
                        found[each.target[2]].append((scope, each.target[1]))
        for name in ("setattr", "__setattr__", "delattr", "object", "patch"):
            for scope, index in self._program.calls_named.get(name, ()):
                match scope.facts.calls[index].arguments:
                    case (target, ("string", str(text)), *_):
                        found[text].append((scope, target))
        return found

    @lazily
    def _written_into(self) -> frozenset[ClassSymbol | ModuleSymbol]:
        """Classes and modules that get members under computed names."""
        found: set[ClassSymbol | ModuleSymbol] = set()
        for name in ("setattr", "__setattr__", "update"):
            for scope, index in self._program.calls_named.get(name, ()):
                call = scope.facts.calls[index]
                target: Expression | None = None
                match call.callee, call.arguments:
                    case _, (first, ("string", _), *_) if name != "update":
                        continue
                    case (("attribute", ("attribute", inner, "__dict__"), "update"), _):
                        target = inner
                    case (_, (first, _, _)) if name != "update":
                        target = first
                if target is not None:
                    for value in self._possible(_object_of(target, scope), scope):
                        match value:
                            case Instance(kind=kind) if self.above(kind, TABLES | MODELS):
                                pass  # `for name, value in changes.items(): setattr(row, name, value)` fills what is declared
                            case Instance(kind=kind) | TypeOf(kind=kind):
                                found.add(kind)  # what is above and below it asks for it, too
                            case ModuleValue(module=module):
                                found.add(module)
        # `type(name, (Kind,), members)` makes a class below it, whose members are worked out.
        for scope, _, call in self._program.calls_of(("type", "new_class")):
            if len(call.arguments) > 1:
                written = call.arguments[1][1] if call.arguments[1][0] == "tuple" else ()
                for base in written:
                    match self._receivers.value(base, scope):
                        case TypeOf(kind=kind):
                            found.add(kind)
                if not written or any(base[0] == "star" for base in written):
                    found.update(self._handed_to(scope))
        # A plain class that SQLAlchemy maps gets the columns of its table.
        for scope, _, call in self._program.calls_of(("map_imperatively", "mapper")):
            for given in call.arguments[:1]:
                match self._receivers.value(given, scope):
                    case TypeOf(kind=kind):
                        found.add(kind)
        return frozenset(found)

    def _handed_to(self, scope: FunctionSymbol) -> Iterator[ClassSymbol]:
        """The classes that a scope names, and those that come to it by an attribute: `[each.schema for each in stages]`."""
        asked = {expression[2]: expression for read in scope.facts.reads for expression in _attributes(read.expression)}
        for expression in (*asked.values(), *(("name", name) for name in scope.facts.loads)):
            match self._program.evaluate(expression, scope):
                case ClassSymbol() as kind:
                    yield kind
        for name in asked:
            for module in self._program.own:
                for holder in module.classes:
                    given = [(holder.body, each) for each in holder.body.assigned.get(name, ())]
                    for where, each in (*given, *holder.set_on_self.get(name, ())):
                        match self._program.evaluate(each.value, where):
                            case ClassSymbol() as kind:
                                yield kind

    def is_given_computed(self, kind: ClassSymbol) -> bool:
        """The class, or one above it, gets members under names that are worked out: any of its methods may be another."""
        return not self._written_into.isdisjoint(self._program.order(kind)[0])

    def _possible(self, target: Expression, scope: FunctionSymbol) -> list[Value | None]:
        """What something is; of a parameter of which that is not known, all that known callers pass."""
        value = self._receivers.value(target, scope)
        number = scope.parameters.get(target[1]) if target[0] == "name" else None
        if value is not None or number is None:
            return [value]
        given = self._receivers.parameters.given(scope, scope.facts.parameters[number], number)
        return [self._receivers.value(each, caller) for caller, each in given if each is not None]

    def is_remade(self, kind: ClassSymbol) -> bool:
        """Some code gives the class, or one of that name, another constructor: `module.Agent.__init__ = MagicMock()`."""
        return any(last_name(target) == kind.name for _, target in self._writes.get("__init__", ()))

    @lazily
    def _beginnings(self) -> frozenset[str]:
        """How names begin that are worked out, and set on an object that is not known: `setattr(plugin, "_" + key, value)`."""
        found = set()
        for scope, _, call in self._program.calls_of(("setattr",)):
            match call.arguments:
                case (target, ("operator", "+", ("string", str(text)), _) | ("formatted", (("string", str(text)), _)), _):
                    if self._possible(target, scope) == [None]:
                        found.add(text)
        return frozenset(found)

    @lazily
    def _keys(self) -> frozenset[str]:
        """Every key that the program writes into a dictionary, and every name under which it passes something."""
        found: set[str] = set()
        for scope in self._program.scopes:
            for call in scope.facts.calls:
                found.update(name for name, _ in call.keywords)
            values = [*(each.value for each in scope.facts.assignments), *(each.value for each in scope.facts.returned)]
            values += [each for call in scope.facts.calls for each in call.arguments]
            for value in values:
                if value[0] == "dict":
                    found.update(key[1] for key, _ in value[1] if key[0] == "string")
            found.update(
                each.target[2][1]
                for each in scope.facts.assignments
                if each.target[0] == "subscript" and each.target[2][0] == "string"
            )
        return frozenset(found)

    def is_written(self, kind: ClassSymbol | ModuleSymbol, name: str) -> bool:
        """Some code outside may give the class, or its objects, a member of that name."""
        if isinstance(kind, ClassSymbol) and any(
            name.startswith(each) and name.removeprefix(each) in self._keys for each in self._beginnings
        ):
            return True
        # An object of a Pydantic model refuses names that are no fields of it: it is none of those of which nothing is known.
        refuses = isinstance(kind, ClassSymbol) and self.above(kind, MODELS | SETTINGS)
        for scope, target in self._writes.get(name, ()):
            match self._receivers.value(target, scope):
                case Instance(kind=other) | TypeOf(kind=other) if isinstance(kind, ClassSymbol):
                    related = {*self._program.order(kind)[0], *self._program.subclasses.get(kind, ())}
                    if other in related or not related.isdisjoint(self._program.order(other)[0]):
                        return True
                case Instance() | TypeOf():
                    continue
                case ModuleValue(module=module):
                    if module is kind:
                        return True
                case _:
                    if not refuses:
                        return True
        return False

    # --- modules ---------------------------------------------------------------------------------------------------------

    def lacks(self, module: ModuleSymbol, name: str) -> bool:
        """The module of the program has no such name, and nothing that could give it one unseen."""
        if name.startswith("__") or module.library or self._program.member(module, name) is not None:
            return False
        if name in module.top.bound:
            return False  # by several branches that disagree
        if name in self.given_globally(module) or module in self._written_into or self.is_written(module, name):
            return False
        if not self._tells_all(module, name, set()) or any(
            each.startswith(f"{module.name}.{name}.") for each in self._program.modules
        ):
            return False
        around = module.top
        for kind in module.classes:
            # `@enum_members` may write `State_OPEN` into the module of `State`.
            if kind.name in name and not all(self._hands_back(each, around) for each in kind.facts.decorators):
                return False
        # A compiled module, a folder without Python in it, a file that was left out.
        return not module.package or not any(Path(module.path).parent.glob(f"{name}*"))

    def named_in(self, module: ModuleSymbol) -> list[str]:
        """What stands at the top of the module, by name."""
        functions, classes = module.nested.get(0, ({}, {}))
        return sorted({*functions, *classes, *module.top.assigned, *module.top.imported})

    def given_globally(self, module: ModuleSymbol) -> frozenset[str]:
        """Names that functions of the module declare `global`."""
        return frozenset(name for function in module.file.functions for name in function.globals)

    def _tells_all(self, module: ModuleSymbol, name: str, seen: set[str]) -> bool:
        """Everything that the module holds stands in it, or in what it imports `*` from, and the name does not."""
        seen.add(module.name)
        functions, classes = module.nested.get(0, ({}, {}))
        if module.file.problems or module.library or {"__getattr__"} & {*functions, *classes, *module.top.assigned}:
            return False
        for function in module.file.functions:
            for call in function.calls:
                if call.callee[0] == "name" and call.callee[1] in WRITING:
                    return False
            if any("sys.modules" in (dotted(each.target[1]) or "") for each in function.assignments if len(each.target) > 2):
                return False
        for each in module.top.imported.get("*", ()):
            source = self._program.source_of(each, module)
            if (
                source is None
                or name in source.top.bound
                or (source.name not in seen and not self._tells_all(source, name, seen))
            ):
                return False
        return "__getattr__" not in module.top.imported


def _attributes(expression: Expression) -> Iterator[Expression]:
    """`a.b.c` and `a.b` of `a.b.c`."""
    while expression[0] == "attribute":
        yield expression
        expression = expression[1]


def _writes_its_dictionary(method: FunctionSymbol) -> bool:
    """The method puts names that are not seen here into `self.__dict__`, or hands it to a variable that may do so."""
    if DICTIONARY in [each.target for each in method.facts.assignments] or _sets_computed_names(method):
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


def _object_of(target: Expression, scope: FunctionSymbol) -> Expression:
    """`self` of `self.__class__` and of `type(self)`: what is given to the class is found on the object."""
    match target:
        case ("attribute", inner, "__class__"):
            return inner  # type: ignore[no-any-return]
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee == ("name", "type") and len(call.arguments) == 1:
                return call.arguments[0]
    return target


def _writes_elsewhere(method: FunctionSymbol) -> bool:
    """`setattr(instance, self.name, value)`, `instance.__dict__[self.name] = value`."""
    if any(last_name(call.callee) in ("setattr", "__setattr__") for call in method.facts.calls):
        return True
    return any(each.target[0] == "subscript" and last_name(each.target[1]) == "__dict__" for each in method.facts.assignments)


def _is_left_open(method: FunctionSymbol) -> bool:
    """Somebody else has to write the method."""
    facts = method.facts
    return "abstractmethod" in method.decorator_names or (facts.abstract and bool(facts.raises))


SELF: Final = ("name", "self")
DICTIONARY: Final = ("attribute", SELF, "__dict__")
PUTTING: Final = [("attribute", "update"), ("attribute", "setdefault"), ("attribute", "__setitem__")]
CLS: Final = ("name", "cls")


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


def _of_outside(name: str) -> frozenset[str] | None:
    if name in OUTSIDE:
        return OUTSIDE[name]
    module, _, builtin = name.rpartition(".")
    kind = getattr(builtins, builtin, None) if module == "builtins" and builtin != "type" else None
    return frozenset(dir(kind)) if isinstance(kind, type) else None
