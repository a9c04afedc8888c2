"""Whether a module or a class can have a name. What names itself at run time can have any, and so can what is not known."""

import builtins
import enum
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.facts import Class, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, ModuleSymbol

# Calls by which a module or an object gives itself names that no statement binds.
NAMING: Final = frozenset("globals exec eval vars locals setattr".split())

# Decorators of classes that add nothing with a public name.
HARMLESS: Final = frozenset(
    "dataclass dataclasses final runtime_checkable total_ordering unique define frozen mutable attrs s deprecated".split()
)
METACLASSES: Final = frozenset("ABCMeta EnumMeta EnumType type".split())
FIELDS_ONLY: Final = frozenset("NamedTuple TypedDict Generic Protocol ABC object DeclarativeBase MappedAsDataclass".split())
ENUMS: Final = frozenset("Enum IntEnum StrEnum Flag IntFlag".split())
MODELS: Final = frozenset("BaseModel BaseSettings RootModel SQLModel".split())
OF_MODELS: Final = frozenset(
    """copy dict json construct schema schema_json parse_obj parse_raw parse_file from_orm validate update_forward_refs
    root metadata registry query""".split()
)


def module_has(program: Program, module: ModuleSymbol, name: str) -> bool:
    """Whether `module.name` may be there."""
    return (
        name in module.top.bound
        or f"{module.name}.{name}" in program.modules
        or program.member(module, name) is not None
        or (name.startswith("__") and name.endswith("__"))
        or names_itself(program, module)
        or any(name in each.facts.globals for each in module.functions)
    )


def names_itself(program: Program, module: ModuleSymbol) -> bool:
    """The module may have names that none of its statements show, or some of it could not be read."""
    if "__getattr__" in module.top.bound or module.file.problems:
        return True
    for each in module.top.imported.get("*", ()):
        if not each.level and each.module not in program.modules:
            return True
        if each.level and not isinstance(program.imported(replace(each, name=""), module), ModuleSymbol):
            return True
    return any(
        call.callee[0] == "name" and call.callee[1] in ("globals", "exec")
        for function in module.functions
        for call in function.facts.calls
    ) or any(each.target[0] == "subscript" and last_name(each.target[1]) == "modules" for each in module.top.facts.assignments)


def class_has(program: Program, kind: ClassSymbol, name: str) -> bool:
    """Whether an object of the class, or of one below it, may have an attribute."""
    families = [kind, *program.subclasses.get(kind, ())]
    return any(_has(program, each, name) for family in families for each in program.order(family)[0])


def _has(program: Program, kind: ClassSymbol, name: str) -> bool:
    return defines(kind, name) or _is_open(kind) or any(_gives(base, name) for base in foreign_parents(program, kind))


def defines(kind: ClassSymbol, name: str) -> bool:
    """Whether the class itself gives its objects the attribute."""
    return name in members(kind)


def members(kind: ClassSymbol) -> dict[str, int]:
    """The names that a class gives its objects by itself, each with its line."""
    body = kind.body
    functions, classes = kind.module.nested.get(body.facts.number, ({}, {}))
    found = {name: one[0][1].line for name, one in kind.set_on_self.items()}
    found.update({name: one[0].line for name, one in body.imported.items()})
    found.update({name: one[0].line for name, one in body.assigned.items()})
    found.update({name: kind.module.file.classes[one[0]].line for name, one in classes.items()})
    found.update({name: kind.module.file.functions[one[-1]].line for name, one in functions.items()})
    return found


def _is_open(kind: ClassSymbol) -> bool:
    if {"__getattr__", "__getattribute__"} & kind.methods.keys() or kind.module.file.problems:
        return True
    if any(last_name(each.callee) not in HARMLESS for each in kind.facts.decorators):
        return True
    if any(name == "metaclass" and last_name(value) not in METACLASSES for name, value in kind.facts.keywords):
        return True
    for methods in kind.methods.values():
        for method in methods:
            for call in method.facts.calls:
                match call.callee:
                    case ("name", "setattr" | "vars"):
                        return True
                    case ("attribute", ("attribute", _, "__dict__"), _):
                        return True
    return False


def foreign_parents(program: Program, kind: ClassSymbol) -> Iterator[tuple[str, External | None]]:
    """The bases of a class that are not of the program: last name, and what it resolves to."""
    around = kind.module.function(kind.facts.scope)
    for base in kind.facts.bases:
        bare = base[1] if base[0] == "subscript" else base
        match program.evaluate(bare, around):
            case ClassSymbol():
                pass
            case External() as external:
                yield external.last, external
            case _:
                yield last_name(bare) or "", None


def _gives(base: tuple[str, External | None], name: str) -> bool:
    last, external = base
    if last in FIELDS_ONLY:
        return False
    if last in ENUMS:
        return name in dir(enum.Enum) or name in ("name", "value")
    if last in MODELS:
        return name.startswith("model_") or name in OF_MODELS
    if external is not None and external.dotted.startswith("builtins."):
        return name in dir(getattr(builtins, last, object))
    return True


def is_enum(program: Program, kind: ClassSymbol) -> bool:
    """Whether the members of the class are those of an enumeration."""
    return any(last in ENUMS for each in program.order(kind)[0] for last, _ in foreign_parents(program, each))


def is_model(program: Program, kind: ClassSymbol) -> bool:
    """Whether the class is a Pydantic model."""
    return any(last in MODELS for each in program.order(kind)[0] for last, _ in foreign_parents(program, each))


def is_record(facts: Class) -> bool:
    """Whether a decorator or a base makes a constructor out of the annotated names of the class."""
    return any(last_name(each.callee) == "dataclass" for each in facts.decorators) or any(
        last_name(_bare(base)) == "NamedTuple" for base in facts.bases
    )


def _bare(base: Expression) -> Expression:
    return base[1] if base[0] == "subscript" else base
