"""Whether a function looks at what a text is before it uses it: it compares it, or takes away what could end it."""

from typing import Final

from netra.guard.facts import OTHER, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol

# What changes letters of a text, and takes none away that could end it.
TRIMMING: Final = frozenset("strip lstrip rstrip lower upper title casefold capitalize removeprefix removesuffix".split())
# What ends a text or a name in a statement. Who takes away other signs leaves it open.
ENDING: Final = "'\"`\\]"


def is_one_compared(value: Expression, scope: FunctionSymbol) -> bool:
    """`column if column in COLUMNS else ""`: it may be what was tested."""
    match value:
        case ("name", name):
            return any(each.name == name and each.where[0] == "compare" for each in scope.facts.uses)
        case ("attribute", *_):
            return any(each.expression == value and each.where[0] == "compare" for each in scope.facts.reads)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return any(
                each.where[0] == "compare" and each.callee == call.callee and each.arguments == call.arguments
                for each in scope.facts.calls
            )
        case ("subscript", ("name", name), ("string", key)):
            places = [each.line for each in scope.facts.uses if each.name == name and each.where == ("subscript", key)]
            return len(places) > len(set(places))
        case ("await" | "star", inner):
            return is_one_compared(inner, scope)
    return True


def only_value(parts: tuple[Expression, ...]) -> Expression | None:
    """Of several that a value may be, the only one that is not written down."""
    open_to = [each for each in parts if each[0] not in ("none", "string", "constant")]
    return open_to[0] if len(open_to) == 1 else None


def only_trims(value: Expression, name: str, scope: FunctionSymbol) -> bool:
    """`name = name.strip()`, `name = name or ""`: it is the same text."""
    match value:
        case ("choice", parts):
            one = only_value(parts)
            return (
                one is not None and not is_one_compared(one, scope) and (one == ("name", name) or only_trims(one, name, scope))
            )
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee == ("name", "str") and call.arguments:
                return call.arguments[0] == ("name", name)
            trims = last_name(call.callee) in TRIMMING or (last_name(call.callee) == "replace" and not takes_quotes(call))
            if call.callee[0] == "attribute" and trims:
                return call.callee[1] == ("name", name) or only_trims(call.callee[1], name, scope)
    return False


def takes_quotes(call: CallSite) -> bool:
    r"""`value.replace("'", "\"")`: what would end the text in the statement is gone, or that cannot be told."""
    taken = call.arguments[0] if call.arguments else OTHER
    return taken[0] != "string" or any(sign in taken[1] for sign in ENDING)


def is_held_against(name: str, field: str | None, test: Expression, scope: FunctionSymbol) -> bool:
    """A test compares a name with more than None and the empty text, or takes it apart in a `match`."""
    match test:
        case ("compare", (("name", asked), ("none",) | ("string", "")), _) if asked == name:
            return False
        case ("compare", (("string", _), ("name", asked)), ("In",) | ("NotIn",)) if asked == name and field is not None:
            return False  # `"words" in data`: whether it is there
        case ("compare", parts, _):
            return any(_is_of(part, name, field, scope) for part in parts)
        case ("choice", parts):
            return any(is_held_against(name, field, part, scope) for part in parts)
        case ("not", inner):
            return is_held_against(name, field, inner, scope)
    return False


def _is_of(part: Expression, name: str, field: str | None, scope: FunctionSymbol) -> bool:
    """A side of a comparison has to do with the name, or with the field of it that is meant."""
    inside = list(within(part, scope))
    if ("name", name) not in inside:
        return False
    if field is None or part == ("name", name):
        return True
    return any(
        (each[0] == "attribute" and each[2] == field)
        or (each[0] == "subscript" and each[2] != ("string", field) and each[2][0] != "string")
        or each == ("string", field)
        for each in inside
    )
