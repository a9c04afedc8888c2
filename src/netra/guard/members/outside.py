"""Who gives a class or a module names from outside: code that sets them on it, or puts another in their place.

`module.name = value`, `setattr(kind, "name", value)` and a patch of a test name what they set. Where the name is worked out,
it may be any.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, TOP, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.applications import is_state
from netra.guard.members.parents import MODELS, SETTINGS, Parents
from netra.guard.members.tables import TABLES
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Foreign, Instance, ModuleValue, TypeOf, Value

CLS: Final = ("name", "cls")


MADE_BY: Final = frozenset({"__init__", "__new__"})


class OutsideWrites:
    """Answers about names that are written from outside, each worked out once; use `analysis.once(OutsideWrites)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._parents = analysis.once(Parents)

    def is_written(self, kind: ClassSymbol | ModuleSymbol, name: str) -> bool:
        """Some code outside may give the class, or its objects, a member of that name."""
        if isinstance(kind, ClassSymbol) and any(
            name.startswith(each) and name.removeprefix(each) in self._keys for each in self._beginnings
        ):
            return True
        # An object of a Pydantic model refuses names that are no fields of it: it is none of those of which nothing is known.
        refuses = isinstance(kind, ClassSymbol) and self._parents.above(kind, MODELS | SETTINGS)
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
                case Foreign(symbol=External(dotted=dotted)) if dotted.rpartition(".")[2].islower():
                    continue  # `g.user = user`: an object of a library, and of no class of the program
                case _:
                    # What a test sets up and nobody knows is a mock.
                    if not refuses and not is_state(target) and not scope.module.in_tests:
                        return True
        return False

    def is_given_computed(self, kind: ClassSymbol) -> bool:
        """The class, or one above it, gets members under names that are worked out: any of its methods may be another."""
        return not self.written_into.isdisjoint(self._program.order(kind)[0])

    def is_remade(self, kind: ClassSymbol) -> bool:
        """Some code gives the class, or one of that name, another constructor: `module.Agent.__init__ = MagicMock()`.

        Or other defaults to the one that it has: `Row.__init__.__defaults__ = ("",)`.
        """
        changed = (each[1] for _, each in self._writes.get("__defaults__", ()) if each[0] == "attribute" and each[2] in MADE_BY)
        return any(last_name(each) == kind.name for each in (*(each for _, each in self._writes.get("__init__", ())), *changed))

    def is_handed_over(self, kind: ClassSymbol) -> bool:
        """A library is given a class that only annotates names, and may make one of data of it: `database.create(Payment)`."""
        return kind in self._handed_over

    @lazily
    def _handed_over(self) -> frozenset[ClassSymbol]:
        plain = [each for module in self._program.own for each in module.classes if _only_annotates(each)]
        called = frozenset(each.name for each in plain)
        names = {("name", each) for each in called}
        found: set[ClassSymbol] = set()
        for scope in self._program.scopes if plain else ():
            for call in () if called.isdisjoint(scope.facts.loads) else scope.facts.calls:
                for given in call.given:
                    if given in names and isinstance(symbol := self._program.evaluate(given, scope), ClassSymbol):
                        match self._receivers.value(call.callee, scope):
                            case None:
                                found.add(symbol)
                            case Foreign(symbol=External(dotted=name)) if not name.startswith("builtins."):
                                found.add(symbol)
        return frozenset(found)

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
                # From a package and from the module that has it, a class is one and the same.
                several = several and len({self._program.imported(each, module) for each in imports}) > 1
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
    def written_into(self) -> frozenset[ClassSymbol | ModuleSymbol]:
        """Classes and modules that get members under computed names."""
        found: set[ClassSymbol | ModuleSymbol] = set()
        for name in ("setattr", "__setattr__", "update"):
            for scope, index in self._program.calls_named.get(name, ()):
                call = scope.facts.calls[index]
                target: Expression | None = None
                match call.callee, call.arguments:
                    case _, (first, named, *_) if name != "update" and self._text(named, scope) is not None:
                        continue
                    case (("attribute", ("attribute", inner, "__dict__"), "update"), _):
                        target = inner
                    case (_, (first, _, _) | (first, ("star", *_))) if name != "update":
                        target = first  # `setattr(self, *pair)` as well
                if target is not None:
                    values = [*self._possible(_object_of(target, scope), scope)]
                    # What the name begins with is asked of `is_written`.
                    if not any(values) and call.arguments[1:2] and call.arguments[1][0] not in ("operator", "formatted"):
                        found.update(_called_so(target, scope))
                    for value in values:
                        match value:
                            case Instance(kind=kind) if self._parents.above(kind, TABLES | MODELS):
                                pass  # `for name, value in changes.items(): setattr(row, name, value)` fills what is declared
                            case Instance(kind=kind) | TypeOf(kind=kind):
                                found.add(kind)  # what is above and below it asks for it, too
                            case ModuleValue(module=module):
                                found.add(module)
        # `type(name, (Kind,), members)`, or so with a metaclass, makes a class below it, whose members are worked out.
        metaclasses = {
            each.name for module in self._program.own for each in module.classes if ("name", "type") in each.facts.bases
        }
        for scope, _, call in self._program.calls_of({"type", "new_class", *metaclasses}):
            if len(call.arguments) > 1:
                written = call.arguments[1][1] if call.arguments[1][0] == "tuple" else ()
                for value in (each for base in written for each in self._each_of(base, scope)):
                    match value:
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
        found.update(self._unpickled())
        return frozenset(found)

    def _unpickled(self) -> Iterator[ClassSymbol]:
        """What `Unpickler.find_class` gives in the place of a class: its objects have what was stored of the other's."""
        for module in self._program.own:
            for holder in module.classes:
                for finding in holder.methods.get("find_class", ()):
                    for each in finding.facts.returned:
                        match self._receivers.value(each.value, finding):
                            case TypeOf(kind=kind):
                                yield kind

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

    @lazily
    def _writes(self) -> dict[str, list[tuple[FunctionSymbol, Expression]]]:
        """Attributes that are set on anything but the `self` of a method, by name: where, and on what."""
        found: dict[str, list[tuple[FunctionSymbol, Expression]]] = defaultdict(list)
        for module in self._program.own:
            for scope in module.functions:
                method = scope.owner is not None
                if not method and scope.facts.decorators and scope.parameters.get("self") == 0:
                    found[scope.name].append((scope, SELF))  # `@patch`, above `def draw(self: Figure)`, gives it to the class
                for each in scope.facts.assignments:
                    # `reply.text += more` reads what is there first: it gives nobody a name that he has not.
                    if each.target[0] != "attribute" or each.how == "augmented":
                        continue
                    if not (method and each.target[1] in (SELF, CLS)):
                        found[each.target[2]].append((scope, each.target[1]))
        for name in ("setattr", "__setattr__", "delattr", "object", "patch"):
            for scope, index in self._program.calls_named.get(name, ()):
                match scope.facts.calls[index].arguments:
                    case (target, named, *_) if (text := self._text(named, scope)) is not None:
                        found[text].append((scope, target))
        return found

    def _text(self, named: Expression, scope: FunctionSymbol) -> str | None:
        """The name that `setattr(admin, "rows", rows)` sets, also where it stands at the top of a module: `ROWS = "rows"`."""
        match named:
            case ("string", str(text)):
                return text
            case ("name" | "attribute", *_):
                match self._program.evaluate(named, scope):
                    case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP and len(at.assigned.get(name, ())) == 1:
                        given = at.assigned[name][0].value
                        return given[1] if given[0] == "string" else None
        return None

    def _possible(self, target: Expression, scope: FunctionSymbol) -> list[Value | None]:
        """What something is; of a parameter of which that is not known, all that known callers pass."""
        value = self._receivers.value(target, scope)
        number = scope.parameters.get(target[1]) if target[0] == "name" else None
        if value is not None or number is None:
            return [value]
        given = self._receivers.parameters.given(scope, scope.facts.parameters[number], number)
        return [self._receivers.value(each, caller) for caller, each in given if each is not None]

    def _each_of(self, target: Expression, scope: FunctionSymbol) -> Iterator[Value | None]:
        """What something may be; of the name of a loop over what is written out, every part of that."""
        shown = [each.value for each in scope.assigned.get(target[1], ()) if each.how == "for"] if target[0] == "name" else []
        if shown and all(each[0] in ("tuple", "list", "set") for each in shown):
            for part in (part for each in shown for part in each[1]):
                yield self._receivers.value(part, scope)
        else:
            yield from self._possible(target, scope)

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


def _attributes(expression: Expression) -> Iterator[Expression]:
    """`a.b.c` and `a.b` of `a.b.c`."""
    while expression[0] == "attribute":
        yield expression
        expression = expression[1]


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


def _only_annotates(kind: ClassSymbol) -> bool:
    """`class Payment: email: str`, under no decorator and below nothing."""
    assigned = [each for found in kind.body.assigned.values() for each in found]
    own = not (kind.facts.bases or kind.facts.decorators or kind.methods)
    return own and bool(assigned) and all(each.annotation is not None for each in assigned)


def _called_so(target: Expression, scope: FunctionSymbol) -> Iterator[ClassSymbol]:
    """The class of its module that a name speaks of which nobody knows: `setattr(database, name, entity)` beside `Database`."""
    named = (last_name(target) or "").replace("_", "").lower()
    yield from (each for each in scope.module.classes if each.name.lower() == named)
