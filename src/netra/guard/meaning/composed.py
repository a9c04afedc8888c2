"""What an expression is that is put together of others: displays, choices, what is taken out by a key."""

from collections.abc import Sequence
from typing import Final

from netra.guard.facts import BODY, OTHER, TOP, Expression, last_name
from netra.guard.meaning.applications import APPLICATIONS, HANDED, leads_to_all_above
from netra.guard.meaning.containers import LONGEST_DISPLAY
from netra.guard.meaning.oneof import agreed_of_many, widest
from netra.guard.meaning.outcomes import called_later
from netra.guard.meaning.parameters import is_filled_in, may_be_left_out
from netra.guard.meaning.questions import Questions
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import CoroutineOf, Instance, Plain, Routine, TypeOf, Value, agreed

# A table of objects, each made where it is put in: tools, handlers.
LONGEST_TABLE: Final = 64


def composed(expression: Expression, scope: FunctionSymbol, receivers: Questions) -> Value | None:
    """What it is, as far as its parts tell. Names, attributes and calls are none of these."""
    match expression:
        case ("await", inner):
            return receivers.awaited(receivers.value(inner, scope))
        case ("choice", parts):
            values = [receivers.value(part, scope) for part in parts]
            if values and all(isinstance(each, CoroutineOf) for each in values):
                return values[0]
            # `store or Store()`: of a `store=None` that nobody is known to pass, what is made without it tells.
            told = [
                value
                for value, part in zip(values, parts, strict=True)
                if value or not (may_be_left_out(part, scope) or is_filled_in(part[-1], scope))
            ]
            return widest(agreed(told or values), receivers.program)
        case ("subscript", inner, key):
            of_application = inner[0] == "attribute" and last_name(inner[1]) in APPLICATIONS
            of_application = of_application or last_name(inner) in APPLICATIONS | HANDED or leads_to_all_above(inner)
            if of_application and (kept := receivers.on_application(expression)) is not None:
                return kept
            match receivers.value(inner, scope):
                case Plain(item=item):
                    return item if key != OTHER else None  # a slice, or nothing that is understood
                case TypeOf() | Routine() as same:
                    # `Box[int]`, `create_memory_object_stream[int]`; `User[number]` of some mappers is a row.
                    return None if _is_local(key, scope, receivers.program) else same
                case Instance(kind=kind) as held if kind.module.model:
                    reading = receivers.attribute(held, "__getitem__")
                    return receivers.outcome(reading) if isinstance(reading, Routine) else None
            return None
        case ("lambda", int(number)):
            return called_later(Routine(scope.module.function(number)), receivers)
        case ("none",):
            return Plain("None")
        case ("string", _) | ("formatted", _):
            return Plain("str")
        case ("constant", str(name), *_):
            return Plain(name)
        case ("list" | "set" | "tuple" as name, parts):
            if not _is_read(parts) or any(part[0] == "star" for part in parts):
                return Plain(name)
            values = [receivers.value(part, scope) for part in parts]
            return Plain(name, agreed_of_many(values, receivers.program), tuple(values) if name == "tuple" else ())
        case ("dict", pairs):
            if not _is_read([each for _, each in pairs]) or any(key == OTHER for key, _ in pairs):
                return Plain("dict")
            return Plain("dict", agreed_of_many([receivers.value(each, scope) for _, each in pairs], receivers.program))
        case ("comprehension", str(name), element):
            if name == "GeneratorExp":
                return None
            return Plain("dict" if name == "DictComp" else "list", receivers.value(element, scope))
        case ("compare", _, operators):
            return Plain("bool") if {*operators} <= {"Is", "IsNot", "In", "NotIn"} else None
        case ("not", _):
            return Plain("bool")
        case ("operator", "", left, _):
            return _divided(receivers.value(left, scope), receivers)
    return None


def _is_read(parts: Sequence[Expression]) -> bool:
    """It is short enough to ask what its parts are. A long one is a table of constants, unless each part is made there."""
    longest = LONGEST_TABLE if all(each[0] == "call" for each in parts) else LONGEST_DISPLAY
    return 0 < len(parts) <= longest


def _divided(left: Value | None, receivers: Questions) -> Value | None:
    """`root / "reports"` of a library's path: what other operators give is not asked, and no model tells."""
    dividing = receivers.attribute(left, "__truediv__") if isinstance(left, Instance) and left.kind.module.model else None
    return receivers.outcome(dividing) if isinstance(dividing, Routine) else None


def _is_local(key: Expression, scope: FunctionSymbol, program: Program) -> bool:
    """A name that a function gives a value."""
    match program.lookup(key[1], scope) if key[0] == "name" else None:
        case VariableSymbol(scope=at):
            return at.facts.sort not in (TOP, BODY)
    return False
