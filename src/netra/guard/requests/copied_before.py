"""What was copied out of a shared place before others had their turn, and is put back behind it: what they put there is lost.

messages = [*self.memory.get(thread, []), question]
reply = await ask(messages)
self.memory[thread] = [*messages, reply]  # two of one thread: the later one drops the words of the other
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.emptied import REMOVING
from netra.guard.requests.passing import pairs
from netra.guard.requests.sharing import MUTATING, Sharing, Write
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

COPYING: Final = frozenset("list dict tuple set copy deepcopy".split())
ASKING: Final = frozenset("get setdefault".split())
CHANGING: Final = MUTATING | REMOVING

# A method that gives a copy is looked into, and no method behind it.
FURTHEST: Final = 1
LONGEST: Final = 3

Place = tuple[Slot, Expression | None]


def copied_before(analysis: Analysis, write: Write) -> int | None:
    """The line on which a copy of what lies in the place was made, of which the new value is made."""
    if write.how not in ("item", "slot"):
        return None
    waiting, seen = [(write.value, write.line, _is_more(write.value))], set[str]()
    while waiting:
        value, line, more = waiting.pop()
        for name in _kept(value, write.scope):
            above = [each for each in write.scope.assigned.get(name, ()) if each.line < line]
            if name in seen or name in write.scope.parameters or not above or len(seen) > LONGEST:
                continue
            seen.add(name)
            # `messages = messages[-20:]` is made of what it was.
            for each in above:
                if each.how not in ("=", "annotated"):
                    continue
                # What is put back as it was is put back on purpose.
                changed = more or _is_more(each.value) or _is_changed(name, write.scope)
                copied = _copies(each.value, write.scope, analysis, FURTHEST) if changed else ()
                if any(slot.key == write.slot.key and key == write.key for slot, key in copied):
                    return each.line
                waiting.append((each.value, each.line, changed))
    return None


def loaded_where_missing(analysis: Analysis, write: Write) -> int | None:
    """The line on which it is looked for, where what is then loaded and put there is changed in place: `known.add(label)`.

    known = labels.get(path)
    if known is None:
        known = set(await labels_of(path))
    known.add(label)
    labels[path] = known  # two who find nothing have two sets, and the later one is without the label of the other
    """
    scope = write.scope
    if write.how != "item" or write.value[0] != "name" or write.value[1] in scope.parameters:
        return None
    name = write.value
    given = [each for each in scope.assigned.get(name[1], ()) if each.line < write.line and each.how in ("=", "annotated")]
    if len(given) != 2:
        return None
    looked, loaded = given
    if not any(slot.key == write.slot.key and key == write.key for slot, key in _read(looked.value, scope, analysis)):
        return None
    for block in scope.facts.blocks:
        if block.what != "if" or not looked.line < block.line <= loaded.line <= block.end_line:
            continue
        if block.expressions not in ((("compare", (name, ("none",)), ("Is",)),), (("not", name),)):
            continue
        # Who looks once more, behind what was waited for, has thought of the others.
        again = (each for each in scope.facts.blocks if each.what == "if" and loaded.line < each.line <= write.line)
        if any(_speaks_of(each.expressions, write, scope, analysis) for each in again):
            return None
        return looked.line if any(block.end_line < line for line in _changes(name, scope)) else None
    return None


def _speaks_of(tests: tuple[Expression, ...], write: Write, scope: FunctionSymbol, analysis: Analysis) -> bool:
    sharing = analysis.once(Sharing)
    parts = (part for test in tests for part in within(test, scope) if part[0] in ("name", "attribute"))
    return any((slot := sharing.slot(part, scope)) is not None and slot.key == write.slot.key for part in parts)


def _changes(name: Expression, scope: FunctionSymbol) -> Iterator[int]:
    """The lines on which something is put into what a local name stands for, or taken out of it."""
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[1] == name and call.callee[2] in CHANGING:
            yield call.line
    for each in scope.facts.assignments:
        if each.target[0] == "subscript" and each.target[1] == name:
            yield each.line


def _is_more(value: Expression) -> bool:
    """`[*messages, reply]`, `messages + [reply]`."""
    return value[0] == "operator" or (value[0] in ("list", "tuple", "set", "dict") and len(value[1]) > 1)


def _is_changed(name: str, scope: FunctionSymbol) -> bool:
    """Something is put into what a local name stands for."""
    if any(each.callee[:2] == ("attribute", ("name", name)) and each.callee[2] in CHANGING for each in scope.facts.calls):
        return True
    given = scope.facts.assignments
    return any(
        (each.how == "augmented" and each.target == ("name", name))
        or (each.target[0] == "subscript" and each.target[1] == ("name", name))
        for each in given
    )


def _kept(value: Expression, scope: FunctionSymbol) -> Iterator[str]:
    """The names of what goes on in a value: itself, as it is or as one part of a new list."""
    match value:
        case ("name", str(name)):
            yield name
        case ("list" | "tuple" | "choice", parts):
            for each in parts:
                yield from _kept(each[1] if each[0] == "star" else each, scope) if each[0] in ("star", "name") else ()
        case ("operator", _, one, other):
            yield from (*_kept(one, scope), *_kept(other, scope))
        case ("subscript", inner, key) if key == OTHER:
            yield from _kept(inner, scope)
        case ("call", int(index)) if last_name(scope.facts.calls[index].callee) in COPYING:
            for each in scope.facts.calls[index].arguments:
                yield from _kept(each, scope)


def _copies(value: Expression, scope: FunctionSymbol, analysis: Analysis, depth: int) -> Iterator[Place]:
    """The shared places, with a key or none, of whose content a value is a new list or dictionary."""
    match value:
        case ("list" | "tuple" | "set", parts):
            for each in parts:
                if each[0] == "star":
                    yield from _read(each[1], scope, analysis)
                    yield from _copies(each[1], scope, analysis, depth)
        case ("dict", pairs_of):
            for key, each in pairs_of:
                if key == OTHER:
                    yield from _read(each, scope, analysis)
        case ("operator", _, one, other):
            for each in (one, other):
                yield from _read(each, scope, analysis)
        case ("subscript", inner, key) if key == OTHER:
            yield from _read(inner, scope, analysis)
        case ("await", inner):
            yield from _copies(inner, scope, analysis, depth)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if last_name(call.callee) in COPYING:
                for each in call.arguments or (call.callee[1:2] if call.callee[0] == "attribute" else ()):
                    yield from _read(each, scope, analysis)
            match analysis.receivers.value(call.callee, scope) if depth else None:
                case Routine(function=function, bound=bound) if not function.module.library and function is not scope:
                    given = dict(pairs(call, function, 1 if bound and function.owner is not None else 0))
                    for returned in function.facts.returned:
                        for slot, key in _copies(returned.value, function, analysis, depth - 1):
                            if key is None or (key := _told(key, given, function)) is not None:
                                yield slot, key


def _told(key: Expression, given: dict[str, Expression], scope: FunctionSymbol) -> Expression | None:
    """The key as the call says it, where all of it is what the call gives."""
    match key:
        case ("name", str(name)) if name in scope.parameters:
            return given.get(name)
        case ("tuple", parts):
            told = [_told(each, given, scope) for each in parts]
            return None if None in told else ("tuple", tuple(told))
        case ("string", _):
            return key
    return None


def _read(value: Expression, scope: FunctionSymbol, analysis: Analysis) -> Iterator[Place]:
    """The place whose content an expression is: `self.memory[thread]`, `self.memory.get(thread, [])`, `self.words`."""
    sharing = analysis.once(Sharing)
    match value:
        case ("name", str(name)) if name not in scope.parameters:
            made = scope.assigned.get(name, ())
            if len(made) == 1 and made[0].how == "=" and made[0].value[0] != "name":
                yield from _read(made[0].value, scope, analysis)
        case ("choice", parts):
            for each in parts:
                yield from _read(each, scope, analysis)
        case ("subscript", inner, key) if key != OTHER and (slot := sharing.slot(inner, scope)) is not None:
            yield slot, key
        case ("call", int(index)):
            call = scope.facts.calls[index]
            asks = call.callee[0] == "attribute" and call.callee[2] in ASKING and call.arguments
            if asks and (slot := sharing.slot(call.callee[1], scope)) is not None:
                yield slot, call.arguments[0]
        case ("attribute", *_) if (slot := sharing.slot(value, scope)) is not None:
            yield slot, None
