"""The settings that a program holds: which variable of the environment its configuration asks for, where, under what name.

A setting is held by a field of a class below `BaseSettings`, under the prefix that the class gives its variables; by a read in
a module called `config`, `settings`, `env` or the like; or by a read in a class called `Settings`, `Config` or the like.
Whoever reads the same variable elsewhere has a second opinion of it: a default of its own, no check, and a value that nobody
can replace.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.carried import carried_reads
from netra.guard.environment import OWNING, Access, Touch, accesses
from netra.guard.facts import BODY, NOTHING, TOP, Assignment, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.lookups import lookups
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol

# What a class is called that reads settings for others.
READER: Final = re.compile(r"(?:\w*_)?\w*(?:Settings|Config|Configuration|Environment)")

# A class that reads this many variables holds settings; one that reads fewer has an argument that may be left out.
MANY: Final = 3

# So does one that reads so many, none of which stands in for an argument.
FEW: Final = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable that is held. `name` is the field or module variable that has its value, empty where none has.

    `replaced`: where the variable is missing, the function that reads it gives something else.
    """

    variable: str
    module: ModuleSymbol
    line: int
    name: str = ""
    holder: ClassSymbol | None = None
    default: Expression | None = None
    annotation: Expression | None = None
    replaced: bool = False


class HeldSettings:
    """All settings that a program holds."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._accesses = analysis.once(accesses)
        self.by_variable: dict[str, list[Setting]] = defaultdict(list)
        self.by_module: dict[ModuleSymbol, list[Setting]] = defaultdict(list)
        for setting in (*self._of_fields(), *self._of_reads()):
            self.by_variable[setting.variable].append(setting)
            self.by_module[setting.module].append(setting)

    def _of_fields(self) -> Iterator[Setting]:
        for module in self._analysis.modules:
            if module.in_tests:
                continue
            for kind in module.classes:
                if is_of_settings(self._analysis.program, kind):
                    yield from self._fields(kind)

    def _fields(self, kind: ClassSymbol) -> Iterator[Setting]:
        order, _ = self._analysis.program.order(kind)
        prefix = next((found for above in order if (found := _prefix(above)) is not None), "")
        for field in kind.body.facts.assignments:
            if field.annotation is None or field.target[0] != "name" or field.target[1] == "model_config":
                continue
            name = field.target[1]
            default = None if field.how == "declared" else field.value
            for variable in _names_of(kind.body, field, f"{prefix}{name}"):
                yield Setting(variable.upper(), kind.module, field.line, name, kind, default, field.annotation)

    def _of_reads(self) -> Iterator[Setting]:
        of_class: dict[ClassSymbol, list[Access]] = defaultdict(list)
        for access in self._accesses:
            module = access.module
            if access.touch is not Touch.READ or not access.variable or module.in_tests:
                continue
            if OWNING & {*module.name.split(".")[-2:]}:
                if _is_kept(access) and access.mention.where[0] != "compare":
                    yield _setting(access)
            elif (kind := _class_around(access.scope)) is not None and READER.fullmatch(kind.name):
                of_class[kind].append(access)
        for access in (*self._analysis.once(lookups), *self._analysis.once(carried_reads)):
            module = access.module
            if OWNING & {*module.name.split(".")[-2:]} and not module.in_tests and access.variable:
                yield _setting(access)
        for kind, found in of_class.items():
            enough = MANY if any(map(is_fallback, found)) else FEW
            if len({each.variable for each in found}) >= enough:
                for access in found:
                    yield Setting(access.variable, kind.module, access.line, target_of(access), kind, access.default)

    def holds(self, module: ModuleSymbol) -> bool:
        """A module that holds settings itself, or is called as such modules are."""
        return module in self.by_module or not OWNING.isdisjoint(module.name.split(".")[-2:])

    def has_one_variable(self, setting: Setting) -> bool:
        """What is held is asked for by one name. Who reads one of several wants to know which of them is set."""
        return len(self._variables[setting.module, setting.line, setting.name]) == 1

    @lazily
    def _variables(self) -> dict[tuple[ModuleSymbol, int, str], set[str]]:
        found: dict[tuple[ModuleSymbol, int, str], set[str]] = defaultdict(set)
        for settings in self.by_module.values():
            for each in settings:
                found[each.module, each.line, each.name].add(each.variable)
        return found


def top_of(module: ModuleSymbol) -> str:
    """The outermost package of a module; of a module in none, the folder that it shares with others."""
    if module.package or "." in module.name:
        return module.name.partition(".")[0]
    return module.path.rpartition("/")[0]


def imported(analysis: Analysis) -> dict[str, set[str]]:
    """The outermost packages that the modules of each top package import from."""
    found: dict[str, set[str]] = defaultdict(set)
    for module in analysis.modules:
        of_top = found[top_of(module)]
        for function in module.file.functions:
            if function.imports:
                of_top.update([each.module.partition(".")[0] for each in function.imports if not each.level])
    return found


def is_of_settings(program: Program, kind: ClassSymbol) -> bool:
    """A class below pydantic's `BaseSettings`, and not below a class of the program that happens to be called so."""
    return any(
        last_name(base) == "BaseSettings" and not isinstance(program.evaluate(base, above.module.top), ClassSymbol)
        for above in program.order(kind)[0]
        for base in above.facts.bases
    )


def keys_of(expression: Expression) -> Iterator[str]:
    """The texts by which a dict that is written down is asked."""
    if expression[0] == "dict":
        for key, value in expression[1]:
            if key[0] == "string":
                yield key[1]
            yield from keys_of(value)


def is_handed_on(access: Access) -> bool:
    """`{"KEY": os.environ.get("KEY")}`: what was read goes to a child under the same name."""
    scope = access.scope
    return any(access.variable in keys_of(value) for value in values_of(scope))


def values_of(scope: FunctionSymbol) -> list[Expression]:
    """What is assigned, returned and given to calls in a scope."""
    facts = scope.facts
    found = [each.value for each in facts.assignments]
    found += [each.value for each in facts.returned]
    for call in facts.calls:
        found += call.arguments
        if call.keywords:
            found += [value for _, value in call.keywords]
    return found


def place_of(module: ModuleSymbol) -> str:
    """The module, or the package of settings of which it is one: `app.settings` of `app.settings.mail`."""
    parts = module.name.split(".")
    named = [number for number, part in enumerate(parts, 1) if part in OWNING]
    return ".".join(parts[: named[0]]) if named else module.name


def _prefix(kind: ClassSymbol) -> str | None:
    match class_setting(kind, "env_prefix"):
        case ("string", str(text)):
            return text
    return None


def class_setting(kind: ClassSymbol, name: str) -> Expression | None:
    """What a settings class is told by `model_config = SettingsConfigDict(…)`, by `class Config`, or by its own statement."""
    given = dict(kind.facts.keywords).get(name)
    for each in kind.body.facts.assignments:
        match each.target, each.value:
            case ("name", "model_config"), ("call", int(index)):
                given = dict(kind.body.facts.calls[index].keywords).get(name, given)
            case ("name", "model_config"), ("dict", pairs):
                given = next((value for key, value in pairs if key == ("string", name)), given)
    _, inner = kind.module.nested.get(kind.facts.body, ({}, {}))
    for number in inner.get("Config", ()):
        for inside in kind.module.of_class(number).body.facts.assignments:
            if inside.target == ("name", name):
                given = inside.value
    return given


def _names_of(body: FunctionSymbol, field: Assignment, plain: str) -> tuple[str, ...]:
    """The variables of a field: those that `Field(validation_alias=…)` names, or its own name behind the prefix."""
    if field.value[0] == "call":
        keywords = dict(body.facts.calls[field.value[1]].keywords)
        for key in ("validation_alias", "alias", "env"):
            match keywords.get(key):
                case ("string", str(text)):
                    return (text,)
                case ("call", int(index)):
                    return tuple(each[1] for each in body.facts.calls[index].arguments if each[0] == "string")
                case ("list" | "tuple", parts):
                    return tuple(each[1] for each in parts if each[0] == "string")
    return (plain,)


def _class_around(scope: FunctionSymbol) -> ClassSymbol | None:
    """The class whose body or method a scope is, or stands in."""
    at: FunctionSymbol | None = scope
    while at is not None:
        if at.facts.sort == BODY:
            return at.module.of_class(at.facts.owner)
        at = at.parent
    return None


def _is_kept(access: Access) -> bool:
    """A name of the module or a field of a class has what is read, or a function gives it: it can be taken from there."""
    facts = access.scope.facts
    if facts.sort in (TOP, BODY):
        return True
    if any(each.line <= access.line <= access.end_line for each in facts.returned):
        return not facts.name.startswith("_")
    return any(
        each.line == access.line
        and (each.target[0] == "attribute" or (each.target[0] == "name" and each.target[1] in facts.globals))
        for each in facts.assignments
    )


def _setting(access: Access) -> Setting:
    default, replaced = access.default, _is_replaced(access)
    return Setting(access.variable, access.module, access.line, target_of(access), default=default, replaced=replaced)


def _is_replaced(access: Access) -> bool:
    """The function that reads it has more than one thing to give, and gives one of them without it."""
    facts = access.scope.facts
    given = [each.line for each in facts.returned if each.how == "return" and each.value != NOTHING]
    if len(given) < 2:
        return False
    tests = [block for block in facts.blocks if block.what == "if" and block.head >= access.line]
    return any(
        any(block.line <= line <= block.end_line for line in given) and any(line > block.end_line for line in given)
        for block in tests
    )


def target_of(access: Access) -> str:
    """The name that gets what is read, when it gets just that."""
    for each in access.scope.assignments_on.get(access.line, ()):
        if each.how in ("=", "annotated") and each.target[0] == "name":
            return str(each.target[1])
    return ""


def asks_only_whether(access: Access, setting: Setting) -> bool:
    """The read asks whether the variable is set at all, which nobody can learn from what holds it: it has something else to
    give where it is missing.
    """
    if access.mention.where[0] == "compare":
        return True
    call = call_of(access.scope, access.mention)
    return setting.replaced and call is not None and call.where[0] == "truth"


def is_fallback(access: Access) -> bool:
    """It stands in for an argument or field that was left out: `key or os.getenv("KEY")`, `if key is None: key = …`."""
    scope = access.scope
    given = {each.name for each in scope.facts.parameters} - {"self", "cls"}
    given |= {each.target[1] for each in scope.facts.assignments if each.target[0] == "name" and _is_renamed(each.value, given)}
    if any(_replaces(value, access, given) for value in values_of(scope)):
        return True
    for each in scope.facts.assignments:
        if each.target[0] == "name" and each.target[1] in given and _contains(each.value, access):
            return not _goes_before(access)
    return any(
        block.what in ("if", "else") and block.line <= access.line <= block.end_line and _asks(block.expressions, given)
        for block in scope.facts.blocks
    )


def _goes_before(access: Access) -> bool:
    """`if "MAIL_TO" in os.environ: to = os.environ["MAIL_TO"]`: whatever was given, the environment is asked first."""
    asked = ("string", access.variable)
    return any(
        block.what == "if"
        and block.line <= access.line <= block.end_line
        and any(test[0] == "compare" and test[1][0] == asked and "In" in test[2] for test in block.expressions)
        for block in access.scope.facts.blocks
    )


def is_override(access: Access, setting: Setting) -> bool:
    """`os.getenv("KEY") or settings.key`: who reads knows of the owner, and lets the environment of now go before it.

    So does a function that asks the owner for the same after it has read.
    """
    facts = access.scope.facts
    asked = [(each.expression, each.line) for each in facts.reads] + [(each.callee, each.line) for each in facts.calls]
    if any(line > access.line and setting.name in _dots(expression) for expression, line in asked):
        return True
    if any(each.line > access.line and ("string", setting.name) in each.arguments for each in facts.calls):
        return True
    if access.default is not None and last_name(access.default) == setting.name:
        return True
    for value in values_of(access.scope):
        match value:
            case ("choice", (first, *others)) if any(last_name(each) == setting.name for each in others):
                if _contains(first, access):
                    return True
    return False


def _dots(expression: Expression) -> Iterator[str]:
    while expression[0] == "attribute":
        yield expression[2]
        expression = expression[1]


def _replaces(expression: Expression, access: Access, given: set[str]) -> bool:
    match expression:
        case ("choice", parts) if _contains(expression, access) and any(
            _is_given(_asked(each, access), given) for each in parts
        ):
            return True
        case ("choice" | "list" | "tuple" | "set" | "formatted" | "compare", parts, *_):
            return any(_replaces(part, access, given) for part in parts)
        case ("dict", pairs):
            return any(_replaces(value, access, given) for _, value in pairs)
        case ("attribute" | "subscript" | "not" | "await", inner, *_):
            return _replaces(inner, access, given)
    return False


def _is_renamed(value: Expression, given: set[str]) -> bool:
    """`o = options`: an argument by another name."""
    return value[0] == "name" and value[1] in given


def _asked(part: Expression, access: Access) -> Expression:
    """`options` of `options.get("key")`, which whoever gave them may have left out."""
    if part[0] == "call":
        match access.scope.facts.calls[part[1]].callee:
            case ("attribute", ("name", _) as inner, "get" | "pop"):
                return tuple(inner)
    return part


def _contains(expression: Expression, access: Access) -> bool:
    """Whether a read stands in an expression, also as an argument of what is called in it."""
    match expression:
        case ("call", int(index)):
            call = access.scope.facts.calls[index]
            if (call.line, call.column) == (access.line, access.column):
                return True
            parts = (*call.given, call.callee)
            return any(_contains(part, access) for part in parts)
        case ("subscript", _, ("string", str(key))) if key == access.variable:
            return True
        case ("choice" | "list" | "tuple" | "set" | "formatted" | "compare", parts, *_):
            return any(_contains(part, access) for part in parts)
        case ("dict", pairs):
            return any(_contains(value, access) for _, value in pairs)
        case ("attribute" | "subscript" | "not" | "await", inner, *_):
            return _contains(inner, access)
    return False


def _is_given(expression: Expression, given: set[str]) -> bool:
    """An argument, or a field of the object, which whoever made it has given."""
    match expression:
        case ("name", str(name)):
            return name in given
        case ("attribute", ("name", "self"), _):
            return True
        case ("subscript", inner, _) | ("attribute", inner, _):
            return _is_given(inner, given)
    return False


def _asks(expressions: tuple[Expression, ...], given: set[str]) -> bool:
    """`if key is None`, `if not key`."""
    match expressions:
        case (("not", ("name", str(name))),) | (("name", str(name)),):
            return name in given
        case (("compare", (("name", str(name)), ("none",)), _),):
            return name in given
    return False
