"""S103."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import ASYNC, PLAIN, TOP, Expression, Parameter, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.reaching import GivenValue, is_shut, known_of, left, passed
from netra.guard.requests.bound_once import bound_once
from netra.guard.requests.defaults_under_keys import defaults_under_keys
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.identities import parts
from netra.guard.requests.loading import Loading
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import MUTATING
from netra.guard.requests.singletons import Singletons, is_item
from netra.guard.requests.slots import is_container
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, Step

# What puts everything in that something else holds.
WITH_ALL_OF: Final = frozenset({"update", "extend"})


@rule("S103", "mutable-default", hesitant=True)
def mutable_default(analysis: Analysis) -> Iterator[Sighting]:
    """A default argument is changed by the function, and so what one call left is there for the next.

    A default is made once, when the function is defined. Every caller that does not pass its own shares it.

    ```python
    def remember(message, history=[]):
        history.append(message)  # S103
        return history
    ```

    `history += [message]` changes it as `append` does: a list is made longer in place by it, and only a tuple is made anew.

    So does an object whose constructor keeps the default, where a method changes what is kept, and a function that puts it
    under a key of what lasts and hands it back (`self.sessions[new] = data`); and so it is with the one value
    that `dict.fromkeys(keys, [])` puts under every key, and with what a `partial` at the top of a module binds
    (`report = partial(collect, lines=[])`).

    Take None for the default and make a new one in the function. A default that is only read is left alone, and so is one that
    every call in the program brings a value of its own for, one of a handler or dependency that only FastAPI calls, which
    copies it for each request, and one whose name begins with `_`, that is asked before it is written and that nobody passes.
    Where the function gets to the change only for a caller who passes something else with it, some call must be known to.
    Guard is certain where somebody is served by the function, or a server loads its module: one user's value meets another's.
    What is looked for by its key before it is kept is a memory on purpose, and likely at most.
    """
    copied, serving, loading = _called_with_copies(analysis), analysis.once(Serving), analysis.once(Loading)
    for scope in analysis.scopes:
        around = scope.parent
        if around is None or around.facts.sort in (PLAIN, ASYNC):
            continue  # the default of a function within another is made anew with each call of that
        for parameter in scope.facts.parameters:
            if parameter.default is None or _is_given_anew(scope, parameter.name):
                continue
            if not is_container(parameter.default, around) and not _is_container_of_module(analysis, parameter.default, around):
                continue
            if _remembers(analysis, scope, parameter.name) or _is_always_passed(analysis, scope, parameter.name):
                continue
            if scope in copied:
                continue
            changes = list(_changes_of_default(analysis, scope, parameter))
            if all(what in REMOVING for _, _, what in changes) and _is_empty(parameter.default):
                continue
            for line, column, _ in changes:
                step = Step(scope.module.path, parameter.line, f"the default of `{parameter.name}` is made once, here")
                message = f"`{parameter.name}` is changed, and its default is shared by every call of `{scope.name}`"
                mend = Mend("take None, and make a new one here")
                met = serving.surely(scope) or loading.holds(scope.module)
                # A container of the module, and a parameter that is nobody else's business, are shared on purpose.
                meant = not is_container(parameter.default, around) or parameter.name.startswith("_")
                sure = CERTAIN if met and not meant and not _is_memo(scope, parameter.name, line) else LIKELY
                yield Sighting(scope, line, column, line, message, (step,), mend, sure)
                break
    yield from _kept_defaults(analysis)
    for each in defaults_under_keys(analysis):
        at, name = each.stored, each.parameter.name
        message = f"all keys of `{written(at.target[1], each.scope)}` get one and the same default of `{name}`"
        step = Step(each.scope.module.path, each.parameter.line, f"the default of `{name}` is made once, here")
        mend = Mend("take None, and make a new one here")
        yield Sighting(each.scope, at.line, at.column, at.line, message, (step,), mend, CERTAIN)
    for bound in bound_once(analysis):
        making, name = bound.making, bound.name
        message = f"`{name}` of `{bound.function.name}` is changed, and what is bound here is shared by every call"
        step = Step(bound.function.module.path, bound.line, f"`{bound.function.name}` changes it")
        met = serving.surely(bound.function) or loading.holds(bound.made_in.module)
        sure = CERTAIN if met and not _is_memo(bound.function, name, bound.line) else LIKELY
        mend = Mend("bind None, and make a new one in the function")
        yield Sighting(bound.made_in, making.line, making.column, making.end_line, message, (step,), mend, sure)
    yield from _one_for_all_keys(analysis)


def _one_for_all_keys(analysis: Analysis) -> Iterator[Sighting]:
    """`boards = dict.fromkeys(pupils, [])`, and what is drawn on one board is on all of them."""
    for scope, _, call in analysis.calls_of("fromkeys"):
        if scope.module.in_tests or len(call.arguments) != 2 or not is_container(call.arguments[1], scope):
            continue
        place = call.where[1] if call.where[0] == "assign" else None
        while place is not None and place[0] == "subscript":
            place = place[1]
        name = None if place is None else last_name(place)
        line = 0 if name is None else _changed_within(name, _reaching(place, scope))
        if line:
            message = f"all keys of `{name}` get one and the same value, and what is changed under one is changed under all"
            step = Step(scope.module.path, line, "what lies under one of them is changed here")
            mend = Mend("make one for each: `{key: [] for key in keys}`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend, CERTAIN)


def _reaching(place: Expression | None, scope: FunctionSymbol) -> list[FunctionSymbol]:
    """The functions that may mean a place by its name: those of the file, or of a local name its function and those in it."""
    if place is None or place[0] != "name" or scope.facts.sort not in (PLAIN, ASYNC) or place[1] in scope.facts.globals:
        return list(scope.module.functions)
    found = [scope]
    for each in found:
        found += [child for child in each.children if place[1] not in child.bound]
    return found


def _changed_within(name: str, scopes: list[FunctionSymbol]) -> int:
    """The line on which one of them changes in place what lies under a key of something of this name; 0 if nowhere."""
    for other in scopes:
        for call in other.facts.calls:
            if call.callee[0] == "attribute" and call.callee[2] in MUTATING:
                for part in parts(call.callee[1], other):
                    if part[0] == "subscript" and any(last_name(each) == name for each in within(part[1], other)):
                        return call.line
    return 0


def _kept_defaults(analysis: Analysis) -> Iterator[Sighting]:
    """`def __init__(self, facts=[]): self.facts = facts`, and a method that does `self.facts.append(…)`."""
    singletons = analysis.once(Singletons)
    for scope in analysis.scopes:
        kind = scope.owner
        if scope.name != "__init__" or kind is None or scope.module.in_tests or scope.facts.decorators:
            continue
        for parameter in scope.facts.parameters:
            default = parameter.default
            if default is None or not is_container(default, kind.body) or scope.assigned.get(parameter.name):
                continue
            kept = [each for each in scope.facts.assignments if each.value == ("name", parameter.name) and _is_own(each.target)]
            if len(kept) != 1 or _is_under_test(kept[0].line, scope):
                continue
            attribute = kept[0].target[2]
            if (change := _change_of_attribute(analysis, kind, attribute)) is None:
                continue
            number = scope.parameters[parameter.name]
            made = [given for _, given in analysis.receivers.parameters.given(scope, parameter, number)]
            if singletons.made(kind) is not None or (made and None not in made):
                continue
            method, line, column = change
            steps = (
                Step(scope.module.path, parameter.line, f"the default of `{parameter.name}` is made once, here"),
                Step(scope.module.path, kept[0].line, f"and kept in `self.{attribute}` of each object that is made without it"),
            )
            message = f"`self.{attribute}` is changed, and is the default of `{parameter.name}`, one for all objects"
            met = None in made and singletons.made_while_served(kind) is not None
            mend = Mend("take None, and make a new one in `__init__`")
            yield Sighting(method, line, column, line, message, steps, mend, CERTAIN if met else LIKELY)


def _is_own(target: Expression) -> bool:
    return bool(target[0] == "attribute" and target[1] == ("name", "self"))


def _is_under_test(line: int, scope: FunctionSymbol) -> bool:
    return any(each.what in ("if", "else") and each.line <= line <= each.end_line for each in scope.facts.blocks)


def _change_of_attribute(analysis: Analysis, kind: ClassSymbol, name: str) -> tuple[FunctionSymbol, int, int] | None:
    """Where a method changes in place what is kept there, if nothing else is ever put there."""
    family = [kind, *analysis.program.order(kind)[0][1:], *analysis.program.subclasses.get(kind, ())]
    given = [one for each in family for _, one in each.set_on_self.get(name, ())]
    if sum(one.how != "augmented" and not is_item(one) for one in given) != 1:
        return None
    place = ("attribute", ("name", "self"), name)
    for each in family:
        for methods in each.methods.values():
            for method in methods:
                for call in method.facts.calls:
                    if call.callee[0] == "attribute" and call.callee[1] == place and call.callee[2] in MUTATING:
                        return method, call.line, call.column
                for one in method.facts.assignments:
                    into = one.target[1] if one.target[0] == "subscript" else one.target
                    if into == place and (one.how == "augmented" or (is_item(one) and one.how == "=")):
                        return method, one.line, one.column
    return None


def _is_memo(scope: FunctionSymbol, name: str, line: int) -> bool:
    """`if text in seen: return seen[text]` stands above `seen[text] = …`: what is kept there is looked for by its key first."""
    asked = [str(each.expressions) for each in scope.facts.blocks if each.what == "if" and each.head < line]
    return any(
        each.line == line
        and each.target[0] == "subscript"
        and any(str(("name", name)) in test and str(each.target[2]) in test for test in asked)
        for each in scope.facts.assignments
    )


def _called_with_copies(analysis: Analysis) -> frozenset[FunctionSymbol]:
    """Handlers of FastAPI, and what they depend on, that nobody else calls: it copies a default for each request."""
    routes = (each.function for each in analysis.reach.entries.values() if each.sort == ROUTE)
    waiting = [each for each in routes if _is_of_fastapi(each)]
    found = set(waiting)
    while waiting:
        at = waiting.pop()
        around = at.parent or at.module.top
        for parameter in at.facts.parameters:
            match analysis.receivers.parameters.dependency(parameter, around):
                case Routine(function=function) if function not in found:
                    found.add(function)
                    waiting.append(function)
    return frozenset(each for each in found if not analysis.program.calls_named.get(each.name))


def _changes_of_default(analysis: Analysis, scope: FunctionSymbol, parameter: Parameter) -> Iterator[tuple[int, int, str]]:
    """The changes that the default itself meets: not behind a test that it does not pass, nor behind one of another parameter,
    unless some call is known that passes that test and leaves this default.
    """
    assert parameter.default is not None
    of_default = known_of(parameter.default) or GivenValue.OBJECT
    for line, column, what in _changes(scope, parameter.name):
        alone = {parameter.name: of_default}
        if is_shut(scope, line, alone):
            continue
        if is_shut(scope, line, left(scope.facts.parameters) | alone) and scope.name != "__init__":
            known = (_known_by(scope, given, parameter.name) for given in _passed(analysis, scope))
            if not any(each is not None and not is_shut(scope, line, each | alone) for each in known):
                continue
        yield line, column, what


def _passed(analysis: Analysis, scope: FunctionSymbol) -> Iterator[dict[str, Expression | None] | None]:
    """What each call gives that is known to come here."""
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=function, bound=bound) if function is scope:
                yield passed(scope, call, bound=bound)


def _known_by(scope: FunctionSymbol, given: dict[str, Expression | None] | None, name: str) -> dict[str, GivenValue] | None:
    """What is known of the parameters in a call that leaves the default of this one; None for one that brings its own."""
    if given is None:
        return {}
    if given.get(name) is not None:
        return None
    known = left(each for each in scope.facts.parameters if given[each.name] is None)
    return known | {key: of for key, value in given.items() if value is not None and (of := known_of(value)) is not None}


def _is_of_fastapi(function: FunctionSymbol) -> bool:
    return any(each.module.partition(".")[0] == "fastapi" for each in function.module.top.facts.imports)


def _is_container_of_module(analysis: Analysis, default: Expression, around: FunctionSymbol) -> bool:
    """The default is a list or dictionary that the module has anyway, under a name: `base=DEFAULTS`."""
    match analysis.program.evaluate(default, around):
        case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP and name == default[-1]:
            given = at.assigned.get(name, ())
            return len(given) == 1 and is_container(given[0].value, at)
    return False


def _remembers(analysis: Analysis, scope: FunctionSymbol, name: str) -> bool:
    """`def table(_made={}): if not _made: _made.update(…)`: a memory that nobody passes, filled where it is still empty."""
    number = scope.parameters[name]
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        if any(key in (name, "**") for key, _ in call.keywords) or len(call.arguments) + (scope.owner is not None) > number:
            return False
    asked = [each for each in scope.facts.blocks if each.what == "if" and str(("name", name)) in str(each.expressions)]
    changes = [line for line, _, _ in _changes(scope, name)]
    if not name.startswith("_"):
        return False
    # `try: return _made[key]`, before it is made
    read = min((each.line for each in scope.facts.uses if each.name == name and each.where[0] == "subscript"), default=None)
    caught = any(each.what == "handler" and "KeyError" in str(each.expressions) for each in scope.facts.blocks)
    if read is not None and caught and all(read < line for line in changes):
        return True
    return all(any(each.line <= line <= each.end_line for each in asked) for line in changes)


def _is_always_passed(analysis: Analysis, scope: FunctionSymbol, name: str) -> bool:
    """Every call there is brings its own value, so that nobody meets the default yet."""
    number = scope.parameters[name]
    sites = analysis.program.calls_named.get(scope.name, ())
    sites = [each for each in sites if not _goes_elsewhere(analysis, scope, *each)]
    calls = [caller.facts.calls[index] for caller, index in sites]
    spread = ("star",)
    return bool(calls) and all(
        any(key in (name, "**") for key, _ in call.keywords)
        or len(call.arguments) + (scope.owner is not None) > number
        or any(each[0] in spread for each in call.arguments)
        for call in calls
    )


def _goes_elsewhere(analysis: Analysis, scope: FunctionSymbol, caller: FunctionSymbol, index: int) -> bool:
    """A call of this name is known to go to a method of a class that has nothing to do with this one's."""
    match analysis.receivers.value(caller.facts.calls[index].callee, caller):
        case Routine(function=function) if function is not scope:
            one, other = function.owner, scope.owner
            if one is None or other is None:
                return True
            return one not in analysis.program.order(other)[0] and other not in analysis.program.order(one)[0]
    return False


def _is_given_anew(scope: FunctionSymbol, name: str) -> bool:
    """The function puts something else under the name: with `lines += more` it is the default still, with all that is in it."""
    return any(each.how != "augmented" for each in scope.assigned.get(name, ()))


def _is_empty(default: Expression) -> bool:
    return default in (("list", ()), ("dict", ()), ("set", ()))


def _changes(scope: FunctionSymbol, name: str) -> Iterator[tuple[int, int, str]]:
    """Where the parameter is changed, and by which method; `=` for an item that is set."""
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == ("name", name) and last_name(call.callee) in MUTATING | REMOVING:
            if call.callee[2] in WITH_ALL_OF and len(call.given) == 1 and _holds_nothing(call.given[0], scope):
                continue
            yield call.line, call.column, last_name(call.callee) or ""
    for each in scope.facts.assignments:
        match each.target:
            case ("subscript", ("name", str(changed)), _) if changed == name:
                yield each.line, each.column, "="
            case ("name", str(changed)) if changed == name and each.how == "augmented":
                # A list, a set and a dictionary are made longer in place by it, and the name stands for the same one after it.
                yield each.line, each.column, "augmented"


def _holds_nothing(value: Expression, scope: FunctionSymbol) -> bool:
    """`{}`, or a local name for it into which nothing is put."""
    if value[0] == "name" and len(scope.assigned.get(value[1], ())) == 1 and value[1] not in scope.parameters:
        changed = any(each.target[0] == "subscript" and each.target[1] == value for each in scope.facts.assignments)
        changed = changed or any(each.callee[0] == "attribute" and each.callee[1] == value for each in scope.facts.calls)
        return not changed and _holds_nothing(scope.assigned[value[1]][0].value, scope)
    return value[0] in ("dict", "list", "tuple", "set") and not value[1]
