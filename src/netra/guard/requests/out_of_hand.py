"""What nobody can name any more once it is handed over: a function or method that is mentioned nowhere but there.

Things are taken back by naming them: `bus.unsubscribe(handler)`, `signal.disconnect(box.put)`.
"""

from collections import Counter

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import TypeOf


class OutOfHand:
    """Answers what is given away for good in one program."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def holds(self, given: Expression, scope: FunctionSymbol) -> bool:
        """A function that is made here, or a method of an object that is, and that nothing else names: `box.put`."""
        match given:
            case ("lambda", _):
                return True
            case ("name", str(name)):
                functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
                return name in functions and _is_mentioned_once(given, scope)
            case ("attribute", inner, str(name)) if inner == SELF:
                return self._mentions.get(name, 0) == 1
            case ("attribute", ("name", str(local)), str(name)):
                handed = is_made_here(local, scope) and _is_mentioned_once(given, scope)
                return handed and not self._hands_itself_on(local, name, scope)
            case ("call", int(index)):
                # `partial(tell, websocket)`, `MessageHandler(filters.TEXT, on_text)`
                call = scope.facts.calls[index]
                called = last_name(call.callee) or ""
                if called == "partial":
                    return len(call.given) > 1
                wrapped = [each for each in call.given if each[0] in ("name", "lambda")] if called[:1].isupper() else []
                return any(self.holds(each, scope) for each in wrapped)
        return False

    def _hands_itself_on(self, local: str, name: str, scope: FunctionSymbol) -> bool:
        """The object is of a class of the program that has no such method, or names it itself, and so may take it back."""
        match self._analysis.receivers.value(scope.facts.calls[scope.assigned[local][0].value[1]].callee, scope):
            case TypeOf(kind=kind) if not kind.module.library:
                order = self._analysis.program.order(kind)[0]
                methods = (one for above in order for found in above.methods.values() for one in found)
                own = (each.expression for one in methods for each in one.facts.reads)
                return not any(name in each.methods for each in order) or ("attribute", SELF, name) in own
        return False

    @lazily
    def _mentions(self) -> Counter[str]:
        """How often an attribute is mentioned without being called, tests left out, by its name."""
        own = [scope for scope in self._analysis.scopes if not scope.module.in_tests]
        return Counter([each.expression[2] for scope in own for each in scope.facts.reads])


def is_made_here(name: str, scope: FunctionSymbol) -> bool:
    """A local name stands for what one call gives."""
    made = scope.assigned.get(name, ()) if name not in scope.parameters else ()
    return len(made) == 1 and made[0].value[0] == "call"


def _is_mentioned_once(name: Expression, scope: FunctionSymbol) -> bool:
    """A function names something in one place, and what stands in it does not."""
    told = [each for call in scope.facts.calls for each in (call.callee, *call.given)]
    told += [each.value for each in scope.facts.assignments]
    told += [each.value for each in scope.facts.returned]
    if name[0] == "attribute":
        handed = [given for call in scope.facts.calls for given in call.given]
        handed += [each.value for each in scope.facts.returned] + [each.value for each in scope.facts.assignments]
        return handed.count(name) == 1 and name[1] not in handed
    # What a call is given is seen with the call as well: here each call is looked at by itself.
    mentioned = sum(part == name for each in told if each[0] != "call" for part in within(each, scope) if part[0] != "call")
    return mentioned == 1 and not any(name[1] in each.facts.loads for each in scope.children)
