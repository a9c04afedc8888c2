"""Fields of mapped classes that lead to another mapped class, whatever an annotation says of them.

patient = db.relationship("Patient", back_populates="appointments")
vehicle = models.ForeignKey(Vehicle, on_delete=models.CASCADE)
owner: Mapped["User"] = relationship()
"""

from typing import Final

from netra.guard.facts import Assignment, CallSite, Expression, last_name
from netra.guard.meaning.annotations import Annotations
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol
from netra.guard.values import Instance

# What leads to one object, or, of SQLAlchemy, to one or to several.
RELATIONS: Final = frozenset("relationship relation Relationship ForeignKey OneToOneField ForeignKeyField".split())
# Of these the annotation tells what they lead to, and the first argument is the column.
BY_ANNOTATION: Final = frozenset({"relationship", "relation", "Relationship"})
# What makes something else of a relation than the objects.
OTHERWISE: Final = frozenset({"lazy", "collection_class", "query_class", "secondary", "uselist", "**"})


def related(each: Assignment, kind: ClassSymbol, program: Program) -> ClassSymbol | None:
    """The class of the objects to which a field of the class leads."""
    if each.value[0] != "call":
        return None
    call = kind.body.facts.calls[each.value[1]]
    name = last_name(call.callee)
    if name not in RELATIONS or _is_otherwise(call):
        return None
    if each.annotation is not None:
        match Annotations(program).promised(each.annotation, kind.body):
            case Instance(kind=found) if name in BY_ANNOTATION and not found.module.library:
                return found
        return None
    given = [*call.arguments[:1], *(value for key, value in call.keywords if key in ("to", "argument"))]
    return _named(given[0], kind, program) if given else None


def _is_otherwise(call: CallSite) -> bool:
    """It loads a query, or a collection of its own."""
    for key, value in call.keywords:
        if key in OTHERWISE and not (key == "lazy" and value[0] == "string" and value[1] not in ("dynamic", "write_only")):
            return True
    return False


def _named(target: Expression, kind: ClassSymbol, program: Program) -> ClassSymbol | None:
    if target[0] == "string":
        if target[1] == "self":
            return kind
        name = target[1].rpartition(".")[2]
        found = [each for each in program.classes_named.get(name, ()) if not each.module.library]
        return found[0] if len(found) == 1 else None
    symbol = program.evaluate(target, kind.body)
    return symbol if isinstance(symbol, ClassSymbol) and not symbol.module.library else None
