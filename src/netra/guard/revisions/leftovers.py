"""The places that still use a name which is gone: imports, attributes of modules, of classes and of objects, plain names, and
keywords of constructors. A place that expects the name to be missing is none of them.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, CallSite, Expression, Import, is_for_checkers, last_name
from netra.guard.meaning.receivers import Receivers
from netra.guard.members.presence import class_has, is_model, is_record, module_has
from netra.guard.revisions.comparison import Comparison, comparison
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import Instance, ModuleValue, TypeOf

# What a `try` has to catch for a missing import, or a missing attribute, to be expected there.
MISSING_IMPORT: Final = frozenset("ImportError ModuleNotFoundError Exception BaseException AttributeError".split())
MISSING_ATTRIBUTE: Final = frozenset("AttributeError NameError".split())
ASKING: Final = frozenset("hasattr getattr setattr delattr".split())


class Leftover(NamedTuple):
    """One place that uses a name which is gone."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    how: str
    """What is done there: "imports it", "reads it"."""
    inner: str = ""
    """Of a module that is gone: the name of it that is used."""


def leftovers(analysis: Analysis) -> dict[str, list[Leftover]]:
    """Of each name that is gone and still used, by its full name, the places that use it."""
    compared = analysis.once(comparison)
    if compared is None or not compared.gone:
        return {}
    found: dict[str, dict[tuple[str, int, str], Leftover]] = {}
    search = _Search(compared, analysis.receivers)
    for module in analysis.modules:
        for name, each in chain(search.unbound(module), *map(search.within, module.functions)):
            places = found.setdefault(name, {})
            places.setdefault((each.scope.module.path, each.line, each.inner), each)
    return {name: list(places.values()) for name, places in found.items()}


class _Search:
    def __init__(self, compared: Comparison, receivers: Receivers) -> None:
        self._compared = compared
        self._program = compared.now
        self._receivers = receivers
        self._gone = compared.gone
        self._modules = frozenset(name for name, each in self._gone.items() if each.what == "module")
        self._names = frozenset(each.name for each in self._gone.values() if each.what != "module")
        self._fields = frozenset(each.name for each in self._gone.values() if each.what == "field")
        self._written = self._names_written()

    def _names_written(self) -> frozenset[str]:
        """Names that somebody gives an object from outside: whoever reads one of them may read that."""
        return frozenset(
            each.target[2]
            for module in self._program.own
            for scope in module.functions
            for each in scope.facts.assignments
            if each.target[0] == "attribute" and each.target[2] in self._names and each.target[1] not in _SELVES
        )

    def unbound(self, module: ModuleSymbol) -> Iterator[tuple[str, Leftover]]:
        """Names of the module itself that are gone and that it still reads."""
        for each in module.file.unbound:
            full_name = f"{module.name}.{each.name}"
            if each.how == "missing" and each.name in self._names and full_name in self._gone:
                scope = module.function(each.function)
                if not _expected(scope, each.line, MISSING_ATTRIBUTE):
                    yield full_name, Leftover(scope, each.line, each.column, each.line, "uses it")

    def within(self, scope: FunctionSymbol) -> Iterator[tuple[str, Leftover]]:
        for each in scope.facts.imports:
            name = self._imported(each, scope)
            if name is None or _expected(scope, each.line, MISSING_IMPORT) or is_for_checkers(each.line, scope.facts):
                continue
            if self._depends_on_version(scope, each.line):
                continue
            yield name, Leftover(scope, each.line, 0, each.line, "imports it", each.name if name in self._modules else "")
        if not self._names:
            return
        for expression, line, column, end_line in _attributes(scope, self._names):
            name = self._used(expression, scope)
            if name is None or _expected(scope, line, MISSING_ATTRIBUTE) or _asks(scope, expression):
                continue
            if self._depends_on_version(scope, line):
                continue
            yield name, Leftover(scope, line, column, end_line, "uses it")
        if self._fields:
            for call in scope.facts.calls:
                for keyword, _ in call.keywords:
                    if keyword in self._fields and (name := self._given(call, keyword, scope)) is not None:
                        yield name, Leftover(scope, call.line, call.column, call.end_line, f"gives it as `{keyword}=`")

    def _depends_on_version(self, scope: FunctionSymbol, line: int) -> bool:
        """A test around the place asks for a version, itself or in the function that it calls: both ways are meant."""
        return any(
            block.what in ("if", "else")
            and block.line <= line <= block.end_line
            and any(self._asks_version(test, scope) for test in block.expressions)
            for block in scope.facts.blocks
        )

    def _asks_version(self, test: Expression, scope: FunctionSymbol) -> bool:
        match test:
            case ("not" | "await", inner):
                return self._asks_version(inner, scope)
            case ("compare" | "choice", parts, *_):
                return any(self._asks_version(part, scope) for part in parts)
            case ("name" | "attribute", *_):
                return _speaks_of_version(test)
            case ("subscript", inner, _):
                return self._asks_version(inner, scope)
            case ("call", int(index)):
                callee = scope.facts.calls[index].callee
                match self._program.evaluate(callee, scope):
                    case FunctionSymbol() as function:
                        inside = [call.callee for call in function.facts.calls] + [
                            one.expression for one in function.facts.reads
                        ]
                        return any(map(_speaks_of_version, (callee, *inside)))
                return _speaks_of_version(callee)
        return False

    def _imported(self, each: Import, scope: FunctionSymbol) -> str | None:
        if each.name and each.name not in self._names and not self._modules:
            return None
        target = self._program.absolute(each, scope.module)
        if target is None or self._program.modules.get(target) is scope.module:
            return None
        if target in self._modules:
            return target
        if not each.name or each.name == "*":
            return None
        full_name = f"{target}.{each.name}"
        if full_name not in self._gone:
            return None
        if full_name in self._modules:
            parent = self._program.modules.get(target)
            return full_name if parent is None or not module_has(self._program, parent, each.name) else None
        return full_name

    def _used(self, expression: Expression, scope: FunctionSymbol) -> str | None:
        name = expression[2]
        match self._receivers.value(expression[1], scope):
            case ModuleValue(module=module) if not module.library:
                full_name = f"{module.name}.{name}"
                return full_name if full_name in self._gone and name not in self._written else None
            case Instance(kind=kind) | TypeOf(kind=kind) if not kind.module.library and name not in self._written:
                return self._of_class(kind, name)
        return None

    def _of_class(self, kind: ClassSymbol, name: str) -> str | None:
        earlier = self._compared.earlier_class(kind)
        if earlier is None or class_has(self._program, kind, name):
            return None
        for each in self._compared.then.order(earlier)[0]:
            if (full_name := f"{each.full_name}.{name}") in self._gone:
                return full_name
        return None

    def _given(self, call: CallSite, keyword: str, scope: FunctionSymbol) -> str | None:
        match self._receivers.value(call.callee, scope):
            case TypeOf(kind=kind) if not kind.module.library:
                pass
            case _:
                return None
        order = self._program.order(kind)[0]
        made = any(is_record(each.facts) for each in order) or is_model(self._program, kind)
        if not made or any("__init__" in each.methods for each in order) or any(map(_takes_other_names, order)):
            return None
        return self._of_class(kind, keyword)


_SELVES: Final = (("name", "self"), ("name", "cls"))


def _speaks_of_version(expression: Expression) -> bool:
    return "version" in (last_name(expression) or "").lower()


def _takes_other_names(kind: ClassSymbol) -> bool:
    """A constructor that may take what is no field: aliases, validators that see everything first, extra fields."""
    if "model_config" in kind.body.assigned or "Config" in kind.module.nested.get(kind.facts.body, ({}, {}))[1]:
        return True
    if any(name in ("extra", "alias_generator") for name, _ in kind.facts.keywords):
        return True
    for methods in kind.methods.values():
        for method in methods:
            if method.decorator_names & {"model_validator", "root_validator"}:
                return True
    return any(keyword in ("alias", "validation_alias") for call in kind.body.facts.calls for keyword, _ in call.keywords)


def _attributes(scope: FunctionSymbol, names: frozenset[str]) -> Iterator[tuple[Expression, int, int, int]]:
    """The attributes of these names that a function reads or calls, with line, column and last line."""
    for call in scope.facts.calls:
        for each in _named(call.callee, names):
            yield each, call.line, call.column, call.end_line
    for read in scope.facts.reads:
        for each in _named(read.expression, names):
            yield each, read.line, read.column, read.line


def _named(expression: Expression, names: frozenset[str]) -> Iterator[Expression]:
    while expression[0] == "attribute":
        if expression[2] in names:
            yield expression
        expression = expression[1]


def _expected(scope: FunctionSymbol, line: int, errors: frozenset[str]) -> bool:
    """Somebody catches what is raised here when the name is missing."""
    at: FunctionSymbol | None = scope
    while at is not None:
        for block in at.facts.blocks:
            if block.what == "try" and block.line <= line <= block.end_line:
                if any(caught == NOTHING or last_name(caught) in errors for caught in block.expressions):
                    return True
            elif block.what in ("with", "with async") and block.line <= line <= block.end_line:
                for entered in block.expressions:
                    if entered[0] == "call" and last_name(at.facts.calls[entered[1]].callee) in ("suppress", "raises"):
                        return True
        at = at.parent
    return False


def _asks(scope: FunctionSymbol, expression: Expression) -> bool:
    """The function asks whether the object has the name, or what the object is, before it uses it."""
    for call in scope.facts.calls:
        match call.callee, call.arguments:
            case ("name", str(asked)), (_, ("string", str(name)), *_) if asked in ASKING and name == expression[2]:
                return True
            case ("name", "isinstance"), (tested, *_) if tested == expression[1]:
                return True
    return False
