"""Places that outlive a request: variables of a module, attributes of a class or of an object that is made once for the process
(at the top of a module, by a getter, under `lru_cache`), what a kept function has closed over, and an application's `state`.
"""

import re
import sys
from collections.abc import Sequence
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import ASYNC, BODY, PLAIN, SELF, TOP, Assignment, CallSite, Expression, last_name
from netra.guard.immutable import immutable
from netra.guard.lazily import lazily
from netra.guard.meaning.makers import made_by
from netra.guard.requests.kept_for_jobs import KeptForJobs
from netra.guard.requests.places_of_all import is_of_lifespan, is_state_of_litestar, only_value, state_of_application
from netra.guard.requests.serving import Serving
from netra.guard.requests.singletons import (
    Singletons,
    has_fields,
    is_application,
    is_application_state,
    is_cached_for_all,
    is_dataclass,
    is_item,
    is_of_one_thread,
)
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Foreign, Instance, ModuleValue, Routine, Step, TypeOf

CONTAINERS: Final = frozenset("dict list set defaultdict deque OrderedDict Counter TTLCache LRUCache Cache".split())

# Expressions that may denote a place by themselves.
PLACED: Final = frozenset({"name", "attribute", "subscript"})

TASKS: Final = frozenset({"task", "shared_task"})

# What `python-telegram-bot` keeps for a bot as a whole, beside `user_data` and `chat_data`.
OF_BOT: Final = "bot_data"

# What a task is given by which it sees the state of its worker.
CONTEXTS_OF_TASKS: Final = frozenset({"taskiq.Context", "taskiq.context.Context"})

# By these a request leads to the application that serves it.
CARRYING: Final = frozenset("request req ws websocket".split())

# Objects of libraries that hold something else in each thread or task, or stand for one that does.
MAKING: Final = re.compile(r"(?:create|make|init|from|build|new)_|client$|resource$|connect$")
OF_ONE_CONTEXT: Final = re.compile(r"Local|Proxy|Context(?!ual)|Thread|Scoped")


@immutable
class Slot:
    """A place that outlives the request: `owner` is a module or a class, by its full name."""

    owner: str
    name: str
    step: Step
    """Where it comes from."""
    of_library: bool = False
    """It is in an object of a library, which reads it where nobody sees it."""

    @property
    def key(self) -> tuple[str, str]:
        return self.owner, self.name


class Slots:
    """Answers which shared place an expression denotes; use `analysis.once(Slots)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._singletons = analysis.once(Singletons)
        self._kept_for_jobs = analysis.once(KeptForJobs)
        self._giving: dict[FunctionSymbol, Slot | None] = {}
        self._registers: dict[FunctionSymbol, FunctionSymbol | None] = {}
        self._kept_here: dict[tuple[FunctionSymbol, str], Slot | None] = {}

    def slot(self, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """The shared place that an expression denotes; None for what belongs to a call or a request.

        A local name for it, and a call of a function that gives it, denote the same place.
        """
        match expression:
            case ("name", str(name)):
                match self._analysis.program.lookup(name, scope):
                    case VariableSymbol(scope=at) if at.facts.sort == TOP and at.assigned.get(name):
                        line = at.assigned[name][0].line
                        note = f"`{name}` belongs to the module, and so to every request"
                        return Slot(at.module.name, name, Step(at.module.path, line, note))
                    case VariableSymbol(scope=at) if at is scope and name not in at.parameters:
                        meant = only_value(name, at)
                        return None if meant is None or meant[0] == "name" else self.slot(meant, scope)
                    case VariableSymbol(scope=at) if name in at.parameters and not at.assigned.get(name):
                        return self._provided(at, name)
                    case VariableSymbol(scope=at) if at.facts.sort in (PLAIN, ASYNC) and name not in at.parameters:
                        return self._closed_over(name, at)
            case ("call", int(index)):
                return self._given(scope.facts.calls[index], scope)
            case ("attribute", inner, str(name)) if is_of_lifespan(inner, scope):
                note = f"`{name}` is of what the server has made for all at its start"
                return Slot("lifespan_context", name, Step(scope.module.path, scope.facts.line, note))
            case ("attribute", ("name", "self"), str(name)) if self._is_bound_task(scope):
                note = f"a worker has one `{scope.name}` for all of its calls"
                return Slot(scope.full_name, name, Step(scope.module.path, scope.facts.line, note))
            case ("subscript", ("name", _), ("string", str(name))) if step := self._kept_for_jobs.step(expression, scope):
                return Slot("arq worker", name, step)
            case ("attribute", inner, str(name)) if self._is_state_of_worker(inner, scope):
                note = f"a worker has one `state` for all of its tasks, and so one `{name}`"
                return Slot("taskiq state", name, Step(scope.module.path, scope.facts.line, note))
            case ("attribute", ("name", str(state)), str(name)) if is_state_of_litestar(state, scope):
                note = f"`{state}.{name}` belongs to the application, and so to every request"
                return Slot("app.state", name, Step(scope.module.path, scope.facts.line, note))
            case ("attribute", ("attribute", ("name", "self"), "application"), str(name)):
                note = "what is set on the application belongs to every request"
                return Slot("app.state", name, Step(scope.module.path, scope.facts.line, note))
            case ("attribute", application, "app" | "application") if last_name(application) in CARRYING:
                # `request.app["last"] = user`
                note = "what lies in the application belongs to every request"
                return Slot("app.state", "app", Step(scope.module.path, scope.facts.line, note))
            case ("attribute", _, name) if name == OF_BOT:
                return Slot(OF_BOT, OF_BOT, Step(scope.module.path, scope.facts.line, "`bot_data` is one for all chats"))
            case ("attribute", application, "extensions") if is_application(application):
                note = "the extensions of the application belong to every request"
                return Slot("app.state", "extensions", Step(scope.module.path, scope.facts.line, note))
            case ("attribute", application, "config") if is_application(application):
                note = "the configuration of the application belongs to every request"
                return Slot("app.state", "config", Step(scope.module.path, scope.facts.line, note))
            case ("attribute", ("attribute", _, "request_context"), "lifespan_context"):
                note = "what the server has made for all at its start is for every request"
                return Slot("lifespan_context", "lifespan_context", Step(scope.module.path, scope.facts.line, note))
            case (
                ("attribute", ("attribute", _, _), str(name))
                | ("subscript", _, (_, str(name)))
                | ("subscript", _, ("attribute", _, str(name)))
            ) if is_application_state(expression):
                note = f"`{name}` belongs to the application, and so to every request"
                return Slot("app.state", name, Step(scope.module.path, scope.facts.line, note))
            case ("attribute", ("name", str(local)), str(name)) if (meant := state_of_application(local, scope)) is not None:
                return self.slot(("attribute", meant, name), scope)
            case ("attribute", inner, str(name)):
                match self._class_of(inner, scope) or self._analysis.receivers.value(inner, scope):
                    case ModuleValue(module=module) if not module.library and module.top.assigned.get(name):
                        line = module.top.assigned[name][0].line
                        return Slot(module.name, name, Step(module.path, line, f"`{name}` belongs to the module"))
                    case ModuleValue(module=module) if not module.library:
                        return self._put_into(module, name, expression, scope)
                    case TypeOf(kind=kind) if not kind.module.library:
                        order = self._analysis.program.order(kind)[0]
                        kind = next((each for each in order if name in each.body.assigned), kind)
                        step = Step(kind.module.path, kind.facts.line, f"`{kind.name}.{name}` belongs to the class")
                        return Slot(kind.full_name, name, step)
                    case Routine(function=function) if _is_of_module(function):
                        note = f"`{function.name}` is one for the whole process, and so is what is set on it"
                        return Slot(function.full_name, name, Step(function.module.path, function.facts.line, note))
                    case Instance(kind=kind) if is_of_one_thread(kind, self._analysis.program):
                        return None
                    case Instance(kind=kind) if not kind.module.library:
                        return self._of_object(kind, name) or self._of_kept(kind, name, inner, scope)
                    case Instance() if (kept := self.slot(inner, scope) or self._one_of_all(inner, scope)) is not None:
                        return Slot(f"{kept.owner}.{kept.name}", name, kept.step, of_library=True)
                    case None if is_application_state(inner) and (kept := self.slot(inner, scope)) is not None:
                        return Slot(kept.owner, f"{kept.name}.{name}", kept.step)
                    case None if (kept := self._kept_object(inner, scope)) is not None:
                        return Slot(f"{kept.owner}.{kept.name}", name, kept.step, of_library=True)
                    case None | Foreign() if (package := self._package(inner, scope)) is not None:
                        note = f"`{package}` is a module, of which a process has one, and so one `{name}`"
                        return Slot(package, name, Step(scope.module.path, scope.facts.line, note), of_library=True)
        return None

    def _is_state_of_worker(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """`context.state` of a task of taskiq, also under a local name, or a parameter that is one."""
        if expression[0] == "name" and expression[1] not in scope.parameters:
            expression = only_value(expression[1], scope) or expression
        match expression:
            case ("attribute", ("name", str(name)) as context, "state") if name in scope.parameters and name not in CARRYING:
                return made_by(context, scope, self._analysis.program) in CONTEXTS_OF_TASKS
            case ("name", str(name)) if name in scope.parameters:
                said = scope.facts.parameters[scope.parameters[name]].annotation
                return said is not None and last_name(said) == "TaskiqState"
        return False

    def _put_into(self, module: ModuleSymbol, name: str, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """What a module itself knows nothing of: `setattr(scope, "account", account)`."""
        match self._analysis.program.evaluate(expression, scope):
            case External(dotted=dotted) if dotted == f"{module.name}.{name}":
                return Slot(module.name, name, Step(module.path, 1, f"`{module.name}` is one module for all"))
        return None

    def _package(self, expression: Expression, scope: FunctionSymbol) -> str | None:
        """The package of a library that a name stands for: `stripe` of `stripe.api_key = account.key`."""
        match self._analysis.program.evaluate(expression, scope) if expression[0] == "name" else None:
            case External(dotted=dotted) if "." not in dotted and dotted not in sys.stdlib_module_names:
                return dotted  # what Python itself has for the process, as `os.environ`, is told by what becomes of it
        return None

    def _is_bound_task(self, scope: FunctionSymbol) -> bool:
        """`@app.task(bind=True)`: its `self` is the task, of which a worker has one."""
        bound = (dict(each.keywords).get("bind") for each in scope.facts.decorators if last_name(each.callee) in TASKS)
        return scope.owner is None and "self" in scope.parameters and any(each is not None for each in bound)

    @property
    def giving(self) -> frozenset[str]:
        """The names of the functions that are known by now to give a shared place."""
        return frozenset(function.name for function, slot in self._giving.items() if slot is not None)

    def entry(self, expression: Expression, scope: FunctionSymbol) -> tuple[Slot, Expression] | None:
        """The shared container of which something is an entry, and its key: `rooms[name]`, `rooms.setdefault(name, [])`.

        A local name for it denotes the same.
        """
        match expression:
            case ("subscript", inner, key):
                slot = self.slot(inner, scope)
                return None if slot is None else (slot, key)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee[0] != "attribute" or call.callee[2] not in ("get", "setdefault") or not call.arguments:
                    return None
                slot = self.slot(call.callee[1], scope)
                return None if slot is None else (slot, call.arguments[0])
            case ("name", str(name)) if name not in scope.parameters:
                meant = only_value(name, scope)
                return None if meant is None or meant[0] == "name" else self.entry(meant, scope)
        return None

    def _class_of(self, expression: Expression, scope: FunctionSymbol) -> TypeOf | None:
        """`type(self)` and `self.__class__`: whatever class below it is, what lies there is not the object's own."""
        match expression:
            case ("attribute", inner, "__class__"):
                pass
            case ("call", int(index)) if scope.facts.calls[index].callee == ("name", "type"):
                if len(scope.facts.calls[index].arguments) != 1:
                    return None
                inner = scope.facts.calls[index].arguments[0]
            case _:
                return None
        match self._analysis.receivers.value(inner, scope):
            case Instance(kind=kind):
                return TypeOf(kind)
        return None

    def _kept_object(self, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """An object of a library of which only is known that a module has made it for all, or that a shared container holds it.

        `client = clients.get(url)`, and `client = clients[url] = Client(url)` where there was none, is one for each `url`.
        """
        if expression[0] == "attribute" and expression[1] != SELF:
            # `templates.env` of it is no other's.
            kept = self._kept_object(expression[1], scope)
            return None if kept is None else Slot(f"{kept.owner}.{kept.name}", expression[2], kept.step, of_library=True)
        if expression[0] == "attribute":
            return self._kept_by_object(expression, scope)
        if expression[0] == "subscript" and self._kept_for_jobs.step(expression, scope) is not None:
            return self.slot(expression, scope)
        if expression[0] != "name":
            return None
        name = expression[1]
        match self._analysis.program.lookup(name, scope):
            case VariableSymbol(scope=at) if at.facts.sort == TOP and not at.module.library:
                made = only_value(name, at)
                if made is None or made[0] != "call" or not self._is_of_library(at.facts.calls[made[1]].callee, at):
                    return None
                return self.slot(expression, scope)
            case VariableSymbol(scope=at) if at is scope and name not in at.parameters:
                if (at, name) not in self._kept_here:
                    self._kept_here[at, name] = self._one_entry(at.assigned.get(name, ()), at)
                return self._kept_here[at, name]
        return None

    def _one_of_all(self, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """A client of a library that a shared container holds for all who ask for the same address."""
        return self._kept_object(expression, scope) if expression[0] == "name" and expression[1] in scope.assigned else None

    def _kept_by_object(self, expression: Expression, scope: FunctionSymbol) -> Slot | None:
        """An object of a library that the one object of a class has made for itself: `self.llm = Chat(…)`."""
        given = () if scope.owner is None else scope.owner.set_on_self.get(expression[2], ())
        if len(given) == 1 and given[0][1].value[0] == "name" and self._is_handed_in(given[0][0], given[0][1].value[1]):
            return self.slot(expression, scope)
        if len(given) != 1 or given[0][1].value[0] != "call":
            return None
        at, each = given[0]
        return self.slot(expression, scope) if self._is_of_library(at.facts.calls[each.value[1]].callee, at) else None

    def _is_handed_in(self, making: FunctionSymbol, name: str) -> bool:
        """The constructor is given it, an object of a library that was made for the one object: `Assistant(Chat(…))`."""
        if making.name != "__init__" or name not in making.parameters or making.owner is None or making.assigned.get(name):
            return False
        number = making.parameters[name]
        found: list[bool] = []
        for caller, passed in self._analysis.receivers.parameters.given(making, making.facts.parameters[number], number):
            if caller.module.in_tests or passed is None:
                continue
            made = only_value(passed[1], caller) if passed[0] == "name" else passed
            is_made = made is not None and made[0] == "call" and caller not in self._analysis.once(Serving)
            found.append(is_made and made is not None and self._is_of_library(caller.facts.calls[made[1]].callee, caller))
        return bool(found) and all(found)

    def _one_entry(self, given: Sequence[Assignment], scope: FunctionSymbol) -> Slot | None:
        """The one shared container of which a local name is an entry, whichever of the assignments gave it."""
        slots: list[Slot] = []
        for each in given:
            found = self.entry(each.value, scope) if each.value[0] != "name" else None
            if found is None and each.value[0] == "call":
                beside = (one for one in scope.facts.assignments if one.line == each.line and one.value == each.value)
                found = next((self.entry(one.target, scope) for one in beside if one.target[0] == "subscript"), None)
            if found is None or (slots and found[0].key != slots[0].key):
                return None
            slots.append(found[0])
        return slots[0] if slots else None

    def _is_of_library(self, callee: Expression, scope: FunctionSymbol) -> bool:
        """`Agent(…)`, `Agent[Context](…)` of a library, and nothing that holds something else in each thread or task."""
        while callee[0] == "subscript":
            callee = callee[1]
        name = last_name(callee) or ""
        if not (name[:1].isupper() or MAKING.match(name)) or OF_ONE_CONTEXT.search(name):
            return False
        return isinstance(self._analysis.program.evaluate(callee, scope), External)

    def _closed_over(self, name: str, around: FunctionSymbol) -> Slot | None:
        """A container that a function makes for the one that it gives, where that is kept at the top of a module."""
        if (registering := self._registering(around)) is not None:
            note = f"`{name}` of `{around.name}` is one for all calls of `{registering.name}`, which it registers"
            line = next((each.line for each in around.assigned.get(name, ())), around.facts.line)
            return Slot(around.full_name, name, Step(around.module.path, line, note))
        if (meant := only_value(name, around)) is None or not is_container(meant, around):
            return None
        maker = around.parent if around.parent is not None and around.parent.facts.sort == PLAIN else around
        for decorated, line in self._decorated.get(maker.name, ()):
            match self._analysis.program.lookup(maker.name, decorated.parent or decorated):
                case FunctionSymbol() as function if function is maker:
                    note = f"`{decorated.name}` is wrapped here for the whole process, with the `{name}` of `{maker.name}`"
                    return Slot(around.full_name, name, Step(decorated.module.path, line, note))
        for scope, index in self._analysis.program.calls_named.get(around.name, ()):
            call = scope.facts.calls[index]
            if scope.facts.sort == TOP and call.where[0] == "assign":
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=function) if function is around:
                        note = f"what `{around.name}` gives is kept here for the whole process, with its `{name}`"
                        return Slot(around.full_name, name, Step(scope.module.path, call.line, note))
        return None

    def _registering(self, around: FunctionSymbol) -> FunctionSymbol | None:
        """A function within this one that a framework calls for whoever asks, where this one runs once: `def create_app():`."""
        if around not in self._registers:
            entries = self._analysis.reach.entries
            inner = (each for each in around.children if each in entries and entries[each].sort in (ROUTE, SOCKET, LISTENER))
            found = None if around in self._analysis.once(Serving) else next(inner, None)
            self._registers[around] = found
        return self._registers[around]

    @lazily
    def _decorated(self) -> dict[str, list[tuple[FunctionSymbol, int]]]:
        """The functions at the top of a module or in the body of a class, by the names of their decorators."""
        found: dict[str, list[tuple[FunctionSymbol, int]]] = {}
        for scope in self._analysis.scopes:
            if scope.facts.decorators and scope.parent is not None and scope.parent.facts.sort in (TOP, BODY):
                for each in scope.facts.decorators:
                    found.setdefault(last_name(each.callee) or "", []).append((scope, each.line))
        return found

    def _given(self, call: CallSite, scope: FunctionSymbol) -> Slot | None:
        """The place that a function of the program gives to everybody who calls it: `def plans(): return _plans`."""
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library and function.facts.sort == PLAIN:
                if function not in self._giving and not is_cached_for_all(function) and _gives_itself(function):
                    # `get_hub().bind(topic)` is the hub again.
                    return self.slot(call.callee[1], scope) if call.callee[0] == "attribute" else None
                return self._given_by(function)
        return None

    def _given_by(self, function: FunctionSymbol) -> Slot | None:
        """The shared place that a function gives to whoever asks it."""
        if function not in self._giving and is_cached_for_all(function):
            note = f"what `{function.name}` makes is kept for all who ask with the same words"
            line = function.facts.line
            self._giving[function] = Slot(function.full_name, "()", Step(function.module.path, line, note))
        elif function not in self._giving:
            self._giving[function] = None  # what a function that calls itself finds
            values = [each.value for each in function.facts.returned]
            found = [self.slot(each, function) if each[0] in PLACED else None for each in values]
            if found and found[0] is not None and all(each is not None and each.key == found[0].key for each in found):
                self._giving[function] = found[0]
        return self._giving[function]

    def _provided(self, function: FunctionSymbol, name: str) -> Slot | None:
        """A parameter that a dependency fills with what is one for all: `Depends(get_settings)` under `lru_cache`."""
        parameter, around = function.facts.parameters[function.parameters[name]], function.parent
        if around is None or (parameter.default is None and parameter.annotation is None):
            return None
        match self._analysis.receivers.parameters.dependency(parameter, around):
            case Routine(function=giving):
                return self._given_by(giving)
        return None

    def _of_kept(self, kind: ClassSymbol, name: str, inner: Expression, scope: FunctionSymbol) -> Slot | None:
        """An attribute of an object that lies in a shared place, though others of its class may not."""
        if inner == ("name", "self") or (kept := self.slot(inner, scope)) is None:
            return None
        setting = [each for each in self._analysis.program.order(kind)[0] if name in each.set_on_self]
        return Slot((setting[-1] if setting else kind).full_name, name, kept.step)

    def _of_object(self, kind: ClassSymbol, name: str) -> Slot | None:
        order = self._analysis.program.order(kind)[0]
        for each in order:
            for one in each.body.assigned.get(name, ()):
                own = name in each.set_on_self and any(
                    not is_item(one) and one.how != "augmented" for _, one in each.set_on_self[name]
                )
                if is_container(one.value, each.body) and not own and not _is_field(one, order):
                    note = f"`{each.name}.{name}` is made once, for the class"
                    return Slot(each.full_name, name, Step(each.module.path, one.line, note))
        made = self._singletons.made(kind)
        if made is None:
            return None
        setting = [each for each in order if name in each.set_on_self]
        return Slot((setting[-1] if setting else kind).full_name, name, made)


def _is_field(given: Assignment, order: Sequence[ClassSymbol]) -> bool:
    """Each object gets a copy of it: neither a `ClassVar`, nor what has no annotation in a dataclass."""
    said = given.annotation
    if said is not None and last_name(said[1] if said[0] == "subscript" else said) == "ClassVar":
        return False
    fields = [kind for kind in order if has_fields(kind)]
    return bool(fields) and (said is not None or not all(is_dataclass(each) for each in fields))


def _is_of_module(function: FunctionSymbol) -> bool:
    """A function at the top of a module of the program, of which there is one."""
    top = function.parent is not None and function.parent.facts.sort == TOP
    return top and function.facts.sort in (PLAIN, ASYNC) and not function.module.library


def _gives_itself(function: FunctionSymbol) -> bool:
    returned = function.facts.returned
    return bool(returned) and all(each.value == SELF for each in returned)


def is_container(value: Expression, scope: FunctionSymbol) -> bool:
    """Something that can be added to: `{}`, `[]`, `set()`, `defaultdict(list)`."""
    match value:
        case ("dict" | "list" | "set" | "comprehension", *_):
            return True
        case ("call", int(index)):
            return last_name(scope.facts.calls[index].callee) in CONTAINERS
    return False
