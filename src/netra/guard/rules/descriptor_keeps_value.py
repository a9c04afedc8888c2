"""S130."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, SELF, Assignment, last_name
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.singletons import Singletons
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step, TypeOf


@rule("S130", "descriptor-keeps-value")
def descriptor_keeps_value(analysis: Analysis) -> Iterator[Sighting]:
    """A descriptor keeps the value on itself, and it is one object of the class: all objects of that class have one value.

    Whoever sets the attribute of their own object sets it for everybody, and reads what another has set last.

    ```python
    class Bound:
        def __get__(self, obj, owner):
            return self.value

        def __set__(self, obj, value):
            self.value = value  # S130: `Address().street` of all


    class Address:
        street = Bound()
    ```

    Keep it in the object for which it is set: `obj.__dict__[self.name] = value`, with the name that `__set_name__` is told, or
    `setattr(obj, self.private_name, value)`. A descriptor that makes any use of that object when it sets is left alone, and so
    is one that stands only in classes of which there is one object.
    """
    used = analysis.once(_UsedDescriptors)
    for module in analysis.modules:
        for kind in module.classes if not module.in_tests else ():
            kept = _kept(kind)
            if kept is None:
                continue
            setting, each = kept
            place = used.of(kind)
            if place is not None:
                message = f"`{kind.name}` keeps what is set on itself, and all objects of `{place[0].name}` share it"
                why = (Step(place[0].module.path, place[1].line, f"`{place[1].target[-1]}` is made once, for the class"),)
                mend = Mend(f"keep it in `{setting.facts.parameters[1].name}`")
                yield Sighting(setting, each.line, each.column, each.line, message, why, mend, CERTAIN)


def _kept(kind: ClassSymbol) -> tuple[FunctionSymbol, Assignment] | None:
    """The line on which `__set__` puts the value where `__get__` finds it, whatever the object."""
    setting, getting = kind.methods.get("__set__", ()), kind.methods.get("__get__", ())
    if len(setting) != 1 or len(getting) != 1 or len(setting[0].facts.parameters) != 3:
        return None
    _, whose, value = (each.name for each in setting[0].facts.parameters)
    if whose in setting[0].facts.loads:
        return None
    for each in setting[0].facts.assignments:
        place = each.target
        if each.how != "=" or place[:2] != ("attribute", SELF) or ("name", value) not in within(each.value, setting[0]):
            continue
        if any(place in within(one.value, getting[0]) for one in getting[0].facts.returned):
            return setting[0], each
    return None


class _UsedDescriptors:
    """Answers in which class an object of another stands as an attribute; of one that is made once for the process, nothing."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def of(self, kind: ClassSymbol) -> tuple[ClassSymbol, Assignment] | None:
        """The first such class, with the line of its attribute."""
        for owner, each in self._made.get(kind.name, ()):
            call = owner.body.facts.calls[each.value[1]]
            match self._analysis.receivers.value(call.callee, owner.body):
                case TypeOf(kind=found) if found is kind and self._analysis.once(Singletons).made(owner) is None:
                    return owner, each
        return None

    @lazily
    def _made(self) -> dict[str, list[tuple[ClassSymbol, Assignment]]]:
        """The attributes of classes that are made by a call, by the name of what is called."""
        found: dict[str, list[tuple[ClassSymbol, Assignment]]] = {}
        for module in self._analysis.modules:
            for owner in module.classes:
                for each in owner.body.facts.assignments if owner.body.facts.sort == BODY else ():
                    if each.value[0] == "call" and each.target[0] == "name":
                        name = last_name(owner.body.facts.calls[each.value[1]].callee) or ""
                        found.setdefault(name, []).append((owner, each))
        return found
