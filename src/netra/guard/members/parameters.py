"""What a function or a constructor takes, and what a call of it misses or gives too much."""

from dataclasses import field, replace
from typing import Final

from netra.guard.facts import CallSite, Decorator, Expression, Parameter, last_name
from netra.guard.immutable import immutable
from netra.guard.members.presence import foreign_parents, is_model, is_record
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# Decorators under which a function takes what it takes without them.
KEEPING: Final = frozenset(
    """staticmethod classmethod abstractmethod override final no_type_check contextmanager asynccontextmanager cache lru_cache
    deprecated""".split()
)

# Bases that leave the constructor alone.
PLAIN_PARENTS: Final = frozenset("object ABC Generic Protocol NamedTuple".split())


@immutable
class Signature:
    """What can be passed, `self` left out: `positional` in order, `keywords` by name. Two that take the same are equal."""

    positional: tuple[str, ...]
    keywords: frozenset[str]
    required: tuple[str, ...]
    more_positional: bool = False
    more_keywords: bool = False
    path: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    """Where it says so."""
    validated: bool = field(default=False, compare=False)
    """A pydantic model looks at what it is given by name, and raises its own error."""

    raised: tuple[str, ...] = field(default=(), compare=False)
    """What a mapper raises for a name that it does not know."""

    @property
    def begun(self) -> "Signature":
        """The same, where what is missing may come later."""
        return replace(self, required=())

    def errors(self, call: CallSite) -> tuple[str, ...]:
        """What a call that it refuses raises: the class of the error, and those above it that a handler may name."""
        if self.raised:
            return self.raised
        return ("ValidationError", "ValueError") if self.validated and not call.arguments else ("TypeError",)

    def refuses(self, call: CallSite) -> str:
        """Why a call does not fit, in words that go on after the function's name; empty when it may fit."""
        starred = "star" in [each[0] for each in call.arguments]
        given = [name for name, _ in call.keywords if name != "**"]
        spread = len(given) < len(call.keywords)
        number = len(call.arguments)
        if not self.more_keywords:
            for name in given:
                if name not in self.keywords:
                    return f"takes no `{name}`"
        if starred:
            return ""
        if not self.more_positional and number > len(self.positional):
            return f"takes {_counted(len(self.positional))} by position, and is given {number}"
        for name in self.positional[:number]:
            # With `**`, a name may be given again that stands before a `/`.
            if name in given and not self.more_keywords:
                return f"is given `{name}` twice"
        filled = {*self.positional[:number], *given}
        missing = [name for name in self.required if name not in filled]
        return f"is not given {_listed(missing)}" if missing and not spread else ""

    def displaces(self, other: "Signature", call: CallSite) -> str:
        """Which argument of a call that fits `other` as well lands in another parameter here; empty for none."""
        if any(each[0] == "star" for each in call.arguments):
            return ""
        for number, (was, name) in enumerate(zip(other.positional, self.positional, strict=False)):
            if number < len(call.arguments) and was != name and was in self.positional:
                return f"takes as `{name}` what was `{was}`, and is given by position"
        return ""


def _counted(number: int) -> str:
    return "nothing" if number == 0 else f"{number} argument{'s' if number > 1 else ''}"


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names[:3]) + (" and more" if len(names) > 3 else "")


def of_parameters(parameters: tuple[Parameter, ...], path: str = "", line: int = 0) -> Signature:
    """What a function with these parameters takes."""
    named = [each for each in parameters if each.position in ("positional", "keyword")]
    sorts = {each.position for each in parameters}
    return Signature(
        tuple([each.name for each in named if each.position == "positional"]),
        frozenset([each.name for each in named]),
        tuple([each.name for each in named if each.default is None]),
        "arguments" in sorts,
        "keywords" in sorts,
        path,
        line,
    )


def of_function(function: FunctionSymbol, *, bound: bool) -> Signature | None:
    """What a function takes; None when a decorator may change it. `bound`: what stands first is given already."""
    facts = function.facts
    if not all(_keeps(each) for each in facts.decorators):
        return None
    given_already = bound and facts.parameters and facts.parameters[0].position == "positional"
    parameters = facts.parameters[1:] if given_already else facts.parameters
    return of_parameters(parameters, function.module.path, facts.line)


def _keeps(decorator: Decorator) -> bool:
    return last_name(decorator.callee) in KEEPING


def constructor(program: Program, kind: ClassSymbol) -> FunctionSymbol | None:
    """The `__init__` that makes objects of a class, when it has one in the program."""
    return next((each.methods["__init__"][-1] for each in program.order(kind)[0] if "__init__" in each.methods), None)


def of_class(program: Program, kind: ClassSymbol) -> Signature | None:
    """What the constructor of a class takes; None when that is not known."""
    order = program.order(kind)[0]
    if any({"__new__", "__call__"} & each.methods.keys() and each is not kind for each in order) or "__new__" in kind.methods:
        return None
    if any(name == "metaclass" and last_name(value) != "ABCMeta" for each in order for name, value in each.facts.keywords):
        return None
    for number, each in enumerate(order):
        if "__init__" in each.methods:
            return of_function(each.methods["__init__"][-1], bound=True) if not each.facts.decorators else None
        if is_record(each.facts):
            return _of_fields(program, kind, order[number:])
        if each.facts.decorators:
            return None
    return _of_fields(program, kind, order) if is_model(program, kind) else None


def _of_fields(program: Program, kind: ClassSymbol, order: tuple[ClassSymbol, ...]) -> Signature | None:
    """The constructor that is made of annotated names: of a dataclass, a named tuple or a Pydantic model."""
    model = is_model(program, kind)
    names: dict[str, bool] = {}
    for each in reversed(order):
        foreign = {name for name, _ in foreign_parents(program, each)}
        if not model and not foreign <= PLAIN_PARENTS:
            return None
        if not model and any(name in ("init", "kw_only") for one in each.facts.decorators for name, _ in one.keywords):
            return None
        if model and ({"model_config", "Config"} & _own_names(each) or _has_validators(each)):
            return None
        for name, assigned in each.body.assigned.items():
            one = assigned[0]
            if one.annotation is None or name.startswith("_") or _head(one.annotation) == "ClassVar":
                continue
            required = _is_required(one.value, one.how, each.body)
            if required is None:
                return None
            names[name] = required
    needed = tuple(name for name, required in names.items() if required)
    return Signature(() if model else tuple(names), frozenset(names), needed, more_keywords=model)


def _own_names(kind: ClassSymbol) -> set[str]:
    _, classes = kind.module.nested.get(kind.facts.body, ({}, {}))
    return {*kind.body.assigned, *classes}


def _has_validators(kind: ClassSymbol) -> bool:
    """Something sees what is given before the fields do, and may fill them."""
    return any(
        method.decorator_names & {"model_validator", "root_validator"}
        for methods in kind.methods.values()
        for method in methods
    )


def _head(annotation: Expression) -> str | None:
    return last_name(annotation[1]) if annotation[0] == "subscript" else last_name(annotation)


def _is_required(value: Expression, how: str, body: FunctionSymbol) -> bool | None:
    """Whether a field has to be given; None when its value may say so in a way that is not read here."""
    if how == "declared":
        return True
    if value[0] != "call":
        return bool(value[:2] == ("constant", "ellipsis"))
    call = body.facts.calls[value[1]]
    given = dict(call.keywords)
    match last_name(call.callee):
        case "Field" | "field" | "PrivateAttr":
            if given.keys() & {"alias", "validation_alias", "init", "kw_only", "**"}:
                return None
            if call.arguments:
                return bool(call.arguments[0][:2] == ("constant", "ellipsis"))
            return not given.keys() & {"default", "default_factory"}
    return False
