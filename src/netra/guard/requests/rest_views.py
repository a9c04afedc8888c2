"""Views of Django REST framework: what each method answers, which permissions it is under, and whether it asks itself."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import NOTHING, SELF, Decorator, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.program import imported_packages
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

LIBRARY: Final = "rest_framework"
# Methods that a router leads to by themselves, and those of them, with the verbs, that change something.
OF_ROUTERS: Final = frozenset("list create retrieve update partial_update destroy".split())
CHANGING: Final = frozenset("create update partial_update destroy post put patch delete".split())
# Words for looking at who is asking, and for what that one may.
ASKING: Final = ("perm", "allow", "auth", "forbid", "denied", "token", "secret", "sign", "owner", "access", "own_")
ASKED: Final = frozenset("user auth get_object check_object_permissions check_permissions get_queryset filter_queryset".split())
# Stands for what a method of a library does, which may ask.
UNSEEN: Final = "super()"
# Methods of the same object that are followed from one that answers.
FURTHEST: Final = 3


class RestAction(NamedTuple):
    """A method of a view that answers requests."""

    kind: ClassSymbol
    function: FunctionSymbol
    decorator: Decorator | None
    """`@action(…)`; None where its name says when it is called."""

    @property
    def detail(self) -> bool:
        """It is asked about one object."""
        if self.decorator is not None:
            return self._told("detail") == ("constant", "bool", True)
        return "pk" in self.function.parameters or self.function.name in ("retrieve", "update", "partial_update", "destroy")

    @property
    def changes(self) -> bool:
        """It is asked to change something."""
        if self.decorator is None:
            return self.function.name in CHANGING
        verbs = self._told("methods")
        named = verbs[1] if verbs[0] in ("list", "tuple", "set") else ()
        return any(each[0] == "string" and each[1].lower() in CHANGING for each in named)

    @property
    def decides(self) -> bool:
        """It is under permissions of its own: `@action(permission_classes=[IsOwner])`, `@login_required`."""
        others = [each for each in self.function.facts.decorators if each is not self.decorator]
        asking = any(word in str(each.callee).lower() for each in others for word in (*ASKING, "login", "user"))
        return asking or (self.decorator is not None and self._told("permission_classes") != NOTHING)

    def _told(self, name: str) -> Expression:
        return NOTHING if self.decorator is None else dict(self.decorator.keywords).get(name, NOTHING)


class RestViews:
    """The views of a program; use `analysis.once(RestViews)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @lazily
    def actions(self) -> dict[ClassSymbol, list[RestAction]]:
        """What the program's own views answer, tests left out."""
        found: dict[ClassSymbol, list[RestAction]] = {}
        if LIBRARY not in imported_packages(self._analysis.program):
            return found
        for module in self._analysis.modules:
            for kind in () if module.in_tests else module.classes:
                if self._is_view(kind) and (answering := [*self._answering(kind)]):
                    found[kind] = answering
        return found

    def _answering(self, kind: ClassSymbol) -> Iterator[RestAction]:
        for methods in kind.methods.values():
            function = methods[-1]
            action = next((each for each in function.facts.decorators if last_name(each.callee) == "action"), None)
            if action is not None or function.name in OF_ROUTERS or function.name in VERBS:
                yield RestAction(kind, function, action)

    def _is_view(self, kind: ClassSymbol) -> bool:
        for each in self._analysis.program.order(kind)[0]:
            around = each.module.function(each.facts.scope)
            for base in each.facts.bases:
                if not (last_name(base) or "").endswith(("View", "ViewSet")):
                    continue
                match self._analysis.program.evaluate(base, around):
                    case External(dotted=name) if name.startswith(LIBRARY):
                        return True
                    case ClassSymbol(module=module) if module.library and module.name.startswith(LIBRARY):
                        return True
        return False

    def permissions(self, kind: ClassSymbol) -> tuple[Expression, FunctionSymbol] | None:
        """What a view says of its permissions, with where; None where it says nothing."""
        for each in self._analysis.program.order(kind)[0]:
            if given := each.body.assigned.get("permission_classes"):
                return given[-1].value, each.body
        return None

    def chooses(self, kind: ClassSymbol) -> bool:
        """A class of the program has a method that gives the permissions, or looks at each request before it is answered."""
        names = {"get_permissions", "check_permissions", "initial", "dispatch", "check_object_permissions"}
        order = self._analysis.program.order(kind)[0]
        decorated = (str(each.callee) + str(each.arguments) for one in order for each in one.facts.decorators)
        return any(names & {*each.methods} for each in order if not each.module.library) or any(
            word in each.lower() for each in decorated for word in (*ASKING, "login")
        )

    def asks(self, function: FunctionSymbol, kind: ClassSymbol) -> bool:
        """A method looks at who is asking, by itself or by another method of the view, or does what guard cannot see."""
        names = self.names(function, kind)
        return UNSEEN in names or bool(names & ASKED) or any(word in each.lower() for each in names for word in ASKING)

    def names(self, function: FunctionSymbol, kind: ClassSymbol, depth: int = FURTHEST) -> frozenset[str]:
        """Every name and attribute that a method reads, with those of the methods of the view that it calls."""
        facts = function.facts
        read = [each.expression for each in facts.reads] + [each.callee for each in facts.calls]
        read += [each.value for each in facts.assignments] + [given for call in facts.calls for given in call.given]
        found = {part[2] for each in read for part in within(each, function) if part[0] == "attribute"} | {*facts.loads}
        order = self._analysis.program.order(kind)[0]
        for call in facts.calls:
            match call.callee:
                case ("attribute", ("call", int(index)), _) if facts.calls[index].callee == ("name", "super"):
                    found.add(UNSEEN)
                case ("attribute", inner, str(name)) if inner == SELF:
                    below = next((each.methods[name][-1] for each in order if name in each.methods), None)
                    if below is None:
                        found.add(UNSEEN)
                    elif depth and below is not function:
                        found |= self.names(below, kind, depth - 1)
        return frozenset(found)
