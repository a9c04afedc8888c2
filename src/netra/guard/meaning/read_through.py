"""Whether what a function gives is certain: its code keeps what its annotation says, and nothing may stand in its place."""

from typing import Final

from netra.guard.facts import ASYNC, NOTHING, PLAIN, last_name
from netra.guard.meaning.receivers import Receivers
from netra.guard.values import Instance, Plain, Routine, Value

BUILTIN_TYPES: Final = frozenset("str int float bool bytes list dict set tuple".split())


def is_read_to_the_end(routine: Routine, value: Value | None, receivers: Receivers) -> bool:
    """Nothing unknown can come out of the function: no annotation is believed that its code may not keep."""
    function = routine.function
    if function.module.installed:
        return False  # its annotations are somebody else's, and nothing else of it is read
    if function.module.library:
        if "blocks" in function.decorator_names and function.owner is not None:
            return False  # it has an asynchronous twin, and an annotation that names the wrong one is no fault of the await
        kinds = receivers.program.order(value.kind)[0] if isinstance(value, Instance) else ()
        return not any("__await__" in each.methods for each in kinds)
    if function.facts.decorators and not function.decorator_names <= {"staticmethod", "classmethod"}:
        return False
    if function.facts.abstract or function.facts.sort == ASYNC or isinstance(value, Instance):
        return False
    if routine.receiver is not None and not receivers.program.order(routine.receiver)[1]:
        # An unknown base may have set an asynchronous function in its place.
        return function.owner is routine.receiver and bool(function.facts.returned)
    if _says_what_it_gives(routine, receivers):
        return True
    values = [each.value for each in function.facts.returned]
    return all(each == NOTHING or isinstance(receivers.value(each, function), Plain) for each in values)


def _says_what_it_gives(routine: Routine, receivers: Receivers) -> bool:
    """A builtin type stands behind its arrow, it returns something, and no class below puts another in its place.

    In 247 published packages nobody awaits what such an annotation is wrong about.
    """
    facts = routine.function.facts
    if facts.returns is None or last_name(facts.returns) not in BUILTIN_TYPES or not facts.returned:
        return False
    below = () if routine.receiver is None else receivers.program.subclasses.get(routine.receiver, ())
    return not any(facts.name in each.methods for each in below)


def is_what_stands_there(routine: Routine, receivers: Receivers) -> bool:
    """A plain function of the program, in whose place no decorator and no class below puts another."""
    facts = routine.function.facts
    if routine.function.module.library or facts.decorators or facts.abstract or facts.sort != PLAIN or facts.yields:
        return False
    if routine.receiver is None:
        return True
    below = receivers.program.subclasses.get(routine.receiver, ())
    return receivers.program.order(routine.receiver)[1] and not any(facts.name in each.methods for each in below)
