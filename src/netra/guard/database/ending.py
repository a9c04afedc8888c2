"""What ends with the request, and is kept beyond it: the session of a dependency that closes it behind the route.

    def glossary(session=Depends(db)):
        if "glossary" not in services:
            services["glossary"] = Glossary(session)  # the next request gets it with a session that is closed

It stays usable by accident, or is used by two requests at a time.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.connections import Connections
from netra.guard.facts import Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.singletons import has_fields
from netra.guard.requests.storing import Keeping
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Routine, Step, TypeOf

# Local names and objects within objects that are looked through.
FURTHEST: Final = 3


def ending(write: Write, analysis: Analysis) -> tuple[str, Step] | None:
    """What of a value that is kept ends with the request: its name, and what ends it."""
    for name in holding(write.value, write.scope, analysis):
        if (end := end_of(name, write.scope, write.line, analysis)) is not None and not _is_taken_out(write, analysis):
            return name, end
    return None


def holding(value: Expression, scope: FunctionSymbol, analysis: Analysis, depth: int = 0) -> Iterator[str]:
    """The names of parameters and local values that a value is, or that it keeps as an object."""
    match value:
        case ("name", str(name)) if name in scope.bound:
            yield name
            given = scope.assigned.get(name, ())
            if len(given) == 1 and given[0].how in ("=", "annotated") and depth < FURTHEST:
                yield from holding(given[0].value, scope, analysis, depth + 1)
        case ("call", int(index)) if depth < FURTHEST:
            call = scope.facts.calls[index]
            match analysis.receivers.value(call.callee, scope):
                case TypeOf(kind=kind) if not kind.module.library:
                    kept = _kept(kind, analysis)
                    for number, each in enumerate(call.arguments):
                        if number in kept:
                            yield from holding(each, scope, analysis, depth + 1)
                    for name, each in call.keywords:
                        if name in kept:
                            yield from holding(each, scope, analysis, depth + 1)


def only_finds_out(keeping: Keeping, analysis: Analysis) -> bool:
    """All that a function keeps is what others have found out with what it was given: `(count(session), now)`."""
    scope, waiting = keeping.function, [keeping.kept]
    asked = False
    for value in waiting:
        match value:
            case ("tuple" | "list", parts):
                waiting += parts
            case ("await", inner):
                waiting.append(inner)
            case ("name", str(name)) if name not in scope.parameters and len(scope.assigned.get(name, ())) == 1:
                waiting.append(scope.assigned[name][0].value)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                told = [part[1] for each in call.given for part in within(each, scope) if part[0] == "name"]
                if not any(name in keeping.value for name in told):
                    continue
                match analysis.receivers.value(call.callee, scope):
                    case Routine(function=function) if not _gives_what_it_is_told(function, analysis):
                        asked = True
                    case _:
                        return False
            case _:
                return False
    return asked


def _gives_what_it_is_told(function: FunctionSymbol, analysis: Analysis) -> bool:
    names = (name for each in function.facts.returned for name in holding(each.value, function, analysis))
    return any(each.value[0] == "lambda" for each in function.facts.returned) or any(
        name in function.parameters or any(child.name == name for child in function.children) for name in names
    )


def _kept(kind: ClassSymbol, analysis: Analysis) -> frozenset[int | str]:
    """Which of what an object is made with it keeps as it is: by position and by name."""
    order = analysis.program.order(kind)[0]
    making = next((each.methods["__init__"][0] for each in order if "__init__" in each.methods), None)
    if making is None:
        fields = [each.target[1] for each in kind.body.facts.assignments if each.annotation and each.target[0] == "name"]
        return frozenset((*range(len(fields)), *fields)) if has_fields(kind) else frozenset()
    own = {each.value[1] for each in making.facts.assignments if each.target[0] == "attribute" and each.value[0] == "name"}
    found = [(number, each.name) for number, each in enumerate(making.facts.parameters) if each.name in own]
    return frozenset(each for number, name in found for each in (number - 1, name))


def end_of(name: str, scope: FunctionSymbol, line: int, analysis: Analysis) -> Step | None:
    """What ends what a name stands for that is kept on a line: a dependency behind its `yield`, or the `with` around it."""
    if name in scope.parameters and not scope.assigned.get(name) and scope.parent is not None:
        parameter = scope.facts.parameters[scope.parameters[name]]
        match analysis.receivers.parameters.dependency(parameter, scope.parent):
            case Routine(function=function) if function.facts.yields and not function.module.library:
                note = f"`{function.name}` ends it when the request is answered"
                return Step(function.module.path, function.facts.line, note)
        return None
    given = scope.assigned.get(name, ())
    if len(given) == 1 and given[0].how.startswith("with") and scope.name not in ("lifespan", "main"):
        around = [each for each in scope.facts.blocks if each.what.startswith("with") and each.head >= given[0].line]
        inside = any(each.line <= line <= each.end_line for each in around)
        if inside and analysis.once(Connections).held(("name", name), scope) is not None:
            return Step(scope.module.path, given[0].line, f"`{name}` is closed at the end of this `with`")
    return None


def _is_taken_out(write: Write, analysis: Analysis) -> bool:
    """The function that keeps it takes it out again, or puts None there."""
    sharing, scope = analysis.once(Sharing), write.scope
    places = [call.callee[1] for call in scope.facts.calls if call.callee[0] == "attribute" and call.callee[2] in REMOVING]
    places += [each.target[1] for each in scope.facts.assignments if each.how == "delete" and each.target[0] == "subscript"]
    places += [each.target for each in scope.facts.assignments if each.value == ("none",) and each.line > write.line]
    found = (sharing.slot(each, scope) for each in places if last_name(each) is not None)
    return any(slot is not None and slot.key == write.slot.key for slot in found)
