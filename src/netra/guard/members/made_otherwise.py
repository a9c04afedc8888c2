"""Calls that make an object of a class without naming its constructor, and what they take:

dataclasses.replace(order, state=DONE)          # the fields of the order's class
await Message.objects.acreate(room=room, …)     # the fields of the model, in Django
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite
from netra.guard.meaning.models import decorated_as
from netra.guard.members.mappers import DJANGO, mapper_of
from netra.guard.members.members import MemberNames
from netra.guard.members.parameters import Signature
from netra.guard.members.parents import Parents
from netra.guard.members.queries import ROW_HOLDERS, class_of_queries
from netra.guard.members.signatures import Signatures
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Instance

NAMED_TUPLES: Final = frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"})
COPYING: Final = frozenset("dataclasses.replace copy.replace attrs.evolve attr.evolve".split())
CREATING: Final = frozenset({"create", "acreate"})
REPLACING: Final = "_replace"
NAMES: Final = CREATING | {name.rpartition(".")[2] for name in COPYING} | {REPLACING}


class MadeOtherwise:
    """Answers what such calls take; use `analysis.once(MadeOtherwise)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._signatures = analysis.once(Signatures)
        self._members = analysis.once(MemberNames)
        self._parents = analysis.once(Parents)

    def taken(self, call: CallSite, scope: FunctionSymbol) -> list[Signature] | None:
        """What the call takes; None where it is no such call, or that is not known."""
        if call.callee[-1] == REPLACING:
            found = self._of_tuple(call, scope)
        else:
            found = self._of_manager(call, scope) if call.callee[-1] in CREATING else self._of_copy(call, scope)
        return None if found is None else [found]

    def _of_copy(self, call: CallSite, scope: FunctionSymbol) -> Signature | None:
        match self._program.evaluate(call.callee, scope):
            case External(dotted=dotted) if dotted in COPYING and len(call.arguments) == 1:
                pass
            case _:
                return None
        match self._receivers.value(call.arguments[0], scope):
            case Instance(kind=kind) if not kind.module.library:
                pass
            case _:
                return None
        if not decorated_as(kind, self._program)[0]:
            return None
        fields: frozenset[str] = frozenset()
        for each in (kind, *self._program.subclasses.get(kind, ())):
            made = self._signatures.of_constructor(each)
            if made is None or made.more_keywords:
                return None
            fields |= made.keywords
        return Signature(("object",), fields, (), path=kind.module.path, line=kind.facts.line)

    def _of_tuple(self, call: CallSite, scope: FunctionSymbol) -> Signature | None:
        """`place._replace(row=2)` of a `NamedTuple`."""
        if call.callee[0] != "attribute" or call.arguments:
            return None
        match self._receivers.value(call.callee[1], scope):
            case Instance(kind=kind) if self._parents.above(kind, NAMED_TUPLES) and REPLACING not in kind.methods:
                made = self._signatures.of_constructor(kind)
                return None if made is None else Signature((), made.keywords, (), path=made.path, line=made.line)
        return None

    def _of_manager(self, call: CallSite, scope: FunctionSymbol) -> Signature | None:
        match call.callee:
            case ("attribute", ("attribute", model, str(manager)), _) if manager in ROW_HOLDERS:
                kind = self._program.evaluate(model, scope)
            case _:
                return None
        if not isinstance(kind, ClassSymbol) or mapper_of(kind, self._program) != DJANGO:
            return None
        if self._creates_itself(kind, manager, call.callee[2]):
            return None
        held = self._members.of(kind)
        return None if held is None else Signature((), held, (), path=kind.module.path, line=kind.facts.line)

    def _creates_itself(self, kind: ClassSymbol, manager: str, name: str) -> bool:
        """The manager of the model is the program's own and has such a method, or is not understood."""
        for above in self._program.order(kind)[0]:
            for each in () if above.module.library else above.body.assigned.get(manager, ()):
                match self._program.evaluate(class_of_queries(each.value, above.body), above.body):
                    case ClassSymbol() as holding:
                        own = (one for one in self._program.order(holding)[0] if not one.module.library)
                        if any({name, name.removeprefix("a")} & one.methods.keys() for one in own):
                            return True
                    case External(dotted=dotted) if dotted.startswith("django."):
                        continue
                    case _:
                        return True
        return False
