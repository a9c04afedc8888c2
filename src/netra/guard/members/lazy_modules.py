"""Modules that answer for names when they are first asked for, and for which: `def __getattr__(name)` with a table.

_lazy = {"Sms": "providers.sms", "Push": "providers.push"}

def __getattr__(name):
    if name in _lazy:
        return getattr(import_module(_lazy[name]), name)
    raise AttributeError(name)
"""

from netra.guard.facts import Block, Expression, Parameter
from netra.guard.meaning.containers import fills
from netra.guard.symbols import FunctionSymbol, ModuleSymbol


def answered_names(module: ModuleSymbol) -> frozenset[str] | None:
    """Every name for which the module's `__getattr__` returns anything; None when that is not written down."""
    functions, _ = module.nested.get(0, ({}, {}))
    numbers = functions.get("__getattr__", ())
    if len(numbers) != 1:
        return None
    asking = module.function(numbers[0])
    match asking.facts.parameters:
        case (Parameter(name=asked),) if not asking.facts.decorators and asked not in asking.assigned:
            pass
        case _:
            return None
    if asking.facts.falls or asking.facts.yields or not asking.facts.returned:
        return None
    found: set[str] = set()
    for each in asking.facts.returned:
        around = [block for block in asking.facts.blocks if block.what == "if" and block.line <= each.line <= block.end_line]
        names = next((told for block in around if (told := _told(block, asked, asking)) is not None), None)
        if names is None:
            return None
        found |= names
    return frozenset(found)


def _told(block: Block, asked: str, asking: FunctionSymbol) -> frozenset[str] | None:
    """The names of which an `if` asks: `name in _lazy`, `name in ("Sms", "Push")`, `name == "Sms"`."""
    match block.expressions:
        case (("compare", (("name", name), ("string", str(text))), ("Eq",)),) if name == asked:
            return frozenset({text})
        case (("compare", (("name", name), table), ("In",)),) if name == asked:
            return _keys(table, asking)
    return None


def _keys(table: Expression, asking: FunctionSymbol) -> frozenset[str] | None:
    """What is in a table that is written down where the module begins, and that nobody fills."""
    if table[0] == "name":
        top = asking.module.top
        given = top.assigned.get(table[1], ())
        if (
            len(given) != 1
            or table[1] in asking.bound
            or table[1] in asking.module.rebinding
            or _is_filled(table, asking.module)
        ):
            return None
        table = given[0].value
    match table:
        case ("dict", pairs):
            names = [key for key, _ in pairs]
        case ("list" | "tuple" | "set", parts):
            names = [*parts]
        case _:
            return None
    return frozenset(each[1] for each in names) if all(each[0] == "string" for each in names) else None


def _is_filled(table: Expression, module: ModuleSymbol) -> bool:
    """Some function of the module puts more into it."""
    return any(fills(scope, table) for scope in module.functions)
