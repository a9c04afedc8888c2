"""S112."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Expression, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.apart import tells_apart
from netra.guard.requests.origins import Origins
from netra.guard.requests.passing import pairs
from netra.guard.requests.renamed import changed_in_place, said_of
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.singletons import Singletons
from netra.guard.requests.slots import Slot
from netra.guard.requests.task_objects import bound_to, own_lists, task_classes
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step

# Words of what is meant to know all objects of a class.
OF_ALL: Final = ("registry", "registered", "instance", "cache", "pool", "known", "loaded", "subclass", "plugin")

LENGTHENING: Final = frozenset("append extend insert".split())

# What gives all that lies in a dictionary, and what asks for one of it.
WHOLE: Final = frozenset({"items", "values"})
KEYED: Final = frozenset("get pop setdefault __getitem__ __contains__ has_key".split())
COUNTED_BY: Final = tuple(("name", each) for each in ("list", "dict", "sorted", "tuple"))

WHOSE: Final = re.compile(r"(?:user|account|tenant|owner|run|session|thread|conversation|chat|connection)(?:_?(?:id|uuid))?$")


@rule("S112", "list-of-the-class")
def list_of_the_class(analysis: Analysis) -> Iterator[Sighting]:
    """A method adds to `self.x`, which is one list for all objects of the class, though each request makes its own object.

    ```python
    class Conversation:
        messages = []

        def say(self, text):
            self.messages.append(text)  # S112: into the list of everybody


    @app.post("/say")
    async def say(text: str):
        Conversation().say(text)
    ```

    So it is with a list of the module that is lengthened under a local name (`lines = INSTRUCTIONS`, and then
    `lines += wishes_of(user)`), and with what a copy that is one level deep shares with what it is a copy of
    (`style = STYLES[kind].copy()`, and then `style["margins"]["top"] = 30`).

    And so it is with the object of a task of Celery, of which a worker makes one: a list that it keeps is that of
    all runs, whether a method adds to it or the function that is bound to it (`bind=True, base=Report`).

    Make the list in `__init__`, and copy what is changed. A list that is also reached through the class is meant to be shared,
    and is left alone, and so are fields of dataclasses and models, of which each object gets its own.
    """
    sharing = analysis.once(Sharing)
    singletons = analysis.once(Singletons)
    seen: set[tuple[str, str]] = set()
    for write in sharing.writes:
        if write.slot.key in seen or not (_is_added(write) or _is_filed(analysis, write)):
            continue
        kind = _class_of(analysis, write)
        if kind is None or any(word in write.slot.name.lower() for word in OF_ALL) or write.slot.name.isupper():
            continue
        made = None if singletons.made(kind) is not None else singletons.made_while_served(kind)
        if made is None or _is_reached_through_class(kind, write.slot.name) or _is_left(kind, write.slot.name):
            continue
        seen.add(write.slot.key)
        message = f"`self.{write.slot.name}` is one for all objects of `{kind.name}`, and this adds to it"
        mend = Mend("make it in `__init__`")
        yield Sighting(write.scope, write.line, write.column, write.end_line, message, (write.slot.step, made), mend, LIKELY)
    yield from _of_tasks(analysis, sharing)
    yield from _under_another_name(analysis)


def _of_tasks(analysis: Analysis, sharing: Sharing) -> Iterator[Sighting]:
    """`self.warnings.append(text)` in a class of Celery's tasks: a worker makes one object of a task for all of its runs."""
    for kind in analysis.once(task_classes):
        methods = [method for found in kind.methods.values() for method in found]
        methods += analysis.once(bound_to).get(kind, ())
        for name, made in own_lists(kind):
            slot = Slot(kind.full_name, name, Step(kind.module.path, made, f"`{name}` is one for all runs of the task"))
            added = (
                (method, call)
                for method in methods
                for call in method.facts.calls
                if call.callee[0] == "attribute"
                and call.callee[1] == ("attribute", _first(method), name)
                and call.callee[2] in LENGTHENING
            )
            method, call = next(added, (None, None))
            if method is None or call is None or sharing.is_emptied(slot) or any(word in name.lower() for word in OF_ALL):
                continue
            message = (
                f"`self.{name}` is one for all runs of `{kind.name}`, of which a worker makes one object, and this adds to it"
            )
            mend = Mend("make it anew for each run, in `before_start`")
            yield Sighting(method, call.line, call.column, call.end_line, message, (slot.step,), mend, LIKELY)


def _first(method: FunctionSymbol) -> Expression:
    """What the object is called there: `self`, mostly."""
    return ("name", method.facts.parameters[0].name) if method.facts.parameters else SELF


def _under_another_name(analysis: Analysis) -> Iterator[Sighting]:
    """What the module or the class has for all is changed by one, who takes it for their own."""
    for found in changed_in_place(analysis):
        why = (found.slot.step, *analysis.once(Serving).way(found.scope))
        mend = Mend("change a copy, all the way down: `copy.deepcopy(…)`" if found.copied else "make a new list of the two")
        yield Sighting(found.scope, found.line, found.column, found.line, said_of(found), why, mend, LIKELY)


def _is_left(kind: ClassSymbol, name: str) -> bool:
    """A method takes out again what another has added: it is a list of all that are there, on purpose."""
    place = ("attribute", ("name", "self"), name)
    methods = (method for methods in kind.methods.values() for method in methods)
    return any(
        call.callee[0] == "attribute" and call.callee[1] == place and call.callee[2] in ("remove", "discard")
        for method in methods
        for call in method.facts.calls
    )


def _is_added(write: Write) -> bool:
    return write.key is None and write.how in ADDING | {"augmented"}


def _is_filed(analysis: Analysis, write: Write) -> bool:
    """`self.data[key] = value`: of what came with a request, under a key that does not say whose it is."""
    if write.how != "item" or write.key is None:
        return False
    origins, scope = analysis.once(Origins), write.scope
    if write.key[0] == "name" and write.key[1] in scope.parameters and not WHOSE.search(write.key[1]):
        # The method is told the key: `self.remember("draft", text)`.
        calls = [(caller, caller.facts.calls[index]) for caller, index in analysis.program.calls_named.get(scope.name, ())]
        told = [(caller, each.line, dict(pairs(each, scope, 1)).get(write.key[1])) for caller, each in calls]
        named = any(given is not None and given[0] == "string" for _, _, given in told)
        theirs = any(given is not None and tells_apart(origins, given, caller, line) for caller, line, given in told)
        apart = not named and (theirs or not _is_told_whole(write))
    else:
        apart = tells_apart(origins, write.key, scope, write.line)
    return not apart and origins.of(write.value, scope, write.line) is not None


def _is_told_whole(write: Write) -> bool:
    """Nobody looks for one key in it; what is told of it is all that is there: `list(self.trail.items())[-5:]`."""
    place = ("attribute", SELF, write.slot.name)
    methods = [] if write.scope.owner is None else [each for found in write.scope.owner.methods.values() for each in found]
    whole = False
    for method in methods:
        facts = method.facts
        values = [each.value for each in facts.assignments if each.how != "delete"] + [each.value for each in facts.returned]
        values += [given for call in facts.calls for given in (call.callee, *call.given)]
        values += [test for block in facts.blocks for test in block.expressions]
        for part in (part for value in values for part in within(value, method)):
            if part[0] == "subscript" and part[1] == place:
                return False
            if part[0] == "compare" and {"In", "NotIn"} & {*part[2]} and place in part[1][1:]:
                return False
            if part[0] == "attribute" and part[1] == place:
                if part[2] in KEYED:
                    return False
                whole = whole or part[2] in WHOLE
        whole = whole or any(place in call.arguments and call.callee in COUNTED_BY for call in facts.calls)
        whole = whole or any(each.value == place for each in facts.returned)
    return whole


def _class_of(analysis: Analysis, write: Write) -> ClassSymbol | None:
    """The class in whose body the place is made, when it is a method of that class or of one below it that writes."""
    owner = write.scope.owner
    if owner is None:
        return None
    order = analysis.program.order(owner)[0]
    return next((each for each in order if each.full_name == write.slot.owner and write.slot.name in each.body.assigned), None)


def _is_reached_through_class(kind: ClassSymbol, name: str) -> bool:
    """`cls.x`, `Kind.x` or `type(self).x` in the file of the class: somebody means the one that all share."""
    for scope in kind.module.functions:
        read = [each.expression for each in scope.facts.reads]
        read += [call.callee for call in scope.facts.calls] + [each.target for each in scope.facts.assignments]
        for each in (part for one in read for part in within(one, scope)):
            named = each[0] == "attribute" and each[2] == name
            if named and (each[1][0] == "call" or last_name(each[1]) in ("cls", kind.name, "__class__")):
                return True
    return False
