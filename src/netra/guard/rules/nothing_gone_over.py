"""T113."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.rule import rule
from netra.guard.suites import bodies, inside
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Step

# Of nothing these make nothing.
PASSING: Final = frozenset("enumerate sorted reversed zip list tuple set iter".split())
MAKING: Final = frozenset("list tuple set frozenset dict".split())
VIEWS: Final = frozenset({"items", "keys", "values"})

# Methods in which a class makes something else of what it is given.
DECIDING: Final = frozenset({"__init__", "__new__", "__post_init__", "__getattribute__", "__iter__"})


@rule("T113", "nothing-gone-over")
def nothing_gone_over(analysis: Analysis) -> Iterator[Sighting]:
    """An assertion stands in a loop over something that is empty, and never runs.

    ```python
    SETTINGS = Settings(sizes=())


    def test_sizes():
        for size in SETTINGS.sizes:  # nothing is in it
            assert thumbnail(size).exists()  # T113
    ```

    Told of is what was written down as empty and that nobody fills: a name that is given it once and only gone over, and a
    field that a data class was given an empty tuple for.

    Give the loop something to go over, or use `parametrize`.
    """
    for scope in bodies(analysis):
        for block in scope.facts.blocks:
            within = [line for _, line in scope.facts.asserts if block.line <= line <= block.end_line]
            if block.what != "loop" or len(block.expressions) != 1 or not within:
                continue
            if (emptied := _where_empty(analysis, block.expressions[0], scope)) is None:
                continue
            line = within[0]
            message = (
                f"the assertion never runs: nothing is in `{written(block.expressions[0], scope)}`, which the loop goes over"
            )
            step = Step(scope.module.path, emptied or block.head, "it is empty from here on")
            mend = Mend("give the loop something to go over")
            yield Sighting(scope, line, scope.facts.column, line, message, (step,), mend)


def _where_empty(analysis: Analysis, over: Expression, scope: FunctionSymbol) -> int | None:
    """The line that says that it is empty, 0 where it says so itself; None where it may hold something."""
    match over:
        case ("list" | "tuple" | "set" | "dict", ()):
            return 0
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[0] == "attribute" and call.callee[2] in VIEWS and not call.given:
                return _where_empty(analysis, call.callee[1], scope)
            if call.callee[0] == "name" and call.callee[1] in PASSING and len(call.arguments) == 1:
                return _where_empty(analysis, call.arguments[0], scope)
        case ("name", str(name)) if name in scope.assigned:
            return _of_name(name, scope)
        case ("name", _):
            match analysis.program.evaluate(over, scope):
                case VariableSymbol(scope=holder, name=name) if holder is scope.module.top:
                    given = holder.assigned.get(name, ())
                    if len(given) == 1 and given[0].how in ("=", "annotated") and given[0].value == ("tuple", ()):
                        return given[0].line
        case ("attribute", ("name", str(name)), str(field)):
            return _of_field(analysis, name, field, scope)
    return None


def _of_name(name: str, scope: FunctionSymbol) -> int | None:
    """A name of the test that is given nothing once, and with which nothing is done but that it is gone over."""
    match scope.assigned[name]:
        case [only] if only.how in ("=", "annotated") and name not in scope.facts.globals:
            pass
        case _:
            return None
    empty = only.value[0] in ("list", "tuple", "set", "dict") and only.value[1:] == ((),)
    if only.value[0] == "call":
        call = scope.facts.calls[only.value[1]]
        empty = call.callee[0] == "name" and call.callee[1] in MAKING and not call.given
    known = any(name in child.facts.loads or name in child.facts.globals for child in inside(scope))
    within_loop = any(each.what == "loop" and each.line <= only.line <= each.end_line for each in scope.facts.blocks)
    return only.line if empty and not _is_told_elsewhere(name, scope) and not known and not within_loop else None


def _is_told_elsewhere(name: str, scope: FunctionSymbol) -> bool:
    """More is done with it than that it is gone over: whoever else has it may fill it."""
    held, facts = ("name", name), scope.facts
    mentioned = str(held)
    for call in facts.calls:
        viewed = call.callee[0] == "attribute" and call.callee[1] == held and call.callee[2] in VIEWS
        passed = call.callee[0] == "name" and call.callee[1] in PASSING and call.arguments == (held,)
        if not viewed and not passed and mentioned in str((call.callee, call.given)):
            return True
    others = (each for each in facts.assignments if each.target != held and not each.how.startswith("for"))
    if any(mentioned in str((each.target, each.value)) for each in others):
        return True
    return any(mentioned in str(each.value) for each in facts.returned)


def _of_field(analysis: Analysis, name: str, field: str, scope: FunctionSymbol) -> int | None:
    """A field for which a data class of the program was given an empty tuple, and that nobody sets."""
    match analysis.program.evaluate(("name", name), scope):
        case VariableSymbol(scope=holder) if holder in (scope, scope.module.top):
            given = holder.assigned.get(name, ())
        case _:
            return None
    if len(given) != 1 or given[0].how not in ("=", "annotated") or given[0].value[0] != "call":
        return None
    call = holder.facts.calls[given[0].value[1]]
    if dict(call.keywords).get(field) != ("tuple", ()) or not _keeps(analysis, call.callee, holder, field):
        return None
    target = ("attribute", ("name", name), field)
    functions = scope.module.functions
    if any(each.target == target for one in functions for each in one.facts.assignments):
        return None
    texts = (last_name(each.callee) for one in functions for each in one.facts.calls if ("string", field) in each.arguments)
    return None if any(each in ("setattr", "object", "__setattr__") for each in texts) else given[0].line


def _keeps(analysis: Analysis, callee: Expression, scope: FunctionSymbol, field: str) -> bool:
    match analysis.program.evaluate(callee, scope):
        case ClassSymbol() as kind:
            order, closed = analysis.program.order(kind)
            made = any(last_name(each.callee) == "dataclass" for each in kind.facts.decorators) or any(
                last_name(base) == "NamedTuple" for each in order for base in each.facts.bases
            )
            said = any(each.methods.keys() & {*DECIDING, field} for each in order)
            return closed and made and not said and any(field in each.body.assigned for each in order)
    return False
