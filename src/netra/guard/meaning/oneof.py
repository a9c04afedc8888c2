"""One of several classes: those with which a mixin is combined, those that have a name at all."""

from typing import Final

from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol
from netra.guard.values import MOST_OPTIONS, Either, Instance, Value, agreed

# A class of which more are derived is no mixin.
MOST_COMBINED: Final = 8


def combined(kind: ClassSymbol, name: str, program: Program) -> list[ClassSymbol]:
    """The classes below a mixin that have a method of this name, which the mixin takes from those that stand beside it."""
    below = program.subclasses.get(kind, ())
    if len(below) > MOST_COMBINED or name.startswith("__"):
        return []
    # What a class below writes itself, or one between, is no part of what stands beside.
    beside = {each: [above for above in program.order(each)[0] if kind not in program.order(above)[0]] for each in below}
    return [each for each, others in beside.items() if any(name in above.methods for above in others)]


def may_have(option: Value, name: str, program: Program) -> bool:
    """Unless all of a class is known, and neither it nor one below it has the name: then the object is none of this.

    A model of a library leaves much out.
    """
    if not isinstance(option, Instance):
        return True
    order, closed = program.order(option.kind)
    known = (*order, *(above for below in program.subclasses.get(option.kind, ()) for above in program.order(below)[0]))
    return not closed or any(
        each.module.library
        or name in each.methods
        or name in each.body.assigned
        or name in each.set_on_self
        or "__getattr__" in each.methods
        for each in known
    )


def agreed_of_many(values: list[Value | None], program: Program) -> Value | None:
    """What all of them are; of objects of many classes, the nearest class of the program above all of those."""
    kinds = list(dict.fromkeys(each.kind for each in values if isinstance(each, Instance)))
    if len(kinds) <= MOST_OPTIONS or not all(isinstance(each, Instance) for each in values):
        return agreed(values)
    orders = [program.order(each)[0] for each in kinds]
    shared = (each for each in orders[0] if not each.module.library and all(each in other for other in orders))
    nearest = next(shared, None)
    return None if nearest is None else Instance(nearest)


def widest(value: Value | None, program: Program) -> Value | None:
    """Of objects of a class or of one below it, the class: `store or MemoryStore()` of a `store: Store`."""
    if not isinstance(value, Either) or not all(isinstance(each, Instance) for each in value.options):
        return value
    kinds = [each.kind for each in value.options if isinstance(each, Instance)]
    above = [
        each
        for each in value.options
        if isinstance(each, Instance) and not any(other in program.order(each.kind)[0][1:] for other in kinds)
    ]
    return above[0] if len(above) == 1 else value if len(above) == len(kinds) else Either(tuple(above))
