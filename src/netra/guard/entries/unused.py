"""What nothing runs: private functions that the program never names, and what stands in them."""

from typing import Final

from netra.guard.entries.overridden import Overridden
from netra.guard.facts import ASYNC, PLAIN, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# What others find by these names, though the program does not name it.
FOUND_BY_NAME: Final = ("__", "main", "test", "Test")

# A program with as many public functions, of which it names as large a part itself, is no library: it calls what it has.
MANY: Final = 40
NEARLY_ALL: Final = 0.8


class NamesUsed:
    """What the program names from afar: its attributes, imports and texts, tests included; use `program.once(NamesUsed)`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._overridden = program.once(Overridden)
        found: set[str] = set()
        for scope in program.scopes:
            facts = scope.facts
            found.update([each.name for each in facts.imports])
            expressions = [read.expression for read in facts.reads]
            for call in facts.calls:
                if call.callee[0] == "attribute":
                    expressions.append(call.callee)
                for each in call.arguments:
                    if each[0] == "string":
                        found.add(each[1])
            for expression in expressions:
                while expression[0] == "attribute":
                    found.add(expression[2])
                    expression = expression[1]
        self._found = frozenset(found)

    def is_named(self, name: str) -> bool:
        """Something reads an attribute, imports a name, or passes a text of this name."""
        return name in self._found

    def is_unused(self, scope: FunctionSymbol) -> bool:
        """The function, or one around it, is private, under no decorator, and nothing names it, not even as a text.

        So is a test that is skipped whatever happens, itself or with its class, and a method of an abstract class that all
        below it have anew.
        """
        if self.is_skipped(scope):
            return True
        at: FunctionSymbol | None = scope
        while at is not None:
            if self._overridden.is_never_run(at):
                return True
            private = at.name.startswith("_") and not at.name.endswith("__") and not at.facts.decorators
            if private and at.facts.sort in (PLAIN, ASYNC) and not self._is_named(at):
                return True
            at = at.parent
        return False

    @staticmethod
    def is_skipped(scope: FunctionSymbol) -> bool:
        """A test that is skipped whatever happens: by itself, with its class, or with all of its module (`pytestmark`)."""
        at: FunctionSymbol | None = scope
        while at is not None:
            if "skip" in at.decorator_names or (at.owner is not None and _is_left_out(at.owner)):
                return True
            at = at.parent
        return scope.module.in_tests and _is_marked(scope.module.top)

    def unnamed(self, scope: FunctionSymbol) -> Step | None:
        """The function, one around it or its class, if nothing in the program names it, though it is public: who
        runs it is not seen.

        Tests are found by their names, and what is under a decorator is known to that. Nothing is said of a program that is
        small, or leaves much of its own to others, as a library does.
        """
        at: FunctionSymbol | None = None if scope.module.in_tests or not self._names_its_own else scope
        while at is not None and at.parent is not None:
            if at.facts.decorators or at.facts.sort not in (PLAIN, ASYNC):
                return None
            if at.owner is not None and not self._is_known_class(at.owner):
                return None
            for each in (at, *((at.owner,) if at.owner is not None else ())):
                if not each.name.startswith(FOUND_BY_NAME) and not self._is_mentioned(each.name, scope.module):
                    note = f"nothing in the program names `{each.name}`: it goes wrong as soon as somebody calls it"
                    return Step(scope.module.path, each.facts.line, note)
            at = at.parent
        return None

    def _is_known_class(self, kind: ClassSymbol) -> bool:
        """All above it is read, and nothing registers it: no decorator, no metaclass, no `__init_subclass__`."""
        order, whole = self._program.order(kind)
        registered = any(each.facts.decorators or each.facts.keywords or "__init_subclass__" in each.methods for each in order)
        return whole and not registered

    def _is_mentioned(self, name: str, module: ModuleSymbol) -> bool:
        exported = module.file.exports
        return name in self._found or name in self._loaded or (exported is not None and name in exported)

    @lazily
    def _names_its_own(self) -> bool:
        """Nearly all public functions of the program are named somewhere in it, so that one which is not stands out."""
        public = [
            scope.name
            for scope in self._program.scopes
            if not (scope.module.library or scope.module.in_tests or scope.facts.decorators)
            and scope.facts.sort in (PLAIN, ASYNC)
            and scope.name.isidentifier()
            and not scope.name.startswith(("_", *FOUND_BY_NAME))
        ]
        named = sum(name in self._found or name in self._loaded for name in public)
        return len(public) >= MANY and named >= len(public) * NEARLY_ALL

    @lazily
    def _loaded(self) -> frozenset[str]:
        """The plain names that any function reads."""
        return frozenset().union(*[scope.facts.loads for scope in self._program.scopes])

    def _is_named(self, function: FunctionSymbol) -> bool:
        name = function.name
        return name in self._found or any(name in each.facts.loads for each in function.module.functions)


def _is_left_out(kind: ClassSymbol) -> bool:
    return any(last_name(each.callee) == "skip" for each in kind.facts.decorators) or _is_marked(kind.body)


def _is_marked(body: FunctionSymbol) -> bool:
    """`pytestmark = pytest.mark.skip("replaced")`, by itself or in a list."""
    marks: list[Expression] = [each.value for each in body.assigned.get("pytestmark", ())]
    marks += [part for each in marks if each[0] in ("list", "tuple") for part in each[1]]
    called = [body.facts.calls[each[1]].callee if each[0] == "call" else each for each in marks]
    return any(last_name(each) == "skip" for each in called)
