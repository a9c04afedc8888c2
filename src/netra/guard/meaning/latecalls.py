"""Annotations of what is called, and gives something to await."""

from typing import Final

from netra.guard.facts import NOTHING, Expression, last_name

LATE: Final = frozenset({"Awaitable", "Coroutine", "CoroutineType"})
UNIONS: Final = frozenset({"Optional", "Union", "Annotated", "ClassVar", "Final"})


def is_called(annotation: Expression | None) -> bool:
    """`Callable`, `Callable[[int], None]`, `collections.abc.Callable[..., T] | None`: what is given there is called."""
    match annotation:
        case ("name" | "attribute", *_):
            return last_name(annotation) == "Callable"
        case ("subscript", head, _) if last_name(head) == "Callable":
            return True
        case ("subscript", head, key) if last_name(head) in UNIONS:
            parts = key[1] if key[0] == "tuple" else (key,)
            return all(is_called(each) or each == NOTHING for each in parts)
        case ("operator", "|", left, right):
            return all(is_called(each) or each == NOTHING for each in (left, right)) and left != right
    return False


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
