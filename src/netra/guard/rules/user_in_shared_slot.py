"""S101."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.origins import Origin, Origins
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.requests.sharing import Sharing, Touched, Write
from netra.guard.requests.storing import Storing
from netra.guard.requests.whose import names_within, said, told_secrets
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Words of what an administrator changes for everybody.
SETTING = ("config", "setting", "setup", "option", "preference", "default", "level", "update")
# And of what is put there for all, unless it is somebody's own.
ADDED = ("mount", "install", "enable")

OF_THE_LAST: Final = frozenset("last latest current previous active".split())

# What a client sends along with everything, without anybody reading it here.
SENT = frozenset({"headers", "cookies"})

# Of what is sent along, what says who is asking.
SIGNING: Final = frozenset("authorization proxy-authorization cookie x-api-key x-auth-token api-key".split())


# Steps between a route and the place that keeps what it was given, where that says nothing of a user.
NEAR = 2


@rule("S101", "user-in-shared-slot", hesitant=True)
def user_in_shared_slot(analysis: Analysis) -> Iterator[Sighting]:
    """What belongs to one user is put where the next request overwrites it, or finds it.

    A variable of the module, an attribute of a class, of an object that serves the whole process, or of `app.state` has room
    for one value. Between the request that writes it and the line that reads it, another user's request writes its own.

    ```python
    class Dispatcher:
        def handle(self, user, message):
            self.user = user  # S101: one `dispatcher` serves everybody
            return self.answer(message)


    dispatcher = Dispatcher()
    ```

    An object of a library that a module makes once, such as an agent or a client, is such a place as well, and so is a key that
    the program fixes, whoever puts it there. A function that gives the one client and signs it in for whoever asks
    (`client.headers["Authorization"] = …`) is reported though no request leads there.

    Pass the value on as an argument, or keep it in an object that is made for the request, or in a `ContextVar`.

    Guard is certain of what is, by its name, a user or something of one, of what the same function reads again after others
    have had their turn, of what is put there for the call behind it (`notifier.for_locale(locale).alert(text)`), and of
    what the last one has asked, where a function reads it that is told for whom it works. What else came with a request may
    be kept on purpose.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    direct = ((each, (each.scope, each.line, each.column, each.end_line)) for each in sharing.writes)
    for write, place in (*direct, *_by_way_of_another(analysis)):
        if _is_property(analysis, write) or _is_gathered(write):
            continue  # its setter decides where that goes, or it is told of the call
        whole = write.how == "update" and sharing.is_container(write.slot)
        if write.how != "slot" and not whole and not _is_one_place(write):
            continue
        origin = origins.of(write.value, write.scope, write.line)
        if (origin is None or not origin.personal) and (named := said(write, origins, by_id=True)) is not None:
            origin = Origin(named[0], named[1], personal=True)
        if origin is not None and write.slot.name in SENT and _is_signing(write.key):
            origin = replace(origin, personal=True)
        if origin is None or _is_setting(write, origin) or (not origin.personal and write.slot.owner == "app.state"):
            continue
        far = not origin.personal and len(origin.steps) > NEAR and not _is_of_the_last(write)
        if far and not _is_called_the_last(write):
            continue  # what a route was asked has become a setting, a handle or a connection by the time it is kept
        if _is_made_of_itself(write, sharing):
            continue
        read = sharing.read(write) or (sharing.handed_out(write) if whole else None)
        asked = write.how == "item" and analysis.once(Storing).is_asked(write.slot)
        if read is None and not asked and (not origin.personal or (write.how != "slot" and write.slot.name not in SENT)):
            continue
        of = "of one user" if origin.personal else "of one request"
        message = f"`{write.slot.name}` outlives the request, and what is kept there is {of} (`{origin.name}`)"
        mend = Mend("pass it on as an argument, or keep it in an object of this request")
        why = [*origin.steps, write.slot.step]
        if read is not None:
            why.append(Step(read.scope.module.path, read.line, f"`{read.scope.facts.qualified}` reads it, whoever asks"))
        for_another = read is not None and _is_called_the_last(write) and _is_read_for(write, read)
        if far and not for_another:
            continue
        sure = origin.personal or for_another or sharing.overtaken(write) is not None or _is_for_one_call(analysis, write)
        confidence = CERTAIN if sure else LIKELY
        yield Sighting(*place, message, tuple(why), mend, confidence)
    yield from _signed_in_anew(analysis)


def _by_way_of_another(analysis: Analysis) -> Iterator[tuple[Write, tuple[FunctionSymbol, int, int, int]]]:
    """What a method of a shared object keeps, and where to show it.

    That is the method where it is made to keep one value, though not all objects of its class are shared; and the call where
    it keeps whatever it is told.
    """
    seen = {(each.scope, each.slot.key) for each in analysis.once(Sharing).writes}
    for write, keeping in analysis.once(Storing).told:
        if any(word in keeping.function.name.lower() for word in SETTING + ADDED):
            continue
        if (write.how == "update" and keeping.takes_any) or (write.how == "item" and _is_one_place(write)):
            yield write, (write.scope, write.line, write.column, write.end_line)
        elif write.how == "slot" and (place := (keeping.function, write.slot.key)) not in seen:
            seen.add(place)
            step = Step(write.scope.module.path, write.line, f"`{write.slot.name}` is one that all share here")
            shared = replace(write, slot=replace(write.slot, step=step))
            yield shared, (keeping.function, keeping.line, keeping.column, keeping.line)


def _signed_in_anew(analysis: Analysis) -> Iterator[Sighting]:
    """A function gives the one client that there is, and signs it in for whoever asks: `client.headers["Authorization"] = …`.

    Nothing that serves need lead there: whoever calls it for the next user signs in for the one before as well.
    """
    for scope, told in analysis.once(told_secrets):
        given = [each.value for each in scope.facts.returned]
        for each in scope.facts.assignments:
            place = each.target[1] if each.target[0] == "subscript" else each.target
            if each.how != "=" or place[0] != "attribute" or place[1] not in given:
                continue
            whose = next((name for name in told if name in names_within(each.value, scope)), None)
            slot = analysis.once(Sharing).slot(place, scope) if whose is not None else None
            if slot is not None and place[1] != ("name", "self"):
                message = f"`{written(place, scope)}` is of one client for all, and what is kept there of one user (`{whose}`)"
                why = (Step(scope.module.path, scope.facts.line, f"`{whose}` is given here"), slot.step)
                mend = Mend("send it along with each request, or make a client for each user")
                yield Sighting(scope, each.line, each.column, each.line, message, why, mend, CERTAIN)


def _is_signing(key: Expression | None) -> bool:
    return key is not None and key[0] == "string" and key[1].lower() in SIGNING


def _is_property(analysis: Analysis, write: Write) -> bool:
    """`node.name = name`, where `name` is a property of the class."""
    kinds = analysis.program.classes_named.get(write.slot.owner.rpartition(".")[2], ())
    methods = [each for kind in kinds for each in kind.methods.get(write.slot.name, ()) if kind.full_name == write.slot.owner]
    return any(last_name(each.callee) in ("property", "setter") for method in methods for each in method.facts.decorators)


def _is_for_one_call(analysis: Analysis, write: Write) -> bool:
    """`notifier.for_locale(locale).alert(text)`: what is kept is meant for the call behind it, and stays for all others."""
    scope = write.scope
    if not scope.facts.returned or any(each.value != ("name", "self") for each in scope.facts.returned):
        return False
    serving = analysis.once(Serving)
    return any(
        each.callee[0] == "attribute" and each.callee[1] == ("call", index)
        for caller, index in analysis.program.calls_named.get(scope.name, ())
        if caller in serving
        for each in caller.facts.calls
    )


def _is_gathered(write: Write) -> bool:
    """`self.tags.update(tags)` of `def tag(self, **tags)`."""
    parameters = write.scope.facts.parameters
    return write.how == "update" and any(
        each.position == "keywords" and write.value == ("name", each.name) for each in parameters
    )


def _is_one_place(write: Write) -> bool:
    """An item whose key is a text of the program has room for one value as well: `drafts["last"] = text`."""
    return write.how == "item" and write.key is not None and write.key[0] in ("string", "constant")


def _is_read_for(write: Write, read: Touched) -> bool:
    """It is read by a function that is told for whom it works: `def more(self, user_id)`."""
    return read.scope is not write.scope and any(each.name in WHOM for each in read.scope.facts.parameters)


def _is_called_the_last(write: Write) -> bool:
    """`index.last_query`."""
    return not OF_THE_LAST.isdisjoint(write.slot.name.lower().strip("_").split("_"))


def _is_of_the_last(write: Write) -> bool:
    """The key says that it is whoever came last: `drafts["last"] = text`."""
    return write.key is not None and write.key[0] == "string" and write.key[1].lower() in OF_THE_LAST


def _is_setting(write: Write, origin: Origin) -> bool:
    """Somebody sets what is meant for all: the name of the place, of its owner or of the function says so."""
    said = f"{write.slot.owner.rpartition('.')[2]} {write.slot.name} {write.scope.name}".lower()
    if write.value[0] == "call" and (last_name(write.scope.facts.calls[write.value[1]].callee) or "")[:1].isupper():
        # `_default = Dispatcher(ctx)` is no setting, but what whoever comes first leaves for all.
        said = said.replace("default", "")
    return any(word in said for word in (SETTING if origin.personal else SETTING + ADDED))


def _is_made_of_itself(write: Write, sharing: Sharing) -> bool:
    """`self.open = {**self.open, key: value}`: one more in a collection, in which the others stay."""
    scope, name = write.scope, write.slot.name
    over = [each.value for each in scope.facts.assignments if each.how == "for" and each.line >= write.line]
    parts = (part for each in (write.value, *over) for part in within(each, scope) if last_name(part) == name)
    return any((found := sharing.slot(part, scope)) is not None and found.key == write.slot.key for part in parts)
