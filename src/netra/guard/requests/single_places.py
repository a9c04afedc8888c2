"""What is written into shared places that have room for one value, by whomever."""

from collections.abc import Iterator
from dataclasses import replace

from netra.guard.analysis import Analysis
from netra.guard.facts import last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.slot_names import is_for_all
from netra.guard.requests.storing import Storing
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Where a write is shown: the function, the line, the column and the last line.
Place = tuple[FunctionSymbol, int, int, int]


def written_there(analysis: Analysis) -> Iterator[tuple[Write, Place]]:
    """Every write into a shared place, and where to show it: by a line of the program, or by way of a method that keeps it."""
    for each in analysis.once(Sharing).writes:
        yield each, (each.scope, each.line, each.column, each.end_line)
    yield from _by_way_of_another(analysis)


def _by_way_of_another(analysis: Analysis) -> Iterator[tuple[Write, Place]]:
    """What a method of a shared object keeps, and where to show it.

    That is the method where it is made to keep one value, though not all objects of its class are shared; and the call where
    it keeps whatever it is told.
    """
    seen = {(each.scope, each.slot.key) for each in analysis.once(Sharing).writes}
    for write, keeping in analysis.once(Storing).told:
        if is_for_all(keeping.function.name):
            continue
        if (write.how == "update" and keeping.takes_any) or (write.how == "item" and is_one_place(write)):
            yield write, (write.scope, write.line, write.column, write.end_line)
        elif keeping.function.assigned.get("self"):
            continue  # a new object, which a method of the class makes
        elif write.how == "slot" and (place := (keeping.function, write.slot.key)) not in seen:
            seen.add(place)
            step = Step(write.scope.module.path, write.line, f"`{write.slot.name}` is one that all share here")
            shared = replace(write, slot=replace(write.slot, step=step))
            yield shared, (keeping.function, keeping.line, keeping.column, keeping.line)


def is_one_place(write: Write) -> bool:
    """An item whose key is a text of the program has room for one value as well: `drafts["last"] = text`."""
    return write.how == "item" and write.key is not None and write.key[0] in ("string", "constant")


def is_property(analysis: Analysis, write: Write) -> bool:
    """`node.name = name`, where `name` is a property of the class."""
    kinds = analysis.program.classes_named.get(write.slot.owner.rpartition(".")[2], ())
    methods = [each for kind in kinds for each in kind.methods.get(write.slot.name, ()) if kind.full_name == write.slot.owner]
    return any(last_name(each.callee) in ("property", "setter") for method in methods for each in method.facts.decorators)


def is_gathered(write: Write) -> bool:
    """`self.tags.update(tags)` of `def tag(self, **tags)`."""
    parameters = write.scope.facts.parameters
    return write.how == "update" and any(
        each.position == "keywords" and write.value == ("name", each.name) for each in parameters
    )


def is_made_of_itself(write: Write, sharing: Sharing) -> bool:
    """`self.open = {**self.open, key: value}`: one more in a collection, in which the others stay."""
    scope, name = write.scope, write.slot.name
    over = [each.value for each in scope.facts.assignments if each.how == "for" and each.line >= write.line]
    parts = (part for each in (write.value, *over) for part in within(each, scope) if last_name(part) == name)
    return any((found := sharing.slot(part, scope)) is not None and found.key == write.slot.key for part in parts)
