"""S140."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, SELF, TOP, Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.sharing import MUTATING
from netra.guard.requests.singletons import Singletons
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Step

# What is called so is what each begins with, and nobody's to change.
DEFAULT: Final = re.compile(r"(?:^|_)(?:DEFAULTS?|INITIAL|TEMPLATE|BASE|BLANK|EMPTY|STANDARD)(?:_|$)", re.IGNORECASE)
# Words of what is meant to be one for all.
OF_ALL: Final = re.compile(
    r"regist|cache|pool|instance|shared|global|known|loaded|plugin|memo|store|index|seen|lock", re.IGNORECASE
)
MADE: Final = frozenset({"dict", "list", "set"})
MAKING: Final = frozenset({"__init__", "__post_init__"})
# What something is that may be a default as it stands.
TAKEN: Final = frozenset({"name", "attribute", "choice"})
OWN_CLASS: Final = frozenset({"self", "cls"})


class _Default(NamedTuple):
    """What a module or a class has for all, where an object or a function takes it as it is."""

    named: str
    made: Step


@rule("S140", "default-changed-for-all")
def default_changed_for_all(analysis: Analysis) -> Iterator[Sighting]:
    """A default that the module or the class has for all is taken as it is, without a copy, and then changed.

    From then on everybody begins with what one has put there.

    ```python
    DEFAULT_OPTIONS = {"language": "en"}


    class Session:
        def __init__(self, options=None):
            self.options = options or DEFAULT_OPTIONS  # S140

        def choose(self, language):
            self.options["language"] = language
    ```

    Take a copy: `dict(DEFAULT_OPTIONS)`, or `copy.deepcopy(…)` where what it holds is changed as well. Reported are
    dictionaries, lists and sets that are written down at the top of a module or in the body of a class, and are called a
    default, a template or the like, or in capital letters and hold something, and what an object keeps under such a name and a
    method takes under another one to change it; not what is called a registry, a cache or the
    like, which is one for all on purpose, and not what the only object of its class keeps.
    """
    singletons = analysis.once(Singletons)
    for module in analysis.modules:
        if module.in_tests:
            continue
        for kind in module.classes:
            for method in (each for name in MAKING for each in kind.methods.get(name, ())):
                yield from _kept(analysis, singletons, kind, method)
        for scope in module.functions:
            if scope.facts.sort not in (TOP, BODY):
                yield from _taken(analysis, scope)


def _kept(analysis: Analysis, singletons: Singletons, kind: ClassSymbol, method: FunctionSymbol) -> Iterator[Sighting]:
    for each in method.facts.assignments:
        if each.target[:2] != ("attribute", SELF) or each.how not in ("=", "annotated"):
            continue
        default = _default(analysis, each.value, method)
        if default is None or OF_ALL.search(each.target[2]):
            continue
        family = (kind, *analysis.program.subclasses.get(kind, ()))
        if sum(len(one.set_on_self.get(each.target[2], ())) for one in family) != 1 or singletons.made(kind) is not None:
            continue
        changed = _changed_by(each.target, [one for part in family for named in part.methods.values() for one in named])
        if changed is not None:
            where, line, _ = changed
            step = Step(where.module.path, line, f"`{where.facts.qualified}` changes it")
            message = f"`self.{each.target[2]}` is `{default.named}` itself, and changing it changes that of all"
            yield Sighting(method, each.line, each.column, each.line, message, (default.made, step), Mend("take a copy of it"))


def _taken(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Sighting]:
    for taken in scope.facts.assignments:
        if taken.target[0] != "name" or taken.value[0] not in TAKEN or taken.how not in ("=", "annotated"):
            continue  # nearly every assignment there is ends here
        name = taken.target[1]
        if name in scope.parameters or name in scope.facts.globals:
            continue
        if any(each is not taken and each.how != "augmented" for each in scope.assigned[name]):
            continue
        default = _default(analysis, taken.value, scope) or _of_object(taken.value, scope)
        changed = None if default is None else _changed_by(taken.target, [scope], after=taken.line)
        if default is not None and changed is not None:
            message = f"`{name}` is `{default.named}` itself, and this changes it for all"
            _, line, column = changed
            here = Step(scope.module.path, taken.line, "it is taken here without a copy")
            yield Sighting(scope, line, column, line, message, (default.made, here), Mend("take a copy of it"))


def _default(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> _Default | None:
    """`DEFAULTS`, `self.default_state`, `given or DEFAULTS`: nothing that copies it."""
    match value:
        case ("choice", parts):
            return next((found for each in parts if (found := _default(analysis, each, scope)) is not None), None)
        case ("attribute", ("name", str(own)), str(name)) if own in OWN_CLASS and scope.owner is not None:
            for kind in analysis.program.order(scope.owner)[0]:
                if name in kind.set_on_self:
                    return None  # each object has one of its own
                if name in kind.body.assigned:
                    return _written_down(name, kind.body)
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(value, scope):
                case VariableSymbol(scope=at, name=name) if at.facts.sort in (TOP, BODY) and not at.module.library:
                    return _written_down(name, at)
    return None


def _of_object(value: Expression, scope: FunctionSymbol) -> _Default | None:
    """`self._default_state`, which the object has been made with: whatever asks it next begins with what is put there."""
    match value:
        case ("attribute", ("name", "self"), str(name)) if scope.owner is not None and DEFAULT.search(name):
            given = scope.owner.set_on_self.get(name, ())
            if len(given) != 1 or given[0][0].name != "__init__" or scope.name in MAKING or OF_ALL.search(name):
                return None
            making, each = given[0]
            parts = each.value[1] if each.value[0] == "choice" else (each.value,)
            if any(part[0] in MADE or _makes(part, making) for part in parts):
                return _Default(f"self.{name}", Step(making.module.path, each.line, f"`self.{name}` is one for all calls"))
    return None


def _makes(value: Expression, scope: FunctionSymbol) -> bool:
    return value[0] == "call" and scope.facts.calls[value[1]].callee in (("name", each) for each in MADE)


def _written_down(name: str, at: FunctionSymbol) -> _Default | None:
    given = at.assigned.get(name, ())
    if len(given) != 1 or given[0].value[0] not in MADE or OF_ALL.search(name):
        return None
    if not DEFAULT.search(name) and not (name.isupper() and given[0].value[1]):
        return None
    return _Default(name, Step(at.module.path, given[0].line, f"`{name}` is one for all"))


def _changed_by(place: Expression, scopes: list[FunctionSymbol], after: int = 0) -> tuple[FunctionSymbol, int, int] | None:
    for scope in scopes:
        for call in scope.facts.calls:
            changes = call.callee[0] == "attribute" and call.callee[1] == place and call.callee[2] in MUTATING | REMOVING
            if changes and call.line >= after:
                return scope, call.line, call.column
        for each in scope.facts.assignments:
            within = each.target[0] == "subscript" and each.target[1] == place
            longer = each.how == "augmented" and each.target == place
            if (within or (longer and each.value[0] in MADE)) and each.line >= after:
                return scope, each.line, each.column
    return None
