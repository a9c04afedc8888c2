"""The owner's accessor, and a read of the environment put through it, where the program then does what it did before.

Which reads it can stand for is told by its code, not by its name: `os.getenv("X")` is None where there is no X, and
`os.environ["X"]` raises KeyError, so the accessor has to do the same with what it is asked for. One that says more than its
first argument to the environment, converts what it gets or remembers it, stands for nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Access, accesses
from netra.guard.facts import NOTHING, PLAIN, CallSite, Expression, Import, Mention, dotted
from netra.guard.faults import Edit, Mend
from netra.guard.importing import ImportOrder
from netra.guard.lazily import lazily
from netra.guard.symbols import External, FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Foreign

GETTING: Final = frozenset({"os.getenv", "os.environ.get"})
MAPPING: Final = "os.environ"
MISSING: Final = ("KeyError", "LookupError")


@dataclass(frozen=True, slots=True)
class Ways:
    """What an accessor does for a variable that is missing: what it can be asked for in the place of what."""

    gives_none: bool = False
    """Asked with a name alone, as `os.getenv(name)`."""
    takes_default: bool = False
    """Asked with a second argument, as `os.getenv(name, default)`."""
    raises: bool = False
    """Asked with a name alone, it raises, as `os.environ[name]`."""
    otherwise: bool = False
    """What it raises is no KeyError, which matters to who catches one."""


class Accessor:
    """The function that the configuration names, as far as this program has it."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._program = analysis.program
        owner, _, self._name = analysis.configuration.accessor.rpartition(".")
        self._owner = self._program.modules.get(owner)
        self._symbol = None if self._owner is None else self._program.member(self._owner, self._name)

    def mend(self, access: Access) -> Mend | None:
        """The read through the accessor, with the edits where they change nothing else; None where nobody has named one."""
        if not self._analysis.configuration.accessor:
            return None
        return Mend(f"ask `{self._analysis.configuration.accessor}`", tuple(self._edits(access)))

    def _edits(self, access: Access) -> Iterator[Edit]:
        scope, mention = access.scope, access.mention
        asked = _spelt(scope, mention)
        if asked is None or not self._stands_for(scope, mention):
            return
        known = self._known(scope, access.line)
        importing = None if known else self._importing(scope.module)
        if not known and importing is None:
            return
        if importing is not None:
            yield importing
        line, column, name = access.line, access.column, known or self._name
        end = column + len(asked.encode())
        match mention.where:
            case ("subscript", str(key)):
                last = end + len(f'["{key}"'.encode())
                yield Edit(line, column, line, end + 1, f"{name}(", f"{asked}[")
                yield Edit(line, last, line, last + 1, ")", "]")
            case _:
                yield Edit(line, column, line, end + 1, f"{name}(", f"{asked}(")

    # --- what it does ----------------------------------------------------------------------------------------------------

    @lazily
    def _ways(self) -> Ways:
        match self._symbol:
            case FunctionSymbol() as function if function.module.top is function.parent:
                return self._of_function(function)
            case VariableSymbol(scope=scope, name=name) if scope is scope.module.top:
                match scope.assigned.get(name):
                    case [only] if only.how in ("=", "annotated") and self._dotted(only.value, scope) in GETTING:
                        return Ways(gives_none=True, takes_default=True)
        return Ways()

    def _of_function(self, function: FunctionSymbol) -> Ways:
        facts = function.facts
        first, *others = facts.parameters or (None,)
        plain = facts.sort == PLAIN and not facts.decorators and not facts.yields and not facts.falls and not facts.jumps
        if first is None or len(others) > 1 or not plain or len(facts.returned) != 1:
            return Ways()
        if any(each.position != "positional" for each in facts.parameters):
            return Ways()
        value, key = facts.returned[0].value, ("name", first.name)
        held = value if value[0] == "name" else None
        assigned = function.assigned.get(value[1], []) if held else []
        if len(facts.assignments) != len(assigned) or len(assigned) > 1:
            return Ways()
        value = assigned[0].value if assigned else value
        read = facts.calls[value[1]] if value[0] == "call" else None
        if any(each.where != ("raise",) for each in facts.calls if each is not read):
            return Ways()
        raising = [(each.what, each.expressions) for each in facts.blocks]
        if read is None:
            match value:
                case ("subscript", inner, name) if name == key and not others and self._dotted(inner, function) == MAPPING:
                    if not raising and not facts.raises:
                        return Ways(raises=True)
                    if self._replaces_key_error(function):
                        return Ways(raises=True, otherwise=True)
            return Ways()
        if self._dotted(read.callee, function) not in GETTING or read.keywords or read.arguments[:1] != (key,):
            return Ways()
        default = read.arguments[1] if len(read.arguments) > 1 else NOTHING
        if not raising and not facts.raises:
            if others and default == ("name", others[0].name):
                return Ways(gives_none=others[0].default == NOTHING, takes_default=True)
            return Ways(gives_none=not others and default == NOTHING)
        tested = [("if", (("compare", (held, NOTHING), ("Is",)),))]
        if held and not others and default == NOTHING and raising == tested and len(facts.raises) == 1:
            return Ways(raises=True, otherwise=True)
        return Ways()

    @staticmethod
    def _replaces_key_error(function: FunctionSymbol) -> bool:
        match [(each.what, each.expressions) for each in function.facts.blocks]:
            case [("try", caught), ("handler", handled)] if caught == handled:
                named = len(handled) == 1 and handled[0] in [("name", each) for each in MISSING]
                return named and len(function.facts.raises) == 1
        return False

    def _dotted(self, expression: Expression, scope: FunctionSymbol) -> str:
        match self._analysis.receivers.value(expression, scope):
            case Foreign(symbol=External(dotted=name)):
                return name
        return ""

    # --- whether it can be asked here ------------------------------------------------------------------------------------

    def _stands_for(self, scope: FunctionSymbol, mention: Mention) -> bool:
        ways = self._ways
        name = self._dotted(mention.expression, scope)
        match mention.where:
            case ("subscript", str(key)):
                caught = any(each.what == "try" for each in scope.facts.blocks if each.line <= mention.line <= each.end_line)
                return name == MAPPING and ways.raises and key.isidentifier() and not (ways.otherwise and caught)
        call = call_of(scope, mention)
        if call is None or self._dotted(call.callee, scope) not in GETTING:
            return False
        given = call.given
        if any(keyword != self._second for keyword, _ in call.keywords) or any(each[0] == "star" for each in given):
            return False
        return len(call.arguments) >= 1 and (ways.takes_default if len(given) == 2 else len(given) == 1 and ways.gives_none)

    @property
    def _second(self) -> str:
        match self._symbol:
            case FunctionSymbol(facts=facts) if len(facts.parameters) == 2:
                return str(facts.parameters[1].name)
        return ""

    def _known(self, scope: FunctionSymbol, line: int) -> str:
        """The name under which the module has the accessor already; empty without one."""
        for bound, imports in scope.module.top.imported.items():
            if any(each.line >= line or _in_block(each, scope.module) for each in imports):
                continue
            for name in (bound, f"{bound}.{self._name}"):
                first, _, rest = name.partition(".")
                expression: Expression = ("attribute", ("name", first), rest) if rest else ("name", first)
                if self._symbol is not None and self._program.evaluate(expression, scope) == self._symbol:
                    return name
        return ""

    def _importing(self, module: ModuleSymbol) -> Edit | None:
        """The import that is missing, in front of one that stands at the top of the file before all its reads.

        None where the name means something else already, where the module is of another program, and where the owner itself
        needs the module.
        """
        owner = self._owner
        if owner is None or module is owner or module in self._needed or not _of_one_program(module, owner):
            return None
        if any(self._name in each.bound for each in module.functions) or "*" in module.top.imported:
            return None
        standing = [
            each
            for each in module.top.facts.imports
            if each.line < self._first[module]
            and (each.module, each.level) != ("__future__", 0)
            and not _in_block(each, module)
        ]
        if not standing:
            return None
        place = _place(standing, owner)
        word = "from" if place.name else "import"
        text = f"from {owner.name} import {self._name}\n{word}"
        return Edit(place.line, 0, place.line, len(word), text, word)

    @lazily
    def _first(self) -> dict[ModuleSymbol, int]:
        """The line of each module on which it first touches the environment: all its reads need one import."""
        found: dict[ModuleSymbol, int] = {}
        for each in self._analysis.once(accesses):
            found[each.module] = min(each.line, found.get(each.module, each.line))
        return found

    @lazily
    def _needed(self) -> frozenset[ModuleSymbol]:
        assert self._owner is not None
        return self._analysis.once(ImportOrder).before(self._owner)


def _spelt(scope: FunctionSymbol, mention: Mention) -> str | None:
    """What is replaced, as it is written: `os.environ.get`, `environ`."""
    if mention.where[0] == "subscript":
        return dotted(mention.expression)
    call: CallSite | None = call_of(scope, mention)
    return None if call is None else dotted(call.callee)


def _in_block(each: Import, module: ModuleSymbol) -> bool:
    """It stands in an `if`, a `try` or the like, and may not have run."""
    return any(block.line <= each.line <= block.end_line for block in module.top.facts.blocks)


def _of_one_program(module: ModuleSymbol, owner: ModuleSymbol) -> bool:
    top = owner.name.partition(".")[0]
    imports = (each for scope in module.functions for each in scope.facts.imports)
    return module.name.partition(".")[0] == top or any(
        not each.level and each.module.partition(".")[0] == top for each in imports
    )


def _place(standing: list[Import], owner: ModuleSymbol) -> Import:
    """The import before which that of the owner comes, as they are sorted: others', the program's own, relative ones."""
    top = owner.name.partition(".")[0]
    own = [each for each in standing if not each.level and each.module.partition(".")[0] == top]
    later = [each for each in own if each.module > owner.name] or [each for each in standing if each.level]
    if later:
        return later[0]
    return max(own or standing, key=lambda each: each.line)
