"""Names under which a variable is called that may hold a coroutine function: it came out of a collection, or was handed in."""

from typing import Final

from netra.guard.facts import ASYNC, PLAIN, Expression, Function, last_name

LATE: Final = frozenset({"Awaitable", "Coroutine", "CoroutineType"})
UNIONS: Final = frozenset({"Optional", "Union", "Annotated", "ClassVar", "Final"})


def promises_late_call(annotation: Expression | None, aliases: frozenset[str] = frozenset()) -> bool:
    """`Callable[[Event], Awaitable[None]]`, also where it may be None, and by a name that stands for it."""
    match annotation:
        case ("name", str(name)):
            return name in aliases
        case ("subscript", head, ("tuple", parts)) if last_name(head) == "Callable" and len(parts) == 2:
            return parts[1][0] == "subscript" and last_name(parts[1][1]) in LATE
        case ("subscript", head, key) if last_name(head) in UNIONS:
            return any(promises_late_call(each, aliases) for each in (key[1] if key[0] == "tuple" else (key,)))
        case ("operator", "|", left, right):
            return promises_late_call(left, aliases) or promises_late_call(right, aliases)
    return False


def called_variables(function: Function) -> set[str]:
    """The names that a function binds by a loop, or to what it takes out of something, and then calls: `for hook in hooks`."""
    if function.sort not in (ASYNC, PLAIN) or not function.assignments:
        return set()
    called = {call.callee[1] for call in function.calls if call.callee[0] == "name"}
    return {
        each.target[1]
        for each in function.assignments
        if each.target[0] == "name" and each.target[1] in called and _is_taken(each.how, each.value, function)
    }


def _is_taken(how: str, value: Expression, function: Function) -> bool:
    if how in ("for", "unpack"):
        return True
    return value[0] == "subscript" or (value[0] == "call" and last_name(function.calls[value[1]].callee) in ("get", "pop"))
