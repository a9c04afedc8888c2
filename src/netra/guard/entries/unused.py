"""What nothing runs: private functions that the program never names, and what stands in them."""

from netra.guard.entries.overridden import Overridden
from netra.guard.facts import ASYNC, PLAIN, last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol


class NamesUsed:
    """What the program names from afar: its attributes, imports and texts, tests included; use `program.once(NamesUsed)`."""

    def __init__(self, program: Program) -> None:
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
        at: FunctionSymbol | None = scope
        while at is not None:
            if "skip" in at.decorator_names or (at.owner is not None and _is_skipped(at.owner)):
                return True
            if self._overridden.is_never_run(at):
                return True
            private = at.name.startswith("_") and not at.name.endswith("__") and not at.facts.decorators
            if private and at.facts.sort in (PLAIN, ASYNC) and not self._is_named(at):
                return True
            at = at.parent
        return False

    def _is_named(self, function: FunctionSymbol) -> bool:
        name = function.name
        return name in self._found or any(name in each.facts.loads for each in function.module.functions)


def _is_skipped(kind: ClassSymbol) -> bool:
    return any(last_name(each.callee) == "skip" for each in kind.facts.decorators)
