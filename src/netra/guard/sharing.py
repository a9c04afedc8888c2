"""What outlives a request, and what belongs to one: the two sides of every leak between users.

Shared are variables of a module, attributes of a class, attributes of an object that is made once for the process (at the top
of a module, by a getter that keeps it, under `lru_cache`), and an application's `state`. Of one user are what a request brings
along and whatever is made of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, Assignment, CallSite, Expression, dotted, last_name
from netra.guard.program import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, ModuleValue, Step, TypeOf

CONTAINERS: Final = frozenset("dict list set defaultdict deque OrderedDict Counter TTLCache LRUCache Cache".split())
ADDING: Final = frozenset("append add insert extend appendleft".split())
REMOVING: Final = frozenset("remove discard pop popitem popleft clear difference_update".split())
MUTATING: Final = ADDING | frozenset("update setdefault".split())

# What a request brings along. `id` alone, `session` and `key` are left out: they name too many other things.
OF_A_USER: Final = frozenset(
    """user user_id userid current_user user_email account_id tenant_id auth_token access_token bearer_token
    jwt_token websocket web_socket request principal current_user_id session_token user_context api_key_of_user""".split()
)


# They belong to a user, and what is made with their help need not: a request also leads to the application's settings.
DIRECT: Final = frozenset({"request"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that outlives the request: `owner` is a module or a class, by its full name."""

    owner: str
    name: str
    step: Step
    """Where it comes from."""

    @property
    def key(self) -> tuple[str, str]:
        return self.owner, self.name


@dataclass(frozen=True, slots=True)
class Write:
    """A value goes into a slot, under a key or as the whole of it."""

    scope: FunctionSymbol
    slot: Slot
    how: str
    """"slot" for the whole, "item" for `slot[key] = value`, or the name of the method."""
    key: Expression | None
    value: Expression
    line: int
    column: int
    end_line: int


class Sharing:
    """What is shared in a program, and what is written to it."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @cached_property
    def singletons(self) -> dict[ClassSymbol, Step]:
        """Classes of which one object serves the whole process, with the place where it is made."""
        found: dict[ClassSymbol, Step] = {}
        for scope in self._analysis.scopes:
            if scope.module.in_tests:
                continue
            kept = scope.facts.sort == TOP
            cached = bool(scope.decorator_names & {"lru_cache", "cache"}) and len(scope.facts.parameters) == 0
            for each in scope.facts.assignments:
                target = each.target
                whole = target[0] == "name" and (kept or target[1] in scope.facts.globals)
                if each.how in ("=", "annotated") and (whole or _is_application_state(target)):
                    self._note(found, each.value, scope, each.line)
            if cached:
                for returned in scope.facts.returned:
                    self._note(found, returned.value, scope, returned.line)
        return found

    def _note(self, found: dict[ClassSymbol, Step], value: Expression, scope: FunctionSymbol, line: int) -> None:
        if value[0] == "call":
            match self._analysis.receivers.value(value, scope):
                case Instance(kind=kind) if not kind.module.library:
                    note = f"one `{kind.name}` is made here for the whole process"
                    found.setdefault(kind, Step(scope.module.path, line, note))

    def slot(self, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """The shared place that an expression denotes; None for what belongs to a call or a request."""
        match expression:
            case ("name", str(name)):
                match self._analysis.program.lookup(name, scope):
                    case VariableSymbol(scope=at) if at.facts.sort == TOP and at.assigned.get(name):
                        line = at.assigned[name][0].line
                        note = f"`{name}` belongs to the module, and so to every request"
                        return Slot(at.module.name, name, Step(at.module.path, line, note))
            case ("attribute", ("attribute", application, "state"), str(name)) if _is_application(application):
                note = f"`app.state.{name}` belongs to the application, and so to every request"
                return Slot("app.state", name, Step(scope.module.path, scope.facts.line, note))
            case ("attribute", inner, str(name)):
                match self._analysis.receivers.value(inner, scope):
                    case ModuleValue(module=module) if not module.library and module.top.assigned.get(name):
                        line = module.top.assigned[name][0].line
                        return Slot(module.name, name, Step(module.path, line, f"`{name}` belongs to the module"))
                    case TypeOf(kind=kind) if not kind.module.library:
                        step = Step(kind.module.path, kind.facts.line, f"`{kind.name}.{name}` belongs to the class")
                        return Slot(kind.full_name, name, step)
                    case Instance(kind=kind) if not kind.module.library:
                        return self._of_object(kind, name)
        return None

    def _of_object(self, kind: ClassSymbol, name: str) -> Slot | None:
        for each in self._analysis.program.order(kind)[0]:
            if each in self.singletons:
                return Slot(each.full_name, name, self.singletons[each])
            if name in each.set_on_self and any(not _is_item(one) for _, one in each.set_on_self[name]):
                return self._inherited(kind, name)
            for one in each.body.assigned.get(name, ()):
                if is_container(one.value, each.body) and not _is_dataclass(each):
                    note = f"`{each.name}.{name}` is made once, for the class"
                    return Slot(each.full_name, name, Step(each.module.path, one.line, note))
        return None

    def _inherited(self, kind: ClassSymbol, name: str) -> Slot | None:
        for above in self._analysis.program.order(kind)[0]:
            if above in self.singletons:
                return Slot(above.full_name, name, self.singletons[above])
        return None

    @cached_property
    def writes(self) -> tuple[Write, ...]:
        """Every write to a shared place, outside constructors and tests."""
        return tuple(self._writes())

    def _writes(self) -> Iterator[Write]:
        for scope in self._analysis.scopes:
            if scope.facts.sort in (TOP, BODY) or scope.module.in_tests or scope.name in ("__init__", "__new__"):
                continue
            for each in scope.facts.assignments:
                if (write := self._assigned(scope, each)) is not None:
                    yield write
            for call in scope.facts.calls:
                if (write := self._called(scope, call)) is not None:
                    yield write

    def _assigned(self, scope: FunctionSymbol, each: Assignment) -> Write | None:
        if each.how not in ("=", "annotated"):
            return None
        key: Expression | None = None
        match each.target:
            case ("subscript", inner, item):
                slot, key, how = self.slot(inner, scope), item, "item"
            case ("name", str(name)) if name in scope.facts.globals:
                slot, how = self.slot(each.target, scope), "slot"
            case ("attribute", *_):
                slot, how = self.slot(each.target, scope), "slot"
            case _:
                return None
        if slot is None:
            return None
        return Write(scope, slot, how, key, each.value, each.line, each.column, each.line)

    def _called(self, scope: FunctionSymbol, call: CallSite) -> Write | None:
        method = last_name(call.callee)
        if method not in MUTATING or call.callee[0] != "attribute" or not call.arguments:
            return None
        slot = self.slot(call.callee[1], scope)
        if slot is None:
            return None
        if method == "setdefault" and len(call.arguments) == 2:
            return Write(scope, slot, "item", call.arguments[0], call.arguments[1], call.line, call.column, call.end_line)
        return Write(scope, slot, method, None, call.arguments[-1], call.line, call.column, call.end_line)

    # --- users -----------------------------------------------------------------------------------------------------------

    def of_user(self, expression: Expression, scope: FunctionSymbol, line: int = 0, depth: int = 0) -> str | None:
        """The name by which a value belongs to one user, looked for through local names and calls; None when none is seen.

        At a line, a name is what was last assigned to it above; without one, whatever is.
        """
        if depth > 3:
            return None
        match expression:
            case ("name", str(name)):
                stored = ("=", "annotated", "with", "with async")
                assigned = [each for each in scope.assigned.get(name, ()) if each.how in stored]
                if line and (above := [each for each in assigned if each.line < line]):
                    assigned = above[-1:]
                if name in OF_A_USER and (name not in DIRECT or depth == 0) and all(_is_made(each.value) for each in assigned):
                    return name
                return next((found for each in assigned if (found := self.of_user(each.value, scope, 0, depth + 1))), None)
            case ("attribute", inner, str(name)):
                if name in OF_A_USER and (dotted(inner) or "") not in ("settings", "config"):
                    return name
                return self.of_user(inner, scope, 0, depth + 1)
            case ("await", inner) | ("subscript", inner, _) | ("star", inner):
                return self.of_user(inner, scope, 0, depth + 1)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                given = (*call.arguments, *(value for _, value in call.keywords))
                if (
                    of_one := next((found for part in given if (found := self.of_user(part, scope, 0, depth + 1))), None)
                ) is not None:
                    return of_one
                if call.callee[0] == "attribute":
                    return self.of_user(call.callee[1], scope, 0, depth + 1)
            case ("choice" | "list" | "tuple" | "set" | "formatted", parts):
                return next((found for part in parts if (found := self.of_user(part, scope, 0, depth + 1)) is not None), None)
            case ("operator", _, left, right):
                return self.of_user(left, scope, 0, depth + 1) or self.of_user(right, scope, 0, depth + 1)
            case ("dict", pairs):
                return next(
                    (found for _, part in pairs if (found := self.of_user(part, scope, 0, depth + 1)) is not None), None
                )
        return None


def is_container(value: Expression, scope: FunctionSymbol) -> bool:
    """Something that can be added to: `{}`, `[]`, `set()`, `defaultdict(list)`."""
    match value:
        case ("dict" | "list" | "set" | "comprehension", *_):
            return True
        case ("call", int(index)):
            return last_name(scope.facts.calls[index].callee) in CONTAINERS
    return False


def _is_made(value: Expression) -> bool:
    """Called or awaited for: what the name says of it may be believed. A setting that is called `user_id` is a setting."""
    return bool(value[0] in ("call", "await", "other"))


def _is_item(each: Assignment) -> bool:
    return bool(each.target[0] == "subscript")


def _is_dataclass(kind: ClassSymbol) -> bool:
    """Its class-level values are defaults of fields, copied for each object: dataclasses, and models with fields."""
    named = [*(each.callee for each in kind.facts.decorators), *kind.facts.bases]
    ends = ("dataclass", "BaseModel", "SQLModel", "Model", "Schema", "define", "Struct")
    return any((last_name(each) or "").endswith(ends) for each in named)


def _is_application(expression: Expression) -> bool:
    return last_name(expression) in ("app", "application", "_app")


def _is_application_state(target: Expression) -> bool:
    match target:
        case ("attribute", ("attribute", application, "state"), _):
            return _is_application(application)
    return False
