"""What functions and constructors of the program take, decorators, overrides and made-up constructors understood."""

from collections.abc import Mapping
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, NOTHING, PLAIN, Assignment, Decorator, Expression, last_name
from netra.guard.meaning.models import FORBID, ModelField, decorated_as, extra, fields
from netra.guard.meaning.parameters import OWN_NAMES
from netra.guard.meaning.replacing import is_replaced
from netra.guard.members.mappers import DJANGO, mapper_of
from netra.guard.members.members import PLAIN_METACLASSES, MemberNames, is_bound_once
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parameters import KEEPING, Signature, of_parameters
from netra.guard.members.parents import ENUMS, MODELS, TYPED, Parents
from netra.guard.members.tables import TABLES
from netra.guard.onlookers import passes_all
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Routine

# Decorators that note a function as the answer to a request, and give it back: `@router.get("/users")`.
ROUTING: Final = frozenset("get post put delete patch head options websocket route api_route".split())

# What stands in the body of a model, and sees one field or none.
OF_FIELDS: Final = frozenset("PrivateAttr field_validator validator field_serializer serializer computed_field".split())


class Signatures:
    """Answers about what can be passed, each worked out once; use `analysis.once(Signatures)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._parents = analysis.once(Parents)
        self._members = analysis.once(MemberNames)
        self._outside = analysis.once(OutsideWrites)
        self._functions: dict[tuple[FunctionSymbol, bool], Signature | None] = {}
        self._routines: dict[tuple[FunctionSymbol, ClassSymbol | None, bool], list[Signature] | None] = {}
        self._classes: dict[ClassSymbol, Signature | None] = {}
        self._models: dict[ClassSymbol, Signature | None] = {}

    def of_function(self, function: FunctionSymbol, *, bound: bool) -> Signature | None:
        """What a call of the function takes, when its decorators leave that as it is; `bound`: `self` is there already."""
        key = (function, bound)
        if key not in self._functions:
            self._functions[key] = self._declared(function, bound=bound)
        return self._functions[key]

    def of_constructor(self, kind: ClassSymbol) -> Signature | None:
        """What making an object of the class takes; None when that is not known."""
        if kind not in self._classes:
            self._classes[kind] = self._constructed(kind)
        return self._classes[kind]

    def of_model(self, kind: ClassSymbol) -> Signature | None:
        """What a pydantic model takes and needs by keyword; None when validators, aliases or bases may change that."""
        if kind not in self._models:
            self._models[kind] = self._validated(kind)
        return self._models[kind]

    def of_routine(self, routine: Routine) -> list[Signature] | None:
        """What the function takes, and what each method takes that may stand in its place; None when one is not understood."""
        key = (routine.function, routine.receiver, routine.bound)
        if key not in self._routines:
            self._routines[key] = self._possible(routine)
        return self._routines[key]

    def _possible(self, routine: Routine) -> list[Signature] | None:
        function = routine.function
        owner = function.owner
        if owner is None:
            if function.name in self._outside.rivals:
                return None
            taken = self.of_function(function, bound=routine.bound)
            return None if taken is None else [taken]
        candidates = [function]
        receiver = routine.receiver or owner
        if receiver.name in self._outside.rivals or not is_bound_once(receiver):
            return None
        if any("__getattribute__" in each.methods for each in self._program.order(receiver)[0]):
            return None  # it may hand out something else under any name
        if owner is not receiver and not self._is_reached_first(owner, receiver):
            return None
        for below in self._program.subclasses.get(receiver, ()):
            if function.name in below.body.assigned:
                return None
            # `class Channel(Base, AbstractChannel)` has what `Base` says, wherever that stands in its order.
            first = next((each for each in self._program.order(below)[0] if function.name in each.methods), below)
            candidates += [each for each in first.methods.get(function.name, ()) if each not in candidates]
        if self._outside.is_given_computed(receiver) or self._outside.is_written(receiver, function.name):
            return None
        if any(function.name in each.set_on_self for each in self._program.order(receiver)[0]):
            return None
        found = [self.of_function(each, bound=_is_bound(each, routine)) for each in candidates]
        return None if None in found else [each for each in found if each is not None]

    def _declared(self, function: FunctionSymbol, *, bound: bool) -> Signature | None:
        for decorator in function.facts.decorators:
            around = function.parent
            symbol = None if around is None else self._program.evaluate(decorator.callee, around)
            if isinstance(symbol, FunctionSymbol) and not symbol.module.library:
                if not hands_on(symbol, called=decorator.called):
                    return None
            elif isinstance(symbol, ClassSymbol) or not _keeps(decorator):
                return None
        if function.module.library or not _is_alone(function):
            return None
        parameters = function.facts.parameters
        if bound:
            if not parameters or parameters[0].position != "positional":
                return None
            if (
                parameters[0].name not in OWN_NAMES
                and function.owner is not None
                and not self._program.order(function.owner)[1]
            ):
                return None  # below a class that is not known (zope's `Interface`), methods may be written without `self`
            parameters = parameters[1:]
        return of_parameters(parameters, function.module.path, function.facts.line)

    def _is_reached_first(self, owner: ClassSymbol, kind: ClassSymbol, below: tuple[ClassSymbol, ...] = ()) -> bool:
        """No base that is not understood is asked before the class that has the method.

        `below`: the classes on the way. One that is its own base, as far as names tell, is not understood.
        """
        around = kind.module.function(kind.facts.scope)
        for base in kind.facts.bases:
            match self._program.evaluate(base[1] if base[0] == "subscript" else base, around):
                case ClassSymbol() as above if owner in self._program.order(above)[0]:
                    return above is owner or (above not in below and self._is_reached_first(owner, above, (*below, kind)))
                case ClassSymbol() as above if self._program.order(above)[1]:
                    continue
                case _:
                    return False
        return False

    def _constructed(self, kind: ClassSymbol) -> Signature | None:
        if kind.module.library or kind.module.file.problems or not is_bound_once(kind) or kind.name in self._outside.rivals:
            return None
        if self._outside.is_remade(kind):
            return None
        order, _ = self._program.order(kind)
        if self._members.of(kind) is None and (not _makes_itself(kind) or self._outside.is_written(kind, "__init__")):
            return None
        if any(name == "metaclass" for name, _ in kind.facts.keywords) or self._parents.above(kind, ENUMS | TYPED):
            return None
        if any(_is_called_otherwise(each) for each in order):
            return None
        for each in order:
            if "__new__" in each.methods or is_replaced(each, self._program):
                return None
            made, told = decorated_as(each, self._program)
            if "__init__" in each.methods:
                taken = self.of_function(each.methods["__init__"][0], bound=True)
                return taken if len(each.methods["__init__"]) == 1 else None
            if made:
                return self._of_fields(each, made, told)
            if each.facts.decorators:
                return None
            if "__init__" in each.body.assigned or "__call__" in each.body.assigned:
                return None
        if self._parents.above(kind, MODELS):
            return self.of_model(kind)
        if self._parents.above(kind, TABLES):
            held = self._members.of(kind) or frozenset()
            return Signature((), held, (), path=kind.module.path, line=kind.facts.line)
        if mapper_of(kind, self._program) == DJANGO:
            held = self._members.of(kind) or frozenset()
            return Signature((), held, (), more_positional=True, path=kind.module.path, line=kind.facts.line)
        if self._parents.above(kind, frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"})):
            return self._of_fields(kind, "NamedTuple", {}) if len(order) == 1 else None
        if kind.body.facts.abstract and not self._program.bases(kind):
            return None  # `class Middleware: ...` stands for a class that is written somewhere else
        if self._outside.is_handed_over(kind):
            return None
        if any(each.module.library for each in order):
            return None  # what the library makes of it is its own affair
        outside = {name for each in order for name in self._parents.outside(each)}
        if outside <= {"builtins.object", "abc.ABC", "typing.Generic"}:
            return Signature((), frozenset(), (), path=kind.module.path, line=kind.facts.line)
        return None

    def _of_fields(self, kind: ClassSymbol, made: str, told: Mapping[str, Expression]) -> Signature | None:
        if told.keys() & {"**", "init"} or (made == "attrs" and "auto_attribs" in told):
            return None
        keyword_only = told.get("kw_only") == ("constant", "bool", True)
        found: dict[str, ModelField] = {}
        for each in reversed(self._program.order(kind)[0]):
            how, options = decorated_as(each, self._program)
            if made not in (how, "NamedTuple"):
                continue  # what a plain class above annotates is no field
            only = keyword_only if each is kind else options.get("kw_only") == ("constant", "bool", True)
            own = fields(each)
            if own is None:
                return None
            for name in {*found} - {one.name for one in own}:
                if any(one.annotation is not None for one in each.body.assigned.get(name, ())):
                    del found[name]  # `size: int = field(init=False)` below one that has to be passed
            for one in own:
                name = one.name.lstrip("_") if made == "attrs" else one.name
                if made == "attrs":
                    found.pop(one.name, None)  # it moves behind the fields that stand before it in its own class
                found[one.name] = one._replace(name=name, keyword_only=one.keyword_only or only)
        if any(one.aliases for one in found.values()):
            return None
        return Signature(
            tuple(one.name for one in found.values() if not one.keyword_only),
            frozenset(one.name for one in found.values()),
            tuple(one.name for one in found.values() if one.required),
            path=kind.module.path,
            line=kind.facts.line,
        )

    def _makes_annotations(self, kind: ClassSymbol) -> bool:
        """`owner: Reference[User]`, where `Reference.__class_getitem__` is the program's own: it may give a default as well."""
        heads = [
            each.annotation[1]
            for each in kind.body.facts.assignments
            if each.annotation is not None and each.annotation[0] == "subscript"
        ]
        kinds = (self._program.evaluate(head, kind.body) for head in heads)
        return any(
            isinstance(each, ClassSymbol)
            and not each.module.library
            and any("__class_getitem__" in above.methods for above in self._program.order(each)[0])
            for each in kinds
        )

    def _validated(self, kind: ClassSymbol) -> Signature | None:
        found: dict[str, ModelField] = {}
        needed: dict[str, None] = {}
        order, _ = self._program.order(kind)
        for each in reversed(order):
            own = fields(each)
            if own is None or each.facts.decorators or changes_its_input(each) or self._makes_annotations(each):
                return None
            found |= {one.name: one for one in own if not one.name.startswith("_")}
            for name, assigned in each.body.assigned.items():
                needed.pop(name, None)
                if name in found and found[name].required and not found[name].aliases:
                    annotation = assigned[-1].annotation
                    if annotation is not None and not self._may_be_none(annotation, each.body):
                        needed[name] = None
        names = {*found, *(alias for one in found.values() for alias in one.aliases)}
        closed = extra(kind, self._program) == FORBID
        return Signature(
            (),
            frozenset(names),
            tuple(needed),
            more_keywords=not closed,
            path=kind.module.path,
            line=kind.facts.line,
            validated=True,
        )

    def _may_be_none(self, annotation: Expression, scope: FunctionSymbol) -> bool:
        """Under pydantic 1 what may be None, or anything, need not be given; under 2 it has to. Which it is cannot be seen."""
        match annotation:
            case ("operator", "|", left, right):
                return self._may_be_none(left, scope) or self._may_be_none(right, scope)
            case ("subscript", head, key):
                parts = key[1] if key[0] == "tuple" else (key,)
                name = last_name(head)
                if name == "Annotated":
                    return self._may_be_none(parts[0], scope)
                return name == "Optional" or (name == "Union" and any(self._may_be_none(part, scope) for part in parts))
            case ("name" | "attribute", *_):
                symbol = self._program.evaluate(annotation, scope)
                if isinstance(symbol, External):
                    return symbol.last in ("Any", "object") or self._program.is_lost(symbol.dotted)
                return not isinstance(symbol, ClassSymbol)
        return True


def _is_bound(method: FunctionSymbol, routine: Routine) -> bool:
    """Whether it gets its object or class without being passed it, called as the routine is."""
    return "staticmethod" not in method.decorator_names and (routine.bound or "classmethod" in method.decorator_names)


def _keeps(decorator: Decorator) -> bool:
    """A decorator of a library leaves what its function takes as it is."""
    name = last_name(decorator.callee)
    if name in KEEPING:
        return True
    routes = name in ROUTING and decorator.called and decorator.callee[0] == "attribute"
    return routes and last_name(decorator.callee[1]) != "mock"  # `@mock.patch("…")` passes a mock


def hands_on(decorator: FunctionSymbol, *, called: bool) -> bool:
    """A decorator of the program calls what it wraps with all that it is given: `return f(*args, **kwargs)`."""
    if (mark := _either_way(decorator)) is not None:
        return hands_on(mark, called=False)
    if called:
        given = [one.value for one in decorator.facts.returned]
        inner = [each for each in decorator.children if ("name", each.name) in given]
        return len(inner) == 1 and len(given) == 1 and hands_on(inner[0], called=False)
    if not decorator.facts.parameters or decorator.facts.sort != PLAIN or not decorator.facts.returned:
        return False
    wrapped = decorator.facts.parameters[0].name
    wrappers = {each.name: each for each in decorator.children if each.facts.sort in (PLAIN, ASYNC)}
    for each in decorator.facts.returned:
        if each.value == ("name", wrapped):
            continue
        wrapper = wrappers.get(each.value[1]) if each.value[0] == "name" else None
        if wrapper is None or not passes_all(wrapper, wrapped):
            return False
    return wrapped not in decorator.assigned


def _either_way(decorator: FunctionSymbol) -> FunctionSymbol | None:
    """`mark` of `return mark if function is None else mark(function)`: the decorator of `@timed` and of `@timed(log=False)`."""
    facts = decorator.facts
    if not facts.parameters or facts.parameters[0].default != NOTHING:
        return None
    wrapped = ("name", facts.parameters[0].name)
    given = [part for one in facts.returned for part in (one.value[1] if one.value[0] == "choice" else (one.value,))]
    called = [facts.calls[each[1]] for each in given if each[0] == "call"]
    for each in decorator.children:
        mark = ("name", each.name)
        if each.facts.sort != PLAIN or mark not in given or len(called) + given.count(mark) < len(given):
            continue
        if called and all((one.callee, one.arguments, one.keywords) == (mark, (wrapped,), ()) for one in called):
            return each
    return None


def _is_alone(function: FunctionSymbol) -> bool:
    """Nothing else in its scope has its name, in whatever branch."""
    around = function.parent
    if around is None:
        return False
    functions, classes = function.module.nested.get(around.facts.number, ({}, {}))
    name = function.name
    return (
        len(functions.get(name, ())) == 1
        and name not in classes
        and name not in around.assigned
        and name not in around.imported
        and not function.module.file.problems
    )


def _makes_itself(kind: ClassSymbol) -> bool:
    """It has its own `__init__`, and no decorator: what else is not known of it does not matter, unless it has a metaclass."""
    return "__init__" in kind.methods and not kind.facts.decorators and not kind.facts.keywords


def _is_called_otherwise(kind: ClassSymbol) -> bool:
    """A metaclass stands between a call of the class and its `__init__`: `class Rule(with_metaclass(Rules, object))`."""
    named = any(name == "metaclass" and last_name(value) not in PLAIN_METACLASSES for name, value in kind.facts.keywords)
    return named or any(base[0] == "call" for base in kind.facts.bases)


def changes_its_input(kind: ClassSymbol) -> bool:
    """The model sees what it is given before its fields do, or has a constructor of its own or generated aliases."""
    if {"__init__", "__new__", "model_post_init", "__get_pydantic_core_schema__"} & kind.methods.keys():
        return True
    if "alias_generator" in str(kind.body.facts.calls) or "alias_generator" in str(kind.body.assigned.get("model_config", "")):
        return True
    _, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
    for index in classes.get("Config", ()):
        told = kind.module.of_class(index)
        if told.facts.bases or told.body.assigned.keys() & {"alias_generator", "fields"}:
            return True
    if any(_may_validate(each, kind.body) for each in kind.body.facts.assignments):
        return True
    for methods in kind.methods.values():
        for method in methods:
            for decorator in method.facts.decorators:
                if last_name(decorator.callee) in ("model_validator", "root_validator"):
                    given = dict(decorator.keywords)
                    if given.get("mode") != ("string", "after"):
                        return True
    return False


def _may_validate(each: Assignment, body: FunctionSymbol) -> bool:
    """`_check = refusing_others()`: what a model holds without an annotation is a validator, wherever it was made."""
    if each.annotation is not None or each.value[0] != "call" or each.target == ("name", "model_config"):
        return False
    callee = body.facts.calls[each.value[1]].callee
    if callee[0] == "call":  # `field_validator("name")(strip)`
        callee = body.facts.calls[callee[1]].callee
    return last_name(callee) not in OF_FIELDS
