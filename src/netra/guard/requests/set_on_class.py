"""Attributes that a request sets on a class by its name, and that the objects of others read as their own.

class Draft:
    amount = 0

    def line(self):
        return f"{self.amount:.2f}"

async def amount(update, context):
    Draft.amount = float(update.message.text)  # of every draft that has none of its own
"""

from netra.guard.analysis import Analysis
from netra.guard.facts import TOP
from netra.guard.requests.meeting import CHOOSING, OF_ALL
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Touched, Write
from netra.guard.requests.singletons import Singletons
from netra.guard.symbols import ClassSymbol
from netra.guard.values import TypeOf


def read_by_objects(analysis: Analysis, write: Write) -> Touched | None:
    """Where an object of the class reads what is written to the class, and others make such objects for whoever is served."""
    kind = _set_on(analysis, write)
    if kind is None or analysis.once(Singletons).made_while_served(kind) is None:
        return None
    called = f"{analysis.once(Serving).entry(write.scope).label} {write.scope.name}".lower().replace("/", " ").replace("_", " ")
    if CHOOSING.intersection(called.split()) or any(word.startswith(OF_ALL) for word in called.split()):
        return None  # somebody sets it for all objects, on purpose
    family = [*analysis.program.order(kind)[0], *analysis.program.subclasses.get(kind, ())]
    if any(write.slot.name in each.set_on_self and _begins_with(each, write.slot.name) for each in family):
        return None  # each object has one of its own from the start
    wanted = f"self.{write.slot.name}"
    for each in family:
        for method in (method for methods in each.methods.values() for method in methods):
            for use in method.facts.uses:
                if use.name == wanted and use.where != ("store",) and "cls" not in method.parameters:
                    return Touched(method, "reads it", use.line)
    return None


def _set_on(analysis: Analysis, write: Write) -> ClassSymbol | None:
    """The class of the program that a line names and sets an attribute of: `Draft.amount = …`, and not `cls.amount`."""
    if write.how != "slot":
        return None
    for each in write.scope.facts.assignments:
        match each.target:
            case ("attribute", ("name", str(named)), str(name)) if each.line == write.line and name == write.slot.name:
                if named in ("self", "cls"):
                    return None
                match analysis.receivers.value(each.target[1], write.scope):
                    case TypeOf(kind=kind) if not kind.module.library and _has_a_default(kind, name):
                        return kind
    return None


def _has_a_default(kind: ClassSymbol, name: str) -> bool:
    """The body of the class gives it a value, which stands for what an object does not have yet."""
    return bool(kind.body.assigned.get(name)) and kind.body.parent is not None and kind.body.parent.facts.sort == TOP


def _begins_with(kind: ClassSymbol, name: str) -> bool:
    return any(method.name in ("__init__", "__post_init__") for method, _ in kind.set_on_self.get(name, ()))
