"""Paths of files that the code fixes: the same for every call of a function."""

from typing import Final

from netra.guard.facts import Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol

# What makes a path of the parts of one.
JOINING: Final = frozenset("join Path PurePath abspath expanduser resolve absolute gettempdir cwd home str dirname".split())

# Names and calls that are looked through.
FURTHEST: Final = 4


def is_fixed(path: Expression, scope: FunctionSymbol, program: Program, depth: int = 0) -> bool:
    """Nothing in it depends on who calls: texts, variables of the module that are given a text once, and what joins these."""
    if depth > FURTHEST:
        return False
    match path:
        case ("string", str(text)):
            return bool(text)
        case ("name", "__file__"):
            return True
        case ("name", str(name)):
            match program.lookup(name, scope):
                case VariableSymbol(scope=home) if len(given := home.assigned.get(name) or []) == 1:
                    return name not in home.parameters and is_fixed(given[0].value, home, program, depth + 1)
        case ("operator", "+" | "", left, right):
            return is_fixed(left, scope, program, depth + 1) and is_fixed(right, scope, program, depth + 1)
        case ("attribute", inner, "parent"):
            return is_fixed(inner, scope, program, depth + 1)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if last_name(call.callee) not in JOINING or call.keywords:
                return False
            parts = call.arguments or (call.callee[1:2] if call.callee[0] == "attribute" else ())
            return all(_is_part(each, scope, program, depth + 1) for each in parts)
    return False


def _is_part(part: Expression, scope: FunctionSymbol, program: Program, depth: int) -> bool:
    """A piece of a path, or the module or class that is asked for one: `tempfile.gettempdir()`."""
    return is_fixed(part, scope, program, depth) or (part[0] == "name" and part[1] in ("tempfile", "Path", "os"))
