"""Decorators of the program that put something else in the place of what they are given.

In the place of a class a proxy, say, whose methods give what they will; in the place of the object that a method is called on,
another: the connection that a queue calls it with.
"""

from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, Symbol


def is_replaced(kind: ClassSymbol, program: Program) -> bool:
    """A call of the class may make another: one that a decorator puts in its place, or whatever its new `__new__` gives."""
    if not kind.facts.decorators:
        return False
    around = kind.module.function(kind.facts.scope)
    return any(_gives_another(program.evaluate(each.callee, around), called=each.called) for each in kind.facts.decorators)


def _gives_another(decorator: Symbol | None, *, called: bool) -> bool:
    """A function of the program, or the one that it makes when it is called, gives a class that it holds itself, or writes
    `cls.__new__`.
    """
    if not isinstance(decorator, FunctionSymbol) or decorator.module.library:
        return False
    returned = [each.value for each in decorator.facts.returned]
    if called:
        inner = {each.name: each for each in decorator.children}
        made = [inner.get(each[1]) for each in returned if each[0] == "name"]
        return bool(made) and all(each is not None and _gives_another(each, called=False) for each in made)
    if any(each.target[0] == "attribute" and each.target[2] == "__new__" for each in decorator.facts.assignments):
        return True
    held = {("name", each.name) for each in decorator.module.classes if each.facts.scope == decorator.facts.number}
    return bool(returned) and held.issuperset(returned)


def hands_in_another(decorator: FunctionSymbol, *, called: bool) -> bool:
    """What stands for the method is a static one, or calls it with an attribute first: its `self` is not the object."""
    returned = [each.value for each in decorator.facts.returned]
    wrappers = [each for each in decorator.children if ("name", each.name) in returned]
    if called:
        return bool(wrappers) and all(hands_in_another(each, called=False) for each in wrappers)
    wrapped = next((each.name for each in decorator.facts.parameters if each.name not in ("self", "cls")), "")
    for wrapper in wrappers:
        calls = [each for each in wrapper.facts.calls if each.callee == ("name", wrapped)]
        if "staticmethod" in wrapper.decorator_names or (
            calls and all(each.arguments and each.arguments[0][0] == "attribute" for each in calls)
        ):
            return True
    return False
